"""Counters of a device that begins again, or only seems to: what moved since counts, and counts once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snmp.reader import SnmpReader
from netbilld.model.errors import StoreUnavailableError
from netbilld.services.poll_devices import PollDevices, PollPolicy
from tests.integration.device_world import Network, device_network
from tests.snmp_agent import MIB_2

G = 2**32


@pytest.fixture
async def network(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Network]:
    async with device_network(sqlite_template, tmp_path, box) as network:
        yield network


async def test_what_moved_since_the_device_was_switched_on_counts(network: Network) -> None:
    agent = network.agent
    await network.metered_ether5(1000, 2000)
    network.switched_on(seconds_ago=30)
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
    await network.metered_ether5(9000, 9000)
    network.switched_on(seconds_ago=30)
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
    await network.metered_ether5(1000, 2000)
    network.switched_on(seconds_ago=30)
    agent.interface(5, "ether5", 4000, 5000)
    read, others = network.reader.read, SnmpReader(0.3)
    other = PollDevices(
        network.database, others, network.box, network.readings, network.clock, PollPolicy(1, 4, 60), lambda: 0.0
    )

    async def read_late(*what: Any) -> Any:
        report = await read(*what)
        network.pass_time()
        await other.poll(await network.device())
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
    await network.metered_ether5(1000, 2000)
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
    await network.metered_ether5(1000, 2000)
    agent.up(10)
    agent.interface(5, "ether5", *counters)
    await network.read()
    assert await network.moved() == moved


async def test_a_clock_that_goes_round_after_497_days_is_no_restart(network: Network) -> None:
    agent = network.agent
    network.switched_on(seconds_ago=G / 100 - 30)
    await network.metered_ether5(1000, 2000)
    network.pass_time()
    agent.interface(5, "ether5", 1001, 2002)
    state = await network.read()
    assert (state.boots, state.ticks > G) == (0, True)
    assert await network.moved() == (1, 2)
