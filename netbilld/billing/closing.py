"""Closing the books month by month: what is closed stays, and what is corrected later is booked in the open month."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from netbilld.model.errors import InvalidInputError, RefusedError

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A month whose books are closed, or were until they were opened again."""

    month: str
    until_on: date
    closed_at: datetime
    closed_by: str
    reopened_at: datetime | None = None
    reopened_by: str | None = None
    why: str | None = None


def last_day(month: str) -> date:
    """Return the last day of a month written 2026-01.

    Raises:
        InvalidInputError: it is not written so.
    """
    match = _MONTH.match(month)
    if not match or int(match[1]) < 1:
        raise InvalidInputError(f"month {month!r}: write YYYY-MM, such as 2026-01")
    year, number = int(match[1]), int(match[2])
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


def month_to_close(month: str, today: date, closed_until_on: date | None, first_entry_on: date | None) -> date:
    """Return the last day of a month that may be closed today.

    Raises:
        InvalidInputError: it is not written as a month.
        RefusedError: it is not over, is closed already, or an earlier month with entries is still open.
    """
    until_on = last_day(month)
    if until_on >= today:
        raise RefusedError(f"{month} is not over: it lasts until {until_on}", code="not_over")
    if closed_until_on is not None and until_on <= closed_until_on:
        raise RefusedError(f"{month} is closed: the books are closed until {closed_until_on}", code="closed_month")
    first_on = date(until_on.year, until_on.month, 1)
    open_from_on = first_entry_on if closed_until_on is None else closed_until_on + timedelta(days=1)
    if open_from_on is not None and open_from_on < first_on:
        raise RefusedError(
            f"{open_from_on:%Y-%m} is open: months are closed one after the other",
            hint=f"netbilld ledger close {open_from_on:%Y-%m}",
            code="earlier_month_open",
        )
    return until_on


def month_due(
    today: date, after_days: int, closed_until_on: date | None, first_entry_on: date | None, reopened: Collection[str]
) -> str | None:
    """Return the next month to close by itself, so many days after its end; None where none is due.

    One that a person has opened again is theirs to close.
    """
    open_from_on = first_entry_on if closed_until_on is None else closed_until_on + timedelta(days=1)
    if open_from_on is None:
        return None
    month = f"{open_from_on:%Y-%m}"
    return month if month not in reopened and last_day(month) + timedelta(days=after_days) < today else None


def month_to_reopen(month: str, closed_until_on: date | None) -> date:
    """Return the last day of a month that may be opened again: the last one that is closed.

    Raises:
        InvalidInputError: it is not written as a month.
        RefusedError: it is open, or a later one is closed.
    """
    until_on = last_day(month)
    if closed_until_on is None or closed_until_on < until_on:
        raise RefusedError(f"{month} is open", code="open_month")
    if closed_until_on > until_on:
        raise RefusedError(
            f"{closed_until_on:%Y-%m} is closed too: months are opened again from the last one back",
            hint=f"netbilld ledger reopen {closed_until_on:%Y-%m} --why …",
            code="later_month_closed",
        )
    return until_on
