"""Payments: the list with its sums, one recorded with what it goes to, and what becomes of it."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from netbilld.billing.allocation import Choice
from netbilld.billing.payment import REASON_LIMIT, REFERENCE_LIMIT, Withheld
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import days_wanted, money_of, pdf_response, text_wanted, today_of
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.staff.subscribers import METHODS, payer_name
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.payment_views import PAYMENT_STATES, PayerFile, PaymentFile, PaymentFilter
from netbilld.services.readmodels import PAGE_LENGTH
from netbilld.services.receive_payment import AlreadyReceived, WithheldPart
from netbilld.services.sign_in import random_token

WITHHELD: Final = tuple(kind.value for kind in Withheld)
MOST_CHOSEN: Final = 100
_FIELDS: Final = {
    "reference_taken": "reference",
    "implausible_amount": "amount",
    "bad_amount": "amount",
    "bad_date": "received_on",
    "wallet_too_small": "amount",
}


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /payments (BANG-2.5a)."""
    days = days_wanted(request, "month")
    state = request.query.get("state", "")
    wanted = PaymentFilter(
        text=text_wanted(request),
        state=state if state in PAYMENT_STATES else "",
        method=text_wanted(request, "method"),
        person=text_wanted(request, "person"),
        area=text_wanted(request, "area"),
        from_on=days.from_on,
        end_on=days.end_on,
        areas=request[VISIT].areas,
    )
    offset = page_offset(request)
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.paid_page(wanted, offset)
        context: dict[str, Any] = {
            "methods": await work.money_views.paid_methods(),
            "people": await work.money_views.paid_people(),
            "areas": await work.money_views.areas(wanted.areas),
        }
    asked = {
        "q": wanted.text,
        "state": wanted.state,
        "method": wanted.method,
        "person": wanted.person,
        "area": wanted.area,
    }
    context |= {
        "found": found,
        "wanted": wanted,
        "days": days,
        "states": PAYMENT_STATES,
        "offset": offset,
        "length": PAGE_LENGTH,
        "query": f"{urlencode(asked)}&{days.query}",
    }
    return page(request, "staff/payments.html", context)


# -- recording one -----------------------------------------------------------------------------------------------------


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /payments/add?to=…&invoice=…: who pays, what is open, and what it goes to."""
    to, invoice = text_wanted(request, "to"), text_wanted(request, "invoice")
    form = Typed(request, {"to": to} if to else None)
    return await _show_add(request, form, await payer_of(request, to), chosen={invoice} if invoice else set())


async def payer_of(request: web.Request, to: str) -> PayerFile | None:
    """Return who a name leads to; nobody where they are not in the areas of whoever asks.

    What is done then goes by the same name again, not by the number found: another's user name may look like it.
    """
    async with request.app[PANEL].parts.database.read() as work:
        payer = await work.money_views.payer_file(to)
    return payer if payer is not None and request[VISIT].areas.include(payer.area) else None


async def _show_add(
    request: web.Request, form: Typed, payer: PayerFile | None, status: int = 200, chosen: set[str] | None = None
) -> web.Response:
    panel = request.app[PANEL]
    async with panel.parts.database.read() as work:
        people = await work.money_views.paid_people()
    if form.kept("to") and payer is None:
        form.fault("to", N_("Nobody has that number or user name."))
        status = 422
    context = {
        "form": form,
        "payer": payer,
        "chosen": chosen_numbers(form) if form.values.get("sent") else chosen or set(),
        "methods": METHODS,
        "people": people,
        "withheld": WITHHELD,
        "today": today_of(request),
        "once": random_token(panel.parts.entropy),
        "longest_reference": REFERENCE_LIMIT,
    }
    return page(request, "staff/payment_add.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments: the same form sent twice is one payment."""
    form = await typed(request)
    panel, visit = request.app[PANEL], request[VISIT]
    to = form.values.get("to", "").strip()
    payer = await payer_of(request, to)
    amount_minor = form.amount("amount")
    received_on = form.day("received_on")
    method = form.text("method", 32)
    reference = form.text("reference", REFERENCE_LIMIT, is_needed=False)
    chosen = choices(form)
    withheld = _withheld(form)
    if payer is None or amount_minor is None or not form.is_right:
        return await _show_add(request, form, payer, status=422)
    try:
        outcome = await panel.parts.receive_payment.run(
            to,
            amount_minor,
            method=method,
            reference=reference or None,
            received_on=received_on,
            actor=visit.actor,
            now=visit.now,
            idempotency_key=once_key(str(visit.person.id), form.values),
            chosen=chosen,
            rest_to_wallet=form.values.get("rest") == "wallet",
            collector=form.values.get("collector") or None,
            withheld=withheld,
            is_meant=form.values.get("meant") == "yes",
            note=form.text("note", 200, is_needed=False),
        )
    except NotFoundError:
        form.fault("collector", N_("There is no such collector."))
    except (InvalidInputError, RefusedError) as error:
        form.refused(error, _FIELDS)
    else:
        await panel.parts.nudge()
        if isinstance(outcome, AlreadyReceived):
            raise web.HTTPSeeOther(f"/payments/{outcome.payment.id}?done=payment-known")
        raise web.HTTPSeeOther(f"/payments/{outcome.payment_id}?done=payment-recorded")
    return await _show_add(request, form, payer, status=422)


