"""What the JSON API lists, a page at a time by key: no page costs more than the first, and none is passed over."""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.queries import like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    allocations,
    credentials,
    invoices,
    nas,
    payments,
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
)
from netbilld.billing.invoice import DocumentKind, InvoiceStatus
from netbilld.billing.payment import Payment, PaymentStatus
from netbilld.services.api_views import (
    InvoiceFilter,
    InvoiceRow,
    PaymentFilter,
    PaymentRow,
    ServiceRow,
    SessionRow,
    SubscriberRow,
)
from netbilld.services.areas import Areas

_SUBSCRIBER: Final = tuple(field.name for field in fields(SubscriberRow))
_SERVICE: Final = (
    "id", "subscriber_id", "status", "status_reason", "status_since_at", "billing_day", "timezone", "activated_on",
    "installed_on", "paid_until_on", "static_ip", "ipv6_prefix", "delegated_prefix", "site", "created_at",
)  # fmt: skip
_INVOICE: Final = (
    "id", "number", "kind", "status", "issued_on", "due_on", "period_start_on", "period_end_on", "currency",
    "tax_minor", "total_minor", "paid_minor", "created_at",
)  # fmt: skip
_SESSION: Final = tuple(field.name for field in fields(SessionRow) if field.name != "nas")
_PAYMENT: Final = tuple(field.name for field in fields(Payment))


class ApiReadStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- people --------------------------------------------------------------------------------------------------------

    async def subscribers(
        self,
        areas: Areas,
        *,
        after: str | None,
        limit: int,
        text: str | None = None,
        status: str | None = None,
        area: str | None = None,
    ) -> list[SubscriberRow]:
        """Return subscribers in order of their number as text.

        Args:
            areas: whose they may be.
            after: the number before.
            limit: at most so many.
            text: part of a name, number or phone, or a whole name to log in with.
            status: active or terminated.
            area: exactly this one.
        """
        query = select(*(subscribers.c[name] for name in _SUBSCRIBER)).where(in_areas(areas))
        if after is not None:
            query = query.where(subscribers.c.number > after)
        if text is not None:
            query = query.where(_matches(text))
        if status is not None:
            query = query.where(subscribers.c.status == status)
        if area is not None:
            query = query.where(subscribers.c.area == area)
        rows = await self._rows(query.order_by(subscribers.c.number).limit(limit))
        return [SubscriberRow(**row) for row in rows]

    async def subscriber(self, number: str) -> SubscriberRow | None:
        """Return the subscriber with that number."""
        query = select(*(subscribers.c[name] for name in _SUBSCRIBER)).where(subscribers.c.number == number)
        rows = await self._rows(query)
        return SubscriberRow(**rows[0]) if rows else None

    async def payer_name(self, subscriber_id: UUID) -> str | None:
        """Return a name to log in with of a subscriber: another's may look like a subscriber number."""
        query = (
            select(credentials.c.name)
            .join(services, services.c.id == credentials.c.service_id)
            .where(services.c.subscriber_id == subscriber_id)
            .order_by(credentials.c.created_at, credentials.c.name_key)
            .limit(1)
        )
        name: str | None = await self._connection.scalar(query)
        return name

    # -- connections ---------------------------------------------------------------------------------------------------

    async def services(
        self,
        areas: Areas,
        *,
        after: UUID | None,
        limit: int,
        subscriber_no: str | None = None,
        username: str | None = None,
        status: str | None = None,
        plan: str | None = None,
    ) -> list[ServiceRow]:
        """Return services in order of their ids, with their names and how many sessions are open."""
        query = _services().where(in_areas(areas))
        if after is not None:
            query = query.where(services.c.id > after)
        if subscriber_no is not None:
            query = query.where(subscribers.c.number == subscriber_no)
        if username is not None:
            named = select(credentials.c.service_id).where(credentials.c.name_key == credential_key(username))
            query = query.where(services.c.id.in_(named))
        if status is not None:
            query = query.where(services.c.status == status)
        if plan is not None:
            query = query.where(plans.c.code_key == plan.casefold())
        return await self._filled(await self._rows(query.order_by(services.c.id).limit(limit)))

    async def service(self, service_id: UUID) -> ServiceRow | None:
        """Return one service."""
        found = await self._filled(await self._rows(_services().where(services.c.id == service_id)))
        return found[0] if found else None

    async def _filled(self, rows: Sequence[RowMapping]) -> list[ServiceRow]:
        found = {row["id"]: ServiceRow(**row) for row in rows}
        names: dict[UUID, list[tuple[str, str]]] = {}
        query = select(credentials.c.service_id, credentials.c.kind, credentials.c.name)
        query = query.where(credentials.c.service_id.in_(list(found)))
        order = (credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
        for service_id, kind, name in await self._connection.execute(query.order_by(*order)):
            names.setdefault(service_id, []).append((kind, name))
        counted = (
            select(sessions.c.service_id, func.count())
            .where(sessions.c.service_id.in_(list(found)), sessions.c.stopped_at.is_(None))
            .group_by(sessions.c.service_id)
        )
        count = {service_id: int(number) for service_id, number in await self._connection.execute(counted)}
        return [
            replace(row, names=tuple(names.get(row.id, ())), sessions=count.get(row.id, 0)) for row in found.values()
        ]

    # -- money ---------------------------------------------------------------------------------------------------------

    async def invoices(self, areas: Areas, wanted: InvoiceFilter, *, after: str | None, limit: int) -> list[InvoiceRow]:
        """Return issued documents by number, the highest first; drafts by their ids.

        `after` is the number of the row before, of drafts the id.
        """
        key = invoices.c.id if wanted.drafts else invoices.c.number
        query = (
            select(
                *(invoices.c[name] for name in _INVOICE),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name.label("subscriber_name"),
            )
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(in_areas(areas), *_invoice_conditions(wanted))
        )
        if after is not None:
            query = query.where(key < (UUID(after) if wanted.drafts else after))
        rows = await self._rows(query.order_by(key.desc()).limit(limit))
        return [
            InvoiceRow(**{**row, "kind": DocumentKind(row["kind"]), "status": InvoiceStatus(row["status"])})
            for row in rows
        ]

    async def credit_notes(self, invoice_ids: Collection[UUID]) -> dict[UUID, list[str]]:
        """Return the numbers of the credit notes for each of these invoices that has some."""
        query = (
            select(invoices.c.credits_id, invoices.c.number)
            .where(invoices.c.credits_id.in_(list(invoice_ids)), invoices.c.number.is_not(None))
            .order_by(invoices.c.number)
        )
        found: dict[UUID, list[str]] = {}
        for invoice_id, number in await self._connection.execute(query):
            found.setdefault(invoice_id, []).append(number)
        return found

    async def payments(
        self, areas: Areas, wanted: PaymentFilter, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[PaymentRow]:
        """Return payments, newest first; `after` is when the one before was recorded, and its id."""
        query = _payments().where(in_areas(areas))
        if wanted.subscriber_no is not None:
            query = query.where(subscribers.c.number == wanted.subscriber_no)
        if wanted.method is not None:
            query = query.where(payments.c.method == wanted.method)
        if wanted.reference is not None:
            query = query.where(payments.c.reference == wanted.reference)
        if wanted.received_from is not None:
            query = query.where(payments.c.received_on >= wanted.received_from)
        if wanted.received_to is not None:
            query = query.where(payments.c.received_on <= wanted.received_to)
        if after is not None:
            at, payment_id = after
            earlier = and_(payments.c.recorded_at == at, payments.c.id < payment_id)
            query = query.where(or_(payments.c.recorded_at < at, earlier))
        return await self._paid(query.order_by(payments.c.recorded_at.desc(), payments.c.id.desc()).limit(limit))

    async def payment(self, payment_id: UUID) -> PaymentRow | None:
        """Return one payment."""
        found = await self._paid(_payments().where(payments.c.id == payment_id))
        return found[0] if found else None

    async def _paid(self, query: Select[Any]) -> list[PaymentRow]:
        rows = await self._rows(query)
        net = func.sum(allocations.c.amount_minor)
        settled = (
            select(allocations.c.payment_id, invoices.c.number, net.label("net"))
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            .where(allocations.c.payment_id.in_([row["id"] for row in rows]))
            .group_by(allocations.c.payment_id, invoices.c.number)
            .having(net != 0)
            .order_by(func.min(allocations.c.id))
        )
        parts: dict[UUID, list[tuple[str, int]]] = {}
        for row in await self._connection.execute(settled):
            parts.setdefault(row.payment_id, []).append((row.number, int(row.net)))
        return [
            PaymentRow(
                payment=Payment(**{**{name: row[name] for name in _PAYMENT}, "status": PaymentStatus(row["status"])}),
                subscriber_no=row["subscriber_no"],
                subscriber_name=row["subscriber_name"],
                allocations=tuple(parts.get(row["id"], ())),
            )
            for row in rows
        ]

    # -- the network ---------------------------------------------------------------------------------------------------

    async def sessions(
        self,
        areas: Areas,
        *,
        after: int | None,
        limit: int,
        service_id: UUID | None = None,
        open_only: bool = True,
    ) -> list[SessionRow]:
        """Return sessions, the newest number first."""
        query = _sessions()
        if areas.is_limited:
            query = (
                query.join(services, services.c.id == sessions.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(in_areas(areas))
            )
        if after is not None:
            query = query.where(sessions.c.id < after)
        if service_id is not None:
            query = query.where(sessions.c.service_id == service_id)
        if open_only:
            query = query.where(sessions.c.stopped_at.is_(None))
        rows = await self._rows(query.order_by(sessions.c.id.desc()).limit(limit))
        return [SessionRow(**row) for row in rows]

    async def session(self, session_id: int) -> SessionRow | None:
        """Return one session."""
        rows = await self._rows(_sessions().where(sessions.c.id == session_id))
        return SessionRow(**rows[0]) if rows else None

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        rows: Sequence[RowMapping] = (await self._connection.execute(query)).mappings().all()
        return rows


def _matches(text: str) -> ColumnElement[bool]:
    cleaned = text.strip()
    named = (
        select(services.c.subscriber_id)
        .join(credentials, credentials.c.service_id == services.c.id)
        .where(credentials.c.name_key == credential_key(cleaned))
    )
    columns = (subscribers.c.name, subscribers.c.number, subscribers.c.phone)
    return or_(
        *(func.lower(column).like(like(cleaned.lower()), escape="\\") for column in columns),
        subscribers.c.id.in_(named),
    )


def _services() -> Select[Any]:
    return (
        select(
            *(services.c[name] for name in _SERVICE),
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.currency,
            plans.c.code.label("plan"),
            plan_versions.c.name.label("plan_name"),
            plan_versions.c.version.label("plan_version"),
        )
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
    )


def _invoice_conditions(wanted: InvoiceFilter) -> list[ColumnElement[bool]]:
    table = invoices.c
    conditions: list[ColumnElement[bool]] = [table.number.is_(None) if wanted.drafts else table.number.is_not(None)]
    if wanted.drafts:
        conditions.append(table.status == InvoiceStatus.DRAFT.value)
    if wanted.subscriber_no is not None:
        conditions.append(subscribers.c.number == wanted.subscriber_no)
    if wanted.statuses:
        conditions.append(table.status.in_([status.value for status in wanted.statuses]))
    if wanted.kind is not None:
        conditions.append(table.kind == wanted.kind.value)
    if wanted.issued_from is not None:
        conditions.append(table.issued_on >= wanted.issued_from)
    if wanted.issued_to is not None:
        conditions.append(table.issued_on <= wanted.issued_to)
    if wanted.due_from is not None:
        conditions.append(table.due_on >= wanted.due_from)
    if wanted.due_before is not None:
        conditions.append(table.due_on < wanted.due_before)
    return conditions


def _payments() -> Select[Any]:
    return select(
        *(payments.c[name] for name in _PAYMENT),
        subscribers.c.number.label("subscriber_no"),
        subscribers.c.name.label("subscriber_name"),
    ).join(subscribers, subscribers.c.id == payments.c.subscriber_id)


def _sessions() -> Select[Any]:
    return select(*(sessions.c[name] for name in _SESSION), nas.c.name.label("nas")).join(
        nas, nas.c.id == sessions.c.nas_id
    )
