"""Credit in a subscriber's wallet: put to open invoices, or paid back."""

from aiohttp import web

from netbilld.billing.payment import REASON_LIMIT, REFERENCE_LIMIT
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import money_of, today_of
from netbilld.panel.staff.payments import choices, chosen_numbers, payer_of
from netbilld.panel.staff.subscribers import METHODS, payer_name
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.payment_views import PayerFile
from netbilld.services.sign_in import random_token

_FIELDS = {"reference_taken": "reference", "bad_amount": "amount", "wallet_too_small": "amount", "bad_date": "paid_on"}


async def show(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/wallet."""
    return await _show(request, await _payer(request), Typed(request))


async def _payer(request: web.Request) -> PayerFile:
    """Return the subscriber in the address, by their number alone."""
    number = request.match_info["number"]
    payer = await payer_of(request, await payer_name(request, number))
    if payer is None or payer.number != number:
        raise web.HTTPNotFound
    return payer


async def _show(request: web.Request, payer: PayerFile, form: Typed, name: str = "", status: int = 200) -> web.Response:
    panel = request.app[PANEL]
    async with panel.parts.database.read() as work:
        people = await work.money_views.paid_people()
    context = {
        "payer": payer,
        "form": form,
        "form_name": name,
        "chosen": chosen_numbers(form),
        "methods": METHODS,
        "people": people,
        "today": today_of(request),
        "once": random_token(panel.parts.entropy),
        "longest_why": REASON_LIMIT,
        "longest_reference": REFERENCE_LIMIT,
    }
    return page(request, "staff/wallet.html", context, status=status)


async def allocate(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/wallet/allocate: open invoices are settled from it, the chosen ones first."""
    payer, form = await _payer(request), await typed(request)
    visit, chosen = request[VISIT], choices(form)
    if form.is_right:
        try:
            await money_of(request).allocate_wallet.run(
                await payer_name(request, payer.number),
                actor=visit.actor,
                now=visit.now,
                chosen=chosen,
                only_chosen=bool(chosen) and form.values.get("rest") == "wallet",
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/subscribers/{payer.number}/wallet?done=wallet-allocated")
    return await _show(request, await _payer(request), form, "allocate", status=422)


async def refund(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/wallet/refund: credit is paid back; an empty amount is all of it."""
    payer, form = await _payer(request), await typed(request)
    visit = request[VISIT]
    amount_minor = form.amount("amount", is_needed=False)
    why, method = form.text("why", REASON_LIMIT), form.text("method", 32)
    reference = form.text("reference", REFERENCE_LIMIT, is_needed=False)
    paid_on = form.day("paid_on")
    if form.is_right:
        try:
            await money_of(request).refund_wallet.run(
                await payer_name(request, payer.number),
                amount_minor,
                method=method,
                because=why,
                reference=reference or None,
                collector=form.values.get("collector") or None,
                paid_on=paid_on,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
            )
        except NotFoundError:
            form.fault("collector", N_("There is no such collector."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, _FIELDS)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/subscribers/{payer.number}/wallet?done=refunded")
    return await _show(request, await _payer(request), form, "refund", status=422)
