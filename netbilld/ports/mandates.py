"""Accounts at gateways that their owners let us charge: what is on record of them, and what a gateway does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from netbilld.ports.gateways import Charge


class MandateState(StrEnum):
    ASKED = "asked"  # its owner has yet to allow it
    ACTIVE = "active"
    ENDING = "ending"  # over for us; the gateway has yet to be told
    ENDED = "ended"


class ChargeState(StrEnum):
    BEGUN = "begun"
    PAID = "paid"
    FAILED = "failed"  # told once; what follows are the ordinary reminders
    DROPPED = "dropped"  # something was paid otherwise, or the mandate ended, before the gateway took anything


@dataclass(frozen=True, slots=True)
class Mandate:
    """An account that may be charged.

    Attributes:
        kind: gopay.
        label: by which its owner knows it, and nobody else the number.
        token_sealed: the gateway's name of it.
        link_url: where its owner allows it, while that is asked.
        reason: why it ended: subscriber, staff, gateway, expired, refused.
    """

    id: UUID
    gateway: str
    kind: str
    subscriber_id: UUID
    label: str
    state: MandateState
    asked_at: datetime
    token_sealed: bytes | None = None
    link_url: str | None = None
    linked_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None
    looks: int = 0
    next_look_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class MandateCharge:
    """An invoice that is charged to a mandate."""

    mandate_id: UUID
    invoice_id: UUID
    ref: str
    state: ChargeState
    begun_at: datetime
    ended_at: datetime | None = None
    tries: int = 0
    next_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Chargeable:
    """An open invoice whose day to be charged has come."""

    mandate_id: UUID
    invoice_id: UUID
    subscriber_id: UUID
    due_on: date


@dataclass(frozen=True, slots=True)
class Linking:
    """What a gateway has made for an owner to allow."""

    token: str = field(repr=False)
    url: str = field(repr=False)


class LinkState(StrEnum):
    PENDING = "pending"
    ENABLED = "enabled"
    OVER = "over"


class Taken(StrEnum):
    """What came of a charge, as far as its answer says; the status call has the last word."""

    TAKEN = "taken"
    NEEDS_OWNER = "needs_owner"  # who would have to type a PIN: nobody is there


@dataclass(frozen=True, slots=True)
class Charged:
    taken: Taken
    gateway_ref: str


class MandateGateway(Protocol):
    """A gateway that keeps such accounts."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...

    async def link(self, phone: str, return_url: str) -> Linking:
        """Begin to link the account of a number in E.164.

        Raises:
            GatewayAwayError: nobody knows whether it was begun; nothing comes of it.
            GatewayRefusedError: there is no such account, or it may not be linked.
        """
        ...

    async def state(self, token: str) -> LinkState:
        """Return whether the account may be charged.

        Raises:
            GatewayAwayError: it can't be asked.
            GatewayRefusedError: it will not say.
        """
        ...

    async def charge(self, charge: Charge, token: str) -> Charged:
        """Take the money; of a ref that was charged before, say what came of that.

        Raises:
            GatewayAwayError: nobody knows whether it did.
            GatewayRefusedError: it did not, such as for want of money.
        """
        ...

    async def unlink(self, token: str) -> None:
        """End it; one that is over already is left as it is.

        Raises:
            GatewayAwayError: nobody knows whether it is over.
            GatewayRefusedError: it will not.
        """
        ...


class Mandates(Protocol):
    """The part of a store that keeps mandates and what was charged to them."""

    async def add(self, mandate: Mandate) -> None: ...
    async def find(self, mandate_id: UUID) -> Mandate | None: ...
    async def open_of(self, subscriber_id: UUID) -> Mandate | None: ...
    async def of(self, subscriber_id: UUID, limit: int) -> Sequence[Mandate]: ...
    async def save(self, mandate: Mandate) -> None: ...
    async def asked_since(self, subscriber_id: UUID, since: datetime) -> int: ...
    async def due(self, now: datetime, limit: int) -> Sequence[Mandate]: ...
    async def chargeable(
        self, until_on: date, currency: str, least_minor: int, largest_minor: int, limit: int
    ) -> Sequence[Chargeable]: ...
    async def is_charged(self, mandate_id: UUID, invoice_id: UUID) -> bool: ...
    async def add_charge(self, charge: MandateCharge) -> None: ...
    async def charge(self, ref: str) -> MandateCharge | None: ...
    async def charges(self, subscriber_id: UUID, limit: int) -> Sequence[MandateCharge]: ...
    async def save_charge(self, charge: MandateCharge) -> None: ...
    async def charges_due(self, now: datetime, limit: int) -> Sequence[MandateCharge]: ...
