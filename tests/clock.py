"""Clocks that go as a test lets them."""

from datetime import datetime, timedelta

from netbilld.adapters.clock import SystemClock


class StandingClock(SystemClock):
    """Shows `at` until a test moves that; its steady seconds run on, for timeouts and streams."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_time(self, **span: float) -> None:
        """Let so many seconds, minutes or hours pass."""
        self.at += timedelta(**span)


class SteppedClock(StandingClock):
    """Its steady seconds too stand still until a test lets time pass; who moves `at` alone sets the clock."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.mono = 1000.0

    def monotonic(self) -> float:
        return self.mono

    def pass_time(self, **span: float) -> None:
        super().pass_time(**span)
        self.mono += timedelta(**span).total_seconds()
