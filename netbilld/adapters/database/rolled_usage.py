"""Hours rolled up into days and months: exactly those before the mark, at every moment.

Who rolls up moves the mark in the transaction that adds to days and months; the meter adds itself what comes late for
an hour before the mark. Neither may do so while the other is about it: on PostgreSQL the meter, on whatever node, holds
a lock that it shares with other meters, until it commits.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Select, Table, cast, delete, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import Driver, instant
from netbilld.adapters.database.tables import (
    services,
    usage_all_days,
    usage_days,
    usage_hours,
    usage_marks,
    usage_months,
    usage_nas_days,
    usage_nas_hours,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.periods import LocalDay

_LOCK: Final = 0x6E62_726F_6C6C  # of PostgreSQL's advisory locks: shared by who adds to hours, held by who rolls up
_ROLLED: Final = "rolled"
_OCTETS: Final = ("upload_octets", "download_octets")
_SUMS: Final = (*_OCTETS, "charged_minor")
_OF_A_DAY: Final = ("day_on", *_OCTETS)
_FOLDED_AT_ONCE: Final = 31


class RolledUsage:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._driver = Driver(connection)

    # -- the meter's part --------------------------------------------------------------------------------------------

    async def rolled_until(self) -> datetime | None:
        """Return the mark, and keep it where it is until this transaction ends; None before the first roll-up."""
        if self._driver.is_sqlite:  # there is one writer
            rows = await self._driver.fetch(_MARK[True], _ROLLED)
            return instant(rows[0][0]) if rows else None
        await self._driver.execute(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
        rows = await self._driver.fetch(_MARK[False], _ROLLED)
        return rows[0][0] if rows else None

    async def add_days(self, rows: Sequence[tuple[UUID, date, int, int, int]]) -> None:
        """Add to days and their months: service, day, upload, download, charge; each day of a service at most once."""
        await insert_rows(
            self._connection, usage_days, ("service_id", "day_on", *_SUMS), rows, _add(usage_days, "day_on", _SUMS)
        )
        days: dict[date, list[int]] = {}
        for _, on, *sums in rows:
            day = days.setdefault(on, [0, 0])
            for place, added in enumerate(sums[: len(_OCTETS)]):
                day[place] += added
        # rows of their own, so that no meter waits for another over a day that both add to
        await insert_rows(
            self._connection, usage_all_days, _OF_A_DAY, [(on, *sums) for on, sums in sorted(days.items())]
        )
        months: dict[tuple[UUID, date], list[int]] = {}
        for service_id, on, *sums in rows:
            month = months.setdefault((service_id, on.replace(day=1)), [0, 0, 0])
            for place, added in enumerate(sums):
                month[place] += added
        await insert_rows(
            self._connection,
            usage_months,
            ("service_id", "month_on", *_SUMS),
            [(*key, *sums) for key, sums in months.items()],
            _add(usage_months, "month_on", _SUMS),
        )

    async def add_nas_days(self, rows: Sequence[tuple[UUID, date, int, int]]) -> None:
        """Add to days of NAS: NAS, day, upload, download; each day of a NAS at most once."""
        columns = ("nas_id", "day_on", *_OCTETS)
        await insert_rows(self._connection, usage_nas_days, columns, rows, _add(usage_nas_days, "day_on", _OCTETS))

    # -- rolling up --------------------------------------------------------------------------------------------------

    async def mark(self) -> datetime | None:
        """Return the mark as it is in what this transaction sees."""
        at: datetime | None = await self._connection.scalar(
            select(usage_marks.c.at).where(usage_marks.c.name == _ROLLED)
        )
        return at

    async def hold_roll_up(self) -> None:
        """Wait until every meter has committed, and let none begin to add before this transaction ends."""
        if not self._driver.is_sqlite:
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))

    async def zones(self) -> list[str]:
        """Return the zones that services are in."""
        query = select(services.c.timezone).distinct().order_by(services.c.timezone)
        return list(await self._connection.scalars(query))

    async def first_hour(self, from_at: datetime | None) -> datetime | None:
        """Return the first hour from an instant on in which anything was metered; whatever is, is a NAS's as well."""
        query = select(func.min(usage_nas_hours.c.hour_at))
        if from_at is not None:
            at: datetime | None = await self._connection.scalar(query.where(usage_nas_hours.c.hour_at >= from_at))
            return at
        hours = select(func.min(usage_hours.c.hour_at))
        found = [await self._connection.scalar(one) for one in (query, hours)]
        return min((at for at in found if at is not None), default=None)

    async def roll_up(self, days: Sequence[LocalDay], nas_days: Sequence[LocalDay], until_at: datetime) -> None:
        """Add hours to days and months, of services by their zone and of NAS by the given one, and move the mark."""
        for day in days:
            of_zone = (
                select(usage_hours.c.service_id, *_summed(usage_hours, _SUMS))
                .join(services, services.c.id == usage_hours.c.service_id)
                .where(
                    services.c.timezone == day.timezone,
                    usage_hours.c.hour_at >= day.from_at,
                    usage_hours.c.hour_at < day.to_at,
                )
                .group_by(usage_hours.c.service_id)
            )
            await self._add_rolled(usage_days, "day_on", day.on, of_zone, _SUMS)
            await self._add_to_all(day.on, of_zone)
            await self._add_rolled(usage_months, "month_on", day.on.replace(day=1), of_zone, _SUMS)
        for day in nas_days:
            of_nas = (
                select(usage_nas_hours.c.nas_id, *_summed(usage_nas_hours, _OCTETS))
                .where(usage_nas_hours.c.hour_at >= day.from_at, usage_nas_hours.c.hour_at < day.to_at)
                .group_by(usage_nas_hours.c.nas_id)
            )
            await self._add_rolled(usage_nas_days, "day_on", day.on, of_nas, _OCTETS)
        await self._fold()
        mark = insert_into(self._connection, usage_marks).values(name=_ROLLED, at=until_at)
        await self._connection.execute(mark.on_conflict_do_update(index_elements=["name"], set_={"at": until_at}))

    async def _add_to_all(self, on: date, sums: Select[Any]) -> None:
        """Add what services used on a day to what all of them did."""
        rows = sums.subquery()
        columns: list[Any] = [cast(func.coalesce(func.sum(rows.c[name]), 0), BigInteger) for name in _OCTETS]
        count, *octets = (await self._connection.execute(select(func.count(), *columns).select_from(rows))).one()
        if count:  # nothing but noughts is a day too
            await insert_rows(self._connection, usage_all_days, _OF_A_DAY, [(on, *octets)])

    async def _fold(self) -> None:
        """Make one row of each day's sums, of a month of days at most: no meter is adding to them now."""
        table = usage_all_days
        spread = select(table.c.day_on).group_by(table.c.day_on).having(func.count() > 1).limit(_FOLDED_AT_ONCE)
        days = (await self._connection.scalars(spread)).all()
        if not days:
            return
        taken = delete(table).where(table.c.day_on.in_(days)).returning(*(table.c[name] for name in _OF_A_DAY))
        sums: dict[date, tuple[int, int]] = {}
        for on, upload, download in await self._connection.execute(taken):
            before = sums.get(on, (0, 0))
            sums[on] = before[0] + upload, before[1] + download
        await insert_rows(self._connection, table, _OF_A_DAY, [(on, *octets) for on, octets in sums.items()])

    async def _add_rolled(self, table: Table, column: str, on: date, sums: Any, names: Sequence[str]) -> None:
        whose = table.primary_key.columns.values()[0]
        # sorted, as everyone adds to these rows; and WHERE tells SQLite's parser that ON CONFLICT is no join's
        rows = sums.subquery()
        key: Column[Any] = rows.c[whose.name]
        query = (
            select(key, literal(on, table.c[column].type), *(rows.c[name] for name in names))
            .where(key.is_not(None))
            .order_by(key)
        )
        insert = insert_into(self._connection, table).from_select([whose.name, column, *names], query)
        await self._connection.execute(
            insert.on_conflict_do_update(
                index_elements=[whose.name, column],
                set_={name: table.c[name] + insert.excluded[name] for name in names},
            )
        )


_MARK: Final = {
    is_sqlite: f"SELECT at FROM usage_marks WHERE name = {mark}"  # noqa: S608 - a place for the value
    for is_sqlite, mark in ((True, "?1"), (False, "$1"))
}


def _summed(table: Table, names: Sequence[str]) -> list[Any]:
    return [cast(func.sum(table.c[name]), BigInteger).label(name) for name in names]


def _add(table: Table, column: str, names: Sequence[str]) -> str:
    whose = table.primary_key.columns.values()[0].name
    sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names)
    return f"ON CONFLICT ({whose}, {column}) DO UPDATE SET {sums}"
