"""What the interfaces of each NAS counted by the hour, and how that compares with accounting."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.cross_check import HourPart
from netbilld.adapters.database.tables import (
    cross_checks,
    meters,
    nas,
    plan_versions,
    services,
    sessions,
    usage_nas_hours,
    usage_periods,
    usage_slices,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.services.cross_check import CheckedHour, DueHour

_HOUR: Final = timedelta(hours=1)
_MOST_LINES: Final = 5000
_PRICED_DAYS: Final = 62  # a flat plan's octet is worth what its subscribers used lately


class CrossCheckStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, nas_id: UUID, parts: Sequence[HourPart]) -> None:
        """Add to what a device's interfaces counted."""
        for part in parts:
            query = insert_into(self._connection, cross_checks).values(
                nas_id=nas_id,
                hour_at=part.hour_at,
                device_upload_octets=part.upload_octets,
                device_download_octets=part.download_octets,
                read_seconds=part.seconds,
                told_upload_octets=0,
                told_download_octets=0,
                missing_octets=0,
                risk_minor=0,
                state="open",
            )
            added = {
                name: cross_checks.c[name] + query.excluded[name]
                for name in ("device_upload_octets", "device_download_octets", "read_seconds")
            }
            await self._connection.execute(
                query.on_conflict_do_update(index_elements=["nas_id", "hour_at"], set_=added)
            )

    async def due(self, now: datetime, waits: Sequence[timedelta], limit: int) -> list[DueHour]:
        """Return hours that are over for as long as one of `waits`, and were not compared since then."""
        table = cross_checks.c
        query = (
            select(
                table.nas_id,
                nas.c.name,
                nas.c.snmp_uplink,
                table.hour_at,
                table.device_upload_octets,
                table.device_download_octets,
                table.read_seconds,
                table.checked_at,
            )
            .join(nas, nas.c.id == table.nas_id)
            .where(table.hour_at <= now - _HOUR - waits[0], table.hour_at > now - _HOUR - 2 * waits[-1])
            .order_by(table.hour_at, table.nas_id)
        )
        found: list[DueHour] = []
        for row in await self._connection.execute(query):
            if len(found) >= limit:
                break
            if any(row.checked_at is None or row.checked_at < row.hour_at + _HOUR + wait <= now for wait in waits):
                found.append(DueHour(*row[:7]))
        return found

    async def told(self, hour: DueHour) -> tuple[int, int]:
        """Return upload and download that accounting tells of a NAS's hour; of its meters too, behind an uplink."""
        query = select(usage_nas_hours.c.upload_octets, usage_nas_hours.c.download_octets).where(
            usage_nas_hours.c.nas_id == hour.nas_id, usage_nas_hours.c.hour_at == hour.hour_at
        )
        row = (await self._connection.execute(query)).one_or_none()
        up, down = (int(row[0]), int(row[1])) if row is not None else (0, 0)
        if hour.uplink is not None:
            own = select(meters.c.id).where(meters.c.nas_id == hour.nas_id)
            beside = select(func.sum(usage_slices.c.upload_octets), func.sum(usage_slices.c.download_octets)).where(
                usage_slices.c.meter_id.in_(own),
                usage_slices.c.start_at >= hour.hour_at,
                usage_slices.c.start_at < hour.hour_at + _HOUR,
            )
            more_up, more_down = (await self._connection.execute(beside)).one()
            up, down = up + int(more_up or 0), down + int(more_down or 0)
        return up, down

    async def prices(self, nas_id: UUID, hour_at: datetime, currency: str, on: date) -> list[tuple[Fraction, int]]:
        """Return what an octet costs those who were on a NAS in an hour, minor units, and how many pay that.

        By the octet where it is sold so; the fee over the allowance; of a flat plan, the fee over what its subscribers
        used on average.
        """
        query = (
            select(services.c.plan_version_id, func.count().label("times"))
            .join(sessions, sessions.c.service_id == services.c.id)
            .where(
                sessions.c.nas_id == nas_id,
                sessions.c.started_at < hour_at + _HOUR,
                or_(sessions.c.stopped_at.is_(None), sessions.c.stopped_at > hour_at),
            )
            .group_by(services.c.plan_version_id)
        )
        counted = {row.plan_version_id: int(row.times) for row in await self._connection.execute(query)}
        found = []
        definitions = select(plan_versions.c.id, plan_versions.c.definition).where(plan_versions.c.id.in_(counted))
        for row in (await self._connection.execute(definitions)).all():
            plan = plan_from_definition(dict(row.definition))
            price = await self._price(row.id, plan, on) if plan.currency == currency else None
            if price is not None:
                found.append((price, counted[row.id]))
        return found

    async def _price(self, plan_version_id: UUID, plan: Plan, on: date) -> Fraction | None:
        if plan.usage is not None:
            return Fraction(plan.usage.first_price_minor, plan.usage.units_per_price)
        if plan.recurring is None:
            return None
        if plan.allowance is not None:
            return Fraction(plan.recurring.price_minor, plan.allowance.data_octets)
        query = (
            select(func.count(), func.sum(usage_periods.c.upload_octets + usage_periods.c.download_octets))
            .join(services, services.c.id == usage_periods.c.service_id)
            .where(
                services.c.plan_version_id == plan_version_id,
                usage_periods.c.end_on > on - timedelta(days=_PRICED_DAYS),
            )
        )
        periods, used = (await self._connection.execute(query)).one()
        return Fraction(plan.recurring.price_minor * int(periods), int(used)) if used else None

    async def keep(self, checked: Iterable[CheckedHour], now: datetime) -> None:
        """Write how hours compare."""
        for one in checked:
            await self._connection.execute(
                update(cross_checks)
                .where(cross_checks.c.nas_id == one.nas_id, cross_checks.c.hour_at == one.hour_at)
                .values(
                    told_upload_octets=one.told_upload_octets,
                    told_download_octets=one.told_download_octets,
                    missing_octets=one.missing_octets,
                    risk_minor=one.risk_minor,
                    currency=one.currency,
                    state=one.state,
                    checked_at=now,
                )
            )

    async def lines(
        self,
        from_at: datetime,
        to_at: datetime,
        *,
        nas_id: UUID | None = None,
        only_missing: bool = True,
        limit: int = _MOST_LINES,
    ) -> list[CheckedHour]:
        """Return hours that were compared, newest first; only those that lack something unless told otherwise."""
        query = (
            select(nas.c.name, *(cross_checks.c[name] for name in CheckedHour._fields if name != "nas_name"))
            .join(nas, nas.c.id == cross_checks.c.nas_id)
            .where(cross_checks.c.hour_at >= from_at, cross_checks.c.hour_at < to_at)
            .order_by(cross_checks.c.hour_at.desc(), nas.c.name)
            .limit(limit)
        )
        if only_missing:
            query = query.where(cross_checks.c.state == "missing")
        if nas_id is not None:
            query = query.where(cross_checks.c.nas_id == nas_id)
        return [_line(row) for row in (await self._connection.execute(query)).mappings()]


def _line(row: Any) -> CheckedHour:
    values = dict(row)
    return CheckedHour(nas_name=values.pop("name"), **values)
