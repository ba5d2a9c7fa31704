"""Entries balance by construction; each document moves the accounts it should."""

from datetime import date
from uuid import UUID

import pytest

from netbilld.billing.allocation import Owed, allocate
from netbilld.billing.chart import REVENUE_RECURRING, REVENUE_USAGE, AccountKind, Payer, Side, cash, receivable, wallet
from netbilld.billing.ledger import LedgerEntry, Posting, reversal
from netbilld.billing.postings import (
    invoice_issued,
    payment_received,
    renewal_charged,
    usage_charged,
    wallet_applied,
)

PAYER = Payer(UUID(int=7), "100001", "IDR")
SERVICE = UUID(int=8)
DEBIT, CREDIT = Side.DEBIT, Side.CREDIT


def sides(entry: LedgerEntry) -> list[tuple[str, Side, int]]:
    return [(posting.account.code, posting.side, posting.amount_minor) for posting in entry.postings]


def test_an_entry_that_does_not_balance_can_not_be_made() -> None:
    postings = (Posting(wallet(PAYER), DEBIT, 2), Posting(REVENUE_USAGE, CREDIT, 1))
    with pytest.raises(ValueError, match="2 ≠ 1"):
        LedgerEntry("x", "service", "y", "", "IDR", postings)
    with pytest.raises(ValueError, match="≠"):
        LedgerEntry("x", "service", "y", "", "IDR", postings[:1])
    with pytest.raises(ValueError, match="0 ≠ 0"):
        LedgerEntry("x", "service", "y", "", "IDR", ())


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_amounts_are_positive_and_the_side_says_the_direction(amount_minor: int) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Posting(wallet(PAYER), DEBIT, amount_minor)


def test_accounts_grow_on_their_normal_side() -> None:
    assert Posting(receivable(PAYER), DEBIT, 5).change_minor == 5
    assert Posting(wallet(PAYER), DEBIT, 5).change_minor == -5
    assert AccountKind.INCOME.normal_side is CREDIT


def test_each_document_moves_its_accounts() -> None:
    assert sides(invoice_issued(PAYER, "INV-1", {REVENUE_RECURRING: 10})) == [
        ("receivable:100001", DEBIT, 10),
        ("revenue:recurring", CREDIT, 10),
    ]
    payment = payment_received(PAYER, UUID(int=9), "cash", settled_minor=7, credited_minor=3, memo="")
    assert sides(payment) == [("cash:cash", DEBIT, 10), ("receivable:100001", CREDIT, 7), ("wallet:100001", CREDIT, 3)]
    top_up = payment_received(PAYER, UUID(int=9), "transfer", settled_minor=0, credited_minor=3, memo="")
    assert sides(top_up) == [("cash:transfer", DEBIT, 3), ("wallet:100001", CREDIT, 3)]
    assert sides(wallet_applied(PAYER, "INV-1", 4)) == [("wallet:100001", DEBIT, 4), ("receivable:100001", CREDIT, 4)]
    assert sides(usage_charged(PAYER, SERVICE, 4, "")) == [("wallet:100001", DEBIT, 4), ("revenue:usage", CREDIT, 4)]
    assert sides(renewal_charged(PAYER, SERVICE, 4, "")) == [
        ("wallet:100001", DEBIT, 4),
        ("revenue:recurring", CREDIT, 4),
    ]


def test_a_reversal_undoes_an_entry() -> None:
    entry = usage_charged(PAYER, SERVICE, 4, "")
    undone = reversal(entry, "by mistake")
    assert sides(undone) == [("wallet:100001", CREDIT, 4), ("revenue:usage", DEBIT, 4)]
    assert (undone.kind, undone.document_id) == ("usage_charged_reversed", entry.document_id)
    assert cash("cash").subscriber_id is None


def test_a_payment_settles_oldest_due_first_then_by_number() -> None:
    invoices = [
        Owed(UUID(int=1), "INV-2", date(2026, 2, 1), 50),
        Owed(UUID(int=2), "INV-3", date(2026, 1, 1), 50),
        Owed(UUID(int=3), "INV-1", date(2026, 2, 1), 50),
    ]
    allocation = allocate(120, invoices)
    assert [(part.number, part.amount_minor) for part in allocation.parts] == [
        ("INV-3", 50),
        ("INV-1", 50),
        ("INV-2", 20),
    ]
    assert (allocation.settled_minor, allocation.rest_minor) == (120, 0)
    assert allocate(200, invoices).rest_minor == 50
    assert [part.amount_minor for part in allocate(51, invoices).parts] == [50, 1]
