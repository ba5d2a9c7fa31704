"""Reports as pictures that need no script: columns over days or months, shares of a whole, the ages of what is owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from netbilld.services.reports.table import Column, Holds, Span, Table, months_before

HEIGHT: Final = 200
WIDTH: Final = 1000
_MOST_PLACES: Final = 400
_MOST_LABELS: Final = 12
# what is drawn of a table over time: one measure, or two beside each other
SERIES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("bills", "month"): ("total",),
    ("payments", "day"): ("amount",),
    ("revenue", "month"): ("net", "net_before"),
    ("tax", "month"): ("tax",),
    ("usage", "day"): ("download_octets", "upload_octets"),
    ("churn", "month"): ("joined", "left"),
    ("dso", "month"): ("dso_days",),
}
# what is compared of a table of kinds
SHARES: Final[Mapping[tuple[str, str], str]] = {
    ("payments", "method"): "amount",
    ("payments", "person"): "amount",
    ("revenue", "plan"): "net",
    ("revenue", "area"): "net",
    ("revenue", "component"): "net",
    ("receivables", "area"): "outstanding",
    ("usage", "plan"): "total_octets",
    ("usage", "nas"): "total_octets",
    ("tax", "code"): "tax",
    ("deliveries", "state"): "documents",
    ("tenure", "band"): "services",
}
AGES: Final = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90")


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of the plot, in units of the view box."""

    x: float
    y: float
    width: float
    height: float
    place: int  # of its measure: 0 or 1
    on: date
    value: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in percent, and what stands there."""

    percent: float
    on: date | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class ColumnPlot:
    """Columns over time with their axes.

    Attributes:
        zero: where nothing is, in units of the view box.
        by_month: places are months; else days.
    """

    measures: tuple[Column, ...]
    bars: Sequence[Bar]
    values: Sequence[Tick]
    times: Sequence[Tick]
    zero: float
    by_month: bool
    currency: str


@dataclass(frozen=True, slots=True)
class AgePart:
    """A part of what is owed, by its age: where it begins and how long it is, in percent."""

    key: str
    start: float
    length: float
    amount_minor: int


def column_plot(table: Table, span: Span, rows: Sequence[Sequence[Any]]) -> ColumnPlot | None:
    """Return the plot of a table over time; None of a table of another sort, or where nothing is to be seen."""
    keys = SERIES.get((table.report, table.by))
    if keys is None or not rows:
        return None
    time_at = next((at for at, one in enumerate(table.columns) if one.holds in {Holds.MONTH, Holds.DAY}), None)
    if time_at is None:
        return None
    by_month = table.columns[time_at].holds is Holds.MONTH
    places = _places(span, by_month=by_month)
    currency = "" if table.currency_at is None else str(rows[0][table.currency_at])
    found: dict[tuple[date, int], int] = {}
    for row in rows:
        if table.currency_at is not None and row[table.currency_at] != currency:
            continue
        for number, key in enumerate(keys):
            cell = row[table.keys.index(key)]
            found[row[time_at], number] = found.get((row[time_at], number), 0) + (cell or 0)
    if not places or not any(found.values()):
        return None
    top, bottom = _round_up(max(0, *found.values())), -_round_up(max(0, *(-value for value in found.values())))
    scale = HEIGHT / ((top - bottom) or 1)
    step = WIDTH / len(places)
    width = step * 0.76 / len(keys)
    bars = []
    for at, on in enumerate(places):
        for number in range(len(keys)):
            value = found.get((on, number), 0)
            height = abs(value) * scale
            y = (top - max(value, 0)) * scale
            x = at * step + step * 0.12 + number * width
            bars.append(Bar(_r(x), _r(y), _r(width * 0.94), _r(height), number, on, value))
    every = -(-len(places) // _MOST_LABELS)
    return ColumnPlot(
        measures=tuple(table.columns[table.keys.index(key)] for key in keys),
        bars=bars,
        values=[
            Tick(_r((top - value) * 100 / ((top - bottom) or 1)), value=value)
            for value in sorted({bottom, 0, top // 2, top})
        ],
        times=[
            Tick(_r((at + 0.5) * 100 / len(places)), on) for at, on in enumerate(places) if at % every == every // 2
        ],
        zero=_r(top * scale),
        by_month=by_month,
        currency=currency,
    )


def share_of(table: Table, rows: Sequence[Sequence[Any]]) -> tuple[int, int] | None:
    """Return (which column is compared, its largest value); None where nothing is compared."""
    key = SHARES.get((table.report, table.by))
    if key is None or not rows:
        return None
    at = table.keys.index(key)
    largest = max((row[at] or 0 for row in rows), default=0)
    return (at, largest) if largest > 0 else None


def ages(table: Table, sums: Sequence[Any] | None) -> list[AgePart]:
    """Return what is owed in parts by age, from a row of sums; none for another report."""
    if table.report != "receivables" or sums is None:
        return []
    amounts = {key: max(0, sums[table.keys.index(key)] or 0) for key in AGES}
    whole = sum(amounts.values())
    parts, start = [], 0.0
    for key, amount_minor in amounts.items():
        length = amount_minor * 100 / whole if whole else 0.0
        parts.append(AgePart(key, _r(start), _r(length), amount_minor))
        start += length
    return parts if whole else []


def _places(span: Span, *, by_month: bool) -> list[date]:
    """Return the days or months of a span, as many as can be drawn; the last ones of a longer one."""
    if by_month:
        last = span.to_on.replace(day=1)
        count = (last.year - span.from_on.year) * 12 + last.month - span.from_on.month + 1
        return [months_before(last, back) for back in range(min(count, _MOST_PLACES) - 1, -1, -1)]
    count = min((span.to_on - span.from_on).days + 1, _MOST_PLACES)
    return [span.to_on - timedelta(days=back) for back in range(count - 1, -1, -1)]


def _round_up(value: int) -> int:
    """Return a round number that is at least that; 0 for 0."""
    if value <= 0:
        return 0
    power = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8, 10):
            if step * power >= value:
                return step * power
        power *= 10


def _r(value: float) -> float:
    return round(value, 2)
