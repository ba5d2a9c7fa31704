"""Late fees that were decided on, until they are lines of an invoice."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.tables import invoices, late_fees
from netbilld.adapters.database.upsert import insert_into

_IDS_A_QUERY: Final = 10_000


@dataclass(frozen=True, slots=True)
class LateFee:
    """A fine; `number` is of the invoice that was late, `billed_id` the invoice it is a line of."""

    id: int
    invoice_id: UUID
    number: str
    stage: int
    subscriber_id: UUID
    amount_minor: int
    currency: str
    decided_on: date
    billed_id: UUID | None
    waived_because: str | None


class LateFeeStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, invoice_id: UUID, stage: int, subscriber_id: UUID, amount_minor: int, currency: str, decided_on: date
    ) -> bool:
        """Keep a fine; return False where this stage of this invoice has had its own."""
        statement = (
            insert_into(self._connection, late_fees)
            .values(
                invoice_id=invoice_id,
                stage=stage,
                subscriber_id=subscriber_id,
                amount_minor=amount_minor,
                currency=currency,
                decided_on=decided_on,
            )
            .on_conflict_do_nothing()
            .returning(late_fees.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def waiting(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, list[LateFee]]:
        """Return, by subscriber, what is to be a line of their next invoice, oldest first."""
        found: dict[UUID, list[LateFee]] = defaultdict(list)
        wanted = list(subscriber_ids)
        for start in range(0, len(wanted), _IDS_A_QUERY):
            query = (
                _fees()
                .where(
                    among(self._connection, late_fees.c.subscriber_id, wanted[start : start + _IDS_A_QUERY]),
                    late_fees.c.billed_id.is_(None),
                    late_fees.c.waived_at.is_(None),
                )
                .order_by(late_fees.c.id)
            )
            for row in await self._connection.execute(query):
                fee = LateFee(*row)
                found[fee.subscriber_id].append(fee)
        return dict(found)

    async def of_invoice(self, number: str) -> list[LateFee]:
        """Return what one invoice was fined, in order of stages."""
        query = _fees().where(invoices.c.number == number.strip().upper()).order_by(late_fees.c.stage)
        return [LateFee(*row) for row in await self._connection.execute(query)]

    async def waive(self, fee_id: int, actor: str, because: str, now: datetime) -> bool:
        """Let one go that is not billed; return False where it is, or was let go before."""
        done = await self._connection.execute(
            update(late_fees)
            .where(late_fees.c.id == fee_id, late_fees.c.billed_id.is_(None), late_fees.c.waived_at.is_(None))
            .values(waived_at=now, waived_by=actor, waived_because=because)
        )
        return int(done.rowcount) == 1


def _fees() -> Any:
    table = late_fees.c
    return select(
        table.id, table.invoice_id, invoices.c.number, table.stage, table.subscriber_id, table.amount_minor,
        table.currency, table.decided_on, table.billed_id, table.waived_because,
    ).join(invoices, invoices.c.id == table.invoice_id)  # fmt: skip
