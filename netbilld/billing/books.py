"""Do the books hold? A list of small checks over summary figures; run by `ledger check` and by the tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class SubscriberFigures:
    """One subscriber's documents beside their accounts, all in minor units."""

    number: str
    receivable_minor: int = 0
    wallet_minor: int = 0
    invoiced_minor: int = 0  # issued invoices, less credit notes
    open_minor: int = 0  # of the invoices, not yet settled
    paid_minor: int = 0  # payments received and not reversed
    refunded_minor: int = 0  # paid back out of the wallet
    funded_minor: int = 0  # lines of invoices that fill the wallet: what was spent of a payment that bounced
    written_off_minor: int = 0  # what nobody expects any more
    charged_minor: int = 0  # taken from the wallet for usage, renewals and what else is sold without an invoice
    deposits_minor: int = 0  # held
    deposits_billed_minor: int = 0  # on invoices, less credit notes
    deposits_returned_minor: int = 0  # turned into credit in the wallet
    metered_minor: int = 0  # what the meter says it has charged for usage
    usage_posted_minor: int = 0  # what the ledger says was charged for usage
    per_use: bool = False  # has, or had, a service that drains the wallet while it is used


@dataclass(frozen=True, slots=True)
class BookFigures:
    """Sums and exceptions as the store finds them; exceptions are named, at most a few of each."""

    debit_minor: int
    credit_minor: int
    entries: int
    unbalanced_entries: tuple[int, ...]
    bad_postings: tuple[int, ...]  # entries with an amount that is not positive, or fewer than two postings
    wrong_balances: Mapping[str, tuple[int, int]]  # account: (kept, sum of its postings)
    wrong_invoices: Mapping[str, str]  # number: what does not fit
    broken_series: Mapping[str, tuple[int, int]]  # series: (last number given, documents that carry one)
    subscribers: tuple[SubscriberFigures, ...]
    wrong_notes: Mapping[str, str] = field(default_factory=dict)  # invoice: what its credit notes do not fit
    unbooked: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # document: (its total, what is booked)
    wrong_accounts: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # account: (documents, ledger)
    wrong_payments: Mapping[str, str] = field(default_factory=dict)  # payment: what it has settled
    booked_after_closing: tuple[int, ...] = ()  # entries in a closed month that were made after it was closed
    closed_until_on: date | None = None
    wrong_days: Mapping[str, int] = field(default_factory=dict)  # day, kind and account: how much the kept sum is off


@dataclass(frozen=True, slots=True)
class CheckResult:
    name: str
    ok: bool
    detail: str


def check_books(figures: BookFigures) -> list[CheckResult]:
    """Return the result of every check."""
    return [CheckResult(name, *check(figures)) for name, check in CHECKS]


def _entries_balance(figures: BookFigures) -> tuple[bool, str]:
    if figures.unbalanced_entries:
        return False, f"debits and credits differ in {_some('entry', figures.unbalanced_entries)}"
    return True, f"{figures.entries} entries"


def _debits_equal_credits(figures: BookFigures) -> tuple[bool, str]:
    equal = figures.debit_minor == figures.credit_minor
    return equal, f"debits {figures.debit_minor}, credits {figures.credit_minor}"


def _postings_are_well_formed(figures: BookFigures) -> tuple[bool, str]:
    if figures.bad_postings:
        return False, f"an amount that is not positive, or a single posting, in {_some('entry', figures.bad_postings)}"
    return True, "amounts are positive, sides explicit"


