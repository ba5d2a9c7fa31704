"""Usage slices: what was metered, cut where an hour, a day, a billing period or a plan's hours end."""

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

    `estimated` says that a longer delta was split in proportion to time; `source` is radius, snmp, mqtt or
    api, or correction, which takes back what one of them has counted too much.
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
    """What a service used in one billing period, and what of it is charged already.

    Attributes:
        counted_octets: what counts against the allowance, where happy hours or a change of plan make it another number
            than what the plan makes of upload and download; None elsewhere.
        seconds: online, of a plan by which time counts.
    """

    service_id: UUID
    start_on: date
    end_on: date
    upload_octets: int
    download_octets: int
    charged_minor: int
    counted_octets: int | None = None
    seconds: int = 0


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
    edges: tuple[int, ...] = (),
) -> list[UsageSlice]:
    """Return slices that add up to the octets, cut at local hour edges in proportion to time, the rest in the last.

    Local midnights and billing days are hour edges too. Nothing moved gives no slice. `edges` are further ones, those
    of a plan's hours: minutes since Monday 00:00 by the local clock.
    """
    if not upload_octets and not download_octets:
        return []
    if end_at - start_at > MAX_SPAN:
        start_at = end_at - MAX_SPAN
    edge = _next_edge(start_at, timezone, edges)
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
        at, edge = edge, _next_edge(edge, timezone, edges)
    slices.append(UsageSlice(service_id, session_id, at, end_at, left_up, left_down, True, source, meter_id))
    return slices


def _next_edge(at: datetime, timezone: str, edges: tuple[int, ...]) -> datetime:
    begin, end = hour_edges(at, timezone)
    if not edges:
        return end
    local = begin.astimezone(_zone(timezone))
    first = (local.weekday() * 24 + local.hour) * 60
    within = (begin + timedelta(minutes=edge - first) for edge in edges if first < edge < first + 60)
    return min((edge for edge in within if at < edge < end), default=end)


def hour_of(at: datetime, timezone: str) -> datetime:
    """Return the instant (UTC) at which the local hour of `at` began."""
    return hour_edges(at, timezone)[0]


def period_of(at: datetime, billing_day: int, timezone: str) -> BillingPeriod:
    """Return the billing period of `at`; slices never reach over its edge, so their start decides."""
    return period_of_hour(hour_of(at, timezone), billing_day, timezone)


def hour_edges(at: datetime, timezone: str) -> tuple[datetime, datetime]:
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
def period_of_hour(hour_at: datetime, billing_day: int, timezone: str) -> BillingPeriod:
    """Return the billing period of a local hour that begins at `hour_at`."""
    return monthly_period(hour_at, billing_day, timezone)
