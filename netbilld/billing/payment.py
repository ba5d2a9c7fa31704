"""Money received, and what may be received."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError, RefusedError

AMOUNT_LIMIT_MINOR: Final = 10**12
REFERENCE_LIMIT: Final = 200
REASON_LIMIT: Final = 200
AGENT: Final = "agent"  # of what an agent pays from their deposit; nobody types it
_METHOD: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class PaymentStatus(StrEnum):
    RECEIVED = "received"
    REVERSED = "reversed"


class Withheld(StrEnum):
    """What a customer may keep back for the tax office, as the method of a payment of its own."""

    PPH23 = "pph23"  # income tax on services, which the provider sets off by the customer's proof
    PPN = "ppn_withheld"  # VAT that a government treasurer or an appointed collector pays in our stead


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received from a subscriber; (method, reference) is unique where there is a reference.

    What was withheld from it for the tax office is a payment of its own, with the proof's number as its reference.

    Attributes:
        collector: who took the cash and holds it until it is handed over.
        receipt_no: of the receipt; None where there is none to give.
        part_of: of what was withheld, the payment it was withheld from.
        moved_from: the payment of another subscriber that this one was.
        reversed_at, reversed_by, reversed_because: of one that bounced, or was not this subscriber's.
    """

    id: UUID
    subscriber_id: UUID
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    recorded_at: datetime
    actor: str
    status: PaymentStatus = PaymentStatus.RECEIVED
    collector: str | None = None
    receipt_no: str | None = None
    part_of: UUID | None = None
    moved_from: UUID | None = None
    note: str = ""
    reversed_at: datetime | None = None
    reversed_by: str | None = None
    reversed_because: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money paid back to a subscriber out of their wallet."""

    id: UUID
    subscriber_id: UUID
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    collector: str | None
    paid_on: date
    recorded_at: datetime
    actor: str
    reason: str


def payment_method(text: str) -> str:
    """Return a method as it is stored: lower case, such as cash or transfer.

    Raises:
        InvalidInputError: it is not one word of letters, digits, '-' and '_', is a word of the program's own, or what
            is withheld, which is no money.
    """
    method = text.strip().lower()
    if method in set(Withheld):
        raise InvalidInputError(
            f"{method} is no money: write it beside the payment that it was kept from",
            hint="`netbilld payment add` has --pph23 and --ppn-withheld",
        )
    if not _METHOD.fullmatch(method) or method == AGENT:
        raise InvalidInputError(f"method {text!r}: write one word, such as cash or transfer")
    return method


def payment_reference(text: str | None) -> str | None:
    """Return a reference as it is stored, without blanks around it; None where it is empty.

    Raises:
        InvalidInputError: it is too long, or not on one line.
    """
    reference = (text or "").strip()
    if len(reference) > REFERENCE_LIMIT or not reference.isprintable():
        raise InvalidInputError(f"reference: at most {REFERENCE_LIMIT} characters, on one line")
    return reference or None


def reason_text(text: str) -> str:
    """Return why something is done, as it is stored.

    Raises:
        InvalidInputError: it is empty, too long, or not on one line.
    """
    reason = text.strip()
    if not reason or len(reason) > REASON_LIMIT or not reason.isprintable():
        raise InvalidInputError(f"--why: say why, in at most {REASON_LIMIT} characters, on one line")
    return reason


def check_amount(amount_minor: int) -> None:
    """Do nothing for an amount that can be a payment.

    Raises:
        RefusedError: it is zero, negative or absurd.
    """
    if not 0 < amount_minor <= AMOUNT_LIMIT_MINOR:
        raise RefusedError(
            f"amount {amount_minor} can't be a payment", hint=f"allowed: 1 to {AMOUNT_LIMIT_MINOR}", code="bad_amount"
        )


def check_received_on(received_on: date, today: date) -> None:
    """Do nothing for a day on which a payment recorded today can have been received.

    Raises:
        RefusedError: it lies in the future, or more than ten years back.
    """
    if not today - timedelta(days=3653) <= received_on <= today:
        raise RefusedError(f"received on {received_on} can't be: today is {today}", code="bad_date")


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Up to where an amount is taken without asking: so many times what this subscriber is known for, or the floor."""

    floor_minor: int
    times: int

    def limit_minor(self, known_minor: int) -> int:
        """Return the largest amount that is taken without asking.

        Args:
            known_minor: the most of what is outstanding, the largest invoice and the largest payment so far.
        """
        return max(self.floor_minor, self.times * known_minor)


def implausible(amount_minor: int, limit_minor: int, number: str) -> RefusedError:
    """Return the question whether an amount above the limit was meant."""
    return RefusedError(
        f"{amount_minor} is more than subscriber {number} was ever likely to pay ({limit_minor}); nothing was recorded",
        hint="count the zeros; add --yes where it is right, or keep it with `netbilld payment park`",
        code="implausible_amount",
        values={"amount_minor": amount_minor, "limit_minor": limit_minor},
    )
