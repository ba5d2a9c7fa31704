"""Follows the table of changes: woken by a nudge, by NOTIFY on PostgreSQL, and by the clock if both are lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

import asyncpg

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.changes import CHANNEL, Change
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import connected
from netbilld.model.errors import StoreUnavailableError

POLL_SECONDS: Final = 0.5
LATE_SECONDS: Final = 10.0  # PostgreSQL: the longest a change's transaction may take to commit unseen
MOST_LATE: Final = 20_000  # numbers; as many as an import gives out in one transaction, and more
logger = logging.getLogger("netbilld.feed")


class ChangeFeed:
    """Hands each change to `handle` once.

    Attributes:
        on_step: called each time everything that was new has been handed over; with whether anything was.
    """

    def __init__(
        self, database: Database, clock: SystemClock, handle: Callable[[list[Change]], Awaitable[None]]
    ) -> None:
        self.on_step: Callable[[bool], None] | None = None
        self._database = database
        self._clock = clock
        self._handle = handle
        self._newest = 0
        self._missed: dict[int, float] = {}  # numbers that were not there when a higher one was, and since when
        # SQLite commits in the order in which it gives out numbers: nothing can slip in behind
        self._most_late = 0 if database.is_sqlite else MOST_LATE
        self.wake = asyncio.Event()

    async def start_after_newest(self, database: Database | None = None) -> None:
        """Begin with what comes from now on; the caller reads everything older itself.

        Args:
            database: what to ask, where it is not the one that is followed.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with (database or self._database).read() as work:
            there = await work.changes.newest_ids(max(1, self._most_late))
        self._newest = there[0] if there else 0
        self._missed = {}
        self._miss(0, there)

    async def step(self) -> None:
        """Hand over what is new."""
        horizon_mono = self._clock.monotonic() - LATE_SECONDS
        async with self._database.read() as work:
            fresh = await work.changes.since(self._newest, self._missed.keys())
        if fresh:
            await self._handle(fresh)
            before, there = self._newest, [change.id for change in fresh]
            self._newest = max(before, *there)
            self._miss(before, there)
        if self._missed:
            self._missed = {number: at_mono for number, at_mono in self._missed.items() if at_mono > horizon_mono}
        if self.on_step is not None:
            self.on_step(bool(fresh))

    def _miss(self, known: int, there: Iterable[int]) -> None:
        """Note which numbers between what was known and the newest may still come."""
        at_mono = self._clock.monotonic()
        for number in range(max(known, self._newest - self._most_late) + 1, self._newest):
            self._missed[number] = at_mono
        for number in there:
            self._missed.pop(number, None)

    async def follow(self) -> None:
        """Hand over changes for ever."""
        while True:
            await self.step()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self.wake.wait()
            self.wake.clear()

    async def listen(self) -> None:
        """Be woken by PostgreSQL's NOTIFY; polling goes on beside it.

        Raises:
            StoreUnavailableError: the database is away.
        """
        connection = await connected(self._database)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(CHANNEL, lambda *_arguments: self.wake.set())
            await ended.wait()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailableError(f"the database does not answer: {error}") from error
        finally:
            connection.terminate()  # nothing is under way on it, and a server that hangs would not take leave
