"""CheckUsage: whether every roll-up equals what it is made of; small invariants, by hand and each night."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from netbilld.model.periods import local_midnight


@dataclass(frozen=True, slots=True)
class UsageCheck:
    """One invariant over the days asked for; `detail` says how much was compared, or what differs."""

    name: str
    is_ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sums over the same thing: octets in each, and the first of those that differ."""

    upload_octets: int
    download_octets: int
    differing: Sequence[str]


class Sums(Protocol):
    async def mark(self) -> datetime | None: ...
    async def zones(self) -> list[str]: ...
    async def kept_since(self, name: str) -> datetime | None: ...
    async def slices_and_hours(self, zone: str, from_at: datetime, to_at: datetime) -> Compared: ...
    async def slices_and_nas_hours(self, timezone: str, from_at: datetime, to_at: datetime) -> Compared: ...
    async def hours_and_day(self, zone: str, on: date, from_at: datetime, to_at: datetime) -> Compared: ...
    async def nas_hours_and_day(self, on: date, from_at: datetime, to_at: datetime) -> Compared: ...
    async def days_and_month(self, on: date) -> Compared: ...
    async def days_and_sums(self, on: date) -> Compared: ...


class Work(Protocol):
    @property
    def usage_sums(self) -> Sums: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Any]: ...


class CheckUsage:
    """Reads everything in one consistent view a day."""

    def __init__(self, store: Store, timezone: str) -> None:
        self._store = store
        self._timezone = timezone

    async def run(self, first_on: date, end_on: date) -> list[UsageCheck]:
        """Compare the local days [first_on, end_on), and the months they are in."""
        found: dict[str, list[Compared]] = {
            "hours equal slices": [],
            "hours of NAS equal slices": [],
            "days equal hours": [],
            "days of NAS equal hours": [],
            "months equal days": [],
            "days together equal days": [],
        }
        on = first_on
        while on < end_on:
            async with self._store.read() as work:
                await self._day(work.usage_sums, on, found)
            on += timedelta(days=1)
        month_on = first_on.replace(day=1)
        while month_on < end_on:
            async with self._store.read() as work:
                found["months equal days"].append(await work.usage_sums.days_and_month(month_on))
                found["days together equal days"].append(await work.usage_sums.days_and_sums(month_on))
            month_on = (month_on + timedelta(days=31)).replace(day=1)
        return [_outcome(name, compared) for name, compared in found.items()]

    async def _day(self, sums: Sums, on: date, found: dict[str, list[Compared]]) -> None:
        next_on = on + timedelta(days=1)
        mark = await sums.mark()
        kept_since = await sums.kept_since("usage_slices")
        hours_since = await sums.kept_since("usage_hours")
        for zone in await sums.zones():
            from_at, to_at = local_midnight(on, zone), local_midnight(next_on, zone)
            if kept_since is None or from_at >= kept_since:
                found["hours equal slices"].append(await sums.slices_and_hours(zone, from_at, to_at))
            if mark is not None and (hours_since is None or from_at >= hours_since):
                rolled_to = max(from_at, min(to_at, mark))
                found["days equal hours"].append(await sums.hours_and_day(zone, on, from_at, rolled_to))
        from_at, to_at = local_midnight(on, self._timezone), local_midnight(next_on, self._timezone)
        if kept_since is None or from_at >= kept_since:
            found["hours of NAS equal slices"].append(await sums.slices_and_nas_hours(self._timezone, from_at, to_at))
        if mark is not None:
            rolled_to = max(from_at, min(to_at, mark))
            found["days of NAS equal hours"].append(await sums.nas_hours_and_day(on, from_at, rolled_to))


def _outcome(name: str, compared: Sequence[Compared]) -> UsageCheck:
    differing = [word for one in compared for word in one.differing]
    if differing:
        return UsageCheck(name, False, f"differs: {'; '.join(differing[:3])}" + (" …" if len(differing) > 3 else ""))
    if not compared:
        return UsageCheck(name, True, "nothing to compare: no longer kept, or not rolled up yet")
    upload_octets = sum(one.upload_octets for one in compared)
    download_octets = sum(one.download_octets for one in compared)
    return UsageCheck(name, True, f"{upload_octets} octets of upload, {download_octets} of download")
