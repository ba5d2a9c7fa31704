"""Devices read over SNMP: an agent that behaves as RouterOS does, and the poller that meters by it."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pysnmp.proto.api import v2c

from netbilld.accounting.reading import Meter, Took
from netbilld.accounting.session import Session
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snmp import client, oids, sessions
from netbilld.adapters.snmp.reader import SnmpReader
from netbilld.adapters.snmp.sessions import SnmpSessions
from netbilld.model.actor import Actor
from netbilld.model.device_state import DeviceState
from netbilld.model.errors import RefusedError, StoreUnavailableError
from netbilld.model.nas import Nas, snmp_community_place
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.ask_nas import Presence
from netbilld.ports.snmp import DeviceSilentError, Wanted
from netbilld.services.book_usage import BookUsage
from netbilld.services.manage_meters import ManageMeters
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import Batch
from netbilld.services.poll_devices import PollDevices, PollPolicy
from tests.accounting_packets import NAS, T0
from tests.builders.nas import nas
from tests.builders.sessions import session
from tests.clock import StandingClock
from tests.integration.metering_world import metering
from tests.integration.money_world import PER_USE, ZONE, World, plan_file
from tests.peers import free_udp_port
from tests.snmp_agent import MIB_2, ROUTEROS, FakeAgent, fake_agent

ANI = Actor("ani", "cli")
G = 2**32
DAY = 86_400
HOUR_AGO = T0 - timedelta(hours=1)


class Network:
    """One device, its agent, and services that are metered by it."""

    def __init__(self, database: Database, box: SecretBox, agent: FakeAgent) -> None:
        self.database, self.box, self.agent = database, box, agent
        self.clock = StandingClock(T0)
        self.reader = SnmpReader(0.3)
        self.followed: list[Batch] = []
        self.readings = MeterReadings(database, BookUsage(ZONE), self.follow)
        self.poll = PollDevices(
            database, self.reader, box, self.readings, self.clock, PollPolicy(0.2, 4, 60), jitter=lambda: 0.0
        )
        self.manage = ManageMeters(database, ZONE)
        self.world = World(database)
        self.up_seconds = float(DAY)

    async def follow(self, batch: Batch) -> None:
        self.followed.append(batch)

    def nas(self, port: int, *, nas_id: UUID = NAS, name: str = "gerbang", address: str = "127.0.0.1/32") -> Nas:
        return nas(
            name,
            id=nas_id,
            address=address,
            snmp_community_sealed=self.box.seal(b"publik", snmp_community_place(nas_id)),
            snmp_address="127.0.0.1",
            snmp_port=port,
        )

    async def begin(self) -> None:
        await self.world.plan(plan_file())
        await self.world.person("kantor", activated_on=date(2026, 3, 1))
        async with self.database.write() as work:
            await work.nas.add(self.nas(self.agent.port))
        self.agent.up(self.up_seconds, self.up_seconds)

    async def also(self, port: int, number: int) -> Nas:
        nas = self.nas(port, nas_id=UUID(int=number), name=f"nas{number}", address=f"127.0.0.{number}/32")
        async with self.database.write() as work:
            await work.nas.add(nas)
        return nas

    async def answered(self) -> set[UUID]:
        async with self.database.read() as work:
            return {state.nas_id for state in await work.devices.states() if state.answered_at is not None}

    async def meter(self, kind: str, name: str, *, swapped: bool = False) -> Meter:
        return await self.manage.add_port("kantor", "gerbang", kind, name, ANI, T0, swapped=swapped)

    async def read(self, after_seconds: float = 60) -> DeviceState:
        """Let time pass for us and for the device, and read it."""
        self.clock.pass_time(seconds=after_seconds)
        async with self.database.read() as work:
            nas = await work.nas.by_id(NAS)
        assert nas is not None
        await self.poll.poll(nas)
        state = await self.state(NAS)
        assert state is not None
        return state

    async def state(self, nas_id: UUID) -> DeviceState | None:
        async with self.database.read() as work:
            return await work.devices.state(nas_id)

    def pass_time(self, seconds: float = 60) -> None:
        self.up_seconds += seconds
        self.agent.up(self.up_seconds, self.up_seconds)

    async def moved(self) -> tuple[int, int]:
        async with self.database.read() as work:
            found = await work.meters.in_use()
        return sum(meter.upload_octets for meter in found), sum(meter.download_octets for meter in found)


@pytest.fixture
async def network(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Network]:
    shutil.copyfile(sqlite_template, tmp_path / "netbilld.db")
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    with fake_agent() as agent:
        made = Network(database, box, agent)
        await made.begin()
        try:
            yield made
        finally:
            made.reader.close()
            await database.close()


async def test_interfaces_comments_and_queues_are_metered_from_the_subscribers_side(network: Network) -> None:
    """MAIN PATH: what the router takes in, the subscriber has sent; RouterOS numbers queues beyond 32 bits."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 9000, alias="Kantor Desa")
    agent.queue(G + 77, "kantor", 10, 90)
    agent.interface(1, "ether1", 500, 70, alias="uplink")
    await network.meter("alias", "Kantor Desa")
    await network.meter("queue", "kantor")
    await network.meter("interface", "ether1", swapped=True)
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 1100, 9900, alias="Kantor Desa")
    agent.queue(G + 77, "kantor", 20, 190)
    agent.interface(1, "ether1", 700, 71, alias="uplink")
    state = await network.read()
    assert (state.trouble, state.notes) == (None, ())
    assert await network.moved() == (100 + 10 + 1, 900 + 100 + 200)
    assert network.followed[-1].periods[-1].download_octets == 1200
    with pytest.raises(RefusedError, match="metered already"):
        await network.meter("queue", "kantor")


