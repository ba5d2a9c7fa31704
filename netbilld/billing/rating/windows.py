"""Happy hours by the calendar: in which window of a plan an instant lies, and when the next one begins or ends."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from netbilld.billing.hours import DAY_MINUTES, closes_at, inner_edges, opens_at
from netbilld.billing.plan import Plan
from netbilld.billing.plan_parts import HappyHours
from netbilld.model.periods import local_date, local_midnight

OUTSIDE: Final = -1  # of every window
NO_HOLIDAYS: Final[frozenset[date]] = frozenset()


def window_of(windows: Sequence[HappyHours], at: datetime, timezone: str, holidays: Collection[date]) -> int:
    """Return the number of the window that an instant lies in, `OUTSIDE` for none.

    A window that takes whole holidays goes before the others on a holiday.
    """
    if not windows:
        return OUTSIDE
    on, minute = _local_minute(at, timezone)
    is_holiday = on in holidays
    if is_holiday:
        for number, window in enumerate(windows):
            if window.on_holidays:
                return number
    for number, window in enumerate(windows):
        if is_holiday and window.on_holidays is False:
            continue
        if any(begin <= minute < end for begin, end in window.spans):
            return number
    return OUTSIDE


def next_edge_at(windows: Sequence[HappyHours], timezone: str, now: datetime) -> datetime | None:
    """Return when a window may begin or end next, None where there is none."""
    if not windows:
        return None
    edges = [closes_at(window.spans, timezone, now) or opens_at(window.spans, timezone, now) for window in windows]
    if _mind_holidays(windows):
        edges.append(local_midnight(local_date(now, timezone) + timedelta(days=1), timezone))
    return min(edges)


def minds_holidays(plan: Plan) -> bool:
    """Tell whether a holiday makes a difference to any window of a plan."""
    return _mind_holidays(plan.happy_hours)


@lru_cache(maxsize=1024)
def windows_digest(windows: tuple[HappyHours, ...]) -> int:
    """Return a number that is another one for other windows."""
    return crc32(repr(windows).encode())


def plan_edges(plan: Plan) -> tuple[int, ...]:
    """Return where usage is cut beside full hours: minutes since Monday 00:00 of the plan's hours and windows."""
    edges = set(inner_edges(plan.hours))
    for window in plan.happy_hours:
        edges.update(inner_edges(window.spans))
    return tuple(sorted(edges))


def cuts_within_hours(plan: Plan) -> bool:
    """Tell whether a window begins or ends within an hour, so that hours don't tell what was used in it."""
    return any(inner_edges(window.spans) for window in plan.happy_hours)


def _mind_holidays(windows: Sequence[HappyHours]) -> bool:
    return any(window.on_holidays is not None for window in windows)


@lru_cache(maxsize=8192)  # many services use the same hours
def _local_minute(at: datetime, timezone: str) -> tuple[date, int]:
    local = at.astimezone(ZoneInfo(timezone))
    return local.date(), local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
