"""PortalStore: what the subscriber's own pages read. Every query names the service or subscriber it may answer for."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, select

from netbilld.adapters.database.buyers import BuyerStore
from netbilld.adapters.database.queries import Queries, first_username
from netbilld.adapters.database.rating import RatingStore
from netbilld.adapters.database.tables import (
    accounts,
    allocations,
    credentials,
    desired,
    invoice_lines,
    invoices,
    nas,
    observed,
    payments,
    plan_versions,
    services,
    sessions,
    subscribers,
    usage_hours,
    usage_periods,
)
from netbilld.billing.overrides import with_overrides
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.rating.limits import Limits
from netbilld.enforcement.policy import Reason
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.account_view import (
    Application,
    Due,
    InvoiceLine,
    InvoiceSummary,
    OwnService,
    PaymentSummary,
    Seen,
    ServiceFile,
    SessionSummary,
    UsageHour,
    UsedInPeriod,
)
from netbilld.services.login_codes import Reached
from netbilld.services.recognise import OpenSession
from netbilld.services.sign_in_subscriber import SealedPassword

_OPEN_STATES: Final = ("starting", "live", "late", "stale")
_VISIBLE_INVOICES: Final = ("issued", "part_paid", "paid", "credited")  # a draft is nobody's business yet
_RECEIVED: Final = "received"  # one that was taken back has paid for nothing
_MOST_CREDENTIALS: Final = 32
_MOST_SERVICES: Final = 200
_PEOPLE: Final = credentials.join(services, services.c.id == credentials.c.service_id).join(
    subscribers, subscribers.c.id == services.c.subscriber_id
)


class PortalStore(Queries):
    """Read-only queries of one transaction."""

    # -- who asks ----------------------------------------------------------------------------------------------------

    async def open_sessions_at(self, address: str) -> list[OpenSession]:
        """Return every session not stopped, of all NAS, with that Framed-IP-Address."""
        query = select(sessions.c.id, sessions.c.service_id, sessions.c.nas_id, sessions.c.state).where(
            sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN_STATES), sessions.c.framed_ip == address
        )
        return [
            OpenSession(row["id"], row["service_id"], row["nas_id"], row["state"]) for row in await self._rows(query)
        ]

    async def open_sessions_with(self, prefixes: Sequence[str]) -> list[OpenSession]:
        """Return every session not stopped, of all NAS, whose own or delegated IPv6 prefix is one of these."""
        query = select(sessions.c.id, sessions.c.service_id, sessions.c.nas_id, sessions.c.state).where(
            sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN_STATES)
        )
        found: dict[int, OpenSession] = {}
        for column in (sessions.c.ipv6_prefix, sessions.c.delegated_prefix):  # each has an index of its own
            for row in await self._rows(query.where(column.in_(list(prefixes)))):
                found[row["id"]] = OpenSession(row["id"], row["service_id"], row["nas_id"], row["state"])
        return list(found.values())

    async def portal_sources(self, nas_id: UUID) -> list[str]:
        """Return the prefixes in which that NAS's subscribers reach the portal; none of a NAS that was removed."""
        row = await self._row(select(nas.c.portal_sources).where(nas.c.id == nas_id, nas.c.removed_at.is_(None)))
        return [str(prefix) for prefix in row["portal_sources"]] if row else []

    async def subscriber_networks(self) -> list[tuple[str, list[str]]]:
        """Return, of NAS that have any, the address and the prefixes in which subscribers reach the portal."""
        rows = await self._rows(select(nas.c.address, nas.c.portal_sources).where(nas.c.removed_at.is_(None)))
        return [
            (row["address"], [str(prefix) for prefix in row["portal_sources"]]) for row in rows if row["portal_sources"]
        ]

    async def passwords_of(self, name_key: str, number: str | None, phone: str | None) -> list[SealedPassword]:
        """Return the passwords that a user name (without regard to case), a number or a telephone may sign in with."""
        query = (
            select(credentials.c.id, credentials.c.service_id, credentials.c.password_sealed)
            .select_from(_PEOPLE)
            .where(
                _called(name_key, number, phone),
                credentials.c.kind == "password",
                credentials.c.password_sealed.is_not(None),
            )
            .order_by(services.c.created_at, credentials.c.created_at)
            .limit(_MOST_CREDENTIALS)
        )
        return [
            SealedPassword(row["id"], row["service_id"], bytes(row["password_sealed"]))
            for row in await self._rows(query)
        ]

    async def reached_by(self, name_key: str, number: str | None, phone: str | None) -> list[Reached]:
        """Return the services a user name, number or telephone leads to, living ones first and then the oldest."""
        query = (
            select(services.c.subscriber_id, services.c.id, subscribers.c.email, subscribers.c.phone)
            .select_from(_PEOPLE)
            .where(_called(name_key, number, phone))
            .order_by(services.c.ended_at.is_not(None), services.c.created_at, services.c.id)
            .limit(_MOST_CREDENTIALS)
        )
        rows = await self._rows(query)
        return [Reached(row["subscriber_id"], row["id"], (row["email"] or row["phone"]) is not None) for row in rows]

    async def services_of(self, subscriber_id: UUID) -> list[OwnService]:
        """Return all services of a subscriber, living ones first and then the oldest."""
        query = (
            select(
                services.c.id,
                services.c.status,
                services.c.site,
                first_username(services.c.id).label("username"),
                plan_versions.c.name.label("plan_name"),
                desired.c.access,
            )
            .select_from(
                services.join(plan_versions, plan_versions.c.id == services.c.plan_version_id).outerjoin(
                    desired, desired.c.service_id == services.c.id
                )
            )
            .where(services.c.subscriber_id == subscriber_id)
            .order_by(services.c.ended_at.is_not(None), services.c.created_at, services.c.id)
            .limit(_MOST_SERVICES)
        )
        return [
            OwnService(
                row["id"],
                row["username"] or "",
                row["plan_name"],
                row["site"],
                row["status"],
                Access(row["access"]) if row["access"] else None,
            )
            for row in await self._rows(query)
        ]

    # -- the service -------------------------------------------------------------------------------------------------

    async def service_file(self, service_id: UUID) -> ServiceFile | None:
        """Return a service with its plan and subscriber."""
        query = (
            select(
                services,
                subscribers.c.number,
                subscribers.c.name,
                subscribers.c.phone,
                subscribers.c.currency,
                plan_versions.c.definition,
            )
            .select_from(
                services.join(subscribers, subscribers.c.id == services.c.subscriber_id).join(
                    plan_versions, plan_versions.c.id == services.c.plan_version_id
                )
            )
            .where(services.c.id == service_id)
        )
        row = await self._row(query)
        if row is None:
            return None
        name = await self._connection.scalar(
            select(credentials.c.name)
            .where(credentials.c.service_id == service_id)
            # the name a person signs in with, before a device's address
            .order_by((credentials.c.kind != "password"), credentials.c.created_at, credentials.c.id)
            .limit(1)
        )
        return ServiceFile(
            service_id=service_id,
            subscriber_id=row["subscriber_id"],
            subscriber_number=row["number"],
            subscriber_name=row["name"],
            phone=row["phone"],
            username=name or "",
            plan=with_overrides(plan_from_definition(row["definition"]), row["overrides"]),
            status=row["status"],
            billing_day=row["billing_day"],
            timezone=row["timezone"],
            activated_on=row["activated_on"],
            paid_until_on=row["paid_until_on"],
            currency=row["currency"],
        )

    async def due(self, service_id: UUID) -> Due | None:
        """Return what the reconciler last decided; None where it has not yet."""
        row = await self._row(select(desired).where(desired.c.service_id == service_id))
        if row is None:
            return None
        return Due(
            Access(row["access"]),
            Reason(row["reason"]),
            ServiceProfile.from_json(row["profile"]),
            row["since_at"],
            row["until_at"],
            row["cause"],
        )

    async def seen(self, session_id: int, service_id: UUID) -> Seen | None:
        """Return what the NAS last confirmed for that session of that service."""
        row = await self._row(
            select(observed).where(observed.c.session_id == session_id, observed.c.service_id == service_id)
        )
        if row is None:
            return None
        return Seen(Access(row["access"]), row["profile_key"], row["evidence"], row["observed_at"])

    async def used_in_period(self, service_id: UUID, start_on: date) -> UsedInPeriod:
        """Return the octets and charges of the period that began on that day; zeros where there are none."""
        row = await self._row(
            select(usage_periods).where(usage_periods.c.service_id == service_id, usage_periods.c.start_on == start_on)
        )
        if row is None:
            return UsedInPeriod(0, 0, 0)
        return UsedInPeriod(row["upload_octets"], row["download_octets"], row["charged_minor"], row["counted_octets"])

    async def limits(self, service_id: UUID, plan: Plan, now: datetime) -> Limits:
        """Return the limits of a service's running billing period, under the plan that it has."""
        return await RatingStore(self._connection).limits(service_id, plan, now)

    async def usage_hours(self, service_id: UUID, start_at: datetime) -> list[UsageHour]:
        """Return the hours with usage from an instant on, oldest first."""
        query = (
            select(usage_hours)
            .where(usage_hours.c.service_id == service_id, usage_hours.c.hour_at >= start_at)
            .order_by(usage_hours.c.hour_at)
        )
        return [
            UsageHour(row["hour_at"], row["upload_octets"], row["download_octets"]) for row in await self._rows(query)
        ]

    async def session(self, service_id: UUID, session_id: int) -> SessionSummary | None:
        """Return one session of that service."""
        row = await self._row(select(sessions).where(sessions.c.id == session_id, sessions.c.service_id == service_id))
        return _session(row) if row else None

    async def sessions(self, service_id: UUID, *, limit: int) -> list[SessionSummary]:
        """Return the newest sessions of that service, newest first."""
        query = (
            select(sessions)
            .where(sessions.c.service_id == service_id)
            .order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
            .limit(limit)
        )
        return [_session(row) for row in await self._rows(query)]

    # -- money -------------------------------------------------------------------------------------------------------

    async def wallet_minor(self, subscriber_id: UUID) -> int:
        """Return the credit held for a subscriber."""
        query = select(func.coalesce(func.sum(accounts.c.balance_minor), 0)).where(
            accounts.c.subscriber_id == subscriber_id, accounts.c.code.like("wallet:%")
        )
        return int(await self._connection.scalar(query) or 0)

    async def is_tax_exempt(self, subscriber_id: UUID) -> bool:
        """Tell whether nothing is sold to a subscriber with tax."""
        return bool(await BuyerStore(self._connection).exempt([subscriber_id]))

    async def invoices(self, subscriber_id: UUID, *, limit: int | None) -> list[InvoiceSummary]:
        """Return issued invoices newest first; without a limit the open ones only, all of them."""
        query = select(invoices).where(
            invoices.c.subscriber_id == subscriber_id,
            invoices.c.status.in_(("issued", "part_paid") if limit is None else _VISIBLE_INVOICES),
        )
        if limit is not None:
            query = query.order_by(invoices.c.issued_on.desc(), invoices.c.number.desc()).limit(limit)
        found = [_invoice(row) for row in await self._rows(query)]
        return [invoice for invoice in found if invoice.is_open] if limit is None else found

    async def invoice(self, subscriber_id: UUID, invoice_id: UUID) -> InvoiceSummary | None:
        """Return one issued invoice of that subscriber."""
        row = await self._row(
            select(invoices).where(
                invoices.c.id == invoice_id,
                invoices.c.subscriber_id == subscriber_id,
                invoices.c.status.in_(_VISIBLE_INVOICES),
            )
        )
        return _invoice(row) if row else None

    async def invoice_lines(self, invoice_id: UUID) -> list[InvoiceLine]:
        """Return the lines of an invoice that the caller has found to be the asker's own."""
        query = select(invoice_lines).where(invoice_lines.c.invoice_id == invoice_id).order_by(invoice_lines.c.position)
        return [
            InvoiceLine(
                row["kind"], row["text"], row["quantity"], row["unit_price_minor"], row["per"], row["amount_minor"]
            )
            for row in await self._rows(query)
        ]

    async def payments(self, subscriber_id: UUID, *, limit: int) -> list[PaymentSummary]:
        """Return the newest payments, newest first."""
        query = (
            select(payments)
            .where(payments.c.subscriber_id == subscriber_id, payments.c.status == _RECEIVED)
            .order_by(payments.c.recorded_at.desc(), payments.c.id)
            .limit(limit)
        )
        return [_payment(row) for row in await self._rows(query)]

    async def payment(self, subscriber_id: UUID, payment_id: UUID) -> PaymentSummary | None:
        """Return one payment of that subscriber."""
        row = await self._row(
            select(payments).where(payments.c.id == payment_id, payments.c.subscriber_id == subscriber_id)
        )
        return _payment(row) if row else None

    async def applications(
        self, *, invoice_id: UUID | None = None, payment_id: UUID | None = None
    ) -> list[Application]:
        """Return what settled an invoice, or went out of a payment, that the caller has found to be the asker's."""
        chosen = allocations.c.invoice_id == invoice_id if invoice_id else allocations.c.payment_id == payment_id
        net, at = func.sum(allocations.c.amount_minor), func.max(allocations.c.at)
        query = (
            select(
                allocations.c.invoice_id,
                invoices.c.number,
                allocations.c.payment_id,
                allocations.c.document,
                net.label("amount_minor"),
                at.label("at"),
            )
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            .where(chosen)
            .group_by(allocations.c.invoice_id, invoices.c.number, allocations.c.payment_id, allocations.c.document)
            .having(net > 0)  # what was taken back again went nowhere
            .order_by(func.min(allocations.c.id))
        )
        return [
            Application(
                row["invoice_id"],
                row["number"] or "",
                row["payment_id"],
                int(row["amount_minor"]),
                row["at"],
                row["document"],
            )
            for row in await self._rows(query)
        ]


