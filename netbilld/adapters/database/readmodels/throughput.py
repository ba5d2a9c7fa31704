"""Throughput of the network, a NAS or a service: samples of the last day, then hours, then days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Table, cast, func, select

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import (
    nas_samples,
    throughput_samples,
    usage_hours,
    usage_nas_days,
    usage_nas_hours,
    usage_slices,
)
from netbilld.adapters.database.usage import UsageStore
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.throughput import SPANS, Part, Point, Series, Whose, spread

_HOUR: Final = timedelta(hours=1)
_FINE: Final = ("hour", "day")


class ThroughputQueries(Queries):
    """Each on an index, and bounded by its span."""

    async def series(self, whose: Whose, span: str, now: datetime, timezone: str) -> Series:
        """Return the throughput over one of SPANS, up to now; days are local ones of `timezone`."""
        if span == "year":
            return await self._year(whose, now, timezone)
        reach, step = SPANS[span]
        to_at = _after(now, step)
        from_at = to_at - reach
        if span not in _FINE:
            points = await self._of_hours(whose, from_at, step, reach // step, now)
        elif whose.kind == "service":
            points = await self._of_slices(whose, from_at, step, reach // step, now)
        else:
            points = await self._of_samples(whose, from_at, step, reach // step)
        return Series(span, from_at, to_at, points)

    async def _of_samples(self, whose: Whose, from_at: datetime, step: timedelta, count: int) -> list[Point]:
        table: Table = throughput_samples if whose.kind == "network" else nas_samples
        seconds = int(step.total_seconds())
        is_sqlite = self._connection.dialect.name == "sqlite"
        epoch = func.strftime("%s", table.c.at) if is_sqlite else func.floor(func.extract("epoch", table.c.at))
        place = ((cast(epoch, BigInteger) - int(from_at.timestamp())) // seconds).label("place")
        query = (
            select(
                place,
                func.avg(table.c.upload_bps).label("upload_bps"),
                func.avg(table.c.download_bps).label("download_bps"),
            )
            .where(table.c.at >= from_at)
            .group_by(place)
        )
        if whose.kind == "nas":
            query = query.where(table.c.nas_id == whose.id)
        known = {row["place"]: row for row in await self._rows(query)}
        return [
            Point(
                from_at + number * step,
                round(known[number]["upload_bps"]) if number in known else None,
                round(known[number]["download_bps"]) if number in known else None,
            )
            for number in range(count)
        ]

    async def _of_slices(
        self, whose: Whose, from_at: datetime, step: timedelta, count: int, now: datetime
    ) -> list[Point]:
        query = select(
            usage_slices.c.start_at,
            usage_slices.c.end_at,
            usage_slices.c.upload_octets,
            usage_slices.c.download_octets,
        ).where(
            usage_slices.c.service_id == whose.id,
            usage_slices.c.start_at >= from_at - _HOUR,  # none is longer
            usage_slices.c.start_at <= now,
        )
        return spread(
            [Part(*(row[name] for name in Part._fields)) for row in await self._rows(query)], from_at, step, count
        )

    async def _of_hours(
        self, whose: Whose, from_at: datetime, step: timedelta, count: int, now: datetime
    ) -> list[Point]:
        if whose.kind == "service":
            table, mine = usage_hours, usage_hours.c.service_id == whose.id
        else:
            table = usage_nas_hours
            mine = table.c.nas_id == whose.id if whose.kind == "nas" else table.c.hour_at >= from_at
        query = (
            select(table.c.hour_at, *_sums(table))
            .where(mine, table.c.hour_at >= from_at, table.c.hour_at < from_at + count * step)
            .group_by(table.c.hour_at)
        )
        parts = [
            # of the hour that runs, as much time as has passed
            Part(
                row["hour_at"],
                max(min(row["hour_at"] + _HOUR, now), row["hour_at"] + timedelta(minutes=1)),
                int(row["upload_octets"]),
                int(row["download_octets"]),
            )
            for row in await self._rows(query)
        ]
        points = spread(parts, from_at, step, count)
        at, upload_bps, download_bps = points[-1]
        passed = (now - at) / step
        if 0 < passed < 1:
            points[-1] = Point(at, round((upload_bps or 0) / passed), round((download_bps or 0) / passed))
        return points

    async def _year(self, whose: Whose, now: datetime, timezone: str) -> Series:
        end_on = local_date(now, timezone) + timedelta(days=1)
        first_on = end_on - SPANS["year"].reach
        if whose.kind == "service" and whose.id is not None:
            usage = UsageStore(self._connection)
            days = await usage.buckets(whose.id, first_on, end_on, "day", timezone)
            octets = {local_date(day.start_at, timezone): (day.upload_octets, day.download_octets) for day in days}
        else:
            octets = await self._nas_days(whose, first_on, end_on, timezone)
        points = []
        for number in range((end_on - first_on).days):
            on = first_on + timedelta(days=number)
            start_at = local_midnight(on, timezone)
            seconds = (min(local_midnight(on + timedelta(days=1), timezone), now) - start_at).total_seconds()
            upload, download = octets.get(on, (0, 0))
            points.append(Point(start_at, round(upload * 8 / max(seconds, 60)), round(download * 8 / max(seconds, 60))))
        return Series("year", points[0].at, local_midnight(end_on, timezone), points)

    async def _nas_days(self, whose: Whose, first_on: date, end_on: date, timezone: str) -> dict[date, tuple[int, int]]:
        """Return octets by local day: those rolled up, and the hours that are not."""
        days, hours = usage_nas_days, usage_nas_hours
        mark = await UsageStore(self._connection).mark()
        from_at = local_midnight(first_on, timezone)
        from_at = max(from_at, mark) if mark else from_at
        rolled = select(days.c.day_on, *_sums(days)).where(days.c.day_on >= first_on, days.c.day_on < end_on)
        still = select(hours.c.hour_at, *_sums(hours)).where(
            hours.c.hour_at >= from_at, hours.c.hour_at < local_midnight(end_on, timezone)
        )
        if whose.kind == "nas":
            rolled, still = rolled.where(days.c.nas_id == whose.id), still.where(hours.c.nas_id == whose.id)
        found: dict[date, tuple[int, int]] = {}
        known = [(row["day_on"], row) for row in await self._rows(rolled.group_by(days.c.day_on))]
        known += [
            (local_date(row["hour_at"], timezone), row) for row in await self._rows(still.group_by(hours.c.hour_at))
        ]
        for on, row in known:
            before = found.get(on, (0, 0))
            found[on] = before[0] + int(row["upload_octets"]), before[1] + int(row["download_octets"])
        return found


def _sums(table: Table) -> Sequence[Any]:
    return (
        cast(func.sum(table.c.upload_octets), BigInteger).label("upload_octets"),
        cast(func.sum(table.c.download_octets), BigInteger).label("download_octets"),
    )


def _after(now: datetime, step: timedelta) -> datetime:
    """Return the next edge of a step after an instant."""
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp((int(now.timestamp()) // seconds + 1) * seconds, now.tzinfo)
