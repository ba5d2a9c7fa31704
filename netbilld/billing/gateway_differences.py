"""Gateway, bank and ledger held against each other: everything that differs is named, and nothing else."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

PAYOUT_DAYS: Final = 5  # until money that a gateway has paid out stands on a bank's statement
_EARLY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OurPayment:
    """A transaction in our books: what the subscriber has of it, and which payout it came with."""

    ref: str
    transaction: str
    credited_minor: int
    kept_minor: int
    fee_minor: int
    payout: str | None = None


@dataclass(frozen=True, slots=True)
class TheirPayment:
    """The same as the gateway's report or its status call says it."""

    ref: str
    transaction: str
    amount_minor: int
    refunded_minor: int = 0
    fee_minor: int = 0
    payout: str | None = None

    @property
    def kept_minor(self) -> int:
        return self.amount_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that a gateway has sent to our bank account, by our books."""

    reference: str
    settled_on: date
    net_minor: int
    is_at_bank: bool = False


@dataclass(frozen=True, slots=True)
class BankRow:
    """Money that came in by a bank's statement and is nobody's payment."""

    id: int
    booked_on: date
    amount_minor: int
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs.

    Attributes:
        kind: a stable word.
        subject: what it is about: a payment's ref, a payout's reference, a bank row.
        theirs_minor: what the gateway or the bank says; None for nothing.
        ours_minor: what our books say; None for nothing.
    """

    kind: str
    subject: str
    theirs_minor: int | None
    ours_minor: int | None


def payment_differences(theirs: Iterable[TheirPayment], ours: Iterable[OurPayment]) -> list[Difference]:
    """Return what differs between what a gateway was paid and what we have credited, both of the same days."""
    said, booked = {one.transaction: one for one in theirs}, {one.transaction: one for one in ours}
    found: list[Difference] = []
    for name in sorted(said.keys() | booked.keys()):
        their, our = said.get(name), booked.get(name)
        if their is None:
            assert our is not None, "one of them has it"  # noqa: S101
            if our.kept_minor:
                found.append(Difference("not_at_gateway", our.ref, None, our.kept_minor))
        elif our is None or not our.credited_minor:
            if their.kept_minor:
                found.append(Difference("not_in_books", their.ref, their.kept_minor, None))
        elif their.amount_minor != our.credited_minor:
            found.append(Difference("other_amount", their.ref, their.amount_minor, our.credited_minor))
        elif their.kept_minor != our.kept_minor:
            found.append(Difference("other_refund", their.ref, their.kept_minor, our.kept_minor))
        elif their.fee_minor and our.fee_minor and their.fee_minor != our.fee_minor:
            found.append(Difference("other_fee", their.ref, their.fee_minor, our.fee_minor))
    return found


def payout_of(row: BankRow, payouts: Sequence[Payout]) -> Payout | None:
    """Return the one payout that a bank row can be; None where there is none, or more than one."""
    fitting = [one for one in payouts if not one.is_at_bank and _fits(row, one)]
    return fitting[0] if len(fitting) == 1 else None


def matched(payouts: Sequence[Payout], rows: Sequence[BankRow]) -> list[tuple[Payout, BankRow]]:
    """Return which payout is which bank row, where each fits the other alone."""
    by_row = {row.id: payout_of(row, payouts) for row in rows}
    claims = Counter(one.reference for one in by_row.values() if one is not None)
    return [(payout, row) for row in rows if (payout := by_row[row.id]) is not None and claims[payout.reference] == 1]


def bank_differences(payouts: Sequence[Payout], rows: Sequence[BankRow], gateway: str, today: date) -> list[Difference]:
    """Return payouts that are not at the bank after their days, and rows that name the gateway and are no payout."""
    pairs = matched(payouts, rows)
    arrived, known = {payout.reference for payout, _ in pairs}, {row.id for _, row in pairs}
    found = [
        Difference("payout_not_at_bank", one.reference, one.net_minor, None)
        for one in payouts
        if not one.is_at_bank and one.reference not in arrived and today > one.settled_on + timedelta(days=PAYOUT_DAYS)
    ]
    found += [
        Difference("bank_without_payout", str(row.id), row.amount_minor, None)
        for row in rows
        if row.id not in known and gateway in row.text.lower()
    ]
    return found


def ledger_difference(gateway: str, documents_minor: int, ledger_minor: int) -> list[Difference]:
    """Return whether what the gateway holds by the ledger is what the documents say."""
    if documents_minor == ledger_minor:
        return []
    return [Difference("ledger_differs", f"clearing:{gateway}", documents_minor, ledger_minor)]


def payout_differences(theirs: Collection[TheirPayment], payouts: Sequence[Payout]) -> list[Difference]:
    """Return payouts whose net sum in the gateway's report is another than in our books."""
    net: dict[str, int] = defaultdict(int)
    for one in theirs:
        if one.payout is not None:
            net[one.payout] += one.kept_minor - one.fee_minor
    booked = {one.reference: one.net_minor for one in payouts}
    return [
        Difference("other_payout", reference, net[reference], booked[reference])
        for reference in sorted(net)
        if reference in booked and booked[reference] != net[reference]
    ]


def _fits(row: BankRow, payout: Payout) -> bool:
    last = payout.settled_on + timedelta(days=PAYOUT_DAYS)
    return row.amount_minor == payout.net_minor and payout.settled_on - _EARLY <= row.booked_on <= last
