"""The circuit breaker of one NAS: who leaves an order unanswered is asked one thing at a time, with growing pauses.

Moments are seconds of any clock that only goes forward.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProbePolicy:
    """The first pause between two probes of a silent NAS, and the longest; 0 asks without pause."""

    first_seconds: float = 0.0
    longest_seconds: float = 0.0


NO_PAUSE: Final = ProbePolicy()


class Breaker:
    """Open while a NAS is silent.

    Attributes:
        is_silent: its last order was left unanswered.
    """

    def __init__(self, policy: ProbePolicy) -> None:
        self.is_silent = False
        self._policy = policy
        self._unanswered = 0
        self._probe_at = 0.0

    def left_unanswered(self, tries: int) -> bool:
        """Tell whether the NAS is silent and has left so many orders unanswered, one after the other."""
        return self.is_silent and self._unanswered >= tries

    def answered(self) -> bool:
        """Take notice of an answer; return whether the NAS had been silent."""
        was_silent = self.is_silent
        self.heard()
        self.is_silent = False
        return was_silent

    def unanswered(self, now: float, jitter: float) -> None:
        """Take notice of an order that was left unanswered; `jitter` in [0, 1) takes up to a quarter off the pause."""
        pause = min(self._policy.first_seconds * 2 ** min(self._unanswered, 30), self._policy.longest_seconds)
        self.is_silent = True
        self._unanswered += 1
        self._probe_at = now + pause * (1 - jitter / 4)

    def heard(self) -> None:
        """Let the next probe leave at once: the NAS has been heard otherwise, or its settings have changed."""
        self._unanswered = 0
        self._probe_at = 0.0

    def wait_seconds(self, now: float) -> float:
        """Return how long until the next probe may leave."""
        return max(0.0, self._probe_at - now) if self.is_silent else 0.0
