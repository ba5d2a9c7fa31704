"""Issue's what-if: past usage priced by another plan; by the current one it is what was billed."""

from dataclasses import replace
from datetime import date, timedelta

from netbilld.adapters.database.engine import Database
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import parse_plan, plan_from_definition
from netbilld.model.periods import local_midnight
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.simulate_plan import Simulated, SimulatePlan
from tests.accounting_packets import NAS
from tests.integration.metering_world import add_nas
from tests.integration.money_world import ZONE, Person, World, at, hybrid_file, plan_file

GB = 10**9
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
HYBRID = hybrid_file("50GB", '{ up_to = "10GB", price_per_gb = 3000 }, { price_per_gb = 2000 }')


def plan(text: str) -> Plan:
    return plan_from_definition(parse_plan(text, "draft.toml", "IDR"))


async def use(database: Database, who: Person, on: date, octets: int) -> None:
    begin = local_midnight(on, ZONE) + timedelta(hours=3)
    moved = Moved(who.service_id, 7, None, "radius", begin, begin + timedelta(minutes=5), 0, octets, NAS)
    async with database.write() as work:
        await BookUsage(ZONE).handle(work, [moved], begin + timedelta(hours=1))


async def simulated(
    database: Database, draft: Plan | None, from_on: date = FIRST, to_on: date = LAST, now_on: date = date(2026, 5, 1)
) -> dict[str, Simulated]:
    async with database.read() as work:
        services = await work.simulations.named(local_midnight(from_on, ZONE), to_on, None)
    found = SimulatePlan(database).run(services, draft, from_on, to_on, now=at(now_on))
    return {one.service.username: one async for one in found}


async def test_a_draft_is_priced_by_the_usage_there_was(database: Database) -> None:
    world = World(database)
    await add_nas(database)
    await world.plan(plan_file("HOME20", 200_000))
    little = await world.person("little", activated_on=date(2026, 1, 1), billing_day=1)
    much = await world.person("much", activated_on=date(2026, 1, 1), billing_day=1)
    await world.person("late", activated_on=date(2026, 3, 11), billing_day=1)
    await use(database, little, date(2026, 3, 5), 20 * GB)
    for day in range(1, 31):
        await use(database, much, date(2026, 3, day), 10 * GB)
    await use(database, much, date(2026, 4, 1), 500 * GB)  # another month's
    found = await simulated(database, plan(HYBRID))
    assert {
        name: (one.own.total_minor, one.draft.fees_minor, one.draft.usage_minor) for name, one in found.items()
    } == {
        "little": (200_000, 100_000, 0),
        "much": (200_000, 100_000, 10 * 3000 + 240 * 2000),
        "late": (135_484, 67_742, 0),  # 21 of 31 days
    }
    assert [one.change_minor for one in found.values()] == [-100_000, 410_000, -67_742]


async def test_days_slowed_down_by_a_draft_are_counted(database: Database) -> None:
    world = World(database)
    await add_nas(database)
    await world.plan(plan_file("HOME20", 200_000))
    who = await world.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    for day in range(1, 31):
        await use(database, who, date(2026, 3, day), 10 * GB)
    fup = plan_file(
        "HOME20",
        150_000,
        extra='[allowance]\ndata = "95GB"\nafter = "throttle"\nthrottled = { down = "2M", up = "1M" }',
    )
    one = (await simulated(database, plan(fup)))["ani"]
    assert (one.own.used_up, one.own.slowed_days) == (0, 0)
    assert (one.draft.used_up, one.draft.slowed_days) == (1, 22)  # from the 10th to the 31st
    assert one.draft.total_minor == 150_000


async def test_a_price_of_its_own_and_a_free_service_stay_as_they_were_agreed(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    who = await world.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    async with database.write() as work:
        terms = (await work.terms.of([who.service_id]))[who.service_id]
        free = replace(terms[0], from_on=date(2026, 3, 1), free=True)
        await work.terms.put_many([(who.service_id, free)], at=at(FIRST))
    one = (await simulated(database, plan(HYBRID)))["ani"]
    assert (one.own.total_minor, one.draft.total_minor) == (0, 0)
