"""Usage slices: what was metered, cut where an hour, a day or a billing period ends, and rolled up."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.periods import BillingPeriod, monthly_period

MAX_SPAN: Final = timedelta(days=62)  # octets of a longer silence count in its last part; it bounds the slices of one
BESIDE_THE_NAS: Final = UUID(int=0)  # stands for the NAS of what meters beside the sessions have metered
_HOUR: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_HOURS: Final = 4096
_hours: Final[dict[tuple[str, int], tuple[datetime, datetime]]] = {}  # the last one looked for near each hour


class UsageSlice(NamedTuple):
    """Octets a session or a meter moved between two instants of one local hour; corrected only by further ones.

    `estimated` says that a longer delta was split in proportion to time; `source` is radius, snmp, mqtt or api.
    """

    service_id: UUID | None
    session_id: int | None
    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int
    estimated: bool
    source: str = "radius"
    meter_id: int | None = None


class MeteredService(NamedTuple):
    """What the meter needs to know of a service: its calendar, its plan, who pays."""

    service_id: UUID
    billing_day: int
    timezone: str
    plan_version_id: UUID
    subscriber_id: UUID
    subscriber_number: str
    currency: str


class PeriodTotals(NamedTuple):
    """What a service used in one billing period, and what of it is charged already."""

    service_id: UUID
    start_on: date
    end_on: date
    upload_octets: int
    download_octets: int
    charged_minor: int


@dataclass(slots=True)
class Octets:
    """A sum."""

    upload_octets: int = 0
    download_octets: int = 0

    def add(self, upload_octets: int, download_octets: int) -> None:
        self.upload_octets += upload_octets
        self.download_octets += download_octets


def cut(
    service_id: UUID | None,
    session_id: int | None,
    start_at: datetime,
    end_at: datetime,
    upload_octets: int,
    download_octets: int,
    timezone: str,
    source: str = "radius",
    meter_id: int | None = None,
) -> list[UsageSlice]:
    """Return slices that add up to the octets, cut at local hour edges in proportion to time, the rest in the last.

    Local midnights and billing days are hour edges too. Nothing moved gives no slice.
    """
    if not upload_octets and not download_octets:
        return []
    if end_at - start_at > MAX_SPAN:
        start_at = end_at - MAX_SPAN
    edge = _hour(start_at, timezone)[1]
    if edge >= end_at:
        return [
            UsageSlice(
                service_id, session_id, start_at, end_at, upload_octets, download_octets, False, source, meter_id
            )
        ]
    total = (end_at - start_at) // _MICROSECOND
    slices: list[UsageSlice] = []
    left_up, left_down = upload_octets, download_octets
    at = start_at
    while edge < end_at:
        part = (edge - at) // _MICROSECOND
        up, down = upload_octets * part // total, download_octets * part // total
        if up or down:
            slices.append(UsageSlice(service_id, session_id, at, edge, up, down, True, source, meter_id))
        left_up, left_down = left_up - up, left_down - down
        at, edge = edge, _hour(edge, timezone)[1]
    slices.append(UsageSlice(service_id, session_id, at, end_at, left_up, left_down, True, source, meter_id))
    return slices


def hour_of(at: datetime, timezone: str) -> datetime:
    """Return the instant (UTC) at which the local hour of `at` began."""
    return _hour(at, timezone)[0]


def period_of(at: datetime, billing_day: int, timezone: str) -> BillingPeriod:
    """Return the billing period of `at`; slices never reach over its edge, so their start decides."""
    return _period(hour_of(at, timezone), billing_day, timezone)


def _hour(at: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return the instants at which the local hour of `at` begins and ends: local clocks show a full hour at both."""
    near = (timezone, (at - _EPOCH) // _HOUR)
    known = _hours.get(near)
    if known is not None and known[0] <= at < known[1]:
        return known
    zone = _zone(timezone)
    local = at.astimezone(zone)
    begin = (at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)).astimezone(UTC)
    before = begin.astimezone(zone)
    if before.minute:  # the zone moved its clocks by part of an hour in between: that hour is longer
        begin -= timedelta(minutes=before.minute)
    edge = begin + _HOUR
    beyond = edge.astimezone(zone)
    if beyond.minute:
        edge += timedelta(minutes=60 - beyond.minute)
    if len(_hours) >= _MAX_HOURS:
        _hours.clear()
    _hours[near] = begin, edge
    return begin, edge


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _period(hour_at: datetime, billing_day: int, timezone: str) -> BillingPeriod:
    return monthly_period(hour_at, billing_day, timezone)


@dataclass(slots=True)
class RollUp:
    """Sums of slices by service and local hour, by service and billing period, and by NAS and hour.

    All are keyed by service or NAS, and beginning; `last_hours` holds the hour of the last slice of a period.
    """

    hours: dict[tuple[UUID, datetime], Octets] = field(default_factory=dict)
    periods: dict[tuple[UUID, date], Octets] = field(default_factory=dict)
    period_ends: dict[tuple[UUID, date], date] = field(default_factory=dict)
    last_hours: dict[tuple[UUID, date], datetime] = field(default_factory=dict)
    nas_hours: dict[tuple[UUID, datetime], Octets] = field(default_factory=dict)

    def add_to_nas(self, nas_id: UUID | None, part: UsageSlice, timezone: str) -> None:
        """Take in a slice, anybody's, under its NAS; the hour is that of the zone it was cut in."""
        in_hour = nas_id or BESIDE_THE_NAS, _hour(part.start_at, timezone)[0]
        octets = self.nas_hours.get(in_hour)
        if octets is None:
            octets = self.nas_hours[in_hour] = Octets()
        octets.add(part.upload_octets, part.download_octets)

    def add(self, service: MeteredService, part: UsageSlice) -> None:
        """Take in a slice of a service."""
        hour_at = _hour(part.start_at, service.timezone)[0]
        period = _period(hour_at, service.billing_day, service.timezone)
        in_hour, in_period = (service.service_id, hour_at), (service.service_id, period.start_on)
        octets = self.hours.get(in_hour)
        if octets is None:
            octets = self.hours[in_hour] = Octets()
        octets.add(part.upload_octets, part.download_octets)
        octets = self.periods.get(in_period)
        if octets is None:
            octets = self.periods[in_period] = Octets()
            self.period_ends[in_period] = period.end_on
            self.last_hours[in_period] = hour_at
        octets.add(part.upload_octets, part.download_octets)
        self.last_hours[in_period] = max(self.last_hours[in_period], hour_at)

    def hour_rows(self) -> list[tuple[UUID, datetime, int, int]]:
        """Return service, hour, upload and download octets, in one order for everyone who locks these rows."""
        return [
            (*key, sums.upload_octets, sums.download_octets) for key, sums in sorted(self.hours.items(), key=_place)
        ]

    def nas_hour_rows(self) -> list[tuple[UUID, datetime, int, int]]:
        """Return NAS, hour, upload and download octets, in one order likewise."""
        return [
            (*key, sums.upload_octets, sums.download_octets) for key, sums in sorted(self.nas_hours.items(), key=_place)
        ]

    def period_rows(self) -> list[tuple[UUID, date, date, int, int]]:
        """Return service, first day, day after the last, upload and download octets, in one order likewise."""
        return [
            (*key, self.period_ends[key], sums.upload_octets, sums.download_octets)
            for key, sums in sorted(self.periods.items(), key=_place)
        ]


def _place(item: tuple[tuple[UUID, date], object]) -> tuple[int, date]:
    return item[0][0].int, item[0][1]
