"""Brings every session to what its service is due, and never forgets one that is not there yet."""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.enforcement.actions import Cannot, Disconnect
from netbilld.enforcement.backoff import RetryPolicy, next_attempt_at
from netbilld.enforcement.evidence import traffic_proves
from netbilld.enforcement.observed import Evidence
from netbilld.ports.clock import Clock
from netbilld.radius.codes import ErrorCause
from netbilld.radius.grant import Grant, encode_grant
from netbilld.services.access_directory import SecretOpener
from netbilld.services.nas_control import NasControl, NasTarget, Outcome, OutcomeKind
from netbilld.services.order_book import (
    AttemptEnd,
    NasRecord,
    NewAttempt,
    Observation,
    OrderDatabase,
    OrderStore,
    PendingOrder,
    SessionToCheck,
)
from netbilld.services.order_news import STEPS, OrderNews, Step, TellOrders
from netbilld.services.order_queue import OrderQueue, WaitingOrder
from netbilld.services.plan_order import (
    OBSTACLE_WORDS,
    Agreed,
    handle_of,
    is_due,
    is_urgent,
    order_host,
    plan_order,
    wish_key,
)

ORDERS_UNDER_WAY: Final = 16  # at one NAS
# How long a NAS that acknowledged a Disconnect may take to say Stop before it is asked again.
STOP_WAIT_SECONDS: Final = 15.0
_GONE: Final = int(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
_PASSING: Final = frozenset((int(ErrorCause.RESOURCES_UNAVAILABLE), int(ErrorCause.REQUEST_INITIATED)))
logger = logging.getLogger("netbilld.enforcement")


@dataclass(frozen=True, slots=True)
class ReconcilePolicy:
    """How often everything is compared, and when an order is tried again."""

    every_seconds: float
    retry: RetryPolicy
    stop_wait_seconds: float = STOP_WAIT_SECONDS


@dataclass(slots=True)
class _Sent:
    """An order under way."""

    waiting: WaitingOrder
    attempt_id: int
    pending: PendingOrder
    outcome: Outcome | None = None
    answered_at: datetime | None = None


@dataclass(slots=True)
class _Lane:
    """One NAS: what waits for it and what is under way. One that does not answer is asked one thing at a time."""

    target: NasTarget | None = None
    queue: OrderQueue = field(default_factory=OrderQueue)
    under_way: int = 0
    silent: bool = False
    running: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[_Sent] = field(default_factory=list)
    recording: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def room(self) -> int:
        return (1 if self.silent else ORDERS_UNDER_WAY) - self.under_way


@dataclass(frozen=True, slots=True)
class NasOrders:
    """A NAS's queue as it is shown: orders waiting, orders under way, and whether its last one was left unanswered."""

    waiting: int
    under_way: int
    silent: bool


class Reconcile:
    """Compares what is due with what was seen and orders the difference.

    Each NAS has its own queue and its own orders under way: one that is dead holds up nobody else's subscribers. Orders
    for one service never overlap, and only the newest wish is sent.
    """

    def __init__(
        self,
        database: OrderDatabase,
        control: NasControl,
        box: SecretOpener,
        clock: Clock,
        policy: ReconcilePolicy,
        jitter: Callable[[], float],
        *,
        orders: OrderDatabase | None = None,
    ) -> None:
        """Take what to work with.

        Args:
            database: what is due, and what was seen.
            control: carries orders out.
            box: opens the secrets of NAS.
            clock: tells the time.
            policy: how often.
            jitter: from 0 to 1, spreads what is tried again.
            orders: where orders are written down before they leave, if not just in `database`: it refuses where
                another node sends them now, and then nothing leaves.
        """
        self._database = database
        self._orders = database if orders is None else orders
        self._control = control
        self._box = box
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._lanes: dict[UUID, _Lane] = {}
        self._busy: set[UUID | int] = set()
        self._again: set[UUID | int] = set()
        self._services: set[UUID] = set()
        self._sessions: set[int] = set()
        self._nudged = asyncio.Event()
        self._all_at: datetime | None = None
        self.on_lost: Callable[[Sequence[int]], None] | None = None  # told of sessions that their NAS does not know
        self.on_orders: TellOrders | None = None  # told of every step of an order, once it is on record

    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None:
        """Have these looked at right away."""
        self._services.update(service_ids)
        self._sessions.update(session_ids)
        self._nudged.set()

    def lanes(self) -> dict[UUID, NasOrders]:
        """Return each NAS's queue."""
        return {nas_id: NasOrders(len(lane.queue), lane.under_way, lane.silent) for nas_id, lane in self._lanes.items()}

    async def nas_heard(self, nas_id: UUID) -> None:
        """Try a NAS's waiting orders at once: it was silent and has been heard again, or its settings have changed."""
        async with self._database.write() as work:
            woken = await work.enforcement.wake_orders(nas_id, self._clock.now())
        if woken:
            self._nudged.set()

    async def recover(self) -> None:
        """Take up what an earlier process left behind; before the first run."""
        async with self._orders.write() as work:
            cut_off = await work.enforcement.interrupted(self._clock.now())
        if cut_off:
            logger.info("%d orders were cut off by a restart; their sessions are checked again", cut_off)
        self._all_at = None

    async def run(self) -> None:
        """Reconcile for ever: when nudged, when an order is due again, and everything once in a while."""
        await self.recover()
        try:
            async with asyncio.TaskGroup() as orders:
                while True:
                    self._nudged.clear()
                    wait_seconds = await self._step(orders)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            await self._nudged.wait()
        finally:
            self._forget_lanes()

    async def run_once(self) -> None:
        """Reconcile what was nudged and what is due, and return when every order sent has come to its end."""
        try:
            async with asyncio.TaskGroup() as orders:
                await self._step(orders)
        finally:
            self._forget_lanes()

    def _forget_lanes(self) -> None:
        """Drop what only lives while a run does; the database knows what is open."""
        for lane in self._lanes.values():
            lane.queue, lane.under_way, lane.running, lane.ended = OrderQueue(), 0, False, []
        self._busy.clear()

    async def _step(self, orders: asyncio.TaskGroup) -> float:
        """Look at what needs it and queue the orders; return how many seconds may pass until the next look."""
        now = self._clock.now()
        services, self._services = self._services, set()
        named, self._sessions = self._sessions, set()
        every = timedelta(seconds=self._policy.every_seconds)
        everything = self._all_at is None or not now < self._all_at <= now + every  # also after a clock was set back
        busy = set(self._busy)
        async with self._database.read() as work:
            store = work.enforcement
            found = {session.session_id: session for session in await store.sessions_with_due_orders(now)}
            if services or named:
                found |= {session.session_id: session for session in await store.sessions_of(services, named)}
            if everything:
                found |= {session.session_id: session for session in await store.sessions_that_differ()}
            ended = await store.ended_with_orders()
            next_at = await store.next_attempt_at(now)
        if everything:
            self._all_at = now + every
        await self._sort(list(found.values()), ended, busy, now)
        for nas_id, lane in self._lanes.items():
            if len(lane.queue):
                lane.changed.set()
                if not lane.running:
                    lane.running = True
                    orders.create_task(self._serve(lane), name=f"orders of NAS {nas_id}")
        assert self._all_at is not None  # noqa: S101 - set above, on the first step at the latest
        edges = [self._all_at] if next_at is None else [self._all_at, next_at]
        return max(0.05, (min(edges) - now).total_seconds())

    async def _sort(
        self, found: Sequence[SessionToCheck], ended: Sequence[int], were_busy: Container[UUID | int], now: datetime
    ) -> None:
        """Queue what is to be ordered; write down what needs no order.

        An order that was under way when `found` was read may have ended since: its session is read again.
        """
        agreed: list[int] = []
        presumed: list[Observation] = []
        blocked: list[PendingOrder] = []
        for session in found:
            key = session.service_id or session.session_id
            if key in self._busy:
                self._again.add(key)
                continue
            if key in were_busy:
                self._nudge_session(session)
                continue
            lane = self._lanes.setdefault(session.nas.nas_id, _Lane())
            wanted = plan_order(session)
            if isinstance(wanted, Agreed):
                lane.queue.discard(session.session_id)
                if session.pending is not None:
                    agreed.append(session.session_id)
                if wanted.presumed:
                    presumed.append(_presumed(session))
            elif isinstance(wanted, Cannot):
                lane.queue.discard(session.session_id)
                if refused := self._obstacle(session, wanted, now):
                    blocked.append(refused)
            elif is_due(session, now):
                lane.target = self._target(session)
                lane.queue.put(WaitingOrder(session, wanted, is_urgent(session)))
        if agreed or presumed or blocked or ended:
            async with self._orders.write() as work:
                seen = await work.enforcement.settle(ended, now)
                await work.enforcement.drop_pending(agreed)
                await work.enforcement.observe(presumed)
                await work.enforcement.save_pending(blocked)
            self._tell([OrderNews("seen", now, one, service_id, "disconnect") for one, service_id in seen])

    def _obstacle(self, session: SessionToCheck, cannot: Cannot, now: datetime) -> PendingOrder | None:
        """Return what to keep of an order that can't be sent; None where that is on record and its time not come."""
        words = OBSTACLE_WORDS[cannot.obstacle]
        pending, key = session.pending, wish_key(session)
        if pending is not None and pending.last_error == words and pending.profile_key == key:
            if pending.next_attempt_at > now:
                return None
        else:
            logger.warning("session of %r on NAS %s stays as it is: %s", session.username, session.nas.name, words)
        later = now + timedelta(seconds=self._policy.retry.longest_seconds)
        return PendingOrder(session.session_id, session.service_id, key, 0, later, last_error=words)

    def _target(self, session: SessionToCheck) -> NasTarget:
        nas: NasRecord = session.nas
        host = order_host(session)
        assert host is not None  # noqa: S101 - plan_order asked
        secret = self._box.open(nas.secret_sealed, f"nas.secret:{nas.nas_id}")
        return NasTarget(nas.nas_id, nas.name, host, nas.coa_port, nas.vendor, secret)

    async def _serve(self, lane: _Lane) -> None:
        """Send a NAS's orders until none waits."""
        try:
            async with asyncio.TaskGroup() as under_way:
                while True:
                    lane.changed.clear()
                    taken = lane.queue.take(lane.room, self._busy.__contains__) if lane.room > 0 else []
                    if taken:
                        self._busy.update(waiting.busy_key for waiting in taken)
                        lane.under_way += len(taken)
                        for sent in await self._begin(lane, taken):
                            under_way.create_task(self._carry_out(lane, sent))
                    elif lane.under_way:
                        await lane.changed.wait()
                    else:
                        return
        finally:
            lane.running = False

    async def _begin(self, lane: _Lane, taken: Sequence[WaitingOrder]) -> list[_Sent]:
        """Write the orders down before they leave; those for sessions that have ended meanwhile are let go."""
        now = self._clock.now()
        async with self._orders.write() as work:
            store = work.enforcement
            open_ids = await store.still_open([waiting.session.session_id for waiting in taken])
            leaving = [waiting for waiting in taken if waiting.session.session_id in open_ids]
            pending = [self._next_pending(waiting, now) for waiting in leaving]
            attempt_ids = await store.begin_attempts([_attempt(waiting, now) for waiting in leaving])
            await store.save_pending(pending)
        for waiting in taken:
            if waiting.session.session_id not in open_ids:
                self._release(lane, waiting)
        self._tell([_news("sent", now, waiting) for waiting in leaving])
        return [
            _Sent(waiting, attempt_id, order)
            for waiting, attempt_id, order in zip(leaving, attempt_ids, pending, strict=True)
        ]

    def _next_pending(self, waiting: WaitingOrder, now: datetime) -> PendingOrder:
        session = waiting.session
        key = wish_key(session)
        before = session.pending if session.pending is not None and session.pending.profile_key == key else None
        attempts = (before.attempts if before else 0) + 1
        return PendingOrder(
            session_id=session.session_id,
            service_id=session.service_id,
            profile_key=key,
            attempts=attempts,
            next_attempt_at=next_attempt_at(attempts, now, self._policy.retry, self._jitter()),
            coa_refused=before.coa_refused if before else False,
            last_error=before.last_error if before else None,
        )

    async def _carry_out(self, lane: _Lane, sent: _Sent) -> None:
        """Send one order and record its end, together with those that ended meanwhile."""
        waiting = sent.waiting
        try:
            sent.outcome = await self._control.apply(
                self._target(waiting.session), handle_of(waiting.session), waiting.order, _class_value(waiting.session)
            )
            sent.answered_at = self._clock.now()
            lane.ended.append(sent)
            async with lane.recording:
                ended, lane.ended = lane.ended, []
                if ended:
                    await self._record(lane, ended)
        finally:
            self._release(lane, waiting)

    def _release(self, lane: _Lane, waiting: WaitingOrder) -> None:
        lane.under_way -= 1
        self._busy.discard(waiting.busy_key)
        lane.changed.set()
        if waiting.busy_key in self._again:
            self._again.discard(waiting.busy_key)
            self._nudge_session(waiting.session)

    def _nudge_session(self, session: SessionToCheck) -> None:
        if session.service_id is None:
            self.nudge(session_ids=(session.session_id,))
        else:
            self.nudge((session.service_id,))

    async def _record(self, lane: _Lane, ended: Sequence[_Sent]) -> None:
        """Write down in one transaction what came of orders, and what follows from it."""
        now = self._clock.now()
        ends: list[AttemptEnd] = []
        observations: list[Observation] = []
        done: list[int] = []
        waiting_on: list[PendingOrder] = []
        unsure: list[int] = []
        lost: list[int] = []
        answered = False
        for sent in ended:
            outcome, session = sent.outcome, sent.waiting.session
            assert outcome is not None  # noqa: S101 - it has ended
            is_disconnect = isinstance(sent.waiting.order, Disconnect)
            answered |= outcome.kind in {OutcomeKind.ACKED, OutcomeKind.NACKED}
            gone = is_disconnect and outcome.kind is OutcomeKind.NACKED and outcome.error_cause == _GONE
            ends.append(
                AttemptEnd(
                    sent.attempt_id,
                    "verified" if gone else outcome.kind.value,
                    sent.answered_at,
                    now if gone else None,
                    outcome.error_cause,
                    outcome.detail or None,
                )
            )
            if gone:
                lost.append(session.session_id)
                done.append(session.session_id)
            elif outcome.kind is OutcomeKind.ACKED and not is_disconnect:
                done.append(session.session_id)
                if session.desired is not None and session.service_id is not None:
                    observations.append(_acknowledged(session, sent.answered_at or now))
            else:
                waiting_on.append(self._after(sent, outcome, now))
                if outcome.kind is OutcomeKind.TIMED_OUT and not is_disconnect:
                    unsure.append(session.session_id)
        recovered = lane.silent and answered
        lane.silent = not answered
        async with self._orders.write() as work:
            store: OrderStore = work.enforcement
            await store.end_attempts(ends)
            await store.observe(observations)
            await store.mark_unsure(unsure)
            await store.save_pending(waiting_on)
            await store.drop_pending(done)
            await store.close_as_lost(lost)
            woken = await store.wake_orders(ended[0].waiting.session.nas.nas_id, now) if recovered else 0
        if lost and self.on_lost is not None:
            self.on_lost(lost)
        self._tell(
            [
                _news(STEPS.get(end.outcome, "failed"), end.answered_at or now, sent.waiting, end)
                for sent, end in zip(ended, ends, strict=True)
            ]
        )
        if woken or any(order.next_attempt_at <= now for order in waiting_on):
            self._nudged.set()

    def _after(self, sent: _Sent, outcome: Outcome, now: datetime) -> PendingOrder:
        """Return the order as it waits on: for the Stop of an acknowledged Disconnect, or for its next try."""
        before = sent.pending
        refused, error, at = before.coa_refused, outcome.detail or None, before.next_attempt_at
        if outcome.kind is OutcomeKind.ACKED:
            error, at = None, now + timedelta(seconds=self._policy.stop_wait_seconds)
        else:
            at = next_attempt_at(before.attempts, now, self._policy.retry, self._jitter())
            if (
                outcome.kind is OutcomeKind.NACKED
                and not isinstance(sent.waiting.order, Disconnect)
                and outcome.error_cause not in _PASSING
                and not refused
            ):
                refused, at = True, now  # the next rung of the ladder at once
            logger.warning(
                "order for %r on NAS %s: %s",
                sent.waiting.session.username,
                sent.waiting.session.nas.name,
                error or outcome.kind.value,
                extra={"event": "order_failed"},
            )
        return PendingOrder(
            before.session_id, before.service_id, before.profile_key, before.attempts, at, refused, error
        )

    async def observe_traffic(self, session_ids: Iterable[int]) -> int:
        """Look whether traffic proves the rates that were acknowledged for these sessions; return for how many.

        To be called when usage of these sessions has been metered.
        """
        wanted = list(session_ids)
        if not wanted:
            return 0
        async with self._database.read() as work:
            acknowledged = await work.enforcement.acknowledged(wanted)
        proved = [
            session for session in acknowledged if traffic_proves(session.speed, session.acked_at, session.interval)
        ]
        if proved:
            async with self._database.write() as work:
                await work.enforcement.verify_rates(proved, self._clock.now())
            now = self._clock.now()
            self._tell(
                [OrderNews("seen", now, one.session_id, one.service_id, "coa", one.access.value) for one in proved]
            )
        return len(proved)

    def _tell(self, news: Sequence[OrderNews]) -> None:
        if news and self.on_orders is not None:
            self.on_orders(news)


def _news(step: Step, at: datetime, waiting: WaitingOrder, end: AttemptEnd | None = None) -> OrderNews:
    order = _attempt(waiting, at)
    return OrderNews(
        step,
        at,
        order.session_id,
        order.service_id,
        order.action,
        order.access or None,
        order.reason or None,
        waiting.session.nas.name,
        end.error_cause if end is not None else None,
        end.detail if end is not None else None,
    )


def _attempt(waiting: WaitingOrder, now: datetime) -> NewAttempt:
    session = waiting.session
    desired = session.desired
    requested = session.disconnect_requested_at
    return NewAttempt(
        session_id=session.session_id,
        service_id=session.service_id,
        nas_id=session.nas.nas_id,
        action="disconnect" if isinstance(waiting.order, Disconnect) else "coa",
        access=desired.access.value if desired else "",
        reason="requested" if requested else desired.reason if desired else "",
        profile_key=desired.profile_key if desired else "",
        due_at=requested or (desired.since_at if desired else now),
        sent_at=now,
    )


def _class_value(session: SessionToCheck) -> bytes:
    if session.desired is None or session.service_id is None:
        return b""
    return encode_grant(Grant(session.service_id, session.desired.access.value, session.desired.profile_key))


def _acknowledged(session: SessionToCheck, at: datetime) -> Observation:
    return _observation(session, Evidence.ACK, at)


def _presumed(session: SessionToCheck) -> Observation:
    return _observation(session, Evidence.LOGIN, session.started_at)


def _observation(session: SessionToCheck, evidence: Evidence, at: datetime) -> Observation:
    assert session.desired is not None  # noqa: S101 - there is nothing to be seen without a wish
    assert session.service_id is not None  # noqa: S101 - a wish is a service's
    desired = session.desired
    return Observation(session.session_id, session.service_id, desired.access, desired.profile_key, evidence, at)
