"""Messengers for tests, on a real socket: each answers as its specification says, and misbehaves when told to."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

TOKEN: Final = "token-of-a-test-0001"
DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Messenger:
    """A messenger of one make.

    `ways` says by number what it does instead of taking a message: an HTTP status (`"503"`, `"429:7"` with a
    Retry-After), `refuse` (its own words for a number that is none), `token` (its own words for a log-in that is none),
    `hang_up` and `mute`: it takes the message, and nobody hears of it. With `once:` before it
    it does so once. Where it `carries_none`, documents are refused in its own words; where it `knows_none`, as what its
    plan or release doesn't have.
    """

    make: str
    ways: dict[str, str] = field(default_factory=dict)
    everybody: str = ""
    carries_none: bool = False
    knows_none: bool = False
    calls: list[Call] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)  # number, words
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self) -> Counter[str]:
        """Return how often each number was told something."""
        return Counter(to for to, _ in self.taken)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any]
        if request.content_type.startswith("multipart"):
            fields = await request.post()
            body = {name: value for name, value in fields.items() if isinstance(value, str)}
            files = [value for value in fields.values() if isinstance(value, web.FileField)]
            body["file"] = (files[0].filename, files[0].content_type, files[0].file.read())
        else:
            raw = await request.read()
            body = json.loads(raw) if "json" in request.content_type else dict(parse_qsl(raw.decode()))
        body = body or dict(request.query)
        if request.path.endswith("/media"):  # a document that a message will name
            self.calls.append(Call(request.path, dict(request.headers), body))
            takes_none = self.carries_none or self.knows_none
            return web.Response(status=500) if takes_none else _json({"id": "media-1"})
        is_document = "file" in body or "media" in body or body.get("type") == "document"
        if is_document and (self.carries_none or self.knows_none):
            self.calls.append(Call(request.path, dict(request.headers), body))
            if self.carries_none:
                return _NO_FILES[self.make]()
            is_said = self.make == "fonnte"
            return _json({"status": False, "reason": "not in your package"}) if is_said else web.Response(status=404)
        self.calls.append(Call(request.path, dict(request.headers), body))
        to, words = _TAKES[self.make](body)
        number = "".join(sign for sign in to.partition("@")[0] if sign in DIGITS)
        number = "62" + number[1:] if number.startswith("0") else number
        way = self.ways.get(number, self.everybody)
        if way.startswith("once:"):
            way = self.ways.pop(number).removeprefix("once:")
        if way in {"hang_up", "mute"}:
            self.taken.append((number, words))
            if way == "mute":
                await self.released.wait()
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if way == "window" and body["type"] == "text":
            return _json(_error(131047, "Re-engagement message"), 400)
        if way in {"refuse", "token"}:
            return _REFUSES[self.make](way, number)
        if way and way != "window":
            status, _, seconds = way.partition(":")
            return web.Response(status=int(status), headers={"Retry-After": seconds} if seconds else {}, text="busy")
        self.taken.append((number, words))
        return _SAYS_YES[self.make](f"{self.make}-{len(self.taken)}", number, words)


def _cloud_words(body: dict[str, Any]) -> tuple[str, str]:
    if body["type"] == "template":
        components = body["template"].get("components", [])
        values = [one["text"] for part in components for one in part["parameters"]]
        return body["to"], "|".join((body["template"]["name"], *values))
    return body["to"], body["document"]["caption"] if body["type"] == "document" else body["text"]["body"]


_TAKES: Final[dict[str, Callable[[dict[str, Any]], tuple[str, str]]]] = {
    "whatsapp_cloud": _cloud_words,
    "fonnte": lambda body: (body["target"], body["message"]),
    "wablas": lambda body: (body["data"][0]["phone"], body["data"][0]["message"]),
    "starsender": lambda body: (body["to"], body["body"]),
    "waha": lambda body: (body["chatId"], body.get("text") or body["caption"]),
    "gowa": lambda body: (body["phone"], body.get("message") or body["caption"]),
    "evolution": lambda body: (body["number"], body.get("text") or body["caption"]),
    "telegram": lambda body: (str(body["chat_id"]), body["text"]),
    "zenziva": lambda body: (body["to"], body["message"]),
}


def _json(document: Any, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


_SAYS_YES: Final[dict[str, Callable[[str, str, str], web.Response]]] = {
    "whatsapp_cloud": lambda key, to, _: _json({
        "messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": key, "message_status": "accepted"}],
    }),
    "fonnte": lambda key, to, _: _json({
        "detail": "success! message in queue", "id": [key], "process": "pending", "requestid": 3000001, "Status": True,
        "target": [to],
    }),
    "wablas": lambda key, to, words: _json({
        "status": True, "message": "Message is pending and waiting to be processed",
        "data": {"device_id": "D", "quota": 998, "messages": [
            {"id": key, "phone": to, "message": words, "status": "pending"}]},
    }),
    "starsender": lambda key, _, __: _json({"success": True, "data": {"id": key}, "message": "Success sent message"}),
    "waha": lambda key, _, words: _json({"id": {"fromMe": True, "_serialized": key}, "body": words}, 201),
    "gowa": lambda key, _, __: _json({"code": "SUCCESS", "message": "sent", "results": {"message_id": key}}),
    "evolution": lambda key, to, _: _json({
        "key": {"remoteJid": f"{to}@s.whatsapp.net", "fromMe": True, "id": key}, "messageTimestamp": "1767600000",
        "status": "PENDING",
    }, 201),
    "telegram": lambda key, to, words: _json({
        "ok": True, "result": {"message_id": key, "chat": {"id": to}, "text": words}}),
    "zenziva": lambda key, to, _: _json({
        "messageId": key, "to": to, "status": "1", "text": "Success", "cost": "350", "balance": "1000"}),
}  # fmt: skip


def _error(code: int, words: str) -> dict[str, Any]:
    return {"error": {"message": f"(#{code}) {words}", "type": "OAuthException", "code": code,
                      "error_data": {"messaging_product": "whatsapp", "details": "details"}}}  # fmt: skip


_REFUSES: Final[dict[str, Callable[[str, str], web.Response]]] = {
    "whatsapp_cloud": lambda way, _: (
        _json(_error(131026, "Message undeliverable"), 400)
        if way == "refuse"
        else _json(_error(190, f"Error validating access token {TOKEN}"), 401)
    ),
    "fonnte": lambda way, _: _json(
        {"status": False, "reason": "target invalid" if way == "refuse" else "token invalid"}
    ),
    "wablas": lambda way, _: (
        _json({"status": False, "message": "phone number is not registered"}, 200)
        if way == "refuse"
        else _json({"status": False, "message": "token invalid"}, 401)
    ),
    "starsender": lambda way, _: _json(
        {"success": False, "message": "number not registered" if way == "refuse" else "api key not found"}
    ),
    "waha": lambda way, _: (
        _json({"statusCode": 400, "message": "No LID for user"}, 400)
        if way == "refuse"
        else _json({"message": "Unauthorized", "statusCode": 401}, 401)
    ),
    "gowa": lambda way, _: (
        _json({"code": "INVALID_JID", "message": "your JID is invalid"}, 400)
        if way == "refuse"
        else _json({"code": "UNAUTHORIZED", "message": "unauthorized"}, 401)
    ),
    "evolution": lambda way, to: (
        _json({"status": 400, "error": "Bad Request", "response": {"message": [{"exists": False, "number": to}]}}, 400)
        if way == "refuse"
        else _json({"status": 401, "error": "Unauthorized"}, 401)
    ),
    "telegram": lambda way, _: (
        _json({"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}, 403)
        if way == "refuse"
        else _json({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
    ),
    "zenziva": lambda way, to: _json(
        {"messageId": "", "to": to, "status": "0", "text": "Invalid number" if way == "refuse" else "wrong passkey"}
    ),
}


_NO_FILES: Final[dict[str, Callable[[], web.Response]]] = {
    "whatsapp_cloud": lambda: _json(_error(131053, "Media upload error"), 400),
    "fonnte": lambda: _json({"status": False, "reason": "file format not supported"}),
    "waha": lambda: _json({"error": "The feature is available only in Plus version"}, 422),
    "gowa": lambda: _json({"code": "VALIDATION_ERROR", "message": "file: too large"}, 400),
    "evolution": lambda: _json({"status": 400, "error": "Bad Request", "response": {"message": ["no media"]}}, 400),
}


@asynccontextmanager
async def messenger(make: str, **told: Any) -> AsyncIterator[Messenger]:
    """Run one on a port of its own."""
    one = Messenger(make, **told)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    one.url = f"http://{host}:{port}"
    try:
        yield one
    finally:
        one.released.set()
        await runner.cleanup()
