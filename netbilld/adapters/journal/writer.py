"""The journal's writing side: group commit by one thread, its outcome told on the event loop once a group."""

import asyncio
import errno
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from netbilld.accounting.entry import BEGINNING, JournalBatch, JournalCursor, JournalEntry
from netbilld.adapters.journal.applied import note_applied, read_applied
from netbilld.adapters.journal.layout import (
    SEGMENT_HEADER_OCTETS,
    encode_record,
    pack_address,
)
from netbilld.adapters.journal.reader import JournalReader
from netbilld.adapters.journal.recovery import recover
from netbilld.adapters.journal.segments import (
    create_segment,
    journal_identity,
    lock_directory,
    segment_numbers,
    segment_path,
    write_all,
)
from netbilld.model.errors import NetbilldError

_log = logging.getLogger(__name__)

MAX_PENDING_RECORDS: Final = 65_536  # accepted and not yet durable; beyond it a NAS has to ask again
_MAX_WRITE_OCTETS: Final = 512 * 1024  # what one write and one fdatasync carry
_RETRY_SECONDS: Final = 1.0  # how often a journal in trouble tries by itself

_new: Final = tuple.__new__  # of a named tuple, in half the time

Durable = Callable[[Any, bool], None]


class _Append(NamedTuple):
    octets: bytes
    done: Durable
    token: Any


class _Roll(NamedTuple):
    """Asks the thread to go on in a new segment, numbered above `segment`; the future gets its beginning."""

    segment: int
    done: asyncio.Future[tuple[int, int] | None]


