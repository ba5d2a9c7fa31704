"""Sends what waits for a NAS: at its pace, written down before it leaves, never two orders for one service at once."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from netbilld.enforcement.backoff import next_attempt_at
from netbilld.ports.clock import Clock
from netbilld.services.access_directory import SecretOpener
from netbilld.services.nas_control import NasControl, NasTarget, OutcomeKind
from netbilld.services.nas_lane import Lane, NasOrders, Sent
from netbilld.services.order_book import OrderDatabase, PendingOrder, SessionToCheck
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.order_queue import WaitingOrder
from netbilld.services.order_words import attempt_of, class_value, news_of
from netbilld.services.plan_order import handle_of, order_host, wish_key
from netbilld.services.record_orders import RecordOrders


class SendOrders:
    """Every NAS's lane."""

    def __init__(
        self,
        orders: OrderDatabase,
        control: NasControl,
        box: SecretOpener,
        clock: Clock,
        policy: ReconcilePolicy,
        jitter: Callable[[], float],
        recorder: RecordOrders,
        look_again: Callable[[SessionToCheck | None], None],
    ) -> None:
        """Take what to work with.

        Args:
            orders: where orders are written down before they leave.
            control: carries orders out.
            box: opens the secrets of NAS.
            clock: tells the time.
            policy: how fast.
            jitter: from 0 to 1, spreads what is tried again.
            recorder: writes down what came of orders.
            look_again: has a session looked at again at once; for None whatever is due.
        """
        self._orders = orders
        self._control = control
        self._box = box
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._recorder = recorder
        self._look_again = look_again
        self._lanes: dict[UUID, Lane] = {}
        self.busy: set[UUID | int] = set()  # services, or sessions of nobody, with an order under way
        self.touched: set[UUID | int] = set()  # those that have been busy since a look began; whoever looks clears it
        self.again: set[UUID | int] = set()  # those of them that are to be looked at once it has ended

    def shown(self) -> dict[UUID, NasOrders]:
        """Return each NAS's queue as it is shown."""
        return {nas_id: lane.shown() for nas_id, lane in self._lanes.items()}

    def lane(self, nas_id: UUID) -> Lane:
        """Return the lane of a NAS."""
        lane = self._lanes.get(nas_id)
        if lane is None:
            lane = self._lanes[nas_id] = Lane(self._policy, lambda: asyncio.get_running_loop().time(), self._jitter)
        return lane

    def forget(self) -> None:
        """Drop what only lives while a run does; the database knows what is open."""
        for lane in self._lanes.values():
            lane.forget()
        self.busy.clear()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Have what waits sent."""
        for nas_id, lane in self._lanes.items():
            if len(lane.queue):
                lane.changed.set()
                if not lane.running:
                    lane.running = True
                    tasks.create_task(self._serve(lane), name=f"orders of NAS {nas_id}")

    async def _serve(self, lane: Lane) -> None:
        """Send a NAS's orders until none waits."""
        try:
            async with asyncio.TaskGroup() as under_way:
                while True:
                    lane.changed.clear()
                    taken = lane.take(self.busy)
                    if taken:
                        self.busy.update(keys := [waiting.busy_key for waiting in taken])
                        self.touched.update(keys)
                        for sent in await self._begin(lane, taken):
                            under_way.create_task(self._carry_out(lane, sent))
                        continue
                    wait_seconds = lane.wait_seconds()
                    if not lane.under_way and wait_seconds is None:
                        lane.is_held = bool(len(lane.queue))
                        return
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            await lane.changed.wait()
        finally:
            lane.running = False

    async def _begin(self, lane: Lane, taken: Sequence[WaitingOrder]) -> list[Sent]:
        """Write the orders down before they leave; those for sessions that have ended meanwhile are let go."""
        now, taken_mono = self._clock.now(), asyncio.get_running_loop().time()
        async with self._orders.write() as work:
            store = work.enforcement
            open_ids = await store.still_open([waiting.session.session_id for waiting in taken])
            leaving = [waiting for waiting in taken if waiting.session.session_id in open_ids]
            pending = [self._pending(waiting, now) for waiting in leaving]
            attempt_ids = await store.begin_attempts([attempt_of(waiting, now) for waiting in leaving])
            await store.save_pending(pending)
        for waiting in taken:
            if waiting.session.session_id not in open_ids:
                self._release(lane, waiting)
        self._recorder.tell([news_of("sent", now, waiting) for waiting in leaving])
        return [
            Sent(waiting, attempt_id, order, taken_mono)
            for waiting, attempt_id, order in zip(leaving, attempt_ids, pending, strict=True)
        ]

    def _pending(self, waiting: WaitingOrder, now: datetime) -> PendingOrder:
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
            last_error=before.last_error if before else None,
            at=waiting.at,
            change=waiting.change,
            alerted_at=before.alerted_at if before else None,
        )

    async def _carry_out(self, lane: Lane, sent: Sent) -> None:
        """Send one order and record its end, together with those that ended meanwhile."""
        waiting = sent.waiting
        loop = asyncio.get_running_loop()
        try:
            target = self._target(waiting.session)
            began_mono = loop.time()
            outcome = sent.outcome = await self._control.apply(
                target, handle_of(waiting.session), waiting.order, class_value(waiting.session)
            )
            if waiting.by_radius:
                if outcome.kind in (OutcomeKind.ACKED, OutcomeKind.NACKED):
                    sent.woke = lane.answered(loop.time() - began_mono)
                elif outcome.kind is OutcomeKind.TIMED_OUT:
                    lane.unanswered()
            sent.answered_at = self._clock.now()
            lane.ended.append(sent)
            async with lane.recording:
                ended, lane.ended = lane.ended, []
                if ended and await self._recorder.record(ended):
                    self._look_again(None)
        finally:
            self._release(lane, waiting, sent.taken_mono)

    def _target(self, session: SessionToCheck) -> NasTarget:
        nas = session.nas
        secret = self._box.open(nas.secret_sealed, f"nas.secret:{nas.nas_id}")
        return NasTarget(nas.nas_id, nas.name, order_host(session) or "", nas.coa_port, nas.vendor, secret, nas.form)

    def _release(self, lane: Lane, waiting: WaitingOrder, taken_mono: float | None = None) -> None:
        self.busy.discard(waiting.busy_key)
        lane.release(waiting, taken_mono)
        for other in self._lanes.values():
            if other.is_held:  # perhaps for this very service
                other.is_held = False
                self._look_again(None)
        if waiting.busy_key in self.again:
            self.again.discard(waiting.busy_key)
            self._look_again(waiting.session)
