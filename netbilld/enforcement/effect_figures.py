"""How long effects took, as percentiles."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

SHARES: Final = (0.5, 0.95, 0.99)


class Timed(NamedTuple):
    """The instants of a change that was seen; None for a step that it did not need."""

    cause: str
    nas: str
    cause_at: datetime
    due_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    gone_at: datetime | None
    returned_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds of a step over many changes: how many took it, and what half, 95 and 99 of a hundred did not exceed."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class EffectFigures:
    """The spreads of a group of changes; a step that none of them took has none.

    Attributes:
        name: of the cause or of the NAS.
        desired, sent, acknowledged, gone, seen: seconds since the cause.
        after_return: seconds from the new log-in until it was seen with what it was due.
    """

    name: str
    count: int
    desired: Spread | None
    sent: Spread | None
    acknowledged: Spread | None
    gone: Spread | None
    seen: Spread | None
    after_return: Spread | None

    def steps(self) -> dict[str, Spread]:
        """Return the steps that were taken, in their order."""
        named = {
            "desired": self.desired,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "gone": self.gone,
            "seen": self.seen,
            "after_return": self.after_return,
        }
        return {name: spread for name, spread in named.items() if spread is not None}


def spread(seconds: Iterable[float]) -> Spread | None:
    """Return the percentiles, each the least value that so many do not exceed; None of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    p50, p95, p99 = (ordered[_rank(len(ordered), share)] for share in SHARES)
    return Spread(len(ordered), p50, p95, p99, ordered[-1])


def _rank(count: int, share: float) -> int:
    """Return the place of the nearest rank: the first that at least `share` of all come up to."""
    return max(0, -(-int(share * 100) * count // 100) - 1)


def figures(changes: Sequence[Timed], name_of: Callable[[Timed], str]) -> list[EffectFigures]:
    """Return the figures of each group, the most changes first."""
    groups: dict[str, list[Timed]] = {}
    for change in changes:
        groups.setdefault(name_of(change), []).append(change)
    found = [_figures(name, group) for name, group in groups.items()]
    return sorted(found, key=lambda group: (-group.count, group.name))


def _figures(name: str, group: Sequence[Timed]) -> EffectFigures:
    def since_cause(at_of: Callable[[Timed], datetime | None]) -> Spread | None:
        return spread(max(0.0, (at - one.cause_at).total_seconds()) for one in group if (at := at_of(one)) is not None)

    return EffectFigures(
        name,
        len(group),
        since_cause(lambda one: one.due_at),
        since_cause(lambda one: one.sent_at),
        since_cause(lambda one: one.acknowledged_at),
        since_cause(lambda one: one.gone_at),
        since_cause(lambda one: one.seen_at),
        spread(
            max(0.0, (one.seen_at - one.returned_at).total_seconds()) for one in group if one.returned_at is not None
        ),
    )
