"""A clock that is set must not make everybody look dead."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from netbilld.accounting.apply_record import apply
from netbilld.accounting.session import begin
from netbilld.accounting.stale import SilencePolicy, judge
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.journal import Journal
from netbilld.daemon.metering import Metering
from tests.accounting_packets import record

UNUSED: Any = None
POLICY = SilencePolicy(interim_seconds=300, least_seconds=900)


class Clock(SystemClock):
    def __init__(self) -> None:
        self.wall = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)
        self.mono = 100.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
def test_no_session_is_presumed_dead_because_the_clock_was_set(tmp_path: Path, hours: int) -> None:
    clock = Clock()
    metering = Metering(Journal(tmp_path), UNUSED, UNUSED, clock)
    metering._hearing_since = clock.now() - timedelta(days=3)
    session = apply(begin(record("start", clock.now()), 1, None), record("interim", clock.now(), seconds=300)).session

    clock.wall += timedelta(hours=hours)
    assert judge(session, POLICY, clock.now(), metering.hearing_since()) is session

    clock.wall += timedelta(hours=1)
    clock.mono += 3600
    silent = judge(session, POLICY, clock.now(), metering.hearing_since())
    assert silent.is_open == (hours < 0), "an hour of real silence counts, from where the session last spoke"
