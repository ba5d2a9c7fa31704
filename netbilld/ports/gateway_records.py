"""What is on record of payments by gateways, and who keeps it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.billing.gateway import Books, Fact, GatewayState
from netbilld.ports.gateways import Made


@dataclass(frozen=True, slots=True)
class Attempt:
    """A payment that a gateway was asked for.

    Attributes:
        subscriber_id: who pays; None where a voucher is bought, whose order has the same ref.
        invoice_id: the invoice that comes first; None pays oldest due first.
        gateway_ref: the gateway's name of it; None until it was made there, "" where it has none yet.
        notices: how many callbacks came for it.
        looks: how often its status was asked for.
        next_look_at: when it is asked for next; None is never.
        trouble: what went wrong the last time; empty for nothing.
    """

    ref: str
    gateway: str
    method: str
    subscriber_id: UUID | None
    invoice_id: UUID | None
    amount_minor: int
    currency: str
    state: GatewayState
    created_at: datetime
    expires_at: datetime
    gateway_ref: str | None = None
    pay_url: str | None = None
    qr_string: str | None = None
    number: str | None = None
    number_at: str | None = None
    biller_code: str | None = None
    raw_status: str = ""
    paid_at: datetime | None = None
    notices: int = 0
    looks: int = 0
    next_look_at: datetime | None = None
    trouble: str = ""

    @property
    def is_made(self) -> bool:
        """Tell whether there is something to pay with."""
        return bool(self.pay_url or self.qr_string or self.number)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment at a gateway, and what stands in the books of it."""

    ref: str
    name: str
    gateway: str
    books: Books
    fee_minor: int | None = None
    payment_id: UUID | None = None
    paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class NewCallback:
    """A callback as it came in.

    Attributes:
        notice: what was read of it, as plain JSON; None where nothing could be.
        state: new, or refused.
    """

    gateway: str
    received_at: datetime
    source: str
    body_sealed: bytes
    notice: dict[str, Any] | None
    ref: str | None
    state: str
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback on record."""

    id: int
    gateway: str
    received_at: datetime
    source: str
    notice: dict[str, Any] | None
    ref: str | None
    state: str
    verdict: str
    detail: str
    tries: int
    next_at: datetime
    ended_at: datetime | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that staff give back through a gateway.

    Attributes:
        total_minor: given back of the transaction so far, once this is done.
    """

    id: UUID
    ref: str
    transaction: str
    amount_minor: int
    total_minor: int
    reason: str
    state: str
    detail: str
    actor: str
    asked_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a gateway has paid out."""

    id: UUID
    gateway: str
    reference: str
    method: str
    settled_on: date
    gross_minor: int
    fee_minor: int
    net_minor: int
    recorded_at: datetime
    actor: str
    bank_row_id: int | None = None


class Attempts(Protocol):
    """The part of a store that keeps attempts, and what was said of them."""

    async def add(self, attempt: Attempt) -> None: ...
    async def find(self, ref: str, *, lock: bool = False) -> Attempt | None: ...
    async def like(
        self,
        subscriber_id: UUID,
        gateway: str,
        method: str,
        amount_minor: int,
        invoice_id: UUID | None,
        open_after: datetime,
    ) -> Attempt | None: ...
    async def begun_since(self, subscriber_id: UUID, since: datetime) -> int: ...
    async def made(self, ref: str, made: Made, next_look_at: datetime | None) -> None: ...
    async def note_ref(self, ref: str, gateway_ref: str) -> None: ...
    async def said(
        self, ref: str, state: GatewayState, raw_status: str, paid_at: datetime | None, *, by_callback: bool
    ) -> None: ...
    async def looked(self, ref: str, looks: int, next_look_at: datetime | None, trouble: str) -> None: ...
    async def due(self, now: datetime, limit: int) -> Sequence[Attempt]: ...
    async def add_fact(self, ref: str, transaction: str, fact: Fact, now: datetime) -> None: ...
    async def facts(self, ref: str) -> dict[str, set[Fact]]: ...
    async def transaction(self, ref: str, name: str) -> Transaction | None: ...
    async def transactions(self, ref: str) -> Sequence[Transaction]: ...
    async def save(self, transaction: Transaction) -> None: ...


class Inbox(Protocol):
    """The part of a store that keeps callbacks."""

    async def keep(self, callbacks: Collection[NewCallback]) -> None: ...
    async def due(self, now: datetime, limit: int, gateway: str | None = None) -> Sequence[Callback]: ...
    async def find(self, callback_id: int, *, lock: bool = False) -> Callback | None: ...
    async def end(
        self, callback_id: int, state: str, verdict: str, detail: str, at: datetime, by: str | None = None
    ) -> None: ...
    async def again(self, callback_id: int, tries: int, next_at: datetime, detail: str) -> None: ...
