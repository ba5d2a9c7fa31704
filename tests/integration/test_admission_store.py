"""What admission keeps in the store, and what several nodes hear of each other, on both databases."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, text, update

from netbilld.accounting.session import JOURNAL_BITS
from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.standing import StandingPolicy
from netbilld.daemon.node_news import NodeNews, Topic
from netbilld.enforcement.session_limit import Comer
from netbilld.model.actor import Actor
from netbilld.radius.terms import AccessTerms
from netbilld.services.admission import Admit
from netbilld.services.keep_admissions import KeepAdmissions
from netbilld.services.learned_locks import LearnedLocks, Lesson
from netbilld.services.live_sessions import LiveSessions
from tests.admission_desk import A, B, C
from tests.clock import SteppedClock
from tests.people_world import with_plans

pytestmark = pytest.mark.peer

OURS, THEIRS = 0, 1  # numbers of journals
JOURNALS = MappingProxyType({OURS: UUID(int=100), THEIRS: UUID(int=101)})
SILENCE = SilencePolicy(300, 900)


class Node:
    """One daemon's admission on a shared database."""

    def __init__(self, database: Database, terms: AccessTerms, journal: int = OURS) -> None:
        self.database = database
        self.clock = SteppedClock(datetime.now(UTC))
        self.live, self.learned = LiveSessions(SILENCE), LearnedLocks()
        self.ordered: list[int] = []
        self.hearing_since = self.clock.at - timedelta(days=1)
        self.admit = Admit(self.live, self.learned, SILENCE, self._since, bytes, str, lambda _one, _why: b"")
        self.keep = KeepAdmissions(
            database, JOURNALS[journal], self.clock, self.admit, self.live, self.learned, SILENCE, self._since,
            lambda _service: terms, self.ordered.extend, lambda: None,
        )  # fmt: skip

    def _since(self) -> datetime:
        return self.hearing_since

    async def put(self, number: int, service_id: UUID, nas_id: UUID, mac: str, *, journal: int = OURS) -> int:
        """Store a session that a journal's meter has opened."""
        session_id = (journal << JOURNAL_BITS) + number
        now = self.clock.at
        values: dict[str, Any] = {
            "id": session_id, "nas_id": nas_id, "service_id": service_id, "username": "budi",
            "acct_session_id": str(session_id), "acct_session_key": str(session_id), "state": "live", "mac": mac,
            "nas_port_id": "Ether5", "started_at": now - timedelta(seconds=600 - number), "updated_at": now,
            "session_seconds": 1, "upload_octets": 0, "download_octets": 0, "counter_upload_octets": 0,
            "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
        }  # fmt: skip
        async with self.database.write() as work:
            await work.connection.execute(insert(tables.sessions).values(values))
        return session_id

    def metered(self, session_id: int, place: tuple[UUID, UUID], mac: str, *, is_over: bool = False) -> None:
        """Say what the meter has just made of a session."""
        now = self.clock.at
        session = SimpleNamespace(
            id=session_id, service_id=place[0], nas_id=place[1], mac=mac, nas_port_id="Ether5",
            started_at=now - timedelta(seconds=600), updated_at=now, stopped_at=now if is_over else None,
            interval_seconds=0,
        )  # fmt: skip
        self.keep.metered([session], () if is_over else {session_id})  # type: ignore[list-item]  # all that is asked of one

    async def stop(self, session_id: int) -> None:
        async with self.database.write() as work:
            await work.connection.execute(
                update(tables.sessions)
                .where(tables.sessions.c.id == session_id)
                .values(stopped_at=self.clock.at, state="closed")
            )

    async def asked_to_end(self) -> dict[int, str]:
        query = select(tables.sessions.c.id, tables.sessions.c.disconnect_requested_by).where(
            tables.sessions.c.disconnect_requested_at.is_not(None)
        )
        async with self.database.read() as work:
            return {row[0]: row[1] for row in await work.connection.execute(query)}


