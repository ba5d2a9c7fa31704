"""What a payment gateway has said of a payment, and what follows for the books, in whatever order it was said.

Everything said of one transaction of a gateway is kept as a set, and what is due in the books is a function of that
set. So late, doubled and exchanged notifications end alike: a set knows neither order nor repetition.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

GATEWAYS: Final = ("midtrans", "xendit", "tripay", "duitku")  # also the methods of payments that came by them


class GatewayState(StrEnum):
    """What gateways' own words mean."""

    CREATED = "created"
    PENDING = "pending"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DENIED = "denied"
    FAILED = "failed"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"

    @property
    def rank(self) -> int:
        """Return how far it is: a payment goes up only."""
        return _RANKS[self]

    @property
    def is_paid(self) -> bool:
        """Tell whether money had come, whatever became of it."""
        return self.rank >= _RANKS[GatewayState.PAID]

    @property
    def is_open(self) -> bool:
        """Tell whether it may yet be paid in time."""
        return self.rank <= _RANKS[GatewayState.PENDING]


_RANKS: Final = {
    GatewayState.CREATED: 0,
    GatewayState.PENDING: 10,
    GatewayState.EXPIRED: 20,
    GatewayState.CANCELLED: 20,
    GatewayState.DENIED: 20,
    GatewayState.FAILED: 20,
    GatewayState.PAID: 30,
    GatewayState.PARTLY_REFUNDED: 40,
    GatewayState.REFUNDED: 50,
    GatewayState.CHARGED_BACK: 50,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What a gateway says of one payment, in our words.

    Attributes:
        ref: our own name of the attempt.
        transaction: the gateway's name of the payment; what is said of one transaction belongs together.
        amount_minor: what is to be compared with what we asked for; None where the gateway does not say it.
        refunded_minor: all that has been given back so far.
        fee_minor: what the gateway keeps; None where it does not say.
        raw_status: in the gateway's own words.
    """

    ref: str
    transaction: str
    state: GatewayState
    amount_minor: int | None
    currency: str
    raw_status: str
    paid_at: datetime | None = None
    refunded_minor: int = 0
    fee_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was said of a transaction."""

    state: GatewayState
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """What stands in our books of one transaction.

    Attributes:
        credited_minor: received, whatever became of it.
        refunded_minor: given back of it, booked as such.
        is_reversed: all of it was taken back as never settled.
    """

    credited_minor: int = 0
    refunded_minor: int = 0
    is_reversed: bool = False

    @property
    def kept_minor(self) -> int:
        """Return what the subscriber has of it."""
        return 0 if self.is_reversed else self.credited_minor - self.refunded_minor


NOTHING_BOOKED: Final = Books()


@dataclass(frozen=True, slots=True)
class Step:
    """What has to be booked: a receipt, then a refund or a reversal of what was received."""

    credit_minor: int = 0
    refund_minor: int = 0
    reverse: bool = False

    @property
    def is_nothing(self) -> bool:
        return self == _NO_STEP


_NO_STEP: Final = Step()


def furthest(facts: Collection[Fact]) -> GatewayState:
    """Return how far a transaction has come by everything said of it.

    A settlement that was denied afterwards counts as denied: it is the one way back (Midtrans says it of some banks
    minutes later), and a transaction that is denied first is never settled later under the same name.
    """
    if is_taken_back(facts):
        return GatewayState.DENIED
    return max(
        (fact.state for fact in facts), key=lambda state: (state.rank, state.value), default=GatewayState.CREATED
    )


def is_taken_back(facts: Collection[Fact]) -> bool:
    """Tell whether a transaction was settled and then denied."""
    states = {fact.state for fact in facts}
    return GatewayState.DENIED in states and GatewayState.PAID in states


def due_books(facts: Collection[Fact], amount_minor: int) -> Books:
    """Return what the books have to say of a transaction of that amount.

    Args:
        facts: everything that was said of it.
        amount_minor: that was asked for and paid.
    """
    states = {fact.state for fact in facts}
    if not any(state.is_paid for state in states):
        return NOTHING_BOOKED
    if is_taken_back(facts):
        return Books(amount_minor, 0, is_reversed=True)
    if states & {GatewayState.REFUNDED, GatewayState.CHARGED_BACK}:
        return Books(amount_minor, amount_minor)
    return Books(amount_minor, min(amount_minor, max(fact.refunded_minor for fact in facts)))


def step_between(booked: Books, due: Books) -> Step:
    """Return what is to be booked so that the books say what is due.

    What never was credited and is due back in full is not booked at all: nobody has had it.
    """
    if booked.is_reversed or (not booked.credited_minor and not due.kept_minor):
        return _NO_STEP
    credit_minor = due.credited_minor - booked.credited_minor
    if due.is_reversed:
        return Step(reverse=True)
    return Step(max(0, credit_minor), max(0, due.refunded_minor - booked.refunded_minor))


def booked_after(booked: Books, step: Step) -> Books:
    """Return what stands in the books once a step is booked."""
    return Books(
        booked.credited_minor + step.credit_minor,
        booked.refunded_minor + step.refund_minor,
        is_reversed=booked.is_reversed or step.reverse,
    )


def mismatch(notice: Notice, amount_minor: int, currency: str) -> str | None:
    """Return why a notice is not of what we asked for, as a stable word; None where it is."""
    if notice.currency.upper() != currency.upper():
        return "other_currency"
    if notice.amount_minor is not None and notice.amount_minor != amount_minor:
        return "other_amount"
    if notice.amount_minor is None and notice.state.is_paid:
        return "no_amount"
    return None
