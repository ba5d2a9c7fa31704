"""What the panel's pages show: lists and searches, read only; an adapter fills them with bounded, indexed queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.enforcement.profile import ServiceProfile
from netbilld.model.node import NodeLine
from netbilld.model.service_lock import ServiceLock
from netbilld.services.address_pools import PoolViews, ServiceLease
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.decide_doubts import UsageDoubt
from netbilld.services.device_view import DeviceViews
from netbilld.services.enforcement_history import ServiceChange
from netbilld.services.log_ins import LogIns
from netbilld.services.order_views import OrderViews
from netbilld.services.static_book import LineView
from netbilld.services.throughput import Throughput

PAGE_LENGTH: Final = 50


@dataclass(frozen=True, slots=True)
class Traffic:
    """What moves now: sessions that are open, and their rates over the last reported interval."""

    online: int
    late: int  # missed a report; stale ones are not counted as online
    upload_bps: int
    download_bps: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One point of the throughput chart."""

    at: datetime
    upload_bps: int
    download_bps: int
    sessions: int


@dataclass(frozen=True, slots=True)
class NasSample:
    """One point of a NAS's throughput."""

    nas_id: UUID
    at: datetime
    upload_bps: int
    download_bps: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Octets:
    """A volume by direction, the subscriber's."""

    upload_octets: int
    download_octets: int

    @property
    def total_octets(self) -> int:
        return self.upload_octets + self.download_octets


@dataclass(frozen=True, slots=True)
class Restricted:
    """A service that is not fully open, and why."""

    subscriber_no: str
    name: str
    username: str
    plan: str
    access: str
    reason: str
    since_at: datetime
    until_at: datetime | None
    online: bool


@dataclass(frozen=True, slots=True)
class Talker:
    """A session among those with the highest rate now."""

    session_id: int
    subscriber_no: str | None
    name: str | None
    username: str
    upload_bps: int
    download_bps: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order to a NAS: due → sent → answered → its effect seen."""

    id: int
    subscriber_no: str | None
    name: str | None
    username: str
    nas: str
    session_id: int
    action: str
    access: str
    reason: str
    outcome: str
    due_at: datetime
    sent_at: datetime
    answered_at: datetime | None
    verified_at: datetime | None
    returned_at: datetime | None  # when the service came back with this profile, after a disconnect
    disproved_at: datetime | None  # when it was seen not to be so, whatever the NAS has said
    error_cause: int | None
    detail: str | None

    @property
    def seen_at(self) -> datetime | None:
        """Return when the effect was seen: the service back at its new profile, else what the attempt itself proved."""
        return self.returned_at or self.verified_at


@dataclass(frozen=True, slots=True)
class OpenMoney:
    """What is owed; overdue is past its due date."""

    open_minor: int
    overdue_minor: int
    overdue_subscribers: int
    received_today_minor: int


@dataclass(frozen=True, slots=True)
class NasLine:
    """A NAS without its secrets.

    Attributes:
        told_by: the NAS-Identifier that tells it from others with its address; empty where it is alone there.
        is_unreached: another NAS has its address and CoA port, and it has no API: orders don't find it.
    """

    name: str
    address: str
    vendor: str
    last_heard_at: datetime | None
    sessions: int
    upload_bps: int
    download_bps: int
    pending: int
    alerts: int = 0
    told_by: str = ""
    is_unreached: bool = False


@dataclass(frozen=True, slots=True)
class NasFile:
    """One NAS in full; of its secrets only that they are there."""

    id: UUID
    line: NasLine
    vendor_title: str
    wall: str  # how it holds the walled: pool, list, pool_and_list, reject
    hotspot_wall: str
    coa_port: int
    require_message_authenticator: str
    seen_message_authenticator_at: datetime | None
    swap_octets: bool
    counter_unit: str  # octets, kB, KiB
    ipv6_octets: str  # inside of its counters, or beside
    port_bps: int
    clock_off_seconds: int | None  # how far its clock is behind ours
    portal_sources: Sequence[str]
    reported_ip: str | None
    identifier: str | None
    has_api: bool
    has_snmp: bool
    created_at: datetime
    open_octets: Octets  # of its open sessions
    states: Mapping[str, int]
    log_ins: Mapping[tuple[str, str], int]  # (result, reason) among the newest attempts
    log_ins_seen: int  # how many newest attempts were looked at, of all NAS
    attempts: Sequence[Attempt]
    static: "LinesOfNas | None" = None  # lines of static subscribers; None where there are none

    def clock_shows(self, now: datetime) -> datetime:
        """Return what the clock of this NAS shows."""
        return now - timedelta(seconds=self.clock_off_seconds or 0)


@dataclass(frozen=True, slots=True)
class LinesOfNas:
    """A router's lines of static subscribers: how many, how many differ, and what people should see to."""

    lines: int
    differ: int
    read_at: datetime | None
    trouble: str | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class SubscriberLine:
    """One service in the list of subscribers."""

    subscriber_no: str
    name: str
    username: str
    phone: str | None
    area: str | None
    plan: str
    status: str
    access: str | None
    reason: str | None
    online: bool
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class SubscriberPage:
    """A page of the list, with how many lines there are in all."""

    lines: Sequence[SubscriberLine]
    total: int


