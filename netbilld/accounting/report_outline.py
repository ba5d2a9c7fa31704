"""Outlines of reports: which octets of an Interim-Update move from one report of a session to the next.

A NAS writes the same attributes in the same order into every report of a session, and only counters and times move. Two
reports whose other octets are the same, every type and length among them, are laid out alike and say the same of
everything that stands still: name, station, addresses, line. Then there is nothing to read but the numbers.
"""

from operator import itemgetter
from struct import Struct
from typing import Final, NamedTuple

from netbilld.radius.attributes import (
    ACCT_DELAY_TIME,
    ACCT_INPUT_GIGAWORDS,
    ACCT_INPUT_OCTETS,
    ACCT_INPUT_PACKETS,
    ACCT_OUTPUT_GIGAWORDS,
    ACCT_OUTPUT_OCTETS,
    ACCT_OUTPUT_PACKETS,
    ACCT_SESSION_TIME,
    EVENT_TIMESTAMP,
    MESSAGE_AUTHENTICATOR,
)
from netbilld.radius.packet import HEADER_OCTETS, MAX_PACKET_OCTETS

_new: Final = tuple.__new__  # of a named tuple, in half the time
_LENGTH_AT: Final = 2
_NUMBERS: Final = (
    ACCT_SESSION_TIME,
    ACCT_INPUT_OCTETS,
    ACCT_OUTPUT_OCTETS,
    ACCT_INPUT_GIGAWORDS,
    ACCT_OUTPUT_GIGAWORDS,
    ACCT_DELAY_TIME,
    EVENT_TIMESTAMP,
)
_NEEDED: Final = frozenset((ACCT_SESSION_TIME, ACCT_INPUT_OCTETS, ACCT_OUTPUT_OCTETS))
# of no consequence to metering, or verified before the record was kept
_UNREAD: Final = {ACCT_INPUT_PACKETS: 4, ACCT_OUTPUT_PACKETS: 4, MESSAGE_AUTHENTICATOR: 16}


class Numbers(NamedTuple):
    """What moves; None where the report does not say it."""

    session_seconds: int
    input_octets: int
    output_octets: int
    input_gigawords: int | None
    output_gigawords: int | None
    delay_seconds: int | None
    timestamp: int | None


class ReportOutline:
    """Where still and moving octets lie in packets of one length; those of one `shape` are alike."""

    __slots__ = ("_moving", "_pick", "_still", "shape")

    def __init__(self, still: str, moving: str, places: tuple[int, ...]) -> None:
        self.shape = (still, moving)
        self._still = Struct(still).unpack_from
        self._moving = Struct(moving).unpack_from
        self._pick = itemgetter(*places)  # each number among the moving ones, the last for what is not there

    def still(self, datagram: bytes) -> bytes:
        """Return the octets that stand still, of a packet of the outline's length."""
        return b"".join(self._still(datagram))

    def numbers(self, datagram: bytes) -> Numbers:
        """Return what moves, of a packet whose still octets are those of another one of this outline."""
        return _new(Numbers, self._pick((*self._moving(datagram), None)))


def outline(datagram: bytes) -> ReportOutline | None:
    """Return the outline of a report; None for one without counters or session time, or that repeats an attribute."""
    if not HEADER_OCTETS <= len(datagram) <= MAX_PACKET_OCTETS:
        return None
    if int.from_bytes(datagram[_LENGTH_AT : _LENGTH_AT + 2], "big") != len(datagram):
        return None
    still, moving = "2x2s16x", ">20x"
    order: list[int] = []
    run = 0
    seen: set[int] = set()
    at = HEADER_OCTETS
    while at < len(datagram):
        kind, size = datagram[at], datagram[at + 1] if at + 1 < len(datagram) else 0
        if size < 2 or at + size > len(datagram):
            return None
        is_number = kind in _NUMBERS
        if is_number or kind in _UNREAD:
            if kind in seen or size != 2 + _UNREAD.get(kind, 4):
                return None
            seen.add(kind)
            still += f"{run + 2}s{size - 2}x"
            run = 0
            moving += "2xI" if is_number else f"{size}x"
            if is_number:
                order.append(kind)
        else:
            run += size
            moving += f"{size}x"
        at += size
    if not seen >= _NEEDED or (ACCT_INPUT_GIGAWORDS in seen) is not (ACCT_OUTPUT_GIGAWORDS in seen):
        return None
    if run:
        still += f"{run}s"
    absent = len(order)
    return ReportOutline(still, moving, tuple(order.index(one) if one in order else absent for one in _NUMBERS))
