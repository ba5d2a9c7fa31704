"""Payments with chosen invoices, collectors, tax withheld and a question back, on SQLite and PostgreSQL."""

from datetime import date

import pytest
from sqlalchemy import func, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import outbox, payments
from netbilld.billing.allocation import Choice
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.payment import Plausibility, Withheld
from netbilld.billing.receipt import paid_word
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.services.allocate_wallet import AllocateWallet
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.receive_payment import AlreadyReceived, PaymentReceipt, ReceivePayment, WithheldPart
from netbilld.services.refund_wallet import RefundWallet
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)
FIRST, SECOND = "INV-202601-000001", "INV-202602-000001"


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


@pytest.fixture
async def who(world: World) -> Person:
    """Somebody who owes 200,000 for each of two months."""
    person = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.bill(FEB)
    return person


async def pay(world: World, who: Person, amount: int, **options: object) -> PaymentReceipt:
    asked: dict[str, object] = {"method": "cash", "reference": None, "received_on": None, **options}
    outcome = await world.payments.run(who.username, amount, actor=ACTOR, now=at(date(2026, 2, 3)), **asked)  # type: ignore[arg-type]
    assert isinstance(outcome, PaymentReceipt)
    return outcome


async def balance_of(world: World, account: str) -> int:
    async with world.database.read() as work:
        return (await work.ledger.statement(account)).balance_minor


async def test_a_chosen_invoice_is_settled_before_older_ones(world: World, who: Person) -> None:
    receipt = await pay(world, who, 250_000, chosen=[Choice(SECOND.lower())])
    assert receipt.allocations == [[SECOND, 200_000], [FIRST, 50_000]]
    assert receipt.statuses == {SECOND: "paid", FIRST: "part_paid"}
    await world.assert_books_hold()


async def test_a_payment_is_split_as_chosen_and_the_rest_may_be_kept_as_credit(world: World, who: Person) -> None:
    chosen = [Choice(FIRST, 30_000), Choice(SECOND, 20_000)]
    receipt = await pay(world, who, 60_000, chosen=chosen, rest_to_wallet=True)
    assert receipt.allocations == [[FIRST, 30_000], [SECOND, 20_000]]
    assert (receipt.to_wallet_minor, receipt.wallet_minor, receipt.outstanding_minor) == (10_000, 10_000, 350_000)
    await world.assert_books_hold()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([Choice("INV-202601-000009")], "is not open"),
        ([Choice(FIRST), Choice(FIRST)], "is not open"),
        ([Choice(FIRST, 200_001)], "200000 is open on it"),
        ([Choice(FIRST, 0)], "can't be given 0"),
        ([Choice(FIRST, 60_000), Choice(SECOND, 60_000)], "40000 is left"),
    ],
)
async def test_a_choice_that_can_not_be_is_refused_whole(
    world: World, who: Person, chosen: list[Choice], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        await pay(world, who, 100_000, chosen=chosen)
    assert await world.balance(who) == (0, 400_000)


async def test_receipts_are_numbered_without_gaps_and_say_what_became_of_the_invoices(
    world: World, who: Person
) -> None:
    """BANG-2.4d: "Lunas" and "Dibayar sebagian" on the receipt."""
    first = await pay(world, who, 200_000, reference="A")
    with pytest.raises(RefusedError):
        await pay(world, who, 100, chosen=[Choice("none")])
    second = await pay(world, who, 50_000)
    assert (first.receipt_no, second.receipt_no) == ("KW-202602-000001", "KW-202602-000002")
    async with world.database.read() as work:
        receipt = await work.payments.receipt("kw-202602-000002")
    [line] = receipt.lines
    assert (line.number, line.amount_minor, line.outstanding_minor) == (SECOND, 50_000, 150_000)
    assert (paid_word(line.status, "id"), paid_word(line.status, "en")) == ("Dibayar sebagian", "Part paid")
    assert paid_word(InvoiceStatus.PAID, "id_ID") == "Lunas"


async def test_a_payment_reported_five_times_is_told_to_the_subscriber_once(world: World, who: Person) -> None:
    """BANG-2.4f, INCA-7."""
    for _ in range(5):
        outcome = await world.pay_raw(who, 200_000, FEB, reference="TRX1", method="transfer")
    assert isinstance(outcome, AlreadyReceived)
    async with world.database.read() as work:
        query = select(outbox.c.context).where(outbox.c.kind == "payment_received")
        [context] = await work.connection.scalars(query)
    assert (context["amount_minor"], context["numbers"]) == (200_000, [FIRST])


async def test_an_amount_with_too_many_zeros_is_asked_back_and_taken_when_it_is_meant(
    world: World, who: Person
) -> None:
    careful = ReceivePayment(world.database, timezone=ZONE, plausibility=Plausibility(1_000_000, 6))
    world.payments = careful
    with pytest.raises(RefusedError, match="count the zeros") as asked:
        await pay(world, who, 20_000_000)
    assert asked.value.code == "implausible_amount"
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(payments)) == 0
    assert (await pay(world, who, 2_400_000)).to_wallet_minor == 2_000_000  # six times what is owed
    assert (await pay(world, who, 20_000_000, is_meant=True)).to_wallet_minor == 20_000_000
    await world.assert_books_hold()


