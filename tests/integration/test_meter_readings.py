"""Meters beside the sessions, in both databases: each reading is booked once, whoever tells it and how often."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from netbilld.accounting.reading import Meter, MeterReading, Onset, Took
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import meters, usage_hours, usage_periods, usage_slices
from netbilld.model.errors import RefusedError
from netbilld.services.book_usage import BookUsage
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import Batch
from netbilld.services.take_meter_message import read_message
from tests.accounting_packets import T0
from tests.integration.money_world import PER_USE, ZONE, Person, World, plan_file

MINUTE = timedelta(minutes=1)


class Desk:
    """Takes readings, and remembers what it was told to follow."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.followed: list[Batch] = []
        self.readings = MeterReadings(database, BookUsage(ZONE), self.follow)

    async def follow(self, batch: Batch) -> None:
        self.followed.append(batch)

    async def add(self, person: Person, key: str = "topic", **what: Any) -> Meter:
        meter = Meter(
            id=0,
            service_id=person.service_id,
            nas_id=None,
            source="mqtt",
            key=key,
            is_allowed=True,
            is_swapped=False,
            created_at=T0,
        )
        async with self.database.write() as work:
            return await work.meters.add(replace(meter, **what))

    async def sums(self) -> set[tuple[int, int]]:
        found = set()
        async with self.database.read() as work:
            for table in (meters, usage_slices, usage_hours, usage_periods):
                query = select(func.sum(table.c.upload_octets), func.sum(table.c.download_octets))
                up, down = (await work.connection.execute(query)).one()
                found.add((int(up or 0), int(down or 0)))
        return found


async def one_service(database: Database, plan: str | None = None) -> Person:
    world = World(database)
    await world.plan(plan or plan_file())
    return await world.person("kios", "KUOTA" if plan else "HOME20", activated_on=date(2026, 3, 1))


def reading(minute: float, up: int, down: int, key: str = "topic", **what: Any) -> MeterReading:
    told = MeterReading(None, "mqtt", key, T0 + minute * MINUTE, up, down, clock=int(minute * 60), epoch="boot1")
    return told._replace(**what)


async def test_a_meter_beside_the_sessions_becomes_usage_like_any_other(database: Database) -> None:
    person = await one_service(database)
    desk = Desk(database)
    meter = await desk.add(person)
    told = [reading(0, 1000, 5000), reading(30, 1500, 9000), reading(90, 1700, 9900)]
    outcomes = await desk.readings.handle(told, T0)
    assert [came.took for came in outcomes] == [Took.BASELINE, Took.COUNTED, Took.COUNTED]
    assert await desk.sums() == {(700, 4900)}
    async with database.read() as work:
        slices = (await work.connection.execute(select(usage_slices).order_by(usage_slices.c.start_at))).all()
        (kept,) = await work.meters.in_use(service_id=person.service_id)
    assert {(one.meter_id, one.session_id, one.source) for one in slices} == {(meter.id, None, "mqtt")}
    assert [one.estimated for one in slices] == [False, True, True]  # the second crosses a local hour
    assert (kept.state, kept.at, kept.counter_download_octets) == ("counted", T0 + 90 * MINUTE, 9900)
    assert desk.followed[0].touched_service_ids == {person.service_id}
    assert desk.followed[0].periods[-1].download_octets == 4900


async def test_what_was_told_already_or_was_overtaken_counts_nothing(database: Database) -> None:
    """Issue 4, meters: replay-proof, also after a restart of the device."""
    person = await one_service(database)
    desk = Desk(database)
    await desk.add(person)
    first, second = reading(0, 0, 0), reading(10, 100, 200)
    anew = reading(20, 7, 9, epoch="boot2", clock=1, onset=Onset.ZERO)
    await desk.readings.handle([first, second], T0)
    outcomes = await desk.readings.handle([second, first, anew, second, anew, anew._replace(at=T0)], T0)
    assert [came.took for came in outcomes] == [
        Took.REPEATED,
        Took.STALE,
        Took.COUNTED,
        Took.STALE,
        Took.REPEATED,
        Took.REPEATED,
    ]
    replayed = second._replace(at=T0 + 60 * MINUTE)  # a copy that only arrives later
    (came,) = await desk.readings.handle([replayed], T0)
    assert came.took is Took.STALE
    assert await desk.sums() == {(107, 209)}
    assert desk.readings.took[Took.STALE] == 3


