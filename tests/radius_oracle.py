"""pyrad as the oracle of our codec: any datagram, and the few reasons for which the two may differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pyrad import packet as pyrad

from netbilld.radius.dictionary import load
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import Packet, decode, encode_attributes

DICTIONARY = load()
KNOWN_VENDORS = (9, 311, 529, 2011, 2352, 3561, 4874, 10055, 14122, 14823, 14988, 25053)
ODD_VENDORS = (
    0,
    1,
    429,
    637,
    4846,
    8164,
    24757,
    0xFFFFFF,
    0x1000000,
    0xFFFFFFFF,
)  # formats of their own, and no vendors

Pairs = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A reason for which we and pyrad may read a datagram differently, and how to see that it is this one."""

    reason: str
    explains: Callable[[bytes], bool]


def _length(datagram: bytes) -> int:
    return int.from_bytes(datagram[2:4], "big")


def _attributes(datagram: bytes) -> list[bytes]:
    """Return the attributes whole as far as they go; written for this comparison alone."""
    found = []
    rest = datagram[20 : _length(datagram)]
    while len(rest) >= 2 and rest[1] >= 2:
        found.append(rest[: rest[1]])
        rest = rest[rest[1] :]
    return found


def _has_no_vendor(datagram: bytes) -> bool:
    return any(one[0] == 26 and len(one) >= 8 and (one[2] or not any(one[2:6])) for one in _attributes(datagram))


def _overruns(datagram: bytes) -> bool:
    attributes = _attributes(datagram)
    return bool(attributes) and len(attributes[-1]) < attributes[-1][1]


def _damages_message_authenticator(datagram: bytes) -> bool:
    signatures = [one for one in _attributes(datagram) if one[0] == 80]
    return len(signatures) > 1 or any(len(one) != 18 for one in signatures)


DIFFERENCES = (
    Difference(
        "RFC 2865 §5.26: a vendor's number begins with a zero octet, and 0 is nobody's; such a Vendor-Specific is kept "
        "whole, pyrad files its parts under that number",
        _has_no_vendor,
    ),
    Difference(
        "RFC 2865 §5: an attribute that runs past the end makes the packet invalid; pyrad takes what is there of it",
        _overruns,
    ),
    Difference(
        "RFC 3579 §3.2: Message-Authenticator comes once and has 16 octets; pyrad leaves that to who verifies it",
        _damages_message_authenticator,
    ),
    Difference(
        "RFC 2865 §3: a packet has at most 4096 octets; pyrad takes 8192",
        lambda datagram: _length(datagram) > 4096,
    ),
)

Outcome = dict[Any, list[bytes]] | None


def ours(datagram: bytes) -> tuple[Packet | None, Outcome]:
    try:
        packet = decode(datagram)
    except MalformedPacket:
        return None, None
    return packet, {key if key < 256 else (key >> 8, key & 0xFF): packet.all(key) for key in packet.attributes}


def theirs(datagram: bytes) -> tuple[Any, Outcome]:
    try:
        packet = pyrad.Packet(packet=datagram, secret=b"x", dict=DICTIONARY)
    except pyrad.PacketError:
        return None, None
    return packet, {key: list(values) for key, values in dict(packet.items()).items()}


def compare(datagram: bytes) -> str | None:
    """Return None where both read the datagram alike, or the written reason why not.

    Raises:
        AssertionError: they differ and no reason is written down.
    """
    packet, read = ours(datagram)
    oracle, wanted = theirs(datagram)
    if read == wanted and (read is None or list(read) == list(wanted or ())):
        if packet is not None:
            header = (packet.code, packet.identifier, packet.authenticator)
            assert header == (oracle.code, oracle.id, oracle.authenticator)
        return None
    for difference in DIFFERENCES:
        if difference.explains(datagram):
            return difference.reason
    raise AssertionError(f"{datagram.hex()}: we read {read}, pyrad {wanted}")