async def test_money_of_another_currency_is_refused(world: World, who: Person) -> None:
    with pytest.raises(RefusedError, match="is billed in IDR, not USD") as refused:
        await pay(world, who, 200_000, currency="USD")
    assert refused.value.code == "wrong_currency"
    assert await world.balance(who) == (0, 400_000)
    await world.assert_books_hold()


async def test_cash_that_a_collector_takes_is_theirs_to_hand_over(world: World, who: Person) -> None:
    """BANG-2.4c."""
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    now = at(date(2026, 2, 4))
    with pytest.raises(NotFoundError, match="no collector 'asep'"):
        await pay(world, who, 200_000, collector="asep")
    await keep.add("Asep", "Asep Sunandar", actor=ACTOR, now=now)
    await pay(world, who, 200_000, collector="asep")
    await pay(world, who, 100_000, collector="asep")
    assert await balance_of(world, "collector:asep") == 300_000
    async with world.database.read() as work:
        [collector] = await work.collectors.all()
    assert (collector.held_minor, collector.payments) == (300_000, 2)
    handed = await keep.hand_over("asep", 290_000, actor=ACTOR, now=now)
    assert (handed.difference_minor, handed.left_minor) == (10_000, 10_000)
    assert (await balance_of(world, "collector:asep"), await balance_of(world, "cash:cash")) == (10_000, 290_000)
    async with world.database.read() as work:
        [collector] = await work.collectors.all()
    assert (collector.payments, collector.handed_over_at) == (0, now)
    booked = await keep.hand_over("asep", 0, actor=ACTOR, now=now, book_difference="uang hilang")
    assert (booked.booked_minor, booked.left_minor) == (10_000, 0)
    assert await balance_of(world, "expense:cash_difference") == 10_000
    with pytest.raises(RefusedError, match="nothing to hand over"):
        await keep.hand_over("asep", 0, actor=ACTOR, now=now)
    await keep.set_active("asep", False, actor=ACTOR, now=now)
    with pytest.raises(RefusedError, match="takes no more"):
        await pay(world, who, 1_000, collector="asep")
    await world.assert_books_hold()


async def test_cash_that_a_cashier_records_is_on_their_own_account(world: World, who: Person) -> None:
    """BANG-2.4c: cash lands in the cashier's account, money by other ways does not."""
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("kasir1", None, staff=ACTOR.name, actor=ACTOR, now=at(FEB))
    with pytest.raises(RefusedError, match="is known already"):
        await keep.add("kasir2", None, staff=ACTOR.name, actor=ACTOR, now=at(FEB))
    assert (await pay(world, who, 70_000)).collector == "kasir1"
    assert (await pay(world, who, 30_000, method="transfer")).collector is None
    assert [await balance_of(world, code) for code in ("collector:kasir1", "cash:transfer")] == [70_000, 30_000]
    await world.assert_books_hold()


async def test_too_much_handed_over_is_booked_as_less_of_an_expense(world: World, who: Person) -> None:
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("asep", None, actor=ACTOR, now=at(FEB))
    await pay(world, who, 100_000, collector="asep")
    once = await keep.hand_over("asep", 105_000, actor=ACTOR, now=at(FEB), book_difference="lebih", idempotency_key="k")
    again = await keep.hand_over(
        "asep", 105_000, actor=ACTOR, now=at(FEB), book_difference="lebih", idempotency_key="k"
    )
    assert again == once
    accounts = ("collector:asep", "cash:cash", "expense:cash_difference")
    assert [await balance_of(world, code) for code in accounts] == [0, 105_000, -5_000]
    await world.assert_books_hold()


async def test_an_invoice_is_closed_by_money_and_the_proof_of_what_was_withheld(world: World, who: Person) -> None:
    """Withholding: the company pays less, and its bukti potong settles the rest."""
    kept = [WithheldPart(Withheld.PPH23, "BP-23/001", 4_000), WithheldPart(Withheld.PPN, "SSP-7", 20_000)]
    receipt = await pay(world, who, 176_000, method="transfer", reference="T1", withheld=kept, chosen=[Choice(FIRST)])
    assert receipt.allocations == [[FIRST, 200_000]]
    assert receipt.withheld == [["pph23", "BP-23/001", 4_000], ["ppn_withheld", "SSP-7", 20_000]]
    assert [await balance_of(world, code) for code in ("cash:transfer", "pph23", "ppn_withheld")] == [
        176_000,
        4_000,
        20_000,
    ]
    async with world.database.read() as work:
        shown = await work.payments.receipt(receipt.receipt_no or "")
    assert (shown.amount_minor, shown.to_wallet_minor, len(shown.withheld)) == (176_000, 0, 2)
    with pytest.raises(RefusedError, match="'BP-23/001' is taken"):
        await pay(world, who, 1_000, withheld=[WithheldPart(Withheld.PPH23, "BP-23/001", 10)])
    with pytest.raises(RefusedError, match="proof is no credit"):
        await pay(world, who, 1_000, withheld=[WithheldPart(Withheld.PPH23, "BP-23/002", 200_001)])
    await world.assert_books_hold()