@pytest.fixture
async def place(database: Database, box: SecretBox) -> tuple[UUID, UUID]:
    """Return a service and a NAS; two nodes have applied their journals."""
    people = await with_plans(database, box, "HOME20")
    service_id = UUID((await people.add("budi")).service_id)
    nas_id = uuid4()
    now = datetime.now(UTC)
    async with database.write() as work:
        await work.connection.execute(
            insert(tables.nas).values(
                id=nas_id, name="pop1", name_key="pop1", address="192.0.2.1/32", secret_sealed=b"x", vendor="mikrotik",
                coa_port=3799, require_message_authenticator="auto", swap_octets=False, portal_sources=[],
                created_at=now,
            )
        )  # fmt: skip
        for number, journal in JOURNALS.items():
            await work.connection.execute(
                insert(tables.journal_cursors).values(
                    journal=str(journal), number=number, segment=1, position=1, sequence=1, applied_at=now
                )
            )
    return service_id, nas_id


async def test_open_sessions_are_known_after_a_start_with_those_that_are_to_end(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    node = Node(database, AccessTerms())
    first = await node.put(1, *place, A)
    second = await node.put(2, *place, B)
    ended = await node.put(3, *place, C)
    await node.stop(ended)
    async with database.write() as work:
        await work.sessions.request_disconnect(first, "session limit", node.clock.at)
    await node.keep.sync()
    held = {one.id: one for one in node.live.of(place[0])}
    assert held.keys() == {first, second}
    assert held[first].ending_since is not None
    assert (held[second].mac, held[second].nas_port) == (B, "ether5")


async def test_sessions_of_another_node_are_heard_of_and_forgotten(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    node = Node(database, AccessTerms(sessions_allowed=1, second_login="refuse"))
    ours = await node.put(1, *place, A)
    await node.keep.sync()
    await node.stop(ours)  # our own meter would have said so: a look at the others must not depend on it
    theirs = await node.put(1, *place, B, journal=THEIRS)
    await node.keep.sync()
    assert {one.id for one in node.live.of(place[0])} == {ours, theirs}
    await node.stop(theirs)
    await node.keep.sync()
    assert {one.id for one in node.live.of(place[0])} == {ours}


@pytest.mark.parametrize(("second", "index"), [("replace", 0), ("refuse", 1)])
async def test_what_two_nodes_let_in_at_once_is_ended_once_they_hear_of_it(
    database: Database, place: tuple[UUID, UUID], second: Any, index: int
) -> None:
    node = Node(database, AccessTerms(sessions_allowed=1, second_login=second))
    ours = await node.put(1, *place, A)
    await node.keep.sync()
    theirs = await node.put(2, *place, B, journal=THEIRS)
    await node.keep.sync()
    await node.keep.run()
    too_many = (ours, theirs)[index]
    assert await node.asked_to_end() == {too_many: "session limit: too many"}
    assert node.ordered == [too_many]
    await node.keep.sync()
    await node.keep.run()
    assert node.ordered == [too_many]


@asynccontextmanager
async def telling(
    database: Database, *heard: Callable[[Collection[int]], Awaitable[None]]
) -> AsyncIterator[list[Topic]]:
    """Give as many who tell each other of sessions, as daemons do, once all listen."""
    all_news = [NodeNews(database) for _ in heard]
    topics = [news.session_topic(each) for news, each in zip(all_news, heard, strict=True)]
    tasks = [asyncio.create_task(news.run()) for news in all_news]
    query = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")

    async def all_listen() -> bool:
        async with database.read() as work:
            return bool(await work.connection.scalar(query) == len(all_news))

    try:
        await until(all_listen, "all of them listen")
        yield topics
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + 20
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("second", "index"), [("replace", 0), ("refuse", 1)])
async def test_nodes_on_one_postgresql_hear_of_each_others_sessions_without_looking(
    database: Database, place: tuple[UUID, UUID], second: Any, index: int
) -> None:
    terms = AccessTerms(sessions_allowed=1, second_login=second)
    here, there = Node(database, terms), Node(database, terms, THEIRS)
    await here.keep.sync()
    await there.keep.sync()

    async def known(node: Node, *ids: int) -> bool:
        return {one.id for one in node.live.of(place[0])} == set(ids)

    async with telling(database, here.keep.heard, there.keep.heard) as (ours_tell, theirs_tell):
        here.keep.tell, there.keep.tell = ours_tell.tell, theirs_tell.tell
        ours = await here.put(1, *place, A)
        here.metered(ours, place, A)
        await until(partial(known, there, ours), "the other node knows of it")
        theirs = await there.put(2, *place, B, journal=THEIRS)
        there.metered(theirs, place, B)
        await until(partial(known, here, ours, theirs), "and we of theirs")
        await here.keep.run()
        assert await here.asked_to_end() == {(ours, theirs)[index]: "session limit: too many"}
        await here.stop(ours)
        here.metered(ours, place, A, is_over=True)
        await until(partial(known, there, theirs), "it is over for them too")
        assert await known(here, theirs)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_thousands_of_sessions_are_told_of(database: Database) -> None:
    heard: dict[str, set[int]] = {"who tells": set(), "who hears": set()}

    def of(who: str) -> Callable[[Collection[int]], Awaitable[None]]:
        async def hear(session_ids: Collection[int]) -> None:
            heard[who].update(session_ids)

        return hear

    wanted = {(THEIRS << JOURNAL_BITS) + number for number in range(5_000)}

    async def all_are_heard() -> bool:
        return heard["who hears"] == wanted

    async with telling(database, of("who tells"), of("who hears")) as (teller, _):
        teller.tell(wanted)
        await until(all_are_heard, "every one is told")
    assert not heard["who tells"], "nobody tells himself"


async def test_a_node_alone_tells_nobody(database: Database, place: tuple[UUID, UUID]) -> None:
    async with database.write() as work:
        await work.connection.execute(delete(tables.journal_cursors).where(tables.journal_cursors.c.number == THEIRS))
    node, told = Node(database, AccessTerms()), list[Collection[int]]()
    node.keep.tell = told.append
    await node.keep.sync()
    node.metered(await node.put(1, *place, A), place, A)
    assert told == []


async def test_our_own_sessions_only_end_by_what_another_node_tells(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    """Our own meter knows better what it has opened; another node may have presumed one dead."""
    node = Node(database, AccessTerms())
    first, second = await node.put(1, *place, A), await node.put(2, *place, B)
    await node.keep.heard([first])
    assert not node.live.of(place[0])
    await node.keep.sync()
    await node.stop(second)
    await node.keep.heard([first, second])
    assert {one.id for one in node.live.of(place[0])} == {first}


async def test_a_session_that_another_node_meters_takes_the_place_of_its_log_in_with_us(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    node = Node(database, AccessTerms(sessions_allowed=1, second_login="refuse"))
    await node.keep.sync()
    node.live.expect(place[0], Comer(place[1], A, None), node.clock.at - timedelta(seconds=650), node.hearing_since)
    theirs = await node.put(1, *place, A, journal=THEIRS)
    await node.keep.heard([theirs])
    assert [one.id for one in node.live.of(place[0])] == [theirs]


async def test_a_replaced_session_is_written_down_for_the_reconciler(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    node = Node(database, AccessTerms(sessions_allowed=1))
    old = await node.put(1, *place, A)
    await node.keep.sync()
    (held,) = node.live.of(place[0])
    node.admit.end(held, "session limit: replaced", node.clock.at)
    node.live.expect(place[0], Comer(place[1], B, None), node.clock.at, node.hearing_since)
    await node.keep.run()
    assert await node.asked_to_end() == {old: "session limit: replaced"}


async def test_the_first_lesson_that_is_written_stays(database: Database, place: tuple[UUID, UUID]) -> None:
    service_id, _ = place
    now = datetime.now(UTC)
    async with database.write() as work:
        await work.locks.learn([Lesson(service_id, "mac", A, now), Lesson(service_id, "vlan", "100", now)])
    async with database.write() as work:
        await work.locks.learn([Lesson(service_id, "mac", B, now)])
    async with database.read() as work:
        locks = await work.locks.of(service_id)
    assert [(lock.kind, lock.value, lock.learned) for lock in locks] == [("mac", A, True), ("vlan", "100", True)]


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_a_lesson_that_comes_while_staff_set_a_lock_by_hand_waits_and_adds_nothing(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    service_id, _ = place
    now = datetime.now(UTC)

    async def learn() -> None:
        async with database.write() as work:
            await work.locks.learn([Lesson(service_id, "mac", B, now)])

    async with database.write() as work:
        held = select(tables.services.c.id).where(tables.services.c.id == service_id)
        await work.connection.execute(held.with_for_update(key_share=True))
        await work.locks.set(service_id, "mac", [A], learned=False, created_at=now)
        learning = asyncio.create_task(learn())
        async with asyncio.timeout(20):
            while not (learning.done() or await _waits_for_a_lock(database)):
                await asyncio.sleep(0)
    await learning
    async with database.read() as work:
        locks = await work.locks.of(service_id)
    assert [(lock.kind, lock.value, lock.learned) for lock in locks] == [("mac", A, False)]


async def _waits_for_a_lock(database: Database) -> bool:
    async with database.read() as work:
        return bool(await work.connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_a_lesson_from_before_somebody_took_the_locks_off_is_not_written_after_it(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    service_id, _ = place
    terms = AccessTerms(learn=frozenset(("mac",)))
    node = Node(database, terms)
    lesson = node.learned.learn(service_id, "mac", A, node.clock.at)
    assert lesson is not None
    async with database.read() as work:
        service = await work.services.by_id(service_id)
    assert service is not None
    async with database.write() as work:
        details = {"service_ids": [str(service_id)]}
        await work.changes.record(
            Actor("eka", "cli"), node.clock.at, "lock.set", "subscriber", service.subscriber_id, details
        )
    node.keep.refreshed([service_id])
    node.learned.confirm(lesson)
    await node.keep.run()
    async with database.read() as work:
        assert await work.locks.of(service_id) == []
    assert not node.learned.locks(service_id, terms)

    node.clock.at += timedelta(seconds=1)
    again = node.learned.learn(service_id, "mac", B, node.clock.at)
    assert again is not None
    node.learned.confirm(again)
    await node.keep.run()
    async with database.read() as work:
        assert [lock.value for lock in await work.locks.of(service_id)] == [B]


async def test_a_lesson_is_told_to_whoever_follows_changes_and_comes_back_with_the_facts(
    database: Database, place: tuple[UUID, UUID]
) -> None:
    service_id, _ = place
    node = Node(database, AccessTerms(learn=frozenset(("mac",))))
    lesson = node.learned.learn(service_id, "mac", A, node.clock.at)
    assert lesson is not None
    node.learned.confirm(lesson)
    await node.keep.run()
    policy = StandingPolicy(0, time_of_day(0, 30), 0, "Asia/Jakarta")
    async with database.read() as work:
        (facts,) = await work.enforcement.facts([service_id], policy, node.clock.at)
        changes = await work.changes.about("service", service_id)
    assert facts.locks == (("mac", A),)
    assert changes[-1].details["service_ids"] == [str(service_id)]
    assert (changes[-1].action, changes[-1].origin) == ("lock.learned", "log-in")
    terms = AccessTerms(learn=frozenset(("mac",)))
    assert node.learned.locks(service_id, terms)["mac"] == {A}
    node.keep.refreshed([service_id])
    assert not node.learned.locks(service_id, terms), "the facts have it now"
