"""Locks: where services may log in from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import changes, nas, service_locks, services
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.service_lock import ServiceLock
from netbilld.services.learned_locks import Lesson
from netbilld.services.manage_locks import LOCK_ACTIONS

_IDS_A_QUERY = 5_000


class LockStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, service_id: UUID) -> list[ServiceLock]:
        """Return a service's locks by kind and value; a NAS's with its name, that of a removed one too."""
        table = service_locks.c
        query = select(table.kind, table.value, table.learned, table.created_at)
        found = (await self._connection.execute(query.where(table.service_id == service_id))).all()
        ids = [UUID(row.value) for row in found if row.kind == "nas"]
        names: dict[str, str] = {}
        if ids:
            for row in await self._connection.execute(select(nas.c.id, nas.c.name).where(nas.c.id.in_(ids))):
                names[str(row.id)] = row.name
        locks = [
            ServiceLock(row.kind, row.value, row.learned, row.created_at, names.get(row.value, row.value))
            for row in found
        ]
        return sorted(locks, key=lambda lock: (lock.kind, lock.shown))

    async def set(
        self, service_id: UUID, kind: str, values: Collection[str], *, learned: bool, created_at: datetime
    ) -> None:
        """Lock a service to these values of a kind, whatever it was locked to before."""
        table = service_locks.c
        await self._connection.execute(delete(service_locks).where(table.service_id == service_id, table.kind == kind))
        rows = [
            {"service_id": service_id, "kind": kind, "value": value, "learned": learned, "created_at": created_at}
            for value in values
        ]
        if rows:
            await self._connection.execute(insert_into(self._connection, service_locks), rows)

    async def remove(self, service_id: UUID, kinds: Collection[str] | None, *, learned_only: bool = False) -> int:
        """Take off locks of these kinds, of every kind for None; return how many."""
        query = delete(service_locks).where(service_locks.c.service_id == service_id)
        if kinds is not None:
            query = query.where(service_locks.c.kind.in_(kinds))
        if learned_only:
            query = query.where(service_locks.c.learned.is_(True))
        return (await self._connection.execute(query)).rowcount

    async def learn(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Write down what log-ins have taught; return what is too old to teach anything.

        Where a service is locked by that kind meanwhile, that stays. A log-in from before a person changed the locks of
        its subscriber teaches nothing: whoever has taken a lock off does not want it back.
        """
        table = service_locks.c
        known: set[tuple[UUID, str]] = set()
        changed_at: dict[UUID, datetime] = {}
        ids = list({lesson.service_id for lesson in lessons})
        for start in range(0, len(ids), _IDS_A_QUERY):
            some = ids[start : start + _IDS_A_QUERY]
            # whoever sets locks by hand holds the service too, so that neither writes beside the other
            held = select(services.c.id, services.c.subscriber_id).where(services.c.id.in_(some))
            found = await self._connection.execute(held.order_by(services.c.id).with_for_update(key_share=True))
            changed_at |= await self._changed_at({row.id: row.subscriber_id for row in found})
            query = select(table.service_id, table.kind).where(table.service_id.in_(some))
            known |= {(row.service_id, row.kind) for row in await self._connection.execute(query)}
        outdated = [one for one in lessons if (at := changed_at.get(one.service_id)) is not None and one.at <= at]
        rows = [
            {
                "service_id": lesson.service_id,
                "kind": lesson.kind,
                "value": lesson.value,
                "learned": True,
                "created_at": lesson.at,
            }
            for lesson in lessons
            if (lesson.service_id, lesson.kind) not in known and lesson not in outdated
        ]
        if rows:
            statement = insert_into(self._connection, service_locks).on_conflict_do_nothing()
            await self._connection.execute(statement, rows)
        return outdated

    async def _changed_at(self, subscriber_of: dict[UUID, UUID]) -> dict[UUID, datetime]:
        """Return, by service, when a person last changed locks of its subscriber."""
        query = (
            select(changes.c.entity_id, func.max(changes.c.at).label("at"))
            .where(
                changes.c.entity == "subscriber",
                changes.c.entity_id.in_([str(subscriber_id) for subscriber_id in set(subscriber_of.values())]),
                changes.c.action.in_(LOCK_ACTIONS),
            )
            .group_by(changes.c.entity_id)
        )
        at = {row.entity_id: row.at for row in await self._connection.execute(query)}
        return {service_id: at[str(owner)] for service_id, owner in subscriber_of.items() if str(owner) in at}
