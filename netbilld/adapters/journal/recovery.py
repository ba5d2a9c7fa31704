"""Where a journal ends after a crash: behind the last sound record of its last segment."""

import logging
import os
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from netbilld.adapters.journal.layout import (
    RECORD_HEADER_OCTETS,
    SEGMENT_HEADER_OCTETS,
    decode_segment_header,
    next_record,
)
from netbilld.adapters.journal.reader import JournalReader
from netbilld.adapters.journal.segments import clear_tail, open_segment, segment_numbers, segment_path
from netbilld.model.errors import NetbilldError

_log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """What the last segment came to.

    Attributes:
        descriptor: to go on writing with; None where the segment is damaged and nothing more is trusted to it.
        end: position behind the last sound record.
        next_sequence: number of the record to come, above all that may have been used.
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
        next_sequence = max(next_sequence, _above_earlier(directory, number, reader)) + _most_records(len(octets))
        os.close(descriptor)
        descriptor = None
    return Recovered(descriptor, end, next_sequence, was_torn)


def _above_earlier(directory: Path, number: int, reader: JournalReader) -> int:
    """Return a sequence above all that the segments before `number` may hold.

    They may wait to be applied: a record with a number that one of them has would be passed over as known.
    """
    next_sequence, lost_records = 1, 0
    for earlier in reversed([each for each in segment_numbers(directory) if each < number]):
        descriptor = open_segment(directory, earlier, writable=False)
        if descriptor is None:
            continue
        try:
            octets = reader.pread(descriptor, os.fstat(descriptor).st_size, 0)
        finally:
            os.close(descriptor)
        at = SEGMENT_HEADER_OCTETS
        while (found := next_record(octets, at)) is not None:
            at = found.end
            next_sequence = max(next_sequence, found.entry.sequence + 1)
        lost_records += _most_records(len(octets))
        header = decode_segment_header(octets)
        if header is not None:  # no segment before it has a higher number
            next_sequence = max(next_sequence, header[2])
            break
    return next_sequence + lost_records


def _most_records(octets: int) -> int:
    return octets // RECORD_HEADER_OCTETS
