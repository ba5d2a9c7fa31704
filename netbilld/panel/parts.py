"""What the panel is handed: the store and services it speaks with, and how to write for its readers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from aiohttp import web

from netbilld.model.staff import Staff
from netbilld.panel.api.parts import ApiParts
from netbilld.panel.assets import Assets
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.gateway_parts import GatewayParts
from netbilld.panel.message_parts import ChatReads, MessageParts
from netbilld.panel.money_parts import MoneyParts
from netbilld.panel.people_parts import PeopleParts
from netbilld.panel.rendering import Renderer
from netbilld.panel.security import Perimeter
from netbilld.panel.selling_parts import AgentReads, CollectorReads, LedgerReads, SellingParts, VoucherReads
from netbilld.ports.changes import Changes
from netbilld.ports.clock import SteadyClock
from netbilld.ports.passwords import Passwords
from netbilld.services import sign_in
from netbilld.services.areas import Whereabouts
from netbilld.services.audit_trail import AuditReads
from netbilld.services.brake import Brake
from netbilld.services.collector_conduct import Conducts
from netbilld.services.complaint_views import ComplaintViews
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.decide_doubts import DecideDoubts
from netbilld.services.doctor_runs import DoctorRuns
from netbilld.services.dunning_views import ExemptionLine
from netbilld.services.explain import Explain
from netbilld.services.jobs import ItemState, Job, JobItem
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_pools import ManagePools
from netbilld.services.manage_staff import ManageStaff
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.money_views import MoneyViews
from netbilld.services.nas_lane import NasOrders
from netbilld.services.overshoot import Crossing
from netbilld.services.own_requests import OwnRequests
from netbilld.services.passkeys import Passkeys
from netbilld.services.people_views import PeopleViews
from netbilld.services.readmodels import ReadModels
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.replace_nas import ReplaceNas
from netbilld.services.second_factor import SecondFactor
from netbilld.services.shown_usage import By, Direction, TopUsage, UsageBucket, UsageTotals
from netbilld.services.sign_in import Entropy, Lockout, Login, SignIn


class Logins(sign_in.Logins, Protocol):
    """Log-ins as the panel reads them with every request."""

    async def find_staff(self, token_hash: str, now: datetime) -> tuple[Login, Staff] | None: ...

    async def touch(self, token_hash: str, now: datetime) -> None: ...

    async def of_staff(self, staff_id: UUID, now: datetime) -> Sequence[Login]:
        """Return where somebody is signed in, the last used first."""
        ...

    async def end_of_staff(self, staff_id: UUID, *, but: str | None = None, only: str | None = None) -> int: ...


class UsageReads(Protocol):
    """Usage by day or hour, and who used most."""

    async def totals(self, service_id: UUID, first_on: date, end_on: date, timezone: str) -> UsageTotals: ...

    async def buckets(
        self, service_id: UUID, first_on: date, end_on: date, by: By, timezone: str
    ) -> Sequence[UsageBucket]: ...

    async def top(
        self, first_on: date, end_on: date, limit: int, *, direction: Direction = "both", nas_id: UUID | None = None
    ) -> Sequence[TopUsage]: ...


class StaffReads(Protocol):
    async def all(self) -> Sequence[Staff]: ...

    async def by_id(self, staff_id: UUID) -> Staff | None: ...


class Crossings(Protocol):
    async def newest(self, limit: int) -> Sequence[Crossing]: ...


class Change(Protocol):
    """One line of the audit trail."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


class Trail(Changes, Protocol):
    async def about(self, entity: str, entity_id: UUID | int | str, limit: int = ...) -> Sequence[Change]: ...


class DunningTerms(Protocol):
    async def exemption(self, scope: str, name: str) -> ExemptionLine | None: ...

    async def promises(self, *, from_on: date | None = None, subscriber_id: UUID | None = None) -> Sequence[Any]: ...


class JobViews(Protocol):
    async def find(self, job_id: UUID) -> Job | None: ...

    async def newest(self, limit: int) -> Sequence[Job]: ...

    async def items(self, job_id: UUID, state: ItemState | None, offset: int, limit: int) -> Sequence[JobItem]: ...

    async def payload(self, job_id: UUID) -> bytes | None: ...


