"""Taking a plan: which version of it is sold, to whom, and from when a service has it."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from netbilld.billing.plan import Plan
from netbilld.billing.prices import is_sold_to
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.subscriber import FoundService, PlanOffer, Subscriber
from netbilld.services import change_terms
from netbilld.services.change_terms import TermsOfService


class Groups(Protocol):
    async def group(self, code: str) -> str | None: ...


class Services(change_terms.Services, Protocol):
    async def offers(self, codes: Collection[str], on: date) -> Mapping[str, PlanOffer]: ...


class GroupWork(Protocol):
    @property
    def groups(self) -> Groups: ...


class Work(change_terms.Work, Protocol):
    @property
    def services(self) -> Services: ...


async def change_plan(
    work: Work, found: FoundService, code: str, plan_from: str | None, now: datetime, **own: Any
) -> dict[str, Any]:
    """Give a service another plan, now or later; return what changed, for the audit trail.

    Args:
        work: the transaction, which holds the service.
        found: the service and its subscriber.
        code: of the plan.
        plan_from: now, next, a day, or None.
        now: when.
        own: further fields of the terms of that day.

    Raises:
        InvalidInputError: `plan_from` is none of these.
        NotFoundError: there is no such plan.
        RefusedError: it is not for sale, or not to this subscriber.
    """
    service = found.service
    terms = await TermsOfService.load(work, service)
    today = terms.today(now)
    offer = await offer_of(work, code, today)
    version = await refuse_offer(work, offer, found.subscriber)
    day = terms.starting_day(plan_from, today, version)
    is_planned = any(one.plan_version_id != terms.on(today).plan_version_id for one in terms.planned(today))
    if terms.on(day).plan_version_id == version.id and (day > today or not is_planned):
        return {}
    before = terms.plan_told(today, version)
    changed = await terms.change(day, now, to=version, **own)
    if version.code != before.code:
        await terms.tell(found.subscriber.id, before, version.plan, changed, now)
    said: dict[str, Any] = {"plan": [found.plan_code, offer.code]}
    return said | ({"from": [None, day.isoformat()]} if changed.waits else {})


async def offer_of(work: Work, code: str, on: date) -> PlanOffer:
    """Return the plan of that code as it is sold on a day."""
    offers = await work.services.offers([code], on)
    offer = next(iter(offers.values()), None)
    if offer is None:
        raise NotFoundError(f"no plan has code {code!r}", hint="`netbilld plan list` shows them")
    if not offer.on_sale:
        raise RefusedError(f"plan {offer.code} is no longer for sale", hint="`netbilld plan list` shows the others")
    return offer


async def refuse_offer(work: Work, offer: PlanOffer, subscriber: Subscriber) -> change_terms.Version:
    """Return the plan version offered; refuse it to a subscriber who is billed otherwise, or is not among its own."""
    if offer.currency != subscriber.currency:
        raise RefusedError(
            f"plan {offer.code} is in {offer.currency}, subscriber {subscriber.number} is billed in "
            f"{subscriber.currency}"
        )
    version = (await work.plans.versions([offer.plan_version_id]))[offer.plan_version_id]
    refuse_sale(version.plan, subscriber)
    return version


def refuse_sale(plan: Plan, subscriber: Subscriber) -> None:
    """Refuse a plan to somebody who is neither in a group nor in an area that it is sold to."""
    if not is_sold_to(plan.sold_to, subscriber.customer_group, subscriber.area):
        allowed = ", ".join((*plan.sold_to.groups, *plan.sold_to.areas))
        raise RefusedError(
            f"plan {plan.code} is sold to {allowed} alone",
            hint="set the subscriber's group or area first: `subscriber set USERNAME --group … --area …`",
            code="not_sold_to",
        )


async def known_group(work: GroupWork, code: str | None) -> str | None:
    """Return a customer group's code as it is written."""
    if not code:
        return None
    known = await work.groups.group(code)
    if known is None:
        raise NotFoundError(
            f"no customer group {code!r}", hint="`netbilld group list` shows all, `group add` makes one"
        )
    return known
