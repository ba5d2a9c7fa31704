"""Random plans, and random lives of those who have them."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.money_oracle.bucket import Used
from tests.money_oracle.favours import Coupon, coupons, favours
from tests.money_oracle.habits import Money, money
from tests.money_oracle.life import DAY, Change, Life, Stop, period_of
from tests.money_oracle.plans import Discount, OPlan, TopUp, Window

ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC", "Europe/Berlin", "America/New_York")
MB = 10**6


@dataclass(frozen=True)
class Event:
    """What a person does on a day, after the run of that day."""

    on: date
    verb: str  # add, change, pause, suspend, resume, end, favour, top_up, share
    life: Life
    said: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """Plans, lives, what happens when, and what is used; `first_on` to `last_on` are the days of runs."""

    seed: int
    plans: list[OPlan]
    lives: list[Life]
    events: list[Event]
    used: dict[str, list[Used]]
    first_on: date
    last_on: date
    money: list[Money] = field(default_factory=list)
    coupons: list[Coupon] = field(default_factory=list)
    alike: float = 0.5  # how many services of one subscriber have the same billing day


def world(seed: int, *, lives: int = 12, months: int = 5) -> World:
    """Return a world; the same seed is the same world."""
    dice = random.Random(seed)
    first_on = date(dice.choice((2025, 2026, 2027)), dice.randint(1, 12), dice.randint(1, 28))
    plans = [_with_extras(random.Random(f"{seed} {number}"), _plan(dice, number)) for number in range(6)]
    return _lived(dice, World(seed, plans, [], [], {}, first_on, first_on + timedelta(days=30 * months)), lives)


def prepaid_world(seed: int, *, lives: int = 12, months: int = 5) -> World:
    """Return a world of prepaid plans with periods of one length."""
    dice = random.Random(f"{seed} prepaid")
    first_on = date(dice.choice((2025, 2026, 2027)), dice.randint(1, 12), dice.randint(1, 28))
    days = dice.choice((None, None, 30, 7, 1))
    plans = [_with_extras(random.Random(f"{seed} {number}"), _prepaid_plan(dice, number, days)) for number in range(6)]
    made = _lived(dice, World(seed, plans, [], [], {}, first_on, first_on + timedelta(days=30 * months)), lives)
    for life in made.lives:
        life.is_prepaid = True
    return made


def allowance_world(seed: int, *, lives: int = 8, months: int = 5) -> World:
    """Return a world of plans whose allowances roll over and can be topped up."""
    dice = random.Random(f"{seed} allowances")
    first_on = date(dice.choice((2025, 2026, 2027)), dice.randint(1, 12), dice.randint(1, 28))
    plans = [_hybrid_plan(dice, number) for number in range(5)]
    made = _lived(dice, World(seed, plans, [], [], {}, first_on, first_on + timedelta(days=30 * months)), lives)
    for life in made.lives:
        day, last_on = life.activated_on, min(made.last_on, life.ended_on or made.last_on)
        while (day := day + timedelta(days=dice.randint(5, 60))) < last_on:
            if offered := life.plan_on(day, last_on).top_ups:
                made.events.append(Event(day, "top_up", life, {"top_up": dice.choice(offered)}))
    made.events.sort(key=lambda event: event.on)
    return made


def shared_world(seed: int, *, households: int = 2) -> World:
    """Return a world of households whose services share one allowance."""
    dice = random.Random(f"{seed} shared")
    first_on = date(dice.choice((2025, 2026, 2027)), dice.randint(1, 12), dice.randint(1, 28))
    plans = [_hybrid_plan(dice, number) for number in range(4)]
    made = World(seed, plans, [], [], {}, first_on, first_on + timedelta(days=180), alike=1)
    for household in range(households):
        head = None
        for number in range(3 * household, 3 * household + 3):
            _live(dice, made, number, head)
            head = head or made.lives[-1]
        some = made.lives[-3:]
        day = max(life.activated_on for life in some) + timedelta(days=dice.randint(5, 60))
        if all(life.ended_on is None or life.ended_on > day for life in some):
            octets = dice.choice((10_000, 60_000, 200_000)) * MB
            made.events.append(Event(day, "share", some[0], {"octets": octets, "lives": some}))
    return _finished(made)


def _lived(dice: random.Random, made: World, lives: int) -> World:
    """Return the world with people in it, and all that happens to them."""
    for number in range(lives):
        earlier = [life for life in made.lives if life.of is None]
        head = dice.choice(earlier) if earlier and dice.random() < 0.2 else None
        _live(dice, made, number, head)
    return _finished(made)


def _finished(made: World) -> World:
    """Return the world with coupons, favours and money in it."""
    seed, last_on = made.seed, made.last_on
    made.coupons = coupons(seed, made.plans, made.first_on)
    for life in made.lives:
        made.events += [Event(one.on, "favour", life, {"favour": one}) for one in favours(seed, life, last_on)]
    made.events.sort(key=lambda event: event.on)
    made.money = [one for life in made.lives for one in money(seed, life.name, life.activated_on, last_on)]
    return made


def _plan(dice: random.Random, number: int) -> OPlan:
    charged = dice.random() < 0.5
    price = (
        dice.choice((0, 150_000, 199_000, 275_000, 333_333, 30_001))
        if charged
        else dice.choice((100_000, 149_999, 350_000, 70_007))
    )
    price += number if price else 0  # no two plans cost the same, or days of both would be days at one price
    tiers: tuple[tuple[int | None, int], ...] = ()
    if charged:
        tops = sorted(dice.sample(range(1, 60), dice.randint(0, 2)))
        tiers = tuple((top, dice.randint(0, 5000)) for top in (*tops, None))
    tax = dice.choice(("none", "inclusive", "exclusive"))
    prorata = dice.choice(("calendar", "calendar", "calendar", "30", "none"))
    allowance_octets = dice.choice((None, 20_000 * MB, 1_000 * MB)) if charged and price else None
    return OPlan(
        code=f"P{number}",
        price=price,
        days=dice.choice((None, None, None, None, 30, 7)) if price else None,
        bill=dice.choice(("advance", "advance", "arrears")),
        prorata=prorata,
        paused=dice.choice(("credit", "bill")),
        suspended=dice.choice(("bill", "credit")),
        components=(("tv", dice.choice((50_000, 33_333))),) if price and dice.random() < 0.3 else (),
        discounts=(Discount("promo", dice.choice((10, 33, 50)), None, dice.choice((None, 2))),)
        if price and prorata != "none" and dice.random() < 0.3
        else (),
        installation=dice.choice((0, 0, 250_000)),
        deposit=dice.choice((0, 0, 100_000)),
        trial_days=dice.choice((0, 0, 0, 5)),
        free=dice.random() < 0.05,
        allowance_octets=allowance_octets,
        charged=charged,
        counts="both" if allowance_octets is None else dice.choice(("both", "down", "up")),
        tiers=tiers,
        binary=dice.random() < 0.3,
        cap=dice.choice((None, None, 40_000)) if charged else None,
        windows=_windows(dice) if charged else (),
        tax=tax,
    )


def _hybrid_plan(dice: random.Random, number: int) -> OPlan:
    top_ups = tuple(
        TopUp(f"T{days or 0}", dice.choice((15_000, 20_001)), dice.choice((5, 12)) * 1_000 * MB + number, days)
        for days in (None, 3, 45)
    )
    return OPlan(
        code=f"P{number}",
        price=dice.choice((100_000, 199_999)) + number,
        bill=dice.choice(("advance", "arrears")),
        allowance_octets=dice.choice((5_000, 40_000, 80_000, 150_000)) * MB + 7 * number,
        first_part=dice.random() < 0.4,
        rollover=dice.choice((None, 1, 2, 3)),
        rollover_cap=dice.choice((None, 10_000 * MB, 60_000 * MB)),
        top_ups=top_ups if dice.random() < 0.8 else (),
        charged=True,
        counts=dice.choice(("both", "down", "up")),
        tiers=((dice.randint(1, 20), dice.randint(0, 5000)), (None, dice.randint(0, 5000))),
        binary=dice.random() < 0.3,
        cap=dice.choice((None, None, 40_000)),
        trial_days=dice.choice((0, 0, 0, 5)),
        windows=_windows(dice),
        tax=dice.choice(("none", "inclusive", "exclusive")),
    )


def _prepaid_plan(dice: random.Random, number: int, days: int | None) -> OPlan:
    prices = {None: (100_000, 149_999, 350_000), 30: (99_000, 250_001), 7: (25_000, 33_333), 1: (5_000, 7_501)}[days]
    return OPlan(
        code=f"P{number}",
        price=dice.choice(prices) + number,
        days=days,
        timing="prepaid",
        extends=dice.choice(("expiry", "expiry", "now")),
        prorata=dice.choice(("calendar", "calendar", "calendar", "30", "none")),
        paused=dice.choice(("credit", "bill", "freeze")),
        suspended=dice.choice(("bill", "credit", "freeze")),
        components=(("tv", dice.choice((50_000, 33_333))),) if dice.random() < 0.3 else (),
        discounts=(Discount("promo", dice.choice((10, 33, 50)), None, dice.choice((None, 2))),)
        if dice.random() < 0.3
        else (),
        trial_days=dice.choice((0, 0, 0, 5)),
        free=dice.random() < 0.05,
        tax=dice.choice(("none", "inclusive", "exclusive")),
    )


def _with_extras(dice: random.Random, plan: OPlan) -> OPlan:
    """Return a plan with add-ons and a second discount, by dice of its own."""
    if not plan.price:
        return plan
    add_ons = tuple((code, dice.choice((25_000, 40_001))) for code in ("ip", "box") if dice.random() < 0.6)
    discounts = plan.discounts
    if dice.random() < 0.2:
        discounts += (Discount("potongan", None, dice.choice((10_000, 900_000)), dice.choice((None, 1))),)
    elif dice.random() < 0.1:
        discounts += (Discount("gratis", 100, None, dice.choice((1, 2))),)
    return replace(plan, add_ons=add_ons, discounts=discounts)


def _windows(dice: random.Random) -> tuple[Window, ...]:
    found = []
    if dice.random() < 0.4:
        days = tuple(sorted(dice.sample(range(7), dice.randint(1, 7))))
        found.append(Window(days, 0, dice.randint(1, 6), hundredths=dice.choice((0, 50, 25))))
    if dice.random() < 0.3:
        days = tuple(sorted(dice.sample(range(7), dice.randint(1, 7))))
        found.append(Window(days, 22, 24, price_per_gb=dice.choice((0, 500, 1234))))
    return tuple(found)


def _live(dice: random.Random, made: World, number: int, head: Life | None = None) -> None:
    """Let somebody have a service; beside `head` it is a further one of the same subscriber."""
    activated_on = made.first_on + timedelta(days=dice.randint(0, 45))
    if head is not None:
        activated_on = head.activated_on + timedelta(days=number + 1)
    plan = dice.choice(made.plans)
    life = Life(
        name=f"user{number}",
        billing_day=dice.choice((1, 5, 20, 29, 30, 31)),
        timezone=dice.choice(ZONES),
        activated_on=activated_on,
        changes=[Change(activated_on, activated_on, plan)],
        of=head.name if head is not None else None,
    )
    if head is not None and dice.random() < made.alike:
        life.billing_day, life.timezone = head.billing_day, head.timezone
    made.lives.append(life)
    made.events.append(Event(activated_on, "add", life, {"plan": plan.code}))
    day, stopped = activated_on, False
    while True:
        day += timedelta(days=dice.randint(3, 40))
        if day >= made.last_on:
            break
        verb = dice.choice(("change", "change", "pause", "suspend", "end", "nothing"))
        if stopped:
            life.stops[-1].until_on = life.stops[-1].ended_made_on = day
            made.events.append(Event(day, "resume", life))
            stopped = False
        elif verb == "change":
            _change(dice, made, life, day)
        elif verb in {"pause", "suspend"}:
            kind = {"pause": "paused", "suspend": "suspended"}[verb]
            life.stops.append(Stop(day, day, kind))
            made.events.append(Event(day, verb, life))
            stopped = True
        elif verb == "end" and dice.random() < 0.5:
            life.ended_on = day
            made.events.append(Event(day, "end", life))
            break
    made.used[life.name] = _used(dice, life, made.last_on)


def _change(dice: random.Random, made: World, life: Life, day: date) -> None:
    """An explicit day, so that the default (upgrade now, downgrade next) needs no second opinion here."""
    current = life.changes[-1]
    plan = dice.choice(made.plans)
    from_on = day if dice.random() < 0.6 else period_of(day, life.billing_day)[1]
    if plan is current.plan or from_on <= current.from_on:
        return
    life.changes.append(Change(day, from_on, plan))
    made.events.append(Event(day, "change", life, {"plan": plan.code, "from_on": from_on}))


def _used(dice: random.Random, life: Life, last_on: date) -> list[Used]:
    """Octets within single hours, known on the day after, or some weeks later."""
    zone = ZoneInfo(life.timezone)
    found = []
    day = life.activated_on
    while day <= min(last_on, life.ended_on or last_on):
        for _ in range(dice.choice((0, 0, 1, 2))):
            local = datetime(
                day.year, day.month, day.day, dice.randint(4, 23), 10, tzinfo=zone
            )  # hours that are there once
            late = dice.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 23))
            found.append(
                Used(
                    local.astimezone(UTC),
                    day + late * DAY,
                    dice.randint(0, 900 * MB),
                    dice.randint(0, 4_000 * MB),
                )
            )
        day += DAY
    return found
