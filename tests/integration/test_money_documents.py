"""Invoices by hand, drafts, credit notes, voids and write-offs, on SQLite and on PostgreSQL."""

import asyncio
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, outbox
from netbilld.billing.chart import DEPOSITS
from netbilld.billing.credit_note import Asked
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceStatus
from netbilld.billing.manual_line import manual_line
from netbilld.billing.numbering import NumberFormat, Numbering
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.reverse_payment import ReversePayment
from tests.integration.document_desk import Desk
from tests.integration.money_world import ACTOR, ZONE, Person, at, plan_file

JAN = date(2026, 1, 1)


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.plan(plan_file())
    return made


@pytest.fixture
async def budi(desk: Desk) -> Person:
    return await desk.person("budi", activated_on=JAN)


TWO = (
    "text=Kabel 20 m,quantity=20,price=7500,tax=ppn,inclusive=no,revenue=installation",
    "text=Kunjungan,amount=50000",
)


async def test_an_invoice_by_hand_has_a_number_its_tax_its_entry_and_its_trail(desk: Desk, budi: Person) -> None:
    """ICON-4, MDI-15."""
    made = await desk.write(budi, *TWO, note="Sesuai pesanan")
    assert (made["number"], made["total"], made["tax"]) == ("INV-202601-000001", 216_500, 16_500)
    found = await desk.document("INV-202601-000001")
    assert (found.invoice.status, found.invoice.due_on) == (InvoiceStatus.ISSUED, date(2026, 1, 11))
    assert found.invoice.buyer["name"] == "Budi"
    assert [(line.text, line.net_minor, line.tax_minor) for line in found.invoice.lines] == [
        ("Kabel 20 m", 150_000, 16_500),
        ("Kunjungan", 50_000, 0),
    ]
    assert await desk.accounts() == {
        "receivable:100001": 216_500,
        "revenue:installation": 150_000,
        "revenue:other": 50_000,
        "tax:ppn": 16_500,
    }
    async with desk.database.read() as work:
        rows = await work.connection.execute(select(changes.c.action, changes.c.actor).order_by(changes.c.id))
        assert ("invoice.issue", "ani") in [tuple(row) for row in rows]
        assert (await work.connection.scalars(select(outbox.c.kind))).all() == ["invoice_issued"]
    await desk.assert_books_hold()


async def test_a_draft_is_edited_freely_and_an_issued_one_never(desk: Desk, budi: Person) -> None:
    """ICON-5."""
    draft = await desk.write(budi, "text=Satu,amount=1000", is_draft=True)
    assert (draft["number"], draft["status"], draft["outstanding"]) == (None, "draft", 0)
    assert await desk.accounts() == {}
    edited = await desk.manual.edit(
        draft["id"][:8],
        add=[manual_line("text=Dua,amount=2000", "IDR"), manual_line("text=Tiga,amount=3000,tax=ppn", "IDR")],
        remove=[1],
        note="x",
        actor=ACTOR,
        now=at(JAN),
    )
    assert (edited["total"], edited["tax"]) == (5_000, 297)
    issued = await desk.manual.issue(draft["id"], actor=ACTOR, now=at(JAN))
    assert (issued["number"], issued["total"]) == ("INV-202601-000001", 5_000)
    for change in (
        desk.manual.edit(issued["number"], remove=[1], actor=ACTOR, now=at(JAN)),
        desk.manual.issue(issued["number"], actor=ACTOR, now=at(JAN)),
        desk.manual.discard(issued["number"], actor=ACTOR, now=at(JAN)),
    ):
        with pytest.raises(RefusedError, match="is issued and stays as it is; correct it by `netbilld invoice credit"):
            await change
    await desk.credit(issued["number"], Asked(1, 500))
    assert [line.amount_minor for line in (await desk.document(issued["number"])).invoice.lines] == [2_000, 3_000]
    await desk.assert_books_hold()


async def test_a_draft_that_is_given_up_leaves_no_gap(desk: Desk, budi: Person) -> None:
    draft = await desk.write(budi, "text=Satu,amount=1000", is_draft=True)
    await desk.manual.discard(draft["id"], actor=ACTOR, now=at(JAN))
    with pytest.raises(NotFoundError, match="no invoice"):
        await desk.manual.issue(draft["id"], actor=ACTOR, now=at(JAN))
    assert (await desk.write(budi, "text=Dua,amount=1"))["number"] == "INV-202601-000001"
    await desk.assert_books_hold()


