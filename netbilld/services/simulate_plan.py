"""What-if: past usage priced by another plan, beside what it costs by the services' own and what was billed."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.period import RatedPeriod
from netbilld.billing.terms import Terms
from netbilld.billing.what_if import (
    DRAFT,
    PricedService,
    drafted,
    drafted_card,
    fees_minor,
    is_slowed,
    slowed_days,
    usage_periods_in,
)
from netbilld.model.periods import BillingPeriod, local_date
from netbilld.services import rate_usage
from netbilld.services.rate_usage import rated_by

CHUNK: Final = 250  # services that are read at once


class Named(NamedTuple):
    """A service as a person knows it."""

    id: UUID
    subscriber_no: str
    username: str
    plan: str


class Simulations(Protocol):
    async def priced(self, service_ids: Collection[UUID]) -> dict[UUID, PricedService]: ...
    async def billed(self, service_ids: Collection[UUID], from_on: date, to_on: date) -> dict[UUID, int]: ...


class Plans(Protocol):
    async def plans_by_version(self) -> dict[UUID, Plan]: ...


class Work(rate_usage.Work, Protocol):
    @property
    def simulations(self) -> Simulations: ...
    @property
    def plans(self) -> Plans: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Priced:
    """A span by one way of pricing: fees and usage as the plan writes its prices, with the tax in them or not.

    Attributes:
        used_up: periods in which the allowance was used up, where that slows down or stops.
        slowed_days: how many days of these it was.
    """

    fees_minor: int
    usage_minor: int
    used_up: int
    slowed_days: int

    @property
    def total_minor(self) -> int:
        return self.fees_minor + self.usage_minor


@dataclass(frozen=True, slots=True)
class Simulated:
    """One service: what was billed of the span, what it costs by the service's own terms, and by the draft."""

    service: Named
    billed_minor: int
    own: Priced
    draft: Priced

    @property
    def change_minor(self) -> int:
        return self.draft.total_minor - self.own.total_minor


class SimulatePlan:
    """Prices by the rules of the billing run and of rating; reads some services at a time, and writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self,
        services: Sequence[Named],
        draft: Plan | None,
        from_on: date,
        to_on: date,
        *,
        now: datetime,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> AsyncIterator[Simulated]:
        """Yield each service.

        Args:
            services: which.
            draft: the plan to try; None prices the services' own terms again, to compare with what was billed.
            from_on: periods that begin from this day on,
            to_on: to this one.
            now: the current instant.
            progress: told (services done, services in all).
        """
        for start in range(0, len(services), CHUNK):
            some = services[start : start + CHUNK]
            async with self._store.read() as work:
                found = await _Some(work, draft, from_on, to_on, now).simulated(some)
            for one in found:
                yield one
            progress(start + len(some), len(services))


class _Some:
    """Some services, in one consistent state."""

    def __init__(self, work: Work, draft: Plan | None, from_on: date, to_on: date, now: datetime) -> None:
        self._work, self._draft, self._from_on, self._to_on, self._now = work, draft, from_on, to_on, now

    async def simulated(self, services: Sequence[Named]) -> list[Simulated]:
        ids = [one.id for one in services]
        self._plans = await self._work.plans.plans_by_version()
        self._priced = await self._work.simulations.priced(ids)
        billed = await self._work.simulations.billed(ids, self._from_on, self._to_on)
        cards = await self._work.rating.cards(ids)
        own = await self._by(cards, {key: (one.terms, self._plans) for key, one in self._priced.items()})
        draft = own
        if self._draft is not None:
            plans = {**self._plans, DRAFT: self._draft}
            terms = {
                key: (drafted(one, self._plans, self._draft, self._from_on), plans) for key, one in self._priced.items()
            }
            draft = await self._by({key: drafted_card(card, self._draft) for key, card in cards.items()}, terms)
        return [Simulated(one, billed.get(one.id, 0), own[one.id], draft[one.id]) for one in services]

    async def _by(
        self, cards: Mapping[UUID, RateCard], terms: Mapping[UUID, tuple[Sequence[Terms], Mapping[UUID, Plan]]]
    ) -> dict[UUID, Priced]:
        periods = {key: usage_periods_in(one, self._from_on, self._to_on) for key, one in self._priced.items()}
        usage_minor = dict.fromkeys(self._priced, 0)
        used_up = dict.fromkeys(self._priced, 0)
        slowed = dict.fromkeys(self._priced, 0)
        for number in range(max(map(len, periods.values()), default=0)):
            wanted = {key: of_service[number] for key, of_service in periods.items() if number < len(of_service)}
            rated = await rated_by(self._work, wanted, {key: cards[key] for key in wanted})
            for key, one in rated.items():
                usage_minor[key] += one.amount_minor
            hit = {key: one for key, one in rated.items() if is_slowed(one, _last_plan(cards[key], one.period))}
            for key, days in (await self._slowed(cards, hit)).items():
                used_up[key] += 1
                slowed[key] += days
        return {
            key: Priced(
                fees_minor(one, *terms[key], self._from_on, self._to_on), usage_minor[key], used_up[key], slowed[key]
            )
            for key, one in self._priced.items()
        }

    async def _slowed(self, cards: Mapping[UUID, RateCard], hit: Mapping[UUID, RatedPeriod]) -> dict[UUID, int]:
        """Return on how many days the allowance was used up, of those that used it up."""
        if not hit:
            return {}
        from_at = min(one.period.start_at for one in hit.values())
        to_at = max(one.period.end_at for one in hit.values())
        hours = await self._work.rating.hours(hit, from_at, to_at)
        found = {}
        for key, one in hit.items():
            within = [used for used in hours.get(key, ()) if one.period.contains(used.start_at)]
            today = local_date(self._now, one.period.timezone)
            found[key] = slowed_days(one, _last_plan(cards[key], one.period), within, today)
        return found


def _last_plan(card: RateCard, period: BillingPeriod) -> Plan:
    """Return the plan in force last, which says what the allowance is."""
    return card.stretches(period)[-1].plan