@dataclass(frozen=True, slots=True)
class SessionLine:
    """An open session, or one that has ended."""

    id: int
    subscriber_no: str | None
    name: str | None
    username: str
    nas: str
    framed_ip: str | None
    mac: str | None
    acct_session_id: str
    state: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    upload_octets: int
    download_octets: int
    upload_bps: int
    download_bps: int
    due_access: str | None
    seen_access: str | None
    disconnect_requested_at: datetime | None
    is_local: bool = False  # its NAS has let it in by an account of its own


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page of open sessions, with how many there are in all."""

    lines: Sequence[SessionLine]
    total: int


@dataclass(frozen=True, slots=True)
class DueNow:
    """What a service is due, as last decided."""

    access: str
    reason: str
    profile: ServiceProfile
    cause: str
    since_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A service of a subscriber, with its plan, its use of this period and its open sessions."""

    id: UUID
    usernames: Sequence[tuple[str, str]]  # (kind, name)
    plan: Plan
    plan_version: int
    status: str
    status_reason: str | None
    status_since_at: datetime
    billing_day: int
    timezone: str
    activated_on: date
    paid_until_on: date | None
    static_ip: str | None
    due: DueNow | None
    period_start_on: date
    period_end_on: date
    used: Octets
    charged_minor: int
    sessions: Sequence[SessionLine]
    locks: Sequence[ServiceLock] = ()
    static_prefixes: Sequence[str] = ()
    leases: Sequence[ServiceLease] = ()
    at_most_over_octets: int | None = None  # what its allowance can be passed by, as far as that was observed
    line: LineView | None = None  # on a router that holds it without RADIUS
    counted_octets: int = 0  # what counts against the allowance
    limit_octets: int | None = None  # of the allowance with what is beside it; None without one
    planned: Sequence[tuple[date, str]] = ()  # other plans to come, by their names and first days
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    site: str | None = None  # where it is, for a company's invoice

    @property
    def username(self) -> str:
        """Return the name that stands for this service in lists and verbs."""
        return self.usernames[0][1] if self.usernames else ""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """An invoice, or a credit note, in a list."""

    number: str | None
    status: str
    issued_on: date | None
    due_on: date | None
    period_start_on: date
    period_end_on: date
    currency: str
    total_minor: int
    paid_minor: int
    kind: str = "invoice"
    written_off_minor: int = 0

    @property
    def outstanding_minor(self) -> int:
        return self.total_minor - self.paid_minor if self.status in {"issued", "part_paid"} else 0

    def state(self, today: date) -> str:
        """Return the word that says where it stands: its status, overdue, written off, or that it is a credit note."""
        if self.kind == "credit_note":
            return self.kind
        is_late = self.due_on is not None and self.due_on < today and self.outstanding_minor > 0
        if self.status == "paid" and self.written_off_minor:
            return "written_off"
        return "overdue" if is_late else self.status


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """A payment with the invoices it went to."""

    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    recorded_at: datetime
    actor: str
    invoices: Sequence[str]


