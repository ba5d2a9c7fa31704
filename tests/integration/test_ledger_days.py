"""The books summed by day: kept by whoever books, folded when there is time, and what the checks find wrong in them."""

from datetime import date

import pytest
from sqlalchemy import func, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import ledger_days
from netbilld.billing.books import check_books
from netbilld.billing.postings import deposit_returned
from tests.integration.money_world import ACTOR, Person, World, at, plan_file

BILLED_ON = date(2026, 1, 1)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def sums(world: World) -> tuple[int, dict[tuple[date, str, str], int]]:
    """Return how many rows there are, and what each day, kind and account comes to."""
    table = ledger_days.c
    query = select(table.booked_on, table.kind, table.account, func.sum(table.debit_minor))
    async with world.database.read() as work:
        rows = await work.connection.execute(query.group_by(table.booked_on, table.kind, table.account))
        count = await work.connection.scalar(select(func.count()).select_from(ledger_days))
    return int(count or 0), {(row[0], row[1], row[2]): int(row[3]) for row in rows}


async def days_are_sums(world: World) -> bool:
    async with world.database.read() as work:
        results = check_books(await work.ledger.figures())
    return next(result.ok for result in results if result.name == "days_are_sums")


async def trade(world: World) -> list[Person]:
    """Bill three people, of whom two pay on one day."""
    await world.plan(plan_file("HOME20", 200_000))
    people = [await world.person(f"u{number}", "HOME20", activated_on=BILLED_ON) for number in range(3)]
    await world.bill(BILLED_ON)
    for person in people[:2]:
        await world.pay(person, 200_000, date(2026, 1, 5))
    return people


async def test_every_day_is_the_sum_of_what_is_booked_on_it(world: World) -> None:
    await trade(world)
    _, found = await sums(world)
    assert found[date(2026, 1, 5), "payment_received", "receivable"] == -400_000
    assert found[date(2026, 1, 5), "payment_received", "cash:cash"] == 400_000
    assert await days_are_sums(world)


async def test_folding_leaves_one_row_of_each_sum_and_changes_none(world: World) -> None:
    await trade(world)
    before, found = await sums(world)
    async with world.database.write() as work:
        saved = await work.ledger_days.fold()
    assert await sums(world) == (before - saved, found)
    assert before - saved == len(found)
    assert saved > 0
    async with world.database.write() as work:
        assert await work.ledger_days.fold() == 0


async def test_deposits_of_subscribers_are_summed_apart_from_what_they_owe_and_have(world: World) -> None:
    [person, *_] = await trade(world)
    async with world.database.write() as work:
        entry = deposit_returned(person.payer, "d-1", 50_000, "Deposit")
        await work.ledger.post(entry, at=at(date(2026, 1, 6)), booked_on=date(2026, 1, 6), actor=ACTOR)
    _, found = await sums(world)
    assert {of: minor for of, minor in found.items() if of[0] == date(2026, 1, 6)} == {
        (date(2026, 1, 6), "deposit_returned", "deposits"): 50_000,
        (date(2026, 1, 6), "deposit_returned", "wallet"): -50_000,
    }
    assert await days_are_sums(world)


async def test_a_kept_sum_that_is_not_what_is_booked_is_found(world: World) -> None:
    await trade(world)
    async with world.database.write() as work:
        table = ledger_days.c
        cash = update(ledger_days).where(table.account == "cash:cash", table.booked_on == date(2026, 1, 5))
        await work.connection.execute(cash.values(debit_minor=table.debit_minor + 1))
    assert not await days_are_sums(world)
