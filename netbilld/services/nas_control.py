"""The port through which orders reach a NAS."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from netbilld.enforcement.actions import Order, SessionHandle
from netbilld.enforcement.order_form import SUITED, OrderForm


@dataclass(frozen=True, slots=True)
class NasTarget:
    """Where the orders for one NAS go, and in which words."""

    nas_id: UUID
    name: str
    host: str
    coa_port: int
    vendor: str
    secret: bytes = field(repr=False)
    form: OrderForm = SUITED


class OutcomeKind(StrEnum):
    ACKED = "acked"
    NACKED = "nacked"
    TIMED_OUT = "timed_out"
    FAILED = "failed"  # nothing could be sent


class Silence(StrEnum):
    """Why an order was left without an answer that could be believed, as far as that can be told."""

    NO_ANSWER = "no_answer"  # gone on the way, a NAS that is off, or one that does not believe our secret
    OTHER_SECRET = "other_secret"  # noqa: S105 - it answers, and signs with another secret
    NOBODY_LISTENS = "nobody_listens"  # its host says that nothing has this port
    UNREACHABLE = "unreachable"  # the network says that there is no way


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order.

    Attributes:
        error_cause: the NAS's reason for a refusal, None if it gives none (RFC 5176 §3.5).
        detail: for people; empty for nothing.
        silence: of one that timed out.
    """

    kind: OutcomeKind
    error_cause: int | None = None
    detail: str = ""
    silence: Silence | None = None


class NasControl(Protocol):
    """Carries out one order at a time for a session; never raises for what a NAS or the network does."""

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:
        """Return what came of the order; waits as long as its own retransmissions take."""
        ...
