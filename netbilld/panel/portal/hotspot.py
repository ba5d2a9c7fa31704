"""The external log-in page of a MikroTik hotspot: the router's login.html sends the browser here, and we back to it.

All that comes along is anybody's to write. So where the browser is sent with a name and a password is the log-in page
of the router that it is behind, as we know that router; and what is said is shown as one of our own sentences. A device
is known by the account that is typed and never by its MAC address, which phones make up anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from netbilld.model.voucher import typed_code
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale
from netbilld.panel.security import HEADERS, is_storable_form
from netbilld.radius.hotspot_chap import CHALLENGE_OCTETS, hotspot_response, read_octets
from netbilld.services.recognise import source_address

_LONGEST: Final = 1000
_LEAST: Final = 2  # addresses; a network of no more has no gateway of its own
_LOGIN: Final = "/login"  # MikroTik's manual: the page of a hotspot that takes a log-in
_KEPT: Final = ("link-login-only", "link-orig", "chap-id", "chap-challenge")
_ERRORS: Final = (  # what RouterOS says in errors.txt, by a word of it
    ("password", "wrong"),
    ("no more sessions", "sessions"),
    ("already", "sessions"),
    ("limit", "limit"),
    ("timeout", "away"),
    ("not responding", "away"),
)


@dataclass(frozen=True, slots=True)
class Hotspot:
    """What a router's page sent along, as far as it is believed.

    Attributes:
        login_url: where a name and password may be sent.
        origin: scheme, host and port of it.
        wanted_url: the page that was asked for; empty for none.
        chap: its id and challenge; None where the router wants the password itself.
    """

    login_url: str
    origin: str
    wanted_url: str
    chap: tuple[bytes, bytes] | None


async def show(request: web.Request) -> web.StreamResponse:
    """Answer GET and POST /hotspot: the form for name and password."""
    fields = await _fields(request)
    hotspot = await _hotspot(request, fields)
    if hotspot is None:
        return _page(request, "portal/hotspot.html", {"problem": "unknown", "kept": {}, "name": ""}, status=400)
    problem = _error(fields.get("error", "")) if fields.get("error") else None
    return _page(request, "portal/hotspot.html", {"problem": problem, "kept": _kept(fields), "name": ""})


async def send_on(request: web.Request) -> web.StreamResponse:
    """Answer POST /hotspot/masuk: a page whose one form goes to the router, with the password hashed as it wants it."""
    fields = await _fields(request)
    hotspot = await _hotspot(request, fields)
    code = typed_code(fields.get("code", ""))
    name, password = (code, code) if "code" in fields else (fields.get("name", "").strip(), fields.get("password", ""))
    if hotspot is None:
        return _page(request, "portal/hotspot.html", {"problem": "unknown", "kept": {}, "name": ""}, status=400)
    problem = None
    if not name or not password:
        problem = "no_code" if "code" in fields else "empty"
    elif hotspot.chap is None and not hotspot.login_url.startswith("https://"):
        problem = "plain"
    if problem is not None:
        context = {"problem": problem, "kept": _kept(fields), "name": "" if "code" in fields else name}
        return _page(request, "portal/hotspot.html", context, status=422)
    sent = password if hotspot.chap is None else hotspot_response(hotspot.chap[0], password, hotspot.chap[1])
    sends: dict[str, object] = {"hotspot": hotspot, "name": name, "sent": sent}
    response = _page(request, "portal/hotspot_send.html", sends)
    policy = HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action {hotspot.origin}")
    response.headers["Content-Security-Policy"] = policy
    return response


def login_target(
    url: str, client: str | None, networks: Sequence[tuple[str, Sequence[str]]], names: Sequence[str]
) -> str | None:
    """Return the origin of a router's log-in page; None where the address is not one of those.

    Args:
        url: what the router's page said, or somebody else.
        client: the address that the browser comes from; None for not known.
        networks: of each router its address, and where its subscribers are.
        names: host names of hotspots that the operator has listed.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or parts.path != _LOGIN or parts.query or parts.fragment:
        return None
    if "@" in parts.netloc or len(url) > _LONGEST or not url.isascii() or any(sign in url for sign in " ;,'\"<>\\"):
        return None
    if host not in names and not _is_routers(host, client, networks):
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def _is_routers(host: str, client: str | None, networks: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Tell whether an address is the router's that the browser is behind.

    It is the NAS's own, or the first or last of a network of its subscribers. Any other there is somebody's who may
    have a page of that name as well.
    """
    try:
        router, browser = ip_address(host), ip_address(client or "")
    except ValueError:
        return False
    for address, prefixes in networks:
        own = [ip_network(prefix, strict=False) for prefix in prefixes]
        if not any(browser in one for one in own):
            continue
        if router in ip_network(address, strict=False) or any(router in _gateways(one) for one in own):
            return True
    return False


def _gateways(network: IPv4Network | IPv6Network) -> tuple[IPv4Address | IPv6Address, ...]:
    return (network[1], network[-2]) if network.num_addresses > _LEAST else (network[0],)


async def _hotspot(request: web.Request, fields: Mapping[str, str]) -> Hotspot | None:
    portal = request.app[PORTAL]
    forwarded = request.headers.getall("X-Forwarded-For", [])
    client = source_address(request.remote, forwarded, portal.parts.trusted_proxies)
    async with portal.parts.store.read() as work:
        networks = await work.portal.subscriber_networks()
    url = fields.get("link-login-only", "")
    origin = login_target(url, str(client) if client else None, networks, portal.parts.hotspot_hosts)
    if origin is None:
        return None
    chap_id, challenge = fields.get("chap-id", ""), fields.get("chap-challenge", "")
    chap = None
    if chap_id or challenge:
        read = read_octets(chap_id, 1), read_octets(challenge, CHALLENGE_OCTETS)
        if read[0] is None or read[1] is None:
            return None
        chap = (read[0], read[1])
    return Hotspot(url, origin, _page_wanted(fields.get("link-orig", "")), chap)


def _page_wanted(url: str) -> str:
    """Return the page that was asked for; empty where that is no address of one."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in {"http", "https"} and url.isprintable() else ""


async def _fields(request: web.Request) -> dict[str, str]:
    """Return what came along, in the form or the address; too much of it, or what is no text, is refused."""
    if request.method == "POST":
        if request.content_type != "application/x-www-form-urlencoded" or not await is_storable_form(request):
            raise web.HTTPBadRequest
        brought = await request.post()
    else:
        brought = request.query  # type: ignore[assignment]  # both give text by name
    return {name: value[:_LONGEST] for name, value in brought.items() if isinstance(value, str) and "\0" not in value}


def _kept(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in _KEPT if fields.get(name)}


def _error(said: str) -> str:
    """Return which of our sentences says what the router said."""
    lower = said.casefold()
    return next((ours for word, ours in _ERRORS if word in lower), "refused")


def _page(request: web.Request, template: str, context: Mapping[str, object], *, status: int = 200) -> web.Response:
    return request.app[PORTAL].renderer.page(locale(request), template, {"refresh": None, **context}, status=status)
