"""Versions of a plan: sold from a day on, and running services keep theirs until they are moved."""

from datetime import date, timedelta

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.billing.terms import Terms, terms_on
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.ports.outbox import MessageKind
from netbilld.services.apply_terms import ApplyTerms
from netbilld.services.move_plan import Move, MovePlan
from tests.integration.money_world import ACTOR, Person, World, at, plan_file

JOINED = date(2026, 3, 10)
TODAY = date(2026, 3, 20)


async def shop(database: Database, people: int = 3) -> tuple[World, list[Person]]:
    world = World(database)
    await world.plan(plan_file())
    return world, [await world.person(f"u{number}", activated_on=JOINED) for number in range(people)]


async def new_version(world: World, price: int, effective_on: date | None = None) -> int:
    saved = await world.plans.set(
        None, toml_text=plan_file(price=price), on_sale=None, actor=ACTOR, now=at(TODAY), effective_on=effective_on
    )
    return saved.version


async def terms_of(database: Database, person: Person) -> list[Terms]:
    async with database.read() as work:
        return (await work.terms.of([person.service_id]))[person.service_id]


async def versions_on(database: Database, person: Person, *days: date) -> list[int]:
    rows = await terms_of(database, person)
    async with database.read() as work:
        versions = await work.plans.versions({row.plan_version_id for row in rows})
    due = [terms_on(rows, day) for day in days]
    return [versions[row.plan_version_id].version for row in due if row is not None]


async def test_a_version_is_sold_from_its_day_on_and_running_services_keep_theirs(database: Database) -> None:
    """BANG-2.7b."""
    world, (person, *_) = await shop(database)
    begins = date(2026, 4, 1)
    assert await new_version(world, 225_000, begins) == 2
    async with database.read() as work:
        first = (await work.services.offers(["HOME20"], begins - timedelta(days=1)))["home20"]
        second = (await work.services.offers(["HOME20"], begins))["home20"]
        running = await work.services.plan_of(person.service_id)
    assert first.plan_version_id != second.plan_version_id
    assert running.recurring is not None
    assert running.recurring.price_minor == 200_000


async def test_a_version_made_from_one_that_is_the_newest_no_more_is_refused(database: Database) -> None:
    """Where two are at it, the later would undo the other's change unseen; the same twice is kept once."""
    world, _ = await shop(database)

    async def keep(price: int, follows: int) -> tuple[int, bool]:
        saved = await world.plans.set(
            None, toml_text=plan_file(price=price), on_sale=None, actor=ACTOR, now=at(TODAY), follows=follows
        )
        return saved.version, saved.new

    assert await keep(225_000, 1) == (2, True)
    assert await keep(225_000, 1) == (2, False)
    with pytest.raises(RefusedError, match="has made version 2 of plan HOME20 meanwhile"):
        await keep(250_000, 1)
    assert await keep(250_000, 2) == (3, True)


async def test_services_are_moved_from_a_day_on_and_told_of_the_price_ahead(database: Database) -> None:
    """BANG-2.6f: those concerned are listed first, and told a set number of days ahead."""
    world, people = await shop(database)
    await new_version(world, 225_000)
    move = Move("home20", on=date(2026, 4, 10), announce_days=14)
    plans = MovePlan(database)
    listed = await plans.run(move, ACTOR, at(TODAY), dry_run=True)
    assert [(one.username, one.from_version, one.to_version, one.old_minor, one.new_minor) for one in listed] == [
        (f"u{number}", 1, 2, 200_000, 225_000) for number in range(3)
    ]
    assert [len(await terms_of(database, person)) for person in people] == [1, 1, 1]
    assert await plans.run(move, ACTOR, at(TODAY), dry_run=False) == listed
    assert await plans.run(move, ACTOR, at(TODAY), dry_run=False) == []  # nobody is moved, or told, twice
    for person in people:
        assert await versions_on(database, person, TODAY, date(2026, 4, 9), date(2026, 4, 10)) == [1, 1, 2]
    async with database.read() as work:
        assert await work.outbox.due(at(date(2026, 3, 26)) - timedelta(days=1), 10) == []
        told = await work.outbox.due(at(date(2026, 3, 27)), 10)
    assert [message.kind for message in told] == [MessageKind.PRICE_CHANGED] * 3
    assert told[0].context == {
        "plan": "Paket HOME20", "old_minor": 200_000, "new_minor": 225_000, "from_on": "2026-04-10"
    }  # fmt: skip
    assert await ApplyTerms(database).run(at(date(2026, 4, 10), 0), SCHEDULE) == 3
    async with database.read() as work:
        recurring = (await work.services.plan_of(people[0].service_id)).recurring
    assert recurring is not None
    assert recurring.price_minor == 225_000


async def test_who_has_a_price_of_their_own_is_moved_and_keeps_it(database: Database) -> None:
    world, (person, *_) = await shop(database, 1)
    async with database.write() as work:
        rows = [*(await work.terms.of([person.service_id]))[person.service_id]]
        own = Terms(TODAY, rows[0].plan_version_id, price_minor=150_000, reason="tetangga", actor="ani")
        await work.terms.replace_from(person.service_id, TODAY, [own], at=at(TODAY), applied=[TODAY])
    await new_version(world, 225_000)
    (moved,) = await MovePlan(database).run(Move("HOME20"), ACTOR, at(TODAY), dry_run=False)
    assert (moved.old_minor, moved.new_minor, moved.announce_at) == (150_000, 150_000, None)
    assert (await terms_of(database, person))[-1].price_minor == 150_000


async def test_another_plan_that_is_planned_stays_planned(database: Database) -> None:
    world, (person, *_) = await shop(database, 1)
    await world.plan(plan_file("HOME50", 350_000))
    async with database.write() as work:
        (row,) = (await work.terms.of([person.service_id]))[person.service_id]
        other = await work.plans.by_code("HOME50")
        assert other is not None
        planned = Terms(date(2026, 5, 10), other.id, actor="ani")
        await work.terms.replace_from(person.service_id, planned.from_on, [planned], at=at(TODAY), applied=[])
    await new_version(world, 225_000)
    await MovePlan(database).run(Move("HOME20", on=date(2026, 4, 10)), ACTOR, at(TODAY), dry_run=False)
    rows = await terms_of(database, person)
    assert [one.from_on for one in rows] == [row.from_on, date(2026, 4, 10), date(2026, 5, 10)]
    assert rows[-1].plan_version_id == other.id


async def test_a_move_to_a_version_or_a_day_that_is_not_there_is_refused(database: Database) -> None:
    world, _ = await shop(database, 1)
    await new_version(world, 225_000)
    with pytest.raises(InvalidInputError, match="has no version 7"):
        await MovePlan(database).run(Move("HOME20", to_version=7), ACTOR, at(TODAY), dry_run=True)
    with pytest.raises(InvalidInputError, match="is over"):
        await MovePlan(database).run(Move("HOME20", on=date(2026, 3, 1)), ACTOR, at(TODAY), dry_run=True)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ('[[price]]\ngroup = "warga"\nprice = 1\n', 'line 12: price[1].group: there is no customer group "warga"'),
        ('[sale]\nareas = ["rw05"]\n', 'line 12: sale.areas: there is no area "rw05"'),
        ('[tax]\nrate = "vat"\n', 'line 12: tax.rate: there is no tax "vat"'),
    ],
)
async def test_an_unknown_group_area_or_tax_is_refused_with_its_key(database: Database, extra: str, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await World(database).plan(plan_file(extra=extra).lstrip("\n"))
    assert says in str(caught.value), str(caught.value)
