import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from netbilld.accounting.entry import BEGINNING, JournalCursor, JournalEntry
from netbilld.adapters.journal import Journal, JournalReader, writer
from netbilld.adapters.journal.layout import SEGMENT_HEADER_OCTETS, encode_record, next_record, pack_address
from netbilld.adapters.journal.segments import segment_numbers, segment_path
from netbilld.model.errors import NetbilldError

NAS = UUID("6f1c1c52-0000-4000-8000-000000000001")
SMALL = 64 * 1024


@asynccontextmanager
async def opened(
    directory: Path, *, segment_octets: int = SMALL, commit_seconds: float = 0.0
) -> AsyncIterator[Journal]:
    journal = Journal(directory, segment_octets=segment_octets, commit_seconds=commit_seconds)
    journal.open()
    journal.start(asyncio.get_running_loop())
    try:
        yield journal
    finally:
        await journal.close()


async def append(journal: Journal, *datagrams: bytes) -> list[tuple[bytes, bool]]:
    told: list[tuple[bytes, bool]] = []
    for datagram in datagrams:
        journal.append(
            NAS, "192.0.2.1", False, 1_700_000_000_000_000, datagram, lambda t, d: told.append((t, d)), datagram
        )
    await journal.drain()
    return told


def everything(journal: Journal | JournalReader, limit: int = 1000) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    cursor = BEGINNING
    while True:
        batch = journal.read(cursor, limit)
        entries += batch.entries
        cursor = batch.cursor
        if not batch.behind:
            return entries


async def test_what_was_told_durable_is_read_back_in_order_with_all_that_came_with_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        told: list[int] = []
        for number, source in enumerate(("192.0.2.1", "2001:db8::7", "192.0.2.1")):
            journal.append(
                NAS, source, number == 1, 1_000_000 + number, b"%d" % number, lambda t, _: told.append(t), number
            )
        assert told == []  # nothing is said before it is durable
        await journal.drain()
        assert told == [0, 1, 2]
        entries = everything(journal)
        assert [(e.sequence, e.received_us, e.nas_id, e.source, e.flags, e.datagram) for e in entries] == [
            (1, 1_000_000, NAS, "192.0.2.1", False, b"0"),
            (2, 1_000_001, NAS, "2001:db8::7", True, b"1"),
            (3, 1_000_002, NAS, "192.0.2.1", False, b"2"),
        ]


async def test_identity_and_sequence_go_on_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"a", b"b")
        identity = journal.identity
    async with opened(tmp_path) as journal:
        assert journal.identity == identity
        await append(journal, b"c")
        assert [(e.sequence, e.datagram) for e in everything(journal)] == [(1, b"a"), (2, b"b"), (3, b"c")]


async def test_a_group_is_one_commit_and_its_outcome_is_told_once(tmp_path: Path) -> None:
    commits = 0

    def committed() -> None:
        nonlocal commits
        commits += 1

    async with opened(tmp_path, commit_seconds=0.003) as journal:
        journal.on_commit = committed
        await append(journal, *[b"%d" % n for n in range(100)])
        assert (journal.groups, journal.appended, commits) == (1, 100, 1)


async def test_batches_are_bounded_and_continue_over_segments(tmp_path: Path) -> None:
    datagrams = [b"%04d" % n + bytes(900) for n in range(300)]
    async with opened(tmp_path) as journal:
        for at in range(0, 300, 20):
            await append(journal, *datagrams[at : at + 20])
        assert len(segment_numbers(tmp_path)) > 3
        assert [e.datagram for e in everything(journal, limit=7)] == datagrams
        batch = journal.read(BEGINNING, 7)
        assert len(batch.entries) == 7
        assert batch.behind
        end = journal.read(JournalCursor(*journal.end, 300), 7)
        assert (end.entries, end.behind) == ((), False)
        assert journal.unapplied_octets(JournalCursor(*journal.end, 300)) == 0
    reader = JournalReader(tmp_path)
    assert [e.datagram for e in everything(reader)] == datagrams
    reader.close()


async def test_a_second_process_cannot_open_it(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(NetbilldError, match="in use by another netbilld"):
            Journal(tmp_path).open()
    async with opened(tmp_path):
        pass


@pytest.mark.parametrize("kept", range(0, 70, 3))
async def test_torn_at_any_octet_nothing_acknowledged_is_lost(tmp_path: Path, kept: int) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"first", b"second")
        segment, position = journal.end
    torn = encode_record(3, 5, NAS.bytes, pack_address("192.0.2.1"), False, b"torn, never acknowledged")
    with segment_path(tmp_path, segment).open("r+b") as file:
        file.seek(position)
        file.write(torn[:kept])
    async with opened(tmp_path) as journal:
        assert journal.torn_records == (1 if kept else 0)
        await append(journal, b"third")
        assert [(e.sequence, e.datagram) for e in everything(journal)] == [(1, b"first"), (2, b"second"), (3, b"third")]