def _balances_are_sums(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{code} kept {kept}, postings {summed}" for code, (kept, summed) in figures.wrong_balances.items()]
    return not wrong, "; ".join(wrong) or "every kept balance equals the sum of its postings"


def _days_are_sums(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{what} is off by {minor}" for what, minor in figures.wrong_days.items()]
    return not wrong, "; ".join(wrong) or "every day's kept sums equal what is booked on it"


def _invoices_fit(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{number}: {problem}" for number, problem in figures.wrong_invoices.items()]
    return not wrong, "; ".join(wrong) or "total = lines, tax = taxes of lines, settled = allocations, status fits"


def _numbers_have_no_gaps(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{series}: {last} given, {found} found" for series, (last, found) in figures.broken_series.items()]
    return not wrong, "; ".join(wrong) or "every number given is on a document"


def _credit_notes_fit(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{number}: {problem}" for number, problem in figures.wrong_notes.items()]
    return not wrong, "; ".join(wrong) or "no invoice is credited beyond its total"


def _documents_are_booked_once(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{number}: total {total}, booked {booked}" for number, (total, booked) in figures.unbooked.items()]
    return not wrong, "; ".join(wrong) or "every document has its entry, once"


def _accounts_equal_documents(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{code}: documents {said}, ledger {booked}" for code, (said, booked) in figures.wrong_accounts.items()]
    return not wrong, "; ".join(
        wrong
    ) or "revenue, deposits, taxes, parked money, proofs and collectors' cash are as the documents say"


def _payments_cover_what_they_settled(figures: BookFigures) -> tuple[bool, str]:
    wrong = [f"{payment}: {problem}" for payment, problem in figures.wrong_payments.items()]
    return not wrong, "; ".join(wrong) or "no payment has settled more than it was"


def _closed_months_stay(figures: BookFigures) -> tuple[bool, str]:
    if figures.booked_after_closing:
        return False, f"booked after closing: {_some('entry', figures.booked_after_closing)}"
    until_on = figures.closed_until_on
    return True, f"closed until {until_on}" if until_on else "no month is closed"


def _deposits_are_held(figures: BookFigures) -> tuple[bool, str]:
    def expected_minor(one: SubscriberFigures) -> int:
        return one.deposits_billed_minor - one.deposits_returned_minor

    return _each(
        figures,
        lambda one: one.deposits_minor == expected_minor(one),
        lambda one: f"{one.number} has deposits of {one.deposits_minor}, billed less returned {expected_minor(one)}",
    )


def _receivables_equal_open_invoices(figures: BookFigures) -> tuple[bool, str]:
    return _each(
        figures,
        lambda one: one.receivable_minor == one.open_minor,
        lambda one: f"{one.number} owes {one.receivable_minor}, open invoices {one.open_minor}",
    )


def _accounts_equal_invoices_less_payments(figures: BookFigures) -> tuple[bool, str]:
    def expected_minor(one: SubscriberFigures) -> int:
        owed_minor = one.invoiced_minor - one.funded_minor + one.charged_minor - one.written_off_minor
        return owed_minor - one.paid_minor + one.refunded_minor - one.deposits_returned_minor

    return _each(
        figures,
        lambda one: one.receivable_minor - one.wallet_minor == expected_minor(one),
        lambda one: (
            f"{one.number} owes {one.receivable_minor} and holds {one.wallet_minor}, "
            f"invoices and charges less payments {expected_minor(one)}"
        ),
    )


def _usage_charges_equal_the_meters(figures: BookFigures) -> tuple[bool, str]:
    return _each(
        figures,
        lambda one: one.usage_posted_minor == one.metered_minor,
        lambda one: f"{one.number} posted {one.usage_posted_minor}, metered {one.metered_minor}",
    )


def _wallets_hold_credit(figures: BookFigures) -> tuple[bool, str]:
    below = [one for one in figures.subscribers if one.wallet_minor < 0]
    wrong = [one for one in below if not one.per_use]
    if wrong:
        return False, f"below zero without usage to explain it: {_some('wallet', [one.number for one in wrong])}"
    if below:
        lowest = min(below, key=lambda one: one.wallet_minor)
        return True, f"{len(below)} below zero by usage, lowest {lowest.number} at {lowest.wallet_minor}"
    return True, "none below zero"


def _each(
    figures: BookFigures, holds: Callable[[SubscriberFigures], bool], said: Callable[[SubscriberFigures], str]
) -> tuple[bool, str]:
    wrong = [one for one in figures.subscribers if not holds(one)]
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return not wrong, "; ".join(map(said, wrong[:SHOWN])) + more or f"{len(figures.subscribers)} subscribers"


def _some(noun: str, names: "tuple[int, ...] | list[str]") -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{noun} {', '.join(map(str, names[:SHOWN]))}{more}"


SHOWN: Final = 5
CHECKS: Final[tuple[tuple[str, Callable[[BookFigures], tuple[bool, str]]], ...]] = (
    ("entries_balance", _entries_balance),
    ("debits_equal_credits", _debits_equal_credits),
    ("postings_well_formed", _postings_are_well_formed),
    ("balances_are_sums", _balances_are_sums),
    ("days_are_sums", _days_are_sums),
    ("invoices_fit", _invoices_fit),
    ("credit_notes_fit", _credit_notes_fit),
    ("numbers_without_gaps", _numbers_have_no_gaps),
    ("documents_are_booked_once", _documents_are_booked_once),
    ("accounts_equal_documents", _accounts_equal_documents),
    ("payments_cover_what_they_settled", _payments_cover_what_they_settled),
    ("receivables_equal_open_invoices", _receivables_equal_open_invoices),
    ("accounts_equal_invoices_less_payments", _accounts_equal_invoices_less_payments),
    ("deposits_are_held", _deposits_are_held),
    ("usage_charges_equal_the_meter", _usage_charges_equal_the_meters),
    ("wallets_hold_credit", _wallets_hold_credit),
    ("closed_months_stay", _closed_months_stay),
)
