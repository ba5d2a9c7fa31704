"""What is known when somebody asks why a subscriber can't get online; collected elsewhere, judged by `explain`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.enforcement.policy import Entitlement, ServiceFacts


@dataclass(frozen=True, slots=True)
class CredentialFact:
    """The name that was asked about, and which secrets are kept for it (never the secrets)."""

    name: str
    kind: str  # password, mac
    has_password: bool
    has_nt_hash: bool
    created_at: datetime
    password_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """The service a name leads to, with all that its entitlement was decided by."""

    service_id: UUID
    subscriber_no: str
    subscriber_name: str
    status_reason: str | None
    status_since_at: datetime
    credential: CredentialFact
    facts: ServiceFacts
    due: Entitlement
    due_since_at: datetime | None
    oldest_due_on: date | None  # of the invoices not paid
    locks: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by kind; a NAS by its name

    @property
    def plan(self) -> Plan:
        """Return the plan version in force."""
        return self.facts.plan


@dataclass(frozen=True, slots=True)
class AttemptFact:
    """One log-in attempt by a name of the service, or by the unknown name."""

    at: datetime
    username: str
    nas: str | None
    method: str
    result: str  # accept, reject, challenge
    reason: str
    mac: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class SessionFact:
    """A session of the service.

    `seen_access` is what its NAS last confirmed, None where nothing is known; `is_local` says that the NAS let it in by
    an account of its own.
    """

    id: int
    nas: str
    state: str
    framed_ip: str | None
    mac: str | None
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    interval_seconds: int
    seen_access: str | None = None
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class DropFact:
    """Packets of one source that got silence; `nas` is None where no NAS has that address.

    `identifier` and `nas_ip` are what packets of a stranger say of themselves, as far as they were read.
    """

    reason: str
    source: str
    nas: str | None
    port: str  # auth, acct
    count: int
    last_at: datetime
    detail: str = ""
    identifier: str | None = None
    nas_ip: str | None = None


@dataclass(frozen=True, slots=True)
class NasFact:
    """The NAS that the service is, or was last, asked for by.

    Attributes:
        accepted: log-ins it got through lately.
        refused_names: different names whose password was wrong or unreadable lately.
        orders_unanswered: it left the last order (CoA, Disconnect) without an answer.
    """

    name: str
    address: str
    in_service: bool
    last_heard_at: datetime | None
    last_attempt_at: datetime | None
    accepted: int = 0
    refused_names: int = 0
    orders_unanswered: bool = False


@dataclass(frozen=True, slots=True)
class OrderFact:
    """The newest order to a NAS about this service, and the one still waiting."""

    action: str  # coa, disconnect
    outcome: str  # sent, acked, nacked, timed_out, verified, failed
    nas: str
    sent_at: datetime
    error_cause: int | None
    detail: str | None
    pending: bool  # the session is not yet as it should be
    attempts: int = 0
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PoolFact:
    """A pool of addresses of ours, and how many of them are in use."""

    name: str
    used: int
    size: int


@dataclass(frozen=True, slots=True)
class VoucherFact:
    """A voucher whose code a name is, and that is no service: not yet, or no more.

    Attributes:
        cause: what `explain` calls where it stands.
        number: within its batch, such as V0001-00003.
        at: when it ended, or was to begin by.
        reason: why it was taken back.
    """

    cause: str
    number: str
    at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything `explain` looks at.

    Attributes:
        username: as it was asked for.
        service: None where nobody has that name.
        similar: names that exist and look like an unknown one, the most similar first.
        attempts: newest first, of every name of the service.
        sessions: the open ones, newest first.
        last_session: the newest that has ended.
        nas: the NAS concerned; None where none is known.
        name_drops: packets that asked for one of the names and got silence; None: the daemon can't be asked.
        nas_drops: those of the NAS concerned, or without one of every source; None: the daemon can't be asked.
        voucher: that the name is the code of, where nobody has it.
        interim_seconds: how often a session is to report.
        silent_after_seconds: silence of a NAS above this means something.
    """

    username: str
    now: datetime
    service: ServiceFact | None
    similar: tuple[str, ...] = ()
    attempts: tuple[AttemptFact, ...] = ()
    sessions: tuple[SessionFact, ...] = ()
    last_session: SessionFact | None = None
    nas: NasFact | None = None
    name_drops: tuple[DropFact, ...] | None = None
    nas_drops: tuple[DropFact, ...] | None = None
    order: OrderFact | None = None
    pool: PoolFact | None = None
    voucher: VoucherFact | None = None
    interim_seconds: int = 300
    silent_after_seconds: int = 900
