"""Payments, wallets and prepaid renewals on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import func, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import billed_fees, changes, ledger_entries, payments, services
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.standing import StandingKind, StandingPolicy, standing
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.receive_payment import AlreadyReceived, PaymentReceipt
from netbilld.services.renew_prepaid import RenewPrepaid
from tests.integration.money_world import ACTOR, PER_USE, ZONE, Person, World, at, plan_file

POLICY = StandingPolicy(grace_days=0, isolir_at=time(0, 30), tolerance_minor=1000, timezone=ZONE)
JAN = date(2026, 1, 1)


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def kind_of(world: World, who: Person, now: datetime) -> StandingKind:
    async with world.database.read() as work:
        open_invoices = (await work.invoices.open_invoices([who.subscriber_id]))[who.subscriber_id]
    return standing(open_invoices, POLICY, now).kind


async def statuses(world: World, who: Person) -> list[InvoiceStatus]:
    async with world.database.read() as work:
        listed = await work.invoices.listed(subscriber_id=who.subscriber_id)
    return [one.status for one in reversed(listed)]


async def paid_until(world: World, who: Person) -> date | None:
    async with world.database.read() as work:
        service = await work.services.by_id(who.service_id)
    assert service is not None
    return service.paid_until_on


async def test_a_part_payment_then_the_rest_makes_it_paid_and_the_subscriber_current(world: World) -> None:
    """BANG-2.4d: full settlement is "Lunas", part payment "Dibayar sebagian"."""
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    late = at(date(2026, 1, 20))
    assert await kind_of(world, who, late) is StandingKind.OVERDUE
    first = await world.pay(who, 150_000, date(2026, 1, 20), reference="A1")
    assert (first.allocations, first.outstanding_minor) == ([["INV-202601-000001", 150_000]], 50_000)
    assert await statuses(world, who) == [InvoiceStatus.PART_PAID]
    assert await kind_of(world, who, late) is StandingKind.OVERDUE
    second = await world.pay(who, 50_000, date(2026, 1, 20), reference="A2")
    assert (second.wallet_minor, second.outstanding_minor) == (0, 0)
    assert await statuses(world, who) == [InvoiceStatus.PAID]
    assert await kind_of(world, who, late) is StandingKind.CURRENT
    await world.assert_books_hold()


async def test_a_payment_settles_the_oldest_due_first_and_the_rest_is_the_wallets(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.bill(date(2026, 2, 1))
    receipt = await world.pay(who, 450_000, date(2026, 2, 3))
    assert receipt.allocations == [["INV-202601-000001", 200_000], ["INV-202602-000001", 200_000]]
    assert (receipt.to_wallet_minor, await world.balance(who)) == (50_000, (50_000, 0))
    await world.assert_books_hold()


async def test_a_payment_is_found_by_any_user_name_or_the_subscriber_number(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.person("budi-kantor", activated_on=JAN, of=who)
    for name in ("BUDI", "budi-kantor", who.number):
        await world.pay(name, 1000, JAN)
    assert await world.balance(who) == (3000, 0)
    with pytest.raises(NotFoundError, match="no subscriber 'nobody'"):
        await world.pay("nobody", 1000, JAN)


async def test_a_payment_names_every_service_whose_access_may_change(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    second = await world.person("budi-2", activated_on=JAN, of=who)
    await world.person("budi-3", activated_on=JAN, of=who, status="ended")
    await world.pay(who, 1000, JAN)
    async with world.database.read() as work:
        change = (await work.connection.execute(select(changes).where(changes.c.action == "payment.add"))).one()
    assert sorted(change.details["service_ids"]) == sorted([str(who.service_id), str(second.service_id)])
    assert (change.actor, change.origin) == ("ani", "cli")


async def test_the_same_method_and_reference_again_does_nothing_and_another_amount_is_refused(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    other = await world.person("siti", activated_on=JAN)
    await world.pay(who, 50_000, JAN, reference="TRX1", method="transfer")
    again = await world.pay_raw(who, 50_000, JAN, reference=" TRX1 ", method="Transfer")
    assert isinstance(again, AlreadyReceived)
    assert again.payment.amount_minor == 50_000
    for payer, amount in ((who, 60_000), (other, 50_000)):
        with pytest.raises(RefusedError, match="'TRX1' is taken by a payment of 50000 IDR received on 2026-01-01"):
            await world.pay(payer, amount, JAN, reference="TRX1", method="transfer")
    await world.pay(who, 50_000, JAN, reference="TRX1", method="cash")
    await world.pay(who, 50_000, JAN)
    await world.pay(who, 50_000, JAN)
    assert (await world.balance(who), await world.balance(other)) == ((200_000, 0), (0, 0))
    await world.assert_books_hold()


async def test_the_same_idempotency_key_gives_the_first_receipt_again(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    first = await world.pay(who, 50_000, JAN, key="k1")
    assert await world.pay(who, 50_000, JAN, key="k1") == first
    with pytest.raises(RefusedError, match="different"):
        await world.pay(who, 60_000, JAN, key="k1")
    with pytest.raises(RefusedError, match="different"):
        await world.pay(who, 50_000, JAN, key="k1", reference="TRX1")
    with pytest.raises(RefusedError):  # a refusal does not use the key up
        await world.pay(who, -1, JAN, key="k2")
    await world.pay(who, 10_000, JAN, key="k2")
    assert await world.balance(who) == (60_000, 0)


async def test_the_same_payment_many_times_at_once_is_received_once(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    outcomes = await asyncio.gather(*(world.pay_raw(who, 200_000, JAN, reference="TRX9") for _ in range(6)))
    assert sum(isinstance(outcome, PaymentReceipt) for outcome in outcomes) == 1
    assert await world.balance(who) == (0, 0)
    await world.assert_books_hold()


async def test_payments_and_billing_at_once_lose_nothing(world: World) -> None:
    people = [await world.person(f"orang{i}", activated_on=JAN) for i in range(8)]
    await asyncio.gather(
        world.bill(JAN),
        *(world.pay(who, 100_000, JAN) for who in people),
        *(world.pay(who, 150_000, JAN) for who in people),
        world.bill(JAN),
    )
    await world.bill(date(2026, 2, 1))
    for who in people:
        assert await world.balance(who) == (0, 150_000)
    await world.assert_books_hold()


@pytest.mark.parametrize("amount", [0, -5, 10**12 + 1, 2**70])
async def test_an_absurd_amount_is_refused(world: World, amount: int) -> None:
    who = await world.person("budi", activated_on=JAN)
    with pytest.raises(RefusedError, match="can't be a payment"):
        await world.pay(who, amount, JAN)
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(payments)) == 0


async def test_a_wrong_method_reference_day_or_currency_is_refused(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    with pytest.raises(InvalidInputError, match="method"):
        await world.pay(who, 1, JAN, method="bank transfer")
    with pytest.raises(InvalidInputError, match="reference"):
        await world.pay(who, 1, JAN, reference="a\x00b")
    options = {"method": "cash", "reference": None, "actor": ACTOR, "now": at(JAN)}
    with pytest.raises(RefusedError, match="today is 2026-01-01"):
        await world.payments.run(who.username, 1, received_on=date(2026, 1, 2), **options)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="billed in IDR, not USD"):
        await world.payments.run(who.username, 1, received_on=JAN, currency="USD", **options)  # type: ignore[arg-type]
    assert await world.balance(who) == (0, 0)


async def test_a_payment_is_booked_on_the_day_it_was_received(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.payments.run(
        who.username,
        1_000,
        method="transfer",
        reference=None,
        received_on=date(2026, 1, 5),
        actor=ACTOR,
        now=at(date(2026, 1, 9)),
    )
    async with world.database.read() as work:
        assert await work.connection.scalar(select(ledger_entries.c.booked_on)) == date(2026, 1, 5)
        (listed,) = await work.payments.listed()
    assert (listed.payment.received_on, listed.payment.recorded_at) == (date(2026, 1, 5), at(date(2026, 1, 9)))


async def test_pay_per_use_drains_the_wallet_and_a_top_up_fills_it(world: World) -> None:
    """BANG-2.1f, BANG-2.2f."""
    await world.plan(PER_USE)
    who = await world.person("kuota", "KUOTA", activated_on=JAN)
    await world.pay(who, 10_000, JAN)
    await world.use(who, 9_000, JAN)
    assert await world.balance(who) == (1_000, 0)
    await world.use(who, 1_500, date(2026, 1, 2))  # the overshoot of the last interim
    assert await world.balance(who) == (-500, 0)
    await world.assert_books_hold()
    receipt = await world.pay(who, 20_000, date(2026, 1, 3))
    assert (receipt.to_wallet_minor, receipt.wallet_minor) == (20_000, 19_500)
    await world.assert_books_hold()


async def test_a_prepaid_service_is_renewed_by_the_payment_that_covers_it(world: World) -> None:
    """BANG-2.2f: no credit, no service; validity extends from expiry."""
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("pra", "PRA", activated_on=JAN)
    short = await world.pay(who, 60_000, JAN)
    assert (short.renewed_until, short.wallet_minor) == ([], 60_000)
    enough = await world.pay(who, 50_000, JAN)
    assert (enough.renewed_until, enough.wallet_minor) == (["2026-01-31"], 10_000)
    await world.pay(who, 100_000, date(2026, 1, 20))
    assert await paid_until(world, who) == date(2026, 1, 31)  # not before it ends
    renewing = RenewPrepaid(world.database)
    assert await renewing.run(now=at(date(2026, 1, 31)), actor=ACTOR) == []
    [renewed] = await renewing.run(now=datetime(2026, 1, 31, 17, 0, tzinfo=at(JAN).tzinfo), actor=ACTOR)
    assert (renewed.paid_until_on, renewed.price_minor, renewed.renewed_on) == (
        date(2026, 2, 28),
        100_000,
        date(2026, 2, 1),
    )
    assert await renewing.run(now=at(date(2026, 2, 1)), actor=ACTOR) == []
    assert await world.balance(who) == (10_000, 0)
    async with world.database.read() as work:
        rows = await work.connection.execute(select(billed_fees).order_by(billed_fees.c.start_on))
        assert [(row.start_on, row.end_on, row.invoice_id) for row in rows] == [
            (JAN, date(2026, 2, 1), None),
            (date(2026, 2, 1), date(2026, 3, 1), None),
        ]
    await world.assert_books_hold()


async def test_a_late_renewal_extends_from_expiry_and_sells_no_period_that_is_over(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    late = await world.person("telat", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    long_gone = await world.person("lama", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    assert (await world.pay(late, 100_000, date(2026, 2, 5))).renewed_until == ["2026-02-28"]
    assert (await world.pay(long_gone, 100_000, date(2026, 4, 20))).renewed_until == ["2026-04-30"]
    await world.assert_books_hold()


async def test_thirty_days_are_not_a_month(world: World) -> None:
    await world.plan(plan_file("T30", 90_000, "prepaid", "30d"))
    who = await world.person("tiga", "T30", activated_on=date(2026, 1, 31))
    assert (await world.pay(who, 90_000, date(2026, 1, 31))).renewed_until == ["2026-03-01"]


async def test_renewals_at_once_take_the_wallet_once(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    people = [
        await world.person(f"pra{i}", "PRA", activated_on=JAN, paid_until_on=date(2026, 12, 31)) for i in range(10)
    ]
    for who in people:
        await world.pay(who, 250_000, JAN)
    renewing, day = RenewPrepaid(world.database), date(2027, 1, 1)
    done = await asyncio.gather(*(renewing.run(now=at(day), actor=ACTOR) for _ in range(4)))
    assert sum(len(renewed) for renewed in done) == len(people)
    assert {await world.balance(who) for who in people} == {(150_000, 0)}
    await world.assert_books_hold()


async def test_a_suspended_prepaid_service_is_not_renewed(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("diam", "PRA", activated_on=JAN, status="suspended")
    assert (await world.pay(who, 100_000, JAN)).renewed_until == []
    assert await world.balance(who) == (100_000, 0)


async def test_a_billing_run_renews_prepaid_services_too_unless_its_day_is_past(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("pra", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    await world.pay(who, 100_000, date(2026, 1, 20))
    today = at(date(2026, 1, 25))
    told = await world.billing.run(as_of=date(2026, 2, 1), now=today, actor=ACTOR, dry_run=True)
    assert await world.balance(who) == (100_000, 0)
    done = await world.billing.run(as_of=date(2026, 2, 1), now=today, actor=ACTOR)
    assert done.renewals == told.renewals
    assert await paid_until(world, who) == date(2026, 2, 28)


async def test_an_expired_service_is_renewed_by_the_run_of_today_and_by_none_of_an_earlier_day(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("pra", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    await world.pay(who, 100_000, date(2026, 1, 20))
    today = at(date(2026, 2, 5))
    past = await world.billing.run(as_of=date(2026, 2, 4), now=today, actor=ACTOR)
    assert (past.renewals, await world.balance(who)) == ([], (100_000, 0))
    assert len((await world.billing.run(as_of=date(2026, 2, 5), now=today, actor=ACTOR)).renewals) == 1


async def test_one_wallet_renews_no_more_services_than_it_covers(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("pra", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    await world.person("pra-2", "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31), of=who)
    await world.pay(who, 150_000, date(2026, 1, 20))
    assert len(await RenewPrepaid(world.database).run(now=at(date(2026, 2, 1)), actor=ACTOR)) == 1
    assert await world.balance(who) == (50_000, 0)
    await world.assert_books_hold()


async def test_a_prepaid_plan_without_a_price_is_renewed_for_nothing(world: World) -> None:
    await world.plan(plan_file("GRATIS", 0, "prepaid"))
    who = await world.person("tamu", "GRATIS", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    [renewed] = await RenewPrepaid(world.database).run(now=at(date(2026, 2, 1)), actor=ACTOR)
    assert (renewed.price_minor, await paid_until(world, who)) == (0, date(2026, 2, 28))
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(ledger_entries)) == 0


async def test_renewals_of_one_run_are_booked_once_each_on_the_local_day_of_their_service(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    east, west = [
        await world.person(name, "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 30))
        for name in ("timur", "barat")
    ]
    for who in (east, west):
        await world.pay(who, 250_000, date(2026, 1, 20))
    async with world.database.write() as work:
        await work.connection.execute(
            update(services).where(services.c.id == east.service_id).values(timezone="Asia/Jayapura")
        )
    await world.billing.run(as_of=None, now=datetime(2026, 1, 31, 16, 0, tzinfo=UTC), actor=ACTOR)
    async with world.database.read() as work:
        query = select(ledger_entries.c.booked_on).where(ledger_entries.c.kind == "renewal_charged")
        assert sorted(await work.connection.scalars(query)) == [date(2026, 1, 31), date(2026, 2, 1)]
    assert [await world.balance(who) for who in (east, west)] == [(150_000, 0), (246_774, 0)]
    await world.assert_books_hold()


async def test_a_run_without_a_day_renews_by_the_local_day_of_each_service(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    east, west = [
        await world.person(name, "PRA", activated_on=JAN, paid_until_on=date(2026, 1, 31))
        for name in ("timur", "barat")
    ]
    for who in (east, west):
        await world.pay(who, 100_000, date(2026, 1, 20))
    async with world.database.write() as work:
        await work.connection.execute(
            update(services).where(services.c.id == east.service_id).values(timezone="Asia/Jayapura")
        )
    before_midnight = datetime(2026, 1, 31, 16, 0, tzinfo=UTC)  # 23:00 in Jakarta, 01:00 of 1 February in Jayapura
    report = await world.billing.run(as_of=None, now=before_midnight, actor=ACTOR)
    assert [one.subscriber_no for one in report.renewals] == [east.number]


async def test_the_list_of_payments_tells_what_each_has_settled(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.pay(who, 250_000, JAN, reference="R1")
    await world.pay(who, 1_000, date(2026, 1, 5))
    async with world.database.read() as work:
        newest, oldest = await work.payments.listed(subscriber_id=who.subscriber_id)
        january = await work.payments.listed(from_on=date(2026, 1, 2), to_on=date(2026, 1, 31))
    assert (oldest.allocations, oldest.to_wallet_minor) == ((("INV-202601-000001", 200_000),), 50_000)
    assert (newest.allocations, newest.to_wallet_minor) == ((), 1_000)
    assert [one.payment.id for one in january] == [newest.payment.id]
