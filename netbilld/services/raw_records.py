"""Accounting records as they were received, for those who must keep them beyond the journal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.entry import JournalEntry
from netbilld.accounting.record import session_key
from netbilld.radius.attributes import ACCT_SESSION_ID, ACCT_STATUS_TYPE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD_OCTETS: Final = 20  # before the attributes (RFC 2865 §3)
# Acct-Status-Type (RFC 2866 §5.1)
_KINDS: Final = MappingProxyType({1: "start", 2: "stop", 3: "interim", 7: "on", 8: "off"})


class RawRecord(NamedTuple):
    """One verified Accounting-Request; its session is found by NAS and key, as `sessions` has them."""

    received_at: datetime
    nas_id: UUID
    acct_session_key: str | None
    kind: str
    datagram: bytes


def raw_records(entries: Iterable[JournalEntry]) -> Iterator[RawRecord]:
    """Yield what is kept of journal entries; one that can't be read is kept all the same."""
    for entry in entries:
        kind, key = _told(entry.datagram)
        received_at = _EPOCH + timedelta(microseconds=entry.received_us)
        yield RawRecord(received_at, entry.nas_id, key, kind, entry.datagram)


def _told(datagram: bytes) -> tuple[str, str | None]:
    kind, key = "other", None
    at, end = _HEAD_OCTETS, len(datagram)
    while at + 2 <= end:
        number, length = datagram[at], datagram[at + 1]
        if length < 2:
            break
        if number == ACCT_STATUS_TYPE and length == 6:
            kind = _KINDS.get(int.from_bytes(datagram[at + 2 : at + 6], "big"), "other")
        elif number == ACCT_SESSION_ID and key is None:
            key = session_key(datagram[at + 2 : at + length])
        at += length
    return kind, key
