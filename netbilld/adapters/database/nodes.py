"""Nodes on one database: who is there, and the proof that whoever acts in a duty still has it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import duty_terms, nodes
from netbilld.model.errors import StoreUnavailableError
from netbilld.model.node import NodeLine


class DutyLostError(StoreUnavailableError):
    """Another node has taken a duty over; nothing was written."""


class NodeStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[NodeLine]:
        """Return every node that has ever served, by name."""
        rows = (await self._connection.execute(select(nodes).order_by(nodes.c.name, nodes.c.id))).all()
        if not rows:
            return ()
        is_sqlite = self._connection.dialect.name == "sqlite"
        now = max(row.seen_at for row in rows) if is_sqlite else await self._connection.scalar(text("SELECT now()"))
        return [
            NodeLine(
                row.id,
                row.name,
                tuple(filter(None, row.roles.split(","))),
                tuple(filter(None, row.leads.split(","))),
                row.version,
                row.started_at,
                row.seen_at,
                (now - row.seen_at).total_seconds(),
                row.ended,
                row.clock_ahead_ms,
                row.hearing_since,
                row.journal_octets,
            )
            for row in rows
        ]

    async def now(self) -> datetime | None:
        """Return the time by PostgreSQL's clock; None where the database has none of its own."""
        if self._connection.dialect.name == "sqlite":
            return None
        told: datetime = (await self._connection.execute(select(func.clock_timestamp()))).scalar_one()
        return told

    async def prove(self, duty: str, term: int) -> None:
        """Keep a duty from being taken over until this transaction ends.

        Raises:
            DutyLostError: it has been taken over.
        """
        query = select(duty_terms.c.term).where(duty_terms.c.duty == duty).with_for_update(read=True)
        if await self._connection.scalar(query) != term:
            raise DutyLostError(f"another node has taken over: {duty}")
