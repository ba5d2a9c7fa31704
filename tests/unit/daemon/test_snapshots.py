"""A snapshot that can't be taken costs no more than one that can, and leaves the disk to the journal."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from netbilld.daemon.beginning import snapshot_path
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.settings import Settings
from netbilld.daemon.snapshots import Snapshots
from netbilld.daemon.take_snapshot import take
from netbilld.model.errors import NetbilldError
from tests.accounting_packets import T0
from tests.clock import SteppedClock

MEBIOCTETS = 1024 * 1024


class _Knowledge:
    is_fresh = True


class _Usage(NamedTuple):
    free: int


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data_dir": tmp_path})


async def test_one_that_fails_is_tried_again_soon_and_then_after_as_long_a_rest_and_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that went away while it was read is no trouble once it is back, nor are the minutes after it; beyond
    the first failure a thirtieth of a core is meant for failures, too.
    """
    clock, rests, troubles = SteppedClock(T0), [], []
    snapshots = Snapshots(settings, None, cast("Knowledge", _Knowledge()), clock)
    outcomes: list[Exception | None] = [NetbilldError("the disk is full"), OSError("no memory"), None]

    async def take_one() -> None:
        clock.pass_time(seconds=7)
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        troubles.append(snapshots.trouble)
        if not outcomes:
            raise asyncio.CancelledError

    monkeypatch.setattr(snapshots, "_take", take_one)
    monkeypatch.setattr("netbilld.daemon.snapshots.asyncio.sleep", rest)
    with pytest.raises(asyncio.CancelledError):
        await snapshots.run()
    assert rests == [10, 210, 210]
    assert troubles == ["the disk is full", "no memory", None]


def _free(octets: int) -> Callable[[Path], _Usage]:
    return lambda _path: _Usage(octets)


async def test_none_is_begun_that_would_take_the_room_the_journal_needs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = snapshot_path(settings)
    path.write_bytes(bytes(5 * MEBIOCTETS))
    needed = 5 * MEBIOCTETS + 3 * settings.metering.segment_megabytes * MEBIOCTETS
    monkeypatch.setattr(shutil, "disk_usage", _free(needed - 1))
    with pytest.raises(NetbilldError, match=r"no room for a snapshot.*: 52 MiB are free, 53 are needed"):
        await take(settings)
    assert path.stat().st_size == 5 * MEBIOCTETS
    monkeypatch.setattr(shutil, "disk_usage", _free(needed))
    with pytest.raises(NetbilldError, match="key"):  # the next thing that is looked at
        await take(settings)
    monkeypatch.setattr(shutil, "disk_usage", _free(needed - 1))
    path.with_name(path.name + ".unfinished").write_bytes(b"x")  # of one that was killed: it is written over
    with pytest.raises(NetbilldError, match="key"):
        await take(settings)