async def test_credit_is_refunded_once_and_never_more_than_there_is(world: World, who: Person) -> None:
    await pay(world, who, 450_000)
    refund = RefundWallet(world.database, timezone=ZONE)
    now = at(date(2026, 2, 5))
    with pytest.raises(RefusedError, match="holds 50000"):
        await refund.run("budi", 50_001, method="cash", because="pindah", actor=ACTOR, now=now)
    done = await refund.run(
        "budi", 20_000, method="transfer", reference="R1", because="pindah", actor=ACTOR, now=now, idempotency_key="k"
    )
    again = await refund.run(
        "budi", 20_000, method="transfer", reference="R1", because="pindah", actor=ACTOR, now=now, idempotency_key="k"
    )
    assert (done, done.wallet_minor) == (again, 30_000)
    with pytest.raises(RefusedError, match="'R1' is taken"):
        await refund.run("budi", 1, method="transfer", reference="R1", because="lagi", actor=ACTOR, now=now)
    rest = await refund.run("budi", None, method="cash", because="pindah", actor=ACTOR, now=now)
    assert (rest.amount_minor, await world.balance(who)) == (30_000, (0, 0))
    assert [await balance_of(world, code) for code in ("cash:cash", "cash:transfer")] == [420_000, -20_000]
    await world.assert_books_hold()


async def test_credit_kept_is_put_to_an_invoice_later_by_hand(world: World, who: Person) -> None:
    await pay(world, who, 250_000, chosen=[Choice(SECOND, 10_000)], rest_to_wallet=True)
    allocating = AllocateWallet(world.database, timezone=ZONE)
    done = await allocating.run("budi", actor=ACTOR, now=at(FEB), chosen=[Choice(SECOND, 100_000)], only_chosen=True)
    assert (done.allocations, done.wallet_minor) == ([[SECOND, 100_000]], 140_000)
    done = await allocating.run("budi", actor=ACTOR, now=at(FEB))
    assert (done.allocations, done.wallet_minor, done.outstanding_minor) == ([[FIRST, 140_000]], 0, 150_000)
    with pytest.raises(RefusedError, match="holds nothing"):
        await allocating.run("budi", actor=ACTOR, now=at(FEB))
    await world.assert_books_hold()


async def test_a_payment_is_taken_off_one_invoice_and_put_to_another(world: World, who: Person) -> None:
    receipt = await pay(world, who, 150_000)
    allocating = AllocateWallet(world.database, timezone=ZONE)
    done = await allocating.run("budi", actor=ACTOR, now=at(FEB), chosen=[Choice(SECOND)], payment=receipt.receipt_no)
    assert (done.reopened, done.allocations) == ([[FIRST, 150_000]], [[SECOND, 150_000]])
    async with world.database.read() as work:
        [listed] = await work.payments.listed()
    assert (listed.allocations, listed.to_wallet_minor) == (((SECOND, 150_000),), 0)
    await world.assert_books_hold()


async def test_the_check_of_the_books_tells_what_collectors_hold_against_their_documents(
    world: World, who: Person
) -> None:
    """The cash of collectors is what they took less what they gave back and handed over."""
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("asep", None, actor=ACTOR, now=at(FEB))
    await pay(world, who, 450_000, collector="asep")
    await RefundWallet(world.database, timezone=ZONE).run(
        "budi", 20_000, method="cash", because="minta", actor=ACTOR, now=at(FEB), collector="asep"
    )
    await keep.hand_over("asep", 100_000, actor=ACTOR, now=at(FEB))
    await world.assert_books_hold()
    async with world.database.write() as work:
        await work.connection.execute(update(payments).values(collector=None))
    async with world.database.read() as work:
        figures = await work.ledger.figures()
    assert figures.wrong_accounts == {"collector:asep": (-120_000, 330_000)}
    async with world.database.write() as work:
        await work.connection.execute(update(payments).values(receipt_no=None, collector="asep"))
    async with world.database.read() as work:
        figures = await work.ledger.figures()
    assert (figures.wrong_accounts, figures.broken_series) == ({}, {"receipt:202602": (1, 0)})
