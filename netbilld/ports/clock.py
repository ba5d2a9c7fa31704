"""Time, as services read it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the current instant, aware, UTC."""

    def now(self) -> datetime: ...


class SteadyClock(Clock, Protocol):
    """Gives also seconds that nobody sets and that never go back, from an arbitrary beginning."""

    def monotonic(self) -> float: ...
