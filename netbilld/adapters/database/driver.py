"""The driver itself, within SQLAlchemy's transaction: for the few statements that run thousands of rows a second.

What a statement costs beside its rows falls to a third that way, and PostgreSQL's COPY is to be had no other way. Ids
and instants are converted here for SQLite as the column types would.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import Row, insert_rows
from netbilld.adapters.database.tables import metadata
from netbilld.model.errors import StoreUnavailableError

# PostgreSQL manual, appendix A: a connection that is gone, a schema that was changed under us, a standby that takes no
# writes, no room on disk or in memory, a lock that is not to be had, a server that goes or is told to stop, a system
# that fails below it. Whatever is written then, fails.
_TROUBLES: Final = ("08", "0A", "25006", "42", "53", "55P03", "57", "58")

ROWS_A_TURN: Final = 250  # made into objects before others on the event loop have their turn
# PostgreSQL manual, COPY, "Binary Format": no flags, no extension; and what ends the rows
_COPY_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"
FROM_MICROSECONDS: Final = "timestamptz 'epoch' + {} * interval '1 microsecond'"  # exact until the year 2255
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_T = TypeVar("_T")


class Driver:
    """asyncpg's or aiosqlite's connection of a transaction; errors of a database that is away are translated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.is_sqlite: Final = connection.dialect.name == "sqlite"
        self._connection = connection
        self._driver: Any = None

    async def fetch(self, sql: str, *values: Any) -> Sequence[Any]:
        """Return the rows of a query; the values are as the driver takes them."""
        driver = await self._opened()
        with _translated(is_sqlite=self.is_sqlite):
            if self.is_sqlite:
                return list(await driver.execute_fetchall(sql, values))
            rows: Sequence[Any] = await driver.fetch(sql, *values)
            return rows

    async def execute(self, sql: str, *values: Any) -> int:
        """Return how many rows a statement has changed."""
        driver = await self._opened()
        with _translated(is_sqlite=self.is_sqlite):
            if self.is_sqlite:
                cursor = await driver.execute(sql, values)
                changed: int = cursor.rowcount
                await cursor.close()
                return changed
            status: str = await driver.execute(sql, *values)
            return int(status.rpartition(" ")[2])

    async def execute_many(self, sql: str, rows: Sequence[Row]) -> int:
        """Return how many rows SQLite has changed, with a statement for each of these."""
        driver = await self._opened()
        with _translated(is_sqlite=True):
            cursor = await driver.executemany(sql, rows)
            changed: int = cursor.rowcount
            await cursor.close()
            return changed

    async def append(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Insert rows that can't conflict with any."""
        if not rows:
            return
        if self.is_sqlite:
            await insert_rows(self._connection, metadata.tables[table], columns, rows)
            return
        driver = await self._opened()
        with _translated(is_sqlite=False):
            await driver.copy_records_to_table(table, records=rows, columns=columns)

    async def copy(self, table: str, columns: tuple[str, ...], portions: Iterable[bytes]) -> None:
        """Append rows on PostgreSQL that are in COPY's binary format already, a portion a turn of the event loop."""

        async def source() -> AsyncIterator[bytes]:
            yield _COPY_SIGNATURE
            for rows in portions:
                yield rows
                await asyncio.sleep(0)
            yield _COPY_TRAILER

        driver = await self._opened()
        with _translated(is_sqlite=False):
            await driver.copy_to_table(table, source=source(), columns=columns, format="binary")

    async def _opened(self) -> Any:
        if self._driver is None:
            driver: Any = (await self._connection.get_raw_connection()).driver_connection
            if not self.is_sqlite and not driver.is_in_transaction():
                await self._connection.exec_driver_sql("SELECT 1")  # begins the transaction, which is begun late
            self._driver = driver
        return self._driver


def array(values: Iterable[int | date | str]) -> str:
    """Return numbers, days or plain words as PostgreSQL writes an array, for a parameter such as `$1::text::bigint[]`.

    The driver itself asks of each element of an array whether it is one again, which costs more than all the rest.
    """
    return "{" + ",".join(map(str, values)) + "}"


def microseconds(at: datetime) -> int:
    """Return an instant as microseconds since 1970, which `FROM_MICROSECONDS` makes one again."""
    return (at - _EPOCH) // _MICROSECOND


async def in_turns(rows: Sequence[Any], make: Callable[[Any], _T]) -> list[_T]:
    """Return what is made of each row, without keeping others on the event loop waiting."""
    made: list[_T] = []
    for start in range(0, len(rows), ROWS_A_TURN):
        if start:
            await asyncio.sleep(0)
        made += [make(row) for row in rows[start : start + ROWS_A_TURN]]
    return made


def instant(kept: str | None) -> datetime | None:
    """Return an instant as SQLite keeps it."""
    return None if kept is None else datetime.fromisoformat(kept).replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
def shared_id(kept: str) -> UUID:
    """Return an id as SQLite keeps it, of a thing of which there are few."""
    return UUID(kept)


def is_in_trouble(error: BaseException | None) -> bool:
    """Tell whether PostgreSQL has refused for the state it is in, and not for what was asked of it."""
    return str(getattr(error, "sqlstate", None) or "").startswith(_TROUBLES)


@contextmanager
def _translated(*, is_sqlite: bool) -> Iterator[None]:
    """Turn connection trouble into StoreUnavailableError."""
    if is_sqlite:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(f"the database does not answer: {error}") from error
        return
    import asyncpg  # noqa: PLC0415 - commands on SQLite must start fast

    try:
        yield
    except (asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        if isinstance(error, ValueError):  # a value that no column holds, and no trouble at all
            raise
        if not (isinstance(error, asyncpg.InterfaceError | asyncpg.PostgresConnectionError) or is_in_trouble(error)):
            raise
        raise StoreUnavailableError(f"the database does not answer: {error}") from error
