"""Writes log-in attempts from memory to the database, many at a time."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt

BATCH_ATTEMPTS: Final = 20_000  # written in one transaction; the store takes them in small portions
HEARD_EVERY: Final = timedelta(seconds=10)  # a NAS that lets people in all day need not be noted at each
_PRUNE_EVERY_ATTEMPTS: Final = 10_000


class AttemptLog(Protocol):
    async def add(self, attempts: Sequence[LoginAttempt]) -> None: ...

    async def prune(self, keep_rows: int, gone: int = 0) -> int: ...


class NasNotes(Protocol):
    async def heard(self, nas_id: UUID, at: datetime) -> None: ...


class AttemptWork(Protocol):
    @property
    def auth_log(self) -> AttemptLog: ...
    @property
    def nas(self) -> NasNotes: ...


class AttemptDatabase(Protocol):
    def write(self) -> AbstractAsyncContextManager[AttemptWork]: ...


class LogAttempts:
    """Flushes the buffer; the log keeps its newest `keep_rows`. Whoever was let in shows that the NAS was heard."""

    def __init__(self, database: AttemptDatabase, attempts: AttemptBuffer, keep_rows: int) -> None:
        self._database = database
        self._attempts = attempts
        self._keep_rows = keep_rows
        self._heard_at: dict[UUID, datetime] = {}
        self._since_prune = _PRUNE_EVERY_ATTEMPTS  # the first flush prunes: the bound may have been lowered
        self._gone = 0  # up to this number there is nothing left

    async def run(self) -> int:
        """Write all that waits; return how many. What can't be written goes back to wait, and the error passes on."""
        written = 0
        while batch := self._attempts.take(BATCH_ATTEMPTS):
            since_prune, gone = self._since_prune + len(batch), self._gone
            try:
                async with self._database.write() as work:
                    await work.auth_log.add(batch)
                    if since_prune > _PRUNE_EVERY_ATTEMPTS:
                        since_prune, gone = 0, await work.auth_log.prune(self._keep_rows, gone)
            except BaseException:
                self._attempts.put_back(batch)
                raise
            self._since_prune, self._gone = since_prune, gone
            written += len(batch)
            await self._note_heard(batch)
        return written

    async def _note_heard(self, batch: Sequence[LoginAttempt]) -> None:
        """Note when NAS were heard, by those let in: what is refused may come from anyone, without the secret."""
        for nas_id, at in {attempt.nas_id: attempt.at for attempt in batch if attempt.result == "accept"}.items():
            noted_at = self._heard_at.get(nas_id)
            if noted_at is None or at - noted_at >= HEARD_EVERY:
                async with self._database.write() as work:  # one each: metering locks several, in its own order
                    await work.nas.heard(nas_id, at)
                self._heard_at[nas_id] = at
