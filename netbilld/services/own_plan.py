"""A subscriber changes the plan: what is offered, what it comes to before it is done, and doing just that."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.changeover import is_upgrade
from netbilld.billing.chart import Payer
from netbilld.billing.plan import Plan
from netbilld.billing.prices import is_sold_to
from netbilld.billing.terms import plan_under, taking
from netbilld.enforcement.policy import Reason
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import PlanOffer, Service, Subscriber
from netbilld.services import change_terms, foresee_bill
from netbilld.services.account_view import Due
from netbilld.services.bill_subscribers import BillingTerms
from netbilld.services.change_terms import TermsOfService, Version
from netbilld.services.foresee_bill import Foreseen, foresee, plans_of
from netbilld.services.manage_terms import ManageTerms, TermsSet, TermsWanted
from netbilld.services.own_terms import OwnTerms

ANY: Final = "any"
UPGRADE: Final = "upgrade"
NONE: Final = "none"
_MOST_OFFERS: Final = 60


class Listed(Protocol):
    @property
    def newest(self) -> Version: ...


class Plans(change_terms.Plans, Protocol):
    async def listed(self) -> Sequence[Listed]: ...


class Services(foresee_bill.Services, Protocol):
    async def by_id(self, service_id: UUID, *, lock: bool = False) -> Service | None: ...

    async def offers(self, codes: Collection[str], on: date) -> Mapping[str, PlanOffer]: ...


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Reader(Protocol):
    async def due(self, service_id: UUID) -> Due | None: ...


class Work(foresee_bill.Work, Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def services(self) -> Services: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def portal(self) -> Reader: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class OfferedPlan:
    """A plan that may be taken: as this subscriber would have it, and from which day."""

    plan: Plan
    version_id: UUID
    from_on: date
    is_upgrade: bool
    waits: bool


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """What may be chosen; `planned` is a change that waits, `refusal` why nothing may be."""

    plan: Plan
    offers: tuple[OfferedPlan, ...]
    planned: tuple[Plan, date] | None
    refusal: RefusedError | None


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What a change comes to.

    Attributes:
        now_bill: the next bill without it; None where there is none.
        then_bill: the next bill with it.
        seal: of these figures; a confirmation that brings another one was of other figures.
    """

    offer: OfferedPlan
    before: Plan
    now_bill: Foreseen | None
    then_bill: Foreseen | None
    seal: str

    @property
    def difference_minor(self) -> int:
        """Return by how much the next bill is higher; below zero: lower."""
        return _total(self.then_bill) - _total(self.now_bill)


