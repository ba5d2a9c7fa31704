"""A pretended WhatsApp gateway for the demo: Fonnte's call on loopback, and telephones to look at and to write on.

Messages go to it over a socket as to the real one, and what people write comes back as its webhook. Some numbers have
no WhatsApp and some telephones are off, as everywhere.
"""

import asyncio
import hashlib
import html
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

TOKEN: Final = secrets.token_hex(12)  # others each time
HOOK_SECRET: Final = secrets.token_urlsafe(18)
NO_WHATSAPP: Final = frozenset(("6281234560017", "6281234560038"))
WRITTEN: Final = (
    ("6281234560004", "TAGIHAN"),
    ("6281234560013", "Pak, kapan teknisi datang? Sudah dua hari ditunggu."),
)
SWITCHED_OFF: Final = frozenset(("6281234560025",))
_MOST: Final = 500  # messages kept of one telephone
_READ_SECONDS: Final = 1.5
_DEVICE: Final = "6281100000000"
_KEYWORDS: Final = ("TAGIHAN", "SALDO", "BAYAR", "LAPOR", "STATUS")
logger = logging.getLogger("netbilld.demo")


@dataclass(slots=True)
class _Line:
    """Something that stands on a telephone."""

    text: str
    is_ours: bool  # from the provider to the subscriber


@dataclass(slots=True)
class _Telephone:
    number: str
    lines: list[_Line] = field(default_factory=list)


class PretendedMessenger:
    """Keeps messages in memory, by the telephone that they came to."""

    def __init__(self, hook_url: str, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._hook_url, self._spawn = hook_url, spawn
        self._telephones: dict[str, _Telephone] = {}
        self._count = 0

    def app(self) -> web.Application:
        """Return its call and pages."""
        app = web.Application()
        app.router.add_post("/send", self._send)
        app.router.add_get("/", self._list)
        app.router.add_get(r"/telepon/{number:\d{8,15}}", self._show)
        app.router.add_post(r"/telepon/{number:\d{8,15}}", self._write)
        return app

    # -- what the daemon asks ------------------------------------------------------------------------------------------

    async def _send(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != TOKEN:
            return web.json_response({"status": False, "reason": "token invalid"})
        form = await request.post()
        number, words = str(form.get("target", "")), str(form.get("message", ""))
        if number in NO_WHATSAPP:
            return web.json_response({"status": False, "reason": "target invalid: no WhatsApp on this number"})
        if number in SWITCHED_OFF:
            return web.json_response({}, status=503)
        self._count += 1
        name = f"demo-{self._count}"
        self._keep(number, _Line(words, is_ours=True))
        self._spawn(self._reach(name, self._count))
        return web.json_response({"status": True, "detail": "success! message in queue", "id": [name]})

    async def _reach(self, name: str, count: int) -> None:
        """Tell that a message was delivered and, mostly, read."""
        for state in ("sent", "delivered", "read")[: 2 if count % 4 == 0 else 3]:
            await asyncio.sleep(_READ_SECONDS)
            await self._tell({"device": _DEVICE, "id": name, "state": state})

    async def write(self, number: str, words: str) -> None:
        """Let somebody write to the provider from their telephone."""
        self._keep(number, _Line(words, is_ours=False))
        self._count += 1
        key = hashlib.sha256(f"{number} {self._count}".encode()).hexdigest()
        await self._tell({"device": _DEVICE, "sender": number, "message": words, "name": "", "inboxid": key[:24]})

    # -- what people see and do ----------------------------------------------------------------------------------------

    async def _list(self, _request: web.Request) -> web.Response:
        rows = "".join(
            f'<li><a href="/telepon/{one.number}">+{one.number}</a>: {len(one.lines)} pesan</li>'
            for one in self._telephones.values()
        )
        return _page(f"<h1>Telepon Contoh</h1><ul>{rows or '<li>Belum ada pesan.</li>'}</ul>")

    async def _show(self, request: web.Request) -> web.Response:
        telephone = self._found(request)
        lines = "".join(
            f'<p class="{"ours" if one.is_ours else "theirs"}">{html.escape(one.text)}</p>' for one in telephone.lines
        )
        words = "".join(f'<button name="message" value="{word}">{word}</button> ' for word in _KEYWORDS)
        return _page(
            f'<p><a href="/">Semua telepon</a></p><h1>+{telephone.number}</h1>{lines}'
            f'<form method="post">{words}</form><form method="post"><label>Tulis ke penyedia internet '
            '<input name="message" maxlength="500" autocomplete="off" required></label> <button>Kirim</button></form>'
        )

    async def _write(self, request: web.Request) -> web.Response:
        telephone, form = self._found(request), await request.post()
        words = str(form.get("message", "")).strip()[:500]
        if words:
            await self.write(telephone.number, words)
            await asyncio.sleep(_READ_SECONDS)  # so that the answer mostly stands below it already
        raise web.HTTPSeeOther(f"/telepon/{telephone.number}")

    def _found(self, request: web.Request) -> _Telephone:
        telephone = self._telephones.get(request.match_info["number"])
        if telephone is None:
            raise web.HTTPNotFound
        return telephone

    def _keep(self, number: str, line: _Line) -> None:
        lines = self._telephones.setdefault(number, _Telephone(number)).lines
        lines.append(line)
        del lines[:-_MOST]

    async def _tell(self, news: dict[str, str]) -> None:
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=10)) as session,
                session.post(self._hook_url, json=news, allow_redirects=False) as answer,
            ):
                await answer.read()
        except (ClientError, OSError, TimeoutError) as error:
            logger.warning("the pretended messenger could not tell: %s", error)


@asynccontextmanager
async def pretended_messenger(
    host: str, port: int, hook_url: str, spawn: Callable[[Coroutine[Any, Any, None]], object]
) -> AsyncIterator[PretendedMessenger]:
    """Run it for as long as the block lasts."""
    messenger = PretendedMessenger(hook_url, spawn)
    runner = web.AppRunner(messenger.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    try:
        yield messenger
    finally:
        await runner.cleanup()


def _page(body: str) -> web.Response:
    text = (
        '<!doctype html><html lang="id"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Telepon Contoh</title><style>body{font:17px system-ui;max-width:30rem;margin:2rem auto;padding:0 1rem}"
        "p.ours,p.theirs{white-space:pre-wrap;overflow-wrap:anywhere;padding:.6rem .8rem;border-radius:.6rem}"
        "p.ours{background:#eee;color:#111;margin-right:3rem}p.theirs{background:#d5f5d0;color:#111;margin-left:3rem}"
        "button,input{font:inherit;padding:.5rem .8rem}form{margin:.6rem 0}</style>" + body
    )
    return web.Response(text=text, content_type="text/html")
