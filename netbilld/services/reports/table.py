"""A report as data: columns that know what they hold, rows that come one by one, sums, and what the ledger says."""

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

CURRENCY: Final = "currency"  # the column that says which currency the money of a row is in


class Holds(StrEnum):
    """What a column's cells are; None stands for an empty one in each."""

    TEXT = "text"
    DAY = "day"
    MONTH = "month"  # its first day
    INSTANT = "instant"
    MONEY = "money"  # minor units of the row's currency
    COUNT = "count"
    OCTETS = "octets"
    PERCENT = "percent"  # hundredths of a percent
    TENTHS = "tenths"  # tenths of what the heading says


NUMBERS: Final = frozenset({Holds.MONEY, Holds.COUNT, Holds.OCTETS, Holds.PERCENT, Holds.TENTHS})


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `key` is its name in CSV and JSON, `is_summed` gives it a sum below the rows."""

    key: str
    holds: Holds
    is_summed: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The local days that a report is about, both included."""

    from_on: date
    to_on: date
    timezone: str

    @property
    def end_on(self) -> date:
        """Return the day after the last."""
        return self.to_on + timedelta(days=1)

    @property
    def prior(self) -> "Span":
        """Return the span before it to compare with: as many whole months, or else as many days."""
        before = self.from_on - timedelta(days=1)
        if self.from_on.day == 1 and self.end_on.day == 1:
            months = (self.end_on.year - self.from_on.year) * 12 + self.end_on.month - self.from_on.month
            return Span(months_before(self.from_on, months), before, self.timezone)
        return Span(self.from_on - (self.end_on - self.from_on), before, self.timezone)


@dataclass(frozen=True, slots=True)
class Control:
    """What the ledger says about a sum of the report; `what` is the key of the column that it is about."""

    what: str
    currency: str
    report_minor: int
    ledger_minor: int

    @property
    def is_equal(self) -> bool:
        return self.report_minor == self.ledger_minor


@dataclass(frozen=True, slots=True)
class Table:
    """One way to show a report: the columns, and by what its rows are told apart."""

    report: str
    by: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.key for column in self.columns)

    @property
    def currency_at(self) -> int | None:
        """Return which cell says the currency; None where no money is shown."""
        return self.keys.index(CURRENCY) if CURRENCY in self.keys else None


@dataclass(slots=True)
class Sums:
    """The sums of a table's summed columns, one set for each currency, and how many rows there were."""

    table: Table
    rows: int = 0
    by_currency: dict[str, list[int]] = field(default_factory=dict)

    def add(self, row: Sequence[Any]) -> None:
        """Take one row in."""
        self.rows += 1
        at = self.table.currency_at
        sums = self.by_currency.setdefault("" if at is None else row[at], [0] * len(self.table.columns))
        for place, column in enumerate(self.table.columns):
            if column.is_summed and row[place] is not None:
                sums[place] += row[place]

    def take(self, currency: str, rows: int, figures: Mapping[int, int]) -> None:
        """Take in so many rows of a currency together; `figures` are their sums, by the column's place."""
        self.rows += rows
        sums = self.by_currency.setdefault(currency, [0] * len(self.table.columns))
        for place, figure in figures.items():
            sums[place] += int(figure)

    @property
    def is_summed(self) -> bool:
        """Return whether there is anything to sum."""
        return any(column.is_summed for column in self.table.columns)

    def of(self, key: str, currency: str) -> int:
        """Return a column's sum in a currency."""
        sums = self.by_currency.get(currency)
        return sums[self.table.keys.index(key)] if sums else 0

    def cells(self) -> list[list[Any]]:
        """Return the rows of sums, in order of currency; None in columns that are not summed."""
        at, shown = self.table.currency_at, []
        for currency in sorted(self.by_currency):
            cells: list[Any] = [
                amount if column.is_summed else None
                for column, amount in zip(self.table.columns, self.by_currency[currency], strict=True)
            ]
            if at is not None:
                cells[at] = currency
            shown.append(cells)
        return shown


class Writer(Protocol):
    """Writes a table in one format, row by row."""

    def begin(self, table: Table, span: Span) -> None: ...
    def row(self, cells: Sequence[Any]) -> None: ...
    def end(self, sums: Sums, controls: Sequence[Control]) -> None: ...


class Source(Protocol):
    """Where rows come from; one consistent state."""

    def rows(self, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]: ...

    async def first(self, table: Table, span: Span, most: int) -> tuple[Sequence[Sequence[Any]], "Sums"]:
        """Return the first rows, so many at most, and the sums of all."""
        ...

    async def mark(self, table: Table) -> Hashable | None:
        """Return what stays the same while a table of any days does; None of one that is read quickly."""
        ...

    async def ledger(self, table: Table, span: Span) -> dict[tuple[str, str], int]:
        """Return, by column and currency, what the ledger says that the sum is; empty where it says nothing."""
        ...


def months_before(on: date, months: int) -> date:
    """Return the first day of the month so many months before the one that `on` is in."""
    year, month = divmod(on.year * 12 + on.month - 1 - months, 12)
    return date(year, month + 1, 1)
