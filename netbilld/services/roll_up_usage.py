"""RollUpUsage: adds hours that are over to days and months, so that pages of months and years read few rows."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from netbilld.model.periods import LocalDay, local_days

SETTLE: Final = timedelta(minutes=20)  # after its end an hour gets what the reports that span it bring
STEP: Final = timedelta(hours=6)  # at most in one transaction: the meter waits for it


class Usage(Protocol):
    async def mark(self) -> datetime | None: ...
    async def hold_roll_up(self) -> None: ...
    async def zones(self) -> list[str]: ...
    async def first_hour(self, from_at: datetime | None) -> datetime | None: ...
    async def roll_up(self, days: Sequence[LocalDay], nas_days: Sequence[LocalDay], until_at: datetime) -> None: ...


class Work(Protocol):
    @property
    def usage(self) -> Usage: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class RollUpUsage:
    """Safe to run on several nodes at once, and to be broken off anywhere.

    Days and months hold the hours before a mark and no other, at every moment: what is rolled up and the mark are one
    transaction, and what comes later for such an hour the meter adds to its day and month itself.
    """

    def __init__(self, store: Store, timezone: str) -> None:
        """Take what to work with; `timezone` is that of the days of NAS."""
        self._store = store
        self._timezone = timezone

    async def run(self, now: datetime) -> int:
        """Roll up every hour that is over; return in how many steps.

        Raises:
            StoreUnavailableError: the database is away; the steps done stay done.
        """
        until_at = _hour(now - SETTLE)
        steps = 0
        while await self._step(until_at):
            steps += 1
        return steps

    async def _step(self, until_at: datetime) -> bool:
        async with self._store.read() as work:
            mark = await work.usage.mark()
        if mark is not None and mark >= until_at:
            return False
        async with self._store.write() as work:
            await work.usage.hold_roll_up()
            if await work.usage.mark() != mark:  # another node was first
                return True
            from_at = mark
            if from_at is None or until_at - from_at > STEP:
                # empty years are passed over: one report of a clock that was years off must not cost a thousand steps
                first_at = await work.usage.first_hour(mark)
                from_at = until_at if first_at is None else min(_hour(first_at), until_at)
                from_at = max(from_at, mark or from_at)
            to_at = min(_hour(from_at) + STEP, until_at)
            zones = await work.usage.zones() if from_at < to_at else []
            await work.usage.roll_up(
                [day for zone in zones for day in local_days(from_at, to_at, zone)],
                local_days(from_at, to_at, self._timezone),
                to_at,
            )
        return True


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
