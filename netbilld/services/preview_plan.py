"""What another plan would cost a service, before anybody decides: by the rules that bill it, with nothing written."""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.plan import Plan, Timing
from netbilld.billing.terms import plan_under, taking
from netbilld.billing.what_if import PricedService, fees_minor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import next_anchor, previous_anchor
from netbilld.model.subscriber import FoundService, unknown_username
from netbilld.services import change_terms, take_plan
from netbilld.services.change_terms import TermsOfService
from netbilld.services.stop_service import ended_service
from netbilld.services.take_plan import offer_of, refuse_offer


class Subscribers(Protocol):
    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


class Simulations(Protocol):
    async def priced(self, service_ids: Collection[UUID]) -> Mapping[UUID, PricedService]: ...


class Plans(change_terms.Plans, Protocol):
    async def plans_by_version(self) -> Mapping[UUID, Plan]: ...


class Work(take_plan.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def simulations(self) -> Simulations: ...
    @property
    def plans(self) -> Plans: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What a change of plan means; prices are as the plan writes them, with the tax in them or not.

    Attributes:
        old, new: the plans as the service has them, its own terms included.
        from_on: the first day of the new one.
        waits: it is still to come.
        period_start_on, period_end_on: the billing period of today, half-open.
        before_minor: what that period's fees cost as things stand.
        after_minor: what they cost with the change.
        next_minor: what the period after it costs.
    """

    old: Plan
    new: Plan
    from_on: date
    waits: bool
    period_start_on: date
    period_end_on: date
    before_minor: int
    after_minor: int
    next_minor: int

    @property
    def difference_minor(self) -> int:
        """Return what this period costs more by the change; below zero where it costs less."""
        return self.after_minor - self.before_minor

    @property
    def is_prepaid(self) -> bool:
        return self.new.timing is Timing.PREPAID


class PreviewPlan:
    """Works it out in one consistent state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, username: str, code: str, starts: str | None, now: datetime) -> PlanPreview:
        """Return what it would mean if a service had another plan.

        Args:
            username: any name the service logs in with.
            code: of the plan.
            starts: now, next, a day, or None for what the plans say: an upgrade now, a downgrade with the next period.
            now: the current instant.

        Raises:
            InvalidInputError: `starts` is none of these.
            NotFoundError: nobody has that name, or there is no such plan.
            RefusedError: the service has ended, or the plan is not for it.
        """
        async with self._store.read() as work:
            found = await work.subscribers.by_credential_name(username)
            if found is None:
                raise unknown_username(username)
            if found.service.status == "ended":
                raise ended_service(username)
            terms = await TermsOfService.load(work, found.service)
            today = terms.today(now)
            offer = await offer_of(work, code, today)
            version = await refuse_offer(work, offer, found.subscriber)
            day = terms.starting_day(starts or None, today, version)
            priced = (await work.simulations.priced([found.service.id])).get(found.service.id)
            if priced is None:
                raise RefusedError(f"{username} has nothing to price", code="not_priced")
            plans = {**await work.plans.plans_by_version(), version.id: version.plan}
        before = terms.on(day)
        changed = taking(priced.terms, day, version.id)
        start_on = previous_anchor(today, priced.billing_day)
        end_on = next_anchor(today, priced.billing_day)
        following_on = next_anchor(end_on, priced.billing_day)
        return PlanPreview(
            old=plan_under(plans[before.plan_version_id], before),
            new=plan_under(version.plan, before),
            from_on=day,
            waits=day > today,
            period_start_on=start_on,
            period_end_on=end_on,
            before_minor=fees_minor(priced, priced.terms, plans, start_on, _last(start_on, end_on)),
            after_minor=fees_minor(priced, changed, plans, start_on, _last(start_on, end_on)),
            next_minor=fees_minor(priced, changed, plans, end_on, _last(end_on, following_on)),
        )


def _last(start_on: date, end_on: date) -> date:
    """Return the last day on which a period of the fee may begin and be of this one."""
    return max(start_on, date.fromordinal(end_on.toordinal() - 1))
