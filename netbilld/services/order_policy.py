"""How orders are sent: how often, how fast, and what is waited for."""

from dataclasses import dataclass
from typing import Final

from netbilld.enforcement.backoff import RetryPolicy
from netbilld.enforcement.breaker import NO_PAUSE, ProbePolicy
from netbilld.enforcement.pace import NO_LIMITS, PaceLimits

# How long a NAS that acknowledged a Disconnect may take to say Stop before it is asked again.
STOP_WAIT_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class ReconcilePolicy:
    """How often everything is compared, and when an order is tried again.

    Attributes:
        pace: of a NAS that has none of its own.
        probe: how a NAS that does not answer is asked again.
        walled_list: the address list of the walled garden, on NAS that wall by list.
    """

    every_seconds: float
    retry: RetryPolicy
    stop_wait_seconds: float = STOP_WAIT_SECONDS
    pace: PaceLimits = NO_LIMITS
    probe: ProbePolicy = NO_PAUSE
    walled_list: str | None = None
