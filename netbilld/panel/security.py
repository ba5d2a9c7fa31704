"""What every page is served under: headers, forged requests refused, who is signed in and what they may do."""

import asyncio
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from netbilld.services.recognise import source_address
from netbilld.services.sign_in import Entropy, random_token

if TYPE_CHECKING:
    from multidict import MultiDictProxy

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
LARGEST_BODY_OCTETS: Final = 64 * 1024
FORM_SECONDS: Final = 60.0  # for one without files to come
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Frame-Options": "DENY",
        "Server": "netbilld",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
)


@dataclass(frozen=True, slots=True)
class Perimeter:
    """How requests reach this site: realm of its cookies, and the proxies whose word is taken."""

    realm: str  # panel, portal: browsers share cookies between ports, so each has names of its own
    trusted_proxies: tuple[str, ...]
    entropy: Entropy

    def source(self, request: web.Request) -> str:
        """Return the client's address; of forwarded ones only what a trusted proxy has seen."""
        forwarded = request.headers.getall("X-Forwarded-For", [])
        address = source_address(request.remote, forwarded, self.trusted_proxies)
        return str(address) if address else "unknown"

    def is_https(self, request: web.Request) -> bool:
        """Return whether the browser speaks TLS, to us or to a trusted proxy."""
        if request.scheme == "https":
            return True
        return self._behind_proxy(request) and request.headers.get("X-Forwarded-Proto", "") == "https"

    def origin(self, request: web.Request) -> str:
        """Return our address as the browser has it, by the headers; of forwarded ones only a trusted proxy's."""
        host = request.headers.get("Host", "")
        if self._behind_proxy(request):
            host = request.headers.get("X-Forwarded-Host", "") or host
        return f"{'https' if self.is_https(request) else 'http'}://{host.strip()}"

    def cookie_name(self, request: web.Request) -> str:
        """Return the name of the log-in cookie; over TLS one that no other host or path can plant."""
        return f"{'__Host-' if self.is_https(request) else ''}netbilld_{self.realm}"

    def form_cookie_name(self, request: web.Request) -> str:
        """Return the name of the cookie that binds a form to a browser that is not signed in."""
        return f"{self.cookie_name(request)}_form"

    def half_cookie_name(self, request: web.Request) -> str:
        """Return the name of the cookie of somebody whose password was right and who is asked for a code."""
        return f"{self.cookie_name(request)}_half"

    def set_cookie(
        self, request: web.Request, response: web.StreamResponse, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set a cookie that scripts can't read and other sites' forms don't carry."""
        response.set_cookie(
            name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=self.is_https(request)
        )

    def drop_cookie(self, request: web.Request, response: web.StreamResponse, name: str) -> None:
        """Tell the browser to forget a cookie."""
        response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=self.is_https(request))

    def form_token(self, request: web.Request) -> str:
        """Return the token for forms of a browser that is not signed in: its cookie's, else a new one to be set."""
        known = request.cookies.get(self.form_cookie_name(request), "")
        return known if len(known) == _TOKEN_LENGTH else random_token(self.entropy)

    def is_same_origin(self, request: web.Request) -> bool:
        """Return whether a browser says this request comes from one of our own pages, or no browser speaks.

        Sec-Fetch-Site is the browser's own judgement. Without it Origin must be our host; some requests carry neither,
        and then the form's token alone decides.
        """
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("Origin") or request.headers.get("Referer")
        if origin is None:
            return True
        try:
            host = urlsplit(origin).netloc
        except ValueError:
            return False
        return bool(host) and host.lower() in self._own_hosts(request)

    def page_before(self, request: web.Request) -> str:
        """Return the page of ours that a form was sent from, as far as the browser says; the front page otherwise."""
        try:
            before = urlsplit(request.headers.get("Referer", ""))
        except ValueError:
            return "/"
        if before.netloc.lower() not in self._own_hosts(request):
            return "/"
        return safe_path(before.path + (f"?{before.query}" if before.query else ""))

    def _own_hosts(self, request: web.Request) -> set[str]:
        hosts = {request.headers.get("Host", "").lower()}
        if self._behind_proxy(request):
            hosts.add(request.headers.get("X-Forwarded-Host", "").lower())
        return hosts - {""}

    def _behind_proxy(self, request: web.Request) -> bool:
        """Return whether the peer is a trusted proxy; only then do its headers say where a request is from."""
        return source_address(request.remote, (_NOBODY,), self.trusted_proxies) == ip_address(_NOBODY)


_NOBODY: Final = "192.0.2.1"  # RFC 5737: no client of anybody's
_TOKEN_LENGTH: Final = len(random_token(bytes))


async def form_of(
    request: web.Request, longest_seconds: float | None = FORM_SECONDS
) -> "MultiDictProxy[str | bytes | bytearray | web.FileField]":
    """Return the form that a request brings.

    Raises:
        HTTPBadRequest: it is not of the encoding or the shape that it claims.
        HTTPRequestTimeout: it took longer to come.
    """
    try:
        async with asyncio.timeout(longest_seconds):
            return await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, LookupError, AssertionError, HttpProcessingError):
        raise web.HTTPBadRequest from None


async def sent_token(request: web.Request) -> str:
    """Return the token a state-changing request brought, in its form or in a header."""
    if header := request.headers.get(CSRF_HEADER):
        return header
    value = (await form_of(request)).get(CSRF_FIELD, "")
    return value if isinstance(value, str) else ""


def is_storable_address(request: web.Request) -> bool:
    """Return whether a database can hold every text of the path and query: no NUL, no half characters."""
    return _are_storable([*request.match_info.values(), *request.query.keys(), *request.query.values()])


async def is_storable_form(request: web.Request) -> bool:
    """Return whether a database can hold every text of the form; files are looked at by who takes them."""
    form = await form_of(request)
    return _are_storable([*form.keys(), *(value for value in form.values() if isinstance(value, str))])


def _are_storable(texts: Iterable[str]) -> bool:
    return not any("\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text) for text in texts)


def same_token(left: str, right: str) -> bool:
    """Return whether two tokens are equal and not empty; takes the same time wherever they differ."""
    return bool(left) and hmac.compare_digest(left.encode(), right.encode())


def safe_path(wanted: str | None, otherwise: str = "/") -> str:
    """Return a path of this site to go on to; anything that could lead elsewhere becomes `otherwise`."""
    if not wanted or len(wanted) > 500 or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return otherwise
    if any(ord(sign) < 0x20 or sign == "\\" for sign in wanted):
        return otherwise
    return wanted


_POLICY: Final = "Content-Security-Policy"


async def put_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on an answer that is about to leave: pages, files, errors and streams alike."""
    own = response.headers.get(_POLICY)  # of a page that sends a form elsewhere, and says where
    response.headers.update(HEADERS)
    if own is not None:
        response.headers[_POLICY] = own
