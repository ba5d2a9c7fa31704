"""Pictures that people send: fetched from their messenger, and from nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from netbilld.adapters.messengers.values import mapped, text
from netbilld.adapters.webhook_client import OutsideResolver, is_outside

MOST_OCTETS: Final = 12 * 1024 * 1024
_SECONDS: Final = 20.0
_OK: Final = 200


class Source(Protocol):
    async def fetch(self, media: str, most_octets: int) -> bytes | None:
        """Return a picture; None where there is none to be had."""
        ...


@dataclass(frozen=True, slots=True)
class CloudMedia:
    """Meta's: an id leads to an address that is good for minutes, and both ask for our token."""

    token: str = field(repr=False)
    url: str = "https://graph.facebook.com"
    version: str = "v25.0"

    async def fetch(self, media: str, most_octets: int) -> bytes | None:
        """Return a picture by its id."""
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.url}/{self.version}/{quote(media, safe='')}"
        async with _session(outside=False) as session:
            async with session.get(address, headers=headers, allow_redirects=False) as answer:
                found = text(mapped(await answer.json()).get("url")) if answer.status == _OK else ""
            host = urlsplit(found).hostname or ""
            own = urlsplit(self.url).hostname or ""
            if host != own and not host.endswith((".fbsbx.com", ".facebook.com", ".whatsapp.net")):
                return None  # our token goes to Meta alone
            return await _octets(session, found, headers, most_octets)


@dataclass(frozen=True, slots=True)
class OwnHouse:
    """A gateway of the provider's own: it tells addresses of itself."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def fetch(self, media: str, most_octets: int) -> bytes | None:
        """Return a picture by its address, or by its path there."""
        parts, own = urlsplit(media), urlsplit(self.url)
        path = parts.path if parts.hostname else "/" + media.lstrip("/")
        if ".." in path or (parts.hostname and parts.path.startswith("//")):
            return None
        address = f"{own.scheme}://{own.netloc}{path}" + (f"?{parts.query}" if parts.query else "")
        async with _session(outside=False) as session:
            return await _octets(session, address, dict(self.headers), most_octets)


@dataclass(frozen=True, slots=True)
class Outside:
    """A gateway elsewhere: the address it tells is looked at before it is believed to lie outside our network."""

    async def fetch(self, media: str, most_octets: int) -> bytes | None:
        """Return a picture by its address."""
        parts = urlsplit(media)
        if parts.scheme != "https" or not parts.hostname:
            return None
        try:
            if not is_outside(parts.hostname):
                return None
        except ValueError:
            pass  # a name: what it stands for is looked at when it is asked for
        async with _session(outside=True) as session:
            return await _octets(session, media, {}, most_octets)


class Pictures:
    """Fetches pictures by the driver that told of them."""

    def __init__(self, sources: Mapping[str, Source], most_octets: int = MOST_OCTETS) -> None:
        self._sources, self._most = sources, most_octets

    async def fetch(self, driver: str, media: str) -> bytes | None:
        """Return a picture; None where there is none to be had, or it is too large."""
        source = self._sources.get(driver)
        if source is None:
            return None
        try:
            return await source.fetch(media, self._most)
        except (ClientError, OSError, ValueError):
            return None


def _session(*, outside: bool) -> ClientSession:
    connector = TCPConnector(resolver=OutsideResolver() if outside else None, use_dns_cache=False, force_close=True)
    return ClientSession(connector=connector, timeout=ClientTimeout(total=_SECONDS))


async def _octets(session: ClientSession, url: str, headers: Mapping[str, str], most: int) -> bytes | None:
    async with session.get(url, headers=dict(headers), allow_redirects=False) as answer:
        if answer.status != _OK:
            return None
        found = bytearray()
        async for piece in answer.content.iter_chunked(64 * 1024):
            found += piece
            if len(found) > most:
                return None
        return bytes(found)
