"""A journal as it lies on disk, ours or that of a node that is dead: read, and never written to."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from netbilld.accounting.entry import BEGINNING, JournalBatch, JournalCursor, JournalEntry
from netbilld.adapters.journal.applied import read_applied
from netbilld.adapters.journal.layout import SEGMENT_HEADER_OCTETS
from netbilld.adapters.journal.reader import JournalReader
from netbilld.adapters.journal.segments import lock_directory, read_identity, segment_numbers, segment_path
from netbilld.model.errors import NetbilldError, NotFoundError

_ENTRIES_A_READ: Final = 2_048


class StoredJournal:
    """Reads a journal's directory, or the data directory it lies in."""

    def __init__(self, directory: Path) -> None:
        """Find it.

        Raises:
            NotFoundError: there is no journal.
            NetbilldError: it has no identity, so that nobody can tell what is applied of it.
        """
        within = directory / "journal"
        self.directory: Final = within if within.is_dir() else directory
        try:
            has_segments = bool(segment_numbers(self.directory))
            if not has_segments and not (self.directory / "identity").exists():
                raise NotFoundError(
                    f"{directory} holds no accounting journal", hint="name the `journal` directory of a node's data_dir"
                )
            self.identity: UUID = read_identity(self.directory)
        except OSError as error:
            raise NetbilldError(f"{self.directory} can't be read: {error.strerror}", code="journal_unusable") from None
        self._reader = JournalReader(self.directory)
        self._lock: int | None = None

    def hold(self) -> None:
        """Keep every netbilld from using it until `close`.

        Raises:
            NetbilldError: one uses it now.
        """
        try:
            self._lock = lock_directory(self.directory)
        except OSError as error:
            if error.errno != errno.EROFS:  # where nothing can be written, nobody uses it
                raise NetbilldError(f"{self.directory}: {error.strerror}", code="journal_unusable") from None

    @property
    def is_in_use(self) -> bool:
        """Tell whether a netbilld uses it now."""
        if not (self.directory / "lock").exists():
            return False
        try:
            os.close(lock_directory(self.directory))
        except NetbilldError:
            return True
        except OSError:
            return False
        return False

    @property
    def segments(self) -> list[int]:
        """The numbers of its segments, ascending."""
        return segment_numbers(self.directory)

    @property
    def octets(self) -> int:
        """What it takes on disk."""
        return sum(segment_path(self.directory, number).stat().st_size for number in self.segments)

    @property
    def applied_hint(self) -> JournalCursor | None:
        """How far its node thought it was applied; the database knows better."""
        return read_applied(self.directory)

    @property
    def skipped_octets(self) -> int:
        """Octets between sound records that could not be read."""
        return self._reader.skipped_octets

    @property
    def missing_segments(self) -> int:
        """Segments that the cursor expected and that are not there."""
        return self._reader.missing_segments

    def read(self, cursor: JournalCursor, limit: int) -> JournalBatch:
        """Return up to `limit` entries after `cursor`; `behind` unless it was the end."""
        return self._reader.read(cursor, limit)

    def entries(self, cursor: JournalCursor = BEGINNING) -> Iterator[JournalEntry]:
        """Yield every sound entry after `cursor`."""
        while True:
            batch = self._reader.read(cursor, _ENTRIES_A_READ)
            yield from batch.entries
            cursor = batch.cursor
            if not batch.behind:
                return

    def last_entry(self) -> JournalEntry | None:
        """Return the newest sound entry."""
        for number in reversed(self.segments):
            reader = JournalReader(self.directory)
            last, cursor = None, JournalCursor(number, SEGMENT_HEADER_OCTETS, 0)
            while (batch := reader.read(cursor, _ENTRIES_A_READ)).entries:
                last, cursor = batch.entries[-1], batch.cursor
            reader.close()
            if last is not None:
                return last
        return None

    def close(self) -> None:
        """Let go of it."""
        self._reader.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
