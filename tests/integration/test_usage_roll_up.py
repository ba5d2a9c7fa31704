"""Days and months hold what the hours hold, whenever one looks."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import ColumnElement, func, insert, select, text, true, update

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PARTITIONED, PartitionStore, partition_name
from netbilld.adapters.database.tables import (
    services,
    sessions,
    usage_all_days,
    usage_days,
    usage_hours,
    usage_months,
    usage_nas_days,
    usage_nas_hours,
    usage_slices,
)
from netbilld.daemon.storage import Storage
from netbilld.model.errors import StoreUnavailableError
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.check_usage import CheckUsage
from netbilld.services.roll_up_usage import RollUpUsage
from tests.clock import StandingClock
from tests.integration.metering_world import add_nas
from tests.integration.money_world import World, plan_file

JAKARTA, JAYAPURA, KATHMANDU = "Asia/Jakarta", "Asia/Jayapura", "Asia/Kathmandu"
T0 = datetime(2026, 3, 29, 3, tzinfo=UTC)
SPAN = timedelta(minutes=5)


class Town:
    """Services in three zones, and what was metered of them."""

    def __init__(self, database: Database, zones: dict[UUID, str]) -> None:
        self.database, self.zones = database, zones
        self.book = BookUsage(JAKARTA)
        self.roll_up = RollUpUsage(database, JAKARTA)
        self.nas_ids = [uuid4(), uuid4()]

    async def move(self, now: datetime, *moved: tuple[UUID | None, datetime, datetime, int, int]) -> None:
        async with self.database.write() as work:
            await self.book.handle(
                work,
                [
                    Moved(service_id, 7 + up % 2, None, "radius", from_at, to_at, up, down, self.nas_ids[up % 2])
                    for service_id, from_at, to_at, up, down in moved
                ],
                now,
            )

    async def sums(self) -> tuple[Counter[tuple[UUID, date]], Counter[tuple[UUID, date]]]:
        """Return downloads by service and day as read, and as the slices have it."""
        read: Counter[tuple[UUID, date]] = Counter()
        true: Counter[tuple[UUID, date]] = Counter()
        async with self.database.read() as work:
            for service_id, zone in self.zones.items():
                for day in await work.usage.buckets(service_id, date(2026, 1, 1), date(2026, 12, 31), "day", zone):
                    read[service_id, local_date(day.start_at, zone)] += day.download_octets
            for row in await work.connection.execute(
                select(usage_slices).where(usage_slices.c.service_id.is_not(None))
            ):
                true[row.service_id, local_date(row.start_at, self.zones[row.service_id])] += row.download_octets
        return read, true


@pytest.fixture
async def town(database: Database) -> Town:
    world = World(database)
    await world.plan(plan_file())
    zones = {}
    for name, zone in (("budi", JAKARTA), ("siti", JAYAPURA), ("ram", KATHMANDU)):
        person = await world.person(name, "HOME20", activated_on=date(2026, 1, 1))
        zones[person.service_id] = zone
        async with database.write() as work:
            await work.connection.execute(
                update(services).where(services.c.id == person.service_id).values(timezone=zone)
            )
    town = Town(database, zones)
    for number, nas_id in enumerate(town.nas_ids):
        await add_nas(database, nas_id, f"192.0.2.{number + 1}/32", f"nas{number}")
        row = {
            "id": 7 + number, "nas_id": nas_id, "username": "x", "acct_session_id": "x", "acct_session_key": "x",
            "state": "live", "started_at": T0, "updated_at": T0, "session_seconds": 0, "upload_octets": 0,
            "download_octets": 0, "counter_upload_octets": 0, "counter_download_octets": 0, "swapped": False,
            "upload_bps": 0, "download_bps": 0,
        }  # fmt: skip
        async with database.write() as work:
            await work.connection.execute(insert(sessions).values(**row))
    return town


@pytest.mark.parametrize("seed", range(3))
async def test_days_equal_the_slices_whatever_comes_late_and_whenever_hours_are_rolled_up(
    town: Town, seed: int
) -> None:
    """BANG-2.1b: usage per day equals the sum of the slices, at local midnight of each service's zone."""
    chance = random.Random(seed)
    now = T0
    who = [*town.zones, None]
    for _ in range(25):
        now += timedelta(minutes=chance.choice((5, 50, 200, 700)))
        moved = []
        for _ in range(chance.randrange(1, 5)):
            late = timedelta(minutes=chance.choice((0, 0, 30, 400, 3000)))
            span = timedelta(minutes=chance.choice((5, 5, 90)))
            moved.append(
                (chance.choice(who), now - late - span, now - late, chance.randrange(99), chance.randrange(9999))
            )
        await town.move(now, *moved)
        if chance.random() < 0.4:
            await town.roll_up.run(now)
            read, true = await town.sums()
            assert read == true
    read, true = await town.sums()
    assert read == true
    checks = await CheckUsage(town.database, JAKARTA).run(date(2026, 3, 25), date(2026, 4, 10))
    assert [one for one in checks if not one.is_ok] == []
    async with town.database.read() as work:
        mark = await work.usage.mark()
        assert mark is not None
        scalar = work.connection.scalar
        before = await scalar(select(func.sum(usage_hours.c.download_octets)).where(usage_hours.c.hour_at < mark))
        assert await scalar(select(func.sum(usage_days.c.download_octets))) == before
        assert await scalar(select(func.sum(usage_months.c.download_octets))) == before
        assert await scalar(select(func.sum(usage_all_days.c.download_octets))) == before
        on_nas = select(func.sum(usage_nas_hours.c.download_octets))
        assert await scalar(on_nas) == await scalar(select(func.sum(usage_slices.c.download_octets)))
        days = await scalar(select(func.sum(usage_nas_days.c.download_octets)))
        assert days == await scalar(on_nas.where(usage_nas_hours.c.hour_at < mark))
        first_on, end_on = date(2026, 3, 20), date(2026, 6, 1)
        for top in (await work.usage.top(first_on, end_on, 9), await work.usage.top(date(2026, 3, 1), end_on, 9)):
            assert {one.service_id: one.download_octets for one in top} == {
                service_id: sum(octets for (whose, _), octets in true.items() if whose == service_id)
                for service_id in town.zones
                if any(whose == service_id for whose, _ in true)
            }
    await town.roll_up.run(now + timedelta(hours=2))
    spread = select(usage_all_days.c.day_on).group_by(usage_all_days.c.day_on).having(func.count() > 1)
    async with town.database.read() as work:
        assert (await work.connection.scalars(spread)).all() == []
        assert await work.connection.scalar(select(func.sum(usage_all_days.c.download_octets))) == true.total()


