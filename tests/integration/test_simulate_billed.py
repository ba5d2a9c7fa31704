"""Issue's bar: the what-if of the current plan over a closed month equals its invoices, whatever happened in it."""

from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoices
from netbilld.billing.tax import TaxPolicy
from netbilld.billing.terms import Stop, StopKind, amended
from netbilld.model.periods import local_midnight
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.simulate_plan import SimulatePlan
from tests.accounting_packets import NAS
from tests.integration.metering_world import add_nas
from tests.integration.money_world import ZONE, Person, World, at, hybrid_file, plan_file
from tests.report_world import billed_by_documents

FIRST, LAST = date(2026, 1, 1), date(2026, 4, 30)
HYBRID = hybrid_file(
    "20GB",
    '{ up_to = "10GB", price_per_gb = 3000 }, { price_per_gb = 2000 }',
    """cap = 150000
[[happy]]
name = "Malam"
hours = ["daily 00:00-06:00"]
weight = "1/2"
[[discount]]
name = "Promo"
percent = 10
periods = 2
""",
)
ARREARS = """
code = "ARREARS"
name = "Bayar belakangan"
timing = "postpaid"
charging = "volume"
[recurring]
price = 90000
period = "month"
bill = "arrears"
[speed]
down = "20M"
up = "10M"
[usage]
price_per_gb = 1500
"""


class RandomWorld(World):
    """Some months of some people with changes of plan, pauses, ends, and usage that comes in time or late."""

    def __init__(self, database: Database, seed: int) -> None:
        super().__init__(database)
        self.chance = Random(seed)
        self.people: list[Person] = []

    async def live(self) -> None:
        await add_nas(self.database)
        for text in (plan_file("HOME20", 200_000), plan_file("HOME7", 60_000, period="7d"), HYBRID, ARREARS):
            await self.plan(text)
        codes = ["HOME20", "HYBRID", "ARREARS", "HOME7"]
        for number in range(5):
            began = FIRST + timedelta(days=self.chance.randrange(50))
            plan = codes[number % 4]
            day = self.chance.randint(1, 31)
            self.people.append(await self.person(f"u{number}", plan, activated_on=began, billing_day=day))
        on = FIRST
        while on <= LAST:
            if self.chance.random() < 0.15 or on == LAST:
                await self.bill(on)
            for who in self.people:
                if self.chance.random() < 0.15:
                    await self.consume(who, on - timedelta(days=self.chance.choice([0, 0, 0, 9])))
            if self.chance.random() < 0.06:
                await self.change(self.chance.choice(self.people), on, self.chance.choice(codes))
            if self.chance.random() < 0.05:
                await self.pause(self.chance.choice(self.people), on, self.chance.randint(1, 12))
            on += timedelta(days=1)
        for later in (date(2026, 5, 31), date(2026, 6, 30)):
            await self.bill(later)

    async def consume(self, who: Person, on: date) -> None:
        async with self.database.write() as work:
            terms = (await work.terms.of([who.service_id]))[who.service_id]
            if on < terms[0].from_on:
                return
            begin = local_midnight(on, ZONE) + timedelta(hours=self.chance.randrange(23))
            octets = self.chance.randrange(8 * 10**9)
            moved = Moved(who.service_id, 7, None, "radius", begin, begin + timedelta(minutes=5), 0, octets, NAS)
            await BookUsage(ZONE).handle(work, [moved], begin + timedelta(hours=1))

    async def change(self, who: Person, on: date, code: str) -> None:
        async with self.database.write() as work:
            version = await work.plans.by_code(code)
            assert version is not None
            terms = (await work.terms.of([who.service_id]))[who.service_id]
            if terms[0].from_on < on:
                rows = amended(terms, on, plan_version_id=version.id, reason="upgrade", actor="ani")
                await work.terms.replace_from(who.service_id, on, rows, at=at(on, 12), applied=[on])

    async def pause(self, who: Person, on: date, days: int) -> None:
        async with self.database.write() as work:
            stops = (await work.terms.stops([who.service_id])).get(who.service_id, [])
            terms = (await work.terms.of([who.service_id]))[who.service_id]
            if terms[0].from_on <= on and all(stop.until_on is not None and stop.until_on <= on for stop in stops):
                stop = Stop(StopKind.PAUSED, on, on + timedelta(days=days), "cuti", "ani")
                await work.terms.add_stop(who.service_id, stop, at(on, 12))


@pytest.mark.parametrize("seed", [11, 13])
async def test_by_its_own_terms_a_closed_month_costs_what_its_invoices_say(database: Database, seed: int) -> None:
    world = RandomWorld(database, seed)
    await world.live()
    for month in (2, 3):
        from_on, to_on = date(2026, month, 1), date(2026, month + 1, 1) - timedelta(days=1)
        documents = await billed_by_documents(database, from_on, to_on)
        async with database.read() as work:
            services = await work.simulations.named(local_midnight(from_on, ZONE), to_on, None)
        simulated = SimulatePlan(database).run(services, None, from_on, to_on, now=at(date(2026, 9, 1)))
        found = {one.service.id: one async for one in simulated}
        assert {key: one.own.total_minor for key, one in found.items()} == {key: documents.get(key, 0) for key in found}
        assert {key: one.billed_minor for key, one in found.items()} == {key: documents.get(key, 0) for key in found}
    async with database.read() as work:
        numbers = (await work.connection.execute(select(invoices.c.number).order_by(invoices.c.number))).scalars().all()
    explaining = ExplainInvoice(database, TaxPolicy())
    wrong = [number for number in numbers if not (await explaining.run(number))["equal"]]
    assert not wrong


async def test_what_was_billed_in_advance_is_not_billed_again_after_a_change_to_arrears(database: Database) -> None:
    world = RandomWorld(database, 1)
    await world.plan(plan_file("HOME20", 200_000))
    await world.plan(ARREARS)
    who = await world.person("ani", "HOME20", activated_on=date(2026, 2, 14), billing_day=14)
    await world.change(who, date(2026, 2, 26), "ARREARS")
    for on in (date(2026, 2, 28), date(2026, 3, 30), date(2026, 4, 30)):
        await world.bill(on)
    assert (await billed_by_documents(database, date(2026, 2, 1), date(2026, 2, 28)))[who.service_id] == 85_714 + 51_429


async def test_days_between_a_change_to_periods_of_another_length_and_the_end_of_the_old_one_are_billed(
    database: Database,
) -> None:
    world = RandomWorld(database, 1)
    for text in (plan_file("HOME20", 200_000), plan_file("HOME7", 60_000, period="7d"), ARREARS):
        await world.plan(text)
    weekly = await world.person("ani", "HOME20", activated_on=date(2026, 3, 2), billing_day=2)
    monthly = await world.person("budi", "HOME7", activated_on=date(2026, 3, 17), billing_day=6)
    await world.bill(date(2026, 3, 10))
    await world.change(weekly, date(2026, 3, 11), "HOME7")
    await world.change(monthly, date(2026, 3, 21), "ARREARS")
    for on in (date(2026, 3, 11), date(2026, 3, 18), date(2026, 3, 30), date(2026, 4, 2), date(2026, 4, 30)):
        await world.bill(on)
    billed = await billed_by_documents(database, date(2026, 3, 2), date(2026, 4, 1))
    assert billed[weekly.service_id] == 58_065 + 4 * 60_000  # 9 of 31 days; weeks from the 11th, 18th, 25th and 1st
    assert billed[monthly.service_id] == 34_286 + 46_452  # 4 of 7 days; 16 of 31
