"""Money that came in and is nobody's yet: kept, given to whom it belongs, or sent back."""

from aiohttp import web

from netbilld.billing.payment import REASON_LIMIT, REFERENCE_LIMIT
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import money_of, today_of
from netbilld.panel.staff.payments import payer_of
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.staff.subscribers import METHODS
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.readmodels import PAGE_LENGTH
from netbilld.services.sign_in import random_token

_FIELDS = {"reference_taken": "reference", "bad_amount": "amount", "bad_date": "received_on"}


async def show(request: web.Request) -> web.Response:
    """Answer GET /payments/parked."""
    return await _show(request, Typed(request))


async def _show(request: web.Request, form: Typed, name: str = "", status: int = 200) -> web.Response:
    panel, offset = request.app[PANEL], page_offset(request)
    show_all = request.query.get("all") == "yes"
    async with panel.parts.database.read() as work:
        found = await work.money_views.parked_page(waiting_only=not show_all, offset=offset)
    context = {
        "found": found,
        "show_all": show_all,
        "offset": offset,
        "length": PAGE_LENGTH,
        "form": form,
        "form_name": name,
        "methods": METHODS,
        "today": today_of(request),
        "once": random_token(panel.parts.entropy),
        "longest_why": REASON_LIMIT,
        "longest_reference": REFERENCE_LIMIT,
    }
    return page(request, "staff/parked.html", context, status=status)


async def park(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/parked: the same form sent twice is kept once."""
    form, visit = await typed(request), request[VISIT]
    amount_minor, received_on = form.amount("amount"), form.day("received_on")
    method, why = form.text("method", 32), form.text("why", REASON_LIMIT)
    reference = form.text("reference", REFERENCE_LIMIT, is_needed=False)
    if form.is_right and amount_minor is not None:
        try:
            await money_of(request).park_payments.park(
                amount_minor,
                method=method,
                text=why,
                reference=reference or None,
                received_on=received_on,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, _FIELDS)
        else:
            raise web.HTTPSeeOther("/payments/parked?done=parked")
    return await _show(request, form, "park", status=422)


async def release(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/parked/{parked}/release: it becomes a payment of whom it is given to."""
    form, visit, parked = await typed(request), request[VISIT], request.match_info["parked"]
    to = form.text("to", 100)
    payer = await payer_of(request, to) if to else None
    if to and payer is None:
        form.fault("to", N_("Nobody has that number or user name."))
    if form.is_right and payer is not None:
        try:
            receipt = await money_of(request).park_payments.release(parked, to, actor=visit.actor, now=visit.now)
        except NotFoundError:
            raise web.HTTPNotFound from None
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/payments/{receipt.payment_id}?done=released")
    return await _show(request, form, parked, status=422)


async def give_back(request: web.Request) -> web.StreamResponse:
    """Answer POST /payments/parked/{parked}/return: it goes back to its sender."""
    form, visit, parked = await typed(request), request[VISIT], request.match_info["parked"]
    why = form.text("why", REASON_LIMIT)
    if form.is_right:
        try:
            await money_of(request).park_payments.give_back(parked, because=why, actor=visit.actor, now=visit.now)
        except NotFoundError:
            raise web.HTTPNotFound from None
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            raise web.HTTPSeeOther("/payments/parked?done=returned")
    return await _show(request, form, parked, status=422)


async def show_codes(request: web.Request) -> web.Response:
    """Answer GET /payments/codes: amounts that are one invoice's now."""
    async with request.app[PANEL].parts.database.read() as work:
        codes = await work.money_views.open_codes(request[VISIT].now)
    return page(request, "staff/payment_codes.html", {"codes": codes})
