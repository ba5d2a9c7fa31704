"""Reads a journal from a cursor on, in bounded batches; rubbish between sound records is stepped over and counted."""

import errno
import logging
import os
from pathlib import Path
from typing import Final

from netbilld.accounting.entry import JournalBatch, JournalCursor, JournalEntry
from netbilld.adapters.journal.layout import (
    MAX_DATAGRAM_OCTETS,
    RECORD_HEADER_OCTETS,
    SEGMENT_HEADER_OCTETS,
    next_record,
)
from netbilld.adapters.journal.segments import open_segment, segment_numbers

_log = logging.getLogger(__name__)

_WINDOW_OCTETS: Final = 1 << 20
_PAGE_OCTETS: Final = 4096
_RUBBISH: Final = b"\xff" * _PAGE_OCTETS
_MAX_RECORD_OCTETS: Final = RECORD_HEADER_OCTETS + MAX_DATAGRAM_OCTETS


class JournalReader:
    """Reads the segments of a directory; keeps the last one open.

    `skipped_octets` counts what was no record between sound ones, `unreadable_octets` what the disk could not read,
    `missing_segments` what the cursor expected and did not find.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: tuple[int, int] | None = None  # segment, descriptor
        self.skipped_octets = 0
        self.unreadable_octets = 0
        self.missing_segments = 0

    def read(self, cursor: JournalCursor, limit: int, end: tuple[int, int] | None = None) -> JournalBatch:
        """Return up to `limit` entries after `cursor`.

        Args:
            cursor: where to go on; `BEGINNING` for the first segment there is.
            limit: most entries to return.
            end: segment and position behind which nothing is durable yet; None reads whatever is there.
        """
        entries: list[JournalEntry] = []
        readable = True
        while len(entries) < limit and (end is None or (cursor.segment, cursor.position) < end):
            descriptor = self._descriptor(cursor.segment)
            if descriptor is None:
                following = self._following(cursor.segment)
                if following is None:
                    readable = False  # nothing to go on with: to call it «behind» would have it asked for at once
                    break
                if cursor.segment:
                    self.missing_segments += following - cursor.segment
                    _log.error("journal segments %d to %d are missing", cursor.segment, following - 1)
                cursor = JournalCursor(following, SEGMENT_HEADER_OCTETS, cursor.sequence)
                continue
            stop = os.fstat(descriptor).st_size
            if end is not None and end[0] == cursor.segment:
                stop = min(stop, end[1])
            found, cursor = self._read_segment(descriptor, cursor, stop, limit - len(entries))
            entries += found
            if not found:
                if end is not None and end[0] == cursor.segment:
                    cursor = JournalCursor(cursor.segment, stop, cursor.sequence)
                    break
                following = self._following(cursor.segment)
                if following is None:
                    readable = False
                    break
                cursor = JournalCursor(following, SEGMENT_HEADER_OCTETS, cursor.sequence)
        behind = readable and end is not None and (cursor.segment, cursor.position) < end
        return JournalBatch(tuple(entries), cursor, behind or len(entries) == limit)

    def close(self) -> None:
        """Close the segment that is open."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def pread(self, descriptor: int, size: int, position: int) -> bytes:
        """Return what the disk still has; what it can't read any more is rubbish, and costs no more than itself."""
        try:
            return os.pread(descriptor, size, position)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        parts = []
        for at in range(position, position + size, _PAGE_OCTETS):
            length = min(_PAGE_OCTETS, position + size - at)
            try:
                parts.append(os.pread(descriptor, length, at))
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                self.unreadable_octets += length
                _log.error("journal: the disk can't read %d octets at %d any more", length, at)
                parts.append(_RUBBISH[:length])
        return b"".join(parts)

    def _read_segment(
        self, descriptor: int, cursor: JournalCursor, stop: int, limit: int
    ) -> tuple[list[JournalEntry], JournalCursor]:
        entries: list[JournalEntry] = []
        position, sequence = max(cursor.position, SEGMENT_HEADER_OCTETS), cursor.sequence
        size = min(stop - position, _WINDOW_OCTETS)
        while not entries and size > 0:
            octets = self.pread(descriptor, size, position)
            at = 0
            while len(entries) < limit and (found := next_record(octets, at)) is not None:
                if found.skipped_octets:
                    if size < stop - position and not entries:
                        break  # look at the whole rest before calling anything rubbish
                    self.skipped_octets += found.skipped_octets
                    _log.error(
                        "journal segment %d: %d unreadable octets at %d are stepped over",
                        cursor.segment,
                        found.skipped_octets,
                        position + at,
                    )
                at = found.end
                if found.entry.sequence > sequence:
                    sequence = found.entry.sequence
                    entries.append(found.entry)
                if size < stop - position and len(octets) - at < _MAX_RECORD_OCTETS:
                    break  # the next record may be cut off by the window
            if entries or size == stop - position:
                position += at
                break
            size = stop - position
        return entries, JournalCursor(cursor.segment, position, sequence)

    def _descriptor(self, segment: int) -> int | None:
        if self._open is not None:
            if self._open[0] == segment:
                return self._open[1]
            self.close()
        descriptor = open_segment(self._directory, segment, writable=False)
        if descriptor is not None:
            self._open = (segment, descriptor)
        return descriptor

    def _following(self, segment: int) -> int | None:
        return next((number for number in segment_numbers(self._directory) if number > segment), None)