class Work(Protocol):
    """The stores of one transaction that pages use."""

    @property
    def audit(self) -> AuditReads: ...

    @property
    def crossings(self) -> Crossings: ...

    @property
    def logins(self) -> Logins: ...

    @property
    def vouchers(self) -> VoucherReads: ...
    @property
    def agents(self) -> AgentReads: ...
    @property
    def ledger(self) -> LedgerReads: ...
    @property
    def collectors(self) -> CollectorReads: ...
    @property
    def conduct(self) -> Conducts: ...
    @property
    def money_views(self) -> MoneyViews: ...

    @property
    def changes(self) -> Trail: ...

    @property
    def dunning_terms(self) -> DunningTerms: ...

    @property
    def jobs(self) -> JobViews: ...

    @property
    def people(self) -> PeopleViews: ...

    @property
    def readmodels(self) -> ReadModels: ...

    @property
    def staff(self) -> StaffReads: ...

    @property
    def usage(self) -> UsageReads: ...

    @property
    def complaint_views(self) -> ComplaintViews: ...
    @property
    def chat_views(self) -> ChatReads: ...

    @property
    def whereabouts(self) -> Whereabouts: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class PrintedFile(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def octets(self) -> bytes: ...


class Printing(Protocol):
    async def invoice(self, number: str, now: datetime, locale: str | None = None) -> PrintedFile:
        """Return an issued document as PDF."""
        ...

    async def receipt(self, text: str, now: datetime, locale: str | None = None) -> PrintedFile:
        """Return the receipt of a payment as PDF."""
        ...

    async def together(self, ids: Sequence[UUID], now: datetime) -> bytes:
        """Return some issued documents as one PDF."""
        ...


@dataclass(frozen=True, slots=True)
class PasskeyParts:
    """Passkeys of staff, and the panel's address where the settings say it; otherwise it is the browser's."""

    passkeys: Passkeys
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class SecurityParts:
    """How the staff prove who they are, and what is shown to few.

    Attributes:
        second_factor: codes of generators, and which roles must have one.
        identities: identity numbers, each look at which is written down.
        one_login: a new log-in of a person ends their others.
        passkeys: None offers none.
    """

    second_factor: SecondFactor
    identities: ManageBuyers
    one_login: bool = False
    passkeys: PasskeyParts | None = None


async def _no_lane(_nas_id: UUID) -> NasOrders | None:
    return None


@dataclass(frozen=True, slots=True)
class PanelParts:
    """Everything create_panel needs.

    Attributes:
        nudge: called after a change, so that the daemon acts on it at once.
        health: `{"ready": bool, "reasons": [...], …}` for /readyz; plain JSON.
        metrics: Prometheus text.
        session_hours: how long a log-in lasts.
        dropped: packets of a NAS that got silence, by its name; newest first.
        doctor: examines a NAS when somebody asks for it.
        lane: the queue of orders of a NAS; None where none are sent to it from here.
        printing: makes documents on paper; None offers none.
        api: the JSON API's; None serves none.
        complaints: what is done about complaints; None has none.
        security: second factors, identity numbers, and what log-ins go by; None offers none of it.
        money: what the pages of money do; None has no such pages.
        gateways: payments by gateways; None has no such pages.
        autopay: what is paid by itself; None has no such pages.
        people: what staff do about subscribers beyond the few things above; None offers none of it.
        messages: what the pages about messages do; None has no such pages.
        selling: vouchers; None has no such pages.
    """

    database: Store
    manage_subscribers: ManageSubscribers
    manage_locks: ManageLocks
    manage_pools: ManagePools
    replace_nas: ReplaceNas
    receive_payment: ReceivePayment
    manage_staff: ManageStaff
    control_sessions: ControlSessions
    decide_doubts: DecideDoubts
    brake: Brake
    explain: Explain
    passwords: Passwords
    clock: SteadyClock
    entropy: Entropy
    timezone: str
    locale: str
    currency: str
    business_name: str
    trusted_proxies: tuple[str, ...]
    session_hours: int
    nudge: Callable[[], Awaitable[None]]
    health: Callable[[], Awaitable[Mapping[str, Any]]]
    metrics: Callable[[], Awaitable[str]]
    dropped: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]
    doctor: DoctorRuns
    lane: Callable[[UUID], Awaitable[NasOrders | None]] = _no_lane
    printing: Printing | None = None
    api: ApiParts | None = None
    complaints: ComplaintParts | None = None
    security: SecurityParts | None = None
    money: MoneyParts | None = None
    gateways: GatewayParts | None = None
    autopay: AutopayParts | None = None
    own_requests: OwnRequests | None = None
    people: PeopleParts | None = None
    selling: SellingParts | None = None
    messages: MessageParts | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """The parts, and what create_panel made of them; one for the application's life.

    `more_places` are further entries of the main menu: address, picture and name, the name a key in the catalogues.
    """

    parts: PanelParts
    renderer: Renderer
    assets: Assets
    perimeter: Perimeter
    sign_in: SignIn
    password_lockout: Lockout
    code_lockout: Lockout
    more_places: tuple[tuple[str, str, str], ...] = ()

    @property
    def lifetime(self) -> timedelta:
        return timedelta(hours=self.parts.session_hours)


PANEL: Final = web.AppKey("panel", Panel)