def compare_encoding(pairs: Pairs) -> None:
    """Assert that both write the same attributes into the same octets."""
    oracle = pyrad.Packet(secret=b"x", dict=DICTIONARY)
    grouped: dict[int, list[bytes]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    for key, values in grouped.items():
        oracle[key if key < 256 else (key >> 8, key & 0xFF)] = values
    in_its_order = [(key, value) for key, values in grouped.items() for value in values]
    assert encode_attributes(in_its_order) == oracle._PktEncodeAttributes()


_SPECIAL_TYPES = (2, 24, 33, 69, 79, 80, 241, 242, 243, 244, 245, 246)
_ALL_VENDORS = KNOWN_VENDORS * 5 + ODD_VENDORS


class _Octets:
    """Choices made by drawn octets: one draw of Hypothesis for a whole packet, so that a hundred thousand are soon done."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._at

    def octet(self) -> int:
        self._at += 1
        return self._octets[self._at - 1] if self._at <= len(self._octets) else 0

    def below(self, limit: int) -> int:
        return self.octet() % limit

    def take(self, size: int) -> bytes:
        taken = self._octets[self._at : self._at + size]
        self._at += size
        return taken

    def value(self, longest: int) -> bytes:
        size = self.octet()
        return self.take(size % (longest + 1) if size < 32 else size % 17)


def _vendor_specific(octets: _Octets) -> bytes:
    body = _ALL_VENDORS[octets.below(len(_ALL_VENDORS))].to_bytes(4, "big")
    for _ in range((1, 1, 1, 2, 3, 0)[octets.below(6)]):
        value = octets.value(60)
        body += bytes((octets.octet(), len(value) + 2)) + value
    if octets.below(12) == 0:  # lengths that do not add up
        body = body[: octets.below(len(body) + 1)]
    return bytes((26, len(body) + 2)) + body


def _attribute(octets: _Octets) -> bytes:
    kind = octets.below(8)
    if kind < 3:
        return _vendor_specific(octets)
    if kind == 3:
        number = _SPECIAL_TYPES[octets.below(len(_SPECIAL_TYPES))]
        value = octets.take(16) if number == 80 and octets.below(4) else octets.value(40)
    else:
        number, value = octets.octet(), octets.value(253)
    return bytes((number, len(value) + 2)) + value


def built(drawn: bytes) -> bytes:
    """Return the datagram that drawn octets stand for: mostly a packet, now and then one that is damaged."""
    octets = _Octets(drawn)
    damage, code, identifier, where = octets.below(20), octets.octet(), octets.octet(), octets.octet()
    authenticator = octets.take(16).ljust(16, b"\0")
    attributes = b""
    while octets.left > 0:
        attributes += _attribute(octets)
    if damage == 5:
        attributes *= 1 + where % 40
    length = 20 + len(attributes)
    if damage == 0:
        length = max(0, length + where % 60 - 30)
    datagram = bytes((code, identifier)) + (length & 0xFFFF).to_bytes(2, "big") + authenticator + attributes
    if damage == 1:
        at = where * len(datagram) // 256
        datagram = datagram[:at] + bytes((code,)) + datagram[at + 1 :]
    elif damage == 2:
        datagram = datagram[: where * len(datagram) // 256]
    elif damage == 3:
        datagram += bytes(where % 30)
    return datagram


def pairs_of(drawn: bytes) -> Pairs:
    """Return attributes to write that drawn octets stand for."""
    octets = _Octets(drawn)
    pairs: Pairs = []
    while octets.left > 0:
        if octets.below(2):
            vendor = KNOWN_VENDORS[octets.below(len(KNOWN_VENDORS))]
            pairs.append((vendor << 8 | 1 + octets.below(255), octets.value(247)))
        else:
            number = 1 + octets.below(240)
            pairs.append((number if number != 26 else 25, octets.value(253)))
    return pairs


entropy = st.binary(max_size=400)
