"""A journal that was at work before anybody could be asked how far it is applied."""

import asyncio
from pathlib import Path
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbilld.accounting.entry import JournalCursor, JournalEntry
from netbilld.adapters.journal import Journal

NAS = UUID(int=1)


async def _append(journal: Journal, *names: str) -> None:
    told: list[bool] = []
    for name in names:
        journal.append(NAS, "192.0.2.1", 3, 5, name.encode(), lambda _, durable: told.append(durable), None)
    await journal.drain()
    assert told == [True] * len(names)


def _after(journal: Journal, cursor: JournalCursor) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    while True:
        batch = journal.read(cursor, 3)
        entries += batch.entries
        cursor = batch.cursor
        if not batch.behind:
            return entries


async def test_what_the_database_knows_of_is_not_written_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, commit_seconds=0)
    journal.open()
    journal.start(asyncio.get_running_loop())
    await _append(journal, "a", "b")
    await journal.close()
    applied = journal.read(JournalCursor(0, 0, 0), 1).cursor
    journal = Journal(tmp_path, commit_seconds=0)
    journal.open()
    journal.start(asyncio.get_running_loop())
    await _append(journal, "c")
    assert await journal.rejoin(applied) is None
    assert [entry.datagram for entry in _after(journal, applied)] == [b"b", b"c"]
    await journal.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    segment=st.integers(1, 6), position=st.integers(64, 100_000), sequence=st.integers(0, 60), size=st.integers(0, 9)
)
def test_records_taken_into_an_old_copy_are_read_by_whoever_has_applied_the_newer_one(
    tmp_path_factory: object, segment: int, position: int, sequence: int, size: int
) -> None:
    """Whatever the database has applied of the lost end: each record taken since the start comes after it, once."""
    directory = tmp_path_factory.mktemp("journal")  # type: ignore[attr-defined]  # pytest's own

    async def run() -> None:
        journal = Journal(directory, commit_seconds=0, segment_octets=1024)
        journal.open()
        journal.start(asyncio.get_running_loop())
        await _append(journal, *(f"old {number}" for number in range(size)))
        await journal.close()
        journal = Journal(directory, commit_seconds=0, segment_octets=1024)
        journal.open()
        end, last = journal.end, size
        journal.start(asyncio.get_running_loop())
        names = [f"new {number}" for number in range(11)]
        await _append(journal, *names[:8])
        applied = JournalCursor(segment, position, sequence)
        is_behind = end < (segment, position) or last < sequence
        joining = asyncio.create_task(journal.rejoin(applied))
        await asyncio.sleep(0)
        await _append(journal, *names[8:])
        go_on_at = await joining
        assert (go_on_at is not None) is is_behind
        assert await journal.rejoin(applied) == go_on_at, "the same again, and nothing written"
        found = [entry for entry in _after(journal, go_on_at or applied) if entry.datagram.startswith(b"new")]
        assert sorted(entry.datagram.decode() for entry in found) == sorted(names)
        assert {(entry.nas_id, entry.source, entry.flags, entry.received_us) for entry in found} == {
            (NAS, "192.0.2.1", 3, 5)
        }
        if is_behind:
            assert all(entry.sequence > sequence for entry in found)
        await journal.close()

    asyncio.run(run())
