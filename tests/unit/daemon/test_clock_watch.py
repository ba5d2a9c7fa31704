from datetime import timedelta

import pytest

from netbilld.daemon.clock_watch import ClockWatch
from tests.accounting_packets import T0
from tests.clock import SteppedClock


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_was_set_is_noticed_once(hours: int) -> None:
    clock = SteppedClock(T0)
    watch = ClockWatch(clock)
    clock.pass_time(seconds=1)
    clock.at += timedelta(hours=hours)
    assert watch.jumped() == timedelta(hours=hours)
    clock.pass_time(seconds=1)
    assert watch.jumped() is None


def test_time_that_passes_is_no_jump_however_long_nobody_looks() -> None:
    clock = SteppedClock(T0)
    watch = ClockWatch(clock)
    clock.pass_time(seconds=86_400)
    clock.at += timedelta(milliseconds=500)  # as NTP corrects it
    assert watch.jumped() is None
