"""Notices that the clock was set: a board without a battery boots in 1970, a virtual machine sleeps, a person types."""

from datetime import timedelta
from typing import Final

from netbilld.ports.clock import SteadyClock

JUMP: Final = timedelta(seconds=10)  # between two looks; a clock that is only corrected moves by microseconds


class ClockWatch:
    """Compares the wall clock with the one that nobody sets."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._looked_at = clock.now()
        self._looked_mono = clock.monotonic()

    def jumped(self) -> timedelta | None:
        """Return by how much the clock was set since the last look, negative where it went back; None if it was not."""
        now, mono = self._clock.now(), self._clock.monotonic()
        by = (now - self._looked_at) - timedelta(seconds=mono - self._looked_mono)
        self._looked_at, self._looked_mono = now, mono
        return by if abs(by) >= JUMP else None
