"""Churn and tenure: services that came, stayed and left, by the local days on which they began and ended."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import ratio, stream
from netbilld.adapters.database.tables import services
from netbilld.model.periods import local_date
from netbilld.services.reports.table import Span, Table, months_before

_YEAR_HUNDREDTHS: Final = 36_525  # of days
_BANDS: Final = (3, 6, 12, 24, 36)  # whole months
_NAMES: Final = ("0-2", "3-5", "6-11", "12-23", "24-35", "36+")


@dataclass(slots=True)
class _Month:
    at_start: int = 0
    joined: int = 0
    left: int = 0
    days_of_left: int = 0


class _Lives(NamedTuple):
    """So many services that began, were first installed and ended on the same days."""

    began_on: date
    first_on: date
    ended_on: date | None
    services: int


async def _lives(connection: AsyncConnection, from_on: date, to_on: date) -> AsyncIterator[_Lives]:
    """Yield the services that ran on any of these days, those alike together."""
    table = services.c
    first_on = case((table.installed_on < table.activated_on, table.installed_on), else_=table.activated_on)
    running = select(table.activated_on, first_on.label("first_on"), func.count().label("number")).where(
        table.ended_at.is_(None), table.activated_on <= to_on
    )
    async for row in stream(connection, running.group_by(table.activated_on, first_on)):
        yield _Lives(row.activated_on, row.first_on, None, row.number)
    # a local day begins at most a day before, or ends at most a day after, the same day of UTC
    ended_after = datetime.combine(from_on - timedelta(days=2), time(0), UTC)
    ended = select(table.activated_on, first_on.label("first_on"), table.ended_at, table.timezone).where(
        table.ended_at >= ended_after, table.activated_on <= to_on
    )
    async for row in stream(connection, ended):
        yield _Lives(row.activated_on, row.first_on, local_date(row.ended_at, row.timezone), 1)


async def churn(connection: AsyncConnection, _table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield months: services at the start, joined, left and at the end; what share of those at the start left.

    A month that the span holds a part of is counted in that part.
    """
    count = (span.to_on.year - span.from_on.year) * 12 + span.to_on.month - span.from_on.month + 1
    firsts = [months_before(span.to_on, back) for back in reversed(range(count))]
    months = [_Month() for _ in firsts]
    starts = [max(first, span.from_on) for first in firsts]
    async for began_on, first_on, ended_on, some in _lives(connection, span.from_on, span.to_on):
        if ended_on is not None and ended_on < began_on:
            continue  # it never ran
        if span.from_on <= began_on <= span.to_on:
            months[bisect_right(starts, began_on) - 1].joined += some
        if ended_on is not None and span.from_on <= ended_on <= span.to_on:
            month = months[bisect_right(starts, ended_on) - 1]
            month.left += some
            month.days_of_left += some * (ended_on - first_on).days
        for start_on, month in zip(starts, months, strict=True):
            if began_on < start_on and (ended_on is None or ended_on >= start_on):
                month.at_start += some
    for first, month in zip(firsts, months, strict=True):
        at_end = month.at_start + month.joined - month.left
        tenure = ratio(month.days_of_left * 12 * 100, month.left * _YEAR_HUNDREDTHS, 10)
        share = ratio(month.left, month.at_start, 10_000)
        yield (first, month.at_start, month.joined, month.left, at_end, share, tenure)


async def tenure(connection: AsyncConnection, _table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield how long the services that run at the end of the span's last day have been running, in whole months."""
    counts = [0] * len(_NAMES)
    async for began_on, first_on, ended_on, some in _lives(connection, span.to_on, span.to_on):
        if began_on <= span.to_on and (ended_on is None or ended_on > span.to_on):
            counts[bisect_right(_BANDS, _whole_months(first_on, span.to_on))] += some
    for name, number in zip(_NAMES, counts, strict=True):
        yield (name, number, ratio(number, sum(counts), 10_000))


def _whole_months(from_on: date, to_on: date) -> int:
    months = (to_on.year - from_on.year) * 12 + to_on.month - from_on.month
    return months - (to_on.day < from_on.day)
