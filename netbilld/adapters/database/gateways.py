"""Payments that gateways were asked for, and everything that was said of them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    gateway_attempts,
    gateway_facts,
    gateway_refunds,
    gateway_transactions,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.gateway import Books, Fact, GatewayState
from netbilld.ports.gateway_records import Attempt, Refund, Transaction
from netbilld.ports.gateways import Made

_ATTEMPT: Final = tuple(field.name for field in fields(Attempt))
_OPEN: Final = [state.value for state in GatewayState if state.is_open]
_LONGEST_TROUBLE: Final = 300


class GatewayStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- attempts ------------------------------------------------------------------------------------------------------

    async def add(self, attempt: Attempt) -> None:
        """Put a new attempt on record."""
        values = {**asdict(attempt), "state": attempt.state.value}
        await self._connection.execute(gateway_attempts.insert().values(values))

    async def find(self, ref: str, *, lock: bool = False) -> Attempt | None:
        """Return an attempt by our name of it."""
        query = select(gateway_attempts).where(gateway_attempts.c.ref == ref)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return None if row is None else attempt_of(row)

    async def like(
        self,
        subscriber_id: UUID,
        gateway: str,
        method: str,
        amount_minor: int,
        invoice_id: UUID | None,
        open_after: datetime,
    ) -> Attempt | None:
        """Return the newest attempt of the same payment that can be paid still."""
        query = (
            select(gateway_attempts)
            .where(
                gateway_attempts.c.subscriber_id == subscriber_id,
                gateway_attempts.c.gateway == gateway,
                gateway_attempts.c.method == method,
                gateway_attempts.c.amount_minor == amount_minor,
                gateway_attempts.c.invoice_id.is_(None)
                if invoice_id is None
                else gateway_attempts.c.invoice_id == invoice_id,
                gateway_attempts.c.state.in_(_OPEN),
                gateway_attempts.c.expires_at > open_after,
            )
            .order_by(gateway_attempts.c.created_at.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else attempt_of(row)

    async def begun_since(self, subscriber_id: UUID, since: datetime) -> int:
        """Return how many attempts a subscriber has begun since then."""
        query = select(func.count()).where(
            gateway_attempts.c.subscriber_id == subscriber_id, gateway_attempts.c.created_at >= since
        )
        return int(await self._connection.scalar(query) or 0)

    async def made(self, ref: str, made: Made, next_look_at: datetime | None) -> None:
        """Write down how an attempt is paid."""
        values: dict[str, Any] = asdict(made)
        if values["expires_at"] is None:
            del values["expires_at"]
        await self._connection.execute(
            update(gateway_attempts)
            .where(gateway_attempts.c.ref == ref)
            .values(next_look_at=next_look_at, trouble="", **values)
        )

    async def note_ref(self, ref: str, gateway_ref: str) -> None:
        """Write down how the gateway calls an attempt that nobody is shown how to pay."""
        await self._connection.execute(
            update(gateway_attempts).where(gateway_attempts.c.ref == ref).values(gateway_ref=gateway_ref)
        )

    async def said(
        self, ref: str, state: GatewayState, raw_status: str, paid_at: datetime | None, *, by_callback: bool
    ) -> None:
        """Write down how far an attempt is."""
        values: dict[str, Any] = {"state": state.value, "raw_status": raw_status[:60]}
        if paid_at is not None:
            values["paid_at"] = func.coalesce(gateway_attempts.c.paid_at, paid_at)
        if by_callback:
            values["notices"] = gateway_attempts.c.notices + 1
        await self._connection.execute(update(gateway_attempts).where(gateway_attempts.c.ref == ref).values(values))

    async def looked(self, ref: str, looks: int, next_look_at: datetime | None, trouble: str) -> None:
        """Write down that its status was asked for, or tried to be."""
        await self._connection.execute(
            update(gateway_attempts)
            .where(gateway_attempts.c.ref == ref)
            .values(looks=looks, next_look_at=next_look_at, trouble=trouble[:_LONGEST_TROUBLE])
        )

    async def due(self, now: datetime, limit: int) -> list[Attempt]:
        """Return the attempts whose status is to be asked for now, longest due first."""
        query = (
            select(gateway_attempts)
            .where(gateway_attempts.c.next_look_at <= now)
            .order_by(gateway_attempts.c.next_look_at)
            .limit(limit)
        )
        return [attempt_of(row) for row in (await self._connection.execute(query)).mappings()]

    async def page(
        self, states: Collection[str], text: str, limit: int, offset: int
    ) -> tuple[list[tuple[Attempt, str, str]], int]:
        """Return so many attempts, newest first, each with number and name of its subscriber; and how many there are.

        Number and name are empty where a voucher is bought.

        Args:
            states: of the attempts; none is every one.
            text: a ref, a gateway's name of it, a number to pay to, or a subscriber's number; empty is everything.
            limit: at most so many.
            offset: after so many.
        """
        chosen: list[ColumnElement[bool]] = []
        if states:
            chosen.append(gateway_attempts.c.state.in_(list(states)))
        if text:
            named = select(gateway_transactions.c.ref).where(gateway_transactions.c.transaction_name == text)
            chosen.append(
                or_(
                    gateway_attempts.c.ref == text,
                    gateway_attempts.c.gateway_ref == text,
                    gateway_attempts.c.number == text,
                    subscribers.c.number == text,
                    gateway_attempts.c.ref.in_(named),
                )
            )
        joined = gateway_attempts.outerjoin(subscribers, subscribers.c.id == gateway_attempts.c.subscriber_id)
        total = await self._connection.scalar(select(func.count()).select_from(joined).where(*chosen))
        query = (
            select(gateway_attempts, subscribers.c.number.label("subscriber_no"), subscribers.c.name.label("payer"))
            .select_from(joined)
            .where(*chosen)
            .order_by(gateway_attempts.c.created_at.desc(), gateway_attempts.c.ref)
            .limit(limit)
            .offset(offset)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [(attempt_of(row), row["subscriber_no"] or "", row["payer"] or "") for row in rows], int(total or 0)

    # -- what was said -------------------------------------------------------------------------------------------------

    async def add_fact(self, ref: str, transaction: str, fact: Fact, now: datetime) -> None:
        """Add a fact to the set; of one that is there already the larger refund stays."""
        insert = insert_into(self._connection, gateway_facts).values(
            ref=ref,
            transaction_name=transaction,
            state=fact.state.value,
            refunded_minor=fact.refunded_minor,
            first_at=now,
        )
        statement = insert.on_conflict_do_update(
            index_elements=["ref", "transaction_name", "state"],
            set_={"refunded_minor": insert.excluded.refunded_minor},
            where=gateway_facts.c.refunded_minor < insert.excluded.refunded_minor,
        )
        await self._connection.execute(statement)

    async def facts(self, ref: str) -> dict[str, set[Fact]]:
        """Return everything that was said of an attempt, by transaction."""
        found: dict[str, set[Fact]] = defaultdict(set)
        query = select(gateway_facts).where(gateway_facts.c.ref == ref)
        for row in (await self._connection.execute(query)).mappings():
            found[row["transaction_name"]].add(Fact(GatewayState(row["state"]), row["refunded_minor"]))
        return dict(found)

    async def transaction(self, ref: str, name: str) -> Transaction | None:
        """Return what stands in the books of one transaction."""
        return next((one for one in await self.transactions(ref) if one.name == name), None)

    async def transactions(self, ref: str) -> list[Transaction]:
        """Return what stands in the books of an attempt."""
        query = select(gateway_transactions).where(gateway_transactions.c.ref == ref)
        return [transaction_of(row) for row in (await self._connection.execute(query)).mappings()]

    async def save(self, transaction: Transaction) -> None:
        """Write down what stands in the books now."""
        values = {
            "gateway": transaction.gateway,
            "credited_minor": transaction.books.credited_minor,
            "refunded_minor": transaction.books.refunded_minor,
            "is_reversed": transaction.books.is_reversed,
            "fee_minor": transaction.fee_minor,
            "payment_id": transaction.payment_id,
            "paid_on": transaction.paid_on,
        }
        statement = (
            insert_into(self._connection, gateway_transactions)
            .values(ref=transaction.ref, transaction_name=transaction.name, **values)
            .on_conflict_do_update(index_elements=["ref", "transaction_name"], set_=values)
        )
        await self._connection.execute(statement)

    # -- refunds -------------------------------------------------------------------------------------------------------

    async def ask_refund(self, refund: Refund) -> None:
        """Put a refund on record before the gateway is asked for it."""
        values = asdict(refund)
        values["transaction_name"] = values.pop("transaction")
        await self._connection.execute(gateway_refunds.insert().values(values))

    async def refund(self, refund_id: UUID) -> Refund | None:
        """Return one refund."""
        query = select(gateway_refunds).where(gateway_refunds.c.id == refund_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _refund(row)

    async def refunds(self, ref: str) -> list[Refund]:
        """Return what was asked back of an attempt, oldest first."""
        query = select(gateway_refunds).where(gateway_refunds.c.ref == ref).order_by(gateway_refunds.c.asked_at)
        return [_refund(row) for row in (await self._connection.execute(query)).mappings()]

    async def end_refund(self, refund: Refund) -> None:
        """Write down what became of a refund."""
        await self._connection.execute(
            update(gateway_refunds)
            .where(gateway_refunds.c.id == refund.id)
            .values(state=refund.state, detail=refund.detail[:300], ended_at=refund.ended_at)
        )


def attempt_of(row: RowMapping) -> Attempt:
    """Return the attempt that a row is."""
    found = Attempt(**{name: row[name] for name in _ATTEMPT})
    return replace(found, state=GatewayState(found.state))


def transaction_of(row: RowMapping) -> Transaction:
    """Return the transaction that a row is."""
    return Transaction(
        row["ref"],
        row["transaction_name"],
        row["gateway"],
        Books(row["credited_minor"], row["refunded_minor"], row["is_reversed"]),
        row["fee_minor"],
        row["payment_id"],
        row["paid_on"],
    )


def _refund(row: RowMapping) -> Refund:
    return Refund(
        row["id"],
        row["ref"],
        row["transaction_name"],
        row["amount_minor"],
        row["total_minor"],
        row["reason"],
        row["state"],
        row["detail"],
        row["actor"],
        row["asked_at"],
        row["ended_at"],
    )
