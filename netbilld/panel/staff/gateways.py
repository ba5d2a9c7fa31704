"""Payments by gateways: what was asked for, what came, what waits for a person, and where things differ."""

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from netbilld.billing.payment import REASON_LIMIT
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.gateway_parts import GatewayParts
from netbilld.panel.parts import PANEL
from netbilld.panel.pay_words import method_words
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.gateways import GatewayAwayError, GatewayRefusedError
from netbilld.services.gateway_report import read_report
from netbilld.services.readmodels import PAGE_LENGTH
from netbilld.services.sign_in import random_token

LARGEST_OCTETS: Final = 8 * 1024 * 1024  # of the form with a report
STATES: Final = {
    "open": ("created", "pending"),
    "paid": ("paid", "partly_refunded"),
    "back": ("refunded", "charged_back", "denied"),
    "over": ("expired", "cancelled", "failed"),
}
INBOX: Final = ("parked", "new", "done", "decided", "refused")
_MOST_FINDINGS: Final = 500


def parts_of(request: web.Request) -> GatewayParts:
    """Return what these pages are handed; without gateways there are no such pages."""
    parts = request.app[PANEL].parts.gateways
    if parts is None:
        raise web.HTTPNotFound
    return parts


async def show(request: web.Request) -> web.Response:
    """Answer GET /gateways: payments that were begun, newest first."""
    parts, offset = parts_of(request), page_offset(request)
    state, text = request.query.get("state", ""), request.query.get("q", "").strip()[:100]
    async with parts.store.read() as work:
        lines, total = await work.gateways.page(STATES.get(state, ()), text, PAGE_LENGTH, offset)
        waiting = await work.gateway_inbox.counts()
        findings = await work.settlements.waiting(_MOST_FINDINGS)
    context = {
        "lines": [(attempt, number, name, method_words(attempt.method)) for attempt, number, name in lines],
        "total": total,
        "offset": offset,
        "length": PAGE_LENGTH,
        "state": state if state in STATES else "",
        "states": tuple(STATES),
        "text": text,
        "names": parts.names,
        "parked": waiting.get("parked", 0),
        "findings": len(findings),
    }
    return page(request, "staff/gateways.html", context)


async def show_attempt(request: web.Request) -> web.Response:
    """Answer GET /gateways/attempts/{ref}."""
    return await _attempt(request, Typed(request))


