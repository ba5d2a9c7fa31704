"""What a subscriber is shown of their own service: the balance on one page, and the records behind it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.plan import Plan, Timing
from netbilld.billing.rating.limits import Limits
from netbilld.billing.renewal import next_renewal
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.billing.wallet_tax import with_tax_in_prices
from netbilld.enforcement.profile import Access
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_date, local_midnight, monthly_period
from netbilld.services import change_terms, renew_prepaid
from netbilld.services.account_view import (
    Account,
    Application,
    Balance,
    DayOfUsage,
    Due,
    InvoiceLine,
    InvoiceSummary,
    InvoiceView,
    OwnService,
    PaymentSummary,
    PaymentView,
    Seen,
    ServiceFile,
    SessionSummary,
    UsageHour,
    UsedInPeriod,
)

HISTORY_DAYS: Final = 30
LIST_LENGTH: Final = 50


class Reader(Protocol):
    """The part of a store that showing an account reads; every query names whose rows it may return."""

    async def service_file(self, service_id: UUID) -> ServiceFile | None: ...

    async def services_of(self, subscriber_id: UUID) -> Sequence[OwnService]: ...

    async def due(self, service_id: UUID) -> Due | None: ...

    async def seen(self, session_id: int, service_id: UUID) -> Seen | None: ...

    async def used_in_period(self, service_id: UUID, start_on: date) -> UsedInPeriod: ...

    async def limits(self, service_id: UUID, plan: Plan, now: datetime) -> Limits: ...

    async def wallet_minor(self, subscriber_id: UUID) -> int: ...

    async def is_tax_exempt(self, subscriber_id: UUID) -> bool: ...

    async def invoices(self, subscriber_id: UUID, *, limit: int | None) -> Sequence[InvoiceSummary]:
        """Return issued invoices newest first; without a limit the open ones only, all of them."""
        ...

    async def invoice(self, subscriber_id: UUID, invoice_id: UUID) -> InvoiceSummary | None: ...

    async def invoice_lines(self, invoice_id: UUID) -> Sequence[InvoiceLine]: ...

    async def payments(self, subscriber_id: UUID, *, limit: int) -> Sequence[PaymentSummary]: ...

    async def payment(self, subscriber_id: UUID, payment_id: UUID) -> PaymentSummary | None: ...

    async def applications(
        self, *, invoice_id: UUID | None = None, payment_id: UUID | None = None
    ) -> Sequence[Application]: ...

    async def session(self, service_id: UUID, session_id: int) -> SessionSummary | None: ...

    async def sessions(self, service_id: UUID, *, limit: int) -> Sequence[SessionSummary]: ...

    async def usage_hours(self, service_id: UUID, start_at: datetime) -> Sequence[UsageHour]: ...


class Prepaid(Protocol):
    async def services(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]: ...
    async def by_hand(self, service_id: UUID) -> tuple[datetime, str] | None: ...


class Work(renew_prepaid.TermsWork, Protocol):
    @property
    def portal(self) -> Reader: ...
    @property
    def prepaid(self) -> Prepaid: ...
    @property
    def plans(self) -> change_terms.Plans: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class ShowAccount:
    """Reads one service's own data; nothing here takes an id without the service or subscriber it must belong to."""

    def __init__(self, store: Store, taxes: TaxPolicy = NOTHING_TAXED) -> None:
        self._store, self._taxes = store, taxes

    async def own(self, service_id: UUID) -> tuple[ServiceFile, Sequence[OwnService]] | None:
        """Return a service and all of its subscriber's; None where it does not exist."""
        async with self._store.read() as work:
            file = await work.portal.service_file(service_id)
            return None if file is None else (file, await work.portal.services_of(file.subscriber_id))

    async def balance(self, service_id: UUID, session_id: int | None, now: datetime) -> Balance | None:
        """Return the short view; None where the service does not exist.

        Args:
            service_id: whose balance.
            session_id: the session it was recognised by; None takes the newest one that is open.
            now: the instant to show.
        """
        async with self._store.read() as work:
            if session_id is None:
                session_id = _current(await work.portal.sessions(service_id, limit=1))
            return await _balance(work, service_id, session_id, now, self._taxes)

    async def account(self, service_id: UUID, now: datetime) -> Account | None:
        """Return the full view; None where the service does not exist."""
        async with self._store.read() as work:
            sessions = await work.portal.sessions(service_id, limit=LIST_LENGTH)
            balance = await _balance(work, service_id, _current(sessions), now, self._taxes)
            if balance is None:
                return None
            first_on = balance.today - timedelta(days=HISTORY_DAYS - 1)
            hours = await work.portal.usage_hours(service_id, local_midnight(first_on, balance.file.timezone))
            return Account(
                balance,
                usage_by_day(hours, first_on, balance.today, balance.file.timezone),
                await work.portal.invoices(balance.file.subscriber_id, limit=LIST_LENGTH),
                await work.portal.payments(balance.file.subscriber_id, limit=LIST_LENGTH),
                sessions,
            )

    async def hours_of(self, file: ServiceFile, on: date) -> list[UsageHour]:
        """Return the 23 to 25 hours of a local day, those without usage included."""
        begins_at, ends_at = local_midnight(on, file.timezone), local_midnight(on + timedelta(days=1), file.timezone)
        async with self._store.read() as work:
            found = await work.portal.usage_hours(file.service_id, begins_at)
        known = {hour.hour_at: hour for hour in found if hour.hour_at < ends_at}
        count = int((ends_at - begins_at).total_seconds()) // 3600
        every = (begins_at + timedelta(hours=at) for at in range(count))
        return [known.get(at) or UsageHour(at, 0, 0) for at in every]

    async def invoice(self, service_id: UUID, invoice_id: UUID) -> InvoiceView | None:
        """Return an invoice of the service's own subscriber; None for anybody else's, as for none."""
        async with self._store.read() as work:
            file = await work.portal.service_file(service_id)
            summary = await work.portal.invoice(file.subscriber_id, invoice_id) if file else None
            if summary is None:
                return None
            return InvoiceView(
                summary,
                await work.portal.invoice_lines(invoice_id),
                await work.portal.applications(invoice_id=invoice_id),
            )

    async def payment(self, service_id: UUID, payment_id: UUID) -> PaymentView | None:
        """Return a payment of the service's own subscriber; None for anybody else's, as for none."""
        async with self._store.read() as work:
            file = await work.portal.service_file(service_id)
            summary = await work.portal.payment(file.subscriber_id, payment_id) if file else None
            if summary is None:
                return None
            return PaymentView(summary, await work.portal.applications(payment_id=payment_id))