async def test_one_rotten_record_costs_only_itself_and_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"first", b"second", b"third")
    path = segment_path(tmp_path, 1)
    octets = path.read_bytes()
    path.write_bytes(octets.replace(b"second", b"sec\0nd"))
    async with opened(tmp_path) as journal:
        await append(journal, b"fourth")
        assert [e.datagram for e in everything(journal)] == [b"first", b"third", b"fourth"]
        assert [e.sequence for e in everything(journal)] == [1, 3, 4]
        assert journal.skipped_octets > 0


async def test_a_broken_segment_header_is_survived(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"first")
    with segment_path(tmp_path, 1).open("r+b") as file:
        file.write(bytes(SEGMENT_HEADER_OCTETS))
    async with opened(tmp_path) as journal:
        await append(journal, b"second")
        assert [e.datagram for e in everything(journal)] == [b"first", b"second"]


@pytest.mark.parametrize("lost", [[3], [2, 3]], ids=["the last one", "the last two"])
@pytest.mark.parametrize("octets", [SEGMENT_HEADER_OCTETS, 4096], ids=["its header", "all of it"])
async def test_what_comes_after_a_lost_segment_is_read_behind_the_backlog(
    tmp_path: Path, lost: list[int], octets: int
) -> None:
    """Its numbers must be none that a record has which waits: it would be taken for a repeat of that one."""
    async with opened(tmp_path, segment_octets=4096) as journal:
        for number in range(24):
            await append(journal, b"%04d" % number + bytes(320))
        applied = journal.read(BEGINNING, 2).cursor
        assert segment_numbers(tmp_path) == [1, 2, 3]
    for number in lost:
        with segment_path(tmp_path, number).open("r+b") as file:
            file.write(bytes(octets))
    sound = [entry.sequence for entry in _rest(JournalReader(tmp_path), applied)]
    async with opened(tmp_path, segment_octets=4096) as journal:
        journal.continue_after(applied)
        assert await append(journal, b"new") == [(b"new", True)]
        found = _rest(journal, applied)
        assert [entry.sequence for entry in found[:-1]] == sound
        assert found[-1].datagram == b"new"
        assert found[-1].sequence > 24, "above all that was ever used"
    async with opened(tmp_path, segment_octets=4096) as journal:
        assert _rest(journal, applied) == found


def _rest(journal: Journal | JournalReader, cursor: JournalCursor) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    while (batch := journal.read(cursor, 7)).entries:
        entries += batch.entries
        cursor = batch.cursor
    return entries


async def test_segments_of_another_journal_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"first")
    (tmp_path / "identity").write_text(f"{UUID(int=7)}\n")
    with pytest.raises(NetbilldError, match="belongs to another journal"):
        Journal(tmp_path).open()
    (tmp_path / "identity").unlink()
    with pytest.raises(NetbilldError, match="identity is missing"):
        Journal(tmp_path).open()


async def test_a_full_disk_gets_no_answer_and_heals_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = True
    allocate = os.posix_fallocate

    def fallocate(descriptor: int, offset: int, length: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        allocate(descriptor, offset, length)

    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.01)
    async with opened(tmp_path, segment_octets=4096) as journal:
        assert await append(journal, bytes(2000)) == [(bytes(2000), True)]
        monkeypatch.setattr(os, "posix_fallocate", fallocate)
        assert await append(journal, bytes(3000)) == [(bytes(3000), False)]
        assert journal.trouble is not None
        assert "no space left" in journal.trouble
        assert journal.failed == 1
        full = False
        async with asyncio.timeout(5):
            while journal.trouble:  # no packet needs to come for it
                await asyncio.sleep(0.01)
        assert await append(journal, b"after") == [(b"after", True)]
        assert [e.datagram for e in everything(journal)] == [bytes(2000), b"after"]


async def test_after_a_failed_fdatasync_the_segment_is_never_trusted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fdatasync
    failures = [OSError(errno.EIO, "Input/output error")]

    def fdatasync(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        sync(descriptor)

    async with opened(tmp_path) as journal:
        await append(journal, b"first")
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        assert await append(journal, b"lost") == [(b"lost", False)]
        assert await append(journal, b"lost") == [(b"lost", True)]  # the NAS asks again
        assert segment_numbers(tmp_path) == [1, 2]
        told = [e.datagram for e in everything(journal)]
        assert told[0] == b"first"
        assert b"lost" in told


async def test_a_full_queue_refuses_instead_of_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_PENDING_RECORDS", 2)
    async with opened(tmp_path, commit_seconds=1.0) as journal:
        taken = [journal.append(NAS, "192.0.2.1", False, 1, b"x", lambda *_: None, None) for _ in range(3)]
        assert taken == [True, True, False]
        assert journal.refused == 1


async def test_an_answer_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    told: list[object] = []

    def fails(_token: object, _durable: bool) -> None:
        raise ValueError

    async with opened(tmp_path) as journal:
        journal.append(NAS, "192.0.2.1", False, 1, b"x", fails, None)
        journal.append(NAS, "192.0.2.1", False, 1, b"y", lambda t, _: told.append(t), "y")
        await journal.drain()
        assert told == ["y"]


async def test_applied_segments_are_deleted_after_their_time_and_others_never(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_octets=4096) as journal:
        for _ in range(4):
            await append(journal, bytes(3500))
        assert segment_numbers(tmp_path) == [1, 2, 3, 4]
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        for number in (1, 2, 3, 4):
            os.utime(segment_path(tmp_path, number), (long_ago.timestamp(), long_ago.timestamp()))
        assert journal.prune(JournalCursor(3, 64, 2), long_ago - timedelta(days=1)) == 0
        assert journal.prune(JournalCursor(3, 64, 2), long_ago + timedelta(days=1)) == 2
        assert segment_numbers(tmp_path) == [3, 4]
        assert journal.prune(JournalCursor(9, 64, 2), long_ago + timedelta(days=1)) == 1
        assert segment_numbers(tmp_path) == [4]


async def test_a_journal_older_than_the_cursor_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"first")
        with pytest.raises(NetbilldError, match="older than the database"):
            journal.read(JournalCursor(1, 60_000, 400), 10)


