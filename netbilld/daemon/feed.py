"""Follows the table of changes: woken by a nudge, by NOTIFY on PostgreSQL, and by the clock if both are lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

import asyncpg

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.changes import CHANNEL, Change
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import connected
from netbilld.model.errors import StoreUnavailableError

POLL_SECONDS: Final = 0.5
OVERLAP: Final = timedelta(seconds=10)  # PostgreSQL: the longest a change's transaction may take to commit unseen
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
        self._seen: dict[int, Change] = {}
        # SQLite commits in the order in which it gives out numbers: nothing can slip in behind
        self._overlap = timedelta(0) if database.is_sqlite else OVERLAP
        self.wake = asyncio.Event()

    async def start_after_newest(self, database: Database | None = None) -> None:
        """Begin with what comes from now on; the caller reads everything older itself.

        Args:
            database: what to ask, where it is not the one that is followed.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with (database or self._database).read() as work:
            self._newest = await work.changes.newest_id()
            recent = await work.changes.since(self._newest, overlap=self._overlap, now=self._clock.now())
        self._seen = {change.id: change for change in recent}

    async def step(self) -> None:
        """Hand over what is new."""
        now = self._clock.now()
        async with self._database.read() as work:
            found = await work.changes.since(self._newest, overlap=self._overlap, now=now)
        fresh = [change for change in found if change.id not in self._seen]
        if fresh:
            await self._handle(fresh)
            self._newest = max(self._newest, *(change.id for change in fresh))
            self._seen.update((change.id, change) for change in fresh)
        horizon = now - 2 * OVERLAP
        self._seen = {number: change for number, change in self._seen.items() if change.at > horizon}
        if self.on_step is not None:
            self.on_step(bool(fresh))

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
