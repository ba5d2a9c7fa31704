"""A clock that is set must not make everybody look dead."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from netbilld.accounting.apply_record import apply
from netbilld.accounting.session import begin
from netbilld.accounting.stale import SilencePolicy, judge
from netbilld.adapters.journal import Journal
from netbilld.daemon.metering import Metering
from tests.accounting_packets import T0, record
from tests.clock import SteppedClock

UNUSED: Any = None
POLICY = SilencePolicy(interim_seconds=300, least_seconds=900)


@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
def test_no_session_is_presumed_dead_because_the_clock_was_set(tmp_path: Path, hours: int) -> None:
    clock = SteppedClock(T0)
    metering = Metering(Journal(tmp_path), UNUSED, UNUSED, clock)
    metering._hearing_since = clock.now() - timedelta(days=3)
    session = apply(begin(record("start", clock.now()), 1, None), record("interim", clock.now(), seconds=300)).session

    clock.at += timedelta(hours=hours)
    assert judge(session, POLICY, clock.now(), metering.hearing_since()) is session

    clock.pass_time(hours=1)
    silent = judge(session, POLICY, clock.now(), metering.hearing_since())
    assert silent.is_open == (hours < 0), "an hour of real silence counts, from where the session last spoke"
