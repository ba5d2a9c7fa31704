"""What a period includes: the plan's own allowance, what was rolled over or bought; and what of it is used first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.model.periods import BillingPeriod


class Unit(StrEnum):
    DATA = "data"  # octets
    TIME = "time"  # seconds online


class GrantKind(StrEnum):
    ROLLOVER = "rollover"
    TOP_UP = "top_up"


class Grant(NamedTuple):
    """Units beside the plan's own.

    Attributes:
        units: that were left of it when the period began, or when it was given.
        until_on: the first day on which it counts no more.
    """

    id: UUID
    kind: GrantKind
    units: int
    until_on: date


@dataclass(frozen=True, slots=True)
class AllowanceState:
    """An allowance as it stands: crossed when `used_units` ≥ `limit_units`.

    Attributes:
        own_units: the plan's own, of the plan in force last.
        rolled_units, bought_units: what counts beside it.
        used_units: all that counted.
        used_of: what of each grant is used, by its id.
    """

    unit: Unit
    own_units: int
    rolled_units: int
    bought_units: int
    used_units: int
    used_of: tuple[tuple[UUID, int], ...] = ()

    @property
    def limit_units(self) -> int:
        return self.own_units + self.rolled_units + self.bought_units

    @property
    def left_units(self) -> int:
        """Return what is left, 0 where nothing is."""
        return max(0, self.limit_units - self.used_units)

    @property
    def own_left_units(self) -> int:
        """Return what is left of the plan's own, which is what may be rolled over."""
        return max(0, self.own_units - self.used_units)


def own_units(plan: Plan, unit: Unit, period: BillingPeriod, activated_on: date) -> int:
    """Return what a plan includes in a period: a part of it in the first one, where the plan says so."""
    if unit is Unit.TIME:
        return plan.time_allowance.seconds if plan.time_allowance is not None else 0
    allowance = plan.allowance
    if allowance is None:
        return 0
    if allowance.prorata and period.start_on < activated_on < period.end_on:
        return allowance.data_octets * (period.end_on - activated_on).days // period.days
    return allowance.data_octets


def in_order(grants: Iterable[Grant]) -> list[Grant]:
    """Return grants in the order of their use: rolled over before bought, those that end first before others."""
    return sorted(grants, key=lambda grant: (grant.kind is not GrantKind.ROLLOVER, grant.until_on, grant.id.int))


def rolled_over(left_units: int, cap_units: int | None, older_units: int) -> int:
    """Return what of the allowance that is left comes along: with what is left of earlier ones at most the cap."""
    return left_units if cap_units is None else max(0, min(left_units, cap_units - older_units))


class Running:
    """A count of one unit through the stretches of a period, with the grants that count beside the plan's own."""

    def __init__(self, unit: Unit, grants: Sequence[Grant]) -> None:
        """Begin a period with these grants."""
        self.total = self.own = 0
        self._unit = unit
        self._grants = in_order(grants)
        self._room = {grant.id: grant.units for grant in self._grants}  # what counts towards the limit
        self._spent = dict.fromkeys(self._room, 0)  # before what was used counted no more

    @property
    def extras(self) -> int:
        """Return what counts beside the plan's own."""
        return sum(self._room.values())

    def begin(self, on: date, own: int, *, is_reset: bool) -> None:
        """Begin a stretch: what ends by its first day counts as far as it was used."""
        used = self._used()
        for grant in self._grants:
            if grant.until_on <= on:
                self._room[grant.id] = used[grant.id]
        if is_reset:
            for grant_id, units in used.items():
                self._spent[grant_id] += units
                self._room[grant_id] -= units
            self.total = 0
        self.own = own

    def state(self) -> AllowanceState:
        """Return the allowance as it stands now."""
        rolled = sum(self._room[grant.id] for grant in self._grants if grant.kind is GrantKind.ROLLOVER)
        used = self._used()
        return AllowanceState(
            self._unit,
            self.own,
            rolled,
            self.extras - rolled,
            self.total,
            tuple((grant_id, units + self._spent[grant_id]) for grant_id, units in used.items()),
        )

    def _used(self) -> dict[UUID, int]:
        """Return what of each grant is used, since what was used before counted no more."""
        left = max(0, self.total - self.own)
        used = {}
        for grant in self._grants:
            used[grant.id] = min(left, self._room[grant.id])
            left -= used[grant.id]
        return used