async def test_a_sequence_that_comes_or_goes_leaves_the_counters_what_they_are(database: Database) -> None:
    """Issue 4, meters: only another boot says that they began at zero."""
    person = await one_service(database)
    desk = Desk(database)
    await desk.add(person)
    told: list[tuple[dict[str, Any], int, Took]] = [
        ({}, 5_000_000_000, Took.BASELINE),
        ({"boot": "b1", "sequence": 1}, 5_000_000_100, Took.COUNTED),  # it is said from now on
        ({"boot": "b1"}, 5_000_000_300, Took.COUNTED),
        ({"boot": "b1", "sequence": 3}, 5_000_000_600, Took.COUNTED),
        ({"boot": "b1"}, 5_000_001_000, Took.COUNTED),
        ({"boot": "b2"}, 70, Took.COUNTED),  # and this is another one
    ]
    messages = []
    for minute, (what, octets, took) in enumerate(told):
        at = (T0 + minute * MINUTE).isoformat()
        payload = json.dumps({"upload_octets": 0, "download_octets": octets, "at": at, **what}).encode()
        said = read_message("topic", payload, T0 + minute * MINUTE, None)
        assert isinstance(said, MeterReading)
        messages.append(said)
        assert [came.took for came in await desk.readings.handle([said], T0)] == [took], what
    assert await desk.sums() == {(0, 1070)}
    copies = await desk.readings.handle(messages[:-1], T0)
    assert {came.took for came in copies} == {Took.STALE}
    late = [copy._replace(at=T0 + 60 * MINUTE) for copy in messages[1:-1]]  # only known by their boot
    assert {came.took for came in await desk.readings.handle(late, T0)} == {Took.STALE}
    assert await desk.sums() == {(0, 1070)}


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"key": "elsewhere"}, "no such meter"),
        ({"service_id": UUID(int=9)}, "another service's"),
        ({"upload_octets": -1}, "upload_octets is no number"),
        ({"download_octets": 2**63}, "download_octets is no number"),
        ({"clock": -3}, "clock is no number"),
    ],
)
async def test_a_reading_that_may_not_count_is_refused_with_the_reason(
    database: Database, what: dict[str, Any], reason: str
) -> None:
    """Issue 4, bad input: refused and counted."""
    person = await one_service(database)
    desk = Desk(database)
    await desk.add(person)
    await desk.readings.handle([reading(0, 0, 0)], T0)
    (came,) = await desk.readings.handle([reading(1, 100, 100)._replace(**what)], T0)
    assert came.took is Took.REFUSED
    assert reason in came.reason
    assert desk.readings.took[Took.REFUSED] == 1
    assert await desk.sums() == {(0, 0)}


async def test_a_service_that_does_not_allow_it_is_not_metered(database: Database) -> None:
    person = await one_service(database)
    desk = Desk(database)
    await desk.add(person, is_allowed=False)
    (came,) = await desk.readings.handle([reading(0, 1, 1)], T0)
    assert (came.took, came.reason) == (Took.REFUSED, "the service doesn't allow it")


async def test_pay_per_use_is_charged_by_what_a_meter_tells(database: Database) -> None:
    person = await one_service(database, PER_USE)
    desk = Desk(database)
    await desk.add(person)
    await desk.readings.handle([reading(0, 0, 0), reading(10, 10**9, 10**9)], T0)
    assert desk.followed[0].charged_service_ids == {person.service_id}
    async with database.read() as work:
        charged = await work.connection.scalar(select(func.sum(usage_periods.c.charged_minor)))
    assert charged == 6000


async def test_two_who_tell_the_same_at_once_are_booked_once(database: Database) -> None:
    person = await one_service(database)
    desk, other = Desk(database), Desk(database)
    for number in range(20):
        await desk.add(person, f"topic{number}")
    for minute in range(4):
        told = [reading(minute, minute * 10, minute * 20, f"topic{number}") for number in range(20)]
        await asyncio.gather(desk.readings.handle(told, T0), other.readings.handle(told[::-1], T0))
    assert await desk.sums() == {(600, 1200)}


async def test_one_series_has_one_meter_until_it_is_removed(database: Database) -> None:
    person = await one_service(database)
    desk = Desk(database)
    meter = await desk.add(person)
    await desk.readings.handle([reading(0, 5, 5), reading(1, 6, 6)], T0)
    with pytest.raises(RefusedError, match="metered already"):
        await desk.add(person)
    async with database.write() as work:
        await work.meters.remove(meter.id, T0)
        assert await work.meters.by_id(meter.id) is None
    assert (await desk.readings.handle([reading(2, 9, 9)], T0))[0].took is Took.REFUSED
    again = await desk.add(person)
    outcomes = await desk.readings.handle([reading(2, 9, 9), reading(3, 10, 10)], T0)
    assert [came.took for came in outcomes] == [Took.BASELINE, Took.COUNTED]
    assert again.id != meter.id
    assert await desk.sums() == {(2, 2)}


async def test_a_copy_of_the_last_reading_does_not_move_when_it_was(database: Database) -> None:
    person = await one_service(database)
    desk = Desk(database)
    await desk.add(person)
    last = reading(5, 10, 10)
    await desk.readings.handle([reading(0, 0, 0), last, last._replace(at=T0 + 9 * MINUTE)], T0)
    async with database.read() as work:
        (kept,) = await work.meters.in_use()
    assert kept.at == T0 + 5 * MINUTE