@dataclass(frozen=True, slots=True)
class LogIn:
    """One attempt to get online."""

    id: int
    at: datetime
    username: str
    nas: str | None
    method: str
    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Who did what, when and from where."""

    id: int
    at: datetime
    actor: str
    origin: str
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DayOfUsage:
    """Octets of one local day."""

    on: date
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class SubscriberFile:
    """A subscriber with everything the page shows, money apart."""

    id: UUID
    number: str
    name: str
    phone: str | None
    email: str | None
    address: str | None
    area: str | None
    currency: str
    status: str
    created_at: datetime
    locale: str | None
    customer_group: str | None
    services: Sequence[ServiceFile]
    days: Sequence[DayOfUsage]
    attempts: Sequence[Attempt]
    enforced: Sequence[ServiceChange]
    log_ins: Sequence[LogIn]
    changes: Sequence[ChangeLine]


@dataclass(frozen=True, slots=True)
class SubscriberMoney:
    """What a subscriber owes and holds: two numbers, never netted."""

    wallet_minor: int
    outstanding_minor: int
    overdue_minor: int
    next_due_on: date | None
    invoices: Sequence[InvoiceLine]
    payments: Sequence[PaymentLine]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A session, or a line without one, that is not yet as it should be."""

    session_id: int | None
    service_id: UUID | None
    subscriber_no: str | None
    name: str | None
    username: str
    nas: str
    due_access: str
    due_reason: str
    since_at: datetime
    seen_access: str | None
    evidence: str | None
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan's newest version, and how many services have the plan; 0 where nobody asked."""

    code: str
    version: int
    on_sale: bool
    plan: Plan
    services: int


@dataclass(frozen=True, slots=True)
class PlanVersionLine:
    """One frozen version of a plan."""

    version: int
    created_at: datetime
    actor: str
    plan: Plan
    services: int


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan with its versions, newest first."""

    code: str
    on_sale: bool
    created_at: datetime
    versions: Sequence[PlanVersionLine]


class ReadModels(LogIns, PoolViews, Throughput, DeviceViews, OrderViews, Protocol):
    """Everything the panel reads; each answer is bounded."""

    async def traffic(self) -> Traffic: ...

    async def throughput(self, since_at: datetime) -> Sequence[Sample]: ...

    async def octets_since(self, hour_at: datetime) -> Octets: ...

    async def access_counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many services there are by (access, reason)."""
        ...

    async def restricted(self, limit: int, areas: Areas = EVERYWHERE) -> Sequence[Restricted]: ...

    async def talkers(self, limit: int, areas: Areas = EVERYWHERE) -> Sequence[Talker]: ...

    async def attempts(self, limit: int) -> Sequence[Attempt]: ...

    async def open_money(self, today: date, day_start_at: datetime) -> OpenMoney: ...

    async def nas_lines(self) -> Sequence[NasLine]: ...

    async def node_lines(self) -> Sequence[NodeLine]: ...

    async def nas_names(self) -> Sequence[str]: ...

    async def nas_id(self, name: str) -> UUID | None: ...

    async def nas_file(self, name: str) -> NasFile | None: ...

    async def subscriber_file(self, number: str, now: datetime, timezone: str) -> SubscriberFile | None: ...

    async def services_of(self, number: str, now: datetime) -> Sequence[ServiceFile]: ...

    async def subscriber_money(self, subscriber_id: UUID, today: date) -> SubscriberMoney: ...

    async def sessions_that_held(
        self, network: IPv4Network | IPv6Network, at: datetime | None, limit: int
    ) -> Sequence[SessionLine]: ...

    async def session_lines(self, text: str, offset: int, areas: Areas = EVERYWHERE) -> SessionPage: ...

    async def doubts(self, *, only_open: bool) -> Sequence[UsageDoubt]: ...

    async def doubts_waiting(self) -> int: ...

    async def meter_doubts_waiting(self) -> int: ...

    async def waiting_orders(self) -> int: ...

    async def mismatches(self, limit: int) -> Sequence[Mismatch]: ...

    async def plan_lines(self, *, counted: bool = False) -> Sequence[PlanLine]: ...

    async def plan_file(self, code: str) -> PlanFile | None: ...
