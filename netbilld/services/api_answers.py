"""What a request of the JSON API was answered with, so that the same request again is answered alike.

Answers are kept sealed: that of a sale holds the codes of vouchers.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

KEEP: Final = timedelta(days=7)
_IN_CLEAR: Final = "{"  # what was kept before answers were sealed begins with it


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, and the fingerprint of the request that it is for."""

    request_digest: str
    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)


class Answers(Protocol):
    async def answer(self, token_id: UUID, key: str) -> KeptAnswer | None: ...

    async def keep_answer(self, token_id: UUID, key: str, answer: KeptAnswer, at: datetime) -> None: ...

    async def forget_answers(self, before: datetime) -> None: ...


class Work(Protocol):
    @property
    def api_tokens(self) -> Answers: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    """Seals bodies of answers, and opens them."""

    def seal(self, clear: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes: ...


class ApiAnswers:
    """Keeps answers by token and idempotency key for a week."""

    def __init__(self, store: Store, box: Box) -> None:
        self._store, self._box = store, box

    async def find(self, token_id: UUID, key: str) -> KeptAnswer | None:
        """Return what was answered under that key."""
        async with self._store.read() as work:
            kept = await work.api_tokens.answer(token_id, key)
        if kept is None or kept.body.startswith(_IN_CLEAR):
            return kept
        return replace(kept, body=self._box.open(bytes.fromhex(kept.body), _place(token_id, key)).decode())

    async def keep(self, token_id: UUID, key: str, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer, and forget those that are too old."""
        sealed = replace(answer, body=self._box.seal(answer.body.encode(), _place(token_id, key)).hex())
        async with self._store.write() as work:
            await work.api_tokens.keep_answer(token_id, key, sealed, now)
            await work.api_tokens.forget_answers(now - KEEP)


def _place(token_id: UUID, key: str) -> str:
    return f"api_answers.body:{token_id}:{key}"