async def _attempt(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    parts, attempt = parts_of(request), await _found(request)
    async with parts.store.read() as work:
        facts = await work.gateways.facts(attempt.ref)
        transactions = await work.gateways.transactions(attempt.ref)
        refunds = await work.gateways.refunds(attempt.ref)
        callbacks, _ = await work.gateway_inbox.page(None, PAGE_LENGTH, 0, attempt.ref)
        subscriber = await work.subscribers.by_id(attempt.subscriber_id) if attempt.subscriber_id else None
    context: dict[str, Any] = {
        "attempt": attempt,
        "way": method_words(attempt.method),
        "facts": {name: sorted(some, key=lambda one: one.state.rank) for name, some in facts.items()},
        "transactions": transactions,
        "kept_minor": sum(one.books.kept_minor for one in transactions),
        "refunds": refunds,
        "callbacks": callbacks,
        "subscriber": subscriber,
        "refundable": attempt.gateway in parts.refundable,
        "form": form,
        "once": random_token(request.app[PANEL].parts.entropy),
        "longest_why": REASON_LIMIT,
    }
    return page(request, "staff/gateway_attempt.html", context, status=status)


async def ask(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/attempts/{ref}/ask: the gateway is asked how it is, and that is booked."""
    attempt = await _found(request)
    booked = await parts_of(request).follow.ask(attempt)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"/gateways/attempts/{attempt.ref}?done={'asked' if booked else 'silent'}")


async def refund(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/attempts/{ref}/refund: however often it is sent, money goes back once."""
    parts, form, visit = parts_of(request), await typed(request), request[VISIT]
    attempt = await _found(request)
    amount_minor, why = form.amount("amount"), form.text("why", REASON_LIMIT)
    if form.is_right:
        try:
            key = uuid5(NAMESPACE_URL, once_key(str(visit.person.id), form.values))
            await parts.refund.run(
                attempt.ref,
                amount_minor,
                key=key,
                because=why,
                by_hand=form.values.get("by_hand") == "yes",
                actor=visit.actor,
                now=visit.now,
            )
        except GatewayAwayError:
            form.fault(
                "", N_("The gateway does not answer, so nobody knows yet. Send the same form again in a minute.")
            )
        except (InvalidInputError, RefusedError, GatewayRefusedError) as error:
            form.refused(error, {"nothing_left": "amount"})
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/gateways/attempts/{attempt.ref}?done=refunded")
    return await _attempt(request, form, status=422)


async def end_refund(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/attempts/{ref}/refund/end: what became of the refund of which nobody knows."""
    parts, form, visit = parts_of(request), await typed(request), request[VISIT]
    attempt, what = await _found(request), form.choice("what", ("ask", "done", "not_done"))
    if form.is_right:
        try:
            if what == "not_done":
                await parts.refund.give_up(attempt.ref, actor=visit.actor, now=visit.now)
            else:
                await parts.refund.take_up(attempt.ref, by_hand=what == "done", actor=visit.actor, now=visit.now)
        except GatewayAwayError:
            form.fault("", N_("The gateway still does not answer. Look in its dashboard, or ask again later."))
        except (RefusedError, GatewayRefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(
                f"/gateways/attempts/{attempt.ref}?done={'aside' if what == 'not_done' else 'refunded'}"
            )
    return await _attempt(request, form, status=422)


# -- what came -----------------------------------------------------------------------------------------------------


async def show_inbox(request: web.Request) -> web.Response:
    """Answer GET /gateways/inbox: callbacks, those first that wait for a person."""
    return await _inbox(request, Typed(request))


async def _inbox(request: web.Request, form: Typed, name: str = "", status: int = 200) -> web.Response:
    parts, offset = parts_of(request), page_offset(request)
    asked = request.query.get("state", "parked")
    state = asked if asked in INBOX else "parked"
    async with parts.store.read() as work:
        lines, total = await work.gateway_inbox.page(state, PAGE_LENGTH, offset)
        payers: dict[str, str] = {}
        asked_minor: dict[str, int] = {}
        for one in lines:
            attempt = await work.gateways.find(one.ref) if one.ref else None
            payer_id = attempt.subscriber_id if attempt is not None else None
            owner = await work.subscribers.by_id(payer_id) if payer_id is not None else None
            if attempt is not None:
                asked_minor[attempt.ref] = attempt.amount_minor
            if attempt is not None and owner is not None:
                payers[attempt.ref] = owner.number
    context = {
        "lines": lines,
        "payers": payers,
        "asked": asked_minor,
        "total": total,
        "offset": offset,
        "length": PAGE_LENGTH,
        "state": state,
        "states": INBOX,
        "form": form,
        "form_name": name,
        "longest_why": REASON_LIMIT,
    }
    return page(request, "staff/gateway_inbox.html", context, status=status)


async def follow_again(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/inbox/{id}/again."""
    visit = request[VISIT]
    try:
        await parts_of(request).decide.again(_id(request), actor=visit.actor, now=visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except RefusedError as error:
        return await _refused(request, Typed(request), error)
    raise web.HTTPSeeOther("/gateways/inbox?done=again")


async def give(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/inbox/{id}/give: what was paid is a payment of whom it is given to."""
    form, visit = await typed(request), request[VISIT]
    to = form.text("to", 100)
    if form.is_right:
        try:
            receipt = await parts_of(request).decide.give(_id(request), to, actor=visit.actor, now=visit.now)
        except NotFoundError as error:
            if "callback" in str(error):
                raise web.HTTPNotFound from None
            form.fault("to", N_("Nobody has that number or user name."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/payments/{receipt.payment_id}?done=released")
    return await _inbox(request, form, request.match_info["id"], status=422)


async def lay_aside(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/inbox/{id}/aside."""
    form, visit = await typed(request), request[VISIT]
    why = form.text("why", REASON_LIMIT)
    if form.is_right:
        try:
            await parts_of(request).decide.lay_aside(_id(request), why, actor=visit.actor, now=visit.now)
        except NotFoundError:
            raise web.HTTPNotFound from None
        except (InvalidInputError, RefusedError) as error:
            return await _refused(request, form, error)
        raise web.HTTPSeeOther("/gateways/inbox?done=aside")
    return await _inbox(request, form, request.match_info["id"], status=422)


async def _refused(request: web.Request, form: Typed, error: NetbilldError) -> web.Response:
    form.refused(error)
    return await _inbox(request, form, request.match_info["id"], status=422)


# -- what differs --------------------------------------------------------------------------------------------------


async def show_differences(request: web.Request) -> web.Response:
    """Answer GET /gateways/differences: gateway, bank and ledger against each other."""
    return await _differences(request, Typed(request))


async def _differences(
    request: web.Request, form: Typed, name: str = "", status: int = 200, result: object = None
) -> web.Response:
    parts = parts_of(request)
    async with parts.store.read() as work:
        findings = await work.settlements.waiting(_MOST_FINDINGS)
        settlements = await work.settlements.listed(PAGE_LENGTH)
    context = {
        "findings": findings,
        "settlements": settlements,
        "names": parts.names,
        "form": form,
        "form_name": name,
        "result": result,
        "longest_why": REASON_LIMIT,
    }
    return page(request, "staff/gateway_differences.html", context, status=status)


async def take_report(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/differences: a gateway's report; the same one again changes nothing."""
    parts, form, visit = parts_of(request), await typed(request), request[VISIT]
    field = (await request.post()).get("file")
    gateway = form.choice("gateway", parts.names)
    if not isinstance(field, web.FileField) or not field.filename:
        form.fault("file", N_("Choose the gateway's report, as CSV."))
        return await _differences(request, form, "report", status=422)
    try:
        lines = field.file.read().decode("utf-8-sig").splitlines(keepends=True)
        if form.is_right:
            report = read_report(lines, parts.layouts[gateway], "CSV")
            result = await parts.settle.take_report(gateway, report, actor=visit.actor, now=visit.now)
            return await _differences(request, form, "done", result=result)
    except UnicodeDecodeError:
        form.fault("file", N_("This is no CSV file in UTF-8."))
    except (InvalidInputError, RefusedError) as error:
        form.refused(error, {"bad_report": "file"})
    return await _differences(request, form, "report", status=422)


async def see_to(request: web.Request) -> web.StreamResponse:
    """Answer POST /gateways/differences/{id}: somebody has seen to it."""
    form, visit = await typed(request), request[VISIT]
    why = form.text("why", REASON_LIMIT)
    if form.is_right:
        try:
            await parts_of(request).settle.see_to(_id(request), why, actor=visit.actor, now=visit.now)
        except NotFoundError:
            raise web.HTTPNotFound from None
        except (InvalidInputError, RefusedError) as error:
            form.refused(error)
        else:
            raise web.HTTPSeeOther("/gateways/differences?done=seen")
    return await _differences(request, form, request.match_info["id"], status=422)


async def _found(request: web.Request) -> Attempt:
    async with parts_of(request).store.read() as work:
        attempt = await work.gateways.find(request.match_info["ref"])
    if attempt is None:
        raise web.HTTPNotFound
    return attempt


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])
