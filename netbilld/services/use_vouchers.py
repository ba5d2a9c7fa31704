"""The first use of a voucher: it becomes a service, once, wherever its code comes in; from then on it is one like any.

The log-in waits for it. What begins is written down before anybody is let in, in a transaction that takes the voucher
for itself; so of two first uses at once, on two routers or two nodes, one finds it unused. Whoever asks while the first
still waits is not let in unless they are the same device.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.enforcement.session_limit import START_WAIT, Comer, HeldSession
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Credential, CredentialKind, Service, Subscriber, SubscriberStatus, password_place
from netbilld.model.voucher import ValidFrom, batch_label
from netbilld.ports.changes import Changes
from netbilld.ports.clock import Clock
from netbilld.radius.access import AccessView, Decision, Entropy, Reason, grant, refusal
from netbilld.radius.location import locate
from netbilld.radius.server import Request
from netbilld.services.authenticate import Admission, Answer
from netbilld.services.subscriber_fields import name_key
from netbilld.services.voucher_shelf import FIRST_USE_MARK

_log = logging.getLogger("netbilld.vouchers")

LOG_IN: Final = Actor("system", "log-in")
BATCH: Final = 250
MOST_WAITING: Final = 5_000
PLAIN_TERMS: Final[Mapping[str, Any]] = {"free": True, "timing": "postpaid"}  # it is paid for, and never billed
_NOT_THERE: Final = "voucher_not_usable"
_TAKEN_NAME: Final = "voucher_name_taken"


@dataclass(frozen=True, slots=True)
class ClaimedVoucher:
    """A voucher that begins now."""

    id: UUID
    position: int
    number: int
    plan_version_id: UUID
    currency: str
    timezone: str
    valid_until_at: datetime
    password_sealed: bytes | None = field(repr=False)

    @classmethod
    def of(cls, row: Mapping[str, Any], now: datetime) -> "ClaimedVoucher":
        """Return what a row of vouchers and batches means for a first use now."""
        until_at = row["valid_until_at"]
        if until_at is None or row["valid_from"] == ValidFrom.FIRST_USE.value:
            until_at = now + timedelta(seconds=row["validity_seconds"])
        return cls(
            row["id"],
            row["position"],
            row["number"],
            row["plan_version_id"],
            row["currency"],
            row["timezone"],
            until_at,
            row["password_sealed"],
        )

    @property
    def name(self) -> str:
        """Return what its subscriber is called."""
        return f"Voucher {batch_label(self.number)}-{self.position:05d}"


class Vouchers(Protocol):
    async def claim(self, used_on: Mapping[UUID, UUID], now: datetime) -> Sequence[ClaimedVoucher]: ...
    async def make_free(self, service_ids: Collection[UUID]) -> None: ...


class Subscribers(Protocol):
    async def next_numbers(self, count: int) -> Sequence[str]: ...
    async def add(self, *added: Subscriber) -> None: ...


class Services(Protocol):
    async def add(self, *added: Service, actor: str = ...) -> None: ...
    async def add_credentials(self, *added: Credential) -> None: ...
    async def taken_names(self, names: Sequence[str]) -> Mapping[str, Any]: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    """Seals a password for its place."""

    def seal(self, clear: bytes, place: str) -> bytes: ...


class Shelf(Protocol):
    def code(self, voucher_id: UUID) -> str | None: ...
    def drop(self, voucher_ids: Collection[UUID]) -> None: ...


class Directory(Protocol):
    def find(self, user_name: bytes, now: datetime) -> AccessView | None: ...


# Has these services decided on and known to log-ins.
Entitled = Callable[[Sequence[UUID], datetime], Awaitable[None]]


@dataclass(slots=True)
class UseCounters:
    """Since the start."""

    begun: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Waiting:
    """One log-in with the code of an unused voucher."""

    view: AccessView
    request: Request
    decision: Decision
    answer: Answer
    comer: Comer


class UseVouchers:
    """Stands before admission: holds log-ins with unused codes until their service has begun, and asks it then.

    Args:
        store: where vouchers become services.
        shelf: the unused codes.
        directory: where services are found once they have begun.
        entitled: called with services that have begun.
        admission: asked about everybody, and about these once they are like everybody.
        box: seals passwords.
        clock: tells the time.
        entropy: gives that many unpredictable octets.
        message: Reply-Message for a refusal, by service and reason.
    """

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        directory: Directory,
        entitled: Entitled,
        admission: Admission,
        box: Box,
        clock: Clock,
        entropy: Entropy,
        message: Callable[[UUID, str], bytes],
    ) -> None:
        self._store, self._shelf, self._directory, self._entitled = store, shelf, directory, entitled
        self._admission, self._box, self._clock, self._entropy = admission, box, clock, entropy
        self._message = message
        self._waiting: dict[UUID, list[_Waiting]] = {}
        self._begun: dict[UUID, HeldSession] = {}
        self._in_order: deque[HeldSession] = deque()
        self._wake = asyncio.Event()
        self.counters = UseCounters()

    @property
    def waiting(self) -> int:
        """How many vouchers wait to begin."""
        return len(self._waiting)

    # -- log-ins -------------------------------------------------------------------------------------------------------

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Return what admission says; None where `answer` is called later, once a voucher has begun."""
        terms = view.terms
        if terms is None or not terms.first_use:
            if self._begun and self._is_anothers(view.service_id, request, now):
                return self._refused(view, request, decision, Reason.SESSION_LIMIT, "used for the first time elsewhere")
            if FIRST_USE_MARK in decision.attributes:  # it has begun since its password was found right
                return self._continued(_Waiting(view, request, decision, answer, _comer(request)), now)
            return self._admission.admit(view, request, decision, now, answer)
        comer = _comer(request)
        others = self._waiting.get(view.service_id)
        if others is not None and not _is_same(comer, others[0].comer):
            return self._refused(view, request, decision, Reason.SESSION_LIMIT, "used for the first time elsewhere")
        if others is None and len(self._waiting) >= MOST_WAITING:
            return self._refused(view, request, decision, Reason.DATABASE_AWAY, "too many vouchers begin at once")
        self._waiting.setdefault(view.service_id, []).append(_Waiting(view, request, decision, answer, comer))
        self._wake.set()
        return None

    def _is_anothers(self, service_id: UUID, request: Request, now: datetime) -> bool:
        """Tell whether a voucher has just begun with another device, whose Start is yet to come."""
        while self._in_order and now - self._in_order[0].began_at >= START_WAIT:
            over = self._in_order.popleft()
            if self._begun.get(over.service_id) is over:
                del self._begun[over.service_id]
        first = self._begun.get(service_id)
        return first is not None and not _comer(request).is_same(first)

    # -- what begins ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Let vouchers begin, for ever, as log-ins ask for them."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self.step()

    async def step(self) -> None:
        """Let those begin that wait, so many at a time, and answer who asked."""
        asked = dict(list(self._waiting.items())[:BATCH])
        if not asked:
            return
        now = self._clock.now()
        used_on = {voucher_id: waiting[0].request.client.nas_id for voucher_id, waiting in asked.items()}
        outcome: dict[UUID, str | None]
        try:
            outcome = await self._begin(used_on, now)
            begun = [voucher_id for voucher_id, why in outcome.items() if why is None]
            if begun:
                await self._entitled(begun, now)
                self._shelf.drop(begun)
                self.counters.begun += len(begun)
        except NetbilldError as error:
            _log.warning("%d vouchers could not begin: %s", len(asked), error, extra={"event": "vouchers_wait"})
            outcome = dict.fromkeys(asked, Reason.DATABASE_AWAY)
        finally:
            answered = {voucher_id: self._waiting.pop(voucher_id) for voucher_id in asked}
        for voucher_id, waiting in answered.items():
            self._answer(voucher_id, waiting, outcome.get(voucher_id, _NOT_THERE), now)

    def _answer(self, voucher_id: UUID, waiting: Sequence[_Waiting], why: str | None, now: datetime) -> None:
        if why is None:
            first = waiting[0]
            held = HeldSession(
                None, voucher_id, first.request.client.nas_id, first.comer.mac, first.comer.nas_port, now, now
            )
            self._begun[voucher_id] = held
            self._in_order.append(held)
        for one in waiting:
            if why is not None:
                one.answer(self._refused(one.view, one.request, one.decision, why, "the voucher did not begin"))
                continue
            decided = self._continued(one, now)
            if decided is not None:
                one.answer(decided)

    def _continued(self, one: _Waiting, now: datetime) -> Decision | None:
        """Return what the service that has begun is answered with: it is one like any other now."""
        view = self._directory.find(one.view.name.encode(), now)
        if view is None or view.service_id != one.view.service_id or (view.terms and view.terms.first_use):
            return self._refused(one.view, one.request, one.decision, _NOT_THERE, "the voucher did not begin")
        granted = grant(one.request, view) if view.refusal is None else None
        if granted is None:
            why = view.refusal or view.walled or _NOT_THERE
            return refusal(one.request, one.decision.method, why, self._entropy, view.reply_message)
        if view.limits is not None:
            granted += view.limits(one.request, now)
        one.decision.attributes = one.decision.attributes.replace(FIRST_USE_MARK, granted, 1)
        return self._admission.admit(view, one.request, one.decision, now, one.answer)

    def _refused(self, view: AccessView, request: Request, decision: Decision, reason: str, detail: str) -> Decision:
        self.counters.refused += 1
        message = self._message(view.service_id, reason)
        return refusal(request, decision.method, reason, self._entropy, message, detail)

    async def _begin(self, used_on: Mapping[UUID, UUID], now: datetime) -> dict[UUID, str | None]:
        """Make services of those that nobody has used; return of each why not, None where it has begun.

        Raises:
            StoreUnavailableError: the database is away; nothing has begun.
        """
        try:
            return await self._begin_together(used_on, now)
        except RefusedError:
            if len(used_on) == 1:
                voucher_id = next(iter(used_on))
                _log.error("voucher %s: its code is somebody's user name", voucher_id, extra={"event": "voucher_name"})
                return {voucher_id: _TAKEN_NAME}
        outcome: dict[UUID, str | None] = {}
        for voucher_id, nas_id in used_on.items():  # one of them is in the way of all
            outcome |= await self._begin({voucher_id: nas_id}, now)
        return outcome

    async def _begin_together(self, used_on: Mapping[UUID, UUID], now: datetime) -> dict[UUID, str | None]:
        outcome: dict[UUID, str | None] = dict.fromkeys(used_on, _NOT_THERE)
        async with self._store.write() as work:
            claimed = await work.vouchers.claim(used_on, now)
            if not claimed:
                return outcome
            numbers = await work.subscribers.next_numbers(len(claimed))
            people, services, credentials = [], [], []
            news: list[tuple[UUID, dict[str, Any]]] = []
            for one, number in zip(claimed, numbers, strict=True):
                code = self._shelf.code(one.id)
                if code is None:
                    raise RefusedError(f"voucher {one.id} is not on the shelf", code=_NOT_THERE)
                subscriber_id = uuid4()
                people.append(_subscriber(one, subscriber_id, number, now))
                services.append(_service(one, subscriber_id, now))
                credentials.append(self._credential(one, code, now))
                details = {
                    "service_ids": [str(one.id)],
                    "batch": batch_label(one.number),
                    "position": one.position,
                    "subscriber": number,
                    "nas_id": str(used_on[one.id]),
                    "valid_until": one.valid_until_at.isoformat(),
                }
                news.append((one.id, details))
                outcome[one.id] = None
            await work.subscribers.add(*people)
            await work.services.add(*services, actor=LOG_IN.name)
            await work.services.add_credentials(*credentials)
            await work.vouchers.make_free([one.id for one in claimed])
            await work.changes.record_many(LOG_IN, now, "voucher.first_use", "voucher", news)
        return outcome

    def _credential(self, one: ClaimedVoucher, code: str, now: datetime) -> Credential:
        sealed = one.password_sealed or self._box.seal(code.encode(), password_place(one.id))
        kind = CredentialKind.PASSWORD.value
        return Credential(one.id, one.id, kind, code, name_key(code), sealed, None, now)


def _subscriber(one: ClaimedVoucher, subscriber_id: UUID, number: str, now: datetime) -> Subscriber:
    return Subscriber(
        subscriber_id, number, one.name, None, None, None, None, one.currency, SubscriberStatus.ACTIVE.value, now
    )


def _service(one: ClaimedVoucher, subscriber_id: UUID, now: datetime) -> Service:
    today = local_date(now, one.timezone)
    return Service(
        id=one.id,
        subscriber_id=subscriber_id,
        plan_version_id=one.plan_version_id,
        status="active",
        status_reason=None,
        status_since_at=now,
        billing_day=today.day,
        timezone=one.timezone,
        activated_on=today,
        paid_until_on=None,
        static_ip=None,
        created_at=now,
        ended_at=None,
        overrides=dict(PLAIN_TERMS),
    )


def _comer(request: Request) -> Comer:
    location = locate(request.packet, request.client.vendor)
    return Comer(request.client.nas_id, location.mac, location.nas_port)


def _is_same(comer: Comer, other: Comer) -> bool:
    if comer.mac is not None and other.mac is not None:
        return comer.mac == other.mac
    return comer == other
