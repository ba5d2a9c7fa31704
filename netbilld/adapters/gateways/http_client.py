"""Requests to gateways: one at a time, never redirected, never for long, and no answer larger than it has to be."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from netbilld.ports.gateways import GatewayAwayError

LARGEST_OCTETS: Final = 256 * 1024
TIMEOUT_SECONDS: Final = 15.0
MOST_AT_ONCE: Final = 8
_SERVER_FAULT: Final = 500
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a gateway; `body` is an object or a list, or empty where it was neither."""

    status: int
    body: Any

    def text(self, *names: str) -> str:
        """Return the first of these fields that says something."""
        found = self.body if isinstance(self.body, dict) else {}
        said = (found.get(name) for name in names)
        return next((str(one) for one in said if isinstance(one, str | int | float) and one != ""), "")


class GatewayHttp:
    """Speaks HTTP with one gateway."""

    def __init__(self, name: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._name = name
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._session: ClientSession | None = None

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Return the gateway's answer.

        Raises:
            GatewayAwayError: there was none of use: a fault of the gateway, too many requests, or no answer at all.
        """
        try:
            async with self._opened().request(
                method, url, headers={"Accept": "application/json", **headers}, data=body, allow_redirects=False
            ) as answer:
                octets = await answer.content.read(LARGEST_OCTETS + 1)
                while len(octets) <= LARGEST_OCTETS and not answer.content.at_eof():
                    octets += await answer.content.read(LARGEST_OCTETS + 1 - len(octets))
                status = answer.status
        except TimeoutError:
            raise GatewayAwayError(f"{self._name} does not answer within {self._timeout.total:g} s") from None
        except (ClientError, OSError, ValueError, asyncio.LimitOverrunError) as error:
            raise GatewayAwayError(f"{self._name} can't be reached: {type(error).__name__}") from error
        if status >= _SERVER_FAULT or status == _TOO_MANY or 300 <= status < 400 or len(octets) > LARGEST_OCTETS:
            raise GatewayAwayError(f"{self._name} answers {status}")
        return Reply(status, _read(octets))

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=MOST_AT_ONCE), timeout=self._timeout)
        return self._session


def basic_auth(key: str) -> str:
    """Return the header of a key that is a user name with an empty password."""
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def json_octets(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is sent."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _read(octets: bytes) -> Any:
    try:
        body = json.loads(octets.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict | list) else {}
