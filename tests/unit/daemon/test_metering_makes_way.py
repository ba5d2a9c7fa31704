"""Log-ins go before metering: who dials in waits now, and what the journal holds is safe."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.journal import Journal
from netbilld.daemon import metering as module
from netbilld.daemon.metering import Metering
from tests.accounting_packets import T0
from tests.clock import SteppedClock

UNUSED: Any = None


class Meter:
    """Counts what it is asked, then ends the loop."""

    cursor = None

    def __init__(self) -> None:
        self.asked = 0

    async def run_batch(self) -> Any:
        self.asked += 1
        raise asyncio.CancelledError


async def _one_batch(path: Path, makes_way: Callable[[], bool]) -> int:
    meter: Any = Meter()
    metering = Metering(Journal(path), meter, UNUSED, SystemClock())
    metering.makes_way = makes_way
    with pytest.raises(asyncio.CancelledError):
        await metering.run()
    return int(meter.asked)


async def test_metering_waits_while_log_ins_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    waiting = [True, True, False]
    assert await _one_batch(tmp_path, lambda: waiting.pop(0)) == 1
    assert waiting == []


async def test_nothing_of_a_journal_is_applied_until_it_is_known_to_be_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    meter: Any = Meter()
    metering = Metering(Journal(tmp_path), meter, UNUSED, SystemClock())
    asked_before: list[int] = []
    answers = [True, False, False]

    def is_ours() -> bool:
        asked_before.append(meter.asked)
        return answers.pop()

    metering.is_ours = is_ours
    with pytest.raises(asyncio.CancelledError):
        await metering.run()
    assert (asked_before, meter.asked) == ([0, 0, 0], 1)


async def test_a_flood_of_log_ins_slows_metering_and_never_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    asked: list[bool] = []

    def flood() -> bool:
        asked.append(True)
        return True

    meter: Any = Meter()
    metering = Metering(Journal(tmp_path), meter, UNUSED, SystemClock())
    metering.makes_way = flood
    for batches, pauses in ((1, module.PAUSES_AT_FIRST), (2, module.PAUSES_A_BATCH), (3, module.PAUSES_A_BATCH)):
        asked.clear()
        with pytest.raises(asyncio.CancelledError):
            await metering.run()
        assert (meter.asked, len(asked)) == (batches, pauses)
    metering.makes_way = lambda: False
    with pytest.raises(asyncio.CancelledError):
        await metering.run()
    metering.makes_way = flood  # another one, once the first is over
    asked.clear()
    with pytest.raises(asyncio.CancelledError):
        await metering.run()
    assert len(asked) == module.PAUSES_AT_FIRST


async def test_a_burst_of_accounting_is_answered_first_and_then_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock(T0)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    meter: Any = Meter()
    metering = Metering(Journal(tmp_path), meter, UNUSED, clock)
    metering.has_burst = lambda: True
    for later, seconds in ((0.0, module.BURST_SECONDS), (0.0, 0.0), (8.0, 2.0), (3600.0, module.BURST_SECONDS)):
        clock.pass_time(seconds=later)
        slept.clear()
        with pytest.raises(asyncio.CancelledError):
            await metering.run()
        assert sum(slept) == pytest.approx(seconds, abs=2 * module.PAUSE_SECONDS)
