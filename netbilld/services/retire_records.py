"""RetireRecords: messages, steps of dunning and orders to routers are kept for their time; what is money stays."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

_AT_ONCE: Final = 1_000  # looked at in one transaction


class OldRecords(Protocol):
    async def let_go(self, kind: str, before_at: datetime, after_id: int, most: int) -> tuple[int, int | None]: ...


class Work(Protocol):
    @property
    def old_records(self) -> OldRecords: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class RetireRecords:
    """A little in each transaction, so that nobody waits; safe to kill and to run twice at once."""

    def __init__(self, store: Store, keep: Mapping[str, timedelta]) -> None:
        """Take for how long each kind of record is kept."""
        self._store, self._keep = store, keep

    async def run(self, now: datetime) -> Mapping[str, int]:
        """Let go of what is over and old enough; return how many of each kind went.

        Raises:
            StoreUnavailableError: the database is away.
        """
        gone: dict[str, int] = {}
        for kind, keep in self._keep.items():
            after_id: int | None = 0
            while after_id is not None:
                async with self._store.write() as work:
                    count, after_id = await work.old_records.let_go(kind, now - keep, after_id, _AT_ONCE)
                gone[kind] = gone.get(kind, 0) + count
        return gone
