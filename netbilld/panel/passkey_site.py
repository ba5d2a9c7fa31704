"""What passkeys are made for: the panel's own address, as browsers know it."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from netbilld.model.passkey import Site
from netbilld.panel.parts import PANEL
from netbilld.services.passkeys import Passkeys

_USUAL_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OwnPasskeys:
    """Passkeys at the address that a request has reached.

    Attributes:
        site: what they are made for; None where browsers allow none: without TLS, or under an address of digits.
    """

    passkeys: Passkeys
    site: Site | None

    @property
    def here(self) -> Site:
        """Return what they are made for.

        Raises:
            HTTPNotFound: browsers allow none here.
        """
        if self.site is None:
            raise web.HTTPNotFound
        return self.site


def own_passkeys(request: web.Request) -> OwnPasskeys:
    """Return the passkeys of this panel.

    Raises:
        HTTPNotFound: this panel has none.
    """
    panel = request.app[PANEL]
    parts = None if panel.parts.security is None else panel.parts.security.passkeys
    if parts is None:
        raise web.HTTPNotFound
    origin = parts.public_url or panel.perimeter.origin(request)
    return OwnPasskeys(parts.passkeys, site_at(origin, panel.parts.business_name))


def site_of(request: web.Request) -> Site | None:
    """Return what passkeys are made for at the address that a request has reached; None where there are none."""
    security = request.app[PANEL].parts.security
    return None if security is None or security.passkeys is None else own_passkeys(request).site


def site_at(url: str, name: str) -> Site | None:
    """Return the site at a web address; None where browsers allow no passkeys (WebAuthn section 5.1.3)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in _USUAL_PORTS or not host or "," in host or _is_address(host):
        return None
    if parts.scheme != "https" and host != "localhost" and not host.endswith(".localhost"):
        return None
    shown = "" if port in {None, _USUAL_PORTS[parts.scheme]} else f":{port}"
    return Site(host, f"{parts.scheme}://{host}{shown}", name)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
