"""What the reconciler reads and writes: sessions with what is due and seen, orders under way, attempts, proofs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from netbilld.billing.plan import Speed
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.evidence import MeasuredInterval
from netbilld.enforcement.ladder import START, Change, Position
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.order_form import SUITED, OrderForm
from netbilld.enforcement.profile import Access
from netbilld.enforcement.vendors.interface import WallBy

Action = Literal["coa", "disconnect", "enter_list", "leave_list"]


@dataclass(frozen=True, slots=True)
class NasRecord:
    """A NAS as orders need it, its secret still sealed (empty once the NAS is removed).

    Attributes:
        has_api: we know an API of it.
        coa_per_second, disconnects_per_second: its own pace; None for the one of the settings, 0 for none.
        shares_order_port: an order sent to its address and port could as well reach another NAS.
    """

    nas_id: UUID
    name: str
    address: str
    vendor: str
    coa_port: int
    reported_ip: str | None
    secret_sealed: bytes = field(repr=False)
    wall_by: WallBy | None = None
    has_api: bool = False
    coa_per_second: int | None = None
    disconnects_per_second: int | None = None
    shares_order_port: bool = False
    form: OrderForm = SUITED


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """A session that is not yet as it should be: survives a restart.

    Attributes:
        profile_key: what is wanted (`plan_order.wish_key`); another one means a newer wish, which waits for nothing.
        attempts: orders sent for it.
        next_attempt_at: not before then, as long as the wish is the same.
        last_error: what went wrong last, for people.
        at: where on the ladder it is.
        change: what has to change, as it was when the wish was new; None where that is not known yet.
        acked_at: when a Disconnect was acknowledged that has not ended the session yet.
        alerted_at: when a person was told that it leads nowhere; once for each wish.
    """

    session_id: int
    service_id: UUID | None
    profile_key: str
    attempts: int
    next_attempt_at: datetime
    last_error: str | None = None
    at: Position = START
    change: Change | None = None
    acked_at: datetime | None = None
    alerted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionToCheck:
    """An open session with all that decides on its next order.

    Attributes:
        heard_at: its last report's own time.
        has_ipv6: it was given an IPv6 prefix.
        is_local: its NAS has let it in by an account of its own, whatever was due.
    """

    session_id: int
    service_id: UUID | None
    username: str
    acct_session_id: str
    framed_ip: str | None
    nas_source: str | None
    started_at: datetime
    disconnect_requested_at: datetime | None
    nas: NasRecord
    desired: DesiredService | None
    observed: ObservedService | None
    pending: PendingOrder | None
    mac: str | None = None
    heard_at: datetime | None = None
    is_local: bool = False
    has_ipv6: bool = False


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An order that is about to leave."""

    session_id: int
    service_id: UUID | None
    nas_id: UUID
    action: Action
    access: str
    reason: str
    profile_key: str
    due_at: datetime
    sent_at: datetime
    via: str = "radius"
    rung: int = 0
    step: int = 0
    change: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What came of an order: sent, acked, nacked, timed_out, failed, verified, disproved."""

    attempt_id: int
    outcome: str
    answered_at: datetime | None
    verified_at: datetime | None = None
    error_cause: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The newest order of a session, and how many left for its service and that wish since a moment asked for."""

    attempt_id: int
    session_id: int
    action: str
    profile_key: str
    outcome: str
    sent_at: datetime
    answered_at: datetime | None
    at: Position
    change: Change | None
    lately: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What a session was seen with."""

    session_id: int
    service_id: UUID
    access: Access
    profile_key: str
    evidence: Evidence
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody has seen of a session.

    Attributes:
        session_id: of an open session.
        evidence: how.
        at: when it was seen; what was ordered or became due later is not touched by it.
        wish: the key (`wish_key`) of what it was compared with; it says nothing about another, even where that was
            decided on before `at` and put on record just after.
        words: what was seen, for people.
    """

    session_id: int
    evidence: Evidence
    at: datetime
    wish: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """An order that leads nowhere; somebody must look. One for each wish.

    Attributes:
        action: the last order for it; None where none can be sent.
        words: the reason.
    """

    session_id: int
    service_id: UUID | None
    username: str
    nas_id: UUID
    nas: str
    access: str | None
    action: str | None
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AcknowledgedSession:
    """A session whose NAS acknowledged a rate, whether traffic has shown it or not, with its newest interval since."""

    session_id: int
    service_id: UUID
    access: Access
    profile_key: str
    speed: Speed
    acked_at: datetime
    interval: MeasuredInterval
    evidence: Evidence = Evidence.ACK


class OrderStore(Protocol):
    """The store's part that orders need, in one transaction."""

    async def sessions_of(
        self, service_ids: Collection[UUID], session_ids: Collection[int]
    ) -> Sequence[SessionToCheck]: ...

    async def sessions_with_due_orders(self, now: datetime) -> Sequence[SessionToCheck]: ...

    async def sessions_that_differ(self) -> Sequence[SessionToCheck]: ...

    async def ended_with_orders(self) -> Sequence[int]: ...

    async def next_attempt_at(self, now: datetime) -> datetime | None: ...

    async def still_open(self, session_ids: Collection[int]) -> Collection[int]: ...

    async def begin_attempts(self, attempts: Sequence[NewAttempt]) -> Sequence[int]: ...

    async def end_attempts(self, ends: Sequence[AttemptEnd]) -> None: ...

    async def last_attempts(self, session_ids: Collection[int], since: datetime) -> Mapping[int, LastAttempt]: ...

    async def denied(self, session_ids: Collection[int]) -> Collection[int]: ...

    async def verify_attempts(self, session_ids: Collection[int], now: datetime) -> Collection[int]: ...

    async def disprove_attempts(self, words: Mapping[int, str], now: datetime) -> None: ...

    async def disprove_disconnects(self, words: Mapping[int, str], now: datetime) -> None: ...

    async def settle(self, session_ids: Collection[int], now: datetime) -> Sequence[tuple[int, UUID | None]]: ...

    async def save_pending(self, orders: Sequence[PendingOrder]) -> None: ...

    async def drop_pending(self, session_ids: Collection[int]) -> None: ...

    async def wake_orders(self, nas_id: UUID | None, now: datetime, *, from_start: bool = False) -> int: ...

    async def interrupted(self, now: datetime) -> int: ...

    async def observe(self, observations: Sequence[Observation]) -> None: ...

    async def mark_unsure(self, session_ids: Collection[int]) -> None: ...

    async def acknowledged(self, session_ids: Collection[int]) -> Sequence[AcknowledgedSession]: ...

    async def verify_rates(self, sessions: Iterable[AcknowledgedSession], now: datetime) -> None: ...

    async def close_as_lost(self, session_ids: Collection[int]) -> None: ...


class OrderWork(Protocol):
    """One transaction."""

    @property
    def enforcement(self) -> OrderStore: ...


class OrderDatabase(Protocol):
    """Where transactions come from."""

    def read(self) -> AbstractAsyncContextManager[OrderWork]: ...

    def write(self) -> AbstractAsyncContextManager[OrderWork]: ...
