"""What must be done once is done by one node at a time, and by another one soon after that has gone, however it went."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select, text

from netbilld.adapters.clock import NodeClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import NodeConnection, Presence
from netbilld.adapters.database.nodes import DutyLostError
from netbilld.adapters.database.tables import duty_terms
from netbilld.daemon import leadership as module
from netbilld.daemon.leadership import Leadership
from netbilld.daemon.roles import EVERYTHING, Duty, Role
from netbilld.model.errors import StoreUnavailableError
from tests.daemon_process import DaemonProcess
from tests.node_world import EVERY_DUTY, Wire, leads, nodes_on, through
from tests.peers import wait_until
from tests.postgres import Cluster


def presence(number: int) -> Presence:
    return Presence(UUID(int=number), f"node{number}", f"netbilld node{number}", "test")


async def until_it_leads(leadership: Leadership) -> None:
    async with asyncio.timeout(20):
        while not all(leadership.leads(duty) for duty in Duty):
            await asyncio.sleep(0.01)


async def test_a_lone_node_on_sqlite_has_every_duty_of_its_roles_and_no_other(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    leadership = Leadership(database, NodeClock(), presence(1), {Role.BILLING, Role.PANEL})
    assert leadership.duties == (Duty.BILLING,)
    with pytest.raises(DutyLostError):
        leadership.term_number(Duty.ENFORCEMENT)
    await database.close()


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("more", ["", "&ssl=disable&prepared_statement_cache_size=0"])
async def test_a_node_leads_over_the_unix_socket_its_url_names(
    migrated_url: str, postgres_cluster: Cluster, more: str
) -> None:
    """As deploy/systemd/netbilld.toml.example writes it: no host but in the query."""
    name = urlsplit(migrated_url).path.strip("/")
    url = f"postgresql+asyncpg://netbilld@/{name}?host={postgres_cluster.socket_directory}"
    database = Database(f"{url}&port={postgres_cluster.port}{more}")
    leadership = Leadership(database, NodeClock(), presence(1), EVERYTHING)
    running = asyncio.ensure_future(leadership.run())
    await until_it_leads(leadership)
    async with leadership.fenced(Duty.BILLING).write() as work:
        await work.meta.put_new("written", "over the socket")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_who_has_lost_a_duty_unknowingly_can_write_nothing_in_it(database: Database) -> None:
    """A process that was stopped in the midst of its work and goes on later is refused by its term's number."""
    leadership = Leadership(database, NodeClock(), presence(1), EVERYTHING)
    running = asyncio.ensure_future(leadership.run())
    await until_it_leads(leadership)
    fenced = leadership.fenced(Duty.ENFORCEMENT)
    async with fenced.write() as work:
        await work.meta.put_new("written", "once")
    another = await NodeConnection.open(database, presence(2))  # as when PostgreSQL has let go of the lock
    assert await another.begin_term(Duty.ENFORCEMENT) == 2
    with pytest.raises(DutyLostError):
        async with fenced.write() as work:
            await work.meta.put_new("written", "twice")
    async with database.read() as work:
        assert await work.meta.get("written") == "once"
    async with leadership.fenced(Duty.BILLING).write() as work:
        await work.meta.put_new("another duty", "is ours still")
    another.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_duty_is_not_taken_over_in_the_midst_of_a_write_in_it(database: Database) -> None:
    leadership = Leadership(database, NodeClock(), presence(1), EVERYTHING)
    running = asyncio.ensure_future(leadership.run())
    await until_it_leads(leadership)
    another = await NodeConnection.open(database, presence(2))
    async with leadership.fenced(Duty.BILLING).write() as work:
        with pytest.raises(StoreUnavailableError):
            await another.begin_term(Duty.BILLING)
        await work.meta.put_new("invoice", "made")
    another.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_work_stops_when_its_duty_is_lost_and_is_taken_up_again(database: Database) -> None:
    leadership = Leadership(database, NodeClock(), presence(1), EVERYTHING)
    events: list[str] = []

    async def work() -> None:
        events.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("ends")

    async def until(count: int) -> None:
        async with asyncio.timeout(20):
            while len(events) < count:
                await asyncio.sleep(0.01)

    async def run_for_ever() -> None:
        while True:
            try:
                await leadership.run()
            except StoreUnavailableError:
                await asyncio.sleep(0.05)

    tasks = [
        asyncio.ensure_future(run_for_ever()),
        asyncio.ensure_future(leadership.while_leading(Duty.BILLING, work)()),
    ]
    await until(1)
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'netbilld node1' AND pid <> pg_backend_pid()"
    )
    async with database.write() as unit:
        await unit.connection.execute(end)
    await until(3)
    assert events == ["begins", "ends", "begins"]
    async with database.read() as unit:
        term = await unit.connection.scalar(select(duty_terms.c.term).where(duty_terms.c.duty == Duty.BILLING))
    assert term == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert events[-1] == "ends"


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_what_a_hanging_node_holds_in_a_transaction_is_taken_from_it(database: Database) -> None:
    hangs = Database(str(database.url.render_as_string(hide_password=False)), name="netbilld node1")
    first = await NodeConnection.open(database, presence(1))
    term = await first.begin_term(Duty.BILLING)
    first.close()
    ended = False
    try:
        async with hangs.write() as work:
            await work.nodes.prove(Duty.BILLING, term)
            second = await NodeConnection.open(database, presence(2))
            await _until_it_is_stuck(database)
            assert await second.begin_term(Duty.BILLING) == term + 1
            second.close()
            await work.meta.put_new("late", "word")
    except StoreUnavailableError:
        ended = True
    assert ended
    await hangs.close()


