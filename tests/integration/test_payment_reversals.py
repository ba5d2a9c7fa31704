"""Payments that bounce or were another's: nothing is lost, and what was spent is owed, on SQLite and PostgreSQL."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, outbox
from netbilld.billing.numbering import DEFAULT
from netbilld.billing.payment import Withheld
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.receive_payment import PaymentReceipt, WithheldPart
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import Reversal, ReversePayment
from tests.integration.money_world import ACTOR, PER_USE, ZONE, World, at, plan_file

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)
FIRST, SECOND = "INV-202601-000001", "INV-202602-000001"


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def reverse(world: World, payment: str, on: date = FEB, key: str | None = None) -> Reversal:
    reversing = ReversePayment(world.database, timezone=ZONE)
    return await reversing.run(payment, because="cek kosong", actor=ACTOR, now=at(on, 15), idempotency_key=key)


async def test_a_bounced_payment_opens_its_invoices_again_and_says_why(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.bill(FEB)
    receipt = await world.pay(who, 250_000, FEB, reference="CEK1", method="cheque")
    done = await reverse(world, receipt.receipt_no or "", key="k")
    assert await reverse(world, receipt.receipt_no or "", key="k") == done
    assert sorted(done.reopened) == [[FIRST, 200_000], [SECOND, 50_000]]
    assert (done.wallet_minor, done.outstanding_minor, done.billed) == (0, 400_000, None)
    async with world.database.read() as work:
        [listed] = await work.payments.listed()
        change = (await work.connection.execute(select(changes).where(changes.c.action == "payment.reverse"))).one()
        told = (await work.connection.scalars(select(outbox.c.kind).order_by(outbox.c.id))).all()
        statement = await work.ledger.statement("cash:cheque")
    assert (listed.payment.status.value, listed.payment.reversed_because) == ("reversed", "cek kosong")
    assert (listed.allocations, listed.to_wallet_minor) == ((), 0)
    assert change.details["service_ids"] == [str(who.service_id)]
    assert (told[-1], statement.balance_minor) == ("payment_reversed", 0)
    with pytest.raises(RefusedError, match="reversed already, by ani: cek kosong"):
        await reverse(world, receipt.payment_id)
    with pytest.raises(RefusedError, match="reversed since: cek kosong"):
        await world.pay(who, 250_000, FEB, reference="CEK1", method="cheque")
    await world.assert_books_hold()


async def test_a_reversal_needs_a_payment_and_a_reason(world: World) -> None:
    reversing = ReversePayment(world.database, timezone=ZONE)
    with pytest.raises(NotFoundError, match="no payment 'KW-1'"):
        await reversing.run("KW-1", because="x", actor=ACTOR, now=at(FEB))
    with pytest.raises(InvalidInputError, match="say why"):
        await reversing.run("KW-1", because="  ", actor=ACTOR, now=at(FEB))


async def test_other_credit_settles_what_a_reversal_opened(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    bounced = await world.pay(who, 200_000, JAN)
    await world.pay(who, 150_000, JAN)
    done = await reverse(world, bounced.payment_id)
    assert (done.applied, done.wallet_minor, done.outstanding_minor) == ([[FIRST, 150_000]], 0, 50_000)
    await world.assert_books_hold()


async def test_what_the_wallet_settled_with_bounced_money_is_owed_again(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    bounced = await world.pay(who, 300_000, JAN)
    await world.bill(JAN)
    await world.bill(FEB)
    assert await world.balance(who) == (0, 100_000)
    done = await reverse(world, bounced.payment_id)
    assert done.reopened == [[SECOND, 100_000], [FIRST, 200_000]]
    assert (done.billed, await world.balance(who)) == (None, (0, 400_000))
    await world.assert_books_hold()


async def test_a_renewal_bought_with_bounced_money_stays_and_is_billed_due_at_once(world: World) -> None:
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    who = await world.person("pra", "PRA", activated_on=JAN)
    bounced = await world.pay(who, 130_000, JAN)
    assert bounced.renewed_until == ["2026-01-31"]
    done = await reverse(world, bounced.payment_id, date(2026, 1, 5))
    assert (done.taken_minor, done.billed_minor, await world.balance(who)) == (130_000, 100_000, (0, 100_000))
    async with world.database.read() as work:
        document = await work.invoices.by_number(done.billed or "")
        service = await work.services.by_id(who.service_id)
    assert document is not None
    assert (document.invoice.due_on, document.invoice.lines[0].kind.value) == (date(2026, 1, 5), "reversed_payment")
    assert service is not None
    assert service.paid_until_on == date(2026, 1, 31)
    await world.assert_books_hold()
    correcting = CorrectInvoice(world.database, numbering=DEFAULT, timezone=ZONE)
    with pytest.raises(
        RefusedError, match="a payment that bounced: no revenue to take back; `netbilld invoice write-off`"
    ):
        await correcting.credit(done.billed or "", [], why="x", actor=ACTOR, now=at(FEB))
    paid = await world.pay(who, 100_000, date(2026, 1, 6))
    assert (paid.allocations, paid.outstanding_minor) == ([[done.billed, 100_000]], 0)
    await world.assert_books_hold()


async def test_usage_and_refunds_of_bounced_money_are_billed_too(world: World) -> None:
    await world.plan(PER_USE)
    who = await world.person("kuota", "KUOTA", activated_on=JAN)
    bounced = await world.pay(who, 50_000, JAN)
    await world.use(who, 20_000, JAN)
    await RefundWallet(world.database, timezone=ZONE).run(
        "kuota", 10_000, method="cash", because="minta", actor=ACTOR, now=at(JAN)
    )
    done = await reverse(world, bounced.payment_id)
    assert (done.billed_minor, await world.balance(who)) == (30_000, (0, 30_000))
    await world.assert_books_hold()


async def test_what_was_withheld_goes_back_with_its_payment(world: World) -> None:
    who = await world.person("pt", activated_on=JAN)
    await world.bill(JAN)
    outcome = await world.payments.run(
        "pt",
        196_000,
        method="transfer",
        reference=None,
        received_on=None,
        actor=ACTOR,
        now=at(FEB),
        withheld=[WithheldPart(Withheld.PPH23, "BP1", 4_000)],
    )
    assert isinstance(outcome, PaymentReceipt)
    done = await reverse(world, outcome.payment_id)
    assert (done.amount_minor, await world.balance(who)) == (200_000, (0, 200_000))
    async with world.database.read() as work:
        assert (await work.ledger.statement("pph23")).balance_minor == 0
    await world.assert_books_hold()


async def test_a_payment_of_the_wrong_subscriber_is_moved_to_the_right_one(world: World) -> None:
    wrong = await world.person("budi", activated_on=JAN)
    right = await world.person("siti", activated_on=JAN)
    await world.bill(JAN)
    receipt = await world.pay(wrong, 200_000, JAN, reference="T1", method="transfer")
    moving = ReversePayment(world.database, timezone=ZONE)
    done = await moving.move(receipt.payment_id, "siti", because="salah orang", actor=ACTOR, now=at(FEB))
    assert done.moved_to is not None
    assert (done.moved_to.subscriber_no, done.moved_to.amount_minor) == (right.number, 200_000)
    assert (await world.balance(wrong), await world.balance(right)) == ((0, 200_000), (0, 0))
    async with world.database.read() as work:
        assert (await work.ledger.statement("cash:transfer")).balance_minor == 200_000
        moved = await work.payments.find(done.moved_to.payment_id)
    assert (str(moved.moved_from), moved.note) == (receipt.payment_id, f"T1 of {wrong.number}")
    with pytest.raises(RefusedError, match="'s already"):
        await moving.move(done.moved_to.payment_id, "siti", because="x", actor=ACTOR, now=at(FEB))
    await world.assert_books_hold()


async def test_a_payment_reversed_many_times_at_once_is_reversed_once(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    receipt = await world.pay(who, 200_000, JAN)
    outcomes = await asyncio.gather(
        *(reverse(world, receipt.payment_id) for _ in range(4)),
        *(world.pay_raw(who, 10_000, FEB, reference="X") for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Reversal) for one in outcomes) == 1
    assert await world.balance(who) == (0, 190_000)
    await world.assert_books_hold()


async def test_payments_moved_to_and_fro_at_once_wait_for_one_another(world: World) -> None:
    one, two = [await world.person(name, activated_on=JAN) for name in ("budi", "siti")]
    paid = [(await world.pay(who, 10_000, JAN), other) for who, other in ((one, two), (two, one)) for _ in range(3)]
    moving = ReversePayment(world.database, timezone=ZONE)
    moved = await asyncio.gather(
        *(moving.move(p.payment_id, to.username, because="x", actor=ACTOR, now=at(FEB)) for p, to in paid)
    )
    assert all(done.moved_to for done in moved)
    assert (await world.balance(one), await world.balance(two)) == ((30_000, 0), (30_000, 0))
    await world.assert_books_hold()


async def test_what_was_taken_back_is_not_shown_as_paid(world: World) -> None:
    """BANG-2.1c, MDI-5: the portal shows payments that stand, with what they paid, newest first."""
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    bounced = await world.pay(who, 150_000, JAN)
    await reverse(world, bounced.payment_id)
    first = await world.pay(who, 120_000, FEB)
    second = await world.pay(who, 100_000, FEB)
    async with world.database.read() as work:
        shown = await work.portal.payments(who.subscriber_id, limit=10)
        parts = [await work.portal.applications(payment_id=one.payment_id) for one in shown]
        of_invoice = await work.portal.applications(invoice_id=parts[0][0].invoice_id)
        money = await work.readmodels.subscriber_money(who.subscriber_id, FEB)
    assert {str(one.payment_id) for one in shown} == {first.payment_id, second.payment_id}
    assert sorted(part.amount_minor for some in parts for part in some) == [80_000, 120_000]
    assert sum(part.amount_minor for part in of_invoice) == 200_000
    assert (len(of_invoice), [line.amount_minor for line in money.payments]) == (
        2,
        [line.amount_minor for line in shown],
    )


async def test_a_payment_of_an_invoice_that_was_credited_since_is_taken_out_of_the_wallet(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    bounced = await world.pay(who, 150_000, JAN)
    correcting = CorrectInvoice(world.database, numbering=DEFAULT, timezone=ZONE)
    await correcting.credit(FIRST, [], why="salah tagih", actor=ACTOR, now=at(FEB))
    assert await world.balance(who) == (150_000, 0)
    done = await reverse(world, bounced.payment_id)
    assert (done.reopened, done.taken_minor, done.billed) == ([], 150_000, None)
    assert await world.balance(who) == (0, 0)
    await world.assert_books_hold()


async def test_what_was_written_off_stays_so_when_the_payment_beside_it_bounces(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    bounced = await world.pay(who, 150_000, JAN)
    correcting = CorrectInvoice(world.database, numbering=DEFAULT, timezone=ZONE)
    await correcting.write_off(FIRST, None, why="pindah", actor=ACTOR, now=at(FEB))
    await reverse(world, bounced.payment_id)
    assert await world.balance(who) == (0, 150_000)
    await world.assert_books_hold()
