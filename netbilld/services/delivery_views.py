"""What pages of staff show of paper invoices: where each is, and what has not arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from netbilld.billing.paper import NOT_ARRIVED, PaperState
from netbilld.services.areas import EVERYWHERE, Areas

NOT_RECEIVED: Final = "not_received"  # printed, with a courier, or back again
DELIVERY_STATES: Final = (NOT_RECEIVED, *(state.value for state in PaperState))


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which paper invoices; what is empty or None excludes nothing.

    Attributes:
        text: a part of the invoice's or the tracking number, of the recipient's name or the courier's.
        state: one of DELIVERY_STATES.
        from_on, end_on: printed on these days, half-open.
        areas: of whoever looks.
    """

    text: str = ""
    state: str = ""
    area: str = ""
    from_on: date | None = None
    end_on: date | None = None
    areas: Areas = EVERYWHERE

    @property
    def states(self) -> tuple[str, ...]:
        """Return the states of paper that are wanted; none is all."""
        if self.state == NOT_RECEIVED:
            return tuple(state.value for state in NOT_ARRIVED)
        return (self.state,) if self.state else ()


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A paper invoice in a list, with what is paid of it beside its way."""

    number: str
    subscriber_no: str
    name: str
    address: str | None
    area: str | None
    state: str
    courier: str | None
    tracking_number: str | None
    printed_on: date
    handed_on: date | None
    received_on: date | None
    returned_on: date | None
    receiver: str | None
    proof: str | None
    status: str
    due_on: date | None
    currency: str
    total_minor: int
    paid_minor: int

    @property
    def ended_on(self) -> date | None:
        return self.received_on or self.returned_on

    def days_on_the_way(self, today: date) -> int | None:
        """Return how long it took from the courier's hands to its end, or has been taking; None before that."""
        return None if self.handed_on is None else max(0, ((self.ended_on or today) - self.handed_on).days)


@dataclass(frozen=True, slots=True)
class DeliverySum:
    """Paper invoices of one state."""

    state: str
    currency: str
    documents: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of the list; total and sums are of all pages."""

    lines: Sequence[DeliveryLine]
    total: int
    sums: Sequence[DeliverySum]


@dataclass(frozen=True, slots=True)
class DeliveryStep:
    """One step of its way."""

    state: str
    at: datetime
    actor: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryFile:
    """One invoice's paper; no line where it was never printed.

    Attributes:
        next_states: what may follow now.
    """

    number: str
    subscriber_no: str
    name: str
    address: str | None
    line: DeliveryLine | None
    steps: Sequence[DeliveryStep]
    next_states: tuple[str, ...]


class DeliveryViews(Protocol):
    """Paper invoices as pages read them; each answer is bounded."""

    async def delivery_page(self, wanted: DeliveryFilter, offset: int, length: int) -> DeliveryPage: ...

    async def delivery_file(self, number: str) -> DeliveryFile | None: ...