async def test_an_interface_is_followed_by_name_wherever_it_goes(network: Network) -> None:
    """Issue 4, SNMP poller: renumbered interfaces; a name that moves to another port is measured anew."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.remove(5)
    agent.interface(12, "ether5", 1500, 2500)  # the same port, under another number
    await network.read()
    assert await network.moved() == (500, 500)
    network.pass_time()
    agent.interface(12, "cadangan", 1600, 2600)
    agent.interface(13, "ether5", 990_000, 990_000)  # somebody renamed two ports
    await network.read()
    assert await network.moved() == (500, 500)
    network.pass_time()
    agent.interface(13, "ether5", 990_007, 990_009)
    await network.read()
    assert await network.moved() == (507, 509)


async def test_what_moves_while_our_clock_is_behind_counts_at_once(network: Network) -> None:
    """Set back by an hour: neither waited for, nor lost, nor taken for faster than the port can be."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000, megabits=100)
    await network.meter("interface", "ether5")
    await network.read()
    network.clock.at -= timedelta(hours=1)
    for number in (1, 2, 3):
        network.pass_time()
        agent.interface(5, "ether5", 1000 + number, 2000 + number * 600_000_000, megabits=100)  # 80 Mbit/s
        state = await network.read()
        assert (state.boots, state.notes) == (0, ())
        assert await network.moved() == (number, number * 600_000_000)
    network.pass_time(3600)
    agent.interface(5, "ether5", 1003, 2000 + 13 * 10**9, megabits=100)
    await network.read(3600)
    assert await network.moved() == (3, 13 * 10**9)
    network.pass_time()
    agent.interface(5, "ether5", 1003, 2000 + 15 * 10**9, megabits=100)  # and what can't be still isn't believed
    network.clock.at -= timedelta(hours=1)
    (note,) = (await network.read()).notes
    assert "not booked" in note


async def test_a_sessions_interface_counts_from_zero_each_time(network: Network) -> None:
    agent = network.agent
    agent.interface(900, "<pppoe-kantor>", 5_000, 6_000)
    await network.meter("interface", "<pppoe-kantor>")
    await network.read()
    network.pass_time()
    agent.remove(900)
    agent.interface(901, "<pppoe-kantor>", 7_000, 8_000)  # it dialled in again, and has moved more than before
    await network.read()
    assert await network.moved() == (7_000, 8_000)


async def test_what_moved_since_the_device_was_switched_on_counts(network: Network) -> None:
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.up_seconds = 30
    network.pass_time(0)
    agent.interface(5, "ether5", 4000, 5000)  # more than before, and yet all of it new
    state = await network.read()
    assert (state.boots, state.is_host_clock) == (1, True)
    assert await network.moved() == (4000, 5000)


