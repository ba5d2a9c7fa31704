"""What was asked of billing in so many words and is settled whole: model, kinds, bundles, reminders, five hundred bills."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import outbox, service_stops, subscribers
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.invoice import InvoiceLine
from netbilld.enforcement.policy import Reason, entitlement
from netbilld.enforcement.profile import Access
from netbilld.model.errors import RefusedError
from netbilld.services.route_messages import SendingPolicy
from netbilld.services.send_messages import SendMessages
from tests.builders.services import GARDEN
from tests.clock import StandingClock
from tests.integration.dunning_world import DunningWorld, instant
from tests.integration.mail_room import Recorder, templates, way
from tests.integration.money_world import ZONE, Person, World, at, hybrid_file, plan_file
from tests.integration.rating_world import GB, Shop
from tests.people_world import People

JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
ARREARS = plan_file("NANTI").replace('period = "month"', 'period = "month"\nbill = "arrears"')
BUNDLE = """
[[component]]
code = "tv"
name = "TV Hemat"
price = 62000
revenue = "tv"
"""


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def lines(world: World, who: Person) -> list[InvoiceLine]:
    """Return the lines of somebody's newest document."""
    async with world.database.read() as work:
        listed = await work.invoices.listed(subscriber_id=who.subscriber_id)
        document = await work.invoices.by_number(listed[0].number)
    assert document is not None
    return list(document.invoice.lines)


async def test_postpaid_is_served_first_billed_after_and_closed_by_dunning_alone(database: Database) -> None:
    """BANG-2.2g."""
    world = DunningWorld(database)
    await world.plan(ARREARS)
    who = await world.person("siti", "NANTI", activated_on=JAN)

    async def due(now: datetime) -> tuple[Reason, Access]:
        async with database.read() as work:
            (facts,) = await work.enforcement.facts([who.service_id], world.policy.standing, now)
        found = entitlement(facts, GARDEN, now)
        return found.reason, found.access

    on = JAN
    while on <= FEB:  # nothing was paid, nothing is in the wallet, and nothing is billed before the month is over
        report = await world.bill(on)
        assert bool(report.invoices) is (on == FEB)
        assert await due(at(on)) == (Reason.OK, Access.ACTIVE)
        on += timedelta(days=1)
    last_day = date(2026, 2, 11)
    assert await due(instant(last_day, time(23, 59))) == (Reason.OK, Access.ACTIVE)
    assert await due(instant(last_day + timedelta(days=1), time(0, 30))) == (Reason.OVERDUE, Access.WALLED)
    await world.pay(who, 200_000, last_day + timedelta(days=1))
    assert await due(at(last_day + timedelta(days=1), 12)) == (Reason.OK, Access.ACTIVE)


async def test_the_monthly_package_is_billed_in_advance_or_in_arrears_as_the_plan_says(world: World) -> None:
    """BANG-2.3b: as BANG-2.2c, once for a period either way."""
    await world.plan(ARREARS)
    before = await world.person("dulu", activated_on=JAN)
    after = await world.person("nanti", "NANTI", activated_on=JAN)
    billed: dict[str, list[tuple[date, int]]] = {before.number: [], after.number: []}
    on = JAN
    while on <= MAR:
        for invoice in (await world.bill(on)).invoices:
            billed[invoice.subscriber_no].append((on, invoice.total_minor))
        on += timedelta(days=1)
    assert billed[before.number] == [(JAN, 200_000), (FEB, 200_000), (MAR, 200_000)]
    assert billed[after.number] == [(FEB, 200_000), (MAR, 200_000)]


async def test_kinds_are_chosen_by_customer_group_and_stand_on_one_invoice(database: Database) -> None:
    """INCA-20: different plans by customer group; mixed kinds on one invoice."""
    world = World(database)
    async with database.write() as work:
        for code in ("rumah", "kantor"):
            await work.groups.add_group(code, code.title(), at(JAN))
    await world.plan(plan_file(extra='[sale]\ngroups = ["rumah"]\n'))
    await world.plan(plan_file("KANTOR", 500_000, extra='[sale]\ngroups = ["kantor"]\n'))
    by_octet = hybrid_file("10GB", "{ price_per_gb = 2000 }", '[sale]\ngroups = ["kantor"]\n')
    await world.plan(by_octet)
    people = People(database, SecretBox(bytes(32)))
    with pytest.raises(RefusedError, match="HYBRID is sold to kantor alone"):
        await people.add("budi", plan="HYBRID", group="rumah")
    with pytest.raises(RefusedError, match="HOME20 is sold to rumah alone"):
        await people.add("toko", plan="HOME20", group="kantor")
    office = await world.person("kantor", "KANTOR", activated_on=JAN)
    branch = await world.person("cabang", "HYBRID", activated_on=JAN, of=office)
    await world.bill(JAN)
    await Shop(database).use(branch, datetime.combine(date(2026, 1, 15), time(9), at(JAN).tzinfo), 15 * GB)
    report = await world.bill(FEB)
    assert [one.subscriber_no for one in report.invoices] == [office.number]
    assert sorted((line.kind.value, line.amount_minor) for line in await lines(world, office)) == [
        ("recurring", 100_000),
        ("recurring", 500_000),
        ("usage", 10_000),
    ]
    await world.assert_books_hold()


