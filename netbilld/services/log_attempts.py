"""Writes log-in attempts from memory to the database, many at a time."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from netbilld.services.authenticate import AttemptBuffer, LoginAttempt

BATCH_ATTEMPTS: Final = 1_000
_PRUNE_EVERY_ATTEMPTS: Final = 10_000


class AttemptLog(Protocol):
    async def add(self, attempts: Sequence[LoginAttempt]) -> None: ...

    async def prune(self, keep_rows: int) -> int: ...


class AttemptWork(Protocol):
    @property
    def auth_log(self) -> AttemptLog: ...


class AttemptDatabase(Protocol):
    def write(self) -> AbstractAsyncContextManager[AttemptWork]: ...


class LogAttempts:
    """Flushes the buffer; the log keeps its newest `keep_rows`."""

    def __init__(self, database: AttemptDatabase, attempts: AttemptBuffer, keep_rows: int) -> None:
        self._database = database
        self._attempts = attempts
        self._keep_rows = keep_rows
        self._since_prune = _PRUNE_EVERY_ATTEMPTS  # the first flush prunes: the bound may have been lowered

    async def run(self) -> int:
        """Write all that waits; return how many. What can't be written goes back to wait, and the error passes on."""
        written = 0
        while batch := self._attempts.take(BATCH_ATTEMPTS):
            try:
                async with self._database.write() as work:
                    await work.auth_log.add(batch)
                    if self._since_prune + len(batch) > _PRUNE_EVERY_ATTEMPTS:
                        await work.auth_log.prune(self._keep_rows)
            except BaseException:
                self._attempts.put_back(batch)
                raise
            self._since_prune = (
                0 if self._since_prune + len(batch) > _PRUNE_EVERY_ATTEMPTS else (self._since_prune + len(batch))
            )
            written += len(batch)
        return written
