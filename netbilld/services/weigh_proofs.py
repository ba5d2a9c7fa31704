"""What was seen of sessions against what was ordered: confirmed, or disproved and taken up again one rung further."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.enforcement.actions import Cannot
from netbilld.enforcement.backoff import next_attempt_at
from netbilld.enforcement.evidence import traffic_disproves, traffic_proves
from netbilld.enforcement.ladder import START, Next, Pause, Result, climb, order_at
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.profile import Access
from netbilld.ports.clock import Clock
from netbilld.services.order_book import (
    AcknowledgedSession,
    Alert,
    LastAttempt,
    Observation,
    OrderDatabase,
    PendingOrder,
    Proof,
    SessionToCheck,
)
from netbilld.services.order_news import OrderNews
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.order_words import alert_of, observation_of
from netbilld.services.plan_order import Agreed, plan_order, rungs_of, wish_key
from netbilld.services.record_orders import RecordOrders, at_after

LATELY: Final = timedelta(hours=1)
AT_ONCE: Final = 3  # orders of the last hour for one service and wish; after more of them what was lost waits
TOO_OFTEN: Final = 6  # and from then on somebody must look
_OPEN: Final = frozenset((Access.ACTIVE, Access.THROTTLED))
logger = logging.getLogger("netbilld.enforcement")


class WeighProofs:
    """Takes evidence from whoever has some: traffic, what a NAS shows over its API.

    What is older than the newest wish or order, or was held against another wish, says nothing about it and is passed
    over.
    """

    def __init__(
        self,
        database: OrderDatabase,
        clock: Clock,
        policy: ReconcilePolicy,
        jitter: Callable[[], float],
        recorder: RecordOrders,
        nudge: Callable[[Iterable[UUID], Iterable[int]], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._recorder = recorder
        self._nudge = nudge

    async def traffic(self, session_ids: Iterable[int]) -> int:
        """Look whether traffic proves or disproves the rates that were acknowledged; return for how many it proves.

        Into the walls and out of them no traffic proves anything: it shows a rate only.
        """
        wanted = list(session_ids)
        if not wanted:
            return 0
        async with self._database.read() as work:
            acknowledged = await work.enforcement.acknowledged(wanted)
        proved = [
            session
            for session in acknowledged
            if session.evidence is Evidence.ACK
            and session.access in _OPEN
            and traffic_proves(
                session.speed, session.acked_at, session.interval, raised=session.access is Access.ACTIVE
            )
        ]
        disproved = [
            Proof(
                session.session_id, Evidence.TRAFFIC, session.interval.end_at, session.profile_key, _measured(session)
            )
            for session in acknowledged
            if traffic_disproves(session.speed, session.acked_at, session.interval)
        ]
        if proved:
            now = self._clock.now()
            async with self._database.write() as work:
                await work.enforcement.verify_rates(proved, now)
            self._recorder.tell(
                [OrderNews("seen", now, one.session_id, one.service_id, "coa", one.access.value) for one in proved]
            )
        await self.disproved(disproved)
        return len(proved)

    async def confirmed(self, proofs: Collection[Proof]) -> int:
        """Note that sessions were seen as they are due; return of how many that was news."""
        if not proofs:
            return 0
        now = self._clock.now()
        found = await self._cases(proofs, now)
        new = [(proof, session, last) for proof, session, last in found if _is_new(proof, session)]
        if not new:
            return 0
        session_ids = [session.session_id for _, session, _ in new]
        async with self._database.write() as work:
            store = work.enforcement
            await store.observe([observation_of(session, proof.evidence, proof.at) for proof, session, _ in new])
            verified = await store.verify_attempts(session_ids, now)
            await store.drop_pending(session_ids)
        self._recorder.tell(
            [
                _news(session, last, proof.at)
                for proof, session, last in new
                if last is not None and session.session_id in verified
            ]
        )
        return len(new)

    async def disproved(self, proofs: Collection[Proof]) -> int:
        """Take up again sessions that were seen not to be as they are due; return how many.

        What was acknowledged and is not so is ordered by the next rung. What had been seen to hold, and holds no more,
        is ordered from the first one on: somebody or something has changed it. Both wait longer and longer where it
        happens again and again, and then somebody is told.
        """
        if not proofs:
            return 0
        now = self._clock.now()
        unsure: list[Observation] = []
        again: list[PendingOrder] = []
        words: dict[int, str] = {}
        alerts: list[Alert] = []
        news: list[OrderNews] = []
        for proof, session, last in await self._cases(proofs, now):
            waiting = self._of_wish(session)
            if waiting is not None and waiting.acked_at is None:
                continue  # known, and on its way
            order, alert = self._taken_up(proof, session, last, now)
            if order is None:
                continue
            again.append(order)
            if alert is not None:
                alerts.append(alert)
            if session.observed is None or session.observed.profile_key == wish_key(session):
                unsure.append(observation_of(session, Evidence.UNSURE, proof.at))
            if last is not None and last.outcome == "acked":
                words[last.attempt_id] = proof.words
                news.append(replace(_news(session, last, proof.at), step="disproved", detail=proof.words or None))
            logger.warning(
                "session of %r on NAS %s is not as it is due: %s",
                session.username,
                session.nas.name,
                proof.words or proof.evidence.value,
                extra={"event": "order_disproved"},
            )
        if not again:
            return 0
        async with self._database.write() as work:
            store = work.enforcement
            await store.disprove_attempts(words, now)
            await store.observe(unsure)
            await store.save_pending(again)
        self._recorder.tell(news)
        self._recorder.alert(alerts)
        self._nudge((), [order.session_id for order in again])
        return len(again)

    async def _cases(
        self, proofs: Collection[Proof], now: datetime
    ) -> list[tuple[Proof, SessionToCheck, LastAttempt | None]]:
        """Return the proofs that say something about what is due, with their sessions and the newest order of each."""
        newest = {proof.session_id: proof for proof in sorted(proofs, key=lambda proof: proof.at)}
        async with self._database.read() as work:
            sessions = await work.enforcement.sessions_of((), newest.keys())
            attempts = await work.enforcement.last_attempts(newest.keys(), now - LATELY)
        found = []
        for session in sessions:
            proof, last = newest[session.session_id], attempts.get(session.session_id)
            desired = session.desired
            if desired is None or session.disconnect_requested_at is not None or proof.at < desired.since_at:
                continue
            if proof.wish != wish_key(session):
                continue
            if last is not None and (last.outcome == "sent" or proof.at < (last.answered_at or last.sent_at)):
                continue
            found.append((proof, session, last))
        return found

    def _taken_up(
        self, proof: Proof, session: SessionToCheck, last: LastAttempt | None, now: datetime
    ) -> tuple[PendingOrder | None, Alert | None]:
        """Return what is to be ordered next, and whom to tell; nothing where no order helps."""
        key = wish_key(session)
        before = self._of_wish(session)
        was_ordered = last is not None and last.profile_key == key
        change = last.change if was_ordered and last is not None and last.outcome == "acked" else None
        doubted = replace(session, observed=_doubted(session), pending=None)
        wanted = plan_order(doubted, self._policy.walled_list)
        if isinstance(wanted, Cannot | Agreed):
            return None, None
        following = Next(START, Pause.NONE)
        if change is not None and last is not None:
            rungs = rungs_of(session, change, self._policy.walled_list)
            if rungs:
                following = climb(rungs, last.at, Result.DISPROVED) or following
        else:
            change, rungs = wanted.change, list(wanted.rungs)
        lately = last.lately if was_ordered and last is not None else 0
        next_at = at_after(following.pause, max(1, lately), self._policy, now, self._jitter)
        if lately >= AT_ONCE:
            next_at = max(next_at, next_attempt_at(lately - AT_ONCE + 1, now, self._policy.retry, self._jitter()))
        tell = following.tell or lately == TOO_OFTEN
        alerted_at = before.alerted_at if before is not None else None
        words = proof.words or f"seen otherwise, by {proof.evidence.value}"
        alert = None
        if tell and alerted_at is None:
            order = order_at(rungs, last.at)[0] if rungs and last is not None else None
            alert = alert_of(session, order, words, now)
        if alerted_at is None and (tell or lately > TOO_OFTEN):
            alerted_at = now
        return (
            PendingOrder(
                session.session_id,
                session.service_id,
                key,
                max(lately, before.attempts if before is not None else 0),
                next_at,
                words,
                following.at,
                change,
                None,
                alerted_at,
            ),
            alert,
        )

    def _of_wish(self, session: SessionToCheck) -> PendingOrder | None:
        pending = session.pending
        return pending if pending is not None and pending.profile_key == wish_key(session) else None


def _is_new(proof: Proof, session: SessionToCheck) -> bool:
    seen = session.observed
    assert session.desired is not None  # noqa: S101 - a case has one
    return (
        session.pending is not None
        or seen is None
        or seen.profile_key != session.desired.profile_key
        or seen.evidence is not proof.evidence
    )


def _doubted(session: SessionToCheck) -> ObservedService:
    """Return what a session was seen with, as no longer sure; what is due where nothing was."""
    assert session.desired is not None  # noqa: S101 - a case has one
    if session.observed is not None:
        return replace(session.observed, evidence=Evidence.UNSURE)
    return ObservedService(session.desired.access, session.desired.profile_key, Evidence.UNSURE)


def _news(session: SessionToCheck, last: LastAttempt, at: datetime) -> OrderNews:
    assert session.desired is not None  # noqa: S101 - a case has one
    return OrderNews(
        "seen",
        at,
        session.session_id,
        session.service_id,
        last.action,
        session.desired.access.value,
        session.desired.reason,
        session.nas.name,
    )


def _measured(session: AcknowledgedSession) -> str:
    interval, speed = session.interval, session.speed
    up, down = (octets * 8 / interval.seconds / 1e6 for octets in (interval.upload_octets, interval.download_octets))
    return (
        f"acknowledged, but measured {down:.1f} Mbit/s down and {up:.1f} up over {interval.seconds:.0f} s "
        f"where {speed.down_bps / 1e6:.1f} and {speed.up_bps / 1e6:.1f} are due"
    )
