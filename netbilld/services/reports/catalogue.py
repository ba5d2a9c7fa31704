"""Every report there is: its columns, by what it can be told apart, and which days it is about unless told."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.services.reports.table import CURRENCY, Column, Holds, Span, Table, months_before

_LONGEST_YEARS: Final = 20


class Days(StrEnum):
    """Which days a report is about unless told."""

    MONTH = "month"  # the running month, up to today
    YEAR = "year"  # the last twelve months, the running one up to today


def _text(key: str) -> Column:
    return Column(key, Holds.TEXT)


def _day(key: str) -> Column:
    return Column(key, Holds.DAY)


def _money(key: str) -> Column:
    return Column(key, Holds.MONEY, is_summed=True)


def _count(key: str) -> Column:
    return Column(key, Holds.COUNT, is_summed=True)


def _octets(key: str) -> Column:
    return Column(key, Holds.OCTETS, is_summed=True)


def _percent(key: str) -> Column:
    return Column(key, Holds.PERCENT)


_MONTH: Final = Column("month", Holds.MONTH)
_CURRENCY: Final = _text(CURRENCY)
_GROWTH: Final = (_money("net"), _money("net_before"), _money("change"), _percent("change_percent"), _CURRENCY)
_AGES: Final = tuple(
    _money(key) for key in ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "outstanding")
)
_USED: Final = (_octets("upload_octets"), _octets("download_octets"), _octets("total_octets"))


@dataclass(frozen=True, slots=True)
class Report:
    """A report with its tables; the first is shown unless told."""

    name: str
    days: Days
    tables: tuple[Table, ...]

    def table(self, by: str | None) -> Table:
        """Return one of its tables.

        Raises:
            InvalidInputError: it can't be told apart by that.
        """
        for table in self.tables:
            if by is None or table.by == by:
                return table
        allowed = ", ".join(table.by for table in self.tables)
        raise InvalidInputError(f"report {self.name} is not by {by!r}", hint=f"write --by with one of {allowed}")

    def span(self, from_on: date | None, to_on: date | None, today: date, timezone: str) -> Span:
        """Return the days it is about.

        Raises:
            InvalidInputError: the last day is before the first, or the span is longer than twenty years.
        """
        last = to_on or today
        first = from_on or (last.replace(day=1) if self.days is Days.MONTH else months_before(last, 11))
        if last < first:
            raise InvalidInputError(f"--to {last} is before --from {first}")
        if last.year - first.year > _LONGEST_YEARS:
            raise InvalidInputError(f"{first} to {last} is more than {_LONGEST_YEARS} years")
        return Span(first, last, timezone)


def _report(name: str, days: Days, **tables: tuple[Column, ...]) -> Report:
    return Report(name, days, tuple(Table(name, by, columns) for by, columns in tables.items()))


_ALL: Final = (
    _report(
        "bills",
        Days.MONTH,
        document=(
            _text("number"),
            _text("kind"),
            _day("issued_on"),
            _day("due_on"),
            _text("subscriber_no"),
            _text("name"),
            _text("area"),
            _text("status"),
            *(_money(key) for key in ("net", "tax", "total", "paid", "outstanding")),
            _CURRENCY,
        ),
        month=(_MONTH, _count("documents"), *(_money(key) for key in ("net", "tax", "total")), _CURRENCY),
    ),
    _report(
        "payments",
        Days.MONTH,
        payment=(
            _day("received_on"),
            Column("recorded_at", Holds.INSTANT),
            _text("subscriber_no"),
            _text("name"),
            _text("method"),
            _text("reference"),
            _text("person"),
            _text("kind"),
            _money("amount"),
            _CURRENCY,
        ),
        method=(_text("method"), _count("payments"), _money("amount"), _CURRENCY),
        person=(_text("person"), _text("method"), _count("payments"), _money("amount"), _CURRENCY),
        day=(_day("received_on"), _count("payments"), _money("amount"), _CURRENCY),
    ),
    _report(
        "revenue",
        Days.MONTH,
        plan=(_text("plan"), *_GROWTH),
        area=(_text("area"), *_GROWTH),
        component=(_text("component"), *_GROWTH),
        month=(_MONTH, _money("net"), Column("net_before", Holds.MONEY), Column("change", Holds.MONEY), *_GROWTH[3:]),
    ),
    _report(
        "receivables",
        Days.MONTH,
        subscriber=(_text("subscriber_no"), _text("name"), _text("area"), _day("oldest_due_on"), *_AGES, _CURRENCY),
        area=(_text("area"), _count("subscribers"), *_AGES, _CURRENCY),
    ),
    _report(
        "tax",
        Days.MONTH,
        code=(_text("tax_code"), _count("documents"), _money("net"), _money("tax"), _CURRENCY),
        document=(
            _text("number"),
            _text("kind"),
            _day("issued_on"),
            _text("subscriber_no"),
            _text("name"),
            _text("tax_code"),
            _money("net"),
            _money("tax"),
            _CURRENCY,
        ),
        month=(_MONTH, _text("tax_code"), _count("documents"), _money("net"), _money("tax"), _CURRENCY),
    ),
    _report(
        "usage",
        Days.MONTH,
        subscriber=(_text("subscriber_no"), _text("username"), _text("name"), _text("plan"), *_USED),
        plan=(_text("plan"), _count("services"), *_USED),
        nas=(_text("nas"), *_USED),
        day=(_day("day"), *_USED),
    ),
    _report(
        "deliveries",
        Days.MONTH,
        document=(
            *(_text(key) for key in ("number", "subscriber_no", "name", "state", "courier", "tracking_number")),
            *(_day(key) for key in ("printed_on", "handed_on", "received_on", "returned_on")),
            _text("receiver"),
            Column("days_on_the_way", Holds.COUNT),
            _money("total"),
            _CURRENCY,
        ),
        state=(_text("state"), _count("documents"), _money("total"), _CURRENCY),
    ),
    _report(
        "churn",
        Days.YEAR,
        month=(
            _MONTH,
            Column("at_start", Holds.COUNT),
            _count("joined"),
            _count("left"),
            Column("at_end", Holds.COUNT),
            _percent("churn_percent"),
            Column("tenure_of_left_months", Holds.TENTHS),
        ),
    ),
    _report(
        "tenure",
        Days.MONTH,
        band=(_text("tenure"), _count("services"), _percent("share_percent")),
    ),
    _report(
        "dso",
        Days.YEAR,
        month=(
            _MONTH,
            _money("billed"),
            Column("receivable_at_end", Holds.MONEY),
            Column("dso_days", Holds.TENTHS),
            _count("fallen_due"),
            _count("paid_on_time"),
            _percent("on_time_percent"),
            _percent("on_time_amount_percent"),
            _CURRENCY,
        ),
    ),
)
REPORTS: Final = {report.name: report for report in _ALL}


def report_named(name: str) -> Report:
    """Return a report.

    Raises:
        NotFoundError: none has that name.
    """
    found = REPORTS.get(name)
    if found is None:
        raise NotFoundError(f"no report is called {name!r}", hint=f"there are {', '.join(REPORTS)}")
    return found