@pytest.mark.parametrize("broken", ["handle", "keep"])
async def test_a_beginning_counts_once_though_the_poller_stops_half_way(
    network: Network, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Before what moved is booked, or after it and before what the device says of itself is kept."""
    agent = network.agent
    agent.interface(5, "ether5", 9000, 9000)
    await network.meter("interface", "ether5")
    await network.read()
    network.up_seconds = 30
    network.pass_time(0)
    agent.interface(5, "ether5", 4000, 5000)
    handle = network.readings.handle

    async def stop(*readings: Any) -> Any:
        if broken == "keep":
            await handle(*readings)
        raise StoreUnavailableError("the database is away")

    monkeypatch.setattr(network.readings, "handle", stop)
    with pytest.raises(StoreUnavailableError):
        await network.read()
    monkeypatch.setattr(network.readings, "handle", handle)
    network.pass_time()
    agent.interface(5, "ether5", 4010, 5020)
    state = await network.read()
    assert await network.moved() == (4010, 5020)
    assert state.boots == 1


async def test_a_beginning_that_two_pollers_find_counts_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a failover, the one that goes may still wait for an answer while the other reads."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.up_seconds = 30
    network.pass_time(0)
    agent.interface(5, "ether5", 4000, 5000)
    read, others = network.reader.read, SnmpReader(0.3)
    other = PollDevices(
        network.database, others, network.box, network.readings, network.clock, PollPolicy(1, 4, 60), lambda: 0.0
    )

    async def read_late(*what: Any) -> Any:
        report = await read(*what)
        network.pass_time()
        async with network.database.read() as work:
            nas = await work.nas.by_id(NAS)
        assert nas is not None
        await other.poll(nas)
        return report

    monkeypatch.setattr(network.reader, "read", read_late)
    try:
        await network.read()
    finally:
        others.close()
    monkeypatch.setattr(network.reader, "read", read)
    network.pass_time()
    await network.read()
    assert await network.moved() == (4000, 5000)


async def test_an_agent_that_was_started_again_begins_no_counter(network: Network) -> None:
    """The device runs on; its counters do too."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    agent.up(3, network.up_seconds + 60)
    agent.interface(5, "ether5", 1100, 2200)
    await network.read()
    assert await network.moved() == (100, 200)


@pytest.mark.parametrize(("counters", "moved"), [((30, 40), (30, 40)), ((5000, 6000), (0, 0))])
async def test_an_agent_that_only_tells_its_own_age_is_believed_where_counters_are_lower(
    network: Network, counters: tuple[int, int], moved: tuple[int, int]
) -> None:
    agent = network.agent
    del agent.values[*MIB_2, 25, 1, 1, 0]
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    agent.up(10)
    agent.interface(5, "ether5", *counters)
    await network.read()
    assert await network.moved() == moved


async def test_a_clock_that_goes_round_after_497_days_is_no_restart(network: Network) -> None:
    agent = network.agent
    network.up_seconds = G / 100 - 30
    network.pass_time(0)
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 1001, 2002)
    state = await network.read()
    assert (state.boots, state.ticks > G) == (0, True)
    assert await network.moved() == (1, 2)


async def test_a_device_that_lost_count_is_measured_anew(network: Network) -> None:
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 900_000, 900_000, lost_at=4711)
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 900_010, 900_020, lost_at=4711)
    await network.read()
    assert await network.moved() == (10, 20)


async def test_counters_of_32_bits_go_round_and_are_warned_about(network: Network) -> None:
    agent = network.agent
    agent.interface(5, "ether5", G - 100, 50, wide=False, megabits=100)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", G + 200, 60, wide=False, megabits=100)
    assert (await network.read()).notes == ()
    assert await network.moved() == (300, 10)
    network.pass_time(400)
    agent.interface(5, "ether5", G + 300, 70, wide=False, megabits=100)
    (note,) = (await network.read(400)).notes
    assert "may have gone round more than once" in note


async def test_octets_faster_than_the_port_wait_for_a_person(network: Network) -> None:
    """Issue 4, bad input: kept, marked, not billed until a person decides."""
    agent = network.agent
    agent.interface(5, "ether5", 0, 0, megabits=100)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 0, 10**12, megabits=100)
    (note,) = (await network.read()).notes
    assert "1000000000000 octets" in note
    assert "not booked" in note
    network.pass_time()
    agent.interface(5, "ether5", 5, 10**12 + 7, megabits=100)
    await network.read()
    assert await network.moved() == (5, 7)
    async with network.database.read() as work:
        (doubt,) = await work.meters.doubts("open")
    decided = await network.manage.decide(doubt.id, ANI, T0, accept=True)
    assert (decided.state, decided.decided_by) == ("accepted", "ani")
    async with network.database.read() as work:
        used = await work.usage.period_usage(decided.service_id, date(2026, 3, 10))
        assert await work.meters.doubts("open") == []
    assert used is not None
    assert (used.upload_octets, used.download_octets) == (5, 10**12 + 7)


