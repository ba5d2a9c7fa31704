"""The one place that reads the clock and draws chance."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final

OFF: Final = timedelta(seconds=1)  # less than that two nodes' clocks may differ


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now(self) -> datetime:
        """Return the current instant, aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()


class NodeClock(SystemClock):
    """The time that all nodes on one database go by: this machine's own, corrected where that is off the database's.

    When a session began follows from when its reports come. Nodes whose clocks differ by minutes would take one session
    for two, and count it twice.
    """

    def __init__(self) -> None:
        """Go by our own until more is known."""
        self._correction = timedelta(0)

    def now(self) -> datetime:
        """Return the current instant, aware, UTC."""
        return self.own() - self._correction

    def own(self) -> datetime:
        """Return what this machine's clock shows."""
        return super().now()

    @property
    def correction(self) -> timedelta:
        """By how much our own clock is corrected; nothing where it is ahead or behind by less than a second."""
        return self._correction

    def learn(self, ahead: timedelta) -> None:
        """Take note of how far our own clock is ahead of the database's."""
        self._correction = ahead if abs(ahead) > OFF else timedelta(0)


def entropy(octets: int) -> bytes:
    """Return that many unpredictable octets."""
    return os.urandom(octets)