def choices(form: Typed) -> list[Choice]:
    """Return the invoices that are chosen, with how much of each; an empty amount is as much as fits."""
    chosen = []
    for place in range(1, MOST_CHOSEN + 1):
        number = form.values.get(f"pick-{place}")
        if number:
            chosen.append(Choice(number, form.amount(f"part-{place}", is_needed=False)))
    return chosen


def chosen_numbers(form: Typed) -> set[str]:
    """Return the numbers of the invoices that are chosen."""
    return {
        form.values[name] for name in (f"pick-{place}" for place in range(1, MOST_CHOSEN + 1)) if form.values.get(name)
    }


def _withheld(form: Typed) -> list[WithheldPart]:
    parts = []
    for kind in WITHHELD:
        proof = form.text(f"proof-{kind}", REFERENCE_LIMIT, is_needed=False)
        amount_minor = form.amount(f"withheld-{kind}", is_needed=False)
        if proof:
            parts.append(WithheldPart(Withheld(kind), proof, amount_minor))
        elif amount_minor is not None:
            form.fault(f"proof-{kind}", N_("Write the number of the proof."))
    return parts


# -- one payment -------------------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.Response:
    """Answer GET /payments/{payment}."""
    return await _show(request, await _found(request), Typed(request))


async def _found(request: web.Request) -> PaymentFile:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.payment_file(UUID(request.match_info["payment"]))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _show(
    request: web.Request, found: PaymentFile, form: Typed, name: str = "", status: int = 200
) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    payer = None
    if visit.may("edit_money"):
        payer = await payer_of(request, await payer_name(request, found.line.subscriber_no))
    context: dict[str, Any] = {
        "file": found,
        "line": found.line,
        "payer": payer,
        "form": form,
        "form_name": name,
        "chosen": chosen_numbers(form),
        "today": today_of(request),
        "once": random_token(panel.parts.entropy),
        "can_print": panel.parts.printing is not None and found.line.receipt_no is not None and not found.is_reversed,
        "longest_why": REASON_LIMIT,
    }
    return page(request, "staff/payment.html", context, status=status)


async def receipt_pdf(request: web.Request) -> web.Response:
    """Answer GET /payments/{payment}/receipt.pdf: the receipt in its subscriber's language."""
    printing = request.app[PANEL].parts.printing
    if printing is None:
        raise web.HTTPNotFound
    file = await printing.receipt(request.match_info["payment"], request[VISIT].now)
    return pdf_response(file.octets, file.name)


async def reverse(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/{payment}/reverse: it bounced; what it had settled is owed again."""
    found, form = await _found(request), await typed(request)
    visit = request[VISIT]
    why, on = form.text("why", REASON_LIMIT), form.day("on")
    if form.is_right:
        try:
            await money_of(request).reverse_payment.run(
                str(found.line.id),
                because=why,
                on=on,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, {"bad_date": "on"})
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/payments/{found.line.id}?done=payment-reversed")
    return await _show(request, await _found(request), form, "reverse", status=422)


async def move(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/{payment}/move: it was another subscriber's."""
    found, form = await _found(request), await typed(request)
    visit = request[VISIT]
    why, to = form.text("why", REASON_LIMIT), form.text("to", 100)
    receiver = await payer_of(request, to) if to else None
    if to and receiver is None:
        form.fault("to", N_("Nobody has that number or user name."))
    if form.is_right and receiver is not None:
        try:
            done = await money_of(request).reverse_payment.move(
                str(found.line.id),
                to,
                because=why,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, {"same_subscriber": "to"})
        else:
            await request.app[PANEL].parts.nudge()
            moved = done.moved_to.payment_id if done.moved_to else found.line.id
            raise web.HTTPSeeOther(f"/payments/{moved}?done=payment-moved")
    return await _show(request, await _found(request), form, "move", status=422)


async def allocate(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/{payment}/allocate: taken off what it has settled, and put to the chosen invoices."""
    found, form = await _found(request), await typed(request)
    visit, chosen = request[VISIT], choices(form)
    if not chosen:
        form.fault("", N_("Choose at least one invoice."))
    if form.is_right:
        try:
            await money_of(request).allocate_wallet.run(
                await payer_name(request, found.line.subscriber_no),
                actor=visit.actor,
                now=visit.now,
                chosen=chosen,
                only_chosen=form.values.get("rest") == "wallet",
                payment=str(found.line.id),
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/payments/{found.line.id}?done=payment-allocated")
    return await _show(request, await _found(request), form, "allocate", status=422)
