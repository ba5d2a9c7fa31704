"""An allowance that is shared on bills: from the period on in which services join it, and no earlier one."""

from datetime import date, timedelta

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.share_allowance import ShareAllowance
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, hybrid_file

JAN, FEB, MAR, APR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
GB = 10**9


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(hybrid_file("10GB", "{ price_per_gb = 1000 }"))
    return made


@pytest.fixture
async def household(world: World) -> tuple[Person, Person]:
    first = await world.person("ayah", "HYBRID", activated_on=JAN, billing_day=1)
    return first, await world.person("anak", "HYBRID", activated_on=JAN, billing_day=1, of=first)


async def use(world: World, who: Person, on: date, octets: int) -> None:
    moved = Moved(who.service_id, 1, None, "radius", at(on), at(on) + timedelta(minutes=5), octets, 0)
    async with world.database.write() as work:
        await BookUsage(ZONE).handle(work, [moved], at(on, 12))


async def billed(world: World, on: date) -> int:
    """Return what the bill of a day says beside two fees of 100,000."""
    [one] = (await world.bill(on)).invoices
    return one.total_minor - 200_000


async def test_sharing_an_allowance_changes_nothing_of_what_is_billed(
    world: World, household: tuple[Person, Person]
) -> None:
    assert await billed(world, JAN) == 0
    for who in household:
        await use(world, who, date(2026, 1, 20), 20 * GB)
    assert await billed(world, FEB) == 20_000
    sharing = ShareAllowance(world.database)
    await sharing.share("Rumah", ["ayah", "anak"], "household", "50GB", ACTOR, at(date(2026, 2, 10)))
    for who in household:
        await use(world, who, date(2026, 2, 20), 30 * GB)
    assert await billed(world, MAR) == 10_000  # of sixty beyond fifty; January is billed
    await sharing.share("Rumah", [], "household", "20GB", ACTOR, at(date(2026, 3, 10)))
    await sharing.unshare("anak", ACTOR, at(date(2026, 3, 20)))
    assert await billed(world, APR) == 0
    await world.assert_books_hold()


async def test_what_came_late_for_a_month_before_they_shared_is_priced_as_that_month_was(
    world: World, household: tuple[Person, Person]
) -> None:
    await world.bill(JAN)
    for who in household:
        await use(world, who, date(2026, 1, 20), 20 * GB)
    assert await billed(world, FEB) == 20_000
    sharing = ShareAllowance(world.database)
    await sharing.share("Rumah", ["ayah", "anak"], "household", "500GB", ACTOR, at(date(2026, 2, 10)))
    await use(world, household[0], date(2026, 1, 21), 3 * GB)
    assert await billed(world, MAR) == 3_000
    await world.assert_books_hold()
