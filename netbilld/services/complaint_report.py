"""How long complaints have taken: first response and resolution by category, person, area or month."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.services.complaint_views import Measured, SurveyLine

BY: Final = ("category", "person", "area", "month")


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of the report; times in whole minutes, None where there was none.

    Attributes:
        name: of the category (its code), person, area or month (2026-11); empty where it is nobody's or nowhere.
        opened: complaints.
        answered, resolved: how many of them have been so far.
        response_median, response_longest: minutes to the first response.
        resolution_median, resolution_longest: minutes until it was resolved, the last time.
        responses_in_time, resolutions_in_time: how many were within the target.
        responses_late, resolutions_late: how many were not, or are still missing after their target.
        reopened: how many were reopened at least once.
    """

    name: str
    opened: int
    answered: int
    resolved: int
    response_median: int | None
    response_longest: int | None
    resolution_median: int | None
    resolution_longest: int | None
    responses_in_time: int
    responses_late: int
    resolutions_in_time: int
    resolutions_late: int
    reopened: int


def report(measured: Sequence[Measured], by: str, now: datetime, timezone: str) -> list[Taken]:
    """Return the complaints of a time in groups, in order of their names; `by` is one of BY."""
    key = _key(by, timezone)
    groups: dict[str, list[Measured]] = defaultdict(list)
    for one in measured:
        groups[key(one)].append(one)
    return [taken(name, groups[name], now) for name in sorted(groups)]


def taken(name: str, group: Sequence[Measured], now: datetime) -> Taken:
    """Return one line over some complaints."""
    responses = [_minutes(one.opened_at, one.responded_at) for one in group if one.responded_at is not None]
    resolutions = [_minutes(one.opened_at, one.resolved_at) for one in group if one.resolved_at is not None]
    in_time = sum(one.responded_at is not None and one.responded_at <= one.respond_by for one in group)
    solved_in_time = sum(one.resolved_at is not None and one.resolved_at <= one.resolve_by for one in group)
    return Taken(
        name=name,
        opened=len(group),
        answered=len(responses),
        resolved=len(resolutions),
        response_median=median(responses),
        response_longest=max(responses, default=None),
        resolution_median=median(resolutions),
        resolution_longest=max(resolutions, default=None),
        responses_in_time=in_time,
        responses_late=sum((one.responded_at or now) > one.respond_by for one in group),
        resolutions_in_time=solved_in_time,
        resolutions_late=sum((one.resolved_at or now) > one.resolve_by for one in group),
        reopened=sum(one.reopened > 0 for one in group),
    )


def median(values: Sequence[int]) -> int | None:
    """Return the middle value, of two in the middle the lower one; None of nothing."""
    return sorted(values)[(len(values) - 1) // 2] if values else None


def _minutes(start_at: datetime, end_at: datetime | None) -> int:
    return max(0, round(((end_at or start_at) - start_at).total_seconds() / 60))


def _key(by: str, timezone: str) -> Callable[[Measured], str]:
    zone = ZoneInfo(timezone)
    keys: dict[str, Callable[[Measured], str]] = {
        "category": lambda one: one.category,
        "person": lambda one: one.person or "",
        "area": lambda one: one.area or "",
        "month": lambda one: one.opened_at.astimezone(zone).strftime("%Y-%m"),
    }
    return keys[by]


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """What those who answered thought: how many answered, marks in hundredths, and how many percent are content.

    `content_percent` is the share of marks of 4 and 5 in the overall question; None where nobody has answered.
    """

    answers: int
    overall_hundredths: int | None
    speed_hundredths: int | None
    manner_hundredths: int | None
    solved_percent: int | None
    content_percent: int | None


def satisfaction(answers: Sequence[SurveyLine]) -> Satisfaction:
    """Return the sum of answers."""
    count = len(answers)
    if not count:
        return Satisfaction(0, None, None, None, None, None)
    return Satisfaction(
        count,
        _mean([one.overall for one in answers]),
        _mean([one.speed for one in answers]),
        _mean([one.manner for one in answers]),
        _percent(sum(one.solved for one in answers), count),
        _percent(sum(one.overall >= 4 for one in answers), count),
    )


def _mean(marks: Sequence[int]) -> int:
    return (200 * sum(marks) + len(marks)) // (2 * len(marks))


def _percent(part: int, whole: int) -> int:
    return (200 * part + whole) // (2 * whole)
