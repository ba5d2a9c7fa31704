"""What became of each change of what a service is due: desired, sent, the NAS's words, seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

What = Literal["due", "sent", "acked", "nacked", "timed_out", "failed", "gone", "back", "seen", "disproved"]
ORDER: tuple[What, ...] = ("due", "sent", "failed", "timed_out", "nacked", "acked", "gone", "back", "seen", "disproved")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change, at its instant.

    Attributes:
        what: `gone` is the session's end, `back` the beginning of the one that came after it; `disproved` that it was
            seen not to be so.
        action: coa, disconnect and so on, of what was sent and answered.
        detail: the NAS's own words, or ours for what went wrong.
        evidence: by what it was seen: a word of `Evidence`, or `gone`.
    """

    at: datetime
    what: What
    action: str | None = None
    nas: str | None = None
    session_id: int | None = None
    evidence: str | None = None
    error_cause: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A change of what a service is due, or a log-in with what was due then.

    Attributes:
        cause: payment, quota, calendar, command or start; login for a log-in, None where it isn't known any more.
        cause_at: when that came about; None where it isn't known.
        at: when it became due, or the session began.
        ending: seen, superseded, needless; None while something is waited for, or nothing had to be.
        steps: the oldest first.
    """

    service_id: UUID
    access: str
    reason: str | None
    cause: str | None
    cause_at: datetime | None
    at: datetime
    ending: str | None
    steps: Sequence[Step]

    @property
    def began_at(self) -> datetime:
        """Return what its seconds are counted from."""
        return self.cause_at or self.at

    @property
    def seen_seconds(self) -> float | None:
        """Return the seconds from its cause until it was seen; None where it was not."""
        seen = [step.at for step in self.steps if step.what == "seen"]
        return (seen[-1] - self.began_at).total_seconds() if seen and self.cause != "login" else None


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Return steps by time; of one instant, in the order in which they follow from each other."""
    return sorted(steps, key=lambda step: (step.at, ORDER.index(step.what)))
