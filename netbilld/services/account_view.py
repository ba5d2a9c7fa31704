"""Values of the subscriber's own page: a service, what it is due and was seen with, its money and its use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.plan import AfterAllowance, Plan, Speed, Timing
from netbilld.billing.rating.limits import NO_LIMITS, Limits
from netbilld.billing.rating.period import includes_free_octets, is_octet_charged
from netbilld.billing.rating.price import units_for_minor
from netbilld.enforcement.policy import Reason
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.model.periods import BillingPeriod, local_date, local_midnight

NEAR_DUE_DAYS: Final = 7
_STAYS_OPEN: Final = frozenset((AfterAllowance.THROTTLE, AfterAllowance.CHARGE))


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A service with its plan and its subscriber."""

    service_id: UUID
    subscriber_id: UUID
    subscriber_number: str
    subscriber_name: str
    phone: str | None
    username: str
    plan: Plan
    status: str
    billing_day: int
    timezone: str
    activated_on: date
    paid_until_on: date | None
    currency: str


@dataclass(frozen=True, slots=True)
class OwnService:
    """A service among those of its subscriber."""

    service_id: UUID
    username: str
    plan_name: str
    site: str | None
    status: str
    access: Access | None


@dataclass(frozen=True, slots=True)
class Due:
    """What the service is due now, as the reconciler last decided."""

    access: Access
    reason: Reason
    profile: ServiceProfile
    since_at: datetime
    until_at: datetime | None
    cause: str  # what made us decide anew: usage, payment.add and so on


@dataclass(frozen=True, slots=True)
class Seen:
    """What a session's NAS last confirmed."""

    access: Access
    profile_key: str
    evidence: str  # login, ack, traffic
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class UsedInPeriod:
    """Octets and charges of one billing period.

    Attributes:
        counted_octets: what counts against the allowance, where the plan alone does not make it of the octets.
    """

    upload_octets: int
    download_octets: int
    charged_minor: int
    counted_octets: int | None = None


@dataclass(frozen=True, slots=True)
class InvoiceSummary:
    """An issued invoice, or a credit note, as a list shows it."""

    invoice_id: UUID
    number: str
    status: str  # issued, part_paid, paid, credited
    issued_on: date
    due_on: date
    period_start_on: date
    period_end_on: date
    currency: str
    tax_minor: int
    total_minor: int
    paid_minor: int
    kind: str = "invoice"  # credit_note: what it gives is its total, and nothing of it is owed

    @property
    def is_credit_note(self) -> bool:
        return self.kind == "credit_note"

    @property
    def state(self) -> str:
        """Return the word that says where it stands: its status, or that it is a credit note."""
        return self.kind if self.is_credit_note else self.status

    @property
    def outstanding_minor(self) -> int:
        return self.total_minor - self.paid_minor if self.is_open else 0

    @property
    def is_open(self) -> bool:
        return self.status in {"issued", "part_paid"} and self.paid_minor < self.total_minor

    def days_left(self, today: date) -> int:
        """Return whole days until the due date: 0 on the last day to pay, negative when past due."""
        return (self.due_on - today).days

    def mark(self, today: date) -> str | None:
        """Return `overdue`, `near_due` (due in 0 to 7 days), or None."""
        if not self.is_open:
            return None
        days = self.days_left(today)
        if days < 0:
            return "overdue"
        return "near_due" if days <= NEAR_DUE_DAYS else None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice; the unit price is for `per` units."""

    kind: str
    text: str
    quantity: int
    unit_price_minor: int
    per: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaymentSummary:
    """A payment as a list shows it."""

    payment_id: UUID
    received_on: date
    recorded_at: datetime
    amount_minor: int
    currency: str
    method: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Application:
    """What settled a part of an invoice: a payment, a document (credit_note, write_off), else the wallet."""

    invoice_id: UUID
    invoice_number: str
    payment_id: UUID | None
    amount_minor: int
    at: datetime
    document: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session as its subscriber sees it."""

    session_id: int
    state: str
    framed_ip: str | None
    mac: str | None
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    session_seconds: int
    upload_octets: int
    download_octets: int
    upload_bps: int
    download_bps: int


@dataclass(frozen=True, slots=True)
class UsageHour:
    """Octets of one local hour."""

    hour_at: datetime
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class DayOfUsage:
    """Octets of one local day."""

    on: date
    upload_octets: int
    download_octets: int

    @property
    def octets(self) -> int:
        return self.upload_octets + self.download_octets


