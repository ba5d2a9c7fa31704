"""A phone behind a session: a web request that really comes from the subscriber's address."""

from dataclasses import dataclass
from ipaddress import IPv4Address

import aiohttp


@dataclass(frozen=True, slots=True)
class Page:
    """What the phone got back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def get(
    url: str, source_address: IPv4Address, headers: dict[str, str] | None = None, *, timeout_seconds: float = 5.0
) -> Page:
    """Return the page, asked for from this loopback address; redirects are not followed.

    Raises:
        ValueError: the address is not a loopback one, so this machine can't send from it.
        aiohttp.ClientError: no answer, or not a web server's.
        TimeoutError: no answer in time.
    """
    if not source_address.is_loopback:
        raise ValueError(f"{source_address} is not in 127.0.0.0/8; let the NAS's pools lie there")
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(str(source_address), 0), force_close=True),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        ) as browser,
        browser.get(url, headers=headers, allow_redirects=False) as response,
    ):
        return Page(response.status, dict(response.headers), await response.read())