async def test_a_port_that_is_not_there_or_there_twice_is_said(network: Network) -> None:
    agent = network.agent
    agent.interface(5, "ether5", 1, 1, alias="sama")
    agent.interface(6, "ether6", 1, 1, alias="sama")
    await network.meter("alias", "sama")
    await network.meter("queue", "hilang")
    assert set((await network.read()).notes) == {"alias sama is there more than once", "queue hilang is not there"}


async def test_an_interface_that_is_gone_and_still_shown_is_not_its_successor(network: Network) -> None:
    """net-snmp shows one for five minutes after it is gone."""
    agent = network.agent
    agent.interface(5, "ether5", 1000, 2000)
    await network.meter("interface", "ether5")
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 1000, 2000, up=False)
    agent.interface(9, "ether5", 10, 20)
    await network.read()
    assert await network.moved() == (10, 20)


async def test_what_a_device_says_of_itself(network: Network) -> None:
    network.agent.values |= {
        (*MIB_2, 25, 3, 3, 1, 2, 1): v2c.Integer32(10),
        (*MIB_2, 25, 3, 3, 1, 2, 2): v2c.Integer32(31),
        (*MIB_2, 25, 2, 3, 1, 4, 65536): v2c.Integer32(1024),
        (*MIB_2, 25, 2, 3, 1, 5, 65536): v2c.Integer32(262_144),
        (*MIB_2, 25, 2, 3, 1, 6, 65536): v2c.Integer32(65_536),
        (*ROUTEROS, 4, 4, 0): v2c.OctetString("7.16.1"),
        (*ROUTEROS, 7, 9, 0): v2c.OctetString("CCR2116-12G-4S+"),
        (*ROUTEROS, 3, 11, 0): v2c.Integer32(415),
        (1, 3, 6, 1, 4, 1, 9, 9, 150, 1, 1, 1, 0): v2c.Gauge32(742),
    }
    state = await network.read()
    assert (state.name, state.version, state.cpu_percent) == ("gerbang", "CCR2116-12G-4S+ 7.16.1", 20)
    assert (state.memory_octets, state.memory_used_octets) == (2**28, 2**26)
    assert (state.temperature_decidegrees, state.ppp_sessions, state.ticks) == (415, 742, DAY * 100)