async def test_a_reader_whose_segment_is_gone_goes_on_and_counts_it(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_octets=4096) as journal:
        for _ in range(3):
            await append(journal, bytes(3500))
    segment_path(tmp_path, 2).unlink()
    reader = JournalReader(tmp_path)
    batch = reader.read(JournalCursor(2, 64, 1), 10)
    assert [e.sequence for e in batch.entries] == [3]
    assert reader.missing_segments == 1
    reader.close()


async def test_an_old_copy_goes_on_after_what_was_applied_of_the_newer_one(tmp_path: Path) -> None:
    """Its own numbers were used already: a reader would take the new records for old ones, and lose them."""
    async with opened(tmp_path / "journal") as journal:
        await append(journal, b"a")
    shutil.copytree(tmp_path / "journal", tmp_path / "old")
    async with opened(tmp_path / "journal") as journal:
        await append(journal, b"b", b"c", b"d")
        applied = journal.read(BEGINNING, 10).cursor
        assert not journal.continue_after(applied)
    again = Journal(tmp_path / "old", segment_octets=SMALL, commit_seconds=0)
    again.open()
    assert again.continue_after(applied)
    again.start(asyncio.get_running_loop())
    try:
        assert again.read(applied, 10).entries == ()
        await append(again, b"e")
        assert [entry.datagram for entry in again.read(applied, 10).entries] == [b"e"]
    finally:
        await again.close()
    async with opened(tmp_path / "old") as journal:
        assert not journal.continue_after(applied)
        assert [entry.datagram for entry in journal.read(applied, 10).entries] == [b"e"]


async def test_nothing_is_acknowledged_into_a_deleted_file(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal") as journal:
        assert await append(journal, b"a") == [(b"a", True)]
        shutil.rmtree(tmp_path / "journal")
        assert await append(journal, b"b") == [(b"b", False)]
        assert "is gone" in (journal.trouble or "")


async def test_a_journal_whose_only_segment_is_deleted_goes_on_in_the_next(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await append(journal, b"a")
        segment_path(tmp_path, 1).unlink()
        assert await append(journal, b"b") == [(b"b", False)]
        assert await append(journal, b"b") == [(b"b", True)]
        assert journal.trouble is None
        assert [entry.datagram for entry in everything(journal)] == [b"b"]


def test_a_reader_with_nothing_to_go_on_with_does_not_ask_to_be_asked_at_once(tmp_path: Path) -> None:
    """The meter reads again without a pause while it is behind, and RADIUS shares its loop."""
    batch = JournalReader(tmp_path).read(JournalCursor(1, 64, 1), 10, (1, 5000))
    assert not batch.entries
    assert not batch.behind


def test_a_mark_inside_a_datagram_misleads_nobody() -> None:
    record = encode_record(1, 5, NAS.bytes, pack_address("192.0.2.1"), False, b"\xf5nbJ" * 30)
    found = next_record(b"\xf5nb" + record, 0)
    assert found is not None
    assert (found.entry.sequence, found.skipped_octets, found.end) == (1, 3, len(record) + 3)
    assert next_record(record[:-1], 0) is None


def _bad_sector(monkeypatch: pytest.MonkeyPatch, first: int, last: int) -> None:
    """Let the disk fail wherever it is asked for octets from `first` up to `last`."""
    pread = os.pread

    def failing(descriptor: int, length: int, offset: int) -> bytes:
        if offset < last and offset + length > first:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", failing)


async def test_a_bad_sector_costs_the_records_in_it_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as journal:
        names = [b"%04d" % number + bytes(500) for number in range(60)]
        await append(journal, *names)
        _bad_sector(monkeypatch, 8192, 8200)
        found = [entry.datagram for entry in everything(journal)]
        assert found == [name for name in names if name in found], "in order"
        assert 48 <= len(found) < 60
        assert names[0] == found[0]
        assert names[-1] == found[-1]
        assert journal.skipped_octets > 4000
    async with opened(tmp_path) as journal:  # it starts on such a disk, and trusts the segment nothing more
        assert await append(journal, b"after") == [(b"after", True)]
        assert segment_numbers(tmp_path) == [1, 2]
        assert everything(journal)[-1].datagram == b"after"
        assert everything(journal)[-1].sequence > 60