def _current(sessions: Sequence[SessionSummary]) -> int | None:
    return next((session.session_id for session in sessions if session.stopped_at is None), None)


def usage_by_day(hours: Sequence[UsageHour], first_on: date, last_on: date, timezone: str) -> list[DayOfUsage]:
    """Return one entry a local day from `first_on` to `last_on`, days without usage included."""
    totals: dict[date, tuple[int, int]] = {}
    for hour in hours:
        on = local_date(hour.hour_at, timezone)
        upload_octets, download_octets = totals.get(on, (0, 0))
        totals[on] = (upload_octets + hour.upload_octets, download_octets + hour.download_octets)
    days = (last_on - first_on).days + 1
    return [DayOfUsage(on, *totals.get(on, (0, 0))) for on in (first_on + timedelta(days=at) for at in range(days))]


_RESTORED_WITHIN: Final = timedelta(minutes=10)
_NO_PAYMENT: Final = frozenset({"usage", "subscriber.resume", "service.plan"})  # what changed access then was not money


async def _balance(
    work: Work, service_id: UUID, session_id: int | None, now: datetime, taxes: TaxPolicy
) -> Balance | None:
    reader = work.portal
    file = await reader.service_file(service_id)
    if file is None:
        return None
    period = monthly_period(now, file.billing_day, file.timezone)
    due = await reader.due(service_id)
    session = await reader.session(service_id, session_id) if session_id is not None else None
    seen = await reader.seen(session.session_id, service_id) if session else None
    open_invoices = await reader.invoices(file.subscriber_id, limit=None)
    today = local_date(now, file.timezone)
    payments = await reader.payments(file.subscriber_id, limit=1)
    last_payment = payments[0] if payments else None
    overdue = [invoice for invoice in open_invoices if invoice.due_on < today]
    exempt = taxes.is_pkp and await reader.is_tax_exempt(file.subscriber_id)
    return Balance(
        file=file,
        due=due,
        seen=seen,
        session=session,
        period=period,
        used=await reader.used_in_period(service_id, period.start_on),
        wallet_minor=await reader.wallet_minor(file.subscriber_id),
        outstanding_minor=sum(invoice.outstanding_minor for invoice in open_invoices),
        overdue_minor=sum(invoice.outstanding_minor for invoice in overdue),
        due_on=min((invoice.due_on for invoice in open_invoices), default=None),
        overdue_since_on=min((invoice.due_on for invoice in overdue), default=None),
        last_payment=last_payment,
        restored_seconds=_restored_seconds(due, seen, session, last_payment, now),
        now=now,
        limits=await reader.limits(service_id, file.plan, now),
        priced=with_tax_in_prices(file.plan, taxes, today, exempt=exempt),
        renewal_minor=await _renewal_minor(work, file, today, taxes, exempt=exempt),
        is_renewed_by_hand=file.plan.timing is Timing.PREPAID and await work.prepaid.by_hand(service_id) is not None,
    )


async def _renewal_minor(work: Work, file: ServiceFile, today: date, taxes: TaxPolicy, *, exempt: bool) -> int | None:
    """Return what the service's next period costs by the rules that sell it; None where none is to be sold."""
    if file.plan.timing is not Timing.PREPAID or file.plan.recurring is None:
        return None
    rows = (await work.prepaid.services([file.subscriber_id])).get(file.subscriber_id, ())
    known = await renew_prepaid.prepaid_services(work, [row for row in rows if row.id == file.service_id])
    if not known:
        return None
    service = known[file.service_id]
    versions = await work.plans.versions({one.plan_version_id for one in service.terms})
    plans = {key: version.plan for key, version in versions.items()}
    try:
        found = next_renewal(service, plans, today, tax=taxes, exempt=exempt)
    except InvalidInputError:  # a tax without a rule: nothing is sold until the settings know it
        return None
    return found[1].price_minor if found is not None else None


def _restored_seconds(
    due: Due | None,
    seen: Seen | None,
    session: SessionSummary | None,
    last_payment: PaymentSummary | None,
    now: datetime,
) -> float | None:
    """Return how long a payment took to bring the service back, where that has just happened.

    From its record to the session that the NAS then opened, or to its acknowledgement where the session stayed.
    """
    if due is None or seen is None or session is None or last_payment is None:
        return None
    paid_at = last_payment.recorded_at
    if due.access not in {Access.ACTIVE, Access.THROTTLED} or seen.profile_key != due.profile.key:
        return None
    if due.since_at < paid_at or due.cause in _NO_PAYMENT or now - paid_at > _RESTORED_WITHIN:
        return None
    if session.started_at >= paid_at:
        return (session.started_at - paid_at).total_seconds()
    return (seen.observed_at - paid_at).total_seconds() if seen.evidence == "ack" else None
