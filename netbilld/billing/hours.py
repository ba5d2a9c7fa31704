"""Hours of the week in which a plan may be used, in the service's local time."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.model.errors import InvalidInputError

# Half-open, in minutes since Monday 00:00; sorted, and never touching each other.
Spans = tuple[tuple[int, int], ...]

DAY_MINUTES: Final = 1_440
WEEK_MINUTES: Final = 7 * DAY_MINUTES
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))")


def parse_hours(lines: Iterable[str]) -> Spans:
    """Return the spans that lines such as `mon-fri 08:00-17:00` or `sat,sun 00:00-24:00` say; none for the whole week.

    Days may be `daily`, a list, or a range that goes over Sunday; times that end before they begin go over midnight.

    Raises:
        InvalidInputError: a line is none of these.
    """
    open_minutes: list[tuple[int, int]] = []
    for line in lines:
        days, _, times = line.strip().lower().partition(" ")
        first, until = _times(times.strip(), line)
        for day in _days(days, line):
            begin = day * DAY_MINUTES + first
            end = begin + (until - first if until > first else DAY_MINUTES - first + until)
            if end <= WEEK_MINUTES:
                open_minutes.append((begin, end))
            else:  # Sunday night goes on on Monday
                open_minutes += [(begin, WEEK_MINUTES), (0, end - WEEK_MINUTES)]
    merged = _merged(open_minutes)
    return () if merged == ((0, WEEK_MINUTES),) else merged


def closes_at(spans: Spans, timezone: str, now: datetime) -> datetime | None:
    """Return when the span that `now` lies in ends; None outside of every span.

    By the local clock: where it is put forward or back, a span keeps its local end. A span that ends with Sunday goes
    on with one that begins with Monday. `spans` is not empty.
    """
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    minute = local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
    end = next((end for begin, end in spans if begin <= minute < end), None)
    if end is None:
        return None
    if end == WEEK_MINUTES and spans[0][0] == 0:
        end += spans[0][1]
    wall = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    wall += timedelta(minutes=end - local.weekday() * DAY_MINUTES)
    # where the clock goes back over the end there are two of it; the one still to come is meant
    ends = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return next((at for at in ends if at > now), now + timedelta(minutes=1))


def opens_at(spans: Spans, timezone: str, now: datetime) -> datetime:
    """Return when the next span begins, for a `now` outside of all; `spans` is not empty."""
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    minute = local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
    wait = min((begin - minute) % WEEK_MINUTES for begin, _ in spans)
    wall = local.replace(second=0, microsecond=0, tzinfo=None, fold=0) + timedelta(minutes=wait)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def inner_edges(spans: Spans) -> tuple[int, ...]:
    """Return where spans begin or end within an hour, in minutes since Monday 00:00; usage is cut there too."""
    return tuple(sorted({minute for span in spans for minute in span if minute % 60}))


def hours_text(spans: Sequence[tuple[int, int]]) -> str:
    """Return spans for people, a line's worth for each: `mon 08:00-17:00, sat 00:00-24:00`."""
    words = []
    for begin, end in spans:
        first, last = begin // DAY_MINUTES, (end - 1) // DAY_MINUTES
        until = "24:00" if end % DAY_MINUTES == 0 else _clock(end)
        said = f"{_DAYS[first]} {_clock(begin)}-"
        words.append(said + (until if first == last else f"{_DAYS[last]} {until}"))
    return ", ".join(words)


def _clock(minute: int) -> str:
    return f"{minute % DAY_MINUTES // 60:02d}:{minute % 60:02d}"


def _times(text: str, line: str) -> tuple[int, int]:
    found = _TIMES.fullmatch(text)
    if found is None:
        raise _wrong(line)
    first = int(found[1]) * 60 + int(found[2])
    until = DAY_MINUTES if found[5] else int(found[3]) * 60 + int(found[4])
    if first == until:
        raise _wrong(line)
    return first, until


def _days(text: str, line: str) -> list[int]:
    if text == "daily":
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise _wrong(line)
        begin = _DAYS.index(first)
        count = (_DAYS.index(last) - begin) % 7 + 1 if dash else 1
        days += [(begin + number) % 7 for number in range(count)]
    return days


def _merged(spans: Iterable[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return tuple(merged)


def _wrong(line: str) -> InvalidInputError:
    return InvalidInputError(
        f'"{line[:60]}" is not days and hours; write it as "mon-fri 08:00-17:00", "sat,sun 00:00-24:00" '
        'or "daily 22:00-06:00"'
    )
