"""What is done about an issued invoice: a credit note for parts or all of it, or what is owed written off."""

from aiohttp import web

from netbilld.billing.credit_note import Asked
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.bills import found_file, show_file
from netbilld.panel.staff.money import bill_address, money_of
from netbilld.panel.typed import WHOLE_FORM, Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.bill_views import BillFile
from netbilld.services.correct_invoice import WHY_LIMIT
from netbilld.services.sign_in import random_token


async def ask_credit(request: web.Request) -> web.Response:
    """Answer GET /invoices/{number}/credit: which lines, and how much of each."""
    return _ask_credit(request, await found_file(request), Typed(request))


def _ask_credit(request: web.Request, found: BillFile, form: Typed, status: int = 200) -> web.Response:
    context = {
        "file": found,
        "invoice": found.invoice,
        "address": bill_address(found.invoice.number or ""),
        "form": form,
        "once": random_token(request.app[PANEL].parts.entropy),
        "left": found.creditable_minor,
        "longest_why": WHY_LIMIT,
    }
    return page(request, "staff/bill_credit.html", context, status=status)


async def credit(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/{number}/credit: a credit note for the chosen lines; sent twice it is one."""
    found, form = await found_file(request), await typed(request)
    asked = _asked(found, form)
    why = form.text("why", WHY_LIMIT)
    if form.is_right and not asked:
        form.fault(WHOLE_FORM, N_("Choose at least one line, or take the whole invoice back."))
    if form.is_right and (number := await _credit(request, found, form, asked, why)):
        raise web.HTTPSeeOther(f"{bill_address(number)}?done=credited")
    return _ask_credit(request, found, form, status=422)


def _asked(found: BillFile, form: Typed) -> list[Asked]:
    asked = []
    for position, left_minor in enumerate(found.creditable_minor, 1):
        if form.values.get(f"line-{position}") != "yes":
            continue
        name = f"amount-{position}"
        amount_minor = form.amount(name, is_needed=False)
        if amount_minor is not None and amount_minor > left_minor:
            form.fault(name, N_("More than is left of this line."))
        asked.append(Asked(position, amount_minor))
    return asked


async def void(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/{number}/void: all that is left of it, by a credit note; its number stays."""
    found, form = await found_file(request), await typed(request)
    why = form.text("why", WHY_LIMIT)
    if form.is_right and (number := await _credit(request, found, form, [], why)):
        raise web.HTTPSeeOther(f"{bill_address(number)}?done=credited")
    return await show_file(request, found, form, "void", status=422)


async def _credit(request: web.Request, found: BillFile, form: Typed, asked: list[Asked], why: str) -> str:
    """Return the number of the credit note; empty where it is refused, which the form says then."""
    visit = request[VISIT]
    try:
        done = await money_of(request).correct_invoice.credit(
            found.invoice.number or "",
            asked,
            why=why,
            actor=visit.actor,
            now=visit.now,
            idempotency_key=once_key(str(visit.person.id), form.values),
        )
    except (InvalidInputError, RefusedError) as error:
        form.refused(error)
        return ""
    await request.app[PANEL].parts.nudge()
    return str(done["number"])


async def write_off(request: web.Request) -> web.StreamResponse:
    """Answer POST /invoices/{number}/write-off: what is owed on it, or a part, is given up as a loss."""
    found, form = await found_file(request), await typed(request)
    visit, number = request[VISIT], found.invoice.number or ""
    amount_minor = form.amount("amount", is_needed=False)
    why = form.text("why", WHY_LIMIT)
    if amount_minor is not None and amount_minor > found.invoice.outstanding_minor:
        form.fault("amount", N_("More than is owed on it."))
    if form.is_right:
        try:
            await money_of(request).correct_invoice.write_off(
                number,
                amount_minor,
                why=why,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"{bill_address(number)}?done=written-off")
    return await show_file(request, found, form, "write-off", status=422)
