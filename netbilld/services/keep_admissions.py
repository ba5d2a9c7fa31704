"""KeepAdmissions: what admission lives by and what follows from it, off the reply path.

Sessions that are to end are marked in the store, where the reconciler takes them up and keeps trying; a mark that is
lost because this process dies before it is written is made again when the new session's Start is metered. What is found
open at a start is not held against the limit: who of them is a ghost can't be told before they had time to speak. A
lesson that is lost is learned at the next log-in.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.accounting.stale import SilencePolicy
from netbilld.enforcement.session_limit import Hearing, HeldSession, surplus
from netbilld.model.actor import Actor
from netbilld.ports.changes import Changes
from netbilld.ports.clock import Clock
from netbilld.radius.terms import AccessTerms
from netbilld.services.admission import Admit
from netbilld.services.learned_locks import LearnedLocks, Lesson
from netbilld.services.live_sessions import LiveSessions, OpenSessions

_log = logging.getLogger("netbilld.admission")

BATCH_ENDS: Final = 500
BATCH_LESSONS: Final = 1_000
# Sessions that other nodes meter are read this often while there are such nodes; everything now and then, in case
# memory and store have parted.
OTHERS_SECONDS: Final = 5.0
EVERYTHING: Final = timedelta(minutes=5)
_OTHERS_ACTIVE: Final = timedelta(minutes=10)
ADMISSION: Final = Actor("system", "log-in")


class SessionMarks(Protocol):
    async def request_disconnect(self, session_id: int, by: str, at: datetime) -> bool: ...


class Locks(Protocol):
    async def learn(self, lessons: Sequence[Lesson]) -> Sequence[Lesson]: ...


class Sessions(OpenSessions, Protocol):
    async def journals(self, journal: UUID, since: datetime) -> tuple[int | None, bool]: ...

    async def held(self, session_ids: Collection[int]) -> Sequence[HeldSession]: ...


class ReadWork(Protocol):
    @property
    def sessions(self) -> Sessions: ...


class WriteWork(Protocol):
    @property
    def sessions(self) -> SessionMarks: ...
    @property
    def locks(self) -> Locks: ...
    @property
    def changes(self) -> Changes: ...


class Database(Protocol):
    def read(self) -> AbstractAsyncContextManager[ReadWork]: ...
    def write(self) -> AbstractAsyncContextManager[WriteWork]: ...


class KeepAdmissions:
    """Feeds `LiveSessions` and writes down what `Admit` decided.

    Args:
        database: where sessions and locks are kept.
        journal: the identity of our own journal.
        clock: tells the time.
        admit, live, learned: what is kept.
        silence: when a session counts as a ghost.
        hearing_since: since when accounting has been received and applied without a gap.
        terms_of: a service's terms, None for none.
        order: called with sessions that were marked to end.
        changed: called when there is something in the feed of changes.

    Attributes:
        tell: called with sessions that have begun or ended, once that is durable and while other nodes are there.
    """

    def __init__(
        self,
        database: Database,
        journal: UUID,
        clock: Clock,
        admit: Admit,
        live: LiveSessions,
        learned: LearnedLocks,
        silence: SilencePolicy,
        hearing_since: Callable[[], datetime],
        terms_of: Callable[[UUID], AccessTerms | None],
        order: Callable[[Iterable[int]], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._admit = admit
        self._live = live
        self._learned = learned
        self._silence = silence
        self._hearing_since = hearing_since
        self._terms_of = terms_of
        self._order = order
        self._changed = changed
        self._everything_at: datetime | None = None
        self._number: int | None = None  # of our own journal
        self._has_company = False
        self.tell: Callable[[Collection[int]], None] | None = None

    # -- what is heard -------------------------------------------------------------------------------------------------

    def metered(self, sessions: Collection[Session], new: Collection[int]) -> None:
        """Take in sessions as the meter has just made them, those it has heard of for the first time named as new."""
        heard = self._live.take(sessions, new)
        now = self._clock.now()
        for session in heard.doomed:
            self._admit.end(session, "session limit: replaced", now)
        self._limit(heard.opened, now)
        if self._has_company:
            self._tell_others([one.id for one in sessions if one.id in new or one.stopped_at is not None])

    def over(self, session_ids: Collection[int]) -> None:
        """Forget sessions that ended otherwise than by the meter."""
        self._live.drop(session_ids)
        if self._has_company:
            self._tell_others(session_ids)

    async def heard(self, session_ids: Collection[int]) -> None:
        """Look at sessions that another node tells of: they have begun, or ended.

        Raises:
            StoreUnavailableError: the database is away; `sync` finds them later.
        """
        async with self._database.read() as work:
            open_ones = await work.sessions.held(session_ids)
            if self._number is None:
                self._number, _ = await work.sessions.journals(self._journal, self._clock.now())
        self._limit(self._live.hear(session_ids, open_ones, self._number), self._clock.now())

    def _tell_others(self, session_ids: Collection[int]) -> None:
        if self.tell is not None and session_ids:
            self.tell(session_ids)

    def refreshed(self, service_ids: Collection[UUID]) -> None:
        """Believe the terms of these services: they have just been read anew."""
        self._learned.refreshed(service_ids)

    async def sync(self) -> None:
        """Read open sessions from the store: all of them at first and now and then, else those of other nodes.

        Raises:
            StoreUnavailableError: the database is away; memory stays as it is.
        """
        now = self._clock.now()
        async with self._database.read() as work:
            self._number, self._has_company = await work.sessions.journals(self._journal, now - _OTHERS_ACTIVE)
        if self._everything_at is None or not self._everything_at - EVERYTHING <= now < self._everything_at:
            opened = await self._live.load(self._database)
            self._everything_at = now + EVERYTHING
        else:
            if not self._has_company or self._number is None:
                return
            opened = await self._live.load(self._database, self._number)
        self._limit(opened, self._clock.now())

    def _limit(self, opened: Iterable[HeldSession], now: datetime) -> None:
        """End what is too much now that these have begun: past us, or on another node."""
        hearing: Hearing | None = None
        for session in opened:
            terms = self._terms_of(session.service_id)
            if terms is None or terms.sessions_allowed is None:
                continue
            if hearing is None:
                hearing = Hearing(self._silence, now, self._hearing_since())
            held = self._live.of(session.service_id)
            for one in surplus(held, terms.sessions_allowed, terms.second_login, hearing):
                self._admit.end(one, "session limit: too many", now)

    # -- what follows --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write down what is to end and what was learned.

        Raises:
            StoreUnavailableError: the database is away; it is tried again at the next call.
        """
        await self._write_ends()
        await self._write_lessons()

    async def _write_ends(self) -> None:
        while orders := self._admit.take_ends(BATCH_ENDS):
            try:
                async with self._database.write() as work:
                    for order in orders:
                        assert order.session.id is not None  # noqa: S101 - others are not ordered
                        await work.sessions.request_disconnect(order.session.id, order.by, order.at)
            except BaseException:
                self._admit.put_back_ends(orders)
                raise
            for order in orders:
                _log.info("session %d is to end: %s", order.session.id, order.by, extra={"event": "session_limit"})
            self._order([order.session.id for order in orders if order.session.id is not None])

    async def _write_lessons(self) -> None:
        while lessons := self._learned.take(BATCH_LESSONS):
            try:
                async with self._database.write() as work:
                    outdated = await work.locks.learn(lessons)
                    by_service: dict[UUID, list[Lesson]] = {}
                    for lesson in lessons:
                        if lesson not in outdated:
                            by_service.setdefault(lesson.service_id, []).append(lesson)
                    entries = [
                        (
                            service_id,
                            {
                                "service_ids": [str(service_id)],
                                "fields": {f"lock {one.kind}": [None, one.value] for one in learned},
                            },
                        )
                        for service_id, learned in by_service.items()
                    ]
                    if entries:
                        await work.changes.record_many(ADMISSION, self._clock.now(), "lock.learned", "service", entries)
            except BaseException:
                self._learned.put_back(lessons)
                raise
            for lesson in lessons:
                lesson.written = True
            for lesson in outdated:
                self._learned.withdraw(lesson)
            self._changed()
