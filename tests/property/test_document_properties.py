"""Laws of documents: entries balance, parts of a credit note sum to the whole, and no order of events changes the books."""

from collections import Counter
from datetime import date
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netbilld.billing.chart import Payer, Side, account
from netbilld.billing.credit_note import Asked, credit_note, is_all_credited, taken_back
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.issuing import credit_note_issued, issued, kind_when_issued
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.manual_line import KEYS, TEXT_LIMIT, manual_line
from netbilld.billing.postings import (
    deposit_returned,
    money_moved,
    payment_received,
    payment_reversed,
    reallocated,
    refunded,
    wallet_charged,
    written_off,
)
from netbilld.billing.tax import PPN_RULES, TaxPolicy, tax_lines
from netbilld.model.errors import InvalidInputError, RefusedError

PAYER = Payer(UUID(int=7), "100001", "IDR")
DAY = date(2026, 1, 5)
PKP = TaxPolicy(is_pkp=True, rules=PPN_RULES)
amounts = st.integers(1, 10**9)
revenues = st.sampled_from(["revenue:recurring", "revenue:tv", "deposits", "late_fees", "discounts", "stamp_duty"])


@st.composite
def lines(draw: st.DrawFn, least: int = 1) -> InvoiceLine:
    amount_minor = draw(st.integers(least, 10**9))
    revenue = draw(revenues)
    return InvoiceLine(
        kind=LineKind.DEPOSIT if revenue == "deposits" else LineKind.MANUAL,
        service_id=None,
        text="x",
        quantity=1,
        unit_price_minor=amount_minor,
        per=1,
        amount_minor=amount_minor,
        tax_code=draw(st.sampled_from([None, "ppn"])),
        inclusive=draw(st.booleans()),
        revenue=revenue,
    )


def draft(some: list[InvoiceLine]) -> Invoice:
    taxed = tax_lines(some, PKP, DAY)
    return Invoice(
        id=UUID(int=1),
        subscriber_id=PAYER.id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=DAY,
        period_end_on=DAY,
        timezone="Asia/Jakarta",
        currency="IDR",
        lines=taxed,
        tax_minor=sum(line.tax_minor for line in taxed),
        total_minor=sum(line.gross_minor for line in taxed),
        paid_minor=0,
    )


def moved(entries: list[LedgerEntry]) -> Counter[str]:
    """Return what stands on each account after these entries, on its normal side."""
    balances: Counter[str] = Counter()
    for entry in entries:
        for posting in entry.postings:
            balances[posting.account.code] += posting.change_minor
    return Counter({code: balance for code, balance in balances.items() if balance})


def balanced(entry: LedgerEntry) -> bool:
    debit = sum(part.amount_minor for part in entry.postings if part.side is Side.DEBIT)
    return debit == sum(part.amount_minor for part in entry.postings if part.side is Side.CREDIT) > 0


@given(st.lists(lines(-(10**9)), min_size=1, max_size=6), st.integers(-(10**9), 2 * 10**9))
def test_every_document_balances_whatever_its_lines_and_settles_from_the_wallet_what_is_there(
    some: list[InvoiceLine], wallet_minor: int
) -> None:
    assume(all(line.amount_minor for line in some))
    made = draft(some)
    done = issued(made, PAYER, "X-1", DAY, 10, wallet_minor)
    assert all(balanced(entry) for entry in done.entries)
    document, balances = done.document, moved(list(done.entries))
    assert document.total_minor == sum(line.gross_minor for line in document.lines) >= 0
    assert document.kind is kind_when_issued(made)
    if document.kind is DocumentKind.CREDIT_NOTE:
        assert document.total_minor == -made.total_minor == done.to_wallet_minor
        assert (balances["wallet:100001"], document.outstanding_minor) == (document.total_minor, 0)
        return
    settled_minor = min(max(wallet_minor, 0), made.total_minor)
    assert (balances["receivable:100001"], balances["wallet:100001"]) == (
        made.total_minor - settled_minor,
        -settled_minor,
    )
    assert document.outstanding_minor == made.total_minor - settled_minor
    assert balances["tax:ppn"] == made.tax_minor
    assert balances["deposits:100001"] == sum(line.net_minor for line in some if line.revenue == "deposits")


