from netbilld.radius.attributes import (
    CALLED_STATION_ID,
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EVENT_TIMESTAMP,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_PREFIX,
    MIKROTIK_RATE_LIMIT,
    MIKROTIK_WIRELESS_PSK,
    MS_CHAP2_RESPONSE,
    MS_MPPE_SEND_KEY,
    NAS_IPV6_ADDRESS,
    NAS_PORT,
    SERVICE_TYPE,
    TUNNEL_PRIVATE_GROUP_ID,
    TUNNEL_TYPE,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.debug import dump
from netbilld.radius.packet import encode, encode_attributes


def lines(*pairs: tuple[int, bytes]) -> list[str]:
    return dump(encode(1, 7, bytes(16), encode_attributes(pairs))).splitlines()[1:]


def test_a_packet_is_shown_with_names_and_values() -> None:
    assert lines(
        (USER_NAME, b"nemo"),
        (SERVICE_TYPE, b"\0\0\0\2"),
        (NAS_PORT, b"\0\0\0\x09"),
        (FRAMED_IP_ADDRESS, bytes((10, 0, 0, 1))),
        (MIKROTIK_RATE_LIMIT, b"5M/20M"),
        (EVENT_TIMESTAMP, b"\0\0\0\0"),
        (NAS_IPV6_ADDRESS, bytes(15) + b"\1"),
        (FRAMED_IPV6_PREFIX, bytes.fromhex("004020010db800010002")),
        (TUNNEL_TYPE, b"\1\0\0\x0d"),
        (TUNNEL_PRIVATE_GROUP_ID, b"12"),
        (3902 << 8 | 31, b"\1\2"),
        (230, b"\3"),
    ) == [
        '  User-Name = "nemo"',
        "  Service-Type = Framed-User",
        "  NAS-Port = 9",
        "  Framed-IP-Address = 10.0.0.1",
        '  Mikrotik-Rate-Limit = "5M/20M"',
        "  Event-Timestamp = 1970-01-01T00:00:00+00:00",
        "  NAS-IPv6-Address = ::1",
        "  Framed-IPv6-Prefix = 2001:db8:1:2::/64",
        "  Tunnel-Type = :1 VLAN",
        '  Tunnel-Private-Group-Id = "12"',
        "  Vendor-3902-Attr-31 = 0x0102",
        "  Attr-230 = 0x03",
    ]


def test_the_header_names_the_code() -> None:
    assert dump(encode(40, 9, bytes(16), b"")) == "Disconnect-Request id 9, 20 octets"
    assert dump(encode(99, 9, bytes(16), b"")) == "Code-99 id 9, 20 octets"
    assert dump(b"\1\2") == "malformed packet of 2 octets: shorter than a header"


def test_secrets_are_masked() -> None:
    shown = lines(
        (USER_PASSWORD, b"s3cret-s3cret-16"),
        (CHAP_PASSWORD, b"s3cret"),
        (CHAP_CHALLENGE, b"s3cret"),
        (MS_CHAP2_RESPONSE, b"s3cret"),
        (MS_MPPE_SEND_KEY, b"s3cret"),
        (MIKROTIK_WIRELESS_PSK, b"s3cret"),
    )
    assert shown[0] == "  User-Password = <16 octets, hidden>"
    assert "s3cret" not in "".join(shown)
    assert b"s3cret".hex() not in "".join(shown)


def test_a_name_cannot_forge_a_second_line() -> None:
    assert lines((CALLED_STATION_ID, b'a"\n\x1b[31m  User-Name = "root"\xff')) == [
        '  Called-Station-Id = "a\\"\\n\\x1b[31m  User-Name = \\"root\\"\ufffd"'
    ]


def test_a_value_of_the_wrong_type_is_shown_raw() -> None:
    assert lines((FRAMED_IP_ADDRESS, b"\1")) == ["  Framed-IP-Address = 0x01 (not a value of type ipaddr)"]
