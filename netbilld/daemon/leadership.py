"""Which node has a duty: found out by locks of PostgreSQL, known here for a few seconds at a time, proved with writes.

A node asks once a second and may act for `LEASE_SECONDS` after a question that was answered. PostgreSQL gives its locks
to others once it has been silent for longer than that, so that whoever lost them knows it before anybody else can have
them. Should a process be stopped in the midst of acting and go on later, its term's number is out of date and what it
writes is refused (`Fenced`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters.clock import NodeClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import IDLE_SECONDS, NodeConnection, NodeState, Presence
from netbilld.adapters.database.nodes import DutyLostError
from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.daemon.roles import Duty, Role, duties_of, listed
from netbilld.model.errors import StoreUnavailableError
from netbilld.model.node import CLOCKS_APART_MS

ASK_SECONDS: Final = 1.0
LEASE_SECONDS: Final = 5.0
TELL_SECONDS: Final = 3.0
SHARED_SECONDS: Final = 15.0  # longer than PostgreSQL keeps the lock of an earlier connection of ours
assert LEASE_SECONDS < IDLE_SECONDS  # noqa: S101 - or two could act at once
_NUMBERS: Final = {duty: number for number, duty in enumerate(Duty, 1)}
_SHARED: Final = (
    "another node uses this journal's identity: the data_dir of one is a copy of the other's. Nothing is metered or "
    "led here; stop the copy, and start it with an empty data_dir and the same secret.key"
)
logger = logging.getLogger("netbilld.nodes")


@dataclass(slots=True)
class Term:
    """One time of having a duty; `over` is set when it ends."""

    duty: Duty
    number: int
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Leadership:
    """The duties of this node, now. On SQLite there is one node and it has all of its roles' duties for good.

    Attributes:
        clock_ahead: our clock against the database's; None where that is not known.
        told: set by the daemon; called for since when accounting has been heard without a gap, and how many octets of
            the journal are not applied.
        gained: how often a duty was taken up.
        lost: how often one was lost.
    """

    def __init__(self, database: Database, clock: NodeClock, node: Presence, roles: Collection[Role]) -> None:
        """Prepare; on PostgreSQL nothing is led before `run` has asked."""
        self._database = database
        self._clock = clock
        self.node: Final = node
        self.roles: Final = frozenset(roles)
        self._duties = duties_of(roles)
        self._terms: dict[Duty, Term] = {}
        self._changed = asyncio.Event()
        self._until_mono = 0.0
        self._is_alone = database.is_sqlite
        self.clock_ahead: timedelta | None = None
        self.told: Callable[[], tuple[datetime | None, int]] = lambda: (None, 0)
        self.gained = self.lost = 0
        self._journal_is_ours = self._is_alone
        self._journal_is_shared = False
        if self._is_alone:
            self._terms = {duty: Term(duty, 0) for duty in self._duties}

    def leads(self, duty: Duty) -> bool:
        """Tell whether we have a duty at this moment."""
        return duty in self._terms and (self._is_alone or self._clock.monotonic() < self._until_mono)

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties we have at this moment."""
        return tuple(duty for duty in Duty if self.leads(duty))

    @property
    def notices(self) -> list[str]:
        """What an operator should know of this node among others."""
        notices = [_SHARED] if self._journal_is_shared else []
        ahead = self.clock_ahead
        if ahead is not None and abs(ahead) > timedelta(milliseconds=CLOCKS_APART_MS):
            notices.append(
                f"clock: {ahead.total_seconds():+.1f} s against the database's; see that both follow a time server"
            )
        return notices

    @property
    def may_meter(self) -> bool:
        """Tell whether our journal is ours alone, as far as was asked: else none of it may be applied."""
        return self._journal_is_ours

    # -- acting --------------------------------------------------------------------------------------------------------

    def while_leading(self, duty: Duty, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return work that goes on for ever and is done only while we have the duty; it is stopped when that is lost.

        What `work` raises is raised, so that it can be started again.
        """

        async def led() -> None:
            while True:
                await self._led(await self._term(duty), work)

        return led

    async def _led(self, term: Term, work: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(self._work(work, term), name=f"duty {term.duty}")
            await term.over.wait()
            working.cancel()

    async def _work(self, work: Callable[[], Awaitable[None]], term: Term) -> None:
        await work()
        await term.over.wait()

    async def _term(self, duty: Duty) -> Term:
        while duty not in self._terms:
            self._changed.clear()
            await self._changed.wait()
        return self._terms[duty]

    def term_number(self, duty: Duty) -> int:
        """Return the number of our term.

        Raises:
            DutyLostError: the duty is not ours now.
        """
        if not self.leads(duty):
            raise DutyLostError(f"this node does not lead: {duty}")
        return self._terms[duty].number

    def fenced(self, duty: Duty) -> "Fenced":
        """Return the database as whoever acts in a duty should write to it."""
        return Fenced(self._database, self, duty)

    # -- being there ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Be there, ask and tell, for ever; on SQLite there is nobody to tell.

        Raises:
            StoreUnavailableError: the database is away; nothing is led until it is back.
        """
        if self._is_alone:
            await asyncio.Event().wait()
        connection = await NodeConnection.open(self._database, self.node)
        if not connection.lets_go:
            logger.warning("PostgreSQL is older than 14: work does not move away from a node that hangs")
        in_order = False
        try:
            await self._claim(connection)
            await connection.arrive()
            told_mono = float("-inf")
            while True:
                before = self.duties
                await self._ask(connection)
                now_mono = self._clock.monotonic()
                if self.duties != before or now_mono >= told_mono + TELL_SECONDS:
                    told_mono = now_mono
                    await connection.tell(self._state())
                await asyncio.sleep(ASK_SECONDS)
        except asyncio.CancelledError:
            in_order = True
            raise
        finally:
            self._lose(*self._terms)
            if in_order:
                with suppress(StoreUnavailableError):
                    await connection.leave()
            connection.close()

    async def _claim(self, connection: NodeConnection) -> None:
        """Wait until nobody else has our journal's identity. An earlier connection of ours goes away by itself."""
        began_mono = self._clock.monotonic()
        while not await connection.claim():
            waited_long = self._clock.monotonic() - began_mono >= SHARED_SECONDS
            if connection.lets_go:  # else PostgreSQL may keep the lock of a machine that was cut off for hours
                self._journal_is_ours = False
            elif waited_long:
                break
            if waited_long and not self._journal_is_shared:
                self._journal_is_shared = True
                logger.error(_SHARED, extra={"event": "journal_shared"})
            await asyncio.sleep(ASK_SECONDS)
        self._journal_is_ours, self._journal_is_shared = True, False

    async def _ask(self, connection: NodeConnection) -> None:
        """Ask for the locks, and believe the answer for LEASE_SECONDS from when it was asked."""
        asked_at, asked_mono = self._clock.own(), self._clock.monotonic()
        had = {_NUMBERS[duty] for duty in self._terms}
        wanted = [_NUMBERS[duty] for duty in self._duties if duty not in self._terms]
        database_at, got = await connection.ask(wanted, had)
        took = self._clock.monotonic() - asked_mono
        self.clock_ahead = asked_at + timedelta(seconds=took / 2) - database_at
        self._clock.learn(self.clock_ahead)
        if took > LEASE_SECONDS:  # we were stopped meanwhile
            self._lose(*self._terms)
            raise StoreUnavailableError("the database did not answer in time")
        self._until_mono = asked_mono + LEASE_SECONDS
        asyncio.get_running_loop().call_at(self._until_mono, self._expire)
        for duty in self._duties:
            if _NUMBERS[duty] in got and duty not in self._terms:
                await self._take_up(connection, duty)

    async def _take_up(self, connection: NodeConnection, duty: Duty) -> None:
        number = await connection.begin_term(duty)
        self._terms[duty] = Term(duty, number)
        self.gained += 1
        self._changed.set()
        logger.info("this node leads now: %s (term %d)", duty, number, extra={"event": "duty_gained"})

    def _expire(self) -> None:
        if self._terms and self._clock.monotonic() >= self._until_mono:
            self._lose(*self._terms)

    def _lose(self, *duties: Duty) -> None:
        for duty in duties:
            term = self._terms.pop(duty)
            term.over.set()
            self.lost += 1
            logger.info("this node no longer leads: %s", duty, extra={"event": "duty_lost"})

    def _state(self) -> NodeState:
        hearing_since, journal_octets = self.told()
        ahead = self.clock_ahead or timedelta(0)
        return NodeState(
            roles=listed(self.roles),
            leads=",".join(self.duties),
            clock_ahead_ms=round(ahead.total_seconds() * 1000),
            hearing_since=hearing_since,
            journal_octets=journal_octets,
        )


class Fenced:
    """A database in which only whoever has a duty writes; reading is everybody's."""

    def __init__(self, database: Database, leadership: Leadership, duty: Duty) -> None:
        self._database = database
        self._leadership = leadership
        self._duty = duty
        self.read: Final = database.read

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        """Give a unit of work during which the duty can't be taken over.

        Raises:
            DutyLostError: it has been, and nothing is written.
        """
        number = self._leadership.term_number(self._duty)
        async with self._database.write() as work:
            if not self._database.is_sqlite:
                await work.nodes.prove(self._duty, number)
            yield work
