"""Attribute-value pairs inside TTLS (RFC 5281 §10.1)."""

from netbilld.radius.attributes import MS_CHAP2_SUCCESS, USER_NAME
from netbilld.radius.eap.avp import decode, encode


def test_rfc5281_10_1_a_pair_is_padded_to_four_octets() -> None:
    assert encode([(USER_NAME, b"budi!")]) == b"\0\0\0\1\x40\0\0\x0dbudi!\0\0\0"


def test_a_vendors_pair_carries_its_number() -> None:
    encoded = encode([(MS_CHAP2_SUCCESS, b"\1S=")])
    assert encoded == b"\0\0\0\x1a\xc0\0\0\x0f\0\0\1\x37\1S=\0"
    assert decode(encoded) == [(MS_CHAP2_SUCCESS, b"\1S=", True)]


def test_what_was_encoded_is_decoded() -> None:
    pairs = [(USER_NAME, b""), (2, b"x" * 300), (MS_CHAP2_SUCCESS, b"abcd")]
    assert decode(encode(pairs)) == [(key, value, True) for key, value in pairs]
    assert decode(b"") == []


def test_the_last_pair_may_go_without_padding() -> None:
    assert decode(b"\0\0\0\1\0\0\0\x09b") == [(1, b"b", False)]


def test_lengths_that_do_not_fit_are_malformed() -> None:
    for octets in (
        b"\0",
        b"\0\0\0\1\x40\0\0\7",
        b"\0\0\0\1\x40\0\0\x0cabc",
        b"\0\0\0\1\xc0\0\0\x0b\0\0\1",
        b"\0\0\0\1\x40\xff\xff\xff",
    ):
        assert decode(octets) is None, octets
