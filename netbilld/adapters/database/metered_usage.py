"""Usage as the meter writes it: a few statements for thousands of slices, through the driver itself."""

# ruff: noqa: S608 - statements are put together from names of our own; values are always handed over beside them

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select, update

from netbilld.accounting.usage import MeteredService, PeriodTotals, UsageSlice
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import FROM_MICROSECONDS, array, in_turns, microseconds, shared_id
from netbilld.adapters.database.rolled_usage import RolledUsage
from netbilld.adapters.database.tables import plan_versions, usage_hours, usage_nas_hours, usage_periods
from netbilld.services.raw_records import RawRecord

_SLICE_COLUMNS: Final = UsageSlice._fields
_SERVICES: Final = """
    SELECT services.id, services.billing_day, services.timezone, services.plan_version_id, services.subscriber_id,
      subscribers.number, subscribers.currency
    FROM services JOIN subscribers ON subscribers.id = services.subscriber_id WHERE services.id """
_SERVICES_OF: Final = {
    False: _SERVICES + "= ANY ($1::uuid[])",
    True: _SERVICES + "IN (SELECT value FROM json_each(?1))",
}
_ADD: Final = (
    "DO UPDATE SET upload_octets = {table}.upload_octets + excluded.upload_octets, "
    "download_octets = {table}.download_octets + excluded.download_octets"
)
_ADD_HOUR: Final = f"ON CONFLICT (service_id, hour_at) {_ADD.format(table='usage_hours')}"
_HOUR: Final = ("service_id", "hour_at", "upload_octets", "download_octets", "charged_minor")
_NAS_HOUR: Final = ("nas_id", "hour_at", "upload_octets", "download_octets")
_ADD_HOURS: Final = (
    f"INSERT INTO usage_hours ({', '.join(_HOUR)}) "
    f"SELECT service_id, {FROM_MICROSECONDS.format('hour_us')}, up, down, 0 FROM unnest($1::uuid[], "
    f"$2::text::bigint[], $3::text::bigint[], $4::text::bigint[]) AS new (service_id, hour_us, up, down) {_ADD_HOUR}"
)
_PERIOD: Final = ("service_id", "start_on", "end_on", "upload_octets", "download_octets", "charged_minor")
_ADD_PERIODS: Final = {
    is_sqlite: f"INSERT INTO usage_periods ({', '.join(_PERIOD)}) {rows} "
    f"ON CONFLICT (service_id, start_on) {_ADD.format(table='usage_periods')} "
    f"RETURNING {', '.join(PeriodTotals._fields)}"
    for is_sqlite, rows in (
        (
            False,
            "SELECT *, 0 FROM unnest($1::uuid[], "
            + ", ".join(f"${number}::text::{kind}[]" for number, kind in enumerate(("date", "date", "int8", "int8"), 2))
            + ")",
        ),
        (
            True,  # WHERE tells SQLite's parser that ON CONFLICT is no join's
            "SELECT "
            + ", ".join(f"json_extract(added.value, '$[{number}]')" for number in range(5))
            + ", 0 FROM json_each(?1) AS added WHERE TRUE",
        ),
    )
}

_CHARGE_PERIODS: Final = (
    "UPDATE usage_periods SET charged_minor = usage_periods.charged_minor + new.amount, "
    "added_tax_minor = usage_periods.added_tax_minor + new.tax FROM "
    "unnest($1::uuid[], $2::text::date[], $3::text::bigint[], $4::text::bigint[])"
    " AS new (service_id, start_on, amount, tax) "
    "WHERE usage_periods.service_id = new.service_id AND usage_periods.start_on = new.start_on"
)
_CHARGE_HOURS: Final = (  # between two instants: partitions of other months are not looked at
    "UPDATE usage_hours SET charged_minor = usage_hours.charged_minor + new.amount FROM "
    "unnest($1::uuid[], $2::text::bigint[], $3::text::bigint[]) AS new (service_id, hour_us, amount) "
    f"WHERE usage_hours.service_id = new.service_id AND usage_hours.hour_at = {FROM_MICROSECONDS.format('new.hour_us')}"
    " AND usage_hours.hour_at >= $4 AND usage_hours.hour_at <= $5"
)

_ADD_NAS_HOUR: Final = f"ON CONFLICT (nas_id, hour_at) {_ADD.format(table='usage_nas_hours')}"


