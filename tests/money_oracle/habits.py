"""How people pay: all that they owe, part of it, too much, for one invoice only; what bounces and what is paid back."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

VERBS: Final = ("pay",) * 8 + ("reverse", "reverse", "refund")
AMOUNTS: Final = (None, None, None, None, 1, 20_000, 99_999, 250_000, 600_000)


@dataclass(frozen=True)
class Money:
    """What somebody does with money on a day, after everything else of that day.

    `amount` None is all that is owed, or held; `pick` says which invoice or payment, of those that there are by then.
    """

    on: date
    name: str
    verb: str  # pay, reverse, refund
    amount: int | None
    pick: float
    is_chosen: bool
    only: bool


def money(seed: int, name: str, first_on: date, last_on: date) -> list[Money]:
    """Return what one person does with money, with dice of their own."""
    dice = random.Random(f"{seed} {name}")
    every = dice.choice((5, 12, 30))
    found = []
    day = first_on + timedelta(days=dice.randint(0, every))
    while day <= last_on:
        found.append(
            Money(
                day,
                name,
                dice.choice(VERBS),
                dice.choice(AMOUNTS),
                dice.random(),
                is_chosen=dice.random() < 0.3,
                only=dice.random() < 0.5,
            )
        )
        day += timedelta(days=dice.randint(1, 2 * every))
    return found
