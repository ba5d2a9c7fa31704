"""What read-only queries share: a connection, and how lists name a service."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, ScalarSelect, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import credentials, services, sessions

# stale ones are presumed dead: they are shown, and not counted as online
ONLINE_STATES: Final = ("starting", "live", "late")


class Queries:
    """Read-only queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        rows: Sequence[RowMapping] = (await self._connection.execute(query)).mappings().all()
        return rows

    async def _row(self, query: Select[Any]) -> RowMapping | None:
        row: RowMapping | None = (await self._connection.execute(query)).mappings().first()
        return row

    async def _number(self, query: Select[Any]) -> int:
        return int(await self._connection.scalar(query) or 0)


def first_username(service_id: ColumnElement[UUID]) -> ScalarSelect[str]:
    """Return the name that stands for a service: its password credential before a MAC, the oldest first."""
    return (
        select(credentials.c.name)
        .where(credentials.c.service_id == service_id)
        .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
        .limit(1)
        .scalar_subquery()
    )


def is_online() -> ColumnElement[bool]:
    """Return whether the service of the enclosing query has a session that is alive."""
    return exists().where(
        sessions.c.service_id == services.c.id, sessions.c.stopped_at.is_(None), sessions.c.state.in_(ONLINE_STATES)
    )


def like(text: str) -> str:
    """Return a LIKE pattern that finds `text` anywhere; its own wildcards are escaped with a backslash."""
    return f"%{escaped(text)}%"


def escaped(text: str) -> str:
    """Return a LIKE pattern, or a part of one, that stands for just this text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
