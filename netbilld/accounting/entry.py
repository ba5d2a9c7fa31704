"""What the accounting journal keeps, and a place in it."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID


class JournalEntry(NamedTuple):
    """One verified Accounting-Request as it arrived.

    Attributes:
        sequence: number within its journal, ever increasing; numbers may be missing.
        received_us: when it arrived, in microseconds since 1970 UTC by our clock.
        nas_id: the NAS whose secret verified it.
        source: address it came from.
        flags: how the NAS counted at that time, or that we have read it ourselves (accounting/counting.py).
        datagram: the packet, octet for octet.
    """

    sequence: int
    received_us: int
    nas_id: UUID
    source: str
    flags: int
    datagram: bytes


@dataclass(frozen=True, slots=True, order=True)
class JournalCursor:
    """A place in a journal: everything up to it has been applied."""

    segment: int
    position: int
    sequence: int


BEGINNING = JournalCursor(0, 0, 0)


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Entries in order, the place after the last of them, and whether durable entries lie beyond it."""

    entries: tuple[JournalEntry, ...]
    cursor: JournalCursor
    behind: bool
