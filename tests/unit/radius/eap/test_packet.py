"""EAP packets and their way through EAP-Message attributes."""

from netbilld.radius.eap.packet import EapPacket, as_attributes, decode, failure, message_in, request, success
from netbilld.radius.packet import decode as decode_radius
from tests.eap_peer import response
from tests.radius_requests import access_request


def test_rfc3748_4_1_what_was_encoded_is_decoded() -> None:
    assert decode(request(7, 4, b"abc")) == EapPacket(1, 7, 4, b"abc")
    assert decode(response(255, 1, b"")) == EapPacket(2, 255, 1, b"")


def test_rfc3748_4_1_octets_beyond_the_length_are_padding() -> None:
    assert decode(response(1, 1, b"nemo") + b"\0\0") == EapPacket(2, 1, 1, b"nemo")


def test_rfc3748_4_2_success_and_failure_have_neither_type_nor_data() -> None:
    assert success(9) == b"\x03\x09\x00\x04"
    assert failure(9) == b"\x04\x09\x00\x04"
    assert decode(failure(9)) == EapPacket(4, 9, 0, b"")
    assert decode(b"\x03\x09\x00\x05x") is None


def test_what_is_too_short_or_longer_than_it_came_is_nothing() -> None:
    for octets in (b"", b"\2", b"\2\1\0", b"\2\1\0\4", b"\2\1\0\3", b"\2\1\0\x09\1nem", b"\5\1\0\5\1", b"\0\0\0\0"):
        assert decode(octets) is None, octets


def test_rfc3579_3_1_a_long_packet_travels_in_several_attributes_in_order() -> None:
    message = request(1, 13, bytes(range(256)) * 4)
    attributes = as_attributes(message)
    assert attributes[0] == 79
    assert attributes[1] == 255
    pairs = [(79, message[at : at + 253]) for at in range(0, len(message), 253)]
    assert message_in(decode_radius(access_request(pairs))) == message