class Journal:
    """Appends records durably and reads them back.

    Of one directory, held by a lock. Made with `open`, set to work on an event loop with `start`, ended with `close`.
    Counters: `appended` durable records, `failed` records that could not be made durable, `refused` for want of room
    in the queue, `groups` commits, `torn_records` cut off at `open`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        commit_seconds: float = 0.003,
        commit_records: int = 256,
        segment_octets: int = 16 * 1024 * 1024,
        most_octets: int | None = None,
    ) -> None:
        """Take what to work with; nothing is touched before `open`.

        Args:
            directory: where its segments lie.
            commit_seconds: longest that a record waits for others to be committed with.
            commit_records: how many are committed together at most at once.
            segment_octets: size of a segment.
            most_octets: what is not applied may take on disk; beyond it nothing is acknowledged. None for any.
        """
        self.directory: Final = directory
        self.identity = UUID(int=0)
        self.on_commit: Callable[[], None] | None = None
        self.appended = self.failed = self.refused = self.groups = self.torn_records = 0
        self._commit_seconds = commit_seconds
        self._commit_records = commit_records
        self._segment_octets = segment_octets
        self._most_octets = most_octets
        self._applied: JournalCursor | None = None  # as far as this process has heard
        self._reader = JournalReader(directory)
        self._trouble: str | None = "the journal is not open"
        self._lock: int | None = None
        self._first_segment = 0  # there was when it was opened
        self._durable = (0, 0)  # segment and position; replaced as one value by the thread
        self._next_sequence = 1
        self._file: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._gathering: list[_Append] = []
        self._pending = 0
        self._idle = asyncio.Event()
        self._groups: SimpleQueue[list[_Append] | _Roll | None] = SimpleQueue()
        self._began = BEGINNING  # where it stood when it was opened
        self._rejoined_at: JournalCursor | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the directory, mend what a crash left and make what is there durable.

        Raises:
            NetbilldError: another process holds it, or the disk or directory can't be used.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = lock_directory(self.directory)
            self.identity = journal_identity(self.directory, uuid4())
            self._recover()
        except OSError as error:
            self._release()
            raise self._unusable(error) from error
        except NetbilldError:
            self._release()
            raise
        self._applied = read_applied(self.directory)
        self._began = JournalCursor(*self._durable, self._next_sequence - 1)
        self._trouble = None

    def continue_after(self, applied: JournalCursor) -> bool:
        """Make sure that what comes is read by who has applied this journal up to `applied`; call it before `start`.

        A journal that ends before that is an old copy, or its disk has lost what it called durable. All that is left
        of it is applied already; it goes on in a new segment, with numbers that were not used before.

        Returns:
            True where that was necessary.

        Raises:
            NetbilldError: there is no room for the new segment.
        """
        if self._durable >= (applied.segment, applied.position) and self._next_sequence > applied.sequence:
            return False
        self._next_sequence = max(self._next_sequence, applied.sequence + 1)
        try:
            self._roll(max(self._durable[0], applied.segment), 0)
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to commit, and to tell outcomes on `loop`."""
        self._loop = loop
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def rejoin(self, applied: JournalCursor) -> JournalCursor | None:
        """Make sure, as `continue_after` does, that what comes is read; for a journal that is at work already.

        What was taken since `open`, which nobody has applied, is written again behind the new beginning.

        Returns:
            Where to apply it from, where that was necessary: whoever read on from `applied` might meet records twice.

        Raises:
            NetbilldError: they can't be written now; call it again.
        """
        began = self._began
        if (began.segment, began.position) >= (
            applied.segment,
            applied.position,
        ) and began.sequence >= applied.sequence:
            return self._rejoined_at if self._rejoined_at is not None and applied < self._rejoined_at else None
        assert self._loop is not None, "continue_after is for a journal that was not started"  # noqa: S101
        self._next_sequence = max(self._next_sequence, applied.sequence + 1)
        self._flush()
        rolled: asyncio.Future[tuple[int, int] | None] = self._loop.create_future()
        self._groups.put(_Roll(applied.segment, rolled))
        end = await rolled
        if end is None:
            raise NetbilldError(self._trouble or "the accounting journal can't be written", code="journal_unusable")
        reader, cursor, lost = JournalReader(self.directory), began, 0

        def told(_token: object, durable: bool) -> None:
            nonlocal lost
            lost += not durable

        try:
            while True:
                batch = reader.read(cursor, self._commit_records, end)
                for entry in batch.entries:
                    lost += not self.append(
                        entry.nas_id, entry.source, entry.flags, entry.received_us, entry.datagram, told, None
                    )
                cursor = batch.cursor
                await self.drain()
                if lost:
                    raise NetbilldError(self._trouble or "too many records wait", code="journal_unusable")
                if not batch.behind:
                    break
        finally:
            reader.close()
        self._began = self._rejoined_at = JournalCursor(*end, applied.sequence)
        return self._rejoined_at

    async def drain(self) -> None:
        """Wait until everything appended so far is durable or has failed, and everyone was told."""
        self._flush()
        if self._pending:
            await self._idle.wait()

    async def close(self) -> None:
        """Drain, then let go of the directory."""
        if self._thread is not None:
            await self.drain()
            self._groups.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
            self._thread = None
        self._trouble = "the journal is closed"
        self._release()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be made durable now; None while all is well."""
        return self._trouble

    @property
    def pending(self) -> int:
        """How many records wait to become durable."""
        return self._pending

    # -- writing ------------------------------------------------------------------------------------------------------

    def append(
        self, nas_id: UUID, source: str, flags: int, received_us: int, datagram: bytes, done: Durable, token: object
    ) -> bool:
        """Take one packet; `done(token, durable)` is called on the event loop once its fate is known.

        `flags` say how its NAS counts (accounting/counting.py).

        Returns False, and never calls `done`, where too many records wait already.
        """
        if self._pending >= MAX_PENDING_RECORDS or self._thread is None:
            self.refused += 1
            return False
        sequence = self._next_sequence
        self._next_sequence = sequence + 1
        record = encode_record(sequence, received_us, nas_id.bytes, pack_address(source), flags, datagram)
        gathering = self._gathering
        gathering.append(_new(_Append, (record, done, token)))
        if not self._pending:
            self._idle.clear()
        self._pending += 1
        if len(gathering) >= self._commit_records:
            self._flush()
        elif self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self._commit_seconds, self._flush)
        return True

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathering:
            group, self._gathering = self._gathering, []
            self._groups.put(group)

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException:
            self._trouble = "journal: its thread has ended"
            raise

    def _serve(self) -> None:
        while True:
            try:
                group = self._groups.get(timeout=_RETRY_SECONDS if self._trouble else None)
            except Empty:
                self._commit([])
                continue
            gathered: list[_Append] = []
            octets = 0
            while isinstance(group, list):
                gathered += group
                octets += sum(len(item.octets) for item in group)
                if octets >= _MAX_WRITE_OCTETS:
                    break
                try:
                    group = self._groups.get_nowait()
                except Empty:
                    break
            last = group is None
            if gathered:
                durable = self._commit(gathered)
                assert self._loop is not None  # noqa: S101 - the thread lives between start and close
                with suppress(RuntimeError):  # the loop is gone: nobody is left to be told
                    self._loop.call_soon_threadsafe(self._tell, gathered, durable)
            if isinstance(group, _Roll):
                self._roll_on(group)
            if last:
                return

    def _roll_on(self, order: _Roll) -> None:
        begins: tuple[int, int] | None = None
        try:
            begins = self._roll(max(self._durable[0], order.segment), 0)
        except OSError as error:
            self._fail(error, 0, abandon=False)
        assert self._loop is not None  # noqa: S101 - the thread lives between start and close
        with suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(_settle, order.done, begins)

    def _commit(self, group: list[_Append]) -> bool:
        """Make `group` durable; an empty one only tries whether that would be possible again."""
        octets = b"".join([item.octets for item in group])
        segment, position = self._durable
        writing = False
        try:
            if self._file is None or position + len(octets) > self._segment_octets or not group:
                segment, position = self._roll(segment, len(octets))
            assert self._file is not None  # noqa: S101 - _roll gave it
            writing = True
            write_all(self._file, octets, position)
            os.fdatasync(self._file)
            if not os.fstat(self._file).st_nlink:
                raise FileNotFoundError(errno.ENOENT, "its segment was deleted")
        except OSError as error:
            self._fail(error, len(group), abandon=writing)
            return False
        self._durable = (segment, position + len(octets))
        self.appended += len(group)
        self.groups += bool(group)
        if self._trouble is not None:
            self._trouble = None
            _log.warning("the accounting journal accepts records again")
        return True

    def _roll(self, segment: int, room_octets: int) -> tuple[int, int]:
        """Go on in a new segment; the old one stays as it is, all of it durable or given up."""
        size = max(self._segment_octets, SEGMENT_HEADER_OCTETS + room_octets)
        waiting_octets = 0 if self._applied is None else self.unapplied_octets(self._applied)
        if self._most_octets is not None and waiting_octets + size > self._most_octets:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        created = create_segment(self.directory, self.identity, segment + 1, self._next_sequence, size)
        if self._file is not None:
            os.close(self._file)
        self._file = created
        self._durable = (segment + 1, SEGMENT_HEADER_OCTETS)
        return self._durable

    def _fail(self, error: OSError, records: int, *, abandon: bool) -> None:
        """Note that a group is not durable.

        After a failed write or fdatasync the kernel may have dropped the pages and call the next fdatasync a success,
        so a segment that failed is never written again.
        """
        self.failed += records
        reason = error.strerror or str(error)
        if error.errno == errno.EDQUOT and self._most_octets is not None:
            reason = (
                f"its bound of {self._most_octets >> 20} MiB not applied yet (metering.journal_megabytes) is reached"
            )
        elif error.errno == errno.ENOSPC:
            reason = f"no space left in {self.directory}"
        elif not self.directory.exists():
            reason = f"{self.directory} is gone; mount or restore it, and start netbilld again"
        if self._trouble is None:
            _log.error("the accounting journal can't write: %s; accounting is not answered until it can", reason)
        self._trouble = f"journal: {reason}"
        if abandon and self._file is not None:
            os.close(self._file)
            self._file = None

    def _tell(self, group: list[_Append], durable: bool) -> None:
        self._pending -= len(group)
        for _, done, token in group:
            try:
                done(token, durable)
            except Exception:  # noqa: BLE001 - one answer that can't be given must not cost the others
                _log.exception("an accounting packet could not be answered")
        if not self._pending:
            self._idle.set()
        if durable and self.on_commit is not None:
            self.on_commit()

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def end(self) -> tuple[int, int]:
        """Segment and position up to which everything is durable."""
        return self._durable

    def read(self, cursor: JournalCursor, limit: int) -> JournalBatch:
        """Return up to `limit` durable entries after `cursor`.

        Raises:
            NetbilldError: the cursor lies behind the end, so the journal is older than who kept the cursor.
        """
        end = self._durable
        if (cursor.segment, cursor.position) > end and (cursor.segment > end[0] or cursor.sequence):
            raise NetbilldError(
                f"the accounting journal in {self.directory} is older than the database that applied it",
                hint="stop netbilld and move the journal directory away, so that a new journal begins",
                code="journal_older",
            )
        return self._reader.read(cursor, limit, end)

    @property
    def skipped_octets(self) -> int:
        """Octets between sound records that were none, or that the disk could not read."""
        return self._reader.skipped_octets

    @property
    def missing_segments(self) -> int:
        """Segments that were expected and not there."""
        return self._reader.missing_segments

    def note_applied(self, cursor: JournalCursor) -> None:
        """Take note of how far it is applied: for the bound, and on disk for a start without the database."""
        if cursor != self._applied:
            self._applied = cursor
            with suppress(OSError):  # it is only a hint
                note_applied(self.directory, cursor)

    @property
    def applied(self) -> JournalCursor | None:
        """How far it is applied, as far as this process has heard, or one before it had noted; None for unknown."""
        return self._applied

    def oldest_after(self, cursor: JournalCursor) -> JournalEntry | None:
        """Return the first durable entry after `cursor`; None where there is none."""
        reader = JournalReader(self.directory)
        try:
            return next(iter(reader.read(cursor, 1, self._durable).entries), None)
        finally:
            reader.close()

    def unapplied_octets(self, cursor: JournalCursor) -> int:
        """Return how many octets of records lie after `cursor`, about."""
        segment, position = self._durable
        cursor = max(cursor, JournalCursor(self._first_segment, 0, 0))
        if cursor.segment >= segment:
            return max(0, position - cursor.position)
        return position + (segment - cursor.segment) * self._segment_octets - cursor.position

    def prune(self, cursor: JournalCursor, before: datetime) -> int:
        """Delete segments that lie wholly before `cursor`, and return how many.

        Those last written before `before`, and older ones sooner where the journal takes more room than it may.
        """
        deleted = 0
        numbers = segment_numbers(self.directory)
        for number in numbers:
            path = segment_path(self.directory, number)
            if number >= min(cursor.segment, self._durable[0]):
                break
            has_room = self._most_octets is None or (len(numbers) - deleted) * self._segment_octets <= self._most_octets
            if has_room and path.stat().st_mtime >= before.timestamp():
                break
            path.unlink()
            deleted += 1
        return deleted

    def _unusable(self, error: OSError) -> NetbilldError:
        return NetbilldError(
            f"the accounting journal in {self.directory} can't be used: {error.strerror or error}",
            hint="free or mount the disk, and let the user of netbilld write there",
            code="journal_unusable",
        )

    # -- recovery -----------------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        (self.directory / "unfinished").unlink(missing_ok=True)
        numbers = segment_numbers(self.directory)
        self._first_segment = numbers[0] if numbers else 0
        if not numbers:
            self._roll(0, 0)
            return
        found = recover(self.directory, self.identity, numbers[-1], self._reader)
        self._next_sequence = found.next_sequence
        self.torn_records += found.was_torn
        self._file = found.descriptor
        self._durable = (numbers[-1], found.end)
        if found.descriptor is None:
            self._roll(numbers[-1], 0)

    def _release(self) -> None:
        self._reader.close()
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None


def _settle(waiting: asyncio.Future[tuple[int, int] | None], begins: tuple[int, int] | None) -> None:
    if not waiting.done():
        waiting.set_result(begins)
