"""Money that waits for a person to say whose it is."""

from dataclasses import asdict, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import parked_payments
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.errors import NotFoundError
from netbilld.services.park_payments import ParkedPayment


class ParkedPaymentStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, parked: ParkedPayment) -> bool:
        """Store it; False where its method and reference are there already."""
        statement = (
            insert_into(self._connection, parked_payments)
            .values(**asdict(parked))
            .on_conflict_do_nothing(index_elements=["method", "reference"])
            .returning(parked_payments.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def find(self, text: str, *, lock: bool = False) -> ParkedPayment:
        """Return the one with that id, or with an id that begins so and is the only one.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        found = await self._beginning(text.strip().replace("-", ""))
        if len(found) != 1:
            said = "no" if not found else "more than one"
            raise NotFoundError(
                f"{said} parked payment {text.strip()[:60]!r}", hint="`netbilld payment parked` lists them"
            )
        query = select(parked_payments).where(parked_payments.c.id == found[0])
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one()
        return _parked(row)

    async def _beginning(self, wanted: str) -> list[UUID]:
        """Return the ids that begin so, two at most."""
        try:
            lowest, highest = UUID(wanted.ljust(32, "0")), UUID(wanted.ljust(32, "f"))
        except ValueError:
            return []
        if not wanted:
            return []
        query = select(parked_payments.c.id).where(parked_payments.c.id.between(lowest, highest)).limit(2)
        return list((await self._connection.scalars(query)).all())

    async def decide(
        self, parked_id: UUID, status: str, at: datetime, by: str, reason: str, payment_id: UUID | None
    ) -> None:
        """Write down what was decided."""
        await self._connection.execute(
            update(parked_payments)
            .where(parked_payments.c.id == parked_id)
            .values(status=status, decided_at=at, decided_by=by[:200], reason=reason[:200], payment_id=payment_id)
        )

    async def listed(self, *, waiting_only: bool) -> list[ParkedPayment]:
        """Return what waits, or waited too, oldest first."""
        query = select(parked_payments).order_by(parked_payments.c.received_on, parked_payments.c.recorded_at)
        if waiting_only:
            query = query.where(parked_payments.c.status == "parked")
        return [_parked(row) for row in (await self._connection.execute(query)).mappings()]

    async def page(self, chosen: ColumnElement[bool], limit: int, offset: int) -> list[ParkedPayment]:
        """Return so many of the chosen ones, oldest first."""
        query = (
            select(parked_payments)
            .where(chosen)
            .order_by(parked_payments.c.received_on, parked_payments.c.recorded_at, parked_payments.c.id)
            .limit(limit)
            .offset(offset)
        )
        return [_parked(row) for row in (await self._connection.execute(query)).mappings()]


def _parked(row: RowMapping) -> ParkedPayment:
    return ParkedPayment(**{field.name: row[field.name] for field in fields(ParkedPayment)})
