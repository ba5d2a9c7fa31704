"""The two pages that need no log-in: the balance, and the page inside the walls."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netbilld.billing.plan import Timing
from netbilld.enforcement.policy import Reason
from netbilld.enforcement.profile import Access
from netbilld.panel.portal.outage import outage_of
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.sign_in import sign_in_page
from netbilld.panel.portal.visitor import balance_of, masked, visitor
from netbilld.services.account_view import NEAR_DUE_DAYS, Balance

_BALANCE_SECONDS: Final = 30
_BALANCE_TIMES: Final = 20
_WALLED_SECONDS: Final = 5
_WALLED_TIMES: Final = 120  # ten minutes; then a link


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a page asks for itself again, and as what; a page left open does not ask for ever."""

    seconds: int
    url: str


async def balance_page(request: web.Request) -> web.StreamResponse:
    """Answer GET /: the short view of the session the request comes from, else the sign-in form."""
    portal = request.app[PORTAL]
    who = await visitor(request)
    if who.login is not None:
        raise web.HTTPSeeOther("/akun")
    balance = await balance_of(portal, who)
    if balance is None:
        return sign_in_page(request, who.locale)
    context = {
        "balance": balance,
        "hero": hero(balance),
        "masked_name": masked(balance.file.username),
        "refresh": _refresh(request, "/", _BALANCE_SECONDS, _BALANCE_TIMES),
        "outage": await outage_of(portal, balance.file.subscriber_id),
    }
    return portal.renderer.page(who.locale, "portal/balance.html", context)


async def walled_page(request: web.Request) -> web.StreamResponse:
    """Answer GET /isolir: why access is limited and what ends it; nothing about anybody for a stranger."""
    portal = request.app[PORTAL]
    who = await visitor(request)
    balance = await balance_of(portal, who)
    if balance is None:
        return sign_in_page(request, who.locale, goes_on_to="/isolir")
    # what is open stays so: only a page that waits for a change asks again
    waits = balance.is_captive
    context = {
        "balance": balance,
        "hero": hero(balance),
        "refresh": _refresh(request, "/isolir", _WALLED_SECONDS, _WALLED_TIMES) if waits else None,
        "signed_in": who.login is not None,
        "page_url": portal.canonical.url(request, "/isolir"),
        "outage": await outage_of(portal, balance.file.subscriber_id),
    }
    return portal.renderer.page(who.locale, "portal/walled.html", context)


def hero(balance: Balance) -> str:
    """Return which figure matters most now: `due`, `top_up`, `wallet`, `left`, `speed` or `settled`."""
    if balance.reason is Reason.EXPIRED and balance.renewal_shortfall_minor:
        return "top_up"
    if balance.reason in {Reason.NO_CREDIT, Reason.EXPIRED}:
        return "wallet"
    if balance.reason is Reason.OVERDUE or balance.overdue_minor > 0:
        return "due"
    if balance.access is Access.THROTTLED:
        return "speed"
    if balance.days_left is not None and balance.days_left <= NEAR_DUE_DAYS:
        return "due"
    if balance.allowance is not None:
        return "left"
    if balance.wallet_octets is not None:
        return "wallet"
    return "due" if balance.outstanding_minor else "settled"


def bill_hero(balance: Balance) -> str:
    """Return which one number the front page shows: `due`, `top_up`, `wallet` or `settled`."""
    if balance.reason in {Reason.NO_CREDIT, Reason.EXPIRED}:
        return hero(balance)
    if balance.outstanding_minor:
        return "due"
    return "wallet" if balance.file.plan.timing is Timing.PREPAID else "settled"


def _refresh(request: web.Request, path: str, seconds: int, times: int) -> Refresh | None:
    text = request.query.get("n", "0")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return Refresh(seconds, f"{path}?n={count + 1}") if count < times else None