async def test_a_bundle_is_billed_prorated_and_suspended_as_one_with_revenue_of_each_part(world: World) -> None:
    """INCA-43."""
    stops = 'suspended = "credit"\n'
    text = plan_file("TVNET", 310_000, extra=BUNDLE).replace('period = "month"\n', f'period = "month"\n{stops}')
    await world.plan(text)
    who = await world.person("siti", "TVNET", activated_on=date(2026, 1, 10), billing_day=1)
    await world.bill(date(2026, 1, 10))
    assert [(line.revenue, line.amount_minor) for line in await lines(world, who)] == [
        ("revenue:recurring", 220_000),  # 22 of 31 days
        ("revenue:tv", 44_000),
    ]
    await world.bill(FEB)
    assert [line.amount_minor for line in await lines(world, who)] == [310_000, 62_000]
    async with world.database.write() as work:  # from 8 February on: 21 of 28 days of both
        await work.services.update(who.service_id, {"status": "suspended"})
        row = {"service_id": who.service_id, "kind": "suspended", "from_on": date(2026, 2, 8), "until_on": None}
        await work.connection.execute(insert(service_stops).values(**row, actor="ani", created_at=at(FEB)))
    async with world.database.read() as work:
        (facts,) = await work.enforcement.facts([who.service_id], DunningWorld(world.database).policy.standing, at(FEB))
    assert entitlement(facts, GARDEN, at(FEB)).reason is Reason.SUSPENDED
    await world.bill(MAR)
    assert [(line.revenue, line.amount_minor) for line in await lines(world, who)] == [
        ("revenue:recurring", 232_500),  # a credit note: what it gives is positive
        ("revenue:tv", 46_500),
    ]
    async with world.database.read() as work:
        earned = [(await work.ledger.statement(f"revenue:{word}")).balance_minor for word in ("recurring", "tv")]
    assert earned == [220_000 + 310_000 - 232_500, 44_000 + 62_000 - 46_500]
    await world.assert_books_hold()


@pytest.mark.parametrize(
    ("paid_on", "told"),
    [
        (None, ["reminder -7", "reminder -3", "reminder +0", "warning", "isolir", "reminder +3"]),
        (date(2026, 1, 3), []),
        (date(2026, 1, 9), ["reminder -7", "reminder -3"]),
        (date(2026, 1, 13), ["reminder -7", "reminder -3", "reminder +0", "warning", "isolir", "restored"]),
    ],
)
async def test_reminders_come_before_and_after_the_last_day_to_pay_and_the_cut_off_is_told_before_and_after_it(
    database: Database, paid_on: date | None, told: list[str]
) -> None:
    """BANG-2.6a, BANG-2.6b, BANG-2.6c on the exact day, BANG-2.6d: a warning before and a notice after, once each."""
    world = DunningWorld(database)
    await world.plan(plan_file())
    who = await world.person("siti", activated_on=JAN)
    await world.bill(JAN)  # due on the 11th
    on = JAN
    while on <= date(2026, 1, 31):
        if on == paid_on:
            await world.pay(who, 200_000, on)
            await world.runner.settle(at(on, 12))
        await world.days(on, on)
        await world.days(on, on)  # whoever runs how often
        on += timedelta(days=1)
    steps = await world.steps(who)
    assert [step.step for step in steps] == told
    days = {step.step: step.on.day for step in steps}
    known = {"reminder -7": 4, "reminder -3": 8, "reminder +0": 11, "warning": 11, "isolir": 12, "reminder +3": 14}
    assert {step: day for step, day in days.items() if step in known} == {
        step: day for step, day in known.items() if step in days
    }
    if paid_on is None:  # else what was not sent yet is taken back
        messages = await world.messages(who)
        assert [messages.count(kind) for kind in ("reminder", "isolir_warning", "isolir")] == [4, 1, 1]


async def test_five_hundred_invoices_are_made_and_told_in_one_run_and_sent_at_their_pace(database: Database) -> None:
    """INCA-38; how long it takes is measured by benchmarks/billing."""
    world, count = World(database), 500
    await world.plan(plan_file())
    for number in range(count):
        await world.person(f"orang{number}", activated_on=JAN)
    async with database.write() as work:
        await work.connection.execute(update(subscribers).values(email="siapa@example.test"))
    report = await world.bill(JAN)
    assert len(report.invoices) == count
    async with database.read() as work:
        queued = select(func.count(outbox.c.subscriber_id.distinct())).where(outbox.c.state == "queued")
        assert await work.connection.scalar(queued) == count
    recorder, slept = Recorder(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    policy = SendingPolicy(ZONE, "id", "ISP Contoh", None, time(20), time(7), "isp.test")
    send = SendMessages(database, [way(recorder, 120)], templates(), policy, StandingClock(at(JAN, 9)), sleep)
    while await send.run():
        pass
    assert len(recorder.sent) == count
    assert slept == [0.5] * count  # 120 a minute
    assert not (await world.bill(JAN)).invoices
    while await send.run():
        pass
    assert len(recorder.sent) == count
    await world.assert_books_hold()
