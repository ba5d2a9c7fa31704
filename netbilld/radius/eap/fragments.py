"""How EAP-TLS, TTLS and PEAP cut TLS messages into EAP packets (RFC 5216 §2.1.5, §3; RFC 5281 §9.2.2)."""

from typing import Final

from netbilld.radius.eap.steps import Refused, broken

LENGTH_INCLUDED: Final = 0x80
MORE_FRAGMENTS: Final = 0x40
START: Final = 0x20
_VERSION_MASK: Final = 0x07  # TTLS and PEAP keep their version here, EAP-TLS zero: only version 0 is spoken

MAX_MESSAGE_OCTETS: Final = 65_536  # one TLS message flight; RFC 5216 §2.1.5 wants a bound, this is a long chain
_FLAGS_OCTETS: Final = 1
_LENGTH_OCTETS: Final = 4

ACK: Final = b"\0"
_MALFORMED: Final = broken("malformed fragment")
_TOO_LONG: Final = broken(f"TLS message of more than {MAX_MESSAGE_OCTETS} octets")


class Reassembly:
    """Puts a message together from the fragments of one direction."""

    __slots__ = ("_announced", "_parts", "_size")

    def __init__(self) -> None:
        self._announced: int | None = None
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def begun(self) -> bool:
        """Whether fragments are waiting for more."""
        return bool(self._parts)

    def take(self, data: bytes) -> bytes | Refused | None:
        """Return the whole message, None if more must come, or why it can't be one.

        `data` begins with the flags. An acknowledgement is an empty message; some peers leave its flags away too.
        """
        data = data or ACK
        flags = data[0]
        at = _FLAGS_OCTETS
        if flags & _VERSION_MASK:
            return broken("the peer wants another version of the method than 0")
        if flags & START:
            return _MALFORMED
        if flags & LENGTH_INCLUDED:
            at += _LENGTH_OCTETS
            if len(data) < at:
                return _MALFORMED
            announced = int.from_bytes(data[_FLAGS_OCTETS:at], "big")
            if announced > MAX_MESSAGE_OCTETS:
                return _TOO_LONG
            if self._announced is not None and announced != self._announced:
                return _MALFORMED
            self._announced = announced
        part = data[at:]
        self._size += len(part)
        if self._size > MAX_MESSAGE_OCTETS:
            return _TOO_LONG
        if self._announced is not None and self._size > self._announced:
            return _MALFORMED
        if flags & MORE_FRAGMENTS:
            if not part:  # a fragment that brings nothing would go on for ever
                return _MALFORMED
            self._parts.append(part)
            return None
        if self._announced is not None and self._size != self._announced:
            return _MALFORMED
        message = b"".join((*self._parts, part))
        self._announced, self._parts, self._size = None, [], 0
        return message


class Outgoing:
    """A message on its way to the peer, one fragment for each acknowledgement."""

    __slots__ = ("_at", "_message", "_room")

    def __init__(self, room_octets: int) -> None:
        """`room_octets` is what the data of an EAP packet may have, flags included."""
        self._room = room_octets
        self._message = b""
        self._at = 0

    @property
    def waiting(self) -> bool:
        """Whether a part has not been sent yet."""
        return self._at < len(self._message)

    def send(self, message: bytes) -> bytes:
        """Return the first fragment of `message`, or all of it; an empty one is an acknowledgement."""
        self._message = message
        self._at = 0
        return self.next()

    def next(self) -> bytes:
        """Return the next fragment; the first of several says how long the whole is."""
        room = self._room - _FLAGS_OCTETS
        flags = 0
        length = b""
        if self._at == 0 and len(self._message) > room:
            flags = LENGTH_INCLUDED
            room -= _LENGTH_OCTETS
            length = len(self._message).to_bytes(_LENGTH_OCTETS, "big")
        part = self._message[self._at : self._at + room]
        self._at += len(part)
        if self.waiting:
            flags |= MORE_FRAGMENTS
        return bytes((flags,)) + length + part
