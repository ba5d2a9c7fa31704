"""Days off, by area: nobody is walled on them, and hours of the week may not hold on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

EVERYWHERE: Final = ""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off in an area and every area below it; the empty area is everywhere."""

    on: date
    name: str
    area: str = EVERYWHERE


class Holidays:
    """The table of days off, asked area by area."""

    def __init__(self, days: Iterable[Holiday] = ()) -> None:
        self._days = tuple(days)
        self._by_area: dict[str, frozenset[date]] = {}

    def of(self, area: str | None) -> frozenset[date]:
        """Return the days off in an area, a path such as `jabar/bandung/rw05`; None is no area in particular."""
        place = (area or EVERYWHERE).casefold()
        found = self._by_area.get(place)
        if found is None:
            days = frozenset(one.on for one in self._days if lies_in(place, one.area.casefold()))
            found = self._by_area[place] = days
        return found


def lies_in(place: str, area: str) -> bool:
    """Tell whether a place is an area or below it; everything is below the empty one."""
    return not area or place == area or place.startswith(area + "/")


NO_HOLIDAYS: Final = Holidays()