class MeteredUsage(RolledUsage):
    """Queries of one transaction."""

    async def metered_services(self, service_ids: Collection[UUID]) -> dict[UUID, MeteredService]:
        """Return what the meter needs to know of these services."""
        if not service_ids:
            return {}
        if self._driver.is_sqlite:
            wanted = json.dumps([service_id.hex for service_id in service_ids])
            found = await in_turns(await self._driver.fetch(_SERVICES_OF[True], wanted), _service_of_sqlite)
        else:
            rows = await self._driver.fetch(_SERVICES_OF[False], list(service_ids))
            found = await in_turns(rows, _service_of_postgresql)
        return {service.service_id: service for service in found}

    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return the definitions of plan versions."""
        query = select(plan_versions.c.id, plan_versions.c.definition).where(plan_versions.c.id.in_(plan_version_ids))
        return {row.id: dict(row.definition) for row in await self._connection.execute(query)}

    async def add_slices(self, slices: Iterable[UsageSlice]) -> None:
        """Append slices."""
        await self._driver.append("usage_slices", _SLICE_COLUMNS, list(slices))

    async def add_records(self, records: Iterable[RawRecord]) -> None:
        """Keep records as they were received."""
        await self._driver.append("accounting_records", RawRecord._fields, list(records))

    async def add_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None:
        """Add octets to local hours: service, hour, upload, download; each hour of a service at most once."""
        if not rows:
            return
        if self._driver.is_sqlite:
            await insert_rows(self._connection, usage_hours, _HOUR, [(*row, 0) for row in rows], _ADD_HOUR)
        else:
            service_ids, hours, uploads, downloads = zip(*rows, strict=True)
            known = {hour_at: microseconds(hour_at) for hour_at in set(hours)}  # few, however many services
            hours_us = array([known[hour_at] for hour_at in hours])
            await self._driver.execute(_ADD_HOURS, service_ids, hours_us, array(uploads), array(downloads))

    async def add_nas_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None:
        """Add octets to hours of NAS: NAS, hour, upload, download; each hour of a NAS at most once."""
        await insert_rows(self._connection, usage_nas_hours, _NAS_HOUR, rows, _ADD_NAS_HOUR)

    async def add_periods(self, rows: Sequence[tuple[UUID, date, date, int, int]]) -> list[PeriodTotals]:
        """Add octets to billing periods: service, start, end, upload, download; each period at most once.

        Returns:
            what these periods hold now, by service and first day.
        """
        if not rows:
            return []
        if self._driver.is_sqlite:
            added = json.dumps(
                [
                    (service_id.hex, start_on.isoformat(), end_on.isoformat(), upload_octets, download_octets)
                    for service_id, start_on, end_on, upload_octets, download_octets in rows
                ]
            )
            found = await in_turns(await self._driver.fetch(_ADD_PERIODS[True], added), _period_of_sqlite)
        else:
            service_ids, *days, uploads, downloads = zip(*rows, strict=True)
            said = [array(column) for column in (*days, uploads, downloads)]
            found = await in_turns(
                await self._driver.fetch(_ADD_PERIODS[False], service_ids, *said), PeriodTotals._make
            )
        return sorted(found, key=_place)

    async def add_charges(self, rows: Sequence[tuple[UUID, date, datetime, int, int]]) -> None:
        """Note usage charges on billing periods and hours, which have octets already.

        Args:
            rows: service, start, hour, amount at prices as written, and the tax that came on top of it.
        """
        if not rows:
            return
        if self._driver.is_sqlite:
            await self._connection.execute(
                update(usage_periods)
                .where(usage_periods.c.service_id == bindparam("id"), usage_periods.c.start_on == bindparam("on"))
                .values(
                    charged_minor=usage_periods.c.charged_minor + bindparam("amount"),
                    added_tax_minor=usage_periods.c.added_tax_minor + bindparam("tax"),
                ),
                [
                    {"id": service_id, "on": start_on, "amount": amount, "tax": tax}
                    for service_id, start_on, _, amount, tax in rows
                ],
            )
            await self._connection.execute(
                update(usage_hours)
                .where(usage_hours.c.service_id == bindparam("id"), usage_hours.c.hour_at == bindparam("at"))
                .values(charged_minor=usage_hours.c.charged_minor + bindparam("amount")),
                [{"id": service_id, "at": hour_at, "amount": amount} for service_id, _, hour_at, amount, _ in rows],
            )
            return
        service_ids, starts, hours, amounts, taxes = zip(*rows, strict=True)
        await self._driver.execute(_CHARGE_PERIODS, service_ids, array(starts), array(amounts), array(taxes))
        hours_us = array([microseconds(hour_at) for hour_at in hours])
        await self._driver.execute(_CHARGE_HOURS, service_ids, hours_us, array(amounts), min(hours), max(hours))


def _place(totals: PeriodTotals) -> tuple[int, date]:
    return totals.service_id.int, totals.start_on


def _service_of_postgresql(row: Any) -> MeteredService:
    return MeteredService(*row)


def _service_of_sqlite(row: Any) -> MeteredService:
    service_id, billing_day, timezone, plan_version_id, subscriber_id, number, currency = row
    return MeteredService(
        UUID(service_id), billing_day, timezone, shared_id(plan_version_id), UUID(subscriber_id), number, currency
    )


def _period_of_sqlite(row: Any) -> PeriodTotals:
    service_id, start_on, end_on, upload_octets, download_octets, charged_minor, counted_octets, seconds = row
    return PeriodTotals(
        UUID(service_id),
        date.fromisoformat(start_on),
        date.fromisoformat(end_on),
        upload_octets,
        download_octets,
        charged_minor,
        counted_octets,
        seconds,
    )
