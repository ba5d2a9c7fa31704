"""Agents: people beside the staff who sell vouchers and take subscribers' money from a deposit they have paid in."""

import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

MOST_PERMILLE: Final = 500
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_PERCENT: Final = re.compile(r"([0-9]{1,2})(?:[.,]([0-9]))?")


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who sells for us.

    Attributes:
        commission_permille: of what subscribers pay through them; on vouchers it is the difference of the two prices.
        deposit_minor: what they may still sell from.
    """

    name: str
    full_name: str
    phone: str | None
    status: str  # active, ended
    commission_permille: int
    created_at: datetime
    deposit_minor: int = 0


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """One browser that is signed in as an agent."""

    token_hash: str = field(repr=False)
    agent: str
    csrf_token: str = field(repr=False)
    origin: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AgentDeposit:
    """Money that an agent has paid in."""

    id: UUID
    agent: str
    amount_minor: int
    currency: str
    method: str
    collector: str | None
    reference: str
    recorded_at: datetime
    actor: str

    def row(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AgentPayment:
    """A subscriber's payment that came through an agent."""

    id: UUID
    receipt_no: str | None
    amount_minor: int
    currency: str
    commission_minor: int
    recorded_at: datetime
    number: str
    name: str
    is_reversed: bool = False  # the deposit has it again


@dataclass(frozen=True, slots=True)
class Served:
    """A subscriber whose money an agent takes, and what they owe."""

    id: UUID
    number: str
    name: str
    currency: str
    owed_minor: int


@dataclass(frozen=True, slots=True)
class OnSale:
    """Vouchers of a batch that agents sell."""

    number: int
    name: str
    price_minor: int
    agent_price_minor: int
    currency: str
    validity_seconds: int
    left: int


def agent_name(text: str) -> str:
    """Return an agent's name as it is stored: one word in lower case.

    Raises:
        InvalidInputError: it is not.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"agent {text!r}: write one word of letters and digits", code="bad_name")
    return name


def commission_permille(percent: str) -> int:
    """Return a commission as it is stored: "2", "2.5" and "2,5" are percent, of which one place is kept.

    Raises:
        InvalidInputError: it is none, or more than half.
    """
    found = _PERCENT.fullmatch(percent.strip().removesuffix("%").rstrip())
    permille = int(found[1]) * 10 + int(found[2] or 0) if found else -1
    if not 0 <= permille <= MOST_PERMILLE:
        raise InvalidInputError(
            f"commission {percent!r}: write 0 to {MOST_PERMILLE // 10} percent, such as 2.5", code="bad_commission"
        )
    return permille


def percent_of(permille: int) -> str:
    """Return a commission as it is typed: 20 is "2", 25 is "2.5"."""
    return f"{permille // 10}.{permille % 10}" if permille % 10 else str(permille // 10)
