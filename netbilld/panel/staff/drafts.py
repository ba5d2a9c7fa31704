"""Invoices by hand: a draft with its lines, changed as often as one likes, issued or given up (ICON-4, ICON-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.billing.invoice import InvoiceLine
from netbilld.billing.manual_line import TEXT_LIMIT, fields_of, is_by_hand, line_of
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import bill_address, money_of, text_wanted, today_of
from netbilld.panel.typed import WHOLE_FORM, Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.bill_views import BillFile
from netbilld.services.manual_invoices import LINES_LIMIT, NOTE_LIMIT, draft_mark
from netbilld.services.sign_in import random_token

REVENUES: Final = ("other", "installation", "equipment", "deposit", "late_fee", "discount")
_FIELDS: Final = ("text", "quantity", "price", "tax", "inclusive", "revenue")
_EMPTY: Final = 3  # lines to fill in below those that are there
_MORE: Final = 5


@dataclass(frozen=True, slots=True)
class DraftRow:
    """One line of the form: its number, and its fields as they were typed or are on record."""

    number: int
    values: dict[str, str]


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /invoices/drafts/add?to=…: for whom, and the lines."""
    to = text_wanted(request, "to")
    form = Typed(request, {"to": to} if to else None)
    return await _show_add(request, form)


async def _show_add(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    panel = request.app[PANEL]
    named = None
    if form.kept("to"):
        async with panel.parts.database.read() as work:
            named = await work.money_views.payer_named(form.kept("to"))
    context = _context(request, form, _rows(form, ())) | {"file": None, "others": (), "named": named}
    return page(request, "staff/draft.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/drafts: keep a draft, or issue it at once; the same form sent twice is one invoice."""
    form = await typed(request)
    visit = request[VISIT]
    if "more" in form.values:
        return await _show_add(request, form)
    name = form.text("to", 100)
    lines, note, due_days = _read(request, form)
    is_draft = form.values.get("do") != "issue"
    if form.is_right:
        try:
            made = await money_of(request).manual_invoices.add(
                name,
                lines,
                note=note,
                is_draft=is_draft,
                due_days=due_days,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except NotFoundError:
            form.fault("to", N_("Nobody has that number or user name."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            if made["number"]:
                raise web.HTTPSeeOther(f"{bill_address(made['number'])}?done=invoice-issued")
            raise web.HTTPSeeOther(f"/invoices/drafts/{made['id']}?done=draft-kept")
    return await _show_add(request, form, status=422)


async def show(request: web.Request) -> web.Response:
    """Answer GET /invoices/drafts/{draft}."""
    return await _show(request, await _found(request), Typed(request))


async def _found(request: web.Request) -> BillFile:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.draft_file(UUID(request.match_info["draft"]), request[VISIT].now)
    if found is None:
        raise web.HTTPNotFound
    return found


async def _show(request: web.Request, found: BillFile, form: Typed, status: int = 200) -> web.Response:
    rows = _rows(form, [fields_of(line, found.invoice.currency) for line in found.invoice.lines if is_by_hand(line)])
    context = _context(request, form, rows) | {
        "file": found,
        "invoice": found.invoice,
        "named": (found.subscriber_no, found.name),
        "mark": form.kept("seen", draft_mark(found.invoice)),
        "others": [line for line in found.invoice.lines if not is_by_hand(line)],
    }
    return page(request, "staff/draft.html", context, status=status)


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/drafts/{draft}: all of its lines anew, and with `do=issue` it is issued then."""
    found, form = await _found(request), await typed(request)
    visit, manual = request[VISIT], money_of(request).manual_invoices
    if "more" in form.values:
        return await _show(request, found, form)
    lines, note, due_days = _read(request, form)
    reference = str(found.invoice.id)
    if form.is_right:
        try:
            await manual.rewrite(
                reference, lines, note=note, seen=form.values.get("seen", ""), actor=visit.actor, now=visit.now
            )
            if form.values.get("do") != "issue":
                raise web.HTTPSeeOther(f"/invoices/drafts/{reference}?done=draft-kept")
            made = await manual.issue(reference, due_days=due_days, actor=visit.actor, now=visit.now)
        except (InvalidInputError, RefusedError) as error:
            return await _not_kept(request, form, error)
        await request.app[PANEL].parts.nudge()
        raise web.HTTPSeeOther(f"{bill_address(made['number'])}?done=invoice-issued")
    return await _show(request, found, form, status=422)


async def _not_kept(request: web.Request, form: Typed, error: InvalidInputError | RefusedError) -> web.Response:
    """Show what was typed beside what is wrong; of a draft that somebody has changed, who and when."""
    found = await _found(request)
    if error.code == "draft_changed":
        last = found.changes[0] if found.changes else None
        message = N_("%(who)s has changed this draft meanwhile. What you typed is below; look at it and keep it again.")
        form.fault(WHOLE_FORM, message, who=last.actor if last else "?")
        form.values["seen"] = draft_mark(found.invoice)
        return await _show(request, found, form, status=409)
    form.refused(error)
    return await _show(request, found, form, status=422)


async def discard(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/drafts/{draft}/discard."""
    found, visit = await _found(request), request[VISIT]
    await money_of(request).manual_invoices.discard(str(found.invoice.id), actor=visit.actor, now=visit.now)
    raise web.HTTPSeeOther("/invoices?state=draft&done=draft-discarded")


def _context(request: web.Request, form: Typed, rows: Sequence[DraftRow]) -> dict[str, Any]:
    money = money_of(request)
    return {
        "form": form,
        "rows": rows,
        "tax_codes": ("none", *money.tax_codes),
        "revenues": REVENUES,
        "due_days": money.due_days,
        "once": random_token(request.app[PANEL].parts.entropy),
        "today": today_of(request),
        "longest_note": NOTE_LIMIT,
        "longest_text": TEXT_LIMIT,
    }


def _rows(form: Typed, kept: Sequence[dict[str, str]]) -> list[DraftRow]:
    """Return the lines of the form: as typed where something was, else those on record; some empty ones below."""
    typed_rows = _typed_rows(form)
    filled = [row.values for row in typed_rows] if typed_rows else list(kept)
    empty = _MORE if "more" in form.values else _EMPTY
    blank = {"text": "", "quantity": "1", "price": "", "tax": "none", "inclusive": "yes", "revenue": "other"}
    rows = [*filled, *([dict(blank)] * max(0, min(empty, LINES_LIMIT - len(filled))))]
    return [DraftRow(number, values) for number, values in enumerate(rows, 1)]


def _typed_rows(form: Typed) -> list[DraftRow]:
    """Return the lines in which something was typed."""
    rows = []
    for number in range(1, LINES_LIMIT + 1):
        values = {field: form.values.get(f"{field}-{number}", "").strip() for field in _FIELDS}
        if values["text"] or values["price"]:
            rows.append(DraftRow(number, values))
    return rows


def _read(request: web.Request, form: Typed) -> tuple[list[InvoiceLine], str, int | None]:
    """Return what the form says: lines, note, days until it is due; its faults beside their fields."""
    currency = request.app[PANEL].parts.currency
    lines: list[InvoiceLine] = []
    # lines are told by their place on the page that comes back, where empty ones have gone
    for place, row in enumerate(_typed_rows(form), 1):
        values = row.values
        if not values["text"]:
            form.fault(f"text-{place}", N_("Write what this line is for."))
        elif len(values["text"]) > TEXT_LIMIT:
            form.fault(f"text-{place}", N_("At most %(most)s letters."), most=TEXT_LIMIT)
        if not values["price"]:
            form.fault(f"price-{place}", N_("Write a price."))
        if values["revenue"] not in REVENUES and not values["revenue"].isidentifier():
            form.fault(f"revenue-{place}", N_("Choose one of these."))
        if f"text-{place}" in form.faults or f"price-{place}" in form.faults:
            continue
        try:
            lines.append(line_of({**values, "quantity": values["quantity"] or "1"}, currency, str(place)))
        except InvalidInputError:
            quantity = values["quantity"]
            if quantity and not (quantity.isascii() and quantity.isdigit() and 0 < int(quantity[:12]) < 10**9):
                form.fault(f"quantity-{place}", N_("Write a whole number from 1."))
            else:
                form.fault(f"price-{place}", N_("Write a price such as 150000, or below zero to give back."))
    if not lines and form.is_right:
        form.fault(WHOLE_FORM, N_("An invoice has at least one line."))
    note = form.text("note", NOTE_LIMIT, is_needed=False)
    due_days = form.whole("due_days", 0, 365, money_of(request).due_days)
    return lines, note, due_days
