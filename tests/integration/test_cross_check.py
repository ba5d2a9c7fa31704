"""Per NAS and hour: what its interfaces carried beside what accounting told, in both databases."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.model.nas import Nas
from netbilld.ports.snmp import Port
from netbilld.services.cross_check import CheckedHour, CheckPolicy, CrossCheck
from tests.accounting_packets import T0
from tests.builders.nas import nas
from tests.integration.metering_world import Metering, metering
from tests.integration.money_world import PER_USE, ZONE

POLICY = CheckPolicy(percent=5, least_octets=1_000_000, timezone=ZONE, currency="IDR")
GB = 10**9
MINUTE = timedelta(minutes=1)
BUDI, SARI = "<pppoe-budi>", "<pppoe-sari>"


def gate(uplink: str | None = None) -> Nas:
    return nas(snmp_community_sealed=b"c", snmp_uplink=uplink)


def ports(moved: float, **more: int) -> list[Port]:
    """Interfaces after a part of the traffic, which is 1 GB up and 9 GB down in all."""
    up, down = int(moved * GB), int(moved * 9 * GB)
    return [
        Port("15728641", BUDI, up, down, wide=True),
        Port("1", "ether1", down * 7, up * 7, wide=True),
        *(Port(str(number), name, octets, 0, wide=True) for number, (name, octets) in enumerate(more.items(), 100)),
    ]


async def told(m: Metering, reported: float, until_minute: int = 60) -> None:
    """Accounting that tells a part of it."""
    await m.world.plan(PER_USE)
    await m.world.person("budi", "KUOTA", activated_on=date(2026, 3, 1))
    async with m.database.write() as work:
        await work.nas.add(gate())
    await m.hear("start")
    for minute in range(5, until_minute + 1, 5):
        share = reported * minute / 60
        await m.hear("interim", minute * 60, up=int(share * GB), down=int(share * 9 * GB))
    await m.run()


async def read_for_an_hour(check: CrossCheck, *, until_minute: int = 60) -> None:
    for minute in range(0, until_minute + 1, 5):
        await check.take(gate(), ports(minute / 60), T0 + minute * MINUTE)


@pytest.mark.parametrize(("reported", "state"), [(1.0, "agrees"), (0.98, "agrees"), (0.9, "missing"), (0.0, "missing")])
async def test_a_tenth_that_is_hidden_is_found_and_a_fiftieth_is_not(
    database: Database, tmp_path: Path, reported: float, state: str
) -> None:
    """Issue 4, bar: finds a 10 % loss in the accounting, names NAS and hour, and stays silent at 2 %."""
    async with metering(database, tmp_path) as m:
        await told(m, reported)
        check = CrossCheck(database, POLICY)
        await read_for_an_hour(check)
        assert await check.run(T0 + 70 * MINUTE) == []  # reports may still be on their way
        (line,) = [one for one in await check.run(T0 + 85 * MINUTE) if one.state != "incomplete"]
        assert (line.nas_name, line.hour_at, line.state) == ("gerbang", T0, state)
        lines = await _lines(database)
        if state == "agrees":
            assert (line.missing_octets, line.risk_minor, lines, check.at_risk) == (0, 0, [], {})
            return
        lost = 10 * GB - int(reported * GB) - int(reported * 9 * GB)
        assert line.missing_octets == lost
        assert line.risk_minor == round(lost * 3000 / GB)  # pay-per-use is sold by the octet
        assert [(one.nas_name, one.hour_at) for one in lines] == [("gerbang", T0)]
        assert check.at_risk == {"gerbang": (lost, line.risk_minor)}
        assert await check.run(T0 + 86 * MINUTE) == []


async def test_a_counter_beyond_belief_is_left_out_and_the_others_count(database: Database) -> None:
    """An agent that shows 2⁶⁴-1 for a moment would else be an hour that no column holds."""
    async with database.write() as work:
        await work.nas.add(gate())
    check = CrossCheck(database, POLICY)
    broken = {"<pppoe-rusak>": 2**64 - 1, "<pppoe-aneh>": 2**62}
    await check.take(gate(), ports(0.0), T0)
    await check.take(gate(), ports(0.5, **broken), T0 + 5 * MINUTE)
    await check.take(gate(), ports(1.0, **broken), T0 + 10 * MINUTE)
    await check.run(T0 + 85 * MINUTE)
    async with database.read() as work:
        (line,) = await work.cross_checks.lines(T0, T0 + 60 * MINUTE, only_missing=False)
    assert (line.device_upload_octets, line.device_download_octets) == (GB, 9 * GB)


async def _lines(database: Database) -> list[CheckedHour]:
    async with database.read() as work:
        return await work.cross_checks.lines(T0 - timedelta(days=1), T0 + timedelta(days=1))


async def test_reports_that_come_late_are_seen_when_it_is_compared_again(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await told(m, 0.5, until_minute=5)
        check = CrossCheck(database, POLICY)
        await read_for_an_hour(check)
        (first, *_) = await check.run(T0 + 85 * MINUTE)
        assert first.state == "missing"
        await m.hear("stop", 3600, up=GB, down=9 * GB, late=3600, delay=3600, cause=1)
        await m.run()
        (again, *_) = await check.run(T0 + timedelta(hours=7, minutes=1))
        assert (again.hour_at, again.state) == (T0, "agrees")
        assert await _lines(database) == []


async def test_an_hour_that_was_hardly_read_says_nothing(database: Database, tmp_path: Path) -> None:
    """Also a daemon that begins in the middle of an hour, or a device that was silent for most of it."""
    async with metering(database, tmp_path) as m:
        await told(m, 0.5)
        check = CrossCheck(database, POLICY)
        await read_for_an_hour(check, until_minute=40)
        (line,) = await check.run(T0 + 85 * MINUTE)
        assert (line.state, line.missing_octets) == ("incomplete", 0)


async def test_sessions_that_begin_count_whole_and_others_traffic_does_not(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await told(m, 1.0)
        check = CrossCheck(database, POLICY)
        for minute in range(0, 61, 5):
            now = ports(minute / 60, **({SARI: minute * 40_000_000} if minute >= 30 else {}))
            await check.take(gate(), now, T0 + minute * MINUTE)
        (line, *_) = await check.run(T0 + 85 * MINUTE)
        assert line.device_upload_octets == GB + 60 * 40_000_000  # a second session, which accounting never told of
        assert line.device_download_octets == 9 * GB
        assert (line.state, line.missing_octets) == ("missing", 2_400_000_000)


async def test_what_another_node_has_read_meanwhile_is_not_counted_twice(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await told(m, 1.0)
        first, second = CrossCheck(database, POLICY), CrossCheck(database, POLICY)
        for minute in range(0, 61, 5):
            who = second if 20 <= minute <= 40 else first
            if minute in {20, 45}:
                who.forget()
            await who.take(gate(), ports(minute / 60), T0 + minute * MINUTE)
        (line, *_) = await first.run(T0 + 85 * MINUTE)
        assert line.read_seconds == 3000
        assert abs(line.device_download_octets - 7_500_000_000) <= 2  # of fractions that ports() cuts off


async def test_an_uplink_can_be_compared_instead(database: Database, tmp_path: Path) -> None:
    """What the uplink gives out, subscribers have sent."""
    async with metering(database, tmp_path) as m:
        await told(m, 1.0)
        check = CrossCheck(database, POLICY)
        for minute in range(0, 61, 5):
            await check.take(gate("ether1"), ports(minute / 60), T0 + minute * MINUTE)
        (line, *_) = await check.run(T0 + 85 * MINUTE)
        assert (line.device_upload_octets, line.device_download_octets) == (7 * GB, 63 * GB)
        assert line.missing_octets == 60 * GB


async def test_what_lies_over_the_edge_of_an_hour_is_split_in_proportion(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await told(m, 1.0)
        check = CrossCheck(database, POLICY)
        await check.take(gate(), ports(0), T0 - 2 * MINUTE)
        await check.take(gate(), ports(1), T0 + 2 * MINUTE)
        async with database.read() as work:
            both = await work.cross_checks.lines(T0 - timedelta(days=1), T0 + timedelta(days=1), only_missing=False)
        assert [(one.hour_at, one.device_download_octets, one.read_seconds) for one in both] == [
            (T0, 4_500_000_000, 120),
            (datetime(2026, 3, 10, 2, tzinfo=UTC), 4_500_000_000, 120),
        ]
