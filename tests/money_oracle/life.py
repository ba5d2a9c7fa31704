"""The life of a service, as it is known on a day."""

import calendar
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.money_oracle.plans import Discount, OPlan

DAY = timedelta(days=1)


@dataclass
class Known:
    """Something that is so from a day on, and is known from the evening of another."""

    made_on: date
    from_on: date


@dataclass
class Change(Known):
    plan: OPlan


@dataclass
class Own(Known):
    """Terms of the service's own: a price, a discount, add-ons that it takes, or that it costs nothing."""

    price: int | None = None
    discount: Discount | None = None
    takes: str | None = None
    gives_back: str | None = None
    free: bool | None = None


@dataclass
class Stop(Known):
    kind: str  # paused, suspended
    until_on: date | None = None
    ended_made_on: date | None = None  # when it became known that it ends


@dataclass
class Life:
    """A service from activation to its end; what happens on a day is known to runs of later days only."""

    name: str
    billing_day: int
    timezone: str
    activated_on: date
    changes: list[Change]
    stops: list[Stop] = field(default_factory=list)
    own: list[Own] = field(default_factory=list)
    is_prepaid: bool = False
    of: str | None = None  # the service of the same subscriber that was first
    ended_on: date | None = None  # the last day, which is billed
    _seen: tuple[date, list[tuple[OPlan, date, date]]] | None = None

    def begun(self, run_on: date) -> bool:
        return self.activated_on < run_on

    def ended(self, run_on: date) -> bool:
        return self.ended_on is not None and self.ended_on < run_on

    def known(self, run_on: date) -> tuple[object, ...]:
        """Return what a run knows that an earlier one may not have known."""
        return (
            self.begun(run_on),
            self.ended(run_on),
            sum(one.made_on < run_on for one in (*self.changes, *self.stops, *self.own)),
            sum(one.ended_made_on is not None and one.ended_made_on < run_on for one in self.stops),
        )

    def lives_on(self, day: date, run_on: date) -> bool:
        """Tell whether it is in service on a day, by what a run knows."""
        return day >= self.activated_on and not (
            self.ended(run_on) and self.ended_on is not None and day > self.ended_on
        )

    def plan_on(self, day: date, run_on: date) -> OPlan:
        """Rule 2: by the day, and by what is known."""
        return self._days(run_on)[max(0, (day - self.activated_on).days)][0]

    def cycle_on(self, day: date, run_on: date) -> int | None:
        """Return how many days a period has by the plan of a day: 0 for a month, None where nothing recurs."""
        plan = self.plan_on(day, run_on)
        return (plan.days or 0) if plan.price else None

    def cycle_began_on(self, day: date, run_on: date) -> date:
        """Return since when its periods have been of the length that they are of on a day."""
        return self._days(run_on)[(day - self.activated_on).days][1]

    def had_plan_since(self, day: date, run_on: date) -> date:
        """Return since when it has had, without a break, the plan of a day."""
        return self._days(run_on)[(day - self.activated_on).days][2]

    def own_price_on(self, day: date, run_on: date) -> int | None:
        """Rule 4."""
        return next((one.price for one in reversed(self._own_on(day, run_on)) if one.price is not None), None)

    def own_discounts_on(self, day: date, run_on: date) -> list[tuple[date, Discount]]:
        """Rule 11: in the order in which they were given, each with its first day."""
        return [(one.from_on, one.discount) for one in self._own_on(day, run_on) if one.discount is not None]

    def add_ons_on(self, day: date, run_on: date) -> set[str]:
        taken: set[str] = set()
        for one in self._own_on(day, run_on):
            taken = (taken | {one.takes or ""}) - {one.gives_back or ""}
        return taken

    def is_complimentary_on(self, day: date, run_on: date) -> bool:
        """Rule 11: by the service's own terms."""
        return next((one.free for one in reversed(self._own_on(day, run_on)) if one.free is not None), False)

    def _own_on(self, day: date, run_on: date) -> list[Own]:
        return [one for one in self.own if one.made_on < run_on and one.from_on <= day]

    def _days(self, run_on: date) -> list[tuple[OPlan, date, date]]:
        """Return, for each day from activation, its plan, and since when periods and plan have been as they are."""
        if self._seen is None or self._seen[0] != run_on:
            known = [change for change in self.changes if change.made_on < run_on] or self.changes[:1]
            found: list[tuple[OPlan, date, date]] = []
            left: dict[int, tuple[date, date]] = {}  # periods of so many days: since when, and until when at least
            day = self.activated_on
            while day < max(run_on, self.activated_on) + timedelta(days=400):
                one = known[0]
                for change in known:
                    if one.from_on <= change.from_on <= day:
                        one = change
                before = found[-1] if found else None
                cycle = one.plan.days if one.plan.price else -1
                same = before is not None and cycle == (before[0].days if before[0].price else -1)
                began = before[1] if before is not None and same else day
                if cycle and cycle > 0:  # rule 7: who comes back within a period goes on in it
                    if not same and cycle in left and day < left[cycle][1]:
                        began = left[cycle][0]
                    left[cycle] = began, began + ((day - began).days // cycle + 1) * cycle * DAY
                since = before[2] if before is not None and before[0] is one.plan else day
                found.append((one.plan, began, since))
                day += DAY
            self._seen = (run_on, found)
        return self._seen[1]

    def is_stopped_now(self, run_on: date) -> bool:
        """Tell whether it is stopped by what is known, whatever the day."""
        return any(
            stop.made_on < run_on and not (stop.ended_made_on is not None and stop.ended_made_on < run_on)
            for stop in self.stops
        )

    def stopped_on(self, day: date, run_on: date) -> str | None:
        """Rule 8: why it is stopped on a day; whatever is not known to end goes on."""
        for stop in self.stops:
            if stop.made_on >= run_on or day < stop.from_on:
                continue
            over = stop.ended_made_on is not None and stop.ended_made_on < run_on
            if not over or stop.until_on is None or day < stop.until_on:
                return stop.kind
        return None


def anchor(year: int, month: int, billing_day: int) -> date:
    """Rule 1: clamped month by month."""
    return date(year, month, min(billing_day, calendar.monthrange(year, month)[1]))


def period_of(day: date, billing_day: int) -> tuple[date, date]:
    """Return the half-open monthly period of a day."""
    this = anchor(day.year, day.month, billing_day)
    before = day.replace(day=1) - DAY
    after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    if this <= day:
        return this, anchor(after.year, after.month, billing_day)
    return anchor(before.year, before.month, billing_day), this


def days(start_on: date, end_on: date) -> list[date]:
    return [start_on + timedelta(days=number) for number in range((end_on - start_on).days)]
