"""What came of orders, written down in one transaction, and what follows from it."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from netbilld.enforcement.actions import ChangeOfAuthorization, Order
from netbilld.enforcement.backoff import next_attempt_at
from netbilld.enforcement.ladder import Pause, Result, climb, ends_session, is_gone
from netbilld.enforcement.observed import Evidence
from netbilld.ports.clock import Clock
from netbilld.services.nas_control import Outcome, OutcomeKind
from netbilld.services.nas_lane import Sent
from netbilld.services.order_book import Alert, AttemptEnd, Observation, OrderDatabase, OrderStore, PendingOrder
from netbilld.services.order_news import STEPS, OrderNews
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.order_words import alert_of, news_of, observation_of

_RESULTS: Final = {
    OutcomeKind.ACKED: Result.ACKED,
    OutcomeKind.NACKED: Result.REFUSED,
    OutcomeKind.TIMED_OUT: Result.SILENT,
    OutcomeKind.FAILED: Result.FAILED,
}
_DENIED: Final = "its NAS says that it has no such session, and goes on reporting it"
ALERTS_BY_NAME: Final = 5  # of one NAS at a time
logger = logging.getLogger("netbilld.enforcement")


def at_after(
    pause: Pause, attempts: int, policy: ReconcilePolicy, now: datetime, jitter: Callable[[], float]
) -> datetime:
    """Return when what follows a pause may leave."""
    if pause is Pause.NONE:
        return now
    if pause is Pause.STOP:
        return now + timedelta(seconds=policy.stop_wait_seconds)
    if pause is Pause.LONG:
        return now + timedelta(seconds=policy.retry.longest_seconds)
    return next_attempt_at(attempts, now, policy.retry, jitter())


class RecordOrders:
    """Takes the orders of a lane that have ended.

    Attributes:
        on_lost: told of sessions that their NAS does not know.
        on_orders: told of every step of an order, once it is on record.
        on_alert: told of orders that lead nowhere, once that is on record.
    """

    def __init__(
        self, orders: OrderDatabase, clock: Clock, policy: ReconcilePolicy, jitter: Callable[[], float]
    ) -> None:
        self.on_lost: Callable[[Sequence[int]], None] | None = None
        self.on_orders: Callable[[Sequence[OrderNews]], None] | None = None
        self.on_alert: Callable[[Sequence[Alert]], None] | None = None
        self._orders = orders
        self._clock = clock
        self._policy = policy
        self._jitter = jitter

    def tell(self, news: Sequence[OrderNews]) -> None:
        """Tell of steps that are on record."""
        if news and self.on_orders is not None:
            self.on_orders(news)

    def alert(self, alerts: Sequence[Alert]) -> None:
        """Tell of orders that lead nowhere; of many at one NAS, as when it is dead, a few by name."""
        told: Counter[str] = Counter()
        for alert in alerts:
            told[alert.nas] += 1
            if told[alert.nas] <= ALERTS_BY_NAME:
                logger.error(
                    "service of %r on NAS %s is not as it is due, somebody must look: %s",
                    alert.username,
                    alert.nas,
                    alert.words,
                    extra={"event": "order_alert"},
                )
        for nas, count in told.items():
            if count > ALERTS_BY_NAME:
                logger.error(
                    "%d more services on NAS %s are not as they are due; `netbilld enforce alerts` names them",
                    count - ALERTS_BY_NAME,
                    nas,
                    extra={"event": "order_alert"},
                )
        if alerts and self.on_alert is not None:
            self.on_alert(alerts)

    async def record(self, ended: Sequence[Sent]) -> bool:
        """Write down what came of orders of one NAS; return whether something is to be looked at again at once."""
        now = self._clock.now()
        ends: list[AttemptEnd] = []
        observations: list[Observation] = []
        done: list[int] = []
        waiting_on: list[PendingOrder] = []
        unsure: list[int] = []
        lost: list[int] = []
        alerts: list[Alert] = []
        woken_by: Order | None = None
        denied = await self._denied(ended)
        for sent in ended:
            outcome, session, order = sent.outcome, sent.waiting.session, sent.waiting.order
            assert outcome is not None  # noqa: S101 - it has ended
            if sent.woke:
                woken_by = order
            result = _RESULTS[outcome.kind]
            gone = is_gone(order, result, outcome.error_cause)
            if gone and sent.waiting.by_radius and session.session_id in denied:
                gone, outcome = False, replace(outcome, detail=_DENIED)
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
                continue
            after = self._after(sent, result, outcome, now)
            if after is None:
                done.append(session.session_id)
                if session.desired is not None and session.service_id is not None:
                    observations.append(observation_of(session, Evidence.ACK, sent.answered_at or now))
                continue
            waiting_on.append(after)
            if after.alerted_at is not None and sent.pending.alerted_at is None:
                alerts.append(alert_of(session, order, after.last_error or outcome.kind.value, now))
            if result is Result.SILENT and not ends_session(order):
                unsure.append(session.session_id)
        async with self._orders.write() as work:
            store: OrderStore = work.enforcement
            await store.end_attempts(ends)
            await store.observe(observations)
            await store.mark_unsure(unsure)
            await store.save_pending(waiting_on)
            await store.drop_pending(done)
            await store.close_as_lost(lost)
            woken = 0
            if woken_by is not None:
                # who has answered a CoA is asked by CoA again; who took a Disconnect only may know no CoA
                from_start = isinstance(woken_by, ChangeOfAuthorization)
                nas_id = ended[0].waiting.session.nas.nas_id
                woken = await store.wake_orders(nas_id, now, from_start=from_start)
        if lost and self.on_lost is not None:
            self.on_lost(lost)
        self.tell(
            [
                news_of(STEPS.get(end.outcome, "failed"), end.answered_at or now, sent.waiting, end)
                for sent, end in zip(ended, ends, strict=True)
            ]
        )
        self.alert(alerts)
        return bool(woken) or any(order.next_attempt_at <= now for order in waiting_on)

    async def _denied(self, ended: Sequence[Sent]) -> Collection[int]:
        """Return the sessions that a NAS has denied before, and reported since: its word is not believed twice."""
        asked = [
            sent.waiting.session.session_id
            for sent in ended
            if sent.outcome is not None
            and is_gone(sent.waiting.order, _RESULTS[sent.outcome.kind], sent.outcome.error_cause)
        ]
        if not asked:
            return ()
        async with self._orders.read() as work:
            return await work.enforcement.denied(asked)

    def _after(self, sent: Sent, result: Result, outcome: Outcome, now: datetime) -> PendingOrder | None:
        """Return the order as it waits on: for the Stop of an acknowledged Disconnect, or for what comes next."""
        before, waiting = sent.pending, sent.waiting
        following = climb(waiting.rungs, waiting.at, result, outcome.error_cause)
        if following is None:
            return None
        error = outcome.detail or None
        if result is Result.ACKED:
            error = None
        else:
            logger.warning(
                "order for %r on NAS %s: %s",
                waiting.session.username,
                waiting.session.nas.name,
                error or outcome.kind.value,
                extra={"event": "order_failed"},
            )
        return replace(
            before,
            next_attempt_at=at_after(following.pause, before.attempts, self._policy, now, self._jitter),
            last_error=error,
            at=following.at,
            acked_at=(sent.answered_at or now) if following.pause is Pause.STOP else None,
            alerted_at=now if following.tell and before.alerted_at is None else before.alerted_at,
        )
