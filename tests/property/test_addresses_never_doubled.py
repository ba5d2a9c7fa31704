"""Whatever happens in whatever order, no two sessions that are alive have the same address.

Two processes give from one pool over a store with the database's own rules; NAS lose Stops, fall silent, come back and
restart; accounting is read late. What is real is kept beside: which sessions live, and with which address.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.accounting.address_use import NasSilence, SessionHold
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool
from netbilld.services.address_book import AddressBook, Place
from netbilld.services.assign_addresses import AssignAddresses
from netbilld.services.settle_leases import SettleLeases
from tests.address_world import NOW, POLICY, Node, World, pool, said
from tests.clock import StandingClock

SERVICES = [UUID(int=100 + number) for number in range(3)]
NASES = [UUID(int=1), UUID(int=2)]
STATIONS = ["AA:00:00:00:00:01", "AA:00:00:00:00:02"]
STALE_AFTER = timedelta(minutes=15)


class Table:
    """Rows with the rules of `address_leases`, and what accounting has stored."""

    def __init__(self, only: AddressPool) -> None:
        self.pool = only
        self.rows: dict[Place, AddressLease] = {}
        self.stored: dict[int, SessionHold] = {}
        self.nas = {nas_id: NasSilence(nas_id, "pop", NOW, None) for nas_id in NASES}

    @property
    def addresses(self) -> "Table":
        return self

    @asynccontextmanager
    async def read(self) -> AsyncIterator["Table"]:
        yield self

    write = read

    async def pools(self) -> list[AddressPool]:
        return [self.pool]

    async def leases(self, _pools: Collection[UUID], changed_since: datetime | None = None) -> list[AddressLease]:
        found = [
            lease
            for lease in self.rows.values()
            if changed_since is None or max(lease.taken_at, lease.released_at or lease.taken_at) >= changed_since
        ]
        return sorted(found, key=lambda lease: (lease.released_at or NOW, lease.address))

    async def at(self, places: Collection[Place]) -> list[AddressLease]:
        return [self.rows[place] for place in places if place in self.rows]

    async def take(self, wanted: Sequence[tuple[AddressLease, int]]) -> set[Place]:
        got = set()
        for lease, revision in wanted:
            place = (lease.pool_id, lease.address)
            row = self.rows.get(place)
            assert revision == self.pool.revision
            if row is None or row.is_free or row.is_of(lease.service_id, lease.nas_id, lease.session_key):
                self.rows[place] = lease
                got.add(place)
        return got

    async def live_of(self, service_ids: Collection[UUID]) -> list[AddressLease]:
        return [lease for lease in self.rows.values() if lease.service_id in service_ids and not lease.is_free]

    async def use(self, leases: Sequence[AddressLease]) -> None:
        for lease in leases:
            self.rows[lease.pool_id, lease.address] = replace(lease, held_until_at=None)

    async def release(self, leases: Sequence[AddressLease], at: datetime) -> None:
        for lease in leases:
            self.rows[lease.pool_id, lease.address] = replace(lease, held_until_at=None, released_at=at)

    async def unsettled(self, now: datetime, limit: int) -> set[UUID]:
        alive = {session.service_id for session in self.stored.values() if session.is_open}
        return {
            lease.service_id
            for lease in list(self.rows.values())[:limit]
            if not lease.is_free
            and (lease.service_id not in alive if lease.held_until_at is None else lease.held_until_at <= now)
        }

    async def services_on(self, nas_id: UUID) -> set[UUID]:
        return {lease.service_id for lease in self.rows.values() if lease.nas_id == nas_id and not lease.is_free}

    async def services_of(self, session_ids: Collection[int]) -> set[UUID]:
        return {self.stored[session_id].service_id for session_id in session_ids}

    async def sessions_of(self, service_ids: Collection[UUID], since: datetime) -> list[SessionHold]:
        found = [
            session
            for session in self.stored.values()
            if session.service_id in service_ids and (session.is_open or session.updated_at >= since)
        ]
        return sorted(found, key=lambda session: (session.started_at, session.id), reverse=True)

    async def open_sessions(self) -> list[SessionHold]:
        return [session for session in self.stored.values() if session.is_open]

    async def silences(self) -> list[NasSilence]:
        return list(self.nas.values())

    async def suspect(self, nas_id: UUID, since_at: datetime | None) -> None:
        self.nas[nas_id] = replace(self.nas[nas_id], suspect_since_at=since_at)


@dataclass
class Real:
    """A session that lives on a NAS."""

    id: int
    service_id: UUID
    nas_id: UUID
    mac: str
    address: str
    started_at: datetime


class Town:
    def __init__(self, size: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = StandingClock(NOW)
        self.table = Table(pool("home", "10.0.0.0/29", "ipv4", None, f"10.0.0.{size}-10.0.0.7"))
        self.world = World(self.table, self.clock, NASES, SERVICES)  # type: ignore[arg-type]  # stands in for a Database
        self.nodes = [self._node(), self._node()]
        self.live: dict[int, Real] = {}
        self.accepts: list[tuple[UUID, UUID, str, str, datetime]] = []
        self.records: list[tuple[str, Real | UUID, datetime]] = []  # accounting that is not read yet
        self.cut: set[UUID] = set()
        self.asked: list[tuple[asyncio.Future[object], UUID, UUID, str]] = []
        self.hearing_since = NOW
        self.count = 0
        for node in self.nodes:
            self._run(node.book.load())

    def _node(self) -> Node:
        book = AddressBook(self.table, self.clock)
        assign = AssignAddresses(
            self.table, self.clock, bytes, book, hold_seconds=POLICY.accept_seconds, locale_of=lambda _: "en"
        )
        return Node(self.world, book, assign, SettleLeases(self.table, book, POLICY))

    def _run(self, work: object) -> None:
        self.loop.run_until_complete(work)  # type: ignore[arg-type]  # a coroutine

    # -- log-ins -------------------------------------------------------------------------------------------------------

    def ask(self, number: int, service: UUID, nas: UUID, mac: str) -> None:
        if nas in self.cut:
            return
        self.clock.pass_time(seconds=1)

        async def ask() -> None:
            answered = self.nodes[number].ask(service, mac, nas_id=nas)
            self.asked.append((answered, service, nas, mac))  # type: ignore[arg-type]  # of a decision

        self._run(ask())

    def flush(self, number: int) -> None:
        self.clock.pass_time(seconds=1)
        self._run(self.nodes[number].assign.flush())
        waiting = []
        for answered, service, nas, mac in self.asked:
            if not answered.done():
                waiting.append((answered, service, nas, mac))
                continue
            address = said(answered.result())  # type: ignore[arg-type]  # a decision
            if address.startswith("10."):
                self.accepts.append((service, nas, mac, address, self.clock.at))
                self.table.nas[nas] = replace(self.table.nas[nas], last_heard_at=self.clock.at)
        self.asked = waiting

    def start(self, which: int) -> None:
        """A session begins with an address its station was given."""
        now = self.clock.at
        self.accepts = [one for one in self.accepts if now - one[4] < timedelta(seconds=100)]
        if not self.accepts:
            return
        self.begin_session(self.accepts.pop(which % len(self.accepts)))

    def begin_session(self, accept: tuple[UUID, UUID, str, str, datetime]) -> None:
        self.clock.pass_time(seconds=1)
        service, nas, mac, address, _ = accept
        # a NAS begins no session with an Accept that a newer one of the same station has overtaken
        self.accepts = [one for one in self.accepts if one[:3] != accept[:3]]
        now = self.clock.at
        if nas in self.cut:
            return
        for session in list(self.live.values()):  # the same station again: its old session is no more
            if (session.service_id, session.nas_id, session.mac) == (service, nas, mac):
                del self.live[session.id]
        self.count += 1
        real = Real(self.count, service, nas, mac, address, now)
        self.live[real.id] = real
        self.records.append(("start", real, now))

    def connect(self, number: int, service: UUID, nas: UUID, mac: str, metered_by: int | None) -> None:
        """All of it in one go, as it mostly happens."""
        accepts = len(self.accepts)
        self.ask(number, service, nas, mac)
        self.flush(number)
        if len(self.accepts) > accepts:
            self.begin_session(self.accepts.pop())
            if metered_by is not None:
                self.meter(metered_by)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def end(self, which: int, *, is_told: bool) -> None:
        if self.live:
            real = self.live.pop(sorted(self.live)[which % len(self.live)])
            if is_told:
                self.records.append(("stop", real, self.clock.at))

    def restart(self, nas: UUID) -> None:
        if nas in self.cut or any(one[1] == nas for one in self.accepts) or any(one[2] == nas for one in self.asked):
            return
        self.live = {number: real for number, real in self.live.items() if real.nas_id != nas}
        self.records.append(("on", nas, self.clock.at))

    def cut_off(self, nas: UUID) -> None:
        if not any(one[1] == nas for one in self.accepts) and not any(one[2] == nas for one in self.asked):
            self.cut.add(nas)

    def outage(self, nas: UUID, seconds: int) -> None:
        self.cut_off(nas)
        self.pass_time(seconds)

    def mend(self, nas: UUID) -> None:
        self.cut.discard(nas)

    # -- accounting ----------------------------------------------------------------------------------------------------

    def meter(self, number: int) -> None:
        """Read the accounting of NAS that reach us, and tell one process of it."""
        waiting, session_ids, restarted = [], [], {}
        for kind, what, at in self.records:
            nas_id = what if isinstance(what, UUID) else what.nas_id
            if nas_id in self.cut:
                waiting.append((kind, what, at))
                continue
            self.table.nas[nas_id] = replace(self.table.nas[nas_id], last_heard_at=self.clock.at)
            if isinstance(what, UUID):
                restarted[what] = at
                for session in list(self.table.stored.values()):
                    if session.nas_id == what and session.is_open and session.started_at <= at:
                        self._store(replace(session, state="closed", stopped_at=at))
                        session_ids.append(session.id)
                continue
            if kind == "start":
                session_ids += self._displace(what)
                self._store(
                    SessionHold(
                        what.id, what.service_id, what.nas_id, "u", what.mac, what.address, None, None, "live",
                        what.started_at, self.clock.at, None,
                    )
                )  # fmt: skip
            elif what.id in self.table.stored:
                self._store(replace(self.table.stored[what.id], state="closed", stopped_at=at))
            session_ids.append(what.id)
        self.records = waiting
        settle = self.nodes[number].settle
        settle.note(session_ids, (), restarted)
        self._run(settle.run(self.clock.at, self.hearing_since))

    def _store(self, session: SessionHold) -> None:
        self.table.stored[session.id] = session

    def _displace(self, by: Real) -> list[int]:
        over = []
        for session in list(self.table.stored.values()):
            same = (session.service_id, session.nas_id, session.mac) == (by.service_id, by.nas_id, by.mac)
            if same and session.is_open and session.started_at <= by.started_at:
                self._store(replace(session, state="stale", stopped_at=session.updated_at))
                over.append(session.id)
        return over

    def sweep(self, number: int) -> None:
        node = self.nodes[number]
        hearing_since = self.clock.at if self._is_behind() else self.hearing_since
        self._run(node.settle.sweep(self.clock.at, hearing_since))

    def check(self, number: int) -> None:
        self._run(self.nodes[number].settle.check_all(self.clock.at, self.hearing_since))

    def begin_again(self, number: int) -> None:
        """A process is killed and starts anew; those who waited get no answer."""
        before = self.nodes[number]
        self.asked = [one for one in self.asked if one[0].done() or before.assign.waiting == 0]
        self.nodes[number] = self._node()
        self._run(self.nodes[number].book.load())

    def _is_behind(self) -> bool:
        nas_ids = {what if isinstance(what, UUID) else what.nas_id for _, what, _ in self.records}
        return bool(nas_ids - self.cut)

    def pass_time(self, seconds: int) -> None:
        """Sessions that live report every interval, unless they are cut off; the silent ones are presumed over."""
        while seconds > 0:
            step = min(seconds, 100)
            seconds -= step
            self.clock.pass_time(seconds=step)
            now = self.clock.at
            if self._is_behind():  # what came is read before long
                self.meter(0)
            for nas_id in NASES:
                if nas_id in self.cut:
                    continue
                self.table.nas[nas_id] = replace(self.table.nas[nas_id], last_heard_at=now)
                for real in self.live.values():
                    stored = self.table.stored.get(real.id)
                    if real.nas_id == nas_id and stored is not None and stored.state != "closed":
                        self._store(replace(stored, state="live", updated_at=now, stopped_at=None))
            for session in list(self.table.stored.values()):
                if session.is_open and now - session.updated_at >= STALE_AFTER:
                    self._store(replace(session, state="stale", stopped_at=session.updated_at))
            self._run(self.nodes[0].settle.sweep(now, self.hearing_since))

    def no_address_is_doubled(self) -> None:
        taken: dict[str, Real] = {}
        for real in self.live.values():
            other = taken.setdefault(real.address, real)
            assert other is real, f"{other} and {real}"


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 3))
def test_no_two_sessions_that_live_have_one_address(seed: int, size: int) -> None:
    """The seed alone decides what happens, so that rare chains of events can be made likely."""
    chance = random.Random(seed)
    town = Town(size)

    def who() -> tuple[int, UUID, UUID, str]:
        return chance.randrange(2), chance.choice(SERVICES), chance.choice(NASES), chance.choice(STATIONS)

    happenings: list[tuple[int, Callable[[], None]]] = [
        (12, lambda: town.connect(*who(), chance.choice((0, 1, None)))),
        (4, lambda: town.ask(*who())),
        (4, lambda: town.flush(chance.randrange(2))),
        (3, lambda: town.start(chance.randrange(50))),
        (5, lambda: town.end(chance.randrange(50), is_told=chance.random() < 0.6)),
        (4, lambda: town.meter(chance.randrange(2))),
        (2, lambda: town.sweep(chance.randrange(2))),
        (1, lambda: town.check(chance.randrange(2))),
        (3, lambda: town.pass_time(chance.choice((1, 60, 130, 500, 1000)))),
        (2, lambda: town.outage(chance.choice(NASES), chance.choice((500, 1000, 2000)))),
        (2, lambda: town.mend(chance.choice(NASES))),
        (1, lambda: town.restart(chance.choice(NASES))),
        (1, lambda: town.begin_again(chance.randrange(2))),
    ]
    try:
        for happen in chance.choices([one for _, one in happenings], [weight for weight, _ in happenings], k=60):
            happen()
            town.no_address_is_doubled()
    finally:
        town.loop.close()
