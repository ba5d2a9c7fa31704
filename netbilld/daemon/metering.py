"""Applies the journal as it grows, and lets the consequences follow: entitlement, then orders."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from netbilld.accounting.entry import JournalCursor
from netbilld.accounting.session import Session
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.journal import Journal
from netbilld.daemon.clock_watch import ClockWatch
from netbilld.services.book_usage import RememberedServices
from netbilld.services.follow_usage import FollowUsage
from netbilld.services.meter_usage import Batch, MeterUsage

IDLE_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.1  # from one batch to the next, while none is behind: ten records cost hardly more than one
PAUSE_SECONDS: Final = 0.05  # while log-ins are waiting
PAUSES_AT_FIRST: Final = 100  # a power cut's storm is over by then
PAUSES_A_BATCH: Final = 5  # from then on, for as long as it goes on
BURST_SECONDS: Final = 10.0  # a burst of accounting is answered first for so long; what goes on is applied as it comes
_REGAINED: Final = 0.25  # of them, a second
logger = logging.getLogger("netbilld.metering")


async def join(journal: Journal, database: Database) -> None:
    """See that journal and database belong together, before the journal takes its first record.

    Raises:
        StoreUnavailableError: the database is away.
        NetbilldError: the journal can't be written.
    """
    async with database.read() as work:
        applied, is_new = await work.sessions.applied(journal.identity)
    if is_new and not database.is_sqlite:
        logger.info("a new accounting journal begins in %s, beside those of other nodes", journal.directory)
    elif is_new:
        logger.warning(
            "a new accounting journal begins in %s, where the database has applied another one; "
            "what that had acknowledged and not handed over is not metered",
            journal.directory,
            extra={"event": "journal_replaced"},
        )
    if journal.continue_after(applied):
        logger.error(
            "the accounting journal in %s ends before what the database has applied of it: an old copy was put back, "
            "or the disk has lost its end. It goes on in a new segment; what it had acknowledged and not handed over "
            "is not metered",
            journal.directory,
            extra={"event": "journal_older"},
        )
    journal.note_applied(applied)


class Metering:
    """One loop over the journal.

    Attributes:
        applied: journal records applied since the start.
        on_batch: told what a batch did, as soon as that is durable.
        on_sessions: told of every session that a batch has made or changed, and which of them are new, as soon as that
            is durable.
        services: what the meter remembers of them; it is told when they change.
        on_followed: told of a batch once entitlement has followed what it metered.
        makes_way: tells whether log-ins are waiting. They go first: what is in the journal is safe, and the one who
            dials in waits now.
        is_ours: tells whether the journal is ours to apply; until it is, nothing is.
        has_burst: tells whether accounting is waiting to be answered. It goes first too, but only for the length of a
            burst: from then on as much is applied as is answered.
    """

    def __init__(
        self,
        journal: Journal,
        meter: MeterUsage,
        follow: FollowUsage,
        clock: SystemClock,
        services: RememberedServices | None = None,
    ) -> None:
        self.services: Final = services or RememberedServices()
        self._journal = journal
        self._meter = meter
        self._follow = follow
        self._clock = clock
        self._watch = ClockWatch(clock)
        self._committed = asyncio.Event()
        journal.on_commit = self._committed.set
        self.applied = 0
        self.on_sessions: Callable[[Sequence[Session], Collection[int]], None] | None = None
        self.on_batch: Callable[[Batch], None] | None = None
        self.on_followed: Callable[[Batch], None] | None = None
        self.makes_way: Callable[[], bool] | None = None
        self.has_burst: Callable[[], bool] | None = None
        self.is_ours: Callable[[], bool] = lambda: True
        self._pauses_left = PAUSES_AT_FIRST
        self._burst_seconds = BURST_SECONDS
        self._burst_looked_at_mono = clock.monotonic()
        self._hearing_since: datetime | None = None

    def hearing_since(self) -> datetime:
        """Return since when accounting has been received and applied without a gap; this moment while it is not.

        A clock that was set is a gap: to it every session seems to have been silent for as long as it was moved.
        """
        now = self._clock.now()
        by = self._watch.jumped()
        if by is not None:
            logger.warning(
                "the clock was set by %+.0f s; silence counts from now on",
                by.total_seconds(),
                extra={"event": "clock_set"},
            )
            if self._hearing_since is not None:
                self._hearing_since = now
        return self._hearing_since or now

    @property
    def parked(self) -> int:
        """Return how many records could not be metered and are left in the journal."""
        return self._meter.parked

    @property
    def doubted(self) -> int:
        """Return how many reports said more than their NAS's port can carry."""
        return self._meter.doubted

    @property
    def doubts_waiting(self) -> int:
        """Return how many of them waited for a decision when it was last looked, on any node."""
        return self._meter.doubts_waiting

    @property
    def cursor(self) -> JournalCursor | None:
        """How far the journal is applied, as far as this process knows."""
        return self._meter.cursor

    @property
    def unknown_nas(self) -> int:
        """Return how many records were passed over because the database does not know their NAS."""
        return self._meter.unknown_nas

    @property
    def behind_octets(self) -> int:
        """Return how much of the journal waits to be applied."""
        cursor = self._meter.cursor or self._journal.applied
        return self._journal.unapplied_octets(cursor) if cursor is not None else 0

    async def run(self) -> None:
        """Apply what is committed, for ever."""
        self._hearing_since = None  # also after a failure: nobody is presumed dead for what we did not read
        while True:
            self._committed.clear()
            await self._make_way()
            while not self.is_ours():
                self._hearing_since = None
                await asyncio.sleep(PAUSE_SECONDS)
            began_mono = self._clock.monotonic()
            batch = await self._meter.run_batch()
            self.applied += batch.applied
            if batch.sessions and self.on_sessions is not None:
                self.on_sessions(batch.sessions, frozenset(batch.new_session_ids))
            if self.on_batch is not None:
                self.on_batch(batch)
            await self._follow.run(batch)
            if self.on_followed is not None:
                self.on_followed(batch)
            if batch.behind:
                self._hearing_since = None
                continue
            self.hearing_since()  # each time round, so that a clock that is set back and forth is not missed
            if self._hearing_since is None:
                self._hearing_since = self._clock.now()
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._committed.wait()
            await asyncio.sleep(max(0.0, began_mono + GATHER_SECONDS - self._clock.monotonic()))

    async def _make_way(self) -> None:
        """Pause while a burst of accounting is waiting, or log-ins; but no flood of either stops metering."""
        now_mono = self._clock.monotonic()
        regained = (now_mono - self._burst_looked_at_mono) * _REGAINED
        self._burst_seconds = min(BURST_SECONDS, self._burst_seconds + regained)
        while self._burst_seconds >= PAUSE_SECONDS and self.has_burst is not None and self.has_burst():
            self._burst_seconds -= PAUSE_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)
        self._burst_looked_at_mono = self._clock.monotonic()
        for _ in range(max(PAUSES_A_BATCH, self._pauses_left)):
            if self.makes_way is None or not self.makes_way():
                self._pauses_left = PAUSES_AT_FIRST
                return
            self._pauses_left -= 1
            await asyncio.sleep(PAUSE_SECONDS)

    def prune(self, keep: timedelta) -> int:
        """Delete journal segments that are applied and older than `keep`; return how many."""
        if self._meter.cursor is None:
            return 0
        return self._journal.prune(self._meter.cursor, self._clock.now() - keep)
