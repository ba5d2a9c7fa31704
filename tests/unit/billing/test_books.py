"""Each check of the books fails for its own reason, says where, and for no other."""

from dataclasses import replace
from typing import Any

import pytest

from netbilld.billing.books import BookFigures, SubscriberFigures, check_books

# 300 invoiced, of which 100 are open; 250 paid, of which 50 went to the wallet and 20 were used up
BUDI = SubscriberFigures(
    "100001",
    receivable_minor=100,
    wallet_minor=30,
    invoiced_minor=300,
    open_minor=100,
    paid_minor=250,
    charged_minor=20,
    metered_minor=20,
    usage_posted_minor=20,
)
SOUND = BookFigures(
    debit_minor=570,
    credit_minor=570,
    entries=3,
    unbalanced_entries=(),
    bad_postings=(),
    wrong_balances={},
    wrong_invoices={},
    broken_series={},
    subscribers=(BUDI,),
)


def failed(figures: BookFigures) -> dict[str, str]:
    return {result.name: result.detail for result in check_books(figures) if not result.ok}


def test_sound_books_pass_every_check() -> None:
    assert failed(SOUND) == {}
    assert failed(replace(SOUND, subscribers=())) == {}


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"unbalanced_entries": (7,)}, "entries_balance", "debits and credits differ in entry 7"),
        ({"credit_minor": 569}, "debits_equal_credits", "debits 570, credits 569"),
        ({"bad_postings": (4, 9)}, "postings_well_formed", "in entry 4, 9"),
        ({"wrong_balances": {"cash:cash": (5, 6)}}, "balances_are_sums", "cash:cash kept 5, postings 6"),
        ({"wrong_days": {"2026-01-05 x cash:cash": 1}}, "days_are_sums", "2026-01-05 x cash:cash is off by 1"),
        ({"wrong_invoices": {"INV-1": "lines 5"}}, "invoices_fit", "INV-1: lines 5"),
        ({"broken_series": {"invoice:202601": (4, 3)}}, "numbers_without_gaps", "invoice:202601: 4 given, 3 found"),
        ({"wrong_notes": {"INV-1": "total 5, credited 6"}}, "credit_notes_fit", "INV-1: total 5, credited 6"),
        ({"unbooked": {"INV-1": (5, 0)}}, "documents_are_booked_once", "INV-1: total 5, booked 0"),
        ({"wrong_accounts": {"tax:ppn": (5, 6)}}, "accounts_equal_documents", "tax:ppn: documents 5, ledger 6"),
        ({"wrong_payments": {"p": "5, has settled 6"}}, "payments_cover_what_they_settled", "p: 5, has settled 6"),
        ({"booked_after_closing": (7,)}, "closed_months_stay", "booked after closing: entry 7"),
    ],
)
def test_what_is_wrong_with_the_whole_is_named(changes: dict[str, Any], check: str, said: str) -> None:
    found = failed(replace(SOUND, **changes))
    assert list(found) == [check]
    assert said in found[check]


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"open_minor": 101}, "receivables_equal_open_invoices", "100001 owes 100, open invoices 101"),
        ({"invoiced_minor": 301}, "accounts_equal_invoices_less_payments", "invoices and charges less payments 71"),
        ({"paid_minor": 251}, "accounts_equal_invoices_less_payments", "invoices and charges less payments 69"),
        ({"charged_minor": 21}, "accounts_equal_invoices_less_payments", "invoices and charges less payments 71"),
        ({"wallet_minor": 31}, "accounts_equal_invoices_less_payments", "owes 100 and holds 31"),
        ({"written_off_minor": 1}, "accounts_equal_invoices_less_payments", "invoices and charges less payments 69"),
        ({"refunded_minor": 1}, "accounts_equal_invoices_less_payments", "invoices and charges less payments 71"),
        ({"deposits_minor": 1}, "deposits_are_held", "100001 has deposits of 1, billed less returned 0"),
        ({"deposits_billed_minor": 2}, "deposits_are_held", "100001 has deposits of 0, billed less returned 2"),
        ({"metered_minor": 19}, "usage_charges_equal_the_meter", "100001 posted 20, metered 19"),
    ],
)
def test_what_is_wrong_with_a_subscriber_is_named(changes: dict[str, Any], check: str, said: str) -> None:
    found = failed(replace(SOUND, subscribers=(replace(BUDI, **changes),)))
    assert list(found) == [check]
    assert said in found[check]


def test_a_wallet_may_be_below_zero_by_usage_only() -> None:
    empty, below = SubscriberFigures("1"), SubscriberFigures("2", wallet_minor=-1, charged_minor=1)
    assert failed(replace(SOUND, subscribers=(empty,))) == {}
    assert failed(replace(SOUND, subscribers=(empty, below))) == {
        "wallets_hold_credit": "below zero without usage to explain it: wallet 2"
    }
    assert failed(replace(SOUND, subscribers=(empty, replace(below, per_use=True)))) == {}


def test_a_few_are_named_and_the_others_counted() -> None:
    wrong = tuple(replace(BUDI, number=str(number), open_minor=0) for number in range(7))
    said = failed(replace(SOUND, subscribers=wrong))["receivables_equal_open_invoices"]
    assert said.endswith("4 owes 100, open invoices 0 and 2 more")
    assert failed(replace(SOUND, bad_postings=tuple(range(7))))["postings_well_formed"].endswith("3, 4 and 2 more")
