"""Rules 3, 7, 8 and 16 of services that are paid for in advance: what the wallet buys, when, and for how much."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.money_oracle.fees import Key, owed_in
from tests.money_oracle.life import DAY, Life, Stop, period_of
from tests.money_oracle.tax import tax_of


@dataclass(frozen=True)
class Bought:
    """Days [start_on, end_on) that were bought; a part of a period of `whole` days."""

    cycle: int
    start_on: date
    end_on: date
    whole: int


@dataclass
class Meter:
    """One prepaid service: until when it is paid for, and what was billed of each period that it bought."""

    life: Life
    paid_until_on: date | None = None
    bought: list[Bought] = field(default_factory=list)
    billed: Counter[Key] = field(default_factory=Counter)
    thawed: set[date] = field(default_factory=set)

    def look(self, today: date, run_on: date, wallet: int) -> int:
        """Buy what is to be bought on a day by what is known before `run_on`; return what the wallet pays for it.

        Nobody looks before the last day that is paid for, unless something is paid, which is after the run of a day.
        """
        life = self.life
        if not life.begun(run_on) or life.ended(run_on) or life.is_stopped_now(run_on):
            return 0
        if self.paid_until_on is not None and today < self.paid_until_on and run_on <= today:
            return 0
        paid_until_on, thawed = self._thaw(today, run_on)
        if paid_until_on is not None and today <= paid_until_on:
            self.paid_until_on, self.thawed = paid_until_on, thawed
            return 0
        period = self._next(paid_until_on, today, run_on)
        owed = Counter[Key]()
        for one in (*self.bought, period):
            owed.update(owed_in(life, one.cycle, one.start_on, one.end_on, run_on, one.whole))
        price = 0
        for key in {*owed, *self.billed}:
            more = owed[key] - self.billed[key]
            price += more + (tax_of(more, inclusive=False) if key[3] == "exclusive" else 0)
        if price > max(wallet, 0):
            return 0
        self.bought.append(period)
        self.billed = owed
        self.thawed = {
            stop.from_on for stop in life.stops if self._is_over(stop, today, run_on)
        }  # or were not paid for
        self.paid_until_on = period.end_on - DAY
        return price

    def thaw_early(self, today: date, paid_until_on: date | None) -> None:
        """Write down days that a pause gives on a day on which nobody had to, where they are the same."""
        if self.life.is_stopped_now(today) or self.life.ended(today) or not self.life.begun(today):
            return
        until_on, thawed = self._thaw(today, today)
        if until_on == paid_until_on:
            self.paid_until_on, self.thawed = until_on, thawed

    def _next(self, paid_until_on: date | None, today: date, run_on: date) -> Bought:
        """Return the period from the day after what is paid for, or the first one after it that lasts beyond today."""
        plan = self.life.plan_on(today, run_on)
        start_on = today
        if paid_until_on is not None and plan.extends == "expiry":
            start_on = paid_until_on + DAY
        period = self._from(start_on, plan.days or 0)
        while period.end_on <= today:
            period = self._from(period.end_on, plan.days or 0)
        charged_from_on = period.start_on
        while charged_from_on < period.end_on and self._costs_nothing_on(charged_from_on, run_on):
            charged_from_on += DAY
        if max(today, period.start_on) < charged_from_on:
            return Bought(period.cycle, period.start_on, charged_from_on, period.whole)
        return period

    def _costs_nothing_on(self, day: date, run_on: date) -> bool:
        plan = self.life.plan_on(day, run_on)
        is_trial = (day - self.life.activated_on).days < plan.trial_days
        return plan.free or is_trial or self.life.is_complimentary_on(day, run_on)

    def _from(self, start_on: date, cycle: int) -> Bought:
        if cycle:
            return Bought(cycle, start_on, start_on + timedelta(days=cycle), cycle)
        month_on, end_on = period_of(start_on, self.life.billing_day)
        return Bought(0, start_on, end_on, (end_on - month_on).days)

    @staticmethod
    def _is_over(stop: Stop, today: date, run_on: date) -> bool:
        is_known = stop.ended_made_on is not None and stop.ended_made_on < run_on
        return is_known and stop.until_on is not None and stop.until_on <= today

    def _thaw(self, today: date, run_on: date) -> tuple[date | None, set[date]]:
        """Rule 8: a pause that has ended, and is frozen, makes what is paid for longer, once."""
        paid_until_on, thawed = self.paid_until_on, set(self.thawed)
        for stop in self.life.stops:
            until_on = stop.until_on if self._is_over(stop, today, run_on) else None
            if paid_until_on is None or until_on is None or stop.from_on in thawed:
                continue
            plan = self.life.plan_on(stop.from_on, run_on)
            policy = plan.paused if stop.kind == "paused" else plan.suspended
            if policy == "freeze" and stop.from_on <= paid_until_on:
                thawed.add(stop.from_on)
                paid_until_on += min(until_on, paid_until_on + DAY) - stop.from_on
        return paid_until_on, thawed
