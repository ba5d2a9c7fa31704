"""Which log line is due: one a minute for each key, however many peers try to fill the log."""

from collections.abc import Hashable
from typing import Final

INTERVAL_SECONDS: Final = 60.0
MAX_REMEMBERED: Final = 1_000


class SparingLog:
    """Remembers what was said of late, within a bound: forged sources must fill neither memory nor log."""

    def __init__(self) -> None:
        self._next_at: dict[Hashable, float] = {}
        self._full_until = 0.0

    def is_due(self, key: Hashable, now_mono: float) -> bool:
        """Tell whether to say it, and remember that it was said."""
        if now_mono < self._next_at.get(key, 0.0):
            return False
        if len(self._next_at) >= MAX_REMEMBERED:
            if now_mono < self._full_until:
                return False
            self._next_at.clear()
            self._full_until = now_mono + INTERVAL_SECONDS
        self._next_at[key] = now_mono + INTERVAL_SECONDS
        return True
