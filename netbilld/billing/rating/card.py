"""RateCard: all that rating needs to know of a service beside its usage."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.billing.rating.allowance import Grant, GrantKind, Unit
from netbilld.billing.rating.period import RatedPeriod, Sums, rate_period
from netbilld.billing.rating.stretch import PlanTerms, Stretch, stretches_of
from netbilld.model.periods import BillingPeriod


class GivenUnits(NamedTuple):
    """Units beside the plan's own, for as long as they may be used.

    Attributes:
        from_on: they count in the whole of the billing period that this day is in, and in later ones.
        until_on: the first day on which they count no more.
        uses: what of them was used in periods that are over, by their first day.
    """

    id: UUID
    kind: GrantKind
    unit: Unit
    units: int
    from_on: date
    until_on: date
    uses: tuple[tuple[date, int], ...] = ()

    def units_at(self, start_on: date) -> int:
        """Return what is left of them when a period begins."""
        return self.units - sum(units for used_on, units in self.uses if used_on < start_on)


class SharedAllowance(NamedTuple):
    """One allowance of several services: a household's, a company's, those of a class of devices.

    Attributes:
        limit_octets: of all together.
        member_ids: in the order in which it is allotted to them where beyond it is charged.
        joined_at: since when each of them shares it.
    """

    id: UUID
    limit_octets: int
    member_ids: tuple[UUID, ...]
    joined_at: tuple[datetime, ...]

    def of_period(self, service_id: UUID, period: BillingPeriod) -> "SharedAllowance | None":
        """Return it with those who had joined before a period's end; None where the service had not."""
        joined = [
            (member, at) for member, at in zip(self.member_ids, self.joined_at, strict=True) if at < period.end_at
        ]
        if len(joined) == len(self.member_ids):
            return self
        members = tuple(member for member, _ in joined)
        return (
            self._replace(member_ids=members, joined_at=tuple(at for _, at in joined))
            if service_id in members
            else None
        )

    def left_to(self, service_id: UUID, used: Mapping[UUID, int]) -> int:
        """Return what is allotted to a service: what those before it have not used."""
        before = self.member_ids[: self.member_ids.index(service_id)]
        return max(0, self.limit_octets - sum(used.get(member, 0) for member in before))


@dataclass(frozen=True, slots=True)
class RateCard:
    """A service's calendar, plans by day, and what counts beside their allowances.

    Attributes:
        activated_on: its first day; trial days and the first part period are counted from it.
        terms: plans by first day, in order.
        given: units beside the plans' own.
        shared: what it uses together with other services instead of its plan's own allowance.
    """

    service_id: UUID
    billing_day: int
    timezone: str
    activated_on: date
    terms: tuple[PlanTerms, ...]
    given: tuple[GivenUnits, ...] = ()
    shared: SharedAllowance | None = None

    def plan_on(self, day: date) -> Plan:
        """Return the plan in force on a day, the first one before its time."""
        return max((one for one in self.terms if one.from_on <= day), default=self.terms[0], key=_first_day).plan

    def grants(self, period: BillingPeriod, unit: Unit) -> tuple[Grant, ...]:
        """Return what counts in a period beside the plan's own."""
        return tuple(
            Grant(one.id, one.kind, left, one.until_on)
            for one in self.given
            if one.unit is unit
            and one.from_on < period.end_on
            and one.until_on > period.start_on
            and (left := one.units_at(period.start_on)) > 0
        )

    def stretches(self, period: BillingPeriod) -> tuple[Stretch, ...]:
        """Return the days of a period by plan."""
        ends = {one.until_on for one in self.given if period.start_on < one.until_on < period.end_on}
        return stretches_of(self.terms, period, self.activated_on, ends)

    def rate(
        self,
        period: BillingPeriod,
        stretches: tuple[Stretch, ...],
        sums: Sums,
        seconds: Mapping[date, int] | None = None,
        used: Mapping[UUID, int] | None = None,
    ) -> RatedPeriod:
        """Return what a period's usage costs; see `rate_period`. `used` are the octets of those it shares with."""
        shared = self.shared.of_period(self.service_id, period) if self.shared is not None else None
        return rate_period(
            period,
            stretches,
            sums,
            seconds=seconds,
            grants=self.grants(period, Unit.DATA),
            time_grants=self.grants(period, Unit.TIME),
            activated_on=self.activated_on,
            shared_octets=shared.left_to(self.service_id, used or {}) if shared is not None else None,
        )

    def of_period(self, period: BillingPeriod) -> "RateCard":
        """Return it as it was in a period: with an allowance that is shared from that one on, or without."""
        if self.shared is None or (shared := self.shared.of_period(self.service_id, period)) is self.shared:
            return self
        return replace(self, shared=shared)

    def under(self, plan: Plan) -> "RateCard":
        """Return the card of the same service if it had had this plan all the time, and nothing beside it."""
        return replace(self, terms=(PlanTerms(self.activated_on, plan),), given=(), shared=None)


def _first_day(terms: PlanTerms) -> date:
    return terms.from_on
