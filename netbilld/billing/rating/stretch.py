"""Stretches: the days of a billing period under one plan, in which usage is counted and priced by it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from netbilld.billing.plan import Plan
from netbilld.model.periods import BillingPeriod


class PlanTerms(NamedTuple):
    """What a service's usage goes by from a local day on.

    Attributes:
        is_free: complimentary.
        is_reset: what was used before counts no more.
    """

    from_on: date
    plan: Plan
    is_free: bool = False
    is_reset: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Half-open days of one billing period; those of a period touch and cover it.

    Attributes:
        is_free: complimentary or on trial: metered and counted, and not priced.
        is_reset: what was used before it counts no more.
    """

    from_on: date
    until_on: date
    plan: Plan
    is_free: bool = False
    is_reset: bool = False


def stretches_of(
    terms: Sequence[PlanTerms], period: BillingPeriod, activated_on: date, cuts: Iterable[date] = ()
) -> tuple[Stretch, ...]:
    """Return the stretches of a period, oldest first; () where no terms are known.

    Args:
        terms: of the service, in whatever order.
        period: the billing period.
        activated_on: trial days are counted from it.
        cuts: further days at which a stretch ends, such as the end of a top-up.
    """
    in_order = sorted(terms, key=lambda one: one.from_on)
    before = [one for one in in_order if one.from_on <= period.start_on] or in_order[:1]
    if not before:
        return ()
    within = [one for one in in_order if period.start_on < one.from_on < period.end_on and one is not before[-1]]
    found: list[Stretch] = []
    current = [before[-1]._replace(from_on=period.start_on, is_reset=False), *within]
    for number, one in enumerate(current):
        until_on = current[number + 1].from_on if number + 1 < len(current) else period.end_on
        trial_until_on = activated_on + timedelta(days=one.plan.trial_days)
        days = {one.from_on, until_on} | {on for on in (trial_until_on, *cuts) if one.from_on < on < until_on}
        edges = sorted(days)
        for from_on, to_on in pairwise(edges):
            is_free = one.is_free or one.plan.free or from_on < trial_until_on
            is_reset = one.is_reset and from_on == one.from_on
            last = found[-1] if found else None
            if last and not is_reset and (last.plan, last.is_free) == (one.plan, is_free) and from_on not in cuts:
                found[-1] = Stretch(last.from_on, to_on, last.plan, is_free, last.is_reset)
            else:
                found.append(Stretch(from_on, to_on, one.plan, is_free, is_reset))
    return tuple(found)


def stretch_at(stretches: Sequence[Stretch], on: date) -> Stretch:
    """Return the stretch that a local day is in; the first or the last one for a day beyond them."""
    for stretch in reversed(stretches):
        if stretch.from_on <= on:
            return stretch
    return stretches[0]
