"""Random plans, and random lives of those who have them."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.money_oracle.life import DAY, Change, Life, Stop, period_of
from tests.money_oracle.plans import OPlan, Window
from tests.money_oracle.usage import Used

ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC", "Europe/Berlin", "America/New_York")
MB = 10**6


@dataclass(frozen=True)
class Event:
    """What a person does on a day, after the run of that day."""

    on: date
    verb: str  # add, change, pause, suspend, resume, end
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


def world(seed: int, *, lives: int = 12, months: int = 5) -> World:
    """Return a world; the same seed is the same world."""
    dice = random.Random(seed)
    first_on = date(dice.choice((2025, 2026, 2027)), dice.randint(1, 12), dice.randint(1, 28))
    last_on = first_on + timedelta(days=30 * months)
    plans = [_plan(dice, number) for number in range(6)]
    made = World(seed, plans, [], [], {}, first_on, last_on)
    for number in range(lives):
        _live(dice, made, number)
    made.events.sort(key=lambda event: event.on)
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
        discounts=((dice.choice((10, 33, 50)), None, dice.choice((None, 2))),)
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


def _windows(dice: random.Random) -> tuple[Window, ...]:
    found = []
    if dice.random() < 0.4:
        days = tuple(sorted(dice.sample(range(7), dice.randint(1, 7))))
        found.append(Window(days, 0, dice.randint(1, 6), hundredths=dice.choice((0, 50, 25))))
    if dice.random() < 0.3:
        days = tuple(sorted(dice.sample(range(7), dice.randint(1, 7))))
        found.append(Window(days, 22, 24, price_per_gb=dice.choice((0, 500, 1234))))
    return tuple(found)


def _live(dice: random.Random, made: World, number: int) -> None:
    activated_on = made.first_on + timedelta(days=dice.randint(0, 45))
    plan = dice.choice(made.plans)
    life = Life(
        name=f"user{number}",
        billing_day=dice.choice((1, 5, 20, 29, 30, 31)),
        timezone=dice.choice(ZONES),
        activated_on=activated_on,
        changes=[Change(activated_on, activated_on, plan)],
    )
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
    if plan.days != current.plan.days and any(one.plan.days == plan.days is not None for one in life.changes):
        return  # a period of days that was billed once goes on where it was left, which nobody wants to follow here
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
