"""The journal's octets: segments of records, each proving itself by a checksum.

A segment is a file of fixed size, zeros where nothing was written yet. After its header come records:

    mark 4 | CRC-32 4 | datagram length 4 | sequence 8 | received µs 8 | flags 1 | NAS id 16 | source 16 | datagram

all big-endian; the checksum covers what follows it. The mark lets a scan find the next sound record after a broken one.
"""

import struct
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple
from uuid import UUID
from zlib import crc32

from netbilld.accounting.entry import JournalEntry

SEGMENT_HEADER_OCTETS: Final = 64
MAX_DATAGRAM_OCTETS: Final = 4096
MARK: Final = b"\xf5nbJ"  # 0xF5 never occurs in UTF-8

_MAGIC: Final = b"netbilldjournal1"
_SEGMENT: Final = struct.Struct(">16s16sQQ")
_BODY: Final = struct.Struct(">IQQB16s16s")
_PREFIX_OCTETS: Final = len(MARK) + 4
_HEADER: Final = struct.Struct(f">{len(MARK)}xI" + _BODY.format.removeprefix(">"))
_new: Final = tuple.__new__  # of a named tuple, in half the time: every record passes here
RECORD_HEADER_OCTETS: Final = _PREFIX_OCTETS + _BODY.size


class Found(NamedTuple):
    """A sound record, the position after it, and how many octets of rubbish lay before it."""

    entry: JournalEntry
    end: int
    skipped_octets: int


def encode_segment_header(identity: UUID, number: int, first_sequence: int) -> bytes:
    """Return the 64 octets a segment begins with."""
    fields = _SEGMENT.pack(_MAGIC, identity.bytes, number, first_sequence)
    return (fields + crc32(fields).to_bytes(4, "big")).ljust(SEGMENT_HEADER_OCTETS, b"\0")


def decode_segment_header(octets: bytes) -> tuple[UUID, int, int] | None:
    """Return journal identity, segment number and first sequence; None if it is no segment header."""
    fields = octets[: _SEGMENT.size]
    if len(fields) < _SEGMENT.size or octets[_SEGMENT.size : _SEGMENT.size + 4] != crc32(fields).to_bytes(4, "big"):
        return None
    magic, identity, number, first_sequence = _SEGMENT.unpack(fields)
    return (UUID(bytes=identity), number, first_sequence) if magic == _MAGIC else None


def encode_record(sequence: int, received_us: int, nas_id: bytes, source: bytes, flags: int, datagram: bytes) -> bytes:
    """Return one record; `source` is `pack_address` of the address, `flags` are those of accounting/counting.py."""
    body = _BODY.pack(len(datagram), sequence, received_us, flags, nas_id, source) + datagram
    return MARK + crc32(body).to_bytes(4, "big") + body


def next_record(octets: bytes, at: int) -> Found | None:
    """Return the first sound record at or after `at`; None if `octets` hold no further one."""
    begin = at
    while True:
        if octets.startswith(MARK, at):
            found = _record(octets, at)
            if found is not None:
                end = at + RECORD_HEADER_OCTETS + len(found.datagram)
                return _new(Found, (found, end, at - begin))
        at = octets.find(MARK, at + 1)
        if at < 0:
            return None


def _record(octets: bytes, at: int) -> JournalEntry | None:
    datagram_at = at + RECORD_HEADER_OCTETS
    if datagram_at > len(octets):
        return None
    checksum, length, sequence, received_us, flags, nas_id, source = _HEADER.unpack_from(octets, at)
    end = datagram_at + length
    if length > MAX_DATAGRAM_OCTETS or end > len(octets):
        return None
    if crc32(octets[at + _PREFIX_OCTETS : end]) != checksum:
        return None
    return _new(
        JournalEntry,
        (sequence, received_us, _nas_id(nas_id), unpack_address(source), flags, octets[datagram_at:end]),
    )


@lru_cache(maxsize=4096)
def _nas_id(octets: bytes) -> UUID:
    return UUID(bytes=octets)


@lru_cache(maxsize=4096)
def pack_address(address: str) -> bytes:
    """Return 16 octets: an IPv6 address, or an IPv4 one mapped into it."""
    parsed = ip_address(address.partition("%")[0])
    return parsed.packed if parsed.version == 6 else b"\0" * 10 + b"\xff\xff" + parsed.packed


@lru_cache(maxsize=4096)
def unpack_address(octets: bytes) -> str:
    """Return the address as text, an IPv4-mapped one as IPv4."""
    parsed = IPv6Address(octets)
    return str(parsed.ipv4_mapped or parsed)
