"""Rules 12 to 14: what the usage of a period costs, what of allowances it uses, and what comes along of them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.money_oracle.life import DAY, Life, days, period_of
from tests.money_oracle.plans import OPlan


@dataclass(frozen=True)
class Used:
    """Octets within one local hour, and when they became known."""

    at: datetime
    made_on: date
    upload: int
    download: int


@dataclass
class Grant:
    """Octets beside a plan's own: rolled over or bought; they count until the day before `until_on`."""

    is_bought: bool
    octets: int
    from_on: date
    until_on: date
    uses: dict[date, int] = field(default_factory=dict)  # in periods that were closed, by their first day

    def left_at(self, start_on: date) -> int:
        return self.octets - sum(octets for used_on, octets in self.uses.items() if used_on < start_on)


@dataclass(frozen=True)
class Rated:
    """What a period costs, what of the last plan's own allowance is left, and what was used of each grant."""

    amount: int
    total: int
    own_left: int
    used_of: list[tuple[Grant, int]]


@dataclass
class Shared:
    """One allowance of several services from the periods on that end after a day; members by their activation."""

    octets: int
    from_on: date
    members: "list[Bucket]"

    def left_to(self, one: "Bucket", start_on: date, run_on: date) -> int:
        """Rule 13: what those who were activated before have not used."""
        before = self.members[: self.members.index(one)]
        return max(0, self.octets - sum(other.rate(start_on, run_on).total for other in before))


@dataclass(eq=False)
class Bucket:
    """The usage of one service, and what it has beside its plans' own allowances."""

    life: Life
    used: list[Used]
    grants: list[Grant] = field(default_factory=list)
    shared: Shared | None = None

    def known_in(self, start_on: date, run_on: date) -> list[Used]:
        """Return what is known of the usage of a period."""
        zone = ZoneInfo(self.life.timezone)
        end_on = period_of(start_on, self.life.billing_day)[1]
        return [
            one for one in self.used if one.made_on < run_on and start_on <= one.at.astimezone(zone).date() < end_on
        ]

    def rate(self, start_on: date, run_on: date) -> Rated:
        """Rules 13 and 14: by stretches of one plan, each under its own plan, the total running on; rounded once."""
        used = self.known_in(start_on, run_on)
        life, end_on = self.life, period_of(start_on, self.life.billing_day)[1]
        grants = [
            one for one in self.grants if one.from_on < end_on and one.until_on > start_on and one.left_at(start_on) > 0
        ]
        grants.sort(key=lambda one: (one.is_bought, one.until_on))
        room = [one.left_at(start_on) for one in grants]
        by_day: dict[date, list[Used]] = {}
        for one in used:
            by_day.setdefault(one.at.astimezone(ZoneInfo(life.timezone)).date(), []).append(one)
        total, own, exact = 0, 0, Fraction(0)
        ends = {one.until_on for one in grants}

        def regime(day: date) -> tuple[int, date, bool, int]:
            plan = life.plan_on(day, run_on)
            begun = max(day, life.activated_on)
            is_free = plan.free or life.is_complimentary_on(day, run_on)
            is_free = is_free or (day - life.activated_on).days < plan.trial_days
            return id(plan), life.had_plan_since(begun, run_on), is_free, sum(on <= day for on in ends)

        for (_, _, is_free, _), stretch in groupby(days(start_on, end_on), regime):
            some = list(stretch)
            plan = life.plan_on(some[0], run_on)
            gone = self._used_of(room, total - own)
            room = [gone[n] if one.until_on <= some[0] else room[n] for n, one in enumerate(grants)]
            own = self._own(plan, start_on, end_on, run_on)
            counted, by_window = _counted(life, plan, [one for day in some for one in by_day.get(day, [])])
            if not is_free and plan.charged:
                before, included = exact, own + sum(room)
                exact += _tiers(plan, total + counted - included) - _tiers(plan, total - included)
                for number, octets in by_window.items():
                    exact += Fraction(octets * (plan.windows[number].price_per_gb or 0), plan.unit)
                if plan.cap is not None:
                    exact = max(before, min(exact, Fraction(plan.cap)))
            total += counted
        used_of = list(zip(grants, self._used_of(room, total - own), strict=True))
        return Rated(int(exact + Fraction(1, 2)), total, max(0, own - total), used_of)

    def close(self, start_on: date, run_on: date) -> None:
        """Rule 13: let what is left of the plan's own allowance come along, and write down what was used of the rest.

        What is shared is nobody's own.
        """
        rated, end_on = self.rate(start_on, run_on), period_of(start_on, self.life.billing_day)[1]
        plan = self.life.plan_on(end_on - DAY, run_on)
        if plan.rollover is not None and not self._is_shared(end_on):
            older = sum(
                one.left_at(start_on) - octets
                for one, octets in rated.used_of
                if not one.is_bought and one.until_on > end_on
            )
            comes = rated.own_left
            if plan.rollover_cap is not None:
                comes = max(0, min(comes, plan.rollover_cap - older))
            until_on = end_on
            for _ in range(plan.rollover):
                until_on = period_of(until_on, self.life.billing_day)[1]
            if comes:
                self.grants.append(Grant(False, comes, end_on, until_on))
        for one, octets in rated.used_of:
            one.uses[start_on] = octets

    def _is_shared(self, end_on: date) -> bool:
        return self.shared is not None and self.shared.from_on < end_on

    def _own(self, plan: OPlan, start_on: date, end_on: date, run_on: date) -> int:
        """Rule 13: the plan's own allowance, a part of it in the first part period where it says so; or what is shared."""
        if self.shared is not None and self._is_shared(end_on) and plan.allowance_octets is not None:
            return self.shared.left_to(self, start_on, run_on)
        octets = plan.allowance_octets or 0
        if plan.first_part and start_on < self.life.activated_on < end_on:
            return octets * (end_on - self.life.activated_on).days // (end_on - start_on).days
        return octets

    @staticmethod
    def _used_of(room: list[int], beyond: int) -> list[int]:
        """Return what is used of each grant, in their order, by so many octets beyond the plan's own."""
        found = []
        for octets in room:
            found.append(min(max(0, beyond), octets))
            beyond -= found[-1]
        return found


def _counted(life: Life, plan: OPlan, used: list[Used]) -> tuple[int, dict[int, int]]:
    """Rule 12: weighted and floored once for the stretch; octets of windows with a price of their own apart."""
    zone = ZoneInfo(life.timezone)
    hundredths = 0
    by_window: dict[int, int] = {}
    for one in used:
        local = one.at.astimezone(zone)
        octets = {"up": one.upload, "down": one.download, "both": one.upload + one.download}[plan.counts]
        window = next((n for n, each in enumerate(plan.windows) if each.covers(local.weekday(), local.hour)), None)
        if window is None:
            hundredths += 100 * octets
        elif plan.windows[window].price_per_gb is not None:
            by_window[window] = by_window.get(window, 0) + octets
        else:
            hundredths += plan.windows[window].hundredths * octets
    return hundredths // 100, by_window


def _tiers(plan: OPlan, charged: int) -> Fraction:
    """Rule 14: tier by tier from the first charged octet."""
    price, below = Fraction(0), 0
    for up_to, each in plan.tiers:
        top = charged if up_to is None else min(charged, up_to * plan.unit)
        if top > below:
            price += Fraction((top - below) * each, plan.unit)
            below = top
    return price
