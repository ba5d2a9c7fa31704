"""What gateways have paid out, and where gateway, bank and ledger differ."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Final, TypeVar

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    agent_deposits,
    bank_rows,
    gateway_findings,
    gateway_settlements,
    gateway_transactions,
    parked_payments,
    payments,
    refunds,
    voucher_refunds,
    voucher_sales,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.chart import clearing
from netbilld.billing.gateway_differences import BankRow, Difference, OurPayment, Payout
from netbilld.billing.payment import PaymentStatus
from netbilld.ports.gateway_records import Settlement
from netbilld.services.settle_gateways import Finding

_AT_ONCE: Final = 500
_FINDING: Final = tuple(field.name for field in fields(Finding))
_GONE: Final = "found no more"
_T = TypeVar("_T")


class SettlementStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- payouts -------------------------------------------------------------------------------------------------------

    async def payments_of(self, gateway: str, transactions: Sequence[str]) -> list[OurPayment]:
        """Return what our books say of these transactions."""
        found: list[OurPayment] = []
        for some in _batches(transactions):
            query = (
                select(gateway_transactions, gateway_settlements.c.reference.label("payout"))
                .join_from(
                    gateway_transactions,
                    gateway_settlements,
                    gateway_settlements.c.id == gateway_transactions.c.settlement_id,
                    isouter=True,
                )
                .where(gateway_transactions.c.gateway == gateway, gateway_transactions.c.transaction_name.in_(some))
            )
            for row in (await self._connection.execute(query)).mappings():
                kept = 0 if row["is_reversed"] else row["credited_minor"] - row["refunded_minor"]
                found.append(
                    OurPayment(
                        row["ref"],
                        row["transaction_name"],
                        row["credited_minor"],
                        kept,
                        row["fee_minor"] or 0,
                        row["payout"],
                    )
                )
        return found

    async def names_of(self, gateway: str, refs: Sequence[str]) -> dict[str, list[str]]:
        """Return, by our name of a payment, the gateway's names of what was credited by it."""
        found: dict[str, list[str]] = {}
        for some in _batches(refs):
            query = (
                select(gateway_transactions.c.ref, gateway_transactions.c.transaction_name)
                .where(
                    gateway_transactions.c.gateway == gateway,
                    gateway_transactions.c.ref.in_(some),
                    gateway_transactions.c.credited_minor > 0,
                )
                .order_by(gateway_transactions.c.ref, gateway_transactions.c.transaction_name)
            )
            for row in await self._connection.execute(query):
                found.setdefault(row.ref, []).append(row.transaction_name)
        return found

    async def settled(self, gateway: str, reference: str) -> Settlement | None:
        """Return the payout of that reference."""
        query = select(gateway_settlements).where(
            gateway_settlements.c.gateway == gateway, gateway_settlements.c.reference == reference
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else Settlement(**row)

    async def settle(self, settlement: Settlement, transactions: Sequence[tuple[str, str, int]]) -> bool:
        """Put a payout on record, with its transactions: ref, name and fee in minor units; False where it is there."""
        insert = insert_into(self._connection, gateway_settlements).values(asdict(settlement))
        added = await self._connection.execute(
            insert.on_conflict_do_nothing(index_elements=["gateway", "reference"]).returning(gateway_settlements.c.id)
        )
        if added.one_or_none() is None:
            return False
        for ref, name, fee_minor in transactions:
            await self._connection.execute(
                update(gateway_transactions)
                .where(gateway_transactions.c.ref == ref, gateway_transactions.c.transaction_name == name)
                .values(settlement_id=settlement.id, fee_minor=fee_minor)
            )
        return True

    async def payouts(self, gateway: str, since: date) -> list[Payout]:
        """Return the payouts of these days, oldest first."""
        query = (
            select(gateway_settlements)
            .where(gateway_settlements.c.gateway == gateway, gateway_settlements.c.settled_on >= since)
            .order_by(gateway_settlements.c.settled_on, gateway_settlements.c.reference)
        )
        return [
            Payout(row["reference"], row["settled_on"], row["net_minor"], row["bank_row_id"] is not None)
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def listed(self, limit: int) -> list[Settlement]:
        """Return the newest payouts of every gateway."""
        query = select(gateway_settlements).order_by(gateway_settlements.c.settled_on.desc()).limit(limit)
        return [Settlement(**row) for row in (await self._connection.execute(query)).mappings()]

    async def bank_rows(self, gateway: str, method: str, since: date) -> list[BankRow]:
        """Return rows of statements of that account that are nobody's yet."""
        del gateway
        query = (
            select(bank_rows)
            .where(bank_rows.c.status == "open", bank_rows.c.method == method, bank_rows.c.booked_on >= since)
            .order_by(bank_rows.c.booked_on, bank_rows.c.id)
        )
        return [
            BankRow(row["id"], row["booked_on"], row["amount_minor"], row["text"])
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def at_bank(self, gateway: str, reference: str, row_id: int, at: datetime, by: str) -> None:
        """Put a payout and the bank row that it is together; the row is no payment of a subscriber."""
        await self._connection.execute(
            update(bank_rows)
            .where(bank_rows.c.id == row_id, bank_rows.c.status == "open")
            .values(status="ignored", reason=f"payout {gateway} {reference}"[:200], decided_at=at, decided_by=by)
        )
        await self._connection.execute(
            update(gateway_settlements)
            .where(gateway_settlements.c.gateway == gateway, gateway_settlements.c.reference == reference)
            .values(bank_row_id=row_id)
        )

    # -- what the gateway holds ----------------------------------------------------------------------------------------

    async def documents_minor(self, gateway: str) -> int:
        """Return what the gateway should hold by every document."""
        taken = select(func.sum(payments.c.amount_minor)).where(
            payments.c.method == gateway,
            payments.c.status == PaymentStatus.RECEIVED.value,
            payments.c.collector.is_(None),
        )
        parked = select(func.sum(parked_payments.c.amount_minor)).where(
            parked_payments.c.method == gateway, parked_payments.c.status == "parked"
        )
        given = select(func.sum(refunds.c.amount_minor)).where(refunds.c.method == gateway)
        deposited = select(func.sum(agent_deposits.c.amount_minor)).where(  # below zero what was paid out
            agent_deposits.c.method == gateway, agent_deposits.c.collector.is_(None)
        )
        sold = select(func.sum(voucher_sales.c.paid_minor)).where(
            voucher_sales.c.method == gateway, voucher_sales.c.collector.is_(None)
        )
        taken_back = select(func.sum(voucher_refunds.c.amount_minor)).where(
            voucher_refunds.c.method == gateway, voucher_refunds.c.collector.is_(None)
        )
        # of a transaction in a payout the fee is the payout's, where it had not been told before
        fees = select(func.sum(gateway_transactions.c.fee_minor)).where(gateway_transactions.c.gateway == gateway)
        paid_out = select(func.sum(gateway_settlements.c.net_minor)).where(gateway_settlements.c.gateway == gateway)
        said = [
            int(await self._connection.scalar(query) or 0)
            for query in (taken, parked, sold, deposited, given, taken_back, fees, paid_out)
        ]
        return sum(said[:4]) - sum(said[4:])

    async def held_minor(self, gateway: str) -> int:
        """Return what the gateway holds by the ledger."""
        query = select(accounts.c.balance_minor).where(accounts.c.code == clearing(gateway).code)
        return int(await self._connection.scalar(query) or 0)

    # -- findings ------------------------------------------------------------------------------------------------------

    async def find(
        self,
        gateway: str,
        kinds: Sequence[str],
        subjects: Collection[str] | None,
        found: Sequence[Difference],
        now: datetime,
    ) -> None:
        """Keep what was found, and end what was not found again.

        Args:
            gateway: whose.
            kinds: that were looked for.
            subjects: that were looked at; None is every one.
            found: what differs.
            now: when.
        """
        for one in found:
            values = {"theirs_minor": one.theirs_minor, "ours_minor": one.ours_minor, "seen_at": now}
            insert = insert_into(self._connection, gateway_findings).values(
                gateway=gateway, kind=one.kind, subject=one.subject[:200], text="", found_at=now, **values
            )
            # what differs in another way than when somebody saw to it waits anew
            changed = (gateway_findings.c.theirs_minor.is_distinct_from(one.theirs_minor)) | (
                gateway_findings.c.ours_minor.is_distinct_from(one.ours_minor)
            )
            again = changed | (gateway_findings.c.ended_by == "system")
            await self._connection.execute(
                update(gateway_findings)
                .where(
                    gateway_findings.c.gateway == gateway,
                    gateway_findings.c.kind == one.kind,
                    gateway_findings.c.subject == one.subject[:200],
                    again,
                )
                .values(ended_at=None, ended_by=None, reason=None)
            )
            await self._connection.execute(
                insert.on_conflict_do_update(index_elements=["gateway", "kind", "subject"], set_=values)
            )
        conditions = [
            gateway_findings.c.gateway == gateway,
            gateway_findings.c.kind.in_(list(kinds)),
            gateway_findings.c.ended_at.is_(None),
            gateway_findings.c.seen_at < now,
        ]
        query = select(gateway_findings.c.id, gateway_findings.c.subject).where(*conditions)
        over = [
            row.id
            for row in (await self._connection.execute(query)).all()
            if subjects is None or row.subject in subjects
        ]
        for some in _batches(over):
            await self._connection.execute(
                update(gateway_findings)
                .where(gateway_findings.c.id.in_(some))
                .values(ended_at=now, ended_by="system", reason=_GONE)
            )

    async def finding(self, finding_id: int) -> Finding | None:
        """Return one difference."""
        query = select(gateway_findings).where(gateway_findings.c.id == finding_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _finding(row)

    async def end(self, finding_id: int, at: datetime, by: str, reason: str) -> None:
        """Write down that somebody has seen to it."""
        await self._connection.execute(
            update(gateway_findings)
            .where(gateway_findings.c.id == finding_id)
            .values(ended_at=at, ended_by=by, reason=reason)
        )

    async def waiting(self, limit: int) -> list[Finding]:
        """Return the differences that nobody has seen to, oldest first."""
        query = (
            select(gateway_findings)
            .where(gateway_findings.c.ended_at.is_(None))
            .order_by(gateway_findings.c.found_at, gateway_findings.c.id)
            .limit(limit)
        )
        return [_finding(row) for row in (await self._connection.execute(query)).mappings()]


def _finding(row: RowMapping) -> Finding:
    return Finding(**{name: row[name] for name in _FINDING})


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
