"""Profiles in each vendor's attributes; expected octets are those of the vendors' manuals, written out by hand."""

import pytest

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors import VENDORS, vendor
from netbilld.enforcement.vendors.mikrotik import rate_limit
from netbilld.model.errors import InvalidInputError
from netbilld.radius.attributes import (
    ACCT_INTERIM_INTERVAL,
    ACCT_SESSION_ID,
    CLASS,
    FILTER_ID,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_POOL,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_RATE_LIMIT,
    NAS_IP_ADDRESS,
    USER_NAME,
    WISPR_BANDWIDTH_MAX_DOWN,
    WISPR_BANDWIDTH_MAX_UP,
    WISPR_BANDWIDTH_MIN_UP,
)
from netbilld.radius.packet import encode_attributes

ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 5_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 128_000), pool="isolir", address_list="isolir")
SESSION = SessionHandle("Budi@Rumah", "80a00001", framed_ip="10.1.2.3", nas_ip="192.0.2.7")


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        (Speed(20_000_000, 5_000_000), "5M/20M"),
        (Speed(128_000, 64_000), "64k/128k"),
        (Speed(1_536_000, 384_000), "384k/1536k"),
        (Speed(1_000_000_000, 999_999), "999999/1000M"),
        (Speed(2_500_000, 1_500), "1500/2500k"),
        (
            Speed(30_000_000, 15_000_000, Burst(40_000_000, 20_000_000, 15_000_000, 8_000_000, 10)),
            "15M/30M 20M/40M 8M/15M 10/10",
        ),
        (Speed(20_000_000, 5_000_000, priority=1), "5M/20M 0/0 0/0 0/0 1"),
        (
            Speed(1_536_000, 384_000, minimum_down_bps=384_000, minimum_up_bps=96_000),
            "384k/1536k 0/0 0/0 0/0 8 96k/384k",
        ),
        (Speed(4_000_000, 2_000_000, minimum_down_bps=1_000_000), "2M/4M 0/0 0/0 0/0 8 2M/1M"),
        (
            Speed(4_000_000, 2_000_000, minimum_down_bps=9_000_000, minimum_up_bps=1_000_000),
            "2M/4M 0/0 0/0 0/0 8 1M/4M",
        ),
        (
            Speed(4_000_000, 2_000_000, Burst(8_000_000, 4_000_000, 3_000_000, 1_500_000, 16), 3, 1_000_000, 512_000),
            "2M/4M 4M/8M 1500k/3M 16/16 3 512k/1M",
        ),
    ],
)
def test_a_rate_limit_is_written_upload_first_and_every_field_in_its_place(speed: Speed, words: str) -> None:
    assert rate_limit(speed) == words


def test_the_octets_of_a_rate_limit_are_those_of_the_manual() -> None:
    pairs = vendor("mikrotik").change(ACTIVE, 300, b"")
    assert encode_attributes(pairs) == bytes.fromhex("1a0e00003a8c0808354d2f32304d")


def test_mikrotik_is_told_rate_and_interim_at_log_in() -> None:
    assert vendor("mikrotik").accept(ACTIVE, 300) == [
        (MIKROTIK_RATE_LIMIT, b"5M/20M"),
        (ACCT_INTERIM_INTERVAL, (300).to_bytes(4, "big")),
    ]


def test_mikrotik_is_told_pool_and_one_list_for_the_walled_garden() -> None:
    assert vendor("mikrotik").accept(WALLED, 60) == [
        (MIKROTIK_RATE_LIMIT, b"128k/256k"),
        (FRAMED_POOL, b"isolir"),
        (MIKROTIK_ADDRESS_LIST, b"isolir"),
        (ACCT_INTERIM_INTERVAL, (60).to_bytes(4, "big")),
    ]


def test_a_coa_to_mikrotik_carries_the_rate_and_never_the_list() -> None:
    assert vendor("mikrotik").change(WALLED, 60, b"class") == [(MIKROTIK_RATE_LIMIT, b"128k/256k")]


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_a_static_address_is_given_instead_of_a_pool(name: str) -> None:
    profile = ServiceProfile(Access.ACTIVE, ACTIVE.speed, static_ip="10.9.8.7", pool="home")
    pairs = dict(vendor(name).accept(profile, 300))
    assert pairs[FRAMED_IP_ADDRESS] == bytes((10, 9, 8, 7))
    assert FRAMED_POOL not in pairs


def test_a_static_ipv6_address_has_its_own_attribute() -> None:
    """RFC 6911 §3.1."""
    pairs = dict(vendor("rfc").accept(ServiceProfile(Access.ACTIVE, static_ip="2001:db8::1"), 300))
    assert pairs[FRAMED_IPV6_ADDRESS] == bytes.fromhex("20010db8" + "00" * 11 + "01")


def test_mikrotik_knows_a_session_by_name_id_address_and_its_own_address() -> None:
    assert vendor("mikrotik").identify(SESSION) == [
        (USER_NAME, b"Budi@Rumah"),
        (ACCT_SESSION_ID, b"80a00001"),
        (FRAMED_IP_ADDRESS, bytes((10, 1, 2, 3))),
        (NAS_IP_ADDRESS, bytes((192, 0, 2, 7))),
    ]


def test_what_is_not_known_of_a_session_is_left_out() -> None:
    assert vendor("mikrotik").identify(SessionHandle("", "x")) == [(ACCT_SESSION_ID, b"x")]
    assert vendor("mikrotik").identify(SessionHandle("u", "x", "2001:db8::9", "2001:db8::1")) == [
        (USER_NAME, b"u"),
        (ACCT_SESSION_ID, b"x"),
    ]


def test_wispr_speaks_bits_a_second_from_the_clients_side() -> None:
    pairs = dict(
        vendor("wispr").accept(ServiceProfile(Access.ACTIVE, Speed(20_000_000, 5_000_000, minimum_up_bps=1)), 300)
    )
    assert int.from_bytes(pairs[WISPR_BANDWIDTH_MAX_UP]) == 5_000_000
    assert int.from_bytes(pairs[WISPR_BANDWIDTH_MAX_DOWN]) == 20_000_000
    assert int.from_bytes(pairs[WISPR_BANDWIDTH_MIN_UP]) == 1


def test_wispr_is_given_the_most_it_can_say_for_a_faster_speed() -> None:
    pairs = dict(vendor("wispr").accept(ServiceProfile(Access.ACTIVE, Speed(10**10, 10**10)), 300))
    assert pairs[WISPR_BANDWIDTH_MAX_DOWN] == b"\xff\xff\xff\xff"


def test_a_coa_to_wispr_is_complete_since_it_resets_what_is_missing() -> None:
    keys = [key for key, _ in vendor("wispr").change(WALLED, 300, b"class")]
    assert keys == [WISPR_BANDWIDTH_MAX_UP, WISPR_BANDWIDTH_MAX_DOWN, FILTER_ID, ACCT_INTERIM_INTERVAL, CLASS]


def test_a_plain_nas_is_told_pool_and_filter() -> None:
    assert vendor("rfc").accept(WALLED, 300)[:2] == [(FRAMED_POOL, b"isolir"), (FILTER_ID, b"isolir")]
    assert vendor("rfc").change(ACTIVE, 300, b"") == []


def test_an_unknown_vendor_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(
        InvalidInputError, match=r"allowed: accel-ppp, aruba, .*, mikrotik, ocserv, rfc, ruckus, ubiquiti, wispr$"
    ):
        vendor("mikrotic")
