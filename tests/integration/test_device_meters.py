"""What interfaces, comments and queues of a device move, metered over SNMP: an agent behaves as RouterOS does."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import RefusedError
from netbilld.services.manage_meters import ManageMeters
from tests.accounting_packets import T0
from tests.builders.nas import nas
from tests.integration.device_world import ANI, Network, device_network
from tests.integration.metering_world import metering
from tests.integration.money_world import PER_USE, ZONE

G = 2**32


@pytest.fixture
async def network(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Network]:
    async with device_network(sqlite_template, tmp_path, box) as network:
        yield network


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
    await network.metered_ether5(1000, 2000)
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
    await network.metered_ether5(1000, 2000, megabits=100)
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


async def test_an_interface_that_is_gone_and_still_shown_is_not_its_successor(network: Network) -> None:
    """net-snmp shows one for five minutes after it is gone."""
    agent = network.agent
    await network.metered_ether5(1000, 2000)
    network.pass_time()
    agent.interface(5, "ether5", 1000, 2000, up=False)
    agent.interface(9, "ether5", 10, 20)
    await network.read()
    assert await network.moved() == (10, 20)


async def test_a_device_that_lost_count_is_measured_anew(network: Network) -> None:
    agent = network.agent
    await network.metered_ether5(1000, 2000)
    network.pass_time()
    agent.interface(5, "ether5", 900_000, 900_000, lost_at=4711)
    await network.read()
    network.pass_time()
    agent.interface(5, "ether5", 900_010, 900_020, lost_at=4711)
    await network.read()
    assert await network.moved() == (10, 20)


async def test_counters_of_32_bits_go_round_and_are_warned_about(network: Network) -> None:
    agent = network.agent
    await network.metered_ether5(G - 100, 50, wide=False, megabits=100)
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
    await network.metered_ether5(0, 0, megabits=100)
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
