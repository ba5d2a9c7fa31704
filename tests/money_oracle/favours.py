"""What single services get beside their plan: a price, discounts, coupons, add-ons, or all of it for nothing."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.money_oracle.life import Life, Own
from tests.money_oracle.plans import Discount, OPlan


@dataclass
class Coupon:
    """A discount for so many services, until a day, for some plans."""

    code: str
    discount: Discount
    until_on: date
    uses: int
    plans: tuple[str, ...]
    used_by: set[str] = field(default_factory=set)

    def is_for(self, life: Life, plan: OPlan, day: date) -> bool:
        """Rule 11: tell whether a service can still take it."""
        fits = not self.plans or plan.code in self.plans
        return day <= self.until_on and fits and len(self.used_by) < self.uses and life.name not in self.used_by


@dataclass(frozen=True)
class Favour:
    """What a service gets from a day on, said on that day; a coupon may be refused."""

    on: date
    own: Own
    coupon: str | None = None


def coupons(seed: int, plans: list[OPlan], first_on: date) -> list[Coupon]:
    """Return the coupons of a world."""
    dice = random.Random(f"{seed} coupons")
    return [
        Coupon(
            f"KUPON{number}",
            _discount(dice, f"KUPON{number}"),
            first_on + timedelta(days=dice.choice((40, 90, 400))),
            dice.randint(1, 4),
            tuple(plan.code for plan in dice.sample(plans, 3)) if dice.random() < 0.5 else (),
        )
        for number in range(3)
    ]


def favours(seed: int, life: Life, last_on: date) -> list[Favour]:
    """Return what one service gets, with dice of its own."""
    dice = random.Random(f"{seed} {life.name} favours")
    found: list[Favour] = []
    if dice.random() < 0.4:
        return found
    day = life.activated_on
    last_on = min(last_on, life.ended_on or last_on)
    taken: set[str] = set()
    free = False
    while (day := day + timedelta(days=dice.randint(1, 60))) < last_on:
        plan = life.plan_on(day, last_on)
        own, coupon = Own(day, day), None
        what = dice.choice(("price", "discount", "discount", "coupon", "add_on", "add_on", "free"))
        if what == "price":
            own.price = dice.choice((90_000, 123_457, 0)) + 10 * dice.randint(0, 999)
        elif what == "discount":
            own.discount = _discount(dice, f"favour {len(found)}")
        elif what == "coupon":
            coupon = f"KUPON{dice.randint(0, 2)}"
        elif what == "free" and (free or dice.random() < 0.3):
            own.free = free = not free
        elif what == "add_on" and plan.add_ons:
            code = dice.choice(plan.add_ons)[0]
            if code in taken:
                own.gives_back = code
                taken.discard(code)
            else:
                own.takes = code
                taken.add(code)
        else:
            continue
        found.append(Favour(day, own, coupon))
    return found


def _discount(dice: random.Random, name: str) -> Discount:
    periods = dice.choice((None, 1, 2, 3))
    if dice.random() < 0.6:
        return Discount(name, dice.choice((10, 33, 50, 100)), None, periods)
    return Discount(name, None, dice.choice((5_000, 77_777, 500_000)), periods)