async def _until_it_is_stuck(database: Database) -> None:
    """Wait until a transaction of node1 has been idle for longer than one that works would be."""
    idle = text(
        "SELECT max(now() - state_change) > interval '2 seconds' FROM pg_stat_activity "
        "WHERE application_name = 'netbilld node1' AND state = 'idle in transaction'"
    )
    async with asyncio.timeout(30):
        while True:
            async with database.read() as work:
                if await work.connection.scalar(idle):
                    return


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_of_two_nodes_with_one_journals_identity_the_second_meters_and_leads_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A virtual machine was cloned: the numbers of its journal's records are those of others in the first one's."""
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(module, "SHARED_SECONDS", 0.3)
    first = Leadership(database, NodeClock(), presence(1), EVERYTHING)
    clone = Leadership(database, NodeClock(), replace(presence(1), name="clone"), EVERYTHING)
    other = Leadership(database, NodeClock(), presence(2), EVERYTHING)
    before = first.may_meter
    running = asyncio.ensure_future(first.run())
    await until_it_leads(first)
    assert (before, first.may_meter) == (False, True)  # not before it has asked
    others = [asyncio.ensure_future(one.run()) for one in (clone, other)]
    async with asyncio.timeout(20):
        while not (clone.notices and other.may_meter):
            assert not clone.may_meter
            await asyncio.sleep(0.01)
    (notice,) = clone.notices
    assert notice.startswith("another node uses this journal's identity")
    assert caplog.messages.count(notice) == 1
    assert (first.notices, other.notices) == ([], [])
    async with database.read() as work:
        assert {line.name for line in await work.nodes.all()} == {"node1", "node2"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with asyncio.timeout(20):
        while not clone.may_meter:
            await asyncio.sleep(0.01)
    assert clone.notices == []
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class ClockOff(NodeClock):
    """Of a machine whose clock was never set."""

    def own(self) -> datetime:
        return super().own() + timedelta(hours=2)


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_node_whose_clock_is_off_goes_by_the_databases_and_says_so(database: Database) -> None:
    """Or one session, heard of by two nodes, would be two."""
    right, wrong = NodeClock(), ClockOff()
    leadership = Leadership(database, wrong, presence(1), EVERYTHING)
    assert wrong.now() - right.now() > timedelta(hours=1)
    running = asyncio.ensure_future(leadership.run())
    await until_it_leads(leadership)
    assert abs(wrong.now() - right.now()) < timedelta(minutes=1)
    (notice,) = leadership.notices
    assert notice.startswith("clock: +7")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@contextmanager
def two_nodes(tmp_path: Path, url: str) -> Iterator[tuple[DaemonProcess, DaemonProcess, Wire]]:
    """Give two running nodes, of which the first leads, and the wire between that and PostgreSQL."""
    port = urlsplit(url).port
    assert port is not None
    with Wire(port) as wire, nodes_on(tmp_path, [through(url, wire), url]) as (first, second):
        first.start()
        wait_until(lambda: leads(first) == EVERY_DUTY, "the first node leads")
        second.start()
        yield first, second, wire


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "end", ["killed", pytest.param("stopped", marks=pytest.mark.soak), "cut off", "ended in order"]
)
def test_what_one_node_leads_another_takes_over(tmp_path: Path, migrated_url: str, end: str) -> None:
    with two_nodes(tmp_path, migrated_url) as (first, second, wire):
        assert leads(second) == []
        if end == "killed":
            first.kill()
        elif end == "stopped":
            first.stop()
        elif end == "cut off":
            wire.cut()
            wait_until(lambda: leads(first) == [], "who is cut off leads no more by its own word")
        else:
            assert first.terminate() == 0
        wait_until(lambda: leads(second) == EVERY_DUTY, "the second node leads")
        if end == "stopped":
            first.go_on()
        elif end == "cut off":
            wire.mend()
        else:
            first.start()
        wait_until(partial(_knows, first, end in {"stopped", "cut off"}), "the first is there again and knows it")
        wait_until(lambda: "node first is there" in second.log.rpartition("node first has gone")[2], "it is seen again")
        assert leads(first) == []
        assert leads(second) == EVERY_DUTY


def _knows(node: DaemonProcess, has_lost: bool) -> bool:
    try:
        return node.metrics()["netbilld_node_duties_lost_total"] == (len(Duty) if has_lost else 0)
    except OSError:
        return False
