"""Money received, and what may be received."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError, RefusedError

AMOUNT_LIMIT_MINOR: Final = 10**12
REFERENCE_LIMIT: Final = 200
_METHOD: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received from a subscriber; (method, reference) is unique where there is a reference."""

    id: UUID
    subscriber_id: UUID
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    recorded_at: datetime
    actor: str


def payment_method(text: str) -> str:
    """Return a method as it is stored: lower case, such as cash or transfer.

    Raises:
        InvalidInputError: it is not one word of letters, digits, '-' and '_'.
    """
    method = text.strip().lower()
    if not _METHOD.fullmatch(method):
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