def _called(name_key: str, number: str | None, phone: str | None) -> ColumnElement[bool]:
    """Return the condition that a name is a credential's, or its subscriber's number or telephone."""
    who: ColumnElement[bool] = credentials.c.name_key == name_key
    if number is not None:
        who = who | (subscribers.c.number == number)
    if phone is not None:
        who = who | (subscribers.c.phone == phone)
    return who


def _session(row: RowMapping) -> SessionSummary:
    return SessionSummary(
        session_id=row["id"],
        state=row["state"],
        framed_ip=row["framed_ip"],
        mac=row["mac"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        stopped_at=row["stopped_at"],
        terminate_cause=row["terminate_cause"],
        session_seconds=row["session_seconds"],
        upload_octets=row["upload_octets"],
        download_octets=row["download_octets"],
        upload_bps=row["upload_bps"],
        download_bps=row["download_bps"],
    )


def _invoice(row: RowMapping) -> InvoiceSummary:
    return InvoiceSummary(
        invoice_id=row["id"],
        number=row["number"] or "",
        status=row["status"],
        issued_on=row["issued_on"] or row["period_start_on"],
        due_on=row["due_on"] or row["period_end_on"],
        period_start_on=row["period_start_on"],
        period_end_on=row["period_end_on"],
        currency=row["currency"],
        tax_minor=row["tax_minor"],
        total_minor=row["total_minor"],
        paid_minor=row["paid_minor"],
        kind=row["kind"],
    )


def _payment(row: RowMapping) -> PaymentSummary:
    return PaymentSummary(
        payment_id=row["id"],
        received_on=row["received_on"],
        recorded_at=row["recorded_at"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        method=row["method"],
        reference=row["reference"],
    )
