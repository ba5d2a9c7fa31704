from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from netbilld.radius import values
from netbilld.radius.errors import EncodeError, MalformedPacket


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"nemo", "nemo"),
        (b"nemo\0", "nemo"),
        (b"nemo\0\0", "nemo"),
        ("Jalan Café".encode(), "Jalan Café"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a\0b", "a\ufffdb"),
        (b"", ""),
    ],
)
def test_rfc2865_5_text_is_utf8_and_a_trailing_nul_is_tolerated(value: bytes, expected: str) -> None:
    assert values.text(value) == expected


@pytest.mark.parametrize(
    "written",
    [
        "00:E1:0C:38:C8:F8",
        "00-e1-0c-38-c8-f8",
        "00 e1 0c 38 c8 f8",
        "00e10c38c8f8",
        "00E1:0C38:C8F8",
        "00e1.0c38.c8f8",
        "00E10C:38C8F8",
        "00E10C-38C8F8",
        "1:0:e1:c:38:c8:f8",  # DHCP client identifier as RouterOS writes it
        "01:00:e1:0c:38:c8:f8",
        "0:e1:c:38:c8:f8",
    ],
)
def test_every_way_to_write_a_mac_address_is_one_address(written: str) -> None:
    assert values.normalise_mac(written) == "00:E1:0C:38:C8:F8"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "nemo",
        "00:e1:0c:38:c8",
        "00:e1-0c:38:c8:f8",
        "00:e1:0c:38:c8:f8:01",
        "00e10c38c8fg",
        "0-e1-c-38-c8-f8",
        "00:e1:0c:38:c8:f8:ssid",
        "00e10c38c8f8\n",
        "٠٠:e1:0c:38:c8:f8",
        "203.0.113.9",
    ],
)
def test_what_is_no_mac_address_is_none(written: str) -> None:
    assert values.normalise_mac(written) is None


def test_numbers_addresses_and_dates_are_read_and_written() -> None:
    assert values.integer(values.encode_integer(2148532244)) == 2148532244
    assert values.integer64(bytes(7) + b"\x05") == 5
    assert values.ipv4(b"\x0a\0\0\1") == IPv4Address("10.0.0.1")
    assert values.ipv6(bytes.fromhex("20010db8") + bytes(11) + b"\1") == IPv6Address("2001:db8::1")
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert values.date(values.encode_integer(int(at.timestamp()))) == at
    assert values.encode_text("Jalan Café") == "Jalan Café".encode()


@pytest.mark.parametrize(
    ("view", "value"),
    [
        (values.integer, b"\0\0\1"),
        (values.integer, bytes(8)),
        (values.integer64, bytes(4)),
        (values.date, b""),
        (values.ipv4, bytes(16)),
        (values.ipv6, bytes(4)),
        (values.ipv6_prefix, b"\0"),
        (values.ipv6_prefix, b"\0\x81" + bytes(16)),
        (values.ipv6_prefix, b"\0\x40" + bytes(7)),
        (values.ipv6_prefix, b"\0\x40" + bytes(17)),
        (values.tagged_integer, b"\1\0\0"),
    ],
)
def test_a_value_of_the_wrong_size_is_malformed(view: Callable[[bytes], object], value: bytes) -> None:
    with pytest.raises(MalformedPacket):
        view(value)


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        ("0038" + "20010db8000001", "2001:db8:0:100::/56"),
        ("0038" + "20010db8000001000000000000000000", "2001:db8:0:100::/56"),
        ("0000", "::/0"),
        ("0080" + "20010db8000000000000000000000001", "2001:db8::1/128"),
        ("0038" + "20010db8000001ff", "2001:db8:0:100::/56"),  # host bits are cleared
    ],
)
def test_rfc4818_3_prefixes_are_read_shortened_and_full(value: str, prefix: str) -> None:
    assert values.ipv6_prefix(bytes.fromhex(value)) == IPv6Network(prefix)


def test_rfc2868_3_a_tag_is_told_from_data() -> None:
    assert values.tagged_text(b"\x0112") == (1, b"12")
    assert values.tagged_text(b"12") == (0, b"12")
    assert values.tagged_text(b"") == (0, b"")
    assert values.tagged_integer(b"\x01\x00\x00\x0d") == (1, 13)


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_number_beyond_32_bits_is_not_encoded(number: int) -> None:
    with pytest.raises(EncodeError):
        values.encode_integer(number)


def test_a_text_beyond_253_octets_is_not_encoded() -> None:
    with pytest.raises(EncodeError):
        values.encode_text("é" * 127)
