"""The one place that reads the clock and draws chance."""

import os
import time
from datetime import UTC, datetime


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now(self) -> datetime:
        """Return the current instant, aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()


def entropy(octets: int) -> bytes:
    """Return that many unpredictable octets."""
    return os.urandom(octets)
