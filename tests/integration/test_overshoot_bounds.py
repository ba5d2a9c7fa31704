"""What a service's limit can be passed by, told from what both databases hold of its sessions, NAS and orders."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import enforcement_attempts
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.overshoot import (
    APPLYING_SECONDS,
    CLOCK_SECONDS,
    ROUND_TRIP_SECONDS,
    Crossing,
    NasReading,
    OvershootBound,
    overshoot_bounds,
)
from tests.enforcement_world import NOW, POLICY, World

LINE_BPS = 30_000_000  # 20 down and 10 up, both counted
INTERIM_SECONDS = 300


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


async def online(world: World, name: str, nas_id: UUID, *intervals: int) -> UUID:
    service_id = await world.add_service(name)
    await world.entitle().run([service_id], "start", NOW)
    for interval_seconds in intervals:
        await world.log_in(nas_id, service_id, name, interval_seconds=interval_seconds)
    return service_id


async def bound(world: World, service_id: UUID) -> OvershootBound | None:
    async with world.database.read() as work:
        facts = await work.enforcement.facts([service_id], POLICY, NOW)
        return (await overshoot_bounds(work, facts, INTERIM_SECONDS, NOW)).get(service_id)


def octets(seconds: float, order_seconds: float = ROUND_TRIP_SECONDS) -> int:
    return int(LINE_BPS * (seconds + CLOCK_SECONDS + APPLYING_SECONDS + order_seconds) // 8)


async def test_the_bound_is_of_the_longest_interval_seen_and_of_all_its_sessions(world: World) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    once, twice = await online(world, "budi", nas_id, 120), await online(world, "siti", nas_id, 60, 90)
    one, two = await bound(world, once), await bound(world, twice)
    assert one is not None
    assert two is not None
    assert (one.octets, one.interval_seconds, one.sessions, one.is_observed) == (octets(120), 120, 1, True)
    assert (two.octets, two.interval_seconds, two.sessions) == (2 * octets(90), 90, 2)


async def test_before_the_second_report_it_is_of_what_the_nas_was_told(world: World) -> None:
    service_id = await online(world, "budi", await world.add_nas("pop1", "192.0.2.1", 3799), 0)
    found = await bound(world, service_id)
    assert found is not None
    assert (found.octets, found.is_observed) == (octets(INTERIM_SECONDS), False)


async def test_who_is_offline_or_has_no_limit_has_no_bound(world: World) -> None:
    assert await bound(world, await online(world, "budi", await world.add_nas("pop1", "192.0.2.1", 3799))) is None


async def test_where_a_nas_is_read_near_the_edge_that_interval_counts_while_it_answers(world: World) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    service_id = await online(world, "budi", nas_id, 300)
    for reading, seconds in (
        (NasReading(nas_id, 5_300, None), 6),
        (NasReading(nas_id, 5_300, "no answer within 4 s"), 300),
        (NasReading(nas_id, None, None), 300),
        (NasReading(nas_id, 7_000, None), 7),
    ):
        async with world.database.write() as work:
            await work.crossings.note_readings([reading], NOW)
        found = await bound(world, service_id)
        assert found is not None
        assert (found.octets, found.interval_seconds) == (octets(seconds), seconds)


async def test_the_round_trip_is_the_longest_that_an_order_took_lately_but_not_one_that_had_to_wait(
    world: World,
) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    service_id = await online(world, "budi", nas_id, 60)
    async with world.database.write() as work:
        for outcome, seconds in (("acked", 0.5), ("verified", 1.5), ("timed_out", 6), ("acked", 3600)):
            await work.connection.execute(
                insert(enforcement_attempts).values(
                    service_id=service_id,
                    session_id=1,
                    nas_id=nas_id,
                    action="coa",
                    access="throttled",
                    reason="fair_use",
                    profile_key="11111111",
                    due_at=NOW,
                    sent_at=NOW,
                    answered_at=NOW + timedelta(seconds=seconds),
                    outcome=outcome,
                )
            )
    found = await bound(world, service_id)
    assert found is not None
    assert found.octets == octets(60, 1.5)


async def test_a_crossing_is_kept_once_a_period(world: World) -> None:
    service_id, nas_id = uuid4(), uuid4()
    first = Crossing(service_id, date(2025, 3, 10), NOW, 1, nas_id, 1000, 17, LINE_BPS, 5, True)
    async with world.database.write() as work:
        await work.crossings.add([first])
        await work.crossings.add([first._replace(over_octets=99), first._replace(start_on=date(2025, 4, 10))])
        newest, oldest = await work.crossings.newest(10)
    assert oldest == first
    assert (newest.start_on, newest.over_octets) == (date(2025, 4, 10), 17)
