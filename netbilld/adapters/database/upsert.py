"""INSERT … ON CONFLICT, which either database has and SQLAlchemy spells once for each."""

from typing import TYPE_CHECKING

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgreSqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_into(connection: AsyncConnection, table: Table) -> "PostgreSqlInsert | SqliteInsert":
    """Return an INSERT of the dialect in use; the other dialect is not even loaded."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert  # noqa: PLC0415 - slow to load

        return postgresql_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415 - slow to load

    return sqlite_insert(table)