async def test_the_same_request_under_a_key_makes_one_invoice(desk: Desk, budi: Person) -> None:
    first = await desk.write(budi, "text=Satu,amount=1000", idempotency_key="k")
    assert await desk.write(budi, "text=Satu,amount=1000", idempotency_key="k") == first
    with pytest.raises(RefusedError, match="used for a different"):
        await desk.write(budi, "text=Satu,amount=2000", idempotency_key="k")
    assert (await desk.write(budi, "text=Satu,amount=1000"))["number"] == "INV-202601-000002"


async def test_credit_in_the_wallet_settles_an_invoice_by_hand_at_once(desk: Desk, budi: Person) -> None:
    await desk.pay(budi, 60_000, JAN)
    made = await desk.write(budi, "text=Kunjungan,amount=50000")
    assert (made["status"], made["from_wallet"], made["paid"]) == ("paid", 50_000, 50_000)
    assert await desk.balance(budi) == (10_000, 0)
    await desk.assert_books_hold()


async def test_a_credit_note_lessens_what_is_owed(desk: Desk, budi: Person) -> None:
    await desk.write(budi, *TWO)
    done = await desk.credit("INV-202601-000001", Asked(1, 100_000))
    assert (done["number"], done["total"], done["tax"], done["to_wallet"]) == ("CN-202601-000001", 100_000, 9_910, 0)
    assert (done["invoice_status"], done["invoice_outstanding"]) == ("part_paid", 116_500)
    assert await desk.balance(budi) == (0, 116_500)
    await desk.assert_books_hold()
    rest = await desk.credit("INV-202601-000001")
    assert (rest["total"], rest["tax"], rest["invoice_status"]) == (116_500, 6_590, "credited")
    assert await desk.accounts() == {}
    note = await desk.document("CN-202601-000002")
    assert (note.invoice.kind, note.invoice.note) == (DocumentKind.CREDIT_NOTE, "Gangguan")
    await desk.assert_books_hold()


async def test_a_void_invoice_keeps_its_number_and_what_was_paid_returns_to_the_wallet(
    desk: Desk, budi: Person
) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000,tax=ppn")
    await desk.pay(budi, 30_000, JAN)
    done = await desk.credit("INV-202601-000001")
    assert (done["to_wallet"], done["invoice_status"], done["invoice_outstanding"]) == (30_000, "credited", 0)
    assert await desk.balance(budi) == (30_000, 0)
    assert await desk.accounts() == {"cash:cash": 30_000, "wallet:100001": 30_000}
    await desk.assert_books_hold()
    with pytest.raises(RefusedError, match="nothing is left of invoice INV-202601-000001 to credit"):
        await desk.credit("INV-202601-000001")
    assert (await desk.document("INV-202601-000001")).invoice.number == "INV-202601-000001"
    async with desk.database.read() as work:
        (payment,) = await work.payments.listed()
    assert payment.to_wallet_minor == 30_000


