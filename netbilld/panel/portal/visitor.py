"""Who is at the door: recognised by address, signed in, both or neither."""

from dataclasses import dataclass

from aiohttp import web

from netbilld.panel.i18n import chosen_locale
from netbilld.panel.portal.parts import PORTAL, Portal
from netbilld.services.account_view import Balance
from netbilld.services.recognise import Recognised, source_address
from netbilld.services.sign_in import Login, token_hash
from netbilld.services.sign_in_subscriber import REALM


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of a request: its language, its log-in and the session its address belongs to."""

    locale: str
    login: Login | None
    recognised: Recognised | None


async def visitor(request: web.Request) -> Visitor:
    """Return who asks."""
    return Visitor(locale(request), await signed_in(request), await recognised(request))


def locale(request: web.Request) -> str:
    """Return the language to answer in."""
    return chosen_locale(request, request.app[PORTAL].parts.locale)


async def recognised(request: web.Request) -> Recognised | None:
    """Return the service and session behind the request's source address; None for nobody."""
    portal = request.app[PORTAL]
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return await portal.recognise.handle(source_address(request.remote, forwarded, portal.parts.trusted_proxies))


async def signed_in(request: web.Request) -> Login | None:
    """Return the log-in whose cookie the request carries, while it lasts."""
    portal = request.app[PORTAL]
    token = request.cookies.get(portal.perimeter.cookie_name(request))
    if not token:
        return None
    async with portal.parts.store.read() as work:
        login = await work.logins.find(REALM, token_hash(token), portal.parts.now())
    return login if login is not None and login.service_id is not None else None


async def balance_of(portal: Portal, who: Visitor) -> Balance | None:
    """Return the balance to show: of the session the request comes from, else of the service signed in to."""
    now = portal.parts.now()
    if who.recognised is not None:
        return await portal.show.balance(who.recognised.service_id, who.recognised.session_id, now)
    if who.login is not None and who.login.service_id is not None:
        return await portal.show.balance(who.login.service_id, None, now)
    return None


def masked(name: str) -> str:
    """Return a name of which only the owner knows the rest: `bu•••`."""
    return name[:2] + "•••" if len(name) > 2 else "•••"