async def test_the_check_finds_one_octet_that_is_missing_anywhere(town: Town) -> None:
    budi = next(iter(town.zones))
    at = T0 - timedelta(hours=5)
    await town.move(T0, (budi, at - timedelta(minutes=5), at, 10, 20), (None, at - timedelta(minutes=5), at, 3, 4))
    await town.roll_up.run(T0)
    check = CheckUsage(town.database, JAKARTA)
    days = (date(2026, 3, 27), date(2026, 4, 1))
    checks = await check.run(*days)
    assert [one for one in checks if not one.is_ok] == []
    assert {one.name: one.detail for one in checks}["hours of NAS equal slices"].startswith("13 octets of upload")
    for table, wrong in (
        (usage_months, {"months equal days"}),
        (usage_days, {"months equal days", "days equal hours", "days together equal days"}),
        (usage_all_days, {"days together equal days"}),
        (usage_hours, {"days equal hours", "hours equal slices"}),
        (usage_nas_days, {"days of NAS equal hours"}),
        (usage_nas_hours, {"days of NAS equal hours", "hours of NAS equal slices"}),
        (usage_slices, {"hours equal slices", "hours of NAS equal slices"}),
    ):
        column = table.c.download_octets
        mine: ColumnElement[bool] = true()
        if table is not usage_all_days:
            mine = table.c.service_id == budi if "service_id" in table.c else table.c.nas_id == town.nas_ids[0]
        async with town.database.write() as work:
            await work.connection.execute(update(table).where(mine).values(download_octets=column + 1))
        assert {one.name for one in await check.run(*days) if not one.is_ok} == wrong
        async with town.database.write() as work:
            await work.connection.execute(update(table).where(mine).values(download_octets=column - 1))
    assert all(one.is_ok for one in await check.run(*days))


def _storage(town: Town) -> tuple[Storage, StandingClock]:
    settings: Any = SimpleNamespace(
        timezone=JAKARTA,
        resolved_database_url=town.database.url.render_as_string(hide_password=False),
        metering=SimpleNamespace(keep_slices_months=0, keep_hours_months=0, keep_records_months=0, export_dir=None),
        messages=SimpleNamespace(keep_days=400),
        dunning=SimpleNamespace(keep_days=400),
        enforcement=SimpleNamespace(keep_orders_days=400),
    )
    clock = StandingClock(T0)
    return Storage(settings, town.database, cast("SystemClock", clock)), clock


async def test_a_difference_found_at_night_is_told_until_the_next_comparison(town: Town) -> None:
    budi = next(iter(town.zones))
    at = T0 - timedelta(hours=5)
    await town.move(T0, (budi, at - timedelta(minutes=5), at, 10, 20))
    storage, clock = _storage(town)
    day = at.astimezone(ZoneInfo(JAKARTA)).date()

    def said() -> tuple[list[str], list[float]]:
        return storage.notices, [value for family in storage.families() for _, value in family[3]]

    try:
        await storage.check(day + timedelta(days=1))
        assert said() == ([], [0])
        async with town.database.write() as work:
            await work.connection.execute(update(usage_slices).values(download_octets=21))
        await storage.check(day + timedelta(days=1))
        (notice,), figures = said()
        assert notice.startswith(f"2 sums of usage of {day} differ")
        assert figures == [2]
        clock.at += timedelta(hours=27)  # compared on another node since
        assert said() == ([], [0])
    finally:
        await storage.close()


