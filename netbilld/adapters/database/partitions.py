"""Tables that PostgreSQL keeps by month (UTC): partitions made ahead, looked at, taken away.

On SQLite the same tables are in one piece, and old rows are deleted.
"""

# ruff: noqa: S608 - statements are put together from names of our own

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# table: its time, and how a partition is kept. Hours are updated while they last: with room on their page that touches
# no index. What is only ever appended needs no vacuum but to be frozen, and fresh statistics as it grows.
_APPENDED: Final = "autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.05"
_UPDATED: Final = "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05"
PARTITIONED: Final = {
    "usage_slices": ("start_at", _APPENDED),
    "usage_hours": ("hour_at", _UPDATED),
    "accounting_records": ("received_at", _APPENDED),
}
_AHEAD: Final = 2  # months beside the running one
_PATIENCE_MS: Final = 5_000  # the meter waits for us, so we don't wait long for others
_NAME: Final = re.compile(r"y(\d{4})m(\d{2})")


@dataclass(frozen=True, slots=True)
class Partition:
    """A month of a table; `month_on` is its first day, None for what belongs to no month at hand.

    A detached one is no part of its table any more: it waits to be exported and dropped.
    """

    table: str
    name: str
    month_on: date | None
    rows: int  # as last estimated
    size_octets: int
    is_attached: bool


def month_after(on: date) -> date:
    """Return the first day of the next month."""
    return date(on.year + on.month // 12, on.month % 12 + 1, 1)


def month_start(on: date) -> datetime:
    """Return the instant at which that day begins in UTC."""
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


class PartitionStore:
    """Statements of one transaction, on PostgreSQL."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def make_ahead(self, now: datetime) -> list[str]:
        """Make the partitions of this month and the next ones where they are missing; return their names."""
        month_on = now.astimezone(UTC).date().replace(day=1)
        wanted = []
        for _ in range(_AHEAD + 1):
            wanted.append(month_on)
            month_on = month_after(month_on)
        known = {partition.name for partition in await self.listed()}
        made = []
        for table in PARTITIONED:
            for on in wanted:
                name = partition_name(table, on)
                if name not in known:
                    await self._make(table, name, on)
                    made.append(name)
        return made

    async def _make(self, table: str, name: str, month_on: date) -> None:
        """Make one partition, with what waited for it in the default one."""
        column, settings = PARTITIONED[table]
        first, end = month_start(month_on).isoformat(), month_start(month_after(month_on)).isoformat()
        run = self._connection.exec_driver_sql
        await run(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
        await run(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")
        await run(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH ({settings})")
        await run(
            f"WITH moved AS (DELETE FROM {table}_default WHERE {column} >= '{first}' AND {column} < '{end}' "
            f"RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        )
        await run(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')")

    async def listed(self) -> list[Partition]:
        """Return every partition, also those detached that still wait, by table and month."""
        query = text(
            "SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows, "
            "pg_total_relation_size(c.oid) AS size_octets, c.relispartition AS is_attached "
            "FROM pg_class c WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND c.relname ~ :pattern "
            "ORDER BY c.relname"
        )
        pattern = f"^({'|'.join(PARTITIONED)})_(default|y[0-9]{{4}}m[0-9]{{2}})$"
        return [
            _partition(row.name, row.rows, row.size_octets, row.is_attached)
            for row in await self._connection.execute(query, {"pattern": pattern})
        ]

    async def detach(self, partition: Partition) -> None:
        """Take a month out of its table; it stays as a table of its own until it is dropped."""
        await self._connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
        await self._connection.exec_driver_sql(f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name}")

    async def drop(self, partition: Partition) -> None:
        """Let go of a detached month."""
        await self._connection.exec_driver_sql(f"DROP TABLE {partition.name}")


def partition_name(table: str, month_on: date) -> str:
    """Return what a month's partition is called."""
    return f"{table}_y{month_on.year:04}m{month_on.month:02}"


def _partition(name: str, rows: int, size_octets: int, is_attached: bool) -> Partition:
    table, _, which = name.rpartition("_")
    found = _NAME.fullmatch(which)
    month_on = date(int(found[1]), int(found[2]), 1) if found else None
    return Partition(table, name, month_on, rows, size_octets, is_attached)
