"""Rules 3 to 11: what fees are owed, day by day."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.money_oracle.life import Life, days, period_of
from tests.money_oracle.plans import Discount, OPlan

# What is owed for: the first day of a period, the part of it, its price, and how it is taxed.
Key = tuple[date, str, int, str]
# A discount that a service has in a period: whose it is, and since when it is given.
Given = tuple[str, date, Discount]


# A period by its length and first day, and whether some of it is billed after it.
Due = tuple[int, date, bool]


def half_up(numerator: int, denominator: int) -> int:
    assert numerator >= 0
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass
class Book:
    """Fees of one service as they stand; they are worked out again when something is known, or begins, that was not."""

    life: Life
    _known: tuple[object, ...] = ()
    _until_on: date = date.min
    _found: tuple[dict[Key, int], set[Due]] = field(default_factory=lambda: ({}, set()))

    def stands(self, run_on: date) -> tuple[dict[Key, int], set[Due]]:
        """Return what is owed by a run, and the periods that are due by it."""
        known = self.life.known(run_on)
        if known != self._known or run_on >= self._until_on:
            self._known, self._found = known, (owed(self.life, run_on), due_periods(self.life, run_on))
            edges = [one.from_on for one in self.life.changes]
            edges += [end_on for _, _, end_on in _periods(self.life, run_on)] if self.life.begun(run_on) else []
            self._until_on = min((edge for edge in edges if edge > run_on), default=run_on)
        return self._found


def owed(life: Life, run_on: date) -> dict[Key, int]:
    """Return all that fees have come to by a run, by what it knows."""
    found: dict[Key, int] = {}
    if not life.begun(run_on):
        return found
    first = life.changes[0].plan
    if first.installation and not first.free:
        found[life.activated_on, "installation", first.installation, first.tax] = first.installation
    if first.deposit and not first.free:
        found[life.activated_on, "deposit", first.deposit, "none"] = first.deposit
    seen: set[tuple[int, date]] = set()
    for plan, start_on, end_on in _periods(life, run_on):
        cycle = plan.days or 0
        if (cycle, start_on) not in seen:
            seen.add((cycle, start_on))
            found.update(owed_in(life, cycle, start_on, end_on, run_on))
    return found


def owed_in(
    life: Life, cycle: int, start_on: date, end_on: date, run_on: date, whole: int | None = None
) -> dict[Key, int]:
    """Return what one period has come to: its days at each price, less what discounts take of them.

    It is a part of a period of `whole` days where that is said.
    """
    used: Counter[Key] = Counter()
    first: set[Key] = set()
    prorata: dict[Key, str] = {}
    last_whole: dict[str, Key] = {}
    given: dict[Given, Counter[Key]] = {}
    fits: dict[Given, bool] = {}
    for day in days(max(start_on, life.activated_on), end_on):
        plan = life.plan_on(day, run_on)
        if not plan.price or (plan.days or 0) != cycle or plan.free:
            continue
        if not _is_used(life, plan, day, run_on):
            continue
        for part, price in _parts(life, plan, day, run_on):
            key = start_on, f"{part} {cycle}", price, plan.tax
            used[key] += 1
            first |= {key} if plan.bill == "advance" else set()
            prorata[key] = plan.prorata
            if plan.prorata == "none":
                last_whole[key[1]] = key
            for one in _discounts(life, plan, day, run_on):
                if one not in fits:
                    fits[one] = _is_given(life, one, plan, start_on)
                if fits[one]:
                    given.setdefault(one, Counter())[key] += 1
    for key in used:
        if prorata[key] == "none" and last_whole[key[1]] != key:  # whole periods at the last price in them
            used[key] = 0
    whole = whole or (end_on - start_on).days
    found = {key: _part(key[2], number, whole, prorata[key], cycle) for key, number in used.items()}
    for one in sorted(given, key=lambda each: each[0] == "own"):
        discount = one[2]
        rest = discount.amount or 0
        for tax, is_first in dict.fromkeys((key[3], key in first) for key in given[one]):
            some = {key: n for key, n in given[one].items() if key[3] == tax and (key in first) is is_first}
            some = {key: min(n, used[key]) for key, n in some.items()}
            base = sum(_part(key[2], count, whole, prorata[key], cycle) for key, count in some.items())
            off = rest if discount.percent is None else half_up(base * discount.percent, 100)
            off = min(off, base, sum(n for key, n in found.items() if key[3] == tax and (key in first) is is_first))
            rest -= off
            when = "first" if is_first else "after"
            own = start_on, f"discount {cycle} {discount.name} {when}", discount.priced, tax
            found[own] = found.get(own, 0) - off
            first |= {own} if is_first else set()
    is_over = end_on <= run_on or life.ended(run_on)
    return {key: amount for key, amount in found.items() if is_over or (key in first and start_on <= run_on)}


def due_periods(life: Life, run_on: date) -> set[Due]:
    """Rule 7, "When": return the periods of which all is billed by a run, and whether some of it is billed after it.

    What costs nothing in a period doesn't say when it is due, where something else does.
    """
    plans: dict[tuple[int, date], list[tuple[OPlan, date, date]]] = {}
    if life.begun(run_on):
        for plan, start_on, end_on in _periods(life, run_on):
            inside = next(day for day in days(start_on, end_on) if day >= life.activated_on)
            while life.cycle_on(inside, run_on) != (plan.days or 0):
                inside += timedelta(days=1)
            key = plan.days or 0, max(start_on, life.cycle_began_on(inside, run_on))
            plans.setdefault(key, []).append((plan, start_on, end_on))
    found = set()
    for key, some in plans.items():
        priced = [one for one in some if _has_days(life, *one, run_on)] or some[:1]
        if all(_is_due(life, *one, run_on) for one in priced):
            found.add((*key, any(one[0].bill == "arrears" for one in priced)))
    return found


def _has_days(life: Life, plan: OPlan, start_on: date, end_on: date, run_on: date) -> bool:
    """Tell whether any day of a period costs something by a plan."""
    return not plan.free and any(
        life.plan_on(day, run_on) is plan and _is_used(life, plan, day, run_on)
        for day in days(max(start_on, life.activated_on), end_on)
    )


def _parts(life: Life, plan: OPlan, day: date, run_on: date) -> list[tuple[str, int]]:
    """Rules 4 and 5: the fee by the service's own price or the plan's, its components, and the add-ons taken."""
    own = life.own_price_on(day, run_on)
    taken = life.add_ons_on(day, run_on)
    add_ons = [(f"add-on {code}", price) for code, price in plan.add_ons if code in taken]
    return [("fee", plan.price if own is None else own), *plan.components, *add_ons]


def _discounts(life: Life, plan: OPlan, day: date, run_on: date) -> list[Given]:
    """Rule 11: the plan's, from when it has the plan, before the service's own."""
    since_on = life.had_plan_since(day, run_on)
    found: list[Given] = [(plan.code, since_on, one) for one in plan.discounts]
    return found + [("own", from_on, one) for from_on, one in life.own_discounts_on(day, run_on)]


def _part(price: int, used: int, whole: int, prorata: str, cycle: int) -> int:
    """Rule 6."""
    if used == 0:
        return 0
    if used == whole or prorata == "none":
        return price
    if prorata == "30" and cycle == 0:
        return min(price, half_up(price * used, 30))
    return half_up(price * used, whole)


def _is_due(life: Life, plan: OPlan, start_on: date, end_on: date, run_on: date) -> bool:
    """Rule 3: in advance when its period begins, in arrears on the day after its last; at the end at once."""
    if plan.bill == "advance":
        return start_on <= run_on
    return end_on <= run_on or life.ended(run_on)


def _is_used(life: Life, plan: OPlan, day: date, run_on: date) -> bool:
    if not life.lives_on(day, run_on) or life.is_complimentary_on(day, run_on):
        return False
    if (day - life.activated_on).days < plan.trial_days:
        return False
    stopped = life.stopped_on(day, run_on)
    policy = {"paused": plan.paused, "suspended": plan.suspended}.get(stopped or "", "bill")
    return policy == "bill" or (policy == "freeze" and life.is_prepaid)  # which ends later instead


def _periods(life: Life, run_on: date) -> list[tuple[OPlan, date, date]]:
    """Return the periods up to the one that a run falls in, once for each plan that has days in it, oldest first."""
    found: list[tuple[OPlan, date, date]] = []
    seen: set[tuple[str, date]] = set()
    day = life.activated_on
    while day <= max(run_on, life.activated_on):
        cycle = life.cycle_on(day, run_on)
        if cycle is None:
            day += timedelta(days=1)
            continue
        start_on, end_on = period_of(day, life.billing_day)
        if cycle:
            began = life.cycle_began_on(day, run_on)
            start_on = began + timedelta(days=(day - began).days // cycle * cycle)
            end_on = start_on + timedelta(days=cycle)
        for one in days(max(start_on, life.activated_on), end_on):
            plan = life.plan_on(one, run_on)
            if (plan.days or 0) == cycle and plan.price and (plan.code, start_on) not in seen:
                seen.add((plan.code, start_on))
                found.append((plan, start_on, end_on))
        day = next(
            one
            for one in days(day + timedelta(days=1), end_on + timedelta(days=1))
            if _is_next(life, one, cycle, end_on, run_on)
        )
    return found


def _is_next(life: Life, day: date, cycle: int, end_on: date, run_on: date) -> bool:
    return day == end_on or life.cycle_on(day, run_on) != cycle


def _is_given(life: Life, one: Given, plan: OPlan, start_on: date) -> bool:
    """Rule 11: a discount is for so many periods of the calendar; the one in which it was given is the first."""
    _, since_on, discount = one
    if discount.periods is None:
        return True
    before = 0
    if plan.days:
        while since_on + before * timedelta(days=plan.days) < start_on:
            before += 1
    else:
        first_on, next_on = period_of(since_on, life.billing_day)
        while first_on < period_of(start_on, life.billing_day)[0]:
            before += 1
            first_on, next_on = period_of(next_on, life.billing_day)
    return before < discount.periods
