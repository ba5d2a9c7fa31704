"""Brings every session to what its service is due, and never forgets one that is not there yet."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.enforcement.actions import Cannot, Via
from netbilld.enforcement.ladder import SILENT_TRIES, Result, climb, door_of
from netbilld.enforcement.observed import Evidence
from netbilld.ports.clock import Clock
from netbilld.services.access_directory import SecretOpener
from netbilld.services.nas_control import NasControl
from netbilld.services.nas_lane import NasOrders
from netbilld.services.order_book import Alert, Observation, OrderDatabase, PendingOrder, Proof, SessionToCheck
from netbilld.services.order_news import OrderNews, TellAlerts, TellOrders
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.order_queue import WaitingOrder
from netbilld.services.order_words import action_of, alert_of, observation_of
from netbilld.services.plan_order import OBSTACLE_WORDS, Agreed, Wanted, is_due, is_urgent, plan_order, wish_key
from netbilld.services.record_orders import RecordOrders, at_after
from netbilld.services.send_orders import SendOrders
from netbilld.services.weigh_proofs import WeighProofs

# A session that reports so long after its end was acknowledged has not ended; its last report may have been on its way.
STAY_MARGIN: Final = timedelta(seconds=2)
SESSIONS_A_TURN: Final = 64  # RADIUS shares this loop
_STAYS: Final = "the end of the session was acknowledged, but it goes on reporting"
_SILENT: Final = "its NAS leaves orders unanswered"
_NO_STOP: Final = "the end of the session was acknowledged, but no Stop has come"
logger = logging.getLogger("netbilld.enforcement")


class Reconcile:
    """Compares what is due with what was seen and orders the difference.

    Each NAS has its own queue, its own pace and its own orders under way: one that is dead holds up nobody else's
    subscribers. Orders for one service never overlap, and only the newest wish is sent.
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
            policy: how often and how fast.
            jitter: from 0 to 1, spreads what is tried again.
            orders: where orders are written down before they leave, if not just in `database`: it refuses where
                another node sends them now, and then nothing leaves.
        """
        self._database = database
        self._orders = database if orders is None else orders
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._recorder = RecordOrders(self._orders, clock, policy, jitter)
        self._sender = SendOrders(self._orders, control, box, clock, policy, jitter, self._recorder, self._look_again)
        self._proofs = WeighProofs(database, clock, policy, jitter, self._recorder, self.nudge)
        self._services: set[UUID] = set()
        self._sessions: set[int] = set()
        self._nudged = asyncio.Event()
        self._all_at: datetime | None = None

    @property
    def on_lost(self) -> Callable[[Sequence[int]], None] | None:
        """Is told of sessions that their NAS does not know."""
        return self._recorder.on_lost

    @on_lost.setter
    def on_lost(self, tell: Callable[[Sequence[int]], None] | None) -> None:
        self._recorder.on_lost = tell

    @property
    def on_orders(self) -> TellOrders | None:
        """Is told of every step of an order, once it is on record."""
        return self._recorder.on_orders

    @on_orders.setter
    def on_orders(self, tell: TellOrders | None) -> None:
        self._recorder.on_orders = tell

    @property
    def on_alert(self) -> TellAlerts | None:
        """Is told of orders that lead nowhere, once that is on record."""
        return self._recorder.on_alert

    @on_alert.setter
    def on_alert(self, tell: TellAlerts | None) -> None:
        self._recorder.on_alert = tell

    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None:
        """Have these looked at right away."""
        self._services.update(service_ids)
        self._sessions.update(session_ids)
        self._nudged.set()

    def lanes(self) -> dict[UUID, NasOrders]:
        """Return each NAS's queue."""
        return self._sender.shown()

    async def nas_heard(self, nas_id: UUID) -> None:
        """Try a NAS's waiting orders at once: it was silent and has been heard again, or its settings have changed."""
        lane = self._sender.lane(nas_id)
        lane.heard()
        async with self._database.write() as work:
            woken = await work.enforcement.wake_orders(nas_id, self._clock.now(), from_start=True)
        queued = [waiting.session.session_id for waiting in lane.queue]  # planned by the settings before
        if woken or queued:
            self.nudge((), queued)

    async def confirmed(self, proofs: Collection[Proof]) -> int:
        """Note that sessions were seen as they are due; return of how many that was news."""
        return await self._proofs.confirmed(proofs)

    async def disproved(self, proofs: Collection[Proof]) -> int:
        """Take up again sessions that were seen not to be as they are due; return how many."""
        return await self._proofs.disproved(proofs)

    async def observe_traffic(self, session_ids: Iterable[int]) -> int:
        """Look whether traffic proves or disproves the rates that were acknowledged; return for how many it proves.

        To be called when usage of these sessions has been metered.
        """
        return await self._proofs.traffic(session_ids)

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
            self._sender.forget()

    async def run_once(self) -> None:
        """Reconcile what was nudged and what is due, and return when every order sent has come to its end."""
        try:
            async with asyncio.TaskGroup() as orders:
                await self._step(orders)
        finally:
            self._sender.forget()

    async def _step(self, orders: asyncio.TaskGroup) -> float:
        """Look at what needs it and queue the orders; return how many seconds may pass until the next look."""
        now = self._clock.now()
        services, self._services = self._services, set()
        named, self._sessions = self._sessions, set()
        every = timedelta(seconds=self._policy.every_seconds)
        everything = self._all_at is None or not now < self._all_at <= now + every  # also after a clock was set back
        self._sender.touched = set(self._sender.busy)
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
        await self._sort(list(found.values()), ended, now)
        self._sender.start(orders)
        assert self._all_at is not None  # noqa: S101 - set above, on the first step at the latest
        edges = [self._all_at] if next_at is None else [self._all_at, next_at]
        return max(0.05, (min(edges) - now).total_seconds())

    async def _sort(self, found: Sequence[SessionToCheck], ended: Sequence[int], now: datetime) -> None:
        """Queue what is to be ordered; write down what needs no order.

        An order that was under way since the look began may have changed what was read: its session is read again.
        """
        agreed: list[int] = []
        presumed: list[Observation] = []
        kept: list[PendingOrder] = []
        stayed: dict[int, str] = {}
        alerts: list[Alert] = []
        for number, read in enumerate(found, 1):
            if number % SESSIONS_A_TURN == 0:
                await asyncio.sleep(0)
            key = read.service_id or read.session_id
            if key in self._sender.busy:
                self._sender.again.add(key)
                continue
            if key in self._sender.touched:
                self._look_again(read)
                continue
            lane = self._sender.lane(read.nas.nas_id)
            wanted = plan_order(read, self._policy.walled_list)
            if isinstance(wanted, Agreed):
                lane.queue.discard(read.session_id)
                if read.pending is not None:
                    agreed.append(read.session_id)
                if wanted.presumed:
                    presumed.append(observation_of(read, Evidence.LOGIN, read.started_at))
            elif isinstance(wanted, Cannot):
                lane.queue.discard(read.session_id)
                if refused := self._obstacle(read, wanted, now, alerts):
                    kept.append(refused)
            elif is_due(read, now):
                session = self._after_waiting(read, wanted, now, stayed)
                if session is not read and session.pending is not None:
                    kept.append(session.pending)
                    if session.pending.alerted_at == now:
                        alerts.append(alert_of(session, wanted.order, session.pending.last_error or "", now))
                    if not is_due(session, now):
                        continue
                    replanned = plan_order(session, self._policy.walled_list)
                    assert isinstance(replanned, Wanted)  # noqa: S101 - only its place on the ladder has changed
                    wanted = replanned
                lane.set_pace(session.nas)
                if lane.breaker.left_unanswered(SILENT_TRIES) and door_of(wanted.order) is Via.RADIUS:
                    session = self._behind_silence(session, wanted, now, kept, alerts)
                lane.queue.put(
                    WaitingOrder(
                        session, wanted.order, is_urgent(session), wanted.at, wanted.change, tuple(wanted.rungs)
                    )
                )
        if agreed or presumed or kept or ended:
            async with self._orders.write() as work:
                store = work.enforcement
                seen = await store.settle(ended, now)
                await store.drop_pending(agreed)
                await store.observe(presumed)
                await store.disprove_disconnects(stayed, now)
                await store.save_pending(kept)
            self._recorder.tell([OrderNews("seen", now, one, service_id, "disconnect") for one, service_id in seen])
            self._recorder.alert(alerts)

    def _behind_silence(
        self, session: SessionToCheck, wanted: Wanted, now: datetime, kept: list[PendingOrder], alerts: list[Alert]
    ) -> SessionToCheck:
        """Return a session whose order waits for a NAS that is asked one thing at a time, once somebody was told."""
        pending, key = session.pending, wish_key(session)
        if pending is None or pending.profile_key != key:
            pending = PendingOrder(
                session.session_id, session.service_id, key, 0, now, at=wanted.at, change=wanted.change
            )
        if pending.alerted_at is not None:
            return session
        pending = replace(pending, last_error=pending.last_error or _SILENT, alerted_at=now)
        kept.append(pending)
        alerts.append(alert_of(session, wanted.order, pending.last_error or _SILENT, now))
        return replace(session, pending=pending)

    def _obstacle(
        self, session: SessionToCheck, cannot: Cannot, now: datetime, alerts: list[Alert]
    ) -> PendingOrder | None:
        """Return what to keep of an order that can't be sent; None where that is on record and its time not come."""
        words = OBSTACLE_WORDS[cannot.obstacle]
        pending, key = session.pending, wish_key(session)
        alerted_at = now
        if pending is not None and pending.last_error == words and pending.profile_key == key:
            if pending.next_attempt_at > now:
                return None
            alerted_at = pending.alerted_at or now
        if alerted_at == now:
            alerts.append(alert_of(session, None, words, now))
        later = now + timedelta(seconds=self._policy.retry.longest_seconds)
        return PendingOrder(
            session.session_id, session.service_id, key, 0, later, last_error=words, alerted_at=alerted_at
        )

    def _after_waiting(
        self, session: SessionToCheck, wanted: Wanted, now: datetime, stayed: dict[int, str]
    ) -> SessionToCheck:
        """Return a session whose end was acknowledged and hasn't come, one step further; any other as it is."""
        pending = session.pending
        if pending is None or pending.acked_at is None or pending.profile_key != wish_key(session):
            return session
        stays = session.heard_at is not None and session.heard_at > pending.acked_at + STAY_MARGIN
        following = climb(wanted.rungs, wanted.at, Result.DISPROVED if stays else Result.NO_STOP)
        assert following is not None  # noqa: S101 - only what is acknowledged can be done
        words = _STAYS if stays else _NO_STOP
        if stays:
            stayed[session.session_id] = words
        logger.warning(
            "%s of %r on NAS %s: %s",
            action_of(wanted.order),
            session.username,
            session.nas.name,
            words,
            extra={"event": "order_disproved" if stays else "order_without_effect"},
        )
        following_at = at_after(following.pause, pending.attempts, self._policy, now, self._jitter)
        alerted_at = now if following.tell and pending.alerted_at is None else pending.alerted_at
        return replace(
            session,
            pending=replace(
                pending,
                at=following.at,
                next_attempt_at=following_at,
                last_error=words,
                acked_at=None,
                alerted_at=alerted_at,
            ),
        )

    def _look_again(self, session: SessionToCheck | None) -> None:
        if session is None:
            self._nudged.set()
        elif session.service_id is None:
            self.nudge(session_ids=(session.session_id,))
        else:
            self.nudge((session.service_id,))
