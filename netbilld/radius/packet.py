"""Packets as bytes: one pass over what arrived, and the putting together of what leaves (RFC 2865 §3, §5).

This is the hot codec: it scans `bytes` with plain indexing, keeps values undecoded, and the typed views of
`values.py` are asked only for what is used.
"""

from collections.abc import Iterable

from netbilld.radius.attributes import MESSAGE_AUTHENTICATOR, VENDOR_SPECIFIC
from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.layout import Layout, Layouts, Place

HEADER_OCTETS = 20
MAX_PACKET_OCTETS = 4096
MAX_VALUE_OCTETS = 253
MAX_VENDOR_VALUE_OCTETS = 247

_FIRST_VENDOR_KEY = 1 << 8
_VENDOR_KEYS_END = 1 << 32  # a vendor number's high octet is zero (RFC 2865 §5.26)

_layouts = Layouts()


class Packet:
    """One decoded packet.

    `attributes` holds the first value of each attribute, undecoded; `all` gives the repeated ones in wire order.
    A vendor attribute is filed under `vendor << 8 | type`; a Vendor-Specific whose payload does not follow the
    RFC's suggested format is kept whole under `VENDOR_SPECIFIC`. `datagram` is trimmed to the packet's Length.
    `message_authenticator_at` is the offset of the 16 octets of Message-Authenticator in `datagram`, 0 if absent.
    """

    __slots__ = (
        "attributes",
        "authenticator",
        "code",
        "datagram",
        "identifier",
        "message_authenticator_at",
        "repeated",
    )

    code: int
    identifier: int
    authenticator: bytes
    attributes: dict[int, bytes]
    repeated: dict[int, list[bytes]] | None
    datagram: bytes
    message_authenticator_at: int

    def get(self, attribute: int) -> bytes | None:
        """Return the first value of `attribute`, or None."""
        return self.attributes.get(attribute)

    def has(self, attribute: int) -> bool:
        """Tell whether there is such an attribute."""
        return attribute in self.attributes

    def all(self, attribute: int) -> list[bytes]:
        """Return every value of `attribute` in wire order; empty if there is none (RFC 2865 §5)."""
        if self.repeated is not None:
            values = self.repeated.get(attribute)
            if values is not None:
                return list(values)
        value = self.attributes.get(attribute)
        return [] if value is None else [value]

    def __repr__(self) -> str:
        """Name the packet without showing a value: passwords travel in attributes."""
        return f"<Packet code={self.code} identifier={self.identifier} attributes={sorted(self.attributes)}>"


def decode(datagram: bytes) -> Packet:
    """Return the packet in `datagram`; octets beyond its Length are padding (RFC 2865 §3).

    Raises:
        MalformedPacket: the length is impossible, an attribute runs past the end or is shorter than its own header
            (RFC 2865 §5), or Message-Authenticator is repeated or not 16 octets (RFC 3579 §3.2).
    """
    size = len(datagram)
    layout = _layouts.of(size)
    attributes = None if layout is None else layout.read(datagram)
    if layout is None or attributes is None:
        return scan(datagram)
    packet = Packet()
    packet.code = datagram[0]
    packet.identifier = datagram[1]
    packet.authenticator = datagram[4:20]
    packet.attributes = attributes
    packet.repeated = None
    packet.datagram = datagram
    packet.message_authenticator_at = layout.message_authenticator_at
    return packet


class LaidOutPacket(Packet):
    """A packet laid out as an earlier one, whose attributes are put together when somebody asks for all of them."""

    __slots__ = ("_layout",)

    def __init__(self, datagram: bytes, layout: Layout) -> None:
        self._layout = layout
        self.code = datagram[0]
        self.identifier = datagram[1]
        self.authenticator = datagram[4:20]
        self.repeated = None
        self.datagram = datagram
        self.message_authenticator_at = layout.message_authenticator_at

    def __getattr__(self, name: str) -> dict[int, bytes]:
        if name != "attributes":
            raise AttributeError(name)
        self.attributes = found = self._layout.attributes(self.datagram)
        return found

    def get(self, attribute: int) -> bytes | None:
        """Return the value of `attribute`, or None."""
        place = self._layout.places.get(attribute)
        return None if place is None else self.datagram[place]

    def has(self, attribute: int) -> bool:
        """Tell whether there is such an attribute."""
        return attribute in self._layout.places


def decode_in_part(datagram: bytes) -> Packet:
    """Return what `decode` does, of which hardly anything is going to be read.

    Raises:
        MalformedPacket: as `decode`.
    """
    layout = _layouts.of(len(datagram))
    if layout is None or not layout.fits(datagram):
        return scan(datagram)
    return LaidOutPacket(datagram, layout)


