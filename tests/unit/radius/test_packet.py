import pytest

from netbilld.radius.attributes import (
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_RATE_LIMIT,
    PROXY_STATE,
    USER_NAME,
    VENDOR_SPECIFIC,
)
from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.packet import decode, encode, encode_attribute, encode_attributes

AUTHENTICATOR = bytes(range(16))


def packet_of(attributes: bytes, length: int | None = None) -> bytes:
    size = 20 + len(attributes) if length is None else length
    return bytes((1, 7)) + size.to_bytes(2, "big") + AUTHENTICATOR + attributes


def test_header_and_attributes_are_read() -> None:
    packet = decode(packet_of(b"\x01\x06nemo\x05\x06\x00\x00\x00\x03"))
    assert (packet.code, packet.identifier, packet.authenticator) == (1, 7, AUTHENTICATOR)
    assert packet.attributes == {1: b"nemo", 5: b"\0\0\0\3"}
    assert packet.get(2) is None
    assert packet.all(2) == []


def test_rfc2865_3_octets_beyond_length_are_padding() -> None:
    packet = decode(packet_of(b"\x01\x06nemo") + b"\x00\x01padding")
    assert packet.datagram == packet_of(b"\x01\x06nemo")
    assert packet.attributes == {1: b"nemo"}


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        packet_of(b"")[:19],
        packet_of(b"", length=19),
        packet_of(b"", length=0),
        packet_of(b"\x01\x06nemo", length=27),
        packet_of(b"\x01\x06nemo", length=65535),
        packet_of(b"\x01\x00"),
        packet_of(b"\x01\x01"),
        packet_of(b"\x01\x07nemo"),
        packet_of(b"\x01\x06nemo\x01"),
        packet_of(b"\x1a\x01"),
        packet_of(b"\x01\xff" + bytes(4075) + b"\x01\x02"),
        packet_of((b"\x01\xff" + bytes(253)) * 16),
    ],
)
def test_rfc2865_5_impossible_lengths_are_malformed(datagram: bytes) -> None:
    with pytest.raises(MalformedPacket):
        decode(datagram)


def test_a_packet_of_4096_octets_is_read_and_one_of_4097_is_not() -> None:
    full = (b"\x21\xff" + bytes(253)) * 15
    assert len(decode(packet_of(full + b"\x21\xfb" + bytes(249))).all(PROXY_STATE)) == 16
    with pytest.raises(MalformedPacket):
        decode(packet_of(full + b"\x21\xfc" + bytes(250)))


def test_repeated_attributes_keep_their_order_and_the_first_wins() -> None:
    packet = decode(packet_of(b"\x21\x03a\x01\x06nemo\x21\x03b\x21\x03c"))
    assert packet.all(PROXY_STATE) == [b"a", b"b", b"c"]
    assert packet.get(PROXY_STATE) == b"a"
    assert packet.all(USER_NAME) == [b"nemo"]


@pytest.mark.parametrize("attribute", [b"\x50\x11" + bytes(15), b"\x50\x12" + bytes(16) + b"\x50\x12" + bytes(16)])
def test_rfc3579_3_2_message_authenticator_comes_once_and_has_16_octets(attribute: bytes) -> None:
    with pytest.raises(MalformedPacket):
        decode(packet_of(attribute))


def test_a_vendor_attribute_is_filed_under_vendor_and_type() -> None:
    packet = decode(packet_of(bytes.fromhex("1a0e00003a8c0808354d2f32304d")))
    assert packet.attributes == {MIKROTIK_RATE_LIMIT: b"5M/20M"}


def test_rfc2865_5_26_several_sub_attributes_in_one_vendor_specific_are_taken_apart() -> None:
    packet = decode(packet_of(bytes.fromhex("1a1400003a8c0808354d2f32304d" + "1306" + "77616c6c")))
    assert packet.attributes == {MIKROTIK_RATE_LIMIT: b"5M/20M", MIKROTIK_ADDRESS_LIST: b"wall"}


def test_the_same_vendor_attribute_twice_keeps_both() -> None:
    once = bytes.fromhex("1a0900003a8c1303")
    twice = bytes.fromhex("1a0c00003a8c") + b"\x13\x03c\x13\x03d"
    packet = decode(packet_of(once + b"a" + once + b"b" + twice))
    assert packet.all(MIKROTIK_ADDRESS_LIST) == [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "00003a8c",
        "00003a8c08",
        "00003a8c0800",
        "00003a8c0801",
        "00003a8c0809354d",
        "00003a8c08033508",
        "01003a8c0808354d2f32304d",  # a vendor's high octet is zero
        "000000000106726f6f74",  # vendor 0 must not stand in for a standard attribute
        "0000000001036101036201036163",
    ],
)
def test_rfc2865_5_26_a_malformed_vendor_payload_is_kept_raw_and_the_packet_lives(payload: str) -> None:
    raw = bytes.fromhex(payload)
    packet = decode(packet_of(bytes((26, len(raw) + 2)) + raw + b"\x01\x06nemo"))
    assert packet.attributes == {VENDOR_SPECIFIC: raw, USER_NAME: b"nemo"}


def test_a_packet_shows_no_value_in_its_repr() -> None:
    assert "nemo" not in repr(decode(packet_of(b"\x01\x06nemo")))


def test_what_is_encoded_is_decoded() -> None:
    attributes = encode_attributes([(1, b"nemo"), (MIKROTIK_RATE_LIMIT, b"5M/20M"), (25, b""), (25, b"x")])
    packet = decode(encode(2, 200, AUTHENTICATOR, attributes))
    assert (packet.code, packet.identifier) == (2, 200)
    assert packet.attributes == {1: b"nemo", MIKROTIK_RATE_LIMIT: b"5M/20M", 25: b""}
    assert packet.all(25) == [b"", b"x"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (1, bytes(254)),
        (MIKROTIK_RATE_LIMIT, bytes(248)),
        (0, b""),
        (256, b"x" * 250),
        (255, bytes(254)),
        (1 << 32, b""),
    ],
)
def test_an_attribute_that_does_not_fit_is_our_fault(key: int, value: bytes) -> None:
    with pytest.raises(EncodeError):
        encode_attribute(key, value)


def test_the_longest_values_fit() -> None:
    assert len(encode_attribute(1, bytes(253))) == len(encode_attribute(MIKROTIK_RATE_LIMIT, bytes(247))) == 255


def test_a_packet_longer_than_4096_octets_is_not_encoded() -> None:
    with pytest.raises(EncodeError):
        encode(2, 1, AUTHENTICATOR, bytes(4077))