@dataclass(frozen=True, slots=True)
class AllowanceMeter:
    """How much of the period's allowance is used."""

    limit_octets: int
    used_octets: int
    after: AfterAllowance
    resets_at: datetime

    @property
    def left_octets(self) -> int:
        return max(0, self.limit_octets - self.used_octets)

    @property
    def used_permille(self) -> int:
        return min(1000, self.used_octets * 1000 // self.limit_octets) if self.limit_octets else 1000


@dataclass(frozen=True, slots=True)
class Balance:
    """Everything the short view says about one service at one instant.

    Attributes:
        due: what it is due; None before the reconciler first looked at it.
        seen: what the NAS of the session it was recognised by last confirmed; None without such a session.
        overdue_minor: the part of outstanding_minor that is past its due date.
        due_on: the earliest due date among open invoices; None where nothing is owed.
        limits: of its allowance, where they are others than its plan's.
        priced: its plan with the tax in its prices, as the wallet has to pay them; None where that is its plan.
        renewal_minor: what the wallet pays for its next prepaid period, tax and all; None where it buys none.
        is_renewed_by_hand: its wallet buys nothing by itself, as its subscriber has chosen.
        restored_seconds: from the record of a payment to the NAS letting the session back in, where both just happened.
    """

    file: ServiceFile
    due: Due | None
    seen: Seen | None
    session: SessionSummary | None
    period: BillingPeriod
    used: UsedInPeriod
    wallet_minor: int
    outstanding_minor: int
    overdue_minor: int
    due_on: date | None
    overdue_since_on: date | None
    last_payment: PaymentSummary | None
    restored_seconds: float | None
    now: datetime
    limits: Limits = NO_LIMITS
    priced: Plan | None = None
    renewal_minor: int | None = None
    is_renewed_by_hand: bool = False

    @property
    def today(self) -> date:
        return local_date(self.now, self.file.timezone)

    @property
    def access(self) -> Access | None:
        return self.due.access if self.due else None

    @property
    def reason(self) -> Reason | None:
        return self.due.reason if self.due else None

    @property
    def is_open(self) -> bool:
        """Return whether the service may use the internet now, slowed or not."""
        return self.access in {Access.ACTIVE, Access.THROTTLED}

    @property
    def is_opening(self) -> bool:
        """Return whether it may, while the NAS has yet to confirm it."""
        return self.is_open and self.seen is not None and self.seen.access in {Access.WALLED, Access.BLOCKED}

    @property
    def is_captive(self) -> bool:
        """Return whether the session at hand is restricted now, by what is due or by what the NAS still does."""
        return not self.is_open or self.is_opening

    @property
    def speed(self) -> Speed | None:
        """Return the speed that is due now; None inside the walls and where there is no access."""
        return self.due.profile.speed if self.due and self.is_open else None

    @property
    def days_left(self) -> int | None:
        """Return days until the earliest due date; 0 on the last day to pay, negative when past due."""
        return (self.due_on - self.today).days if self.due_on else None

    @property
    def allowance(self) -> AllowanceMeter | None:
        limit = self.file.plan.allowance
        if limit is None:
            return None
        used_octets = self._counted_octets
        limit_octets = limit.data_octets if self.limits.octets is None else self.limits.octets
        return AllowanceMeter(limit_octets, used_octets + self.limits.others_octets, limit.after, self.period.end_at)

    @property
    def _counted_octets(self) -> int:
        if self.used.counted_octets is not None:
            return self.used.counted_octets
        return self.file.plan.counted_octets(self.used.upload_octets, self.used.download_octets)

    @property
    def wallet_octets(self) -> int | None:
        """Return the octets that the wallet still buys, for a plan charged by use; None otherwise."""
        plan = self.priced or self.file.plan
        usage = plan.usage
        if plan.timing is not Timing.PREPAID or plan.free or usage is None or not is_octet_charged(plan):
            return None
        allowance = self.allowance
        included = allowance.limit_octets if allowance is not None and includes_free_octets(plan) else 0
        used = allowance.used_octets if allowance is not None else self._counted_octets
        tariff = replace(usage, cap_minor=None)
        bought = units_for_minor(tariff, max(0, used - included), 0, max(0, self.wallet_minor))
        return None if bought is None else max(0, included - used) + bought

    @property
    def renewal_shortfall_minor(self) -> int:
        """Return what the wallet lacks for the next prepaid period; 0 for nothing, or where none is bought."""
        return max(0, (self.renewal_minor or 0) - self.wallet_minor)

    @property
    def octets_to_closing(self) -> int | None:
        """Return the octets after which access closes (RFC 8908 §5 bytes-remaining); None where none are counted.

        A fair-use allowance slows the service and closes nothing, so it is not such a limit.
        """
        limits = [self.wallet_octets]
        if self.allowance is not None and self.allowance.after not in _STAYS_OPEN:
            limits.append(self.allowance.left_octets)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def seconds_to_closing(self) -> int | None:
        """Return the seconds until a prepaid period that the wallet won't renew ends; None where there is no end."""
        plan, paid_until_on = self.file.plan, self.file.paid_until_on
        if plan.timing is not Timing.PREPAID or plan.recurring is None or paid_until_on is None:
            return None
        if not self.renewal_shortfall_minor and not self.is_renewed_by_hand:
            return None
        closes_at = local_midnight(paid_until_on + timedelta(days=1), self.file.timezone)
        return max(0, int((closes_at - self.now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Account:
    """The full view after signing in."""

    balance: Balance
    days: Sequence[DayOfUsage]
    invoices: Sequence[InvoiceSummary]
    payments: Sequence[PaymentSummary]
    sessions: Sequence[SessionSummary]


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """One invoice with its lines and what settled it."""

    summary: InvoiceSummary
    lines: Sequence[InvoiceLine]
    applications: Sequence[Application]

    @property
    def is_paid_only(self) -> bool:
        """Return whether nothing but money has settled it."""
        return all(part.document is None for part in self.applications)


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One payment and the invoices it went to; the rest is in the wallet."""

    summary: PaymentSummary
    applications: Sequence[Application]

    @property
    def to_wallet_minor(self) -> int:
        return self.summary.amount_minor - sum(part.amount_minor for part in self.applications)
