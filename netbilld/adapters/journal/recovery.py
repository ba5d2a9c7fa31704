"""Where a journal ends after a crash: behind the last sound record of its last segment."""

import logging
import os
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from netbilld.adapters.journal.layout import SEGMENT_HEADER_OCTETS, decode_segment_header, next_record
from netbilld.adapters.journal.reader import JournalReader
from netbilld.adapters.journal.segments import clear_tail, open_segment, segment_path
from netbilld.model.errors import NetbilldError

_log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """What the last segment came to.

    Attributes:
        descriptor: to go on writing with; None where the segment is damaged and nothing more is trusted to it.
        end: position behind the last sound record.
        next_sequence: number of the record to come.
        was_torn: a record that was half written, and never acknowledged, was cut off.
    """

    descriptor: int | None
    end: int
    next_sequence: int
    was_torn: bool


def recover(directory: Path, identity: UUID, number: int, reader: JournalReader) -> Recovered:
    """Find the end of the last segment; what follows the last sound record was never acknowledged and is cut.

    Raises:
        NetbilldError: the segment is another journal's.
        OSError: the disk fails otherwise than by octets it can't read any more.
    """
    descriptor = open_segment(directory, number, writable=True)
    assert descriptor is not None, "it was listed"  # noqa: S101
    octets = reader.pread(descriptor, os.fstat(descriptor).st_size, 0)
    header = decode_segment_header(octets)
    if header is not None and header[:2] != (identity, number):
        os.close(descriptor)
        raise NetbilldError(
            f"{segment_path(directory, number)} belongs to another journal",
            hint="restore the journal directory whole from one backup",
            code="journal_damaged",
        )
    next_sequence = header[2] if header is not None else 1
    end = SEGMENT_HEADER_OCTETS
    while (found := next_record(octets, end)) is not None:
        if found.skipped_octets:
            _log.error("journal segment %d: %d unreadable octets at %d", number, found.skipped_octets, end)
        end = found.end
        next_sequence = max(next_sequence, found.entry.sequence + 1)
    was_torn = not reader.unreadable_octets and bool(octets[end:].strip(b"\0"))
    if was_torn:
        _log.warning("journal segment %d: a record torn at %d, never acknowledged, is cut off", number, end)
        clear_tail(descriptor, end)
    elif not reader.unreadable_octets:
        os.fdatasync(descriptor)
    if header is None or reader.unreadable_octets:
        _log.error("journal segment %d is damaged; the journal goes on in a new segment", number)
        os.close(descriptor)
        descriptor = None
    return Recovered(descriptor, end, next_sequence, was_torn)