async def test_a_part_of_a_paid_invoice_is_given_back_to_the_wallet(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000")
    await desk.pay(budi, 20_000, JAN)
    await desk.pay(budi, 30_000, JAN)
    done = await desk.credit("INV-202601-000001", Asked(1, 40_000))
    assert (done["to_wallet"], done["invoice_status"]) == (40_000, "paid")
    assert await desk.balance(budi) == (40_000, 0)
    await desk.assert_books_hold()


async def test_void_twice_is_void_once(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000")

    async def void() -> object:
        try:
            return await desk.credit("INV-202601-000001", key="k")
        except RefusedError as refused:
            return refused

    both = await asyncio.gather(void(), void())
    assert both[0] == both[1]
    assert await desk.balance(budi) == (0, 0)
    with pytest.raises(RefusedError, match="it is credited by CN-202601-000001"):
        await desk.credit("INV-202601-000001", key="another")
    await desk.assert_books_hold()


async def test_numbers_have_no_gaps_when_many_write_at_once_and_some_fail(desk: Desk) -> None:
    people = [await desk.person(f"orang{index}", activated_on=JAN) for index in range(6)]

    async def write(index: int) -> None:
        tax = "tax=bea" if index % 3 == 0 else "tax=none"  # a tax that is not known fails in the transaction
        await desk.write(people[index % len(people)], f"text=Satu,amount=1000,{tax}")

    outcomes = await asyncio.gather(*(write(index) for index in range(24)), return_exceptions=True)
    assert sum(isinstance(outcome, InvalidInputError) for outcome in outcomes) == 8
    assert sum(outcome is None for outcome in outcomes) == 16
    async with desk.database.read() as work:
        numbers = sorted(one.number for one in await work.invoices.listed())
    assert numbers == [f"INV-202601-{sequence:06}" for sequence in range(1, 17)]
    await desk.assert_books_hold()


async def test_numbers_are_written_as_the_settings_say(database: Database) -> None:
    numbering = Numbering(NumberFormat("{seq:03}/INV/NET/{roman}/{YYYY}"), NumberFormat("NK-{YYYY}-{seq:04}"))
    desk = Desk(database, numbering=numbering)
    await desk.plan(plan_file())
    budi = await desk.person("budi", activated_on=JAN)
    first = await desk.write(budi, "text=Satu,amount=1000")
    await desk.write(budi, "text=Dua,amount=1000", on=date(2026, 2, 3))
    assert first["number"] == "001/INV/NET/I/2026"
    notes = [await desk.credit(number, on=on) for number, on in (
        ("001/INV/NET/I/2026", JAN),
        ("001/inv/net/ii/2026", date(2026, 2, 3)),
    )]  # fmt: skip
    assert [note["number"] for note in notes] == ["NK-2026-0001", "NK-2026-0002"]
    await desk.assert_books_hold()


async def test_what_nobody_will_pay_is_written_off_as_a_loss(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000,tax=ppn")
    await desk.pay(budi, 20_000, JAN)
    done = await desk.write_off("INV-202601-000001")
    assert (done["written_off"], done["invoice_status"], done["invoice_outstanding"]) == (30_000, "paid", 0)
    assert await desk.accounts() == {
        "cash:cash": 20_000,
        "expense:written_off": 30_000,
        "revenue:other": 45_045,
        "tax:ppn": 4_955,
    }
    with pytest.raises(RefusedError, match="nothing is owed"):
        await desk.write_off("INV-202601-000001")
    with pytest.raises(RefusedError, match="at most 20000 of invoice INV-202601-000001 can be credited"):
        await desk.credit("INV-202601-000001")
    assert (await desk.credit("INV-202601-000001", Asked(1, 20_000)))["to_wallet"] == 20_000
    await desk.assert_books_hold()


async def test_two_clicks_write_a_part_off_once(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000")
    first = await desk.write_off("INV-202601-000001", 20_000, key="k")
    assert await desk.write_off("INV-202601-000001", 20_000, key="k") == first
    assert await desk.balance(budi) == (0, 30_000)
    await desk.assert_books_hold()


async def test_a_deposit_is_held_and_no_revenue(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Jaminan router,amount=100000,revenue=deposit,tax=ppn", "text=Pasang,amount=50000")
    assert await desk.accounts() == {"receivable:100001": 150_000, "deposits:100001": 100_000, "revenue:other": 50_000}
    async with desk.database.read() as work:
        balance = await work.ledger.balance(budi.subscriber_id)
        assert await work.ledger.wallets([budi.subscriber_id]) == {budi.subscriber_id: 0}
        statement = await work.ledger.statement(f"{DEPOSITS}:100001")
    assert (balance.wallet_minor, balance.outstanding_minor, balance.deposits_minor) == (0, 150_000, 100_000)
    assert len(statement.lines) == 1
    await desk.assert_books_hold()


async def test_lines_below_zero_in_all_become_a_credit_note_and_credit_in_the_wallet(desk: Desk, budi: Person) -> None:
    made = await desk.write(budi, "text=Restitusi gangguan,amount=-25000,tax=ppn")
    assert (made["kind"], made["number"], made["total"]) == ("credit_note", "CN-202601-000001", 25_000)
    assert (made["to_wallet"], made["status"], made["outstanding"]) == (25_000, "paid", 0)
    assert await desk.balance(budi) == (25_000, 0)
    free = await desk.write(budi, "text=Pasang,amount=5000", "text=Promo,amount=5000,revenue=discount")
    assert (free["total"], free["status"]) == (0, "paid")
    await desk.assert_books_hold()


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ([Asked(3)], InvalidInputError, "has no line 3; it has 2"),
        ([Asked(1, 166_501)], RefusedError, "166500 is left to credit, not 166501"),
        ([Asked(1, 0)], InvalidInputError, "above zero"),
        ([Asked(1, -5)], InvalidInputError, "above zero"),
    ],
)
async def test_no_more_is_credited_than_there_is(
    desk: Desk, budi: Person, asked: list[Asked], error: type[Exception], said: str
) -> None:
    await desk.write(budi, *TWO)
    with pytest.raises(error, match=said):
        await desk.credit("INV-202601-000001", *asked)
    with pytest.raises(InvalidInputError, match="why: say it"):
        await desk.credit("INV-202601-000001", why=" ")
    with pytest.raises(NotFoundError, match="no invoice 'INV-9'"):
        await desk.credit("INV-9")
    await desk.assert_books_hold()


async def test_a_draft_and_a_credit_note_are_not_credited(desk: Desk, budi: Person) -> None:
    draft = await desk.write(budi, "text=Satu,amount=1000", is_draft=True)
    note = await desk.write(budi, "text=Restitusi,amount=-1000")
    for reference in (draft["id"], note["number"]):
        with pytest.raises(RefusedError, match="is no issued invoice"):
            await desk.credit(reference)


async def test_a_fee_that_was_billed_by_the_run_is_credited_and_not_billed_again(desk: Desk, budi: Person) -> None:
    await desk.bill(JAN)
    await desk.credit("INV-202601-000001")
    assert (await desk.bill(date(2026, 1, 2))).invoices == []
    assert await desk.balance(budi) == (0, 0)
    await desk.assert_books_hold()


async def test_drafts_are_found_by_the_beginning_of_their_id_alone(desk: Desk, budi: Person) -> None:
    draft = await desk.write(budi, "text=Satu,amount=1000", is_draft=True)
    async with desk.database.read() as work:
        assert [one.invoice.id for one in await work.corrections.drafts(budi.subscriber_id)] == [UUID(draft["id"])]
        assert await work.corrections.found(draft["id"][:5]) == []
        assert await work.corrections.found("%%%%%%%%") == []


async def test_what_is_owed_for_a_payment_that_bounced_is_no_sale_to_take_back(desk: Desk, budi: Person) -> None:
    receipt = await desk.pay(budi, 50_000, JAN)
    await desk.use(budi, 50_000, JAN)
    reversing = ReversePayment(desk.database, timezone=ZONE)
    await reversing.run(receipt.payment_id, because="cek kosong", actor=ACTOR, now=at(JAN, 11))
    (number,) = [one.number or "" for one in await _open(desk, budi)]
    with pytest.raises(RefusedError, match="no revenue to take back; `netbilld invoice write-off"):
        await desk.credit(number)
    await desk.write_off(number)
    assert await desk.balance(budi) == (0, 0)
    await desk.assert_books_hold()


async def _open(desk: Desk, who: Person) -> list[Invoice]:
    async with desk.database.read() as work:
        return await work.invoices.open_of(who.subscriber_id)


async def test_what_was_written_off_is_owed_again_when_somebody_pays_after_all(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000,tax=ppn")
    number = "INV-202601-000001"
    with pytest.raises(RefusedError, match="nothing of INV-202601-000001 is written off"):
        await desk.take_write_off_back(number)
    await desk.pay(budi, 10_000, JAN)
    await desk.write_off(number)
    await desk.pay(budi, 25_000, JAN)  # a year later, say: it lies in the wallet
    assert await desk.balance(budi) == (25_000, 0)
    back = await desk.take_write_off_back(number)
    assert (back["written_off"], back["from_wallet"], back["invoice_outstanding"]) == (-40_000, 25_000, 15_000)
    assert (await desk.document(number)).invoice.status is InvoiceStatus.PART_PAID
    assert await desk.balance(budi) == (0, 15_000)
    assert "expense:written_off" not in await desk.accounts()
    await desk.assert_books_hold()
    with pytest.raises(RefusedError, match="nothing of"):
        await desk.take_write_off_back(number)
    await desk.write_off(number)  # the rest is lost for good
    assert (await desk.accounts())["expense:written_off"] == 15_000
    await desk.assert_books_hold()


async def test_two_clicks_take_a_write_off_back_once(desk: Desk, budi: Person) -> None:
    await desk.write(budi, "text=Kunjungan,amount=50000")
    await desk.write_off("INV-202601-000001")
    first = await desk.take_write_off_back("INV-202601-000001", key="k")
    assert await desk.take_write_off_back("INV-202601-000001", key="k") == first
    assert await desk.balance(budi) == (0, 50_000)
    await desk.assert_books_hold()
