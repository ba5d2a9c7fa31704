"""The brake on record: one row for everybody, and a row for each service that it holds open."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.tables import brake, brake_holds, credentials, desired, services, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.brake import BrakeState, HeldService, PulledFor

_THE_ONE: Final = 1
_ALONE: Final = 0x6E62_6272_0000  # an advisory lock of PostgreSQL
_IDS_A_QUERY: Final = 1_000
_FOR_MONEY: Final = ("expired", "overdue")
_CLOSED: Final = ("walled", "blocked")


class BrakeQueries:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def alone(self) -> None:
        """Let nobody else decide on the brake before this transaction ends; on SQLite only one writes anyway."""
        if self._connection.dialect.name != "sqlite":
            await self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ALONE})

    async def state(self) -> BrakeState | None:
        """Return how the brake stands; None where it was never pulled."""
        row = (await self._connection.execute(select(brake).where(brake.c.id == _THE_ONE))).mappings().one_or_none()
        if row is None:
            return None
        waiting = select(func.count()).select_from(brake_holds).where(brake_holds.c.released_at.is_(None))
        held = int((await self._connection.scalar(waiting)) or 0)
        return BrakeState(**{name: row[name] for name in brake.c.keys() if name != "id"}, held=held)  # noqa: SIM118 - a column collection is no dict

    async def base(self) -> int:
        """Return how many services are active."""
        query = select(func.count()).select_from(services).where(services.c.status == "active")
        return int((await self._connection.scalar(query)) or 0)

    async def closed_since(self, at: datetime) -> int:
        """Return how many services were closed for money since, without those that a person has let through."""
        table = desired.c
        query = (
            select(func.count())
            .select_from(desired)
            .where(
                table.since_at > at,
                table.reason.in_(_FOR_MONEY),
                table.access.in_(_CLOSED),
                ~exists().where(brake_holds.c.service_id == table.service_id, brake_holds.c.released_at.is_not(None)),
            )
        )
        return int((await self._connection.scalar(query)) or 0)

    async def released(self, service_ids: Collection[UUID]) -> set[UUID]:
        """Return those of the services that a person has let through."""
        found: set[UUID] = set()
        wanted = list(service_ids)
        for start in range(0, len(wanted), _IDS_A_QUERY):
            part = wanted[start : start + _IDS_A_QUERY]
            query = select(brake_holds.c.service_id).where(
                among(self._connection, brake_holds.c.service_id, part), brake_holds.c.released_at.is_not(None)
            )
            found.update((await self._connection.scalars(query)).all())
        return found

    async def pull(self, pulled_for: PulledFor, because: str, closing: int, base: int, by: str, now: datetime) -> None:
        """Put the brake on; where it is on already, by this word from now on."""
        values = {
            "is_on": True,
            "pulled_for": pulled_for,
            "because": because,
            "closing": closing,
            "base": base,
            "since_at": now,
            "by": by,
            "released_at": None,
            "released_by": None,
        }
        statement = insert_into(self._connection, brake).values(id=_THE_ONE, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    async def hold(self, service_ids: Collection[UUID], now: datetime) -> None:
        """Hold these open."""
        statement = insert_into(self._connection, brake_holds).on_conflict_do_nothing()
        rows = [{"service_id": service_id, "held_at": now} for service_id in service_ids]
        for start in range(0, len(rows), _IDS_A_QUERY):
            await self._connection.execute(statement, rows[start : start + _IDS_A_QUERY])

    async def held(self) -> Sequence[UUID]:
        """Return the services that are held open."""
        query = select(brake_holds.c.service_id).where(brake_holds.c.released_at.is_(None))
        return (await self._connection.scalars(query)).all()

    async def held_services(self, most: int) -> Sequence[HeldService]:
        """Return whom the brake holds open, by name, as many as that."""
        username = (
            select(credentials.c.name)
            .where(credentials.c.service_id == services.c.id)
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(services.c.id, username, subscribers.c.number, subscribers.c.name, brake_holds.c.held_at)
            .select_from(
                brake_holds.join(services, services.c.id == brake_holds.c.service_id).join(
                    subscribers, subscribers.c.id == services.c.subscriber_id
                )
            )
            .where(brake_holds.c.released_at.is_(None))
            .order_by(subscribers.c.name, services.c.id)
            .limit(most)
        )
        return [
            HeldService(service_id, name or "", number, owner, held_at)
            for service_id, name, number, owner, held_at in await self._connection.execute(query)
        ]

    async def let_go(self, service_ids: Collection[UUID]) -> None:
        """Hold these no longer, as if they never had been."""
        wanted = list(service_ids)
        for start in range(0, len(wanted), _IDS_A_QUERY):
            part = wanted[start : start + _IDS_A_QUERY]
            await self._connection.execute(
                delete(brake_holds).where(among(self._connection, brake_holds.c.service_id, part))
            )

    async def release(self, by: str, now: datetime) -> None:
        """Take the brake off, and let everybody through that it holds."""
        await self._connection.execute(
            update(brake).where(brake.c.id == _THE_ONE).values(is_on=False, released_at=now, released_by=by)
        )
        await self._connection.execute(
            update(brake_holds).where(brake_holds.c.released_at.is_(None)).values(released_at=now)
        )

    async def forget_released(self, before: datetime) -> None:
        """Forget whom a person let through before then."""
        await self._connection.execute(delete(brake_holds).where(brake_holds.c.released_at < before))
