"""What becomes of an order, step by step, for those who want to be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from netbilld.services.order_book import Alert

Step = Literal["sent", "acknowledged", "refused", "unanswered", "failed", "seen", "disproved"]


@dataclass(frozen=True, slots=True)
class OrderNews:
    """One step of one order.

    Attributes:
        service_id: None where it isn't known here; the session tells.
        action: coa, disconnect, enter_list or leave_list.
        access: what the session is to have, or has been seen with.
    """

    step: Step
    at: datetime
    session_id: int
    service_id: UUID | None
    action: str
    access: str | None = None
    reason: str | None = None
    nas: str | None = None
    error_cause: int | None = None
    detail: str | None = None


TellAlerts = Callable[[Sequence[Alert]], None]
TellOrders = Callable[[Sequence[OrderNews]], None]
STEPS: dict[str, Step] = {  # of an outcome as it is kept
    "acked": "acknowledged",
    "nacked": "refused",
    "timed_out": "unanswered",
    "failed": "failed",
    "verified": "seen",
}
