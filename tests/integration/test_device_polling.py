"""Devices in turn: what each says of itself, and what keeps one from being read keeps no other."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pysnmp.proto.api import v2c

from netbilld.accounting.reading import Took
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snmp.reader import SnmpReader
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.snmp import DeviceSilentError, Wanted
from tests.accounting_packets import NAS
from tests.integration.device_world import DAY, Network, device_network
from tests.peers import free_udp_port
from tests.snmp_agent import MIB_2, ROUTEROS, fake_agent


@pytest.fixture
async def network(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Network]:
    async with device_network(sqlite_template, tmp_path, box) as network:
        yield network


@asynccontextmanager
async def polling(network: Network) -> AsyncIterator[asyncio.Future[None]]:
    """Let the poller take its turns, for a bounded time; give its task."""
    task = asyncio.ensure_future(network.poll.run())
    try:
        async with asyncio.timeout(15):
            yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
    network.reader.close()
    network.reader = network.poll._reader = SnmpReader(10.0)  # the dead one is waited for longer than this test lasts
    with fake_agent() as other:
        await network.also(other.port, 2)
        await network.also(free_udp_port(), 3)
        async with polling(network):
            while len(answered := await network.answered()) < 2:
                await asyncio.sleep(0.05)
    assert answered == {NAS, UUID(int=2)}
    assert (network.poll.silent, network.poll.devices) == (0, 3)


async def test_a_device_whose_community_does_not_open_stops_no_other(network: Network) -> None:
    """And it is said on its page, with everything else that keeps a device from being read."""
    nas = network.nas(network.agent.port, nas_id=UUID(int=1), name="aaa", address="127.0.0.9/32")
    async with network.database.write() as work:
        await work.nas.add(replace(nas, snmp_community_sealed=b"sealed with another key"))
    with fake_agent() as other:
        await network.also(other.port, 2)
        async with polling(network) as task:
            state = await network.state(UUID(int=1))
            while not task.done() and (len(await network.answered()) < 2 or state is None or state.failures < 2):
                await asyncio.sleep(0.05)
                state = await network.state(UUID(int=1))
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
