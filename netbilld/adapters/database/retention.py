"""Months that are no longer kept: taken out of their table, written to a file if one is wanted, then let go.

On PostgreSQL a month is detached first, so that nothing can slip into it any more, and dropped when its file is whole
and on the disk; whoever is interrupted finds the detached month again and makes the same file anew. On SQLite rows are
written and deleted; interrupted in between, some are in two files.
"""

# ruff: noqa: S608 - statements are put together from names of our own

import asyncio
import csv
import gzip
import io
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, text

from netbilld.adapters.database.bulk import instant_text
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PARTITIONED, Partition, PartitionStore, month_after, month_start
from netbilld.adapters.database.tables import metadata, usage_marks
from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.errors import NetbilldError

_ROWS: Final = 2_000  # deleted in one transaction on SQLite, where nobody else may write meanwhile
_COPY_SECONDS: Final = 6 * 3600.0  # a month of millions of rows takes its time
_LEVEL: Final = 3  # of gzip: a third of the size at a fifth of the time of the highest


class Retention:
    """Lets go of old months, one table at a time; one node at a time does so."""

    def __init__(self, database: Database, export_dir: Path | None) -> None:
        """Take where the files go; None writes none."""
        self._database = database
        self._directory = export_dir

    async def let_go(self, table: str, before_on: date) -> list[str]:
        """Let go of every month of a table that ended by the first of a month; return what was, file or name.

        Raises:
            StoreUnavailableError: the database is away.
            NetbilldError: a file can't be written; what it should hold stays in the database.
        """
        if self._database.is_sqlite:
            return await self._let_rows_go(table, before_on)
        return await self._let_partitions_go(table, before_on) + await self._let_strays_go(table, before_on)

    async def _let_partitions_go(self, table: str, before_on: date) -> list[str]:
        async with self._database.write() as work:
            store = PartitionStore(work.connection)
            listed = [one for one in await store.listed() if one.table == table and one.month_on is not None]
            old = [one for one in listed if one.is_attached and one.month_on is not None and one.month_on < before_on]
            for partition in old:
                await store.detach(partition)
            if old:
                await _mark(work, table, before_on)
        gone = []
        for partition in [*(one for one in listed if not one.is_attached), *old]:
            gone.append(await self._export(partition))
            async with self._database.write() as work:
                await PartitionStore(work.connection).drop(partition)
        return gone

    async def _export(self, partition: Partition) -> str:
        if self._directory is None:
            return partition.name
        target = self._directory / f"{partition.name}.csv.gz"
        async with self._file(target) as file, self._database.read() as work:
            driver: Any = (await work.connection.get_raw_connection()).driver_connection

            async def write(octets: bytes) -> None:
                await asyncio.to_thread(file.write, octets)

            await driver.copy_from_table(partition.name, output=write, format="csv", header=True, timeout=_COPY_SECONDS)
        return str(target)

    async def _let_strays_go(self, table: str, before_on: date) -> list[str]:
        """Let go of what came late for a month that is gone; there is little of it."""
        column = PARTITIONED[table][0]
        names = [one.name for one in metadata.tables[table].columns]
        async with self._database.write() as work:
            gone = await work.connection.execute(
                text(f"DELETE FROM {table}_default WHERE {column} < :edge RETURNING {', '.join(names)}"),
                {"edge": month_start(before_on)},
            )
            rows = gone.all()
            if not rows:
                return []
            if self._directory is None:
                return [f"{len(rows)} rows of {table}"]
            target = self._free(f"{table}_late")
            async with self._file(target) as file:
                file.write(_lines([names, *rows]))
            return [str(target)]

    async def _let_rows_go(self, table: str, before_on: date) -> list[str]:
        column = PARTITIONED[table][0]
        gone: list[str] = []
        while True:
            async with self._database.read() as work:
                first = await work.connection.scalar(text(f"SELECT min({column}) FROM {table}"))
                if first is None:
                    return gone
                month_on = date.fromisoformat(str(first)[:10]).replace(day=1)
                if month_on >= before_on:
                    return gone
                edge = instant_text(month_start(month_after(month_on)))
                newest = await work.connection.scalar(
                    text(f"SELECT max(rowid) FROM {table} WHERE {column} < :edge"), {"edge": edge}
                )
            gone.append(await self._export_rows(table, month_on, edge, newest))
            async with self._database.write() as work:
                await _mark(work, table, month_after(month_on))
            some = f"SELECT rowid FROM {table} WHERE {column} < :edge AND rowid <= :newest LIMIT {_ROWS}"
            deleted = _ROWS
            while deleted == _ROWS:
                async with self._database.write() as work:
                    done = await work.connection.execute(
                        text(f"DELETE FROM {table} WHERE rowid IN ({some})"), {"edge": edge, "newest": newest}
                    )
                    deleted = done.rowcount

    async def _export_rows(self, table: str, month_on: date, edge: str, newest: int) -> str:
        name = f"{table}_y{month_on.year:04}m{month_on.month:02}"
        if self._directory is None:
            return name
        column = PARTITIONED[table][0]
        names = [one.name for one in metadata.tables[table].columns]
        target = self._free(name)
        page = (
            f"SELECT rowid, {', '.join(names)} FROM {table} WHERE {column} < :edge AND rowid > :after "
            f"AND rowid <= :newest ORDER BY rowid LIMIT {_ROWS}"
        )
        async with self._file(target) as file:
            file.write(_lines([names]))
            after = 0
            while True:
                async with self._database.read() as work:
                    found = await work.connection.execute(text(page), {"edge": edge, "after": after, "newest": newest})
                    rows = found.all()
                if not rows:
                    break
                after = rows[-1][0]
                await asyncio.to_thread(file.write, _lines(row[1:] for row in rows))
        return str(target)

    def _free(self, name: str) -> Path:
        """Return a path that no file has yet: a month may be written in parts."""
        assert self._directory is not None  # noqa: S101 - the callers have looked
        target, number = self._directory / f"{name}.csv.gz", 1
        while target.exists():
            number += 1
            target = self._directory / f"{name}-{number}.csv.gz"
        return target

    @asynccontextmanager
    async def _file(self, target: Path) -> AsyncIterator[gzip.GzipFile]:
        """Give a file that gets its name only when it is whole and on the disk."""
        part = target.with_name(target.name + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as raw:
                os.fchmod(raw.fileno(), 0o640)  # user names, addresses and what they used
                with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, filename="", mtime=0) as file:
                    yield file
                raw.flush()
                await asyncio.to_thread(os.fsync, raw.fileno())
            part.replace(target)
            directory = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise NetbilldError(
                f"{target} can't be written: {error.strerror}",
                hint="set metering.export_dir to a directory with room; nothing is let go before",
                code="export_failed",
            ) from error


async def _mark(work: UnitOfWork, table: str, before_on: date) -> None:
    """Note since when a table is whole; it only moves forward."""
    at = month_start(before_on)
    known: datetime | None = await work.connection.scalar(select(usage_marks.c.at).where(usage_marks.c.name == table))
    if known is not None and known.astimezone(UTC) >= at:
        return
    mark = insert_into(work.connection, usage_marks).values(name=table, at=at)
    await work.connection.execute(mark.on_conflict_do_update(index_elements=["name"], set_={"at": at}))


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    for row in rows:
        writer.writerow(["\\x" + value.hex() if isinstance(value, bytes) else value for value in row])
    return output.getvalue().encode()
