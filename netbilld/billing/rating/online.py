"""Time online: the union of a service's sessions, in which two at once count once."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from netbilld.billing.rating.stretch import Stretch
from netbilld.model.periods import local_midnight

_SECOND = timedelta(seconds=1)


def seconds_online(
    sessions: Iterable[tuple[datetime, datetime]], stretches: Sequence[Stretch], timezone: str
) -> dict[date, int]:
    """Return whole seconds online by the first day of each stretch; each session is given as (begin, end so far)."""
    merged: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(sessions):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    found: dict[date, int] = {}
    for stretch in stretches:
        from_at, until_at = local_midnight(stretch.from_on, timezone), local_midnight(stretch.until_on, timezone)
        online = sum(
            (max(timedelta(0), min(end, until_at) - max(begin, from_at)) for begin, end in merged), timedelta(0)
        )
        if online >= _SECOND:
            found[stretch.from_on] = online // _SECOND
    return found