async def test_a_day_is_compared_once_however_often_the_duty_comes_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads all of a day's slices; while the database comes and goes, everybody waits for what it is asked first."""
    days: list[date] = []

    async def run(_self: CheckUsage, from_on: date, _to_on: date) -> list[Any]:
        days.append(from_on)
        if len(days) == 1:
            raise StoreUnavailableError("the database has gone away again")
        return []

    monkeypatch.setattr(CheckUsage, "run", run)
    storage, clock = _storage(town)
    for at in (T0, T0, T0, T0 + timedelta(days=1)):
        clock.at = at
        with suppress(TimeoutError, StoreUnavailableError):
            async with asyncio.timeout(0.05):
                await storage.loops()["usage check"]()
    await storage.close()
    yesterday = T0.astimezone(ZoneInfo(JAKARTA)).date() - timedelta(days=1)
    assert days == [yesterday, yesterday, yesterday + timedelta(days=1)]


async def test_the_top_of_some_days_counts_each_service_by_its_own_local_days(town: Town) -> None:
    await town.roll_up.run(T0)
    edge = {service_id: local_midnight(date(2026, 4, 1), zone) for service_id, zone in town.zones.items()}
    minute = timedelta(minutes=1)
    for service_id, at in edge.items():
        await town.move(at, (service_id, at - minute, at, 0, 1000), (service_id, at, at + minute, 0, 1))
    for step in range(2):
        async with town.database.read() as work:
            march = await work.usage.top(date(2026, 3, 1), date(2026, 4, 1), 9)
            april = await work.usage.top(date(2026, 4, 1), date(2026, 4, 2), 9)
        assert [one.download_octets for one in march] == [1000] * 3, step
        assert [one.download_octets for one in april] == [1] * 3, step
        await town.roll_up.run(T0 + timedelta(days=9))


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_rolling_up_waits_for_who_is_adding(town: Town) -> None:
    """Whoever adds to an hour has read the mark: it stays where it is until that is committed."""
    budi = next(iter(town.zones))
    await town.move(T0, (budi, T0 - timedelta(hours=9), T0 - timedelta(hours=8, minutes=55), 1, 10))
    await town.roll_up.run(T0 - timedelta(hours=6))
    async with town.database.write() as work:
        at = T0 - timedelta(hours=5)
        await town.book.handle(work, [Moved(budi, 7, None, "radius", at, at + SPAN, 1, 100, town.nas_ids[0])], T0)
        rolling = asyncio.create_task(town.roll_up.run(T0))
        while not await _waits_for_a_lock(town.database):
            assert not rolling.done()
    await rolling
    read, true = await town.sums()
    assert read == true
    assert all(
        check.is_ok for check in await CheckUsage(town.database, JAKARTA).run(date(2026, 3, 28), date(2026, 3, 31))
    )


async def _waits_for_a_lock(database: Database) -> bool:
    async with database.read() as work:
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(await work.connection.scalar(waiting))


async def test_a_clock_that_was_years_off_costs_no_thousand_steps(town: Town) -> None:
    budi = next(iter(town.zones))
    await town.move(T0, (budi, datetime(1999, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, 0, 5, tzinfo=UTC), 1, 1))
    await town.move(T0, (budi, T0 - timedelta(minutes=5), T0, 2, 2))
    assert await town.roll_up.run(T0 + timedelta(hours=2)) <= 3
    read, true = await town.sums()
    assert true[budi, date(2026, 3, 29)] == read[budi, date(2026, 3, 29)] == 2


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # SQLite keeps each table in one piece
async def test_what_waited_in_the_default_partition_moves_into_its_month(database: Database, town: Town) -> None:
    budi = next(iter(town.zones))
    await town.move(T0, (budi, T0 - timedelta(minutes=5), T0, 3, 4))
    async with database.write() as work:
        made = await PartitionStore(work.connection).make_ahead(T0)
    assert sorted(made) == sorted(
        partition_name(table, date(2026, month, 1)) for table in PARTITIONED for month in (3, 4, 5)
    )
    async with database.write() as work:
        store = PartitionStore(work.connection)
        assert await store.make_ahead(T0) == []
        listed = {partition.name: partition for partition in await store.listed()}
        scalar = work.connection.exec_driver_sql
        assert (await scalar("SELECT count(*) FROM usage_slices_y2026m03")).scalar() == 1
        assert (await scalar("SELECT count(*) FROM usage_slices_default")).scalar() == 0
    assert listed["usage_slices_y2026m03"].month_on == date(2026, 3, 1)
    assert listed["usage_slices_default"].month_on is None
    await town.move(T0, (budi, T0, T0 + timedelta(minutes=5), 3, 4))
    read, true = await town.sums()
    assert read == true
