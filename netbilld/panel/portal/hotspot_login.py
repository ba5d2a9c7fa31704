"""Where a hotspot's router takes a log-in, and the page that brings a browser there with a name and a password.

All that comes along is anybody's to write. So where the browser is sent with a name and a password is the log-in page
of the router that it is behind, as we know that router.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale
from netbilld.panel.security import HEADERS, is_storable_form
from netbilld.radius.hotspot_chap import CHALLENGE_OCTETS, hotspot_response, read_octets
from netbilld.services.recognise import source_address

_LONGEST: Final = 1000
_LEAST: Final = 2  # addresses; a network of no more has no gateway of its own
_LOGIN: Final = "/login"  # MikroTik's manual: the page of a hotspot that takes a log-in
_KEPT: Final = ("link-login-only", "link-orig", "chap-id", "chap-challenge")


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

    @property
    def is_safe(self) -> bool:
        """Tell whether a password can be sent there: hashed, or over TLS."""
        return self.chap is not None or self.login_url.startswith("https://")


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


async def hotspot_of(request: web.Request, fields: Mapping[str, str]) -> Hotspot | None:
    """Return the hotspot whose page sent a browser here; None where it is none of ours, or not the browser's."""
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
    return Hotspot(url, origin, page_wanted(fields.get("link-orig", "")), chap)


def page_wanted(url: str) -> str:
    """Return the page that was asked for; empty where that is no address of one."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in {"http", "https"} and url.isprintable() else ""


async def fields_of(request: web.Request) -> dict[str, str]:
    """Return what came along, in the form or the address; too much of it, or what is no text, is refused."""
    if request.method == "POST":
        if request.content_type != "application/x-www-form-urlencoded" or not await is_storable_form(request):
            raise web.HTTPBadRequest
        brought = await request.post()
    else:
        brought = request.query  # type: ignore[assignment]  # both give text by name
    return {name: value[:_LONGEST] for name, value in brought.items() if isinstance(value, str) and "\0" not in value}


def kept_of(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what of it goes along from page to page."""
    return {name: fields[name] for name in _KEPT if fields.get(name)}


def send_page(
    request: web.Request, hotspot: Hotspot, name: str, password: str, *, wanted_url: str, code: str | None = None
) -> web.Response:
    """Return the page whose one form goes to the router, with the password hashed as it wants it.

    Args:
        request: of the browser.
        hotspot: which can be sent a password (`is_safe`).
        name: to log in with.
        password: beside it.
        wanted_url: where the router sends the browser then.
        code: to be shown meanwhile; None for none.
    """
    sent = password if hotspot.chap is None else hotspot_response(hotspot.chap[0], password, hotspot.chap[1])
    context = {"hotspot": hotspot, "name": name, "sent": sent, "wanted_url": wanted_url, "code": code, "refresh": None}
    renderer = request.app[PORTAL].renderer
    response = renderer.page(locale(request), "portal/hotspot_send.html", context)
    policy = HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action {hotspot.origin}")
    response.headers["Content-Security-Policy"] = policy
    return response
