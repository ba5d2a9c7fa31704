"""The billing run on SQLite and PostgreSQL: once a period, on the right day, whatever happens meanwhile."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.ledger import LedgerStore
from netbilld.adapters.database.tables import billed_fees, changes, invoice_lines, invoices, ledger_entries
from netbilld.billing.bill import ServiceBill, ServiceToBill, service_bill
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.standing import StandingKind, StandingPolicy, standing
from netbilld.model.errors import RefusedError, StoreUnavailableError
from netbilld.services import bill_subscribers, run_billing
from netbilld.services.run_billing import RunBilling
from tests.integration.money_world import ACTOR, PER_USE, ZONE, Person, World, at, plan_file


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def lines(world: World, who: Person) -> list[tuple[str, int, int, int]]:
    query = (
        select(invoice_lines)
        .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(invoices.c.subscriber_id == who.subscriber_id)
        .order_by(invoices.c.number, invoice_lines.c.position)
    )
    async with world.database.read() as work:
        return [(row.kind, row.quantity, row.per, row.amount_minor) for row in await work.connection.execute(query)]


async def test_a_fee_is_billed_once_a_period_however_often_the_run_is_started(world: World) -> None:
    """BANG-2.2c, INCA-18: a fixed fee, once per period."""
    who = await world.person("budi", activated_on=date(2026, 1, 10))
    for day in (10, 10, 11, 25):
        await world.bill(date(2026, 1, day))
    assert await lines(world, who) == [("recurring", 1, 1, 200_000)]
    await world.bill(date(2026, 2, 9))
    assert len(await lines(world, who)) == 1
    report = await world.bill(date(2026, 2, 10))
    assert [(one.period_start_on, one.period_end_on) for one in report.invoices] == [
        (date(2026, 2, 10), date(2026, 3, 10))
    ]
    assert len(await lines(world, who)) == 2
    await world.assert_books_hold()


async def test_an_invoice_carries_its_number_dates_and_zone_and_moves_the_books(world: World) -> None:
    who = await world.person("budi", activated_on=date(2026, 1, 10))
    report = await world.bill(date(2026, 1, 12))
    [billed] = report.invoices
    assert billed.number == "INV-202601-000001"
    async with world.database.read() as work:
        found = await work.invoices.by_number("inv-202601-000001")
        feed = (await work.connection.execute(select(changes).where(changes.c.action == "invoice.issue"))).one()
    assert found is not None
    invoice = found.invoice
    assert (invoice.status, invoice.issued_on, invoice.due_on) == (
        InvoiceStatus.ISSUED,
        date(2026, 1, 12),
        date(2026, 1, 22),
    )
    assert (invoice.timezone, invoice.total_minor, invoice.outstanding_minor) == (ZONE, 200_000, 200_000)
    assert invoice.lines[0].text == "Paket HOME20, 10/01/2026 - 09/02/2026"
    assert feed.details == {"numbers": ["INV-202601-000001"], "service_ids": [str(who.service_id)]}
    assert await world.balance(who) == (0, 200_000)


@pytest.mark.parametrize("billing_day", [29, 30, 31])
async def test_a_billing_day_at_the_end_of_the_month_is_clamped_and_never_drifts(
    world: World, billing_day: int
) -> None:
    """KAMIL-5: the 29th to the 31st, over a February that has 28 days."""
    who = await world.person("akhir", activated_on=date(2025, 12, billing_day), billing_day=billing_day)
    day, starts = date(2025, 12, billing_day), []
    while day < date(2026, 6, 1):
        starts += [one.period_start_on for one in (await world.bill(day)).invoices]
        day += timedelta(days=1)
    assert starts == [
        date(2025, 12, billing_day),
        date(2026, 1, billing_day),
        date(2026, 2, 28),
        date(2026, 3, billing_day),
        date(2026, 4, min(billing_day, 30)),
        date(2026, 5, billing_day),
    ]
    assert {amount for *_, amount in await lines(world, who)} == {200_000}
    await world.assert_books_hold()


async def test_a_fixed_day_for_all_bills_the_part_of_the_first_month_pro_rata(world: World) -> None:
    """BANG-2.3d, KAMIL-5: joining mid-month; 22 of 31 days."""
    await world.plan(plan_file("P150", 150_000))
    who = await world.person("tengah", "P150", activated_on=date(2026, 1, 10), billing_day=1)
    await world.bill(date(2026, 1, 10))
    assert await lines(world, who) == [("prorata", 22, 31, 106_452)]
    await world.bill(date(2026, 2, 1))
    assert (await lines(world, who))[1] == ("recurring", 1, 1, 150_000)


async def test_a_run_catches_up_on_missed_periods_on_one_invoice_and_never_before_activation(world: World) -> None:
    who = await world.person("lama", activated_on=date(2026, 1, 10), billing_day=1)
    report = await world.bill(date(2026, 3, 15))
    assert await lines(world, who) == [
        ("prorata", 22, 31, 141_935),
        ("recurring", 1, 1, 200_000),
        ("recurring", 1, 1, 200_000),
    ]
    [billed] = report.invoices
    assert (billed.period_start_on, billed.period_end_on, billed.due_on) == (
        date(2026, 1, 10),
        date(2026, 4, 1),
        date(2026, 3, 25),
    )
    assert (await world.bill(date(2026, 1, 9))).invoices == []
    await world.assert_books_hold()


async def test_a_service_unbilled_for_years_is_parked_and_the_others_are_billed(world: World) -> None:
    await world.person("kuno", activated_on=date(2019, 1, 1))
    who = await world.person("baru", activated_on=date(2026, 1, 1))
    report = await world.bill(date(2026, 1, 1))
    assert [one.subscriber_no for one in report.invoices] == [who.number]
    [parked] = report.parked
    assert "unbilled since 2019-01-01" in parked.reason


async def test_a_subscriber_whose_bill_fails_does_not_keep_the_others_from_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await world.person(f"orang{i}", activated_on=date(2026, 1, 1)) for i in range(3)]

    def fails_for_one(service: ServiceToBill, *args: Any) -> ServiceBill:
        if service.id == people[1].service_id:
            raise ZeroDivisionError
        return service_bill(service, *args)

    monkeypatch.setattr(bill_subscribers, "service_bill", fails_for_one)
    report = await world.bill(date(2026, 1, 1))
    assert {one.subscriber_no for one in report.invoices} == {people[0].number, people[2].number}
    assert [(one.subscriber_no, one.reason) for one in report.parked] == [(people[1].number, "ZeroDivisionError")]
    monkeypatch.undo()
    assert [one.subscriber_no for one in (await world.bill(date(2026, 1, 1))).invoices] == [people[1].number]
    await world.assert_books_hold()


async def test_a_database_that_goes_away_ends_the_run_and_parks_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        await world.person(f"orang{number}", activated_on=date(2026, 1, 1))
    tries = 0

    async def is_away(_self: LedgerStore, *_args: object, **_kwargs: object) -> list[int]:
        nonlocal tries
        tries += 1
        raise StoreUnavailableError("the database is away")

    monkeypatch.setattr(LedgerStore, "post_many", is_away)
    with pytest.raises(StoreUnavailableError):
        await world.bill(date(2026, 1, 1))
    assert tries == 1


async def test_suspended_services_are_billed_as_usual_and_ended_ones_to_their_last_day(world: World) -> None:
    suspended = await world.person("diam", activated_on=date(2026, 1, 1), status="suspended")
    gone = await world.person("pergi", activated_on=date(2026, 1, 1), status="ended")
    report = await world.bill(date(2026, 1, 2))
    assert {one.subscriber_no: one.total_minor for one in report.invoices} == {
        suspended.number: 200_000,
        gone.number: 6_452,
    }
    assert (await world.bill(date(2026, 3, 2))).invoices[0].subscriber_no == suspended.number


async def test_services_of_one_subscriber_share_an_invoice(world: World) -> None:
    who = await world.person("kantor", activated_on=date(2026, 1, 1))
    await world.person("kantor-2", activated_on=date(2026, 1, 1), of=who)
    report = await world.bill(date(2026, 1, 1))
    assert [(one.subscriber_no, one.total_minor) for one in report.invoices] == [(who.number, 400_000)]
    assert await world.balance(who) == (0, 400_000)
    await world.assert_books_hold()


async def test_a_dry_run_tells_the_same_and_writes_nothing(world: World) -> None:
    await world.person("budi", activated_on=date(2026, 1, 1))
    told = await world.bill(date(2026, 1, 1), dry_run=True)
    assert [one.number for one in told.invoices] == [None]
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(billed_fees)) == 0
    assert told.total_minor == (await world.bill(date(2026, 1, 1))).total_minor == 200_000


async def test_a_day_far_ahead_is_refused(world: World) -> None:
    now = at(date(2026, 1, 1))
    with pytest.raises(RefusedError, match="--as-of 2027-01-03 is more than a year ahead of 2026-01-01"):
        await world.billing.run(as_of=date(2027, 1, 3), now=now, actor=ACTOR)
    await world.billing.run(as_of=date(2027, 1, 2), now=now, actor=ACTOR)


async def test_credit_in_the_wallet_pays_the_new_invoice(world: World) -> None:
    who = await world.person("rajin", activated_on=date(2026, 1, 1))
    await world.pay(who, 250_000, date(2026, 1, 1))
    [first] = (await world.bill(date(2026, 1, 1))).invoices
    [second] = (await world.bill(date(2026, 2, 1))).invoices
    assert (first.from_wallet_minor, second.from_wallet_minor) == (200_000, 50_000)
    async with world.database.read() as work:
        listed = {one.number: one for one in await work.invoices.listed(subscriber_id=who.subscriber_id)}
        assert first.number is not None
        assert second.number is not None
        assert listed[first.number].status is InvoiceStatus.PAID
        assert (listed[second.number].status, listed[second.number].outstanding_minor) == (
            InvoiceStatus.PART_PAID,
            150_000,
        )
    assert await world.balance(who) == (0, 150_000)
    await world.assert_books_hold()


async def test_a_wallet_below_zero_adds_nothing_to_an_invoice(world: World) -> None:
    await world.plan(PER_USE)
    who = await world.person("kuota", "KUOTA", activated_on=date(2026, 1, 1))
    await world.person("rumah", activated_on=date(2026, 1, 1), of=who)
    await world.use(who, 500, date(2026, 1, 1))
    [billed] = (await world.bill(date(2026, 1, 1))).invoices
    assert billed.from_wallet_minor == 0
    assert await world.balance(who) == (-500, 200_000)
    await world.assert_books_hold()


async def test_a_run_for_an_earlier_day_is_booked_on_that_day_and_tells_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await world.person(f"orang{number}", activated_on=date(2026, 1, 1))
    monkeypatch.setattr(run_billing, "CHUNK", 2)
    told: list[tuple[int, int]] = []
    await world.billing.run(
        as_of=date(2026, 1, 1), now=at(date(2026, 1, 9)), actor=ACTOR, progress=lambda *done: told.append(done)
    )
    assert told == [(2, 3), (3, 3)]
    async with world.database.read() as work:
        assert set(await work.connection.scalars(select(ledger_entries.c.booked_on))) == {date(2026, 1, 1)}


async def test_a_plan_without_a_price_is_marked_billed_without_an_invoice(world: World) -> None:
    await world.plan(plan_file("GRATIS", 0))
    await world.person("tamu", "GRATIS", activated_on=date(2026, 1, 1))
    assert (await world.bill(date(2026, 1, 1))).invoices == []
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(billed_fees)) == 1
    await world.assert_books_hold()


async def test_two_runs_at_once_bill_once(world: World) -> None:
    people = [await world.person(f"orang{i}", activated_on=date(2026, 1, 1)) for i in range(30)]
    other = Database(world.database.url.render_as_string(hide_password=False))
    try:
        rival = RunBilling(other, due_days=10, timezone=ZONE)
        now = at(date(2026, 1, 1), 1)
        reports = await asyncio.gather(
            *(
                runner.run(as_of=date(2026, 1, 1), now=now, actor=ACTOR)
                for runner in (world.billing, rival, world.billing, rival)
            )
        )
    finally:
        await other.close()
    assert [one for report in reports for one in report.parked] == []
    numbers = sorted(str(one.number) for report in reports for one in report.invoices)
    assert numbers == [f"INV-202601-{sequence:06}" for sequence in range(1, len(people) + 1)]
    await world.assert_books_hold()


async def test_a_run_killed_midway_and_started_again_bills_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """As a kill would: nothing catches it, the open transaction is lost."""

    people = [await world.person(f"orang{i}", activated_on=date(2026, 1, 1)) for i in range(9)]
    monkeypatch.setattr(run_billing, "CHUNK", 3)
    post_many, calls = LedgerStore.post_many, 0

    async def dies_in_the_second_chunk(self: LedgerStore, *args: object, **kwargs: object) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed
        return await post_many(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(LedgerStore, "post_many", dies_in_the_second_chunk)
    with pytest.raises(Killed):
        await world.bill(date(2026, 1, 1))
    await world.assert_books_hold()
    monkeypatch.setattr(LedgerStore, "post_many", post_many)
    again = await world.bill(date(2026, 1, 1))
    assert len(again.invoices) == 6
    async with world.database.read() as work:
        listed = await work.invoices.listed()
    assert sorted(one.number for one in listed) == [f"INV-202601-{n:06}" for n in range(1, len(people) + 1)]
    await world.assert_books_hold()


async def test_running_services_keep_their_version_when_the_price_changes(world: World) -> None:
    old = await world.person("lama", activated_on=date(2026, 1, 1))
    saved = await world.plans.set(
        None,
        toml_text=plan_file(price=250_000),
        source_name="p.toml",
        on_sale=None,
        actor=ACTOR,
        now=at(date(2026, 1, 2)),
    )
    assert (saved.version, saved.new) == (2, True)
    new = await world.person("baru", activated_on=date(2026, 2, 1))
    await world.bill(date(2026, 2, 1))
    assert (await lines(world, old))[-1][3] == 200_000
    assert (await lines(world, new))[-1][3] == 250_000


async def test_prepaid_fees_and_pay_per_use_are_never_invoiced(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    await world.plan(PER_USE)
    await world.person("pra", "PRA", activated_on=date(2026, 1, 1))
    await world.person("kuota", "KUOTA", activated_on=date(2026, 1, 1))
    assert (await world.bill(date(2026, 3, 1))).invoices == []


async def test_overdue_begins_after_due_date_and_grace_at_the_hour_of_isolir(world: World) -> None:
    """KAMIL-5: due date, grace and isolir follow the schedule from the stored invoice."""
    who = await world.person("telat", activated_on=date(2026, 1, 1))
    await world.bill(date(2026, 1, 1))
    async with world.database.read() as work:
        open_invoices = (await work.invoices.open_invoices([who.subscriber_id]))[who.subscriber_id]
    policy = StandingPolicy(grace_days=2, isolir_at=time(0, 30), tolerance_minor=1000, timezone=ZONE)
    isolir = datetime(2026, 1, 13, 17, 30, tzinfo=UTC)  # 14 January 00:30 in Jakarta
    before = standing(open_invoices, policy, isolir - timedelta(seconds=1))
    assert (before.kind, before.until_at) == (StandingKind.GRACE, isolir)
    assert standing(open_invoices, policy, isolir).kind is StandingKind.OVERDUE
