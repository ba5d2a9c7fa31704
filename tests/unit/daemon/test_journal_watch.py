"""The alarm of a journal that nobody applies, and the bound at which it takes no more."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.entry import JournalCursor
from netbilld.adapters.journal import Journal
from netbilld.adapters.journal.layout import RECORD_HEADER_OCTETS
from netbilld.daemon.journal_watch import JournalWatch
from netbilld.daemon.settings import MeteringSettings
from tests.accounting_packets import T0
from tests.clock import StandingClock

MIB = 1 << 20
T0_US = int(T0.timestamp() * 1_000_000)


def _metering(journal: Journal, cursor: JournalCursor | None) -> Any:
    def behind() -> int:
        known = cursor or journal.applied
        return 0 if known is None else journal.unapplied_octets(known)

    return SimpleNamespace(cursor=cursor, behind_octets=behind())


def _watch(journal: Journal, cursor: JournalCursor, settings: MeteringSettings, clock: Any) -> JournalWatch:
    return JournalWatch(journal, _metering(journal, cursor), settings, clock)


async def _append(journal: Journal, records: int, octets: int = 4000) -> list[bool]:
    told: list[bool] = []
    for number in range(records):
        journal.append(
            UUID(int=1), "192.0.2.1", 0, T0_US + number, bytes(octets), lambda _, durable: told.append(durable), None
        )
    await journal.drain()
    return told


async def test_what_waits_for_too_long_or_is_too_much_raises_the_alarm_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, commit_seconds=0, segment_octets=MIB)
    journal.open()
    journal.start(asyncio.get_running_loop())
    await _append(journal, 10)
    start = journal.read(JournalCursor(0, 0, 0), 1).cursor
    clock = StandingClock(T0)
    settings = MeteringSettings(alarm_minutes=2, alarm_megabytes=1)

    clock.at = T0 + timedelta(seconds=119.0)
    watch = _watch(journal, start, settings, clock)
    await watch.look()
    assert watch.notice is None
    assert watch.oldest_seconds() == pytest.approx(119, abs=0.01)
    clock.at = T0 + timedelta(seconds=121.0)
    await watch.look()
    await watch.look()
    assert "the oldest 2 min old" in str(watch.notice)
    assert [one.event for one in caplog.records if hasattr(one, "event")] == ["journal_alarm"]

    clock.at = T0 + timedelta(seconds=1.0)
    await _append(journal, 400)
    watch = _watch(journal, start, settings, clock)
    await watch.look()
    assert "MiB of accounting, the oldest 0 min old" in str(watch.notice)
    assert _watch(journal, JournalCursor(*journal.end, 310), settings, clock).oldest_seconds() == 0
    await journal.close()


async def test_how_far_it_is_applied_is_known_after_a_start_without_the_database(tmp_path: Path) -> None:
    journal = Journal(tmp_path, commit_seconds=0, segment_octets=MIB)
    journal.open()
    journal.start(asyncio.get_running_loop())
    await _append(journal, 10)
    journal.note_applied(JournalCursor(*journal.end, 10))
    await _append(journal, 5)
    await journal.close()
    again = Journal(tmp_path, segment_octets=MIB)
    again.open()
    assert again.applied == JournalCursor(1, journal.end[1] - 5 * (RECORD_HEADER_OCTETS + 4000), 10)
    assert again.unapplied_octets(again.applied) == 5 * (RECORD_HEADER_OCTETS + 4000)
    oldest = again.oldest_after(again.applied)
    assert oldest is not None
    assert oldest.sequence == 11
    await again.close()


async def test_at_its_bound_it_acknowledges_nothing_and_goes_on_once_it_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbilld.adapters.journal.writer._RETRY_SECONDS", 0.02)
    journal = Journal(tmp_path, commit_seconds=0, segment_octets=MIB, most_octets=3 * MIB)
    journal.open()
    journal.note_applied(JournalCursor(1, 64, 0))
    journal.start(asyncio.get_running_loop())
    told: list[bool] = []
    for _ in range(20):
        told += await _append(journal, 50)
    assert told[0]
    assert not told[-1]
    assert "its bound of 3 MiB not applied yet (metering.journal_megabytes) is reached" in (journal.trouble or "")
    assert len(list(tmp_path.glob("*.journal"))) <= 3
    kept = sum(told)
    journal.note_applied(JournalCursor(*journal.end, kept))
    async with asyncio.timeout(5):
        while journal.trouble is not None:
            await asyncio.sleep(0.01)
    assert await _append(journal, 50) == [True] * 50
    assert journal.prune(journal.applied or JournalCursor(0, 0, 0), datetime(2000, 1, 1, tzinfo=UTC)) > 0, "for room"
    await journal.close()
