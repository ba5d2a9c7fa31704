"""Figures beside the bars they must reach."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure and what it is held against; `most` says whether the limit is the most or the least allowed."""

    name: str
    value: float
    limit: float
    unit: str
    most: bool = True

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.most else self.value >= self.limit

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def at_most(name: str, value: float, limit: float, unit: str = "") -> Bar:
    """Hold a figure against the most it may be."""
    return Bar(name, round(value, 3), round(limit, 3), unit)


def at_least(name: str, value: float, limit: float, unit: str = "") -> Bar:
    """Hold a figure against the least it may be."""
    return Bar(name, round(value, 3), round(limit, 3), unit, most=False)


def print_bars(bars: list[Bar]) -> None:
    """Print one line a bar; what is missed is marked."""
    print(f"\n{'':<64}{'figure':>12}{'bar':>14}")
    for bar in bars:
        sign = "<=" if bar.most else ">="
        print(
            f"{bar.name:<64}{bar.value:>12,.2f} {sign}{bar.limit:>11,.2f} {bar.unit:<4}{'' if bar.met else ' MISSED'}"
        )
