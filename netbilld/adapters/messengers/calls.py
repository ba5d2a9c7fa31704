"""One HTTP request to a messenger, and whether it left: what is known to be lost may be repeated, what may not may not.

Each request has a connection of its own. On one that was kept, a request that meets the other side's closing it would
look like one that was taken and not answered.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    FormData,
    InvalidURL,
    TCPConnector,
)

from netbilld.ports.messages import Attachment, Delivery, Handed, Outgoing, verdict

READ_OCTETS: Final = 64 * 1024
CONNECT_SECONDS: Final = 10.0
PDF: Final = "application/pdf"
LONGEST_CAPTION: Final = 1024
_WORDS: Final = 200
_HIDDEN: Final = "***"
_LEAST_SECRET: Final = 6  # shorter ones stand in ordinary words
_TOO_MANY: Final = 429
_LONGEST_WAIT: Final = 86_400
_NOT_THERE: Final = frozenset((404, 405, 410))  # it is no interface that answers: of the message nothing is said


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    retry_seconds: float | None = None

    def document(self) -> Any:
        """Return the body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object, its keys in small letters; an empty one where it is none."""
        found = self.document()
        return {str(key).casefold(): value for key, value in found.items()} if isinstance(found, dict) else {}

    def words(self) -> str:
        """Return the body as a short text."""
        return shortened(self.body.decode("utf-8", "replace")) or f"answered {self.status}"


@dataclass(frozen=True, slots=True)
class Calls:
    """Sends requests to one messenger; `secrets` are kept out of what is told of an error."""

    timeout_seconds: float = 30.0
    secrets: Sequence[str] = field(default=(), repr=False)

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        file: tuple[str, Attachment] | None = None,
    ) -> Answer | Handed:
        """Send a request; return the answer, or what its failing means for the message in it.

        With a `file`, a field's name and what is in it, the form goes as one of several parts (RFC 7578).
        """
        try:
            async with (
                asyncio.timeout(self.timeout_seconds + CONNECT_SECONDS),
                ClientSession(
                    connector=TCPConnector(force_close=True),
                    timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.timeout_seconds),
                ) as session,
                session.request(
                    method,
                    url,
                    headers=dict(headers or {}),
                    json=json_body,
                    data=_parts(form or {}, file) if file is not None else dict(form) if form is not None else None,
                    params=dict(query) if query is not None else None,
                    allow_redirects=False,
                ) as answer,
            ):
                body = self._hidden(await _read(answer.content))
                return Answer(answer.status, body, _retry_after(answer.headers))
        except (ClientConnectorError, ConnectionTimeoutError, InvalidURL) as failed:
            return Handed(Delivery.PAUSE, f"can't be reached: {self._without_secrets(failed)}")
        except TimeoutError:
            return Handed(Delivery.UNSURE, f"no answer within {self.timeout_seconds:g} s")
        except (ClientError, OSError, ValueError) as failed:
            return Handed(Delivery.UNSURE, f"the answer was lost: {self._without_secrets(failed)}")

    def _hidden(self, body: bytes) -> bytes:
        """Return a body without what it repeats of our secrets: its words are shown to the staff."""
        for secret in self.secrets:
            if len(secret) >= _LEAST_SECRET:
                body = body.replace(secret.encode(), _HIDDEN.encode())
        return body

    def _without_secrets(self, failed: BaseException) -> str:
        words = f"{type(failed).__name__}: {failed}"
        for secret in self.secrets:
            if secret:
                words = words.replace(secret, _HIDDEN)
        return shortened(words)


def _parts(form: Mapping[str, str], file: tuple[str, Attachment]) -> FormData:
    parts = FormData()
    for name, value in form.items():
        parts.add_field(name, value)
    name, attachment = file
    parts.add_field(name, attachment.octets, filename=attachment.name, content_type=PDF)
    return parts


async def with_document(
    message: Outgoing, send: Callable[[Outgoing], Awaitable[Handed]], longest_caption: int = LONGEST_CAPTION
) -> Handed:
    """Hand a message over with its document; where that is refused, or its words are too many, the words alone.

    What is refused has not left, so nobody is told twice. A plan or release without files refuses in the words of a
    log-in that is none, or has no such address: whether it is that, the words alone will tell.
    """
    if message.attachment is None or len(message.text) > longest_caption:
        return await send(replace(message, attachment=None))
    handed = await send(message)
    if handed.delivery is Delivery.NEVER or handed.log_in:
        return await send(replace(message, attachment=None))
    return handed


class KeepsNothing:
    """What a driver has whose every request has a connection of its own."""

    async def rest(self) -> None:
        """Do nothing: a request keeps no connection."""

    def close(self) -> None:
        """Do nothing: a request that is broken off closes its connection."""


def by_status(answer: Answer, said: str) -> Handed:
    """Return what an answer means whose status alone speaks."""
    if 300 <= answer.status < 400 or answer.status in _NOT_THERE:
        return Handed(Delivery.PAUSE, f"{answer.status} {said}", answer.retry_seconds, log_in=True)
    delivery = verdict(answer.status)
    if delivery is Delivery.ACCEPTED:  # a body that was not understood: it may have been taken
        return Handed(Delivery.UNSURE, said)
    log_in = delivery is Delivery.PAUSE and answer.status != _TOO_MANY
    return Handed(delivery, f"{answer.status} {said}", answer.retry_seconds, log_in=log_in)


def shortened(text: str) -> str:
    """Return somebody else's words as one short line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:2000]).split())[:_WORDS]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds to wait (RFC 9110 §10.2.3), a date being held against their own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value[:9]), _LONGEST_WAIT))
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, min(wait.total_seconds(), float(_LONGEST_WAIT)))


async def _read(content: Any) -> bytes:
    found = bytearray()
    while len(found) < READ_OCTETS and (piece := await content.read(READ_OCTETS - len(found))):
        found += piece
    return bytes(found)
