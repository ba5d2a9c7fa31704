"""Which requests are ours, and the one address that all others are sent to.

A captive device asks the portal for hosts that are not ours: its probes, and any plain HTTP its apps try. Each of them
is redirected to an address that no header of the request has a part in.
"""

from collections import OrderedDict
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from markupsafe import escape

_FOUND: Final = 302
_LONGEST_HOST: Final = 255
_LONGEST_PATH: Final = 1024
_LOG_EVERY_SECONDS: Final = 60.0
_LOG_REMEMBERED: Final = 4096


class Canonical:
    """The portal's own address: as the settings say it, else the socket's address that the client reached."""

    def __init__(self, public_url: str | None) -> None:
        self._public = public_url.rstrip("/") if public_url else None
        self._public_name = urlsplit(self._public).hostname if self._public else None

    def url(self, request: web.Request, path: str) -> str:
        """Return the canonical URL of one of our paths."""
        return (self._public or self._reached(request)) + path

    def is_ours(self, request: web.Request) -> bool:
        """Return whether a request names a host of ours, under any port.

        Ours are the host of the public URL, the socket's own address, and on loopback its usual names. No name is
        resolved for this. A target in absolute form (RFC 9112 §3.2.2) must name one of ours as well as the header.
        """
        host = request.headers.get("Host", "")
        if not host or len(host) > _LONGEST_HOST or len(request.raw_path) > _LONGEST_PATH:
            return False
        own = _socket_address(request)
        return self._is_our_name(host, own) and (request.host == host or self._is_our_name(request.host, own))

    def _is_our_name(self, host: str, own: str | None) -> bool:
        name = _host_name(host)
        if name is not None and name == self._public_name:
            return True
        if name is None or own is None:
            return False
        here = ip_address(own)
        try:
            named = ip_address(name)
        except ValueError:
            return name == "localhost" and here.is_loopback
        return named == here or (named.is_loopback and here.is_loopback)

    def _reached(self, request: web.Request) -> str:
        address = _socket_address(request) or "127.0.0.1"
        sockname = request.transport.get_extra_info("sockname") if request.transport else None
        port = sockname[1] if isinstance(sockname, tuple) else 80
        scheme = "https" if request.secure else "http"
        host = f"[{address}]" if ":" in address else address
        return f"{scheme}://{host}" + ("" if port == {"http": 80, "https": 443}[scheme] else f":{port}")


class OncePerClient:
    """Lets each client through once a minute; remembers a bounded number of clients."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, float] = OrderedDict()

    def may(self, client: str, now_mono: float) -> bool:
        """Return whether this client has not been let through for a minute."""
        last = self._last.get(client)
        if last is not None and now_mono - last < _LOG_EVERY_SECONDS:
            return False
        self._last[client] = now_mono
        self._last.move_to_end(client)
        while len(self._last) > _LOG_REMEMBERED:
            self._last.popitem(last=False)
        return True


def elsewhere(location: str, status: int = 302) -> web.Response:
    """Return the redirect for a request that is not ours: nobody may keep it, and the connection ends with it.

    With status 511 (RFC 6585 §6) it says the same to programs that are no browsers; few devices take it for a portal.
    """
    safe = escape(location)
    response = web.Response(
        status=status,
        text=f'<!doctype html><title>Portal</title>{_follow(safe, status)}<p><a href="{safe}">{safe}</a></p>\n',
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-store"} | ({"Location": location} if status == _FOUND else {}),
    )
    response.force_close()
    return response


def _follow(location: str, status: int) -> str:
    """Return what leads a browser on where the status does not (RFC 6585 §6.1)."""
    return "" if status == _FOUND else f'<meta http-equiv="refresh" content="0;url={location}">'


def _host_name(host: str) -> str | None:
    """Return the name in a Host header, in lower case; None for what is none."""
    try:
        parts = urlsplit(f"//{host}")
    except ValueError:
        return None
    return None if "@" in host or parts.path or parts.query else parts.hostname


def _socket_address(request: web.Request) -> str | None:
    """Return the address of ours that the client connected to."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    if not isinstance(sockname, tuple):
        return None
    address = str(sockname[0]).partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address
