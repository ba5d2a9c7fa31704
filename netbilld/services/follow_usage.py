"""FollowUsage: what follows from a batch of the meter: entitlement where usage may have changed it, then orders.

Hardly any report changes anything. So it is told first, from memory and in three queries for the whole batch, whose
allowance has just been reached and which sessions differ from what is due; only those are looked at.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.usage import PeriodTotals
from netbilld.enforcement.edge import near_from_octets
from netbilld.enforcement.fair_use import passed, steps_of
from netbilld.enforcement.limits import may_have_limits
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts
from netbilld.ports.clock import Clock
from netbilld.services.aftermath import Aftermath
from netbilld.services.meter_usage import Batch

_SERVICES_A_TURN: Final = 256  # RADIUS shares this loop


class Sessions(Protocol):
    async def aftermath(self, new: Collection[int], ended: Collection[int], metered: Collection[int]) -> Aftermath: ...


class Work(Protocol):
    @property
    def sessions(self) -> Sessions: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Directory(Protocol):
    def facts(self, service_id: UUID) -> ServiceFacts | None: ...
    def put(self, facts: ServiceFacts, now: datetime) -> None: ...


class Entitle(Protocol):
    async def run(
        self, service_ids: Collection[UUID] | None, cause: str, now: datetime, caused_at: Mapping[UUID, datetime]
    ) -> Collection[UUID]: ...


class Reconcile(Protocol):
    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None: ...
    async def observe_traffic(self, session_ids: Iterable[int]) -> int: ...


class FollowUsage:
    """Runs after each batch; services whose entitlement could not be decided are not forgotten.

    Attributes:
        on_crossed: told of a service whose allowance a batch has used up, with its facts before and its usage now; once
            more where what follows could not be decided.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        entitle: Entitle,
        reconcile: Reconcile,
        clock: Clock,
        tell: Callable[[Sequence[tuple[UUID, PeriodUsage]]], None] | None = None,
        near_seconds: int = 0,
    ) -> None:
        """Take what to work with.

        Args:
            store: what sessions are seen with.
            directory: the facts of services, in memory.
            entitle: decides on services.
            reconcile: sends what follows.
            clock: the time.
            tell: called with usage that log-ins are told of, for other processes to know.
            near_seconds: who could reach the limit within so long is told apart at a log-in; 0 for nobody.
        """
        self._near_seconds = near_seconds
        self._tell = tell
        self._store = store
        self._directory = directory
        self._entitle = entitle
        self._reconcile = reconcile
        self._clock = clock
        self._undecided: dict[UUID, datetime] = {}  # and when what they have used was reported
        self.on_crossed: Callable[[ServiceFacts, PeriodUsage, Batch], None] | None = None

    async def run(self, batch: Batch) -> None:
        """Let entitlement follow usage, and orders follow entitlement.

        Raises:
            StoreUnavailableError: the database is away; the next run decides what this one has not.
        """
        now = self._clock.now()
        concerned = await self._concerned(batch, now)
        if concerned:
            reported_at = {one.service_id: min(one.updated_at, now) for one in batch.sessions}
            for service_id in concerned:
                self._undecided.setdefault(service_id, reported_at.get(service_id, now))
        if self._undecided:
            looked_at = dict(self._undecided)
            changed = await self._entitle.run(list(looked_at), "usage", now, looked_at)
            for service_id in looked_at:  # not those that came meanwhile, by another meter
                self._undecided.pop(service_id, None)
            if changed:
                self._reconcile.nudge(changed)
        if not (batch.new_session_ids or batch.ended_session_ids or batch.metered_session_ids):
            return
        async with self._store.read() as work:
            aftermath = await work.sessions.aftermath(
                batch.new_session_ids, batch.ended_session_ids, batch.metered_session_ids
            )
        if aftermath.differing or aftermath.orders_are_void:
            self._reconcile.nudge((), aftermath.differing)
        if aftermath.acknowledged:
            await self._reconcile.observe_traffic(aftermath.acknowledged)

    async def _concerned(self, batch: Batch, now: datetime) -> list[UUID]:
        """Return the services whose entitlement the batch may have changed; of others only memory is kept fresh."""
        facts_of = self._directory.facts
        kept: list[tuple[UUID, PeriodUsage]] = []
        latest = _latest(batch.periods)
        near_from: dict[int, int | None] = {}  # by the identity of a plan, for as long as the facts hold it
        concerned = [
            service_id
            for service_id in batch.touched_service_ids
            if service_id not in latest and facts_of(service_id) is None
        ]
        concerned += batch.crossed_service_ids.difference(latest)
        concerned += self._charged(batch, now)
        for number, (service_id, period) in enumerate(latest.items()):
            if number % _SERVICES_A_TURN == 0:
                await asyncio.sleep(0)
            facts = facts_of(service_id)
            if facts is None:
                concerned.append(service_id)
                continue
            plan, before = facts.plan, facts.usage
            if not steps_of(plan):
                continue
            if before is not None and period.start_on < before.start_on:
                continue  # a late word of a period that is over: it must not hide what this one has used
            usage = _usage(period)
            level = passed(plan, facts.allowed_octets, facts.used_octets(usage, now))
            known = passed(plan, facts.allowed_octets, facts.used_octets(before, now))
            if level != known:
                concerned.append(service_id)
                if self.on_crossed is not None:
                    self.on_crossed(facts, usage, batch)
                continue
            if service_id in batch.crossed_service_ids:  # what was included may be another by now
                concerned.append(service_id)
                continue
            used_octets = usage.counts(plan)
            of_plan = id(plan)
            if of_plan not in near_from:
                near_from[of_plan] = near_from_octets(plan, self._near_seconds)
            if may_have_limits(facts) or _comes_near(facts, used_octets, near_from[of_plan]):
                self._directory.put(replace(facts, usage=usage), now)  # what a log-in is told follows from it
                kept.append((service_id, usage))
        if kept and self._tell is not None:
            self._tell(kept)
        return concerned

    def _charged(self, batch: Batch, now: datetime) -> list[UUID]:
        """Return the services that a charge may have closed, or opened; of others the wallet is kept in mind."""
        found = []
        for service_id in batch.charged_service_ids:
            facts, wallet_minor = self._directory.facts(service_id), batch.wallets.get(service_id)
            if facts is None or wallet_minor is None or wallet_minor <= 0 or facts.wallet_minor <= 0:
                found.append(service_id)
            else:
                self._directory.put(replace(facts, wallet_minor=wallet_minor), now)
        return found


def _latest(periods: Iterable[PeriodTotals]) -> Mapping[UUID, PeriodTotals]:
    latest: dict[UUID, PeriodTotals] = {}
    for period in periods:
        other = latest.setdefault(period.service_id, period)
        if other.start_on < period.start_on:
            latest[period.service_id] = period
    return latest


def _usage(period: PeriodTotals) -> PeriodUsage:
    return PeriodUsage(
        period.start_on, period.upload_octets, period.download_octets, period.counted_octets, period.seconds
    )


def _comes_near(facts: ServiceFacts, used_octets: int, near_from: int | None) -> bool:
    """Tell whether a service has come near its limit, or is not near any more, since it was last decided on."""
    if near_from is None:
        return False
    before_octets = 0 if facts.usage is None else facts.usage.counts(facts.plan)
    return (used_octets < near_from) is not (before_octets < near_from)
