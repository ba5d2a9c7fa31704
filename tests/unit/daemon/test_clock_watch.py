from datetime import UTC, datetime, timedelta

import pytest

from netbilld.daemon.clock_watch import ClockWatch


class Clock:
    """A wall clock that can be set, and one that can't."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)
        self.mono = 100.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def pass_seconds(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_was_set_is_noticed_once(hours: int) -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    clock.pass_seconds(1)
    clock.wall += timedelta(hours=hours)
    assert watch.jumped() == timedelta(hours=hours)
    clock.pass_seconds(1)
    assert watch.jumped() is None


def test_time_that_passes_is_no_jump_however_long_nobody_looks() -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    clock.pass_seconds(86_400)
    clock.wall += timedelta(milliseconds=500)  # as NTP corrects it
    assert watch.jumped() is None
