"""Rules 3 to 11: what fees are owed, day by day."""

from datetime import date, timedelta

from tests.money_oracle.life import Life, days, period_of
from tests.money_oracle.plans import OPlan

# What is owed for: the first day of a period, the part of it, its price, and how it is taxed.
Key = tuple[date, str, int, str]


def half_up(numerator: int, denominator: int) -> int:
    assert numerator >= 0
    return (2 * numerator + denominator) // (2 * denominator)


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
    used_days: dict[Key, int] = {}
    whole_ones: set[Key] = set()
    for plan, start_on, end_on in _periods(life, run_on):
        if plan.free or not plan.price or not _is_due(life, plan, start_on, end_on, run_on):
            continue
        used = sum(_is_used(life, plan, day, run_on) for day in days(start_on, end_on))
        whole = (end_on - start_on).days
        together = 0
        for part, price in (("fee", plan.price), *plan.components):
            key = start_on, f"{part} {plan.days}", price, plan.tax
            used_days[key] = used_days.get(key, 0) + used  # days at one price, whichever plan it was
            if plan.prorata == "none" and used:  # whole periods at the last price in them
                for other in [one for one in found if one[:2] == key[:2] and one in whole_ones]:
                    found[other] = 0
                whole_ones.add(key)
            found[key] = _part(price, used_days[key], whole, plan.prorata, plan.days or 0)
            together += _part(price, used, whole, plan.prorata, plan.days or 0)
        left = together
        for number, (percent, fixed, periods) in enumerate(plan.discounts):
            if periods is not None and _number_of(life, plan, start_on, end_on, run_on) >= periods:
                continue
            off = half_up(together * percent, 100) if percent is not None else fixed or 0
            off = min(off, left)
            left -= off
            found[start_on, f"discount {plan.code} {number}", 0, plan.tax] = -off
    return found


def due_periods(life: Life, run_on: date) -> set[tuple[int, date]]:
    """Rule 7, "When": return the periods that are billed by a run, by their length and first day.

    What is free makes no period due that something else is still to be billed of.
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
        priced = [one for one in some if not one[0].free] or some[:1]
        if any(_is_due(life, *one, run_on) for one in priced):
            found.add(key)
    return found


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
    if not life.lives_on(day, run_on) or life.plan_on(day, run_on) is not plan:
        return False
    if (day - life.activated_on).days < plan.trial_days:
        return False
    stopped = life.stopped_on(day, run_on)
    policy = {"paused": plan.paused, "suspended": plan.suspended}.get(stopped or "", "bill")
    return policy == "bill"


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


def _number_of(life: Life, plan: OPlan, start_on: date, end_on: date, run_on: date) -> int:
    """Return how many periods with this plan, since it has had it without a break, came before one."""
    own = [day for day in days(max(start_on, life.activated_on), end_on) if life.plan_on(day, run_on) is plan]
    since = life.had_plan_since(own[-1], run_on)
    return len(
        {start for each, start, end in _periods(life, run_on) if each is plan and start < start_on and end > since}
    )
