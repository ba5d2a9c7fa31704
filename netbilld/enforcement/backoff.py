"""When an order that was lost or refused is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_LONGEST_DOUBLING = 30  # beyond it every cap is reached, and 2**attempts stays small


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The first pause, and the longest."""

    first_seconds: float
    longest_seconds: float


def next_attempt_at(attempts: int, now: datetime, policy: RetryPolicy, jitter: float) -> datetime:
    """Return the moment of the next try after `attempts` failed ones.

    The pause doubles each time up to the cap. `jitter` in [0, 1) spreads it over 75 to 125 % of itself, so that the
    subscribers of one NAS do not come back in step; the cap holds for the spread pause too.
    """
    pause = policy.first_seconds * 2 ** min(max(attempts - 1, 0), _LONGEST_DOUBLING)
    pause = min(pause, policy.longest_seconds) * (0.75 + jitter / 2)
    return now + timedelta(seconds=min(pause, policy.longest_seconds))