async def test_nonsense_makes_one_device_unreadable_and_nothing_else(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.agent.values |= {
        (*MIB_2, 25, 3, 3, 1, 2, 1): v2c.Integer32(2**31 - 1),
        (*MIB_2, 1, 5, 0): v2c.OctetString(b"\x00\xff\xfegerbang\n" + b"x" * 5000),
        (1, 3, 6, 1, 4, 1, 9, 9, 150, 1, 1, 1, 0): v2c.Gauge32(2**32 - 1),
        (*ROUTEROS, 3, 11, 0): v2c.OctetString("panas"),
    }
    network.agent.interface(5, "ether5", 2**64 - 1, 3)
    await network.meter("interface", "ether5")
    state = await network.read()
    assert (state.trouble, state.cpu_percent, state.ppp_sessions) == (None, 1000, None)
    assert state.name.endswith("xxx")
    assert state.temperature_decidegrees is None
    assert network.readings.took[Took.REFUSED] == 1

    async def break_down(*_what: object) -> None:
        raise KeyError("tidak ada")

    monkeypatch.setattr(SnmpReader, "_read", break_down)
    assert "can't be understood: KeyError" in str((await network.read()).trouble)


async def test_a_silent_device_delays_nobody(network: Network) -> None:
    """Issue 4: hundreds of devices, one dead one delays nobody."""
    network.poll._reader = reader = SnmpReader(10.0)  # the dead one is waited for longer than this test lasts
    with fake_agent() as other:
        await network.also(other.port, 2)
        await network.also(free_udp_port(), 3)
        task = asyncio.ensure_future(network.poll.run())
        try:
            async with asyncio.timeout(15):
                while len(answered := await network.answered()) < 2:
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            reader.close()
    assert answered == {NAS, UUID(int=2)}
    assert (network.poll.silent, network.poll.devices) == (0, 3)


async def test_a_device_whose_community_does_not_open_stops_no_other(network: Network) -> None:
    """And it is said on its page, with everything else that keeps a device from being read."""
    nas = network.nas(network.agent.port, nas_id=UUID(int=1), name="aaa", address="127.0.0.9/32")
    async with network.database.write() as work:
        await work.nas.add(replace(nas, snmp_community_sealed=b"sealed with another key"))
    with fake_agent() as other:
        await network.also(other.port, 2)
        task = asyncio.ensure_future(network.poll.run())
        try:
            async with asyncio.timeout(15):
                state = await network.state(UUID(int=1))
                while not task.done() and (len(await network.answered()) < 2 or state is None or state.failures < 2):
                    await asyncio.sleep(0.05)
                    state = await network.state(UUID(int=1))
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    assert await network.answered() == {NAS, UUID(int=2)}
    assert state is not None
    assert state.trouble
    assert network.poll.faults >= 2


async def test_a_fault_while_a_device_is_read_is_that_devices_alone(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overflow(*_what: object) -> None:
        raise OverflowError("Python int too large to convert to SQLite INTEGER")

    network.agent.interface(5, "ether5", 1, 1)
    await network.meter("interface", "ether5")
    with monkeypatch.context() as broken:
        broken.setattr(network.readings, "handle", overflow)
        state = await network.read()
    assert (state.failures, state.trouble, network.poll.faults) == (1, "a fault of ours, OverflowError", 1)
    assert (await network.read()).trouble is None


async def test_a_silent_device_is_looked_for_by_its_name_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One behind a changing address, by a name that follows it."""
    addresses = {"gerbang.example": "127.0.0.7"}  # where nobody answers
    look_up = socket.getaddrinfo

    def resolve(host: Any, *what: Any, **more: Any) -> Any:
        return look_up(addresses.get(host, host), *what, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    access = SnmpAccess("gerbang.example", network.agent.port, "publik")
    with pytest.raises(DeviceSilentError):
        await network.reader.read(access, Wanted())
    addresses["gerbang.example"] = "127.0.0.1"
    assert (await network.reader.read(access, Wanted())).uptime_ticks == DAY * 100


async def test_a_silent_device_is_said_to_be_and_is_read_again_when_it_is_back(network: Network) -> None:
    nas = await network.also(free_udp_port(), 3)
    assert [await network.poll.poll(nas) for _ in range(3)] == [1, 2, 3]
    state = await network.state(nas.id)
    assert state is not None
    assert (state.failures, state.answered_at) == (3, None)
    assert "no answer: SNMP is off, a firewall, or another community" in str(state.trouble)
    back = replace(nas, snmp_port=network.agent.port)
    assert await network.poll.poll(back) == 0
    nowhere = replace(nas, snmp_address=None, address="10.0.0.0/24")
    assert await network.poll.poll(nowhere) == 1
    state = await network.state(nas.id)
    assert state is not None
    assert "10.0.0.0/24 is a network" in str(state.trouble)
    assert state.name == "gerbang"


def open_session(username: str, **what: Any) -> Session:
    known = {"started_at": HOUR_AGO, "counter_upload_octets": 1000, "counter_download_octets": 2000}
    return session(username=username, **(known | what))


async def test_sessions_are_found_by_the_interface_they_have(network: Network) -> None:
    """For RouterOS whose API can't be used: there with its counters, gone, or not to be told apart."""
    agent = network.agent
    hour_ago = (DAY - 3600) * 100
    agent.interface(900, "<pppoe-budi>", 1500, 2500, changed_at=hour_ago)
    agent.interface(901, "<l2tp-sari>", 10, 20, changed_at=DAY * 100 - 500)  # dialled in five seconds ago
    agent.interface(902, "<pppoe-tono>", 9999, 9999, changed_at=DAY * 100 - 500)
    agent.interface(903, "<pppoe-dedi>", 9999, 9999, changed_at=hour_ago)
    agent.guest(77, bytes((10, 5, 0, 9)), bytes.fromhex("aabbcc000001"), 1700, 2700)
    ask = SnmpSessions(network.reader, network.clock.now, network.clock.monotonic)
    access = SnmpAccess("127.0.0.1", agent.port, "publik")
    asked = [
        open_session("budi", id=1),
        open_session("sari", id=2),
        open_session("tono", id=3),
        open_session("hilang", id=4),
        open_session("dedi", id=5),
        open_session("dedi", id=6),
        open_session("tamu", id=7, acct_session_key="80000001", framed_ip="10.5.0.9", mac="AA:BB:CC:00:00:01"),
        open_session("pulang", id=8, acct_session_key="80000002", framed_ip="10.5.0.8", mac="AA:BB:CC:00:00:02"),
    ]
    answers = await ask.ask(access, NAS, asked)
    assert {number: answer.presence for number, answer in answers.items()} == {
        1: Presence.THERE,
        2: Presence.GONE,
        4: Presence.GONE,
        7: Presence.THERE,
        8: Presence.GONE,
    }
    budi, tamu = answers[1], answers[7]
    assert (budi.source, budi.upload_octets, budi.download_octets, budi.session_seconds) == ("snmp", 1500, 2500, 3600)
    assert (tamu.upload_octets, tamu.download_octets) == (1700, 2700)
    agent.interface(900, "<pppoe-budi>", 1600, 2600, changed_at=hour_ago)
    assert (await ask.ask(access, NAS, asked[:1]))[1].upload_octets == 1600
    assert await ask.ask(replace(access, community="lain"), NAS, asked) == {}


async def test_a_table_without_end_is_left_and_what_was_learned_before_it_stands(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = network.agent
    monkeypatch.setattr(client, "WALK_SECONDS", 0.3)
    access = SnmpAccess("127.0.0.1", agent.port, "publik")
    agent.interface(900, "<pppoe-budi>", 1500, 2500, changed_at=(DAY - 3600) * 100)
    ask = SnmpSessions(network.reader, network.clock.now, network.clock.monotonic)
    budi = open_session("budi", id=1)
    assert set(await ask.ask(access, NAS, [budi])) == {1}
    agent.has_no_end = True
    asked = await network.reader.agent(access)
    with pytest.raises(DeviceSilentError, match="does not end within"):
        await asked.table((oids.HOTSPOT_ADDRESS,))
    guest = open_session("tamu", id=7, acct_session_key="80000001", framed_ip="10.5.0.9")
    began = agent.asked
    assert set(await ask.ask(access, NAS, [budi, guest])) == {1}
    assert agent.asked - began < client.MOST_ROWS  # not by the bound on rows
    monkeypatch.setattr(sessions, "ASK_SECONDS", 1.0)
    monkeypatch.setattr(client, "WALK_SECONDS", 60.0)
    assert set(await ask.ask(access, NAS, [budi, guest])) == {1}
    agent.has_no_end = False
    monkeypatch.setattr(sessions, "ASK_SECONDS", 10.0)
    assert (await ask.ask(access, NAS, [guest]))[7].presence is Presence.GONE  # its agent is free again


async def test_a_service_that_radius_metered_of_late_gets_no_meter_by_mistake(
    database: Database, tmp_path: Path
) -> None:
    """One who is offline for a moment would be billed twice once back; over MQTT as over SNMP."""
    async with metering(database, tmp_path) as m:
        await m.world.plan(PER_USE)
        await m.world.person("budi", "KUOTA", activated_on=date(2026, 3, 1))
        async with database.write() as work:
            await work.nas.add(nas())
        await m.hear("start")
        await m.hear("stop", 600, up=1, down=1)
        await m.run()
        manage = ManageMeters(database, ZONE)
        month_later = T0 + timedelta(days=30)
        with pytest.raises(RefusedError, match="within the last 62 days"):
            await manage.add_port("budi", "gerbang", "interface", "ether5", ANI, month_later)
        with pytest.raises(RefusedError, match="within the last 62 days"):
            await manage.allow("budi", "mqtt", ANI, month_later)
        await manage.allow("budi", "mqtt", ANI, month_later, key="lain", force=True)
        await manage.allow("budi", "mqtt", ANI, T0 + timedelta(days=63))


async def test_what_devices_say_is_kept_in_both_databases(database: Database, box: SecretBox) -> None:
    with fake_agent() as agent:
        network = Network(database, box, agent)
        await network.begin()
        try:
            agent.interface(5, "ether5", 1, 2)
            await network.meter("interface", "ether5")
            await network.read()
            agent.interface(5, "ether5", 10, 20)
            network.pass_time()
            state = await network.read()
        finally:
            network.reader.close()
    assert (state.name, state.failures, state.ticks) == ("gerbang", 0, (DAY + 60) * 100)
    assert await network.moved() == (9, 18)
    async with database.read() as work:
        (line,) = await work.meters.lines()
    assert (line.username, line.nas_name) == ("kantor", "gerbang")
