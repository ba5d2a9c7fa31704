"""What of a subscriber is paid without anybody doing anything: renewals from the wallet, an account that is charged."""

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.subscriber import Subscriber
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.panel.parts import PANEL
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page

_SHOWN: Final = 20


async def show(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/autopay."""
    return await _show(request, Typed(request))


async def _show(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    parts, subscriber = _parts(request), await _subscriber(request)
    async with parts.store.read() as work:
        services = await work.services.of_subscriber(subscriber.id)
        mandates = await work.mandates.of(subscriber.id, _SHOWN)
        charges = await work.mandates.charges(subscriber.id, _SHOWN)
        attempts = [await work.gateways.find(one.ref) for one in charges]
        by_hand = {one.id: await work.prepaid.by_hand(one.id) for one in services}
    context: dict[str, Any] = {
        "subscriber": subscriber,
        "services": [(one, by_hand[one.id]) for one in services if one.paid_until_on is not None],
        "mandates": mandates,
        "charges": list(zip(charges, attempts, strict=True)),
        "form": form,
    }
    return page(request, "staff/autopay.html", context, status=status)


async def end(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/autopay/end: nothing more is charged to the account; two clicks end it once."""
    parts, subscriber, visit = _parts(request), await _subscriber(request), request[VISIT]
    if await parts.link.shown(subscriber.id) is not None:
        try:
            await parts.link.end(subscriber.id, "staff", actor=visit.actor, now=visit.now)
        except NotFoundError:  # somebody else was first
            raise web.HTTPSeeOther(f"/subscribers/{subscriber.number}/autopay") from None
    raise web.HTTPSeeOther(f"/subscribers/{subscriber.number}/autopay?done=unlinked")


async def renewal(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/autopay/renewal: the wallet of a service renews by itself, or not."""
    parts, subscriber, form, visit = _parts(request), await _subscriber(request), await typed(request), request[VISIT]
    async with parts.store.read() as work:
        own = {str(one.id) for one in await work.services.of_subscriber(subscriber.id)}
    if form.values.get("service") not in own:
        raise web.HTTPNotFound
    by_clock = form.values.get("by_itself") == "yes"
    try:
        await parts.renewal.run(UUID(form.values["service"]), by_clock=by_clock, actor=visit.actor, now=visit.now)
    except RefusedError as error:
        form.refused(error)
        return await _show(request, form, status=422)
    raise web.HTTPSeeOther(f"/subscribers/{subscriber.number}/autopay?done=renewal")


def _parts(request: web.Request) -> AutopayParts:
    parts = request.app[PANEL].parts.autopay
    if parts is None:
        raise web.HTTPNotFound
    return parts


async def _subscriber(request: web.Request) -> Subscriber:
    """Return the subscriber in the address, by their number alone."""
    number = request.match_info["number"]
    async with _parts(request).store.read() as work:
        found = await work.subscribers.by_number(number)
    if found is None:
        raise web.HTTPNotFound
    return found
