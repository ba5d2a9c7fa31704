"""Sends events over HTTP: never to the inside of the network, never on to where an answer points, never for long.

Whoever may set up a webhook could otherwise make this host ask for what only it can reach. A name is resolved once,
here, and what it stands for is judged and connected to: there is no moment between in which it could change.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from netbilld.ports.webhooks import Sent

READ_OCTETS: Final = 2_000  # of an answer: its status is all we want
INSIDE: Final = "that address is inside this network, and webhooks.allow_private is off"
_NAT64: Final = ip_network("64:ff9b::/96")
_UNICAST: Final = ip_network("2000::/3")  # all of IPv6 that is given to anybody (RFC 4291 §2.4)
logger = logging.getLogger("netbilld.webhooks")


class InsideAddressError(OSError):
    """A name stands for an address of the inside."""


def is_outside(text: str) -> bool:
    """Tell whether an address is one of the public internet, also where it carries another one inside."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and (carried := _carried(address)) is not None:
        address = carried
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False  # site-local, a NAT64 of our own, IPv4 in disguise
    return address.is_global and not address.is_multicast


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a gateway would make of an IPv6 address."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


class OutsideResolver(AbstractResolver):
    """Gives the addresses of a name, if all of them are outside."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not all(is_outside(one["host"]) for one in found):
            raise InsideAddressError(INSIDE)
        return found

    async def close(self) -> None:
        await self._resolver.close()


class WebhookClient:
    """The other end of the port WebhookSender."""

    def __init__(self, *, allow_private: bool, timeout_seconds: float) -> None:
        self._allow_private = allow_private
        self._timeout = ClientTimeout(total=timeout_seconds)

    def refusal(self, url: str) -> str | None:
        """Return why nothing would ever be sent there, as far as the address itself tells."""
        if self._allow_private:
            return None
        host = (urlsplit(url).hostname or "").rstrip(".")
        try:
            return None if is_outside(host) else INSIDE
        except ValueError:  # a name: what it stands for is seen when it is asked for
            return INSIDE if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) else None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Send a body; an answer that points elsewhere is an answer and is not followed."""
        if (refusal := self.refusal(url)) is not None:
            return Sent(None, refusal, 0)
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        try:
            connector = TCPConnector(
                resolver=None if self._allow_private else OutsideResolver(), use_dns_cache=False, force_close=True
            )
            async with (
                ClientSession(connector=connector, timeout=self._timeout, auto_decompress=False) as session,
                session.post(url, data=body, headers=dict(headers), allow_redirects=False) as answer,
            ):
                await answer.content.read(READ_OCTETS)
                status = answer.status
        except TimeoutError:
            error = f"no answer within {self._timeout.total:g} s"
        except InsideAddressError as refused:
            error = str(refused)
        except (ClientError, OSError, ValueError, asyncio.LimitOverrunError) as failed:
            error = _words(failed)
        if status is not None and not 200 <= status < 300:
            error = f"answered {status}"
        return Sent(status, error, round((time.perf_counter() - started) * 1000))


def _words(failed: BaseException) -> str:
    for cause in (failed, failed.__cause__, failed.__context__):
        if isinstance(cause, InsideAddressError):
            return str(cause)
    return f"{type(failed).__name__}: {failed}"[:300]
