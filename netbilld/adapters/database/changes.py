"""The audit trail, which doubles as the feed that running daemons follow."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import changes
from netbilld.model.actor import Actor

CHANNEL: Final = "netbilld_changes"  # PostgreSQL's NOTIFY channel


@dataclass(frozen=True, slots=True)
class Change:
    """One change: who did what to which thing."""

    id: int
    at: datetime
    actor: str
    origin: str
    action: str
    entity: str
    entity_id: str
    details: Mapping[str, Any]


class ChangeStore:
    """Append and follow; nothing edits a change."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(
        self,
        actor: Actor,
        at: datetime,
        action: str,
        entity: str,
        entity_id: UUID | int | str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a change in the transaction that makes it, and wake the daemons when it commits.

        `details` is JSON and never holds a secret; a change to a service's subscriber, plan, status, money or
        credential names the services it may affect as `details["service_ids"]`.
        """
        await self._connection.execute(
            insert(changes).values(
                at=at,
                actor=actor.name,
                origin=actor.origin,
                action=action,
                entity=entity,
                entity_id=str(entity_id),
                details=dict(details or {}),
            )
        )
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))

    async def record_many(
        self,
        actor: Actor,
        at: datetime,
        action: str,
        entity: str,
        entries: Sequence[tuple[UUID | int | str, Mapping[str, Any]]],
    ) -> None:
        """Write down the same kind of change of many things: (entity id, details) each; see record."""
        if not entries:
            return
        author = {"at": at, "actor": actor.name, "origin": actor.origin, "action": action, "entity": entity}
        await self._connection.execute(
            insert(changes),
            [{**author, "entity_id": str(entity_id), "details": dict(details)} for entity_id, details in entries],
        )
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))

    async def newest_ids(self, most: int) -> Sequence[int]:
        """Return the numbers of the newest changes, newest first."""
        return (await self._connection.scalars(select(changes.c.id).order_by(changes.c.id.desc()).limit(most))).all()

    async def since(self, change_id: int, missed: Collection[int] = ()) -> list[Change]:
        """Return changes with a higher number, and those that were missed by now, oldest first.

        Numbers are given out before transactions commit, so a lower one can become visible after a higher one. When a
        change was made tells nothing of that: whoever makes it goes by a clock of his own.

        Args:
            change_id: the highest number known.
            missed: lower ones that were not there yet.
        """
        wanted = changes.c.id > change_id
        if missed:
            wanted |= changes.c.id.between(min(missed), max(missed))
        rows = (await self._connection.execute(select(changes).where(wanted).order_by(changes.c.id))).mappings()
        return [Change(**row) for row in rows if row["id"] > change_id or row["id"] in missed]

    async def about(self, entity: str, entity_id: UUID | int | str, limit: int = 50) -> Sequence[Change]:
        """Return the newest changes of one thing, newest first."""
        query = (
            select(changes)
            .where(changes.c.entity == entity, changes.c.entity_id == str(entity_id))
            .order_by(changes.c.id.desc())
            .limit(limit)
        )
        return [Change(**row) for row in (await self._connection.execute(query)).mappings()]