@given(st.lists(lines(), min_size=1, max_size=5), st.data())
def test_parts_of_a_credit_note_sum_to_the_invoice_in_whatever_steps(
    some: list[InvoiceLine], data: st.DataObject
) -> None:
    """ICON-5: amount, tax and each account come back to nothing, to the rupiah."""
    done = issued(draft(some), PAYER, "X-1", DAY, 10)
    invoice, entries = done.document, list(done.entries)
    notes: list[Invoice] = []
    for _ in range(data.draw(st.integers(0, 4))):
        position = data.draw(st.integers(1, len(invoice.lines)))
        left = invoice.lines[position - 1].gross_minor - sum(
            line.gross_minor for note in notes for line in note.lines if line.details["line"] == position
        )
        if left <= 1 or sum(note.total_minor for note in notes) + left >= invoice.total_minor:
            continue
        asked = [Asked(position, data.draw(st.integers(1, left)))]
        note = credit_note(invoice, notes, asked, note_id=UUID(int=9), why="x")
        made = credit_note_issued(note, PAYER, f"N-{len(notes)}", DAY, note.total_minor)
        notes.append(made.document)
        entries += made.entries
        assert not is_all_credited(invoice, notes)
    if sum(note.total_minor for note in notes) < invoice.total_minor:
        rest = credit_note(invoice, notes, [], note_id=UUID(int=9), why="x")
        made = credit_note_issued(rest, PAYER, "N-9", DAY, rest.total_minor)
        notes.append(made.document)
        entries += made.entries
    assert is_all_credited(invoice, notes)
    assert sum(note.tax_minor for note in notes) == invoice.tax_minor
    assert all(balanced(entry) for entry in entries)
    assert moved(entries) == Counter()
    with pytest.raises(RefusedError, match="nothing is left"):
        credit_note(invoice, notes, [], note_id=UUID(int=9), why="x")


@given(amounts, amounts)
def test_every_other_entry_balances(one: int, two: int) -> None:
    big, small = max(one, two) + 1, min(one, two)
    bank, fees = account("cash:bank"), account("expense:gateway_fees")
    entries = [
        payment_received(PAYER, UUID(int=9), "cash", settled_minor=one, credited_minor=two, memo="", into=bank),
        payment_received(
            PAYER, UUID(int=9), "cash", settled_minor=big, credited_minor=0, memo="", withheld={account("pph23"): small}
        ),
        payment_reversed(PAYER, UUID(int=9), {bank: one + two}, reopened_minor=one, taken_minor=two, memo=""),
        refunded(PAYER, UUID(int=9), bank, one, ""),
        reallocated(PAYER, "X-1", one),
        deposit_returned(PAYER, "x", one, ""),
        written_off(PAYER, "X-1", one, ""),
        wallet_charged(PAYER, UUID(int=8), {account("revenue:top_up"): big, account("discounts"): -small}, ""),
        money_moved(
            "paid_out", "x", "IDR", to=bank, out_of=account("clearing:x"), amount_minor=big, memo="", lost={fees: small}
        ),
    ]
    assert all(balanced(entry) for entry in entries)


@given(amounts, amounts, st.lists(amounts, min_size=1, max_size=3))
def test_the_order_of_entries_does_not_change_the_books(paid: int, used: int, some: list[int]) -> None:
    entries = [
        payment_received(PAYER, UUID(int=9), "cash", settled_minor=0, credited_minor=paid, memo=""),
        wallet_charged(PAYER, UUID(int=8), {account("revenue:usage"): used}, ""),
        *(written_off(PAYER, "X-1", amount, "") for amount in some),
    ]
    assert len({tuple(sorted(moved(list(order)).items())) for order in permutations(entries)}) == 1


@given(st.lists(st.tuples(st.uuids() | st.none(), amounts), max_size=6), st.data())
def test_what_is_taken_back_is_what_had_settled_it(settled: list[tuple[UUID | None, int]], data: st.DataObject) -> None:
    whole = sum(amount for _, amount in settled)
    wanted = data.draw(st.integers(0, whole))
    parts = taken_back(wanted, settled)
    assert sum(amount for _, amount in parts) == wanted
    for key in {key for key, _ in settled}:
        there = sum(amount for one, amount in settled if one == key)
        assert 0 <= sum(amount for one, amount in parts if one == key) <= there
    if 0 < wanted <= settled[-1][1]:
        assert parts == [(settled[-1][0], wanted)]
    with pytest.raises(ValueError, match="more than"):
        taken_back(whole + 1, settled)


@given(st.dictionaries(st.sampled_from(KEYS), st.text(max_size=20), max_size=7) | st.text(max_size=80))
def test_whatever_is_written_as_a_line_is_one_or_is_refused(written: dict[str, str] | str) -> None:
    text = written if isinstance(written, str) else ",".join(f"{key}={value}" for key, value in written.items())
    try:
        line = manual_line(text, "IDR")
    except InvalidInputError:
        return
    assert line.amount_minor == line.quantity * line.unit_price_minor != 0
    assert 0 < len(line.text) <= TEXT_LIMIT
