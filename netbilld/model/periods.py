"""Billing periods: half-open spans between local midnights of a billing day that is clamped, never drifting."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """A half-open span of local days [start_on, end_on) in `timezone`."""

    start_on: date
    end_on: date
    timezone: str

    @property
    def start_at(self) -> datetime:
        return local_midnight(self.start_on, self.timezone)

    @property
    def end_at(self) -> datetime:
        return local_midnight(self.end_on, self.timezone)

    @property
    def days(self) -> int:
        return (self.end_on - self.start_on).days

    def contains(self, at: datetime) -> bool:
        return self.start_at <= at < self.end_at


class LocalDay(NamedTuple):
    """A local day of a zone, or the part of it that lies in [from_at, to_at)."""

    timezone: str
    on: date
    from_at: datetime
    to_at: datetime


def local_days(from_at: datetime, to_at: datetime, timezone: str) -> list[LocalDay]:
    """Return the local days, or parts of them, that [from_at, to_at) consists of; oldest first."""
    days: list[LocalDay] = []
    while from_at < to_at:
        on = local_date(from_at, timezone)
        edge = min(local_midnight(on + timedelta(days=1), timezone), to_at)
        days.append(LocalDay(timezone, on, from_at, edge))
        from_at = edge
    return days


def local_midnight(on: date, timezone: str) -> datetime:
    """Return the instant (UTC) of 00:00 local time on that day."""
    return datetime.combine(on, time(), ZoneInfo(timezone)).astimezone(UTC)


def local_date(at: datetime, timezone: str) -> date:
    """Return the local calendar day of an instant."""
    return at.astimezone(ZoneInfo(timezone)).date()


def anchor_date(year: int, month: int, billing_day: int) -> date:
    """Return the billing day in that month, clamped to its last day (31 in February is the 28th or 29th)."""
    return date(year, month, min(billing_day, calendar.monthrange(year, month)[1]))


def next_anchor(on: date, billing_day: int) -> date:
    """Return the first billing day after `on`."""
    this_month = anchor_date(on.year, on.month, billing_day)
    if this_month > on:
        return this_month
    year, month = (on.year + 1, 1) if on.month == 12 else (on.year, on.month + 1)
    return anchor_date(year, month, billing_day)


def previous_anchor(on: date, billing_day: int) -> date:
    """Return the last billing day on or before `on`."""
    this_month = anchor_date(on.year, on.month, billing_day)
    if this_month <= on:
        return this_month
    year, month = (on.year - 1, 12) if on.month == 1 else (on.year, on.month - 1)
    return anchor_date(year, month, billing_day)


def monthly_period(at: datetime, billing_day: int, timezone: str) -> BillingPeriod:
    """Return the monthly period that an instant falls in, for a billing day of 1 to 31."""
    return _monthly_period_on(local_date(at, timezone), billing_day, timezone)


@lru_cache(maxsize=256)  # all subscribers share a few days and zones
def _monthly_period_on(on: date, billing_day: int, timezone: str) -> BillingPeriod:
    start = previous_anchor(on, billing_day)
    return BillingPeriod(start, next_anchor(start, billing_day), timezone)
