"""What time does: allowances that roll over and end, and time online that is charged."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import allowance_periods, rollovers, sessions
from netbilld.enforcement.limits import session_limits
from netbilld.enforcement.policy import Reason, entitlement
from netbilld.enforcement.profile import Access
from netbilld.model.periods import BillingPeriod, local_midnight
from netbilld.services.charge_time import ChargeTime
from netbilld.services.close_allowances import CloseAllowances
from netbilld.services.meter_usage import Batch
from tests.builders.services import GARDEN
from tests.integration.metering_world import add_nas
from tests.integration.money_world import ACTOR, ZONE, Person
from tests.integration.rating_world import GB, PERIOD, START, Shop, local, online, tariff

APRIL = BillingPeriod(date(2026, 4, 1), date(2026, 5, 1), ZONE)
MAY = BillingPeriod(date(2026, 5, 1), date(2026, 6, 1), ZONE)
ROLLING = {
    "data_octets": 10 * GB,
    "counts": "both",
    "after": "wall",
    "throttled": None,
    "rollover": {"periods": 2, "cap_units": 8 * GB},
}


@pytest.fixture
async def shop(database: Database) -> Shop:
    return Shop(database)


async def limit(shop: Shop, who: Person, at: datetime) -> int:
    return (await shop.facts(who, at)).allowed_octets


async def close(shop: Shop, at: datetime) -> int:
    return await CloseAllowances(shop.database).run(at, ACTOR)


async def test_what_is_left_comes_along_below_its_cap_and_ends(shop: Shop) -> None:
    await shop.plan("GULUNG", allowance=ROLLING)
    budi = await shop.person("budi", "GULUNG")
    await shop.use(budi, local(10, 9), 7 * GB)
    assert await close(shop, PERIOD.end_at + timedelta(minutes=10)) == 0  # NAS may still have to report
    assert await close(shop, PERIOD.end_at + timedelta(hours=1)) == 1
    assert await close(shop, PERIOD.end_at + timedelta(hours=2)) == 0
    assert await limit(shop, budi, APRIL.start_at) == 13 * GB
    await shop.use(budi, datetime(2026, 4, 10, 9, tzinfo=UTC), 2 * GB)
    assert await close(shop, MAY.start_at + timedelta(hours=1)) == 1
    async with shop.database.read() as work:
        units = (await work.connection.execute(select(rollovers.c.units).order_by(rollovers.c.from_on))).scalars()
        assert list(units) == [3 * GB, 5 * GB]  # eight were left, and three of older ones fill the cap first
    assert await limit(shop, budi, MAY.start_at) == 18 * GB
    assert await limit(shop, budi, MAY.end_at) == 15 * GB  # the first three lasted for two periods


async def test_a_rollover_and_a_top_up_are_used_after_the_plan_and_what_is_used_is_gone(shop: Shop) -> None:
    await shop.plan("GULUNG", allowance=ROLLING)
    budi = await shop.person("budi", "GULUNG")
    await shop.use(budi, local(10, 9), 7 * GB)
    await close(shop, PERIOD.end_at + timedelta(hours=1))
    await shop.top_up(budi, 5 * GB, date(2026, 4, 2), date(2026, 7, 1))
    await shop.use(budi, datetime(2026, 4, 10, 9, tzinfo=UTC), 15 * GB)  # 10 of the plan, 3 rolled over, 2 bought
    due = entitlement(await shop.facts(budi, APRIL.start_at), GARDEN, APRIL.start_at)
    assert (due.reason, due.access) == (Reason.OK, Access.ACTIVE)
    await close(shop, MAY.start_at + timedelta(hours=1))
    assert await limit(shop, budi, MAY.start_at) == 13 * GB
    rated = await shop.rated(budi, APRIL)  # as it was, whatever came after
    assert rated.data is not None
    assert (rated.data.limit_units, rated.data.used_units) == (18 * GB, 15 * GB)
    async with shop.database.read() as work:
        closed = (await work.connection.execute(select(allowance_periods))).mappings().all()
    assert sorted((one["extra_units"], one["used_units"], one["rolled_units"]) for one in closed) == [
        (0, 7 * GB, 3 * GB),
        (8 * GB, 15 * GB, 0),
    ]


async def test_time_online_is_charged_while_it_runs_and_two_sessions_at_once_count_once(shop: Shop) -> None:
    await add_nas(shop.database)
    hourly = {
        "timing": "prepaid", "charging": "time", "recurring": None, "usage": tariff((None, 2_000), per=3_600),
        "time_allowance": {"seconds": 3_600},
    }  # fmt: skip
    await shop.plan("JAM", **hourly)
    budi = await shop.person("budi", "JAM")
    await shop.world.pay(budi, 5_000, START)
    followed: list[Batch] = []

    async def follow(batch: Batch) -> None:
        followed.append(batch)

    charge = ChargeTime(shop.database, follow, ZONE)
    begin = local_midnight(date(2026, 3, 2), ZONE) + timedelta(hours=8)
    await online(shop, budi, 1, begin, begin + timedelta(hours=2), is_open=True)
    await online(shop, budi, 2, begin + timedelta(hours=1), begin + timedelta(hours=2), is_open=False)
    now = begin + timedelta(hours=2, minutes=1)
    assert await charge.run(now) == 1
    assert followed[-1].wallets == {budi.service_id: 3_000}  # the first hour is included
    assert await shop.told(budi.service_id) == [80, 100]
    facts = await shop.facts(budi, now)
    limits = session_limits(facts, Access.ACTIVE, now, 0.0)
    assert limits.seconds_left == 5_400  # what 3.000 pays for
    async with shop.database.write() as work:
        await work.connection.execute(
            update(sessions).where(sessions.c.id == 1).values(updated_at=begin + timedelta(hours=4))
        )
    now = begin + timedelta(hours=4, minutes=1)
    await charge.run(now)
    assert await shop.wallet(budi) == -1_000
    assert await charge.run(now + timedelta(seconds=10)) == 1
    assert await shop.charged(budi) == (await shop.rated(budi)).amount_minor == 6_000
    assert entitlement(await shop.facts(budi, now), GARDEN, now).reason is Reason.NO_CREDIT
