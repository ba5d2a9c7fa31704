"""What a prepaid service gets without credit: days that a pause gives, and periods that discounts take all of."""

from datetime import date

import pytest
from sqlalchemy import insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import service_stops, services
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.renew_prepaid import RenewPrepaid
from tests.integration.money_world import ACTOR, Person, World, at, plan_file

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)


@pytest.fixture
async def world(database: Database) -> World:
    return World(database)


async def paid_until(world: World, who: Person) -> date | None:
    async with world.database.read() as work:
        found: date | None = await work.connection.scalar(
            select(services.c.paid_until_on).where(services.c.id == who.service_id)
        )
        return found


async def paused(world: World, who: Person, from_on: date, until_on: date) -> None:
    row = {
        "service_id": who.service_id,
        "kind": "paused",
        "from_on": from_on,
        "until_on": until_on,
        "actor": "x",
        "created_at": at(from_on),
    }
    async with world.database.write() as work:
        await work.connection.execute(insert(service_stops).values(row))


async def renew(world: World, on: date) -> int:
    return len(await RenewPrepaid(world.database).run(now=at(on), actor=ACTOR))


async def test_a_frozen_pause_makes_the_period_longer_for_an_empty_wallet_too(world: World) -> None:
    text = plan_file("PRA", 100_000, "prepaid").replace('"month"', '"month"\npaused = "freeze"')
    await world.plan(text)
    who = await world.person("pra", "PRA", activated_on=JAN)
    await world.pay(who, 100_000, JAN)
    await paused(world, who, date(2026, 1, 11), date(2026, 1, 21))
    assert (await renew(world, FEB), await paid_until(world, who)) == (1, date(2026, 2, 10))
    assert await world.balance(who) == (0, 0)
    assert await renew(world, date(2026, 2, 11)) == 0


async def test_what_a_pause_gives_back_may_buy_the_next_period(world: World) -> None:
    await world.plan(plan_file("MAHAL", 100_000, "prepaid"))
    await world.plan(plan_file("MURAH", 40_000, "prepaid"))
    who = await world.person("pra", "MAHAL", activated_on=JAN)
    await world.pay(who, 100_000, JAN)
    await paused(world, who, date(2026, 1, 11), FEB)
    await ManageTerms(world.database).set("pra", TermsWanted(plan="MURAH", starts="2026-02-01"), ACTOR, at(JAN))
    async with world.database.write() as work:
        version = await work.plans.by_code("MURAH")
        assert version is not None
        await work.services.update(who.service_id, {"plan_version_id": version.id})
    assert (await renew(world, FEB), await paid_until(world, who)) == (1, date(2026, 2, 28))
    assert await world.balance(who) == (67_742 - 40_000, 0)
    await world.assert_books_hold()


async def test_a_first_period_for_nothing_needs_no_payment(world: World) -> None:
    discount = '[[discount]]\nname = "Bulan pertama"\npercent = 100\nperiods = 1\n'
    await world.plan(plan_file("PROMO", 100_000, "prepaid", extra=discount))
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    promo = await world.person("promo", "PROMO", activated_on=JAN)
    own = await world.person("sendiri", "PRA", activated_on=JAN)
    await ManageTerms(world.database).set("sendiri", TermsWanted(discount="100%", periods=1, why="x"), ACTOR, at(JAN))
    assert await renew(world, JAN) == 2
    assert {await paid_until(world, promo), await paid_until(world, own)} == {date(2026, 1, 31)}
    assert await renew(world, FEB) == 0
    await world.assert_books_hold()


async def test_of_two_services_the_one_that_was_never_paid_comes_first(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("lama", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    new = await world.person("baru", "PRA", activated_on=FEB, billing_day=1, of=who)
    await world.pay(who, 100_000, FEB)
    assert await paid_until(world, new) == date(2026, 2, 28)
    assert await paid_until(world, who) == date(2026, 1, 31)
