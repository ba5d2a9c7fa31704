"""Somebody's program that is told of events: keeps what it got, and answers as a test wants."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(slots=True)
class Told:
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_by(self, secret: str) -> bool:
        """Verify as the documentation says."""
        parts = dict(part.split("=", 1) for part in self.headers["Netbilld-Signature"].split(","))
        expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, parts["v1"])


@dataclass(slots=True)
class Receiver:
    """A server on loopback."""

    url: str = ""
    status: int = 204
    location: str | None = None
    hangs: bool = False
    told: list[Told] = field(default_factory=list)
    _release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        self.told.append(Told(dict(request.headers), await request.read()))
        if self.hangs:
            await self._release.wait()
        return web.Response(status=self.status, headers={"Location": self.location} if self.location else None)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run one."""
    one = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", one.handle)
    async with TestServer(app) as server:
        one.url = str(server.make_url("/hook?of=netbilld"))
        yield one
        one._release.set()
