"""Invoices and credit notes: the list with its sums, one document with what became of it, and where it comes from."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import (
    DaysWanted,
    bill_address,
    days_wanted,
    money_of,
    pdf_response,
    text_wanted,
    today_of,
)
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.typed import Typed
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.bill_views import BILL_STATES, BillFile, BillFilter
from netbilld.services.explanation_lines import ExplanationLines
from netbilld.services.print_documents import MOST_TOGETHER
from netbilld.services.readmodels import PAGE_LENGTH
from netbilld.services.reports.words import Locale
from netbilld.services.sign_in import random_token

_WAITING = frozenset({"open", "overdue", "near_due", "draft"})  # whenever they were issued


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /invoices (ICON-2)."""
    wanted, days = _wanted(request)
    offset = page_offset(request)
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.bill_page(wanted, offset)
        areas = await work.money_views.areas(wanted.areas)
    query = {"q": wanted.text, "state": wanted.state, "area": wanted.area}
    context = {
        "found": found,
        "wanted": wanted,
        "days": days,
        "areas": areas,
        "states": BILL_STATES,
        "today": wanted.today,
        "offset": offset,
        "length": PAGE_LENGTH,
        "query": f"{urlencode(query)}&{days.query}",
        "most_together": MOST_TOGETHER,
    }
    return page(request, "staff/bills.html", context)


def _wanted(request: web.Request) -> tuple[BillFilter, DaysWanted]:
    state = request.query.get("state", "")
    state = state if state in BILL_STATES else ""
    days = days_wanted(request, "all" if state in _WAITING else "month")
    wanted = BillFilter(
        today=today_of(request),
        areas=request[VISIT].areas,
        text=text_wanted(request),
        state=state,
        area=text_wanted(request, "area"),
        from_on=days.from_on if state != "draft" else None,
        end_on=days.end_on if state != "draft" else None,
    )
    return wanted, days


async def print_list(request: web.Request) -> web.Response:
    """Answer GET /invoices/print: the chosen documents, or those of a filter, as one PDF (ICON-11)."""
    printing, now = request.app[PANEL].parts.printing, request[VISIT].now
    if printing is None:
        raise web.HTTPNotFound
    wanted, _days = _wanted(request)
    chosen = [number[:60] for number in request.query.getall("number", ())][: MOST_TOGETHER + 1]
    async with request.app[PANEL].parts.database.read() as work:
        if chosen:
            ids = await work.money_views.ids_of_numbers(chosen, wanted.areas)
        else:
            ids = await work.money_views.bill_ids(wanted, MOST_TOGETHER + 1)
    if not ids:
        raise NotFoundError(say(request, N_("No issued document is among these.")))
    if len(ids) > MOST_TOGETHER:
        message = N_("At most %(most)s documents are printed together: narrow the list down, such as to an area.")
        raise RefusedError(say(request, message, most=MOST_TOGETHER))
    octets = await printing.together(ids, now)
    return pdf_response(octets, f"documents-{wanted.today}.pdf")


async def show(request: web.Request) -> web.Response:
    """Answer GET /invoices/{number}: lines, taxes, what has settled it, its paper and its trail."""
    return await show_file(request, await found_file(request), Typed(request))


async def found_file(request: web.Request) -> BillFile:
    """Return the document in the address."""
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.bill_file(request.match_info["number"], request[VISIT].now)
    if found is None:
        raise web.HTTPNotFound
    return found


async def show_file(
    request: web.Request, found: BillFile, form: Typed, name: str = "", status: int = 200
) -> web.Response:
    """Return a document's page; `form` and its name where one of its forms was refused."""
    panel = request.app[PANEL]
    context: dict[str, Any] = {
        "file": found,
        "invoice": found.invoice,
        "address": bill_address(found.invoice.number or ""),
        "today": today_of(request),
        "form": form,
        "form_name": name,
        "once": random_token(panel.parts.entropy),
        "can_print": panel.parts.printing is not None,
    }
    return page(request, "staff/bill.html", context, status=status)


async def explain(request: web.Request) -> web.Response:
    """Answer GET /invoices/{number}/explain?line=N: where its amounts come from, worked out again (MDI-15)."""
    panel, visit = request.app[PANEL], request[VISIT]
    asked = request.query.get("line", "")
    line = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) <= 4 else None
    found = await found_file(request)
    if line is not None and not 1 <= line <= len(found.invoice.lines):
        raise web.HTTPNotFound
    explanation = await money_of(request).explain_invoice.run(found.invoice.number or "", line)
    locale: Locale = "id" if visit.locale == "id" else "en"
    writer = ExplanationLines(locale, panel.parts.timezone, found.invoice.currency)
    context = {
        "file": found,
        "invoice": found.invoice,
        "address": bill_address(found.invoice.number or ""),
        "line": line,
        "lines": list(writer.invoice(explanation)),
        "is_equal": explanation["equal"],
        "sha256": explanation["sha256"],
    }
    template = "partials/explanation.html" if request.headers.get("HX-Request") == "true" else "staff/bill_explain.html"
    return page(request, template, context)


async def give_code(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/{number}/code: kode unik, an amount by which a transfer for it is known."""
    found, visit = await found_file(request), request[VISIT]
    form = Typed(request)
    try:
        await money_of(request).payment_codes.run(
            found.invoice.number or "", actor=visit.actor, now=visit.now, renew="renew" in await request.post()
        )
    except RefusedError as error:
        form.refused(error)
        return await show_file(request, found, form, "code", status=409)
    raise web.HTTPSeeOther(f"{bill_address(found.invoice.number or '')}?done=code")
