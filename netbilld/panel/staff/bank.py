"""Bank statements: a file taken in, its rows with who they may be from, and a person's word on each."""

import base64
import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from netbilld.billing.bank_mapping import PRESETS
from netbilld.billing.bank_statement import BadRow
from netbilld.billing.payment import REASON_LIMIT
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import money_of, text_wanted
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.import_bank_statement import ImportedStatement
from netbilld.services.match_bank_rows import RowStatus
from netbilld.services.payment_views import BANK_STATES
from netbilld.services.readmodels import PAGE_LENGTH

LARGEST_OCTETS: Final = 4 * 1024 * 1024  # of the form with the file; a statement of a year has a few
_MOST_SHOWN: Final = 200  # bad rows on the page; all are in the report
_MOST_CELLS: Final = 12


async def show(request: web.Request) -> web.Response:
    """Answer GET /payments/bank: rows that wait, or those of another state."""
    return await _show(request, Typed(request))


async def _show(
    request: web.Request, form: Typed, name: str = "", status: int = 200, result: dict[str, Any] | None = None
) -> web.Response:
    panel, visit, offset = request.app[PANEL], request[VISIT], page_offset(request)
    asked = request.query.get("state", "open")
    state = asked if asked in BANK_STATES else "" if asked == "all" else "open"
    text = text_wanted(request)
    async with panel.parts.database.read() as work:
        found = await work.money_views.bank_page(state, text, offset)
        own = await work.money_views.bank_mappings()
    waiting = [row for row in found.lines if row.status is RowStatus.OPEN]
    context = {
        "found": found,
        "proposed": await money_of(request).match_bank_rows.proposals(waiting, visit.now),
        "state": state,
        "states": BANK_STATES,
        "text": text,
        "offset": offset,
        "length": PAGE_LENGTH,
        "mappings": sorted({*PRESETS, *own}),
        "unsure": {key for key, preset in PRESETS.items() if preset.get("is_tolerant") and key not in own},
        "form": form,
        "form_name": name,
        "result": result,
        "longest_why": REASON_LIMIT,
    }
    return page(request, "staff/bank.html", context, status=status)


async def bring(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/bank: a file; its good rows go in once, however often it is sent, and bad ones are told."""
    form, visit, money = await typed(request), request[VISIT], money_of(request)
    field = (await request.post()).get("file")
    mapping = form.text("mapping", 32)
    dry_run = form.values.get("dry_run") == "yes"
    if not isinstance(field, web.FileField) or not field.filename:
        form.fault("file", N_("Choose the file that the bank gave you."))
        return await _show(request, form, "import", status=422)
    content = field.file.read()
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        form.fault("file", N_("This is no CSV file. Save the statement as CSV first."))
    if not content.strip():
        form.fault("file", N_("The file is empty."))
    if not form.is_right:
        return await _show(request, form, "import", status=422)
    bad: list[BadRow] = []
    name = shown_text(field.filename.replace("\\", "/").rpartition("/")[2])[:200] or "statement.csv"
    try:
        how = await money.import_bank_statement.mapping(mapping)
        lines = io.StringIO(content.decode(how.encoding, "surrogateescape"), newline="").readlines()
        done = await money.import_bank_statement.run(
            lines, mapping, file_name=name, reject=bad.append, actor=visit.actor, now=visit.now, dry_run=dry_run
        )
    except NotFoundError:
        form.fault("mapping", N_("Choose one of these."))
        return await _show(request, form, "import", status=422)
    except LookupError:
        form.fault("mapping", N_("The encoding of this mapping is not known."))
        return await _show(request, form, "import", status=422)
    except (InvalidInputError, RefusedError):
        form.fault("file", N_("It has no headings as this bank writes them. Is it the right bank, and the CSV file?"))
        return await _show(request, form, "import", status=422)
    if done.matched:
        await request.app[PANEL].parts.nudge()
    return await _show(request, form, "done", result=_result(done, bad, name, dry_run=dry_run))


def _result(done: ImportedStatement, bad: Sequence[BadRow], name: str, *, dry_run: bool) -> dict[str, Any]:
    return {
        "done": done,
        "dry_run": dry_run,
        "name": name,
        "bad": [
            (row.line, row.reason, [shown_text(cell) for cell in row.cells[:_MOST_CELLS]]) for row in bad[:_MOST_SHOWN]
        ],
        "report": _report(bad) if bad else "",
        "report_name": f"{name.rpartition('.')[0] or name}.rejected.csv",
    }


def _report(bad: Sequence[BadRow]) -> str:
    """Return the bad rows as CSV for an address, as the command line writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["line", "reason"])
    writer.writerows([row.line, row.reason, *map(shown_text, row.cells)] for row in bad)
    return base64.b64encode(text.getvalue().encode()).decode()


def shown_text(text: str) -> str:
    """Return a text of a file as it may stand on a page: no halves of letters, nothing that breaks a line."""
    clean = text.encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else " " for sign in clean)


async def match(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/bank/{row}/match: from a subscriber, for an invoice, or a payment that is on record."""
    form, visit = await typed(request), request[VISIT]
    row_id = int(request.match_info["row"])
    to, invoice, payment = (form.values.get(name, "").strip()[:100] or None for name in ("to", "invoice", "payment"))
    if not (to or invoice or payment):
        form.fault("to", N_("Say who it is from."))
    else:
        try:
            await money_of(request).match_bank_rows.match(
                row_id, to=to, invoice=invoice, payment=payment, actor=visit.actor, now=visit.now
            )
        except NotFoundError:
            if await _is_gone(request, row_id):
                raise web.HTTPNotFound from None
            form.fault("to", N_("There is no such subscriber, invoice or payment."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther("/payments/bank?done=row-matched")
    return await _show(request, form, f"row-{row_id}", status=422)


async def _is_gone(request: web.Request, row_id: int) -> bool:
    async with request.app[PANEL].parts.database.read() as work:
        return not await work.money_views.has_bank_row(row_id)


async def ignore(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/bank/{row}/ignore: it is no subscriber's payment."""
    return await _decide(request, "ignore", "row-ignored")


async def undo(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/bank/{row}/undo: what was decided is taken back; a payment made of it is reversed."""
    return await _decide(request, "undo", "row-open")


async def _decide(request: web.Request, what: str, done: str) -> web.StreamResponse:
    form, visit, matching = await typed(request), request[VISIT], money_of(request).match_bank_rows
    row_id, why = int(request.match_info["row"]), form.text("why", REASON_LIMIT)
    if form.is_right:
        act = matching.ignore if what == "ignore" else matching.undo
        try:
            await act(row_id, because=why, actor=visit.actor, now=visit.now)
        except NotFoundError:
            raise web.HTTPNotFound from None
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/payments/bank?done={done}")
    return await _show(request, form, f"row-{row_id}", status=422)