class OwnPlan:
    """The plan of one's own service."""

    def __init__(self, store: Store, manage: ManageTerms, billing: BillingTerms, allowed: OwnTerms) -> None:
        self._store, self._manage, self._billing, self._allowed = store, manage, billing, allowed

    async def choice(self, service_id: UUID, actor: Actor, now: datetime) -> PlanChoice:
        """Return what may be chosen for a service."""
        async with self._store.read() as work:
            looked = await _look(work, service_id)
            terms = await TermsOfService.load(work, looked.service)
            today = terms.today(now)
            planned = [one for one in terms.planned(today) if one.plan_version_id != terms.on(today).plan_version_id]
            refusal = await self._refusal(work, looked.service, terms, actor, today)
            offers = [] if refusal is not None else await self._offers(work, looked, terms, today)
            waits = (terms.plan_on(planned[-1].from_on), planned[-1].from_on) if planned else None
            return PlanChoice(terms.plan_on(today), tuple(offers), waits, refusal)

    async def preview(self, service_id: UUID, code: str, actor: Actor, now: datetime) -> PlanPreview:
        """Return what taking that plan comes to.

        Raises:
            RefusedError: it is not offered, or no change is possible now.
        """
        async with self._store.read() as work:
            looked = await _look(work, service_id)
            terms = await TermsOfService.load(work, looked.service)
            today = terms.today(now)
            refusal = await self._refusal(work, looked.service, terms, actor, today)
            if refusal is not None:
                raise refusal
            offers = await self._offers(work, looked, terms, today)
            offer = next((one for one in offers if one.plan.code.casefold() == code.strip().casefold()), None)
            if offer is None:
                raise RefusedError("that plan is not offered", code="plan_not_offered")
            plans = await plans_of(work, looked.subscriber.id, offer.version_id)
            rows = (await work.terms.of([service_id]))[service_id]
            then = taking(rows, offer.from_on, offer.version_id)
            now_bill = await foresee(work, looked.service, looked.payer, plans, self._billing, now)
            then_bill = await foresee(work, looked.service, looked.payer, plans, self._billing, now, as_if=then)
            return PlanPreview(offer, terms.plan_on(today), now_bill, then_bill, _seal(offer, now_bill, then_bill))

    async def change(
        self, service_id: UUID, username: str, code: str, seal: str, actor: Actor, now: datetime
    ) -> TermsSet:
        """Take that plan, by the figures that were shown; a second confirmation of the same changes nothing.

        Raises:
            RefusedError: it is not offered, no change is possible now, or the figures are others by now.
        """
        preview = await self.preview(service_id, code, actor, now)
        if preview.seal != seal:
            raise RefusedError("the figures are others by now", code="plan_changed_since")
        wanted = TermsWanted(plan=preview.offer.plan.code, starts=preview.offer.from_on.isoformat())
        return await self._manage.set(username, wanted, actor, now)

    async def take_back(self, service_id: UUID, actor: Actor, now: datetime) -> bool:
        """Take back a change of plan that waits for its day; False where none does."""
        async with self._store.write() as work:
            service = await work.services.by_id(service_id, lock=True)
            if service is None:
                return False
            terms = await TermsOfService.load(work, service)
            today = terms.today(now)
            present = terms.on(today)
            planned = [one for one in terms.planned(today) if one.plan_version_id != present.plan_version_id]
            if not planned:
                return False
            version = (await work.plans.versions([present.plan_version_id]))[present.plan_version_id]
            waiting = terms.plan_on(planned[-1].from_on)
            done = await terms.change(today, now, to=version)
            await terms.tell(service.subscriber_id, waiting, terms.plan_on(today), done, now)
            details = {
                "service_ids": [str(service_id)],
                "fields": {"plan": [waiting.code, version.code]},
                "from": today.isoformat(),
            }
            await work.changes.record(actor, now, "service.plan", "subscriber", service.subscriber_id, details)
        return True

    async def _refusal(
        self, work: Work, service: Service, terms: TermsOfService, actor: Actor, today: date
    ) -> RefusedError | None:
        if self._allowed.plan_change == NONE:
            return RefusedError("plans are changed by staff", code="plan_not_offered")
        if service.status != "active":
            return RefusedError("the service is not active", code="not_active")
        due = await work.portal.due(service.id)
        if due is not None and due.reason is Reason.OVERDUE:
            return RefusedError("a bill is overdue", code="bills_overdue")
        days = timedelta(days=self._allowed.plan_change_days)
        if days and (last_on := terms.last_by(actor.name)) is not None and today < last_on + days:
            return RefusedError("changed lately", code="plan_changed_lately", values={"day": last_on + days})
        return None

    async def _offers(self, work: Work, looked: "_Looked", terms: TermsOfService, today: date) -> list[OfferedPlan]:
        subscriber, present = looked.subscriber, terms.plan_on(today)
        codes = [one.newest.code for one in await work.plans.listed()]
        wanted = [code for code in codes if not self._allowed.plans or code.casefold() in self._allowed.plans]
        sold = (await work.services.offers(wanted, today)).values() if wanted else ()
        ids = [
            one.plan_version_id
            for one in sold
            if one.on_sale
            and one.currency == subscriber.currency
            and one.timing == present.timing.value
            and one.code.casefold() != present.code.casefold()
        ]
        found = []
        for version in (await work.plans.versions(ids)).values() if ids else ():
            if not is_sold_to(version.plan.sold_to, subscriber.customer_group, subscriber.area):
                continue
            under = plan_under(version.plan, terms.on(today))
            upgrade = is_upgrade(present, under)
            if self._allowed.plan_change == UPGRADE and not upgrade:
                continue
            day = terms.starting_day(None, today, version)
            found.append(OfferedPlan(under, version.id, day, upgrade, waits=day > today))
        found.sort(key=lambda one: (_fee(one.plan), one.plan.code))
        return found[:_MOST_OFFERS]


@dataclass(frozen=True, slots=True)
class _Looked:
    service: Service
    subscriber: Subscriber

    @property
    def payer(self) -> Payer:
        return Payer(self.subscriber.id, self.subscriber.number, self.subscriber.currency)


async def _look(work: Work, service_id: UUID) -> _Looked:
    service = await work.services.by_id(service_id)
    subscriber = await work.subscribers.by_id(service.subscriber_id) if service is not None else None
    if service is None or subscriber is None:
        raise RefusedError("there is no such service", code="not_active")
    return _Looked(service, subscriber)


def _fee(plan: Plan) -> int:
    return plan.recurring.price_minor if plan.recurring is not None else 0


def _total(bill: Foreseen | None) -> int:
    return bill.total_minor if bill is not None else 0


def _seal(offer: OfferedPlan, now_bill: Foreseen | None, then_bill: Foreseen | None) -> str:
    figures = (offer.version_id, offer.from_on, _total(now_bill), _total(then_bill))
    return hashlib.sha256(":".join(map(str, figures)).encode()).hexdigest()[:32]
