"""How far services are billed, what was billed of them, and bills that a person has to look at."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.tables import (
    billed_fees,
    billed_usage,
    billing_runs,
    billing_states,
    invoice_lines,
    invoices,
    late_fees,
    parked_bills,
    service_stops,
    service_terms,
    services,
    subscribers,
    top_ups,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.bill import DEPOSIT, ONCE, BillingState, ServiceBill
from netbilld.billing.charges import BilledShare
from netbilld.billing.chart import Payer
from netbilld.billing.fees import FeePeriod, Share
from netbilld.billing.invoice import DocumentKind, LineKind
from netbilld.billing.usage_lines import BilledUsage

RESUMED_LATELY: Final = timedelta(days=31)  # whoever runs again since then is looked at each day
_STATE_COLUMNS: Final = (
    "service_id", "round", "closed_until_on", "billed_until_on", "usage_until_on", "next_on", "billing_day",
    "terms_digest", "looked_at", "settled_at",
)  # fmt: skip
FEE_COLUMNS: Final = (
    "service_id", "round", "position", "item", "name", "cycle_days", "start_on", "end_on", "of_days", "price_minor",
    "days", "amount_minor", "tax_code", "inclusive", "revenue", "plan_version_id", "is_prepaid", "invoice_id",
)  # fmt: skip
_USAGE_COLUMNS: Final = (
    "service_id", "round", "start_on", "end_on", "upload_octets", "download_octets", "amount_minor", "invoice_id",
)  # fmt: skip
_LOOKED_AT: Final = ("service_id", "round", "next_on", "billing_day", "looked_at")
_TO_SETTLE: Final = ", ".join(f"{column} = excluded.{column}" for column in _STATE_COLUMNS[1:])


@dataclass(frozen=True, slots=True)
class BillableService:
    """A service with its state, before its terms are known."""

    id: UUID
    subscriber_id: UUID
    billing_day: int
    timezone: str
    site: str | None
    activated_on: date
    installed_on: date | None
    paid_until_on: date | None
    ended_at: datetime | None
    state: BillingState | None


@dataclass(frozen=True, slots=True)
class WaitingTopUp:
    """A top-up that the next invoice bears."""

    id: UUID
    service_id: UUID
    name: str
    price_minor: int
    bought_on: date


@dataclass(frozen=True, slots=True)
class WaitingLateFee:
    """A late fee that the next invoice bears; `number` is of the invoice that was late."""

    id: int
    subscriber_id: UUID
    number: str
    stage: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ParkedBill:
    """A bill that waits for a person."""

    subscriber_no: str
    name: str
    parked_at: datetime
    as_of: date
    reason: str
    total_minor: int | None
    allowed_minor: int | None


class BillingStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- what is to be billed ------------------------------------------------------------------------------------------

    async def due_payers(self, as_of: date) -> list[Payer]:
        """Return, in order of id, subscribers with a service that has to be looked at by that day.

        One of which a period is due, that was never billed, that has ended, or that is billed by something else since
        it was looked at.
        """
        state, stop = billing_states.c, service_stops.c
        resumed = exists().where(stop.service_id == services.c.id, stop.until_on.between(as_of - RESUMED_LATELY, as_of))
        changed = exists().where(
            service_terms.c.service_id == services.c.id, service_terms.c.created_at >= state.looked_at
        )
        query = (
            select(subscribers.c.id, subscribers.c.number, subscribers.c.currency)
            .distinct()
            .join(services, services.c.subscriber_id == subscribers.c.id)
            .outerjoin(billing_states, state.service_id == services.c.id)
            .where(
                state.settled_at.is_(None),
                services.c.activated_on <= as_of,
                or_(
                    func.coalesce(state.round, 0) == 0,
                    state.next_on <= as_of,
                    services.c.ended_at.is_not(None),
                    state.billing_day != services.c.billing_day,
                    changed,
                    resumed,
                ),
            )
            .order_by(subscribers.c.id)
        )
        return [Payer(row.id, row.number, row.currency) for row in await self._connection.execute(query)]

    async def services(self, subscriber_ids: Collection[UUID]) -> dict[UUID, list[BillableService]]:
        """Return, by subscriber, the services that are not settled, oldest first."""
        state = billing_states.c
        query = (
            select(
                services.c.id,
                services.c.subscriber_id,
                services.c.billing_day,
                services.c.timezone,
                services.c.site,
                services.c.activated_on,
                services.c.installed_on,
                services.c.paid_until_on,
                services.c.ended_at,
                state.service_id.label("state_of"),
                state.round,
                state.closed_until_on,
                state.billed_until_on,
                state.usage_until_on,
                state.next_on,
                state.terms_digest,
            )
            .outerjoin(billing_states, state.service_id == services.c.id)
            .where(among(self._connection, services.c.subscriber_id, subscriber_ids), state.settled_at.is_(None))
            .order_by(services.c.created_at, services.c.id)
        )
        found: dict[UUID, list[BillableService]] = {}
        for row in await self._connection.execute(query):
            found.setdefault(row.subscriber_id, []).append(_service(row))
        return found

    async def billed(self, service_ids: Collection[UUID], *, is_prepaid: bool = False) -> dict[UUID, list[BilledShare]]:
        """Return what was billed of the fees of services, without what was billed once."""
        if not service_ids:
            return {}
        query = (
            select(billed_fees)
            .where(
                among(self._connection, billed_fees.c.service_id, service_ids),
                billed_fees.c.is_prepaid == is_prepaid,
                billed_fees.c.item.not_in(ONCE),
            )
            .order_by(billed_fees.c.service_id, billed_fees.c.round, billed_fees.c.position)
        )
        found: dict[UUID, list[BilledShare]] = {}
        for row in await self._connection.execute(query):
            period = FeePeriod(row.cycle_days, row.start_on, row.end_on, row.of_days)
            share = Share(row.item, row.price_minor, row.tax_code, row.inclusive)
            billed = BilledShare(period, share, row.name, row.revenue, row.plan_version_id, row.days, row.amount_minor)
            found.setdefault(row.service_id, []).append(billed)
        return found

    async def billed_usage(self, service_ids: Collection[UUID], from_on: date) -> dict[UUID, list[BilledUsage]]:
        """Return what was billed of usage, in sum, of the periods that began on a day or later; oldest first."""
        if not service_ids:
            return {}
        rows = billed_usage.c
        query = (
            select(
                rows.service_id,
                rows.start_on,
                rows.end_on,
                func.max(rows.upload_octets).label("upload"),
                func.max(rows.download_octets).label("download"),
                func.sum(rows.amount_minor).label("amount"),
            )
            .where(among(self._connection, rows.service_id, service_ids), rows.start_on >= from_on)
            .group_by(rows.service_id, rows.start_on, rows.end_on)
            .order_by(rows.service_id, rows.start_on)
        )
        found: dict[UUID, list[BilledUsage]] = {}
        for row in await self._connection.execute(query):
            usage = BilledUsage(row.start_on, row.end_on, int(row.upload), int(row.download), int(row.amount))
            found.setdefault(row.service_id, []).append(usage)
        return found

    async def deposits(self, service_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return the deposits that were billed for services, less what was credited of them."""
        if not service_ids:
            return {}
        fee = billed_fees.c
        billed = select(fee.service_id, fee.amount_minor, fee.invoice_id).where(
            among(self._connection, fee.service_id, service_ids), fee.item == DEPOSIT, fee.invoice_id.is_not(None)
        )
        rows = (await self._connection.execute(billed)).all()
        found = {row.service_id: int(row.amount_minor) for row in rows}  # asked for once of each
        if rows:
            line = invoice_lines.c
            credited = (
                select(line.service_id, func.sum(line.amount_minor).label("credited"))
                .join(invoices, invoices.c.id == line.invoice_id)
                .where(
                    among(self._connection, invoices.c.credits_id, {row.invoice_id for row in rows}),
                    line.kind == LineKind.DEPOSIT.value,
                    among(self._connection, line.service_id, found),
                )
                .group_by(line.service_id)
            )
            for row in await self._connection.execute(credited):
                found[row.service_id] -= int(row.credited)
        return found

    async def top_ups(self, service_ids: Collection[UUID]) -> list[WaitingTopUp]:
        """Return what was sold onto the next invoice of services, oldest first."""
        query = (
            select(top_ups)
            .where(
                among(self._connection, top_ups.c.service_id, service_ids),
                top_ups.c.paid_from == "invoice",
                top_ups.c.invoice_id.is_(None),
            )
            .order_by(top_ups.c.bought_on, top_ups.c.created_at, top_ups.c.id)
        )
        rows = await self._connection.execute(query)
        return [WaitingTopUp(row.id, row.service_id, row.name, row.price_minor, row.bought_on) for row in rows]

    async def late_fees(self, subscriber_ids: Collection[UUID]) -> dict[UUID, list[WaitingLateFee]]:
        """Return late fees to be billed, by subscriber, oldest first."""
        query = (
            select(late_fees, invoices.c.number)
            .join(invoices, invoices.c.id == late_fees.c.invoice_id)
            .where(
                among(self._connection, late_fees.c.subscriber_id, subscriber_ids),
                late_fees.c.billed_id.is_(None),
                late_fees.c.waived_at.is_(None),
            )
            .order_by(late_fees.c.id)
        )
        found: dict[UUID, list[WaitingLateFee]] = {}
        for row in await self._connection.execute(query):
            fee = WaitingLateFee(row.id, row.subscriber_id, row.number, row.stage, row.amount_minor)
            found.setdefault(row.subscriber_id, []).append(fee)
        return found

    async def largest(self, subscriber_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return the largest invoice of each of these subscribers so far; without those who have none."""
        query = (
            select(invoices.c.subscriber_id, func.max(invoices.c.total_minor).label("largest"))
            .where(
                among(self._connection, invoices.c.subscriber_id, subscriber_ids),
                invoices.c.number.is_not(None),
                invoices.c.kind == DocumentKind.INVOICE.value,
            )
            .group_by(invoices.c.subscriber_id)
        )
        return {row.subscriber_id: int(row.largest) for row in await self._connection.execute(query)}

    # -- what is written -----------------------------------------------------------------------------------------------

    async def save(
        self, billed: Iterable[tuple[ServiceBill, UUID | None, Sequence[BilledUsage]]], at: datetime
    ) -> None:
        """Write down what was billed of services, on which document, and how far they are billed by now.

        The primary keys let no round of a service be billed twice.
        """
        states, fees, usages = [], [], []
        for bill, invoice_id, of_usage in billed:
            service, state = bill.service, bill.state
            settled_at = at if state.is_settled else None
            states.append(
                (
                    service.id, state.round, state.closed_until_on, state.billed_until_on, state.usage_until_on,
                    state.next_on, service.billing_day, state.terms_digest, at, settled_at,
                )
            )  # fmt: skip
            fees += [
                fee_row(service.id, state.round, position, one, invoice_id) for position, one in enumerate(bill.shares)
            ]
            usages += [
                (
                    service.id, state.round, usage.start_on, usage.end_on, usage.upload_octets, usage.download_octets,
                    usage.amount_minor, invoice_id,
                )
                for usage in of_usage
            ]  # fmt: skip
        driver = Driver(self._connection)
        await driver.append("billed_fees", FEE_COLUMNS, fees)
        await driver.append("billed_usage", _USAGE_COLUMNS, usages)
        conflict = f"ON CONFLICT (service_id) DO UPDATE SET {_TO_SETTLE}"
        await insert_rows(self._connection, billing_states, _STATE_COLUMNS, states, conflict)

    async def look_again(self, bills: Iterable[ServiceBill], at: datetime) -> None:
        """Write down that services were looked at, that there was nothing to bill yet, and when there may be."""
        rows = [(one.service.id, 0, one.state.next_on, one.service.billing_day, at) for one in bills]
        conflict = "ON CONFLICT (service_id) DO UPDATE SET next_on = excluded.next_on, looked_at = excluded.looked_at"
        await insert_rows(self._connection, billing_states, _LOOKED_AT, rows, conflict)

    async def bill_top_ups(self, ids: Mapping[UUID, UUID]) -> None:
        """Write down on which invoice each of these top-ups stands."""
        for top_up_id, invoice_id in ids.items():
            statement = update(top_ups).where(top_ups.c.id == top_up_id)
            await self._connection.execute(statement.values(invoice_id=invoice_id))

    async def bill_late_fees(self, ids: Mapping[int, UUID]) -> None:
        """Write down on which invoice each of these late fees stands."""
        for fee_id, invoice_id in ids.items():
            statement = update(late_fees).where(late_fees.c.id == fee_id)
            await self._connection.execute(statement.values(billed_id=invoice_id))

    # -- bills that a person has to look at ----------------------------------------------------------------------------

    async def allowed(self, subscriber_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return up to what a person has let the bills of subscribers through."""
        query = select(parked_bills.c.subscriber_id, parked_bills.c.allowed_minor).where(
            among(self._connection, parked_bills.c.subscriber_id, subscriber_ids),
            parked_bills.c.allowed_minor.is_not(None),
        )
        return {row.subscriber_id: int(row.allowed_minor) for row in await self._connection.execute(query)}

    async def park(self, subscriber_id: UUID, reason: str, total_minor: int | None, as_of: date, at: datetime) -> None:
        """Put a subscriber's bill aside for a person; one that was parked before keeps its day."""
        values = {"reason": reason[:300], "total_minor": total_minor, "as_of": as_of}
        statement = insert_into(self._connection, parked_bills).values(
            subscriber_id=subscriber_id, parked_at=at, **values
        )
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))

    async def unpark(self, subscriber_ids: Collection[UUID]) -> None:
        """Forget about bills that are made."""
        if subscriber_ids:
            await self._connection.execute(
                delete(parked_bills).where(among(self._connection, parked_bills.c.subscriber_id, subscriber_ids))
            )

    async def parked(self) -> list[ParkedBill]:
        """Return the bills that wait for a person, oldest first."""
        query = (
            select(parked_bills, subscribers.c.number, subscribers.c.name)
            .join(subscribers, subscribers.c.id == parked_bills.c.subscriber_id)
            .order_by(parked_bills.c.parked_at, subscribers.c.number)
        )
        return [
            ParkedBill(row.number, row.name, row.parked_at, row.as_of, row.reason, row.total_minor, row.allowed_minor)
            for row in await self._connection.execute(query)
        ]

    async def allow(self, subscriber_id: UUID, at: datetime, actor: str) -> int | None:
        """Let a parked bill through up to what it came to, and return that; None where none is parked."""
        statement = (
            update(parked_bills)
            .where(parked_bills.c.subscriber_id == subscriber_id, parked_bills.c.total_minor.is_not(None))
            .values(allowed_minor=func.abs(parked_bills.c.total_minor), allowed_at=at, actor=actor)
            .returning(parked_bills.c.allowed_minor)
        )
        allowed = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if allowed is None else int(allowed)

    # -- runs ----------------------------------------------------------------------------------------------------------

    async def begin_run(self, as_of: date, subscribers_in_all: int, at: datetime, actor: str) -> int:
        """Write down that a run begins, and return its number."""
        statement = insert(billing_runs).values(
            as_of=as_of,
            started_at=at,
            seen_at=at,
            subscribers=subscribers_in_all,
            done=0,
            documents=0,
            total_minor=0,
            parked=0,
            actor=actor,
        )
        return int((await self._connection.execute(statement.returning(billing_runs.c.id))).scalar_one())

    async def advance_run(
        self, run_id: int, *, done: int, documents: int, total_minor: int, parked: int, at: datetime, is_over: bool
    ) -> None:
        """Write down how far a run is."""
        values = {"done": done, "documents": documents, "total_minor": total_minor, "parked": parked, "seen_at": at}
        if is_over:
            values["finished_at"] = at
        await self._connection.execute(update(billing_runs).where(billing_runs.c.id == run_id).values(values))

    async def newest_run_on(self) -> date | None:
        """Return the latest day that was ever billed."""
        found = (await self._connection.execute(select(func.max(billing_runs.c.as_of)))).scalar_one_or_none()
        return found if isinstance(found, date) or found is None else date.fromisoformat(found)


def fee_row(
    service_id: UUID,
    round_number: int,
    position: int,
    one: BilledShare,
    invoice_id: UUID | None,
    *,
    is_prepaid: bool = False,
) -> tuple[Any, ...]:
    """Return the row of what was billed of a share, in the order of `FEE_COLUMNS`."""
    period, share = one.period, one.share
    return (
        service_id, round_number, position, share.item, one.name[:200], period.cycle_days, period.start_on,
        period.end_on, period.of_days, share.price_minor, one.days, one.amount_minor, share.tax_code, share.inclusive,
        one.revenue, one.plan_version_id, is_prepaid, invoice_id,
    )  # fmt: skip


def _service(row: Any) -> BillableService:
    state = None
    if row.state_of is not None:
        state = BillingState(
            row.round, row.closed_until_on, row.billed_until_on, row.usage_until_on, row.next_on, row.terms_digest
        )
    return BillableService(
        row.id,
        row.subscriber_id,
        row.billing_day,
        row.timezone,
        row.site,
        row.activated_on,
        row.installed_on,
        row.paid_until_on,
        row.ended_at,
        state,
    )
