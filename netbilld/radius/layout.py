"""Layouts of packets: where attributes lie in packets of one length, so that a packet alike is read in one go.

A NAS writes the same attributes in the same order into every request, and a name or circuit of another length makes
another packet length. Whether a packet is laid out as an earlier one is proved, not guessed: every octet that says
what comes where (Length, each type and length, each vendor's header) must be the same; only values may differ. What a
pass over it would find is then known, whatever the values hold.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

MAX_LAYOUT_OCTETS: Final = 1024  # of packets worth one: longer are rare, and layouts take memory
LEARN_EVERY: Final = 16  # packets of a known length but another layout, of which one takes the place

# type (or vendor's key), where the attribute begins, where its value begins, where it ends
Place = tuple[int, int, int, int]


class Layout:
    """Where the attributes of one packet lie."""

    __slots__ = ("_mask", "_shape", "_values", "keys", "message_authenticator_at", "places")

    def __init__(self, datagram: bytes, places: Iterable[Place], message_authenticator_at: int) -> None:
        """Take the layout of `datagram`, in which no attribute is repeated and all of `places` follow each other."""
        places = tuple(places)
        mask = bytearray(len(datagram))
        mask[2:4] = b"\xff\xff"
        for _, begin, start, _ in places:
            mask[begin:start] = b"\xff" * (start - begin)
        self.keys: Final = tuple(key for key, _, _, _ in places)
        self.places: Final = {key: slice(start, end) for key, _, start, end in places}
        self.message_authenticator_at: Final = message_authenticator_at
        ends = (0, *(end for _, _, _, end in places))
        written = zip(ends, places, strict=False)
        self._values = Struct("".join(f"{start - at}x{end - start}s" for at, (_, _, start, end) in written)).unpack_from
        self._mask = int.from_bytes(mask, "big")
        self._shape = int.from_bytes(datagram, "big") & self._mask

    def read(self, datagram: bytes) -> dict[int, bytes] | None:
        """Return the attributes of a packet of the same length, None if it is laid out in another way."""
        if int.from_bytes(datagram, "big") & self._mask != self._shape:
            return None
        return dict(zip(self.keys, self._values(datagram), strict=True))

    def fits(self, datagram: bytes) -> bool:
        """Tell whether a packet of the same length is laid out like this."""
        return int.from_bytes(datagram, "big") & self._mask == self._shape

    def attributes(self, datagram: bytes) -> dict[int, bytes]:
        """Return the attributes of a packet that fits."""
        return dict(zip(self.keys, self._values(datagram), strict=True))


class Layouts:
    """One layout for each length of packet; of the lengths that are seen there are few."""

    __slots__ = ("_by_length", "_others")

    def __init__(self) -> None:
        self._by_length: dict[int, Layout] = {}
        self._others = 0

    def __len__(self) -> int:
        return len(self._by_length)

    def of(self, length: int) -> Layout | None:
        """Return the layout last learned of packets that long."""
        return self._by_length.get(length)

    def wants(self, length: int) -> bool:
        """Tell whether a packet that had to be read octet by octet should be learned: not each where layouts vary."""
        if length > MAX_LAYOUT_OCTETS:
            return False
        if length not in self._by_length:
            return True
        self._others += 1
        return self._others % LEARN_EVERY == 0

    def learn(self, datagram: bytes, places: Iterable[Place], message_authenticator_at: int) -> None:
        """Read packets of this length by this layout from now on."""
        self._by_length[len(datagram)] = Layout(datagram, places, message_authenticator_at)
