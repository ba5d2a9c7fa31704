"""What a request of the JSON API was answered with, so that the same request again is answered alike."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

KEEP: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, and the fingerprint of the request that it is for."""

    request_digest: str
    status: int
    headers: Mapping[str, str]
    body: str


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


class ApiAnswers:
    """Keeps answers by token and idempotency key for a week."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, token_id: UUID, key: str) -> KeptAnswer | None:
        """Return what was answered under that key."""
        async with self._store.read() as work:
            return await work.api_tokens.answer(token_id, key)

    async def keep(self, token_id: UUID, key: str, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer, and forget those that are too old."""
        async with self._store.write() as work:
            await work.api_tokens.keep_answer(token_id, key, answer, now)
            await work.api_tokens.forget_answers(now - KEEP)
