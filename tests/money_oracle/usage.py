"""Rules 12 to 14 and 17: what usage costs."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.money_oracle.life import Life, period_of
from tests.money_oracle.plans import OPlan


@dataclass(frozen=True)
class Used:
    """Octets within one local hour, and when they became known."""

    at: datetime
    made_on: date
    upload: int
    download: int


def owed(life: Life, used: list[Used], run_on: date) -> dict[date, int]:
    """Return what usage has come to by a run, by the period that it fell into."""
    zone = ZoneInfo(life.timezone)
    periods: dict[date, list[Used]] = {}
    for one in used:
        start_on, end_on = period_of(one.at.astimezone(zone).date(), life.billing_day)
        if one.made_on < run_on and (end_on <= run_on or life.ended(run_on)):
            periods.setdefault(start_on, []).append(one)
    return {start_on: _price(life, some, run_on) for start_on, some in periods.items()}


def is_due(life: Life, run_on: date) -> bool:
    """Tell whether a period ends on a day, and usage is charged by then."""
    charged = any(
        one.plan.charged and not one.plan.free and one.made_on < run_on and one.from_on < run_on for one in life.changes
    )
    return charged and life.begun(run_on) and period_of(run_on, life.billing_day)[0] == run_on


def _price(life: Life, used: list[Used], run_on: date) -> int:
    """Rule 14: by stretches of one plan, each under its own plan, with the total running on; rounded once."""
    zone = ZoneInfo(life.timezone)
    stretches: list[tuple[OPlan, bool, list[Used]]] = []
    for one in sorted(used, key=lambda each: each.at):
        day = one.at.astimezone(zone).date()
        plan = life.plan_on(day, run_on)
        is_free = plan.free or (day - life.activated_on).days < plan.trial_days
        if not stretches or stretches[-1][0] is not plan or stretches[-1][1] is not is_free:
            stretches.append((plan, is_free, []))
        stretches[-1][2].append(one)
    total, exact = 0, Fraction(0)
    for plan, is_free, some in stretches:
        counted, by_window = _counted(life, plan, some)
        if not is_free and plan.charged:
            before = exact
            exact += _tiers(plan, total + counted) - _tiers(plan, total)
            exact += sum(
                (
                    Fraction(octets * (plan.windows[number].price_per_gb or 0), plan.unit)
                    for number, octets in by_window.items()
                ),
                Fraction(0),
            )
            if plan.cap is not None:
                exact = max(before, min(exact, Fraction(plan.cap)))
        total += counted
    return int(exact + Fraction(1, 2)) if exact >= 0 else 0


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


def _tiers(plan: OPlan, total: int) -> Fraction:
    """Rule 14: nothing up to the allowance, then tier by tier from the first charged octet."""
    left = max(0, total - (plan.allowance_octets or 0))
    price, below = Fraction(0), 0
    for up_to, each in plan.tiers:
        top = left if up_to is None else min(left, up_to * plan.unit)
        if top > below:
            price += Fraction((top - below) * each, plan.unit)
            below = top
    return price