def scan(datagram: bytes) -> Packet:
    """Return what `decode` does by a pass over every attribute, and learn how the packet is laid out.

    Raises:
        MalformedPacket: as `decode`.
    """
    size = len(datagram)
    if size < HEADER_OCTETS:
        raise MalformedPacket("shorter than a header")
    length = datagram[2] << 8 | datagram[3]
    if length != size:
        if not HEADER_OCTETS <= length <= size:
            raise MalformedPacket("Length does not fit the datagram")
        datagram = datagram[:length]
    if length > MAX_PACKET_OCTETS:
        raise MalformedPacket("longer than 4096 octets")

    attributes: dict[int, bytes] = {}
    repeated: dict[int, list[bytes]] | None = None
    message_authenticator_at = 0
    places: list[Place] | None = [] if _layouts.wants(length) else None
    at = HEADER_OCTETS
    last = length - 1
    while at < last:
        key = datagram[at]
        end = at + datagram[at + 1]
        if end > length or end < at + 2:
            raise MalformedPacket("attribute length does not fit")
        start = at + 2
        if key == VENDOR_SPECIFIC:
            if end - at >= 8 and datagram[at + 7] == end - at - 6:
                vendor_key = int.from_bytes(datagram[start : at + 7], "big")
                if _FIRST_VENDOR_KEY <= vendor_key < _VENDOR_KEYS_END:
                    key = vendor_key
                    start = at + 8
            else:
                pairs = _vendor_pairs(datagram[start:end])
                if pairs:
                    places = None
                    for several_key, several_value in pairs:
                        if several_key in attributes:
                            repeated = _repeat(repeated, attributes, several_key, several_value)
                        else:
                            attributes[several_key] = several_value
                    at = end
                    continue
            if key == VENDOR_SPECIFIC:  # how it is read depends on what is in it
                places = None
        elif key == MESSAGE_AUTHENTICATOR:
            if message_authenticator_at or end - at != 18:
                raise MalformedPacket("Message-Authenticator repeated or of wrong length")
            message_authenticator_at = start
        if key in attributes:
            repeated = _repeat(repeated, attributes, key, datagram[start:end])
        else:
            attributes[key] = datagram[start:end]
            if places is not None:
                places.append((key, at, start, end))
        at = end
    if at != length:
        raise MalformedPacket("one octet left over")
    if places is not None and repeated is None:
        _layouts.learn(datagram, places, message_authenticator_at)

    packet = Packet()
    packet.code = datagram[0]
    packet.identifier = datagram[1]
    packet.authenticator = datagram[4:20]
    packet.attributes = attributes
    packet.repeated = repeated
    packet.datagram = datagram
    packet.message_authenticator_at = message_authenticator_at
    return packet


def _repeat(
    repeated: dict[int, list[bytes]] | None, attributes: dict[int, bytes], key: int, value: bytes
) -> dict[int, list[bytes]]:
    if repeated is None:
        repeated = {}
    values = repeated.get(key)
    if values is None:
        repeated[key] = [attributes[key], value]
    else:
        values.append(value)
    return repeated


def _vendor_pairs(payload: bytes) -> list[tuple[int, bytes]]:
    """Return the sub-attributes of a Vendor-Specific that carries several, or nothing if the payload is not such."""
    vendor = int.from_bytes(payload[:4], "big")
    size = len(payload)
    if size < 6 or not _FIRST_VENDOR_KEY <= vendor << 8 < _VENDOR_KEYS_END:
        return []
    pairs: list[tuple[int, bytes]] = []
    at = 4
    while at < size:
        if at + 1 == size:
            return []
        end = at + payload[at + 1]
        if end > size or end < at + 2:
            return []
        pairs.append((vendor << 8 | payload[at], payload[at + 2 : end]))
        at = end
    return pairs


def encode_attribute(key: int, value: bytes) -> bytes:
    """Return one attribute as it goes on the wire; a vendor attribute gets a Vendor-Specific of its own.

    Raises:
        EncodeError: the value is longer than 253 octets (247 for a vendor attribute), or the key is none.
    """
    if 0 < key < _FIRST_VENDOR_KEY:
        if len(value) > MAX_VALUE_OCTETS:
            raise EncodeError(f"value of attribute {key} has {len(value)} octets; at most {MAX_VALUE_OCTETS} fit")
        return bytes((key, len(value) + 2)) + value
    if not _FIRST_VENDOR_KEY <= key < _VENDOR_KEYS_END:
        raise EncodeError(f"{key} is no attribute key")
    if len(value) > MAX_VENDOR_VALUE_OCTETS:
        raise EncodeError(
            f"value of vendor attribute {key >> 8}/{key & 0xFF} has {len(value)} octets; "
            f"at most {MAX_VENDOR_VALUE_OCTETS} fit"
        )
    size = len(value)
    return bytes((VENDOR_SPECIFIC, size + 8)) + key.to_bytes(5, "big") + bytes((size + 2,)) + value


def encode_attributes(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the attributes of `pairs` in the order given.

    Raises:
        EncodeError: see `encode_attribute`.
    """
    return b"".join([encode_attribute(key, value) for key, value in pairs])


def encode(code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
    """Return a packet; `authenticator` is put in as it is, signing is `authenticator.py`'s work.

    Raises:
        EncodeError: the packet would be longer than 4096 octets (RFC 2865 §3).
    """
    length = HEADER_OCTETS + len(attributes)
    if length > MAX_PACKET_OCTETS:
        raise EncodeError(f"packet of {length} octets; at most {MAX_PACKET_OCTETS} are allowed")
    return bytes((code, identifier, length >> 8, length & 0xFF)) + authenticator + attributes
