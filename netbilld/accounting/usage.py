"""Usage slices: what was metered, cut where an hour, a day or a billing period ends, and rolled up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.periods import BillingPeriod, monthly_period

MAX_SPAN: Final = timedelta(days=62)  # octets of a longer silence count in its last part; it bounds the slices of one
_HOUR: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class UsageSlice:
    """Octets a session moved between two instants of one local hour; never changed, corrected only by further ones.

    `estimated` says that a longer delta was split in proportion to time.
    """

    service_id: UUID | None
    session_id: int
    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int
    estimated: bool


@dataclass(slots=True)
class Octets:
    """A sum."""

    upload_octets: int = 0
    download_octets: int = 0

    def add(self, upload_octets: int, download_octets: int) -> None:
        self.upload_octets += upload_octets
        self.download_octets += download_octets


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides where a service's usage is cut and counted."""

    billing_day: int
    timezone: str


def cut(
    service_id: UUID | None,
    session_id: int,
    start_at: datetime,
    end_at: datetime,
    upload_octets: int,
    download_octets: int,
    timezone: str,
) -> list[UsageSlice]:
    """Return slices that add up to the octets, cut at local hour edges in proportion to time, the rest in the last.

    Local midnights and billing days are hour edges too. Nothing moved gives no slice.
    """
    if not upload_octets and not download_octets:
        return []
    start_at = max(start_at, end_at - MAX_SPAN)
    edge = _next_hour(start_at, timezone)
    if edge >= end_at:
        return [UsageSlice(service_id, session_id, start_at, end_at, upload_octets, download_octets, estimated=False)]
    total = (end_at - start_at) // _MICROSECOND
    slices: list[UsageSlice] = []
    left_up, left_down = upload_octets, download_octets
    at = start_at
    while edge < end_at:
        part = (edge - at) // _MICROSECOND
        up, down = upload_octets * part // total, download_octets * part // total
        if up or down:
            slices.append(UsageSlice(service_id, session_id, at, edge, up, down, estimated=True))
        left_up, left_down = left_up - up, left_down - down
        at, edge = edge, _next_hour(edge, timezone)
    slices.append(UsageSlice(service_id, session_id, at, end_at, left_up, left_down, estimated=True))
    return slices


def hour_of(at: datetime, timezone: str) -> datetime:
    """Return the instant (UTC) at which the local hour of `at` began."""
    local = at.astimezone(_zone(timezone))
    return (at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)).astimezone(UTC)


def period_of(at: datetime, calendar: Calendar) -> BillingPeriod:
    """Return the billing period of `at`; slices never reach over its edge, so their start decides."""
    return _period(hour_of(at, calendar.timezone), calendar)


def by_hour(slices: Iterable[UsageSlice], timezone: str) -> dict[datetime, Octets]:
    """Return the sums of local hours."""
    sums: dict[datetime, Octets] = {}
    for part in slices:
        sums.setdefault(hour_of(part.start_at, timezone), Octets()).add(part.upload_octets, part.download_octets)
    return sums


def by_period(slices: Iterable[UsageSlice], calendar: Calendar) -> dict[BillingPeriod, Octets]:
    """Return the sums of billing periods."""
    sums: dict[BillingPeriod, Octets] = {}
    for part in slices:
        sums.setdefault(period_of(part.start_at, calendar), Octets()).add(part.upload_octets, part.download_octets)
    return sums


def _next_hour(at: datetime, timezone: str) -> datetime:
    """Return the next instant at which local clocks show a full hour."""
    edge = hour_of(at, timezone) + _HOUR
    beyond = edge.astimezone(_zone(timezone))
    if beyond.minute:  # the zone moved its clocks by part of an hour in between
        edge = max(edge - timedelta(minutes=beyond.minute), at + _MICROSECOND)
    return edge


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _period(hour_at: datetime, calendar: Calendar) -> BillingPeriod:
    return monthly_period(hour_at, calendar.billing_day, calendar.timezone)
