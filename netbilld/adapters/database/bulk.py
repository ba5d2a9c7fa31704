"""Many rows in one statement through the driver itself: what the meter writes, several times as fast as row by row.

SQLite takes them with executemany, values converted here as the column types would; PostgreSQL takes one array a column
and unnests them.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Boolean, Date, Integer, LargeBinary, String, Table, Uuid
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from netbilld.adapters.database.tables import Instant, metadata

Row = Sequence[Any]


async def insert_rows(
    connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str = ""
) -> int:
    """Insert rows given in the order of `columns`, return how many; `conflict` is an ON CONFLICT clause."""
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in columns)
        sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608 - names of our own
        return await _executemany(connection, sql, _converters(table.name, columns), rows)
    arrays = _unnest(table.name, columns)
    sql = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM {arrays} {conflict}"  # noqa: S608 - likewise
    done = await connection.exec_driver_sql(sql, tuple(list(column) for column in zip(*rows, strict=True)))
    return int(done.rowcount)


async def insert_together(
    connection: AsyncConnection,
    first: tuple[Table, tuple[str, ...], Sequence[Row]],
    then: tuple[Table, tuple[str, ...], Sequence[Row]],
) -> None:
    """Insert rows of two tables in one statement of PostgreSQL: what looks at either sees both."""
    (one, its_columns, its_rows), (other, other_columns, other_rows) = first, then
    arrays = _unnest(one.name, its_columns), _unnest(other.name, other_columns, len(its_columns))
    sql = (
        f"WITH inserted AS (INSERT INTO {one.name} ({', '.join(its_columns)}) SELECT * FROM {arrays[0]})"  # noqa: S608 - names of our own
        f" INSERT INTO {other.name} ({', '.join(other_columns)}) SELECT * FROM {arrays[1]}"
    )
    values = [_columns(its_columns, its_rows), _columns(other_columns, other_rows)]
    await connection.exec_driver_sql(sql, (*values[0], *values[1]))


async def update_rows(
    connection: AsyncConnection, table: Table, key: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Set `columns` of the rows whose `key` is each row's first value; the values follow it in order."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        settings = ", ".join(f"{column} = ?{number}" for number, column in enumerate(columns, 2))
        sql = f"UPDATE {table.name} SET {settings} WHERE {key} = ?1"  # noqa: S608 - names of our own
        await _executemany(connection, sql, _converters(table.name, (key, *columns)), rows)
        return
    settings = ", ".join(f"{column} = new.{column}" for column in columns)
    names = ", ".join((key, *columns))
    arrays = _unnest(table.name, (key, *columns))
    sql = f"UPDATE {table.name} SET {settings} FROM {arrays} AS new ({names}) WHERE {table.name}.{key} = new.{key}"  # noqa: S608 - likewise
    await connection.exec_driver_sql(sql, tuple(list(column) for column in zip(*rows, strict=True)))


async def _executemany(
    connection: AsyncConnection, sql: str, converters: Sequence[tuple[int, Callable[[Any], Any]]], rows: Sequence[Row]
) -> int:
    converted = []
    for row in rows:
        values = list(row)
        for at, convert in converters:
            if values[at] is not None:
                values[at] = convert(values[at])
        converted.append(tuple(values))
    return int((await connection.exec_driver_sql(sql, converted)).rowcount)


def _columns(columns: Sequence[str], rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]


def _hex(value: UUID) -> str:
    return value.hex


def instant_text(value: datetime) -> str:
    """Return an instant as SQLite keeps it: UTC, without a zone."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _date(value: date) -> str:
    return value.isoformat()


_CONVERTERS: Final[tuple[tuple[type[TypeEngine[Any]], Callable[[Any], Any]], ...]] = (
    (Instant, instant_text),
    (Uuid, _hex),
    (Date, _date),
)
_ARRAYS: Final[tuple[tuple[type[TypeEngine[Any]], str], ...]] = (
    (Instant, "timestamptz"),
    (Uuid, "uuid"),
    (Date, "date"),
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (String, "text"),
    (LargeBinary, "bytea"),
    (JSON, "json"),  # given as text
)


@lru_cache(maxsize=64)
def _converters(table: str, columns: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    found = []
    for at, column in enumerate(columns):
        kind = metadata.tables[table].c[column].type
        for of_type, convert in _CONVERTERS:
            if isinstance(kind, of_type):
                found.append((at, convert))
                break
    return tuple(found)


@lru_cache(maxsize=64)
def _unnest(table: str, columns: tuple[str, ...], after: int = 0) -> str:
    kinds = []
    for number, column in enumerate(columns, after + 1):
        kind = metadata.tables[table].c[column].type
        name = next(name for of_type, name in _ARRAYS if isinstance(kind, of_type))
        kinds.append(f"${number}::{name}[]")
    return f"unnest({', '.join(kinds)})"
