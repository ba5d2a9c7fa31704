"""From terms to lines: what a change of plan, a pause, an area, a group and a coupon come to on the invoice."""

from datetime import date

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.coupons import Coupon, ManageCoupons
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.pause_service import PauseService
from tests.integration.money_world import ACTOR, World, at, plan_file
from tests.people_world import People

RULES = """
[[price]]
group = "pesantren"
price = 100000
[[price]]
area = "jabar/bandung"
price = 180000
[[price]]
area = "jabar/bandung/rw05"
price = 155000
"""


async def lines_of(world: World, on: date) -> list[tuple[str, int]]:
    """Run the bill of a day; return the kinds and amounts of its only document's lines."""
    report = await world.bill(on)
    assert [one.subscriber_no for one in report.parked] == []
    async with world.database.read() as work:
        numbers = [one.number for one in report.invoices if one.number]
        found = [await work.invoices.by_number(number) for number in numbers]
    return [(line.kind.value, line.amount_minor) for one in found if one is not None for line in one.invoice.lines]


async def town(database: Database) -> World:
    world = World(database)
    async with database.write() as work:
        await work.groups.add_group("pesantren", "Pesantren", at(date(2026, 1, 1)))
        for path in ("jabar/bandung", "jabar/bandung/rw05"):
            await work.groups.add_area(path, path, at(date(2026, 1, 1)))
    await world.plan(plan_file(extra=RULES))
    await world.plan(plan_file("HOME50", 350_000))
    return world


async def test_the_right_price_by_area_and_group_is_on_the_invoice_of_each_period_once(database: Database) -> None:
    """BANG-2.2c, BANG-2.2d, BANG-2.2e."""
    world = await town(database)
    people = People(database, SecretBox(bytes(32)))
    await world.person("budi", activated_on=date(2026, 3, 10))
    assert await lines_of(world, date(2026, 3, 10)) == [("recurring", 200_000)]
    assert await lines_of(world, date(2026, 3, 11)) == []  # once
    for moved_on, told, price in (
        (date(2026, 4, 10), {"area": "Jabar/Bandung"}, 180_000),
        (date(2026, 5, 10), {"area": "jabar/bandung/rw05"}, 155_000),
        (date(2026, 6, 10), {"group": "pesantren"}, 100_000),
    ):
        await people.manage.set("budi", SubscriberChanges(**told), ACTOR, at(moved_on, 0))  # type: ignore[arg-type]
        assert await lines_of(world, moved_on) == [("recurring", price)]


async def test_an_upgrade_a_pause_and_a_coupon_come_to_what_the_rules_say(database: Database) -> None:
    """Rules 6 to 8 and 11 of docs/billing.md: HOME20 from 10 March, HOME50 from 20 March, away for 20 whole days."""
    world = await town(database)
    await world.person("budi", activated_on=date(2026, 3, 10))
    terms = ManageTerms(database)
    assert await lines_of(world, date(2026, 3, 10)) == [("recurring", 200_000)]
    await terms.set("budi", TermsWanted(plan="HOME50"), ACTOR, at(date(2026, 3, 20), 15))
    # 10 of 31 days at 200,000 are 64,516; 21 of 31 at 350,000 are 237,097
    assert sum(amount for _, amount in await lines_of(world, date(2026, 3, 20))) == 64_516 - 200_000 + 237_097
    coupon = Coupon("PROMO", "Promo", 1000, None, 1, None, None, None, ())
    await ManageCoupons(database).add(coupon, ACTOR, at(date(2026, 4, 1)))
    await terms.set("budi", TermsWanted(coupon="PROMO", starts="next"), ACTOR, at(date(2026, 4, 1)))
    assert await lines_of(world, date(2026, 4, 10)) == [("recurring", 350_000), ("discount", -35_000)]
    await PauseService(database).run("budi", date(2026, 4, 15), date(2026, 5, 5), None, ACTOR, at(date(2026, 4, 12)))
    # 20 of 30 days come back with the next fee, less their part of the discount
    paused = dict(await lines_of(world, date(2026, 5, 10)))
    assert paused["recurring"] == 350_000
    assert sum(paused.values()) == 350_000 - (233_333 - 23_333)


async def test_complimentary_service_costs_nothing(database: Database) -> None:
    world = await town(database)
    await world.person("masjid", activated_on=date(2026, 3, 10))
    await ManageTerms(database).set(
        "masjid", TermsWanted(free=True, why="masjid kampung"), ACTOR, at(date(2026, 3, 10), 1)
    )
    assert await lines_of(world, date(2026, 3, 10)) == []
    assert await lines_of(world, date(2026, 4, 10)) == []
