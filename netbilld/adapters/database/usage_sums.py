"""Sums of the same octets from two tables, to be compared: one query each, whatever differs comes back."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Select, and_, case, cast, func, or_, select, union_all

from netbilld.accounting.usage import BESIDE_THE_NAS, hour_of
from netbilld.adapters.database.rolled_usage import RolledUsage
from netbilld.adapters.database.tables import (
    services,
    sessions,
    usage_all_days,
    usage_days,
    usage_hours,
    usage_marks,
    usage_months,
    usage_nas_days,
    usage_nas_hours,
    usage_slices,
)
from netbilld.services.check_usage import Compared

_SHOWN: Final = 5


class UsageSums(RolledUsage):
    """Queries of one transaction."""

    async def kept_since(self, name: str) -> datetime | None:
        """Return since when slices or records are kept; None where none was ever let go."""
        at: datetime | None = await self._connection.scalar(select(usage_marks.c.at).where(usage_marks.c.name == name))
        return at

    async def slices_and_hours(self, zone: str, from_at: datetime, to_at: datetime) -> Compared:
        """Compare slices of the services of a zone with their hours."""
        return await self._compare(
            _of_zone(usage_slices, usage_slices.c.start_at, zone, from_at, to_at),
            _of_zone(usage_hours, usage_hours.c.hour_at, zone, from_at, to_at),
        )

    async def slices_and_nas_hours(self, timezone: str, from_at: datetime, to_at: datetime) -> Compared:
        """Compare slices, by the NAS of their session, with the hours of NAS; nobody's are cut in `timezone`.

        In a zone that differs by part of an hour, hours begin elsewhere: the slices that count are those of the hours
        that begin in between.
        """
        whose = case((usage_slices.c.session_id.is_(None), BESIDE_THE_NAS), else_=sessions.c.nas_id).label("whose")
        joined = usage_slices.outerjoin(sessions, sessions.c.id == usage_slices.c.session_id)
        at = usage_slices.c.start_at
        parts = []
        for zone in await self.zones():
            first_at, end_at = _next_hour(from_at, zone), _next_hour(to_at, zone)
            parts.append(
                select(whose, usage_slices.c.upload_octets, usage_slices.c.download_octets)
                .select_from(joined.join(services, services.c.id == usage_slices.c.service_id))
                .where(services.c.timezone == zone, at >= first_at, at < end_at)
            )
        first_at, end_at = _next_hour(from_at, timezone), _next_hour(to_at, timezone)
        parts.append(
            select(whose, usage_slices.c.upload_octets, usage_slices.c.download_octets)
            .select_from(joined)
            .where(usage_slices.c.service_id.is_(None), at >= first_at, at < end_at)
        )
        hours = _part(usage_nas_hours, usage_nas_hours.c.nas_id).where(
            usage_nas_hours.c.hour_at >= from_at, usage_nas_hours.c.hour_at < to_at
        )
        slices = union_all(*parts).subquery()
        return await self._compare(select(slices.c.whose, slices.c.upload_octets, slices.c.download_octets), hours)

    async def hours_and_day(self, zone: str, on: date, from_at: datetime, to_at: datetime) -> Compared:
        """Compare the hours of a local day, as far as they are rolled up, with what the day says."""
        day = (
            _part(usage_days, usage_days.c.service_id)
            .join(services, services.c.id == usage_days.c.service_id)
            .where(services.c.timezone == zone, usage_days.c.day_on == on)
        )
        return await self._compare(_of_zone(usage_hours, usage_hours.c.hour_at, zone, from_at, to_at), day)

    async def nas_hours_and_day(self, on: date, from_at: datetime, to_at: datetime) -> Compared:
        """Compare the hours of NAS of a local day, as far as they are rolled up, with what the day says."""
        hours = _part(usage_nas_hours, usage_nas_hours.c.nas_id).where(
            usage_nas_hours.c.hour_at >= from_at, usage_nas_hours.c.hour_at < to_at
        )
        return await self._compare(
            hours, _part(usage_nas_days, usage_nas_days.c.nas_id).where(usage_nas_days.c.day_on == on)
        )

    async def days_and_month(self, on: date) -> Compared:
        """Compare the days of a month with the month."""
        end_on = date(on.year + on.month // 12, on.month % 12 + 1, 1)
        days = _part(usage_days, usage_days.c.service_id).where(
            and_(usage_days.c.day_on >= on, usage_days.c.day_on < end_on)
        )
        month = _part(usage_months, usage_months.c.service_id).where(usage_months.c.month_on == on)
        return await self._compare(days, month)

    async def days_and_sums(self, on: date) -> Compared:
        """Compare the days of a month with what they are together."""
        end_on = date(on.year + on.month // 12, on.month % 12 + 1, 1)
        parts = (
            _part(table, table.c.day_on).where(and_(table.c.day_on >= on, table.c.day_on < end_on))
            for table in (usage_days, usage_all_days)
        )
        return await self._compare(*parts)

    async def _compare(self, one: Select[Any], other: Select[Any]) -> Compared:
        first, second = one.subquery(), other.subquery()
        both = union_all(
            select(first.c.whose, first.c.upload_octets, first.c.download_octets),
            select(second.c.whose, -second.c.upload_octets, -second.c.download_octets),
        ).subquery()
        upload = cast(func.sum(both.c.upload_octets), BigInteger)
        download = cast(func.sum(both.c.download_octets), BigInteger)
        differing = (
            select(both.c.whose, upload.label("upload"), download.label("download"))
            .group_by(both.c.whose)
            .having(or_(upload != 0, download != 0))
            .limit(_SHOWN)
        )
        words = [
            f"{_name(row.whose)} by {row.upload:+} up, {row.download:+} down"
            for row in await self._connection.execute(differing)
        ]
        total = select(
            cast(func.coalesce(func.sum(first.c.upload_octets), 0), BigInteger),
            cast(func.coalesce(func.sum(first.c.download_octets), 0), BigInteger),
        )
        upload_octets, download_octets = (await self._connection.execute(total)).one()
        return Compared(int(upload_octets), int(download_octets), words)


def _next_hour(at: datetime, zone: str) -> datetime:
    """Return the first instant from `at` on at which an hour begins in a zone."""
    begin = hour_of(at, zone)
    return begin if begin == at else hour_of(at + timedelta(hours=1), zone)


def _part(table: Any, whose: Any) -> Select[Any]:
    return select(whose.label("whose"), table.c.upload_octets, table.c.download_octets)


def _of_zone(table: Any, at: Any, zone: str, from_at: datetime, to_at: datetime) -> Select[Any]:
    return (
        _part(table, table.c.service_id)
        .join(services, services.c.id == table.c.service_id)
        .where(services.c.timezone == zone, at >= from_at, at < to_at)
    )


def _name(whose: UUID | date | None) -> str:
    return "nobody" if whose is None else str(whose)
