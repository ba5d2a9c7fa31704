"""Accounts at gateways that may be charged, and the invoices that were."""

from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import gateway_mandates, invoices, mandate_charges
from netbilld.billing.invoice import OPEN_STATUSES
from netbilld.ports.mandates import Chargeable, ChargeState, Mandate, MandateCharge, MandateState

_MANDATE: Final = tuple(field.name for field in fields(Mandate))
_CHARGE: Final = tuple(field.name for field in fields(MandateCharge))
_OPEN: Final = [status.value for status in OPEN_STATUSES]
_LONGEST_TROUBLE: Final = 300


class MandateStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, mandate: Mandate) -> None:
        """Put a mandate on record."""
        await self._connection.execute(gateway_mandates.insert().values(_mandate_values(mandate)))

    async def find(self, mandate_id: UUID) -> Mandate | None:
        """Return a mandate."""
        query = select(gateway_mandates).where(gateway_mandates.c.id == mandate_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _mandate(row)

    async def open_of(self, subscriber_id: UUID) -> Mandate | None:
        """Return the one mandate of a subscriber that has not ended."""
        query = select(gateway_mandates).where(
            gateway_mandates.c.subscriber_id == subscriber_id, gateway_mandates.c.ended_at.is_(None)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _mandate(row)

    async def of(self, subscriber_id: UUID, limit: int) -> list[Mandate]:
        """Return a subscriber's mandates, newest first."""
        query = (
            select(gateway_mandates)
            .where(gateway_mandates.c.subscriber_id == subscriber_id)
            .order_by(gateway_mandates.c.asked_at.desc(), gateway_mandates.c.id)
            .limit(limit)
        )
        return [_mandate(row) for row in (await self._connection.execute(query)).mappings()]

    async def save(self, mandate: Mandate) -> None:
        """Write down how a mandate is."""
        values = _mandate_values(mandate)
        await self._connection.execute(
            update(gateway_mandates).where(gateway_mandates.c.id == values.pop("id")).values(values)
        )

    async def asked_since(self, subscriber_id: UUID, since: datetime) -> int:
        """Return how many mandates a subscriber has asked for since then."""
        query = select(func.count()).where(
            gateway_mandates.c.subscriber_id == subscriber_id, gateway_mandates.c.asked_at >= since
        )
        return int(await self._connection.scalar(query) or 0)

    async def due(self, now: datetime, limit: int) -> list[Mandate]:
        """Return the mandates of which the gateway is to be asked or told something now."""
        query = (
            select(gateway_mandates)
            .where(gateway_mandates.c.next_look_at <= now)
            .order_by(gateway_mandates.c.next_look_at, gateway_mandates.c.id)
            .limit(limit)
        )
        return [_mandate(row) for row in (await self._connection.execute(query)).mappings()]

    # -- charges -------------------------------------------------------------------------------------------------------

    async def chargeable(
        self, until_on: date, currency: str, least_minor: int, largest_minor: int, limit: int
    ) -> list[Chargeable]:
        """Return open invoices due until that day which were never charged to their subscriber's mandate.

        Args:
            until_on: the last due date.
            currency: of the gateway.
            least_minor: and at most `largest_minor`: what is open, to be charged at all.
            largest_minor: see least_minor.
            limit: at most so many.
        """
        mandate, invoice, charge = gateway_mandates.c, invoices.c, mandate_charges.c
        charged = exists().where(
            charge.invoice_id == invoice.id,
            or_(charge.mandate_id == mandate.id, charge.state == ChargeState.BEGUN.value),
        )
        query = (
            select(mandate.id, invoice.id.label("invoice_id"), invoice.subscriber_id, invoice.due_on)
            .join_from(
                gateway_mandates,
                invoices,
                and_(invoice.subscriber_id == mandate.subscriber_id, invoice.status.in_(_OPEN)),
            )
            .where(
                mandate.ended_at.is_(None),
                mandate.state == MandateState.ACTIVE.value,
                invoice.kind == "invoice",
                invoice.due_on <= until_on,
                invoice.currency == currency,
                (invoice.total_minor - invoice.paid_minor).between(least_minor, largest_minor),
                ~charged,
            )
            .order_by(invoice.due_on, invoice.id)
            .limit(limit)
        )
        return [
            Chargeable(row.id, row.invoice_id, row.subscriber_id, row.due_on)
            for row in await self._connection.execute(query)
        ]

    async def is_charged(self, mandate_id: UUID, invoice_id: UUID) -> bool:
        """Tell whether an invoice was charged to that mandate, or is being charged to any."""
        charge = mandate_charges.c
        known = select(charge.ref).where(
            charge.invoice_id == invoice_id,
            or_(charge.mandate_id == mandate_id, charge.state == ChargeState.BEGUN.value),
        )
        return await self._connection.scalar(known.limit(1)) is not None

    async def add_charge(self, charge: MandateCharge) -> None:
        """Put a charge on record; a second one of an invoice to a mandate the primary key refuses."""
        await self._connection.execute(mandate_charges.insert().values(_charge_values(charge)))

    async def charge(self, ref: str) -> MandateCharge | None:
        """Return a charge by the name of its payment."""
        query = select(mandate_charges).where(mandate_charges.c.ref == ref)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _charge(row)

    async def charges(self, subscriber_id: UUID, limit: int) -> list[MandateCharge]:
        """Return what was charged to a subscriber's mandates, newest first."""
        query = (
            select(mandate_charges)
            .join(gateway_mandates, gateway_mandates.c.id == mandate_charges.c.mandate_id)
            .where(gateway_mandates.c.subscriber_id == subscriber_id)
            .order_by(mandate_charges.c.begun_at.desc(), mandate_charges.c.ref)
            .limit(limit)
        )
        return [_charge(row) for row in (await self._connection.execute(query)).mappings()]

    async def save_charge(self, charge: MandateCharge) -> None:
        """Write down how a charge is."""
        values = _charge_values(charge)
        await self._connection.execute(
            update(mandate_charges).where(mandate_charges.c.ref == values.pop("ref")).values(values)
        )

    async def charges_due(self, now: datetime, limit: int) -> list[MandateCharge]:
        """Return the charges that are to be looked at now, longest due first."""
        query = (
            select(mandate_charges)
            .where(mandate_charges.c.next_at <= now)
            .order_by(mandate_charges.c.next_at, mandate_charges.c.ref)
            .limit(limit)
        )
        return [_charge(row) for row in (await self._connection.execute(query)).mappings()]


def _mandate_values(mandate: Mandate) -> dict[str, object]:
    return {**asdict(mandate), "state": mandate.state.value, "trouble": mandate.trouble[:_LONGEST_TROUBLE]}


def _charge_values(charge: MandateCharge) -> dict[str, object]:
    return {**asdict(charge), "state": charge.state.value, "trouble": charge.trouble[:_LONGEST_TROUBLE]}


def _mandate(row: RowMapping) -> Mandate:
    found = Mandate(**{name: row[name] for name in _MANDATE})
    return replace(found, state=MandateState(found.state))


def _charge(row: RowMapping) -> MandateCharge:
    found = MandateCharge(**{name: row[name] for name in _CHARGE})
    return replace(found, state=ChargeState(found.state))
