from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.record import RecordKind, event_time, session_key
from netbilld.radius import attributes as a
from netbilld.radius.grant import Grant
from tests.accounting_packets import NAS, T0, record


def test_rfc2866_5_3_input_is_the_subscribers_upload_and_rfc2869_5_1_gigawords_count_wraps() -> None:
    told = record("interim", up=5 * 2**32 + 7, down=2**33, seconds=60)
    assert (told.upload_octets, told.download_octets, told.wide) == (5 * 2**32 + 7, 2**33, True)


def test_direction_is_normalised_once_with_the_nas_flag_kept() -> None:
    told = record("interim", up=1, down=2, swapped=True)
    assert (told.upload_octets, told.download_octets, told.swapped) == (2, 1, True)


def test_counters_without_gigawords_may_have_wrapped_and_absent_ones_are_not_zero() -> None:
    assert record("interim", up=1, down=2, gigawords=False).wide is False
    assert record("start").upload_octets is None


def test_a_counter_that_cannot_be_true_is_kept_as_the_highest_that_can() -> None:
    told = record("interim", up=2**63, down=5)
    assert (told.upload_octets, told.download_octets) == (1 << 55, 5)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("start", RecordKind.START),
        ("interim", RecordKind.INTERIM),
        ("stop", RecordKind.STOP),
        ("on", RecordKind.ON),
        ("off", RecordKind.OFF),
        (9, RecordKind.OTHER),
        (15, RecordKind.OTHER),
        (4_000_000_000, RecordKind.OTHER),
    ],
)
def test_rfc2866_5_1_status_types_that_are_not_known_are_recorded_too(status: str | int, kind: RecordKind) -> None:
    assert record(status).kind is kind


@pytest.mark.parametrize(
    ("received", "key"),
    [
        (b"8050005a", "8050005a"),
        (b"0x81E0000B", "81e0000b"),
        (b"81E0000B", "81e0000b"),
        (b"0X81e0000b\0", "81e0000b"),
        (b"aGVsbG8gd29ybGQ=", "agvsbg8gd29ybgq="),
        (b"\xff\xfe\x01", "hex:fffe01"),
        ("ΐ".encode() * 126, ("ΐ".casefold() * 126)[:253]),
    ],
)
def test_session_ids_compare_without_0x_and_letter_case_and_always_fit_their_column(received: bytes, key: str) -> None:
    assert session_key(received) == key


def test_the_id_is_kept_as_received_because_orders_must_say_it_back() -> None:
    assert record("start", session_id="0x81E0000B").acct_session_id == "0x81E0000B"


def test_d6_event_time_is_receive_time_less_delay_and_event_timestamp_only_where_sane() -> None:
    epoch = int(T0.timestamp())
    assert event_time(T0, None, None) == T0
    assert event_time(T0, 90, None) == T0 - timedelta(seconds=90)
    assert event_time(T0, 90, epoch - 5) == T0 - timedelta(seconds=90)
    assert event_time(T0, None, epoch - 3600) == T0 - timedelta(hours=1)
    assert event_time(T0, None, 86_400) == T0  # a router that has booted in 1970
    assert event_time(T0, None, epoch + 7 * 3600) == T0  # one that keeps local time as UTC
    assert event_time(T0, 4_000_000_000, None) == T0


def test_the_grant_of_our_class_is_found_among_others() -> None:
    grant = Grant(UUID(int=5), "throttled", "abcdef12")
    told = record("start", extra=((a.CLASS, b"another's"),), grant=grant)
    assert told.grant == grant
    assert record("start", extra=((a.CLASS, b"another's"),)).grant is None


def test_addresses_and_station_are_read_and_placeholders_are_none() -> None:
    told = record(
        "start",
        mac="aabb.ccdd.eeff",
        ip="255.255.255.254",
        extra=(
            (a.FRAMED_IPV6_PREFIX, b"\0\x40" + bytes.fromhex("20010db8000100020000000000000000")),
            (a.DELEGATED_IPV6_PREFIX, b"\0\x38" + bytes.fromhex("20010db8000200")),
            (a.NAS_IP_ADDRESS, b"\xc0\0\2\1"),
            (a.NAS_IDENTIFIER, b"MikroTik"),
            (a.NAS_PORT_ID, b"vlan100"),
        ),
    )
    assert (told.framed_ip, told.mac) == (None, "AA:BB:CC:DD:EE:FF")
    assert (told.ipv6_prefix, told.delegated_prefix) == ("2001:db8:1:2::/64", "2001:db8:2::/56")
    assert (told.nas_ip, told.nas_identifier, told.nas_port_id) == ("192.0.2.1", "MikroTik", "vlan100")
    assert told.nas_id == NAS


@pytest.mark.parametrize(
    ("cause", "name"), [(1, "User-Request"), (9, "NAS-Error"), (2, "Lost-Carrier"), (77, "Cause-77")]
)
def test_rfc2866_5_10_terminate_causes_have_their_names(cause: int, name: str) -> None:
    assert record("stop", cause=cause).terminate_cause == name


def test_malformed_attributes_count_as_absent_and_the_rest_is_metered() -> None:
    told = record(
        "interim",
        ip=None,
        up=1,
        down=2,
        extra=(
            (a.FRAMED_IP_ADDRESS, b"\1\2\3"),
            (a.ACCT_SESSION_TIME, b"\1"),
            (a.DELEGATED_IPV6_PREFIX, b"\0\x81"),
            (a.FRAMED_IPV6_ADDRESS, b"\0"),
        ),
    )
    assert (told.framed_ip, told.session_seconds, told.delegated_prefix, told.upload_octets) == (None, None, None, 1)


@pytest.mark.parametrize(
    ("said", "off"),
    [
        ({"timestamp": int(T0.timestamp()), "delay": 0}, 0),
        ({"timestamp": int(T0.timestamp()) - 3600, "delay": 3600}, 0),  # it waited, and says so
        ({"timestamp": int(T0.timestamp()) - 3600}, 0),  # it may have waited
        ({"timestamp": int(T0.timestamp()) - 7 * 3600, "delay": 0}, 7 * 3600),  # a wrong time zone
        ({"timestamp": int(T0.timestamp()) + 7 * 3600}, -7 * 3600),
        ({"timestamp": 0}, int(T0.timestamp())),  # it booted in 1970
        ({}, None),
    ],
)
def test_how_far_the_clock_of_a_nas_is_off(said: dict[str, Any], off: int | None) -> None:
    told = record("interim", up=1, down=2, **said)
    assert told.clock_off_seconds == off
    if off:
        assert told.event_at == T0
