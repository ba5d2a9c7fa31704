"""A packet read by the layout of an earlier one is what a pass over its octets finds."""

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from netbilld.radius.errors import MalformedPacket
from netbilld.radius.layout import LEARN_EVERY, MAX_LAYOUT_OCTETS, Layouts
from netbilld.radius.packet import Packet, decode, decode_in_part, encode_attribute, encode_attributes, scan

MIKROTIK = 14988
WHOLE = encode_attribute(26, b"\0\0\x3a\x8c\x01")  # a Vendor-Specific that is not as the RFC suggests
SEVERAL = encode_attribute(26, b"\0\0\x3a\x8c" + b"\x01\x03a" + b"\x02\x03b")

ASKED = (*range(1, 256), *(MIKROTIK << 8 | kind for kind in range(1, 256)))

keys = st.one_of(
    st.sampled_from((1, 2, 4, 5, 24, 31, 44, 61, 80)),
    st.integers(1, 255).map(lambda kind: MIKROTIK << 8 | kind),
)
pieces = st.one_of(
    st.tuples(keys, st.binary(max_size=20)).map(lambda pair: encode_attribute(*pair)),
    st.binary(min_size=16, max_size=16).map(lambda value: encode_attribute(80, value)),
    st.sampled_from((WHOLE, SEVERAL)),
)


def packet(attributes: bytes, head: bytes) -> bytes:
    length = 20 + len(attributes)
    return head[:2] + length.to_bytes(2, "big") + head[2:] + attributes


def said(read: Packet) -> tuple[object, ...]:
    asked = [(read.get(key), read.has(key)) for key in ASKED]  # before all is read
    return (
        asked,
        read.code,
        read.identifier,
        read.authenticator,
        list(read.attributes.items()),
        read.repeated,
        read.datagram,
        read.message_authenticator_at,
    )


def outcome(datagram: bytes, *, read: Callable[[bytes], Packet]) -> object:
    try:
        return said(read(datagram))
    except MalformedPacket as error:
        return error.reason


def all_agree(datagram: bytes) -> bool:
    found = outcome(datagram, read=scan)
    return outcome(datagram, read=decode) == found == outcome(datagram, read=decode_in_part)


@given(
    first=st.lists(pieces, max_size=8).map(b"".join),
    head=st.binary(min_size=18, max_size=18),
    changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    tail=st.sampled_from((b"", b"\0", b"\0" * 7)),
)
def test_whatever_is_changed_in_a_packet_of_a_known_layout_is_seen(
    first: bytes, head: bytes, changes: list[tuple[int, int]], tail: bytes
) -> None:
    learned = packet(first, head)
    assert all_agree(learned)
    changed = bytearray(learned + tail)
    for at, octet in changes:
        changed[at % len(changed)] = octet
    again = bytes(changed)
    for datagram in (again, learned, again):
        assert all_agree(datagram)


@given(first=st.lists(pieces, min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_the_same_attributes_in_another_order_are_not_taken_for_the_first(first: list[bytes], order: Random) -> None:
    head = bytes(18)
    shuffled = list(first)
    order.shuffle(shuffled)
    for attributes in (first, shuffled, first):
        datagram = packet(b"".join(attributes), head)
        assert all_agree(datagram)


def test_values_of_a_known_layout_are_read_without_a_pass() -> None:
    def asks(name: bytes) -> bytes:
        return packet(encode_attributes([(1, name), (MIKROTIK << 8 | 8, b"1M/1M"), (80, bytes(16))]), bytes(18))

    layouts = Layouts()
    assert layouts.wants(len(asks(b"andi")))
    layouts.learn(asks(b"andi"), [(1, 20, 22, 26), (MIKROTIK << 8 | 8, 26, 34, 39), (80, 39, 41, 57)], 41)
    layout = layouts.of(len(asks(b"andi")))
    assert layout is not None
    assert layout.read(asks(b"budi")) == {1: b"budi", MIKROTIK << 8 | 8: b"1M/1M", 80: bytes(16)}
    other = bytearray(asks(b"budi"))
    other[20] = 31
    assert layout.read(bytes(other)) is None


def test_a_length_whose_layout_varies_is_learned_now_and_then_and_a_long_one_never() -> None:
    layouts = Layouts()
    layouts.learn(packet(encode_attribute(1, b"andi"), bytes(18)), [(1, 20, 22, 26)], 0)
    assert sum(layouts.wants(26) for _ in range(10 * LEARN_EVERY)) == 10
    assert not layouts.wants(MAX_LAYOUT_OCTETS + 1)
    assert len(layouts) == 1
