"""Time, as services read it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the current instant, aware, UTC."""

    def now(self) -> datetime: ...
