"""What a service is billed by, day by day: its plan version and its own terms; and the days on which it is stopped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from netbilld.billing.plan import Plan, Speed, Timing
from netbilld.billing.plan_parts import AddOn, Discount
from netbilld.billing.prices import fee_price


class StopKind(StrEnum):
    PAUSED = "paused"  # cuti, asked for by the subscriber
    SUSPENDED = "suspended"  # by staff


@dataclass(frozen=True, slots=True)
class Terms:
    """What a service is billed by from a day on, until the day of the next terms.

    Attributes:
        from_on: the first local day.
        plan_version_id: the version it has; all else overrides what that says.
        price_minor: of the fee, instead of the plan's and its rules'.
        speed: instead of the plan's.
        timing: prepaid or postpaid, instead of the plan's.
        free: complimentary.
        add_ons: codes of the plan's add-ons that are taken.
        discounts: its own, after the plan's; each says from which day it is given.
        customer_group, area: of its subscriber on these days, for price rules.
        is_reset: what was used of the allowance before this day counts no more.
        reason, actor: why and by whom.
    """

    from_on: date
    plan_version_id: UUID
    price_minor: int | None = None
    speed: Speed | None = None
    timing: Timing | None = None
    free: bool = False
    add_ons: tuple[str, ...] = ()
    discounts: tuple[Discount, ...] = ()
    customer_group: str | None = None
    area: str | None = None
    is_reset: bool = False
    reason: str | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Whole local days on which a service is stopped: from the first to the day it runs again, None if not known."""

    kind: StopKind
    from_on: date
    until_on: date | None
    reason: str | None = None
    actor: str = ""

    def covers(self, day: date) -> bool:
        """Tell whether it is stopped on that day."""
        return self.from_on <= day and (self.until_on is None or day < self.until_on)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of days with the same terms that are all stopped alike, or not at all."""

    from_on: date
    until_on: date
    terms: Terms
    stop: StopKind | None

    @property
    def days(self) -> int:
        return (self.until_on - self.from_on).days


def terms_on(terms: Iterable[Terms], day: date) -> Terms | None:
    """Return the terms of a day: those with the latest first day that is not after it; None before the first."""
    return max((one for one in terms if one.from_on <= day), key=lambda one: one.from_on, default=None)


def stop_on(stops: Iterable[Stop], day: date) -> StopKind | None:
    """Return why a day is stopped; staff comes before the subscriber, as it does for access."""
    kinds = {stop.kind for stop in stops if stop.covers(day)}
    return next((kind for kind in (StopKind.SUSPENDED, StopKind.PAUSED) if kind in kinds), None)


def spans(terms: Sequence[Terms], stops: Sequence[Stop], from_on: date, until_on: date) -> list[Span]:
    """Return the stretches that [from_on, until_on) consists of, in order; days before the first terms are left out."""
    edges = {from_on, until_on, *(one.from_on for one in terms), *(stop.from_on for stop in stops)}
    edges.update(stop.until_on for stop in stops if stop.until_on is not None)
    days = sorted(day for day in edges if from_on <= day <= until_on)
    found: list[Span] = []
    for begin, end in pairwise(days):
        due, stop = terms_on(terms, begin), stop_on(stops, begin)
        if due is None:
            continue
        if found and found[-1].terms is due and found[-1].stop is stop:
            found[-1] = replace(found[-1], until_on=end)
        else:
            found.append(Span(begin, end, due, stop))
    return found


def amended(terms: Sequence[Terms], day: date, *, plan_version_id: UUID | None = None, **changes: Any) -> list[Terms]:
    """Return the rows from `day` on as they are after a change that takes effect on that day.

    Another plan version ends what was planned for later days: those rows are gone from what is returned. Any other
    change goes on through them. `is_reset`, `reason` and `actor` belong to the row of `day` alone.

    Args:
        terms: all rows of the service; one of them is not after `day`.
        day: the first day of the change.
        plan_version_id: the version it has from then on; None leaves it.
        changes: fields of Terms, each with its new value.
    """
    before = terms_on(terms, day)
    if before is None:
        raise ValueError(f"no terms on {day}")
    own = {name: changes.pop(name) for name in ("is_reset", "reason", "actor") if name in changes}
    if before.from_on != day:
        before = replace(before, from_on=day, is_reset=False, reason=None, actor="")
    rows = [replace(before, plan_version_id=plan_version_id or before.plan_version_id, **changes, **own)]
    if plan_version_id is None:
        rows += [replace(later, **changes) for later in sorted(terms, key=_first_day) if later.from_on > day]
    return rows


def taking(terms: Sequence[Terms], day: date, plan_version_id: UUID) -> list[Terms]:
    """Return all the terms as they are once a plan is taken from a day on."""
    return [one for one in terms if one.from_on < day] + amended(terms, day, plan_version_id=plan_version_id)


def plan_under(plan: Plan, terms: Terms) -> Plan:
    """Return the plan as a service has it: its price is what the service's fee costs, by rule or override."""
    recurring = plan.recurring
    if recurring is not None:
        price_minor = fee_price(plan, terms.price_minor, terms.customer_group, terms.area).price_minor
        recurring = replace(recurring, price_minor=price_minor)
    return replace(
        plan,
        recurring=recurring,
        price_rules=(),
        speed=terms.speed or plan.speed,
        timing=terms.timing or plan.timing,
        free=plan.free or terms.free,
    )


def chosen_add_ons(plan: Plan, terms: Terms) -> tuple[AddOn, ...]:
    """Return the add-ons that a service has taken, in the plan's order; one that the plan no longer has is over."""
    return tuple(add_on for add_on in plan.add_ons if add_on.code in terms.add_ons)


def _first_day(terms: Terms) -> date:
    return terms.from_on
