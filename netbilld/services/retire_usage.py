"""RetireUsage: which months of slices, hours and raw records have been kept long enough."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from typing import Any, Protocol


class Retention(Protocol):
    async def let_go(self, table: str, before_on: date) -> list[str]: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Any]: ...


class RetireUsage:
    """Counts whole calendar months (UTC); the running one is always kept, and hours until they are rolled up."""

    def __init__(self, store: Store, retention: Retention, keep_months: Mapping[str, int]) -> None:
        """Take how many months beside the running one each table keeps; 0 keeps it for ever."""
        self._store = store
        self._retention = retention
        self._keep_months = keep_months

    async def run(self, now: datetime) -> list[str]:
        """Let go of what is old enough; return what was.

        Raises:
            StoreUnavailableError: the database is away.
            NetbilldError: a file can't be written.
        """
        gone: list[str] = []
        for table, months in self._keep_months.items():
            if not months:
                continue
            before_on = months_before(now.astimezone(UTC).date(), months)
            if table == "usage_hours":
                async with self._store.read() as work:
                    mark = await work.usage.mark()
                if mark is None:
                    continue
                before_on = min(before_on, mark.astimezone(UTC).date().replace(day=1))
            gone += await self._retention.let_go(table, before_on)
        return gone


def months_before(on: date, months: int) -> date:
    """Return the first day of the month that many months before a day's."""
    number = on.year * 12 + on.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
