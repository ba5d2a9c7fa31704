"""Every vendor's attributes, octet for octet: numbers, units and directions are those of the vendors' manuals.

The expected octets are put together here from type numbers, by nothing of netbilld's.
"""

from dataclasses import dataclass, field
from typing import Final

import pytest
from pyrad.packet import AccessAccept, Packet

from netbilld.billing.plan import Burst, Counts, Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.limits import SessionLimits
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors import VENDORS, vendor
from netbilld.enforcement.vendors.interface import Capabilities
from netbilld.radius.dictionary import load
from netbilld.radius.packet import decode, encode, encode_attributes


def attr(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def vsa(number: int, kind: int, value: bytes) -> bytes:
    return bytes((26, len(value) + 8)) + number.to_bytes(4, "big") + bytes((kind, len(value) + 2)) + value


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


FAST: Final = Speed(down_bps=20_000_000, up_bps=5_000_000)
ACTIVE: Final = ServiceProfile(Access.ACTIVE, FAST)
NAMED: Final = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 5_000_000, nas_profile="HOME20"))
WALLED: Final = ServiceProfile(Access.WALLED, Speed(256_000, 128_000), pool="isolir", address_list="walled")
SESSION: Final = SessionHandle("Budi@Rumah", "80a00001", "10.1.2.3", "192.0.2.7", "D4:01:C3:00:00:0A")
GIBIBYTES_5: Final = 5 * 2**30

INTERIM: Final = attr(85, u32(300))
POOL: Final = attr(88, b"isolir")
FILTER: Final = attr(11, b"walled")
NAME: Final = attr(1, b"Budi@Rumah")
SESSION_ID: Final = attr(44, b"80a00001")
FRAMED_IP: Final = attr(8, bytes((10, 1, 2, 3)))
NAS_IP: Final = attr(4, bytes((192, 0, 2, 7)))
STATION: Final = attr(31, b"D4-01-C3-00-00-0A")
WISPR_FAST: Final = vsa(14122, 7, u32(5_000_000)) + vsa(14122, 8, u32(20_000_000))
WISPR_WALLED: Final = vsa(14122, 7, u32(128_000)) + vsa(14122, 8, u32(256_000))


@dataclass(frozen=True)
class Expected:
    """What a vendor is sent.

    Attributes:
        active: Accept to 20M down, 5M up, without the interim interval.
        change: CoA to the same; None where there is none.
        by_list: Accept to a walled session where the NAS walls by list; None where it can't.
        identity: the session's marks.
        named: Accept to the same speed with a name; as `active` where names count for nothing.
        total, upload: 5 GiB left in all, or of upload.
    """

    active: bytes
    change: bytes | None
    by_list: bytes | None
    identity: bytes
    named: bytes | None = None
    total: bytes = b""
    upload: bytes = b""
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(rate=True, coa_rate=False))


CAN_COA: Final = Capabilities(rate=True, coa_rate=True)
CAMBIUM_FAST: Final = WISPR_FAST + vsa(17713, 26, u32(5_000)) + vsa(17713, 27, u32(20_000))
CHILLI_FAST: Final = WISPR_FAST + vsa(14559, 4, u32(5_000)) + vsa(14559, 5, u32(20_000))
HUAWEI_FAST: Final = (
    vsa(2011, 2, u32(5_000_000))
    + vsa(2011, 3, u32(5_000_000))
    + vsa(2011, 5, u32(20_000_000))
    + vsa(2011, 6, u32(20_000_000))
)

EXPECTED: Final = {
    "accel-ppp": Expected(
        active=attr(11, b"20000/5000"),  # download first, kbit/s
        change=attr(11, b"20000/5000"),
        by_list=None,
        identity=NAME + SESSION_ID,
        capabilities=CAN_COA,
    ),
    "aruba": Expected(
        active=b"",
        change=b"",
        by_list=vsa(14823, 1, b"walled"),
        identity=NAME + SESSION_ID + STATION,
        named=vsa(14823, 1, b"HOME20"),
        capabilities=Capabilities(rate=True, coa_rate=True, coa_wall=True),
    ),
    "cambium": Expected(
        active=CAMBIUM_FAST,
        change=None,
        by_list=WISPR_WALLED + vsa(17713, 26, u32(128)) + vsa(17713, 27, u32(256)) + vsa(17713, 160, u32(1)),
        identity=SESSION_ID + STATION,
        total=vsa(17713, 155, u32(0x40000000)) + vsa(17713, 156, u32(1)),
        upload=vsa(17713, 151, u32(0x40000000)) + vsa(17713, 153, u32(1)),
    ),
    "cisco": Expected(
        active=vsa(9, 1, b"ip:sub-qos-policy-in=5M_UP") + vsa(9, 1, b"ip:sub-qos-policy-out=20M_DOWN"),
        change=None,
        by_list=vsa(9, 1, b"ip:sub-qos-policy-in=128K_UP")
        + vsa(9, 1, b"ip:sub-qos-policy-out=256K_DOWN")
        + vsa(9, 250, b"Awalled"),
        identity=SESSION_ID + NAME,
        named=vsa(9, 1, b"ip:sub-qos-policy-in=HOME20_UP") + vsa(9, 1, b"ip:sub-qos-policy-out=HOME20_DOWN"),
    ),
    "coovachilli": Expected(
        active=CHILLI_FAST,
        change=CHILLI_FAST + INTERIM + attr(25, b"class"),  # all of it: what is missing is reset
        by_list=WISPR_WALLED + vsa(14559, 4, u32(128)) + vsa(14559, 5, u32(256)) + FILTER,
        identity=NAME + SESSION_ID,
        total=vsa(14559, 3, u32(0x40000000)) + vsa(14559, 23, u32(1)),
        upload=vsa(14559, 1, u32(0x40000000)) + vsa(14559, 21, u32(1)),
        capabilities=CAN_COA,
    ),
    "hostapd": Expected(
        active=b"",
        change=None,
        by_list=None,
        identity=NAME + SESSION_ID + STATION,  # Framed-IP-Address would be refused with 401
        capabilities=Capabilities(rate=False, coa_rate=False),
    ),
    "huawei": Expected(
        active=HUAWEI_FAST,
        change=HUAWEI_FAST,
        by_list=vsa(2011, 2, u32(128_000))
        + vsa(2011, 3, u32(128_000))
        + vsa(2011, 5, u32(256_000))
        + vsa(2011, 6, u32(256_000))
        + vsa(2011, 95, b"walled"),
        identity=NAME + SESSION_ID + FRAMED_IP,
        named=vsa(2011, 31, b"HOME20"),
        capabilities=CAN_COA,
    ),
    "juniper": Expected(
        active=vsa(4874, 65, b"\x01svc-internet(20m,5m)"),
        change=None,
        by_list=vsa(4874, 65, b"\x01svc-internet(256k,128k)") + vsa(4874, 65, b"\x02walled"),
        identity=SESSION_ID + NAME,
        named=vsa(4874, 65, b"\x01HOME20(20m,5m)"),
    ),
    "mikrotik": Expected(
        active=bytes.fromhex("1a0e00003a8c0808354d2f32304d"),  # 5M/20M: rx, what the router receives, is the upload
        change=bytes.fromhex("1a0e00003a8c0808354d2f32304d"),
        by_list=vsa(14988, 8, b"128k/256k") + vsa(14988, 19, b"walled"),
        identity=NAME + SESSION_ID + FRAMED_IP + NAS_IP,
        # PPP has no limit on the total, so both directions are limited
        total=vsa(14988, 1, u32(0x40000000))
        + vsa(14988, 14, u32(1))
        + vsa(14988, 2, u32(0x40000000))
        + vsa(14988, 15, u32(1)),
        upload=vsa(14988, 1, u32(0x40000000)) + vsa(14988, 14, u32(1)),
        capabilities=CAN_COA,
    ),
    "ocserv": Expected(
        active=vsa(10055, 1, u32(625)) + vsa(10055, 2, u32(2_500)),  # kilobytes a second
        change=None,
        by_list=None,
        identity=NAME + SESSION_ID,
        capabilities=Capabilities(rate=True, coa_rate=False, orders=False),
    ),
    "rfc": Expected(
        active=b"",
        change=None,
        by_list=FILTER,
        identity=NAME + SESSION_ID,
        capabilities=Capabilities(rate=False, coa_rate=False),
    ),
    "ruckus": Expected(
        active=WISPR_FAST,
        change=None,
        by_list=WISPR_WALLED + vsa(25053, 1, b"walled"),
        identity=attr(6, u32(1)) + NAME + SESSION_ID + STATION,  # ZoneDirector wants Service-Type
    ),
    "ubiquiti": Expected(
        active=WISPR_FAST + vsa(41112, 1, u64(20_000_000)) + vsa(41112, 3, u64(5_000_000)),
        change=None,
        by_list=None,
        identity=NAME + SESSION_ID + STATION,
    ),
    "wispr": Expected(
        active=WISPR_FAST,
        change=WISPR_FAST + INTERIM + attr(25, b"class"),
        by_list=WISPR_WALLED + FILTER,
        identity=NAME + SESSION_ID,
        capabilities=CAN_COA,
    ),
}
EVERY: Final = pytest.mark.parametrize("name", sorted(EXPECTED))


def test_every_vendor_is_looked_at_here() -> None:
    assert sorted(EXPECTED) == sorted(VENDORS)


@EVERY
def test_a_speed_at_log_in(name: str) -> None:
    """BANG-2.2a."""
    assert encode_attributes(vendor(name).accept(ACTIVE, 300)) == EXPECTED[name].active + INTERIM


@EVERY
def test_a_speed_that_has_a_name(name: str) -> None:
    expected = EXPECTED[name].active if EXPECTED[name].named is None else EXPECTED[name].named
    assert encode_attributes(vendor(name).accept(NAMED, 300)) == (expected or b"") + INTERIM


@EVERY
def test_a_speed_by_coa(name: str) -> None:
    expected = EXPECTED[name]
    assert vendor(name).capabilities == expected.capabilities
    assert (expected.change is not None) == expected.capabilities.coa_rate
    if expected.change is not None:
        assert encode_attributes(vendor(name).change(ACTIVE, 300, b"class")) == expected.change


@EVERY
def test_the_walled_garden_by_list(name: str) -> None:
    """BANG-2.6."""
    built = vendor(name).walled(WALLED, "list", hotspot=False)
    expected = EXPECTED[name].by_list
    said = None if built is None else encode_attributes(vendor(name).accept(built, 300))
    assert said == (None if expected is None else expected + INTERIM)


@EVERY
def test_the_walled_garden_by_pool(name: str) -> None:
    built = vendor(name).walled(WALLED, "pool", hotspot=True)
    names_pools = name in {"accel-ppp", "cisco", "coovachilli", "huawei", "juniper", "mikrotik", "rfc", "wispr"}
    assert (built is not None) == names_pools
    if built is not None:
        octets = encode_attributes(vendor(name).accept(built, 300))
        assert POOL in octets
        assert b"walled" not in octets


@EVERY
def test_the_marks_of_a_session(name: str) -> None:
    assert encode_attributes(vendor(name).identify(SESSION)) == EXPECTED[name].identity


@EVERY
def test_what_is_left_of_a_hard_quota(name: str) -> None:
    expected = EXPECTED[name]
    assert encode_attributes(vendor(name).limits(SessionLimits(GIBIBYTES_5))) == expected.total
    assert encode_attributes(vendor(name).limits(SessionLimits(GIBIBYTES_5, Counts.UP))) == expected.upload
    seconds = SessionLimits(seconds_left=3600)
    assert encode_attributes(vendor(name).limits(seconds)) == attr(27, u32(3600))
    assert vendor(name).limits(SessionLimits()) == []


def test_a_mikrotik_hotspot_limits_the_total() -> None:
    pairs = vendor("mikrotik").limits(SessionLimits(GIBIBYTES_5), hotspot=True)
    assert encode_attributes(pairs) == bytes.fromhex("1a0c00003a8c110640000000" + "1a0c00003a8c120600000001")


def test_mikrotik_wireless_and_wired_ports_are_told_a_vlan_in_their_own_words() -> None:
    octets = encode_attributes(vendor("mikrotik").accept(ServiceProfile(Access.ACTIVE, vlan=12), 300))
    assert octets == (
        vsa(14988, 26, u32(12))
        + vsa(14988, 27, u32(0))
        + bytes.fromhex("40060000000d" + "410600000006")
        + attr(81, b"12")
        + INTERIM
    )


@pytest.mark.parametrize("name", ["hostapd", "ubiquiti", "ruckus", "cambium", "cisco", "rfc"])
def test_a_vlan_is_a_tunnel_of_type_13_on_medium_6(name: str) -> None:
    """RFC 3580 §3.31."""
    octets = encode_attributes(vendor(name).accept(ServiceProfile(Access.ACTIVE, vlan=666), 300))
    assert octets == bytes.fromhex("40060000000d" + "410600000006") + attr(81, b"666") + INTERIM


def test_aruba_is_told_a_vlan_by_number() -> None:
    octets = encode_attributes(vendor("aruba").accept(ServiceProfile(Access.ACTIVE, vlan=666), 300))
    assert octets == vsa(14823, 2, u32(666)) + INTERIM


def test_prefixes_of_the_services_own_are_sent_shortened() -> None:
    """RFC 3162 §2.3, RFC 4818 §3."""
    profile = ServiceProfile(
        Access.ACTIVE, ipv6_prefix="2001:db8:1:2::/64", delegated_prefix="2001:db8:100::/56", ipv6_pool="no"
    )
    octets = encode_attributes(vendor("mikrotik").accept(profile, 300))
    prefix = attr(97, bytes.fromhex("0040" + "20010db800010002"))
    assert octets == prefix + attr(123, bytes.fromhex("0038" + "20010db8010000")) + INTERIM


@pytest.mark.parametrize(
    ("name", "pools"),
    [
        ("mikrotik", attr(100, b"six") + attr(171, b"shared") + vsa(14988, 22, b"shared")),
        ("accel-ppp", attr(100, b"six") + attr(171, b"shared")),
        ("juniper", attr(100, b"six") + vsa(4874, 161, b"shared")),
        ("huawei", attr(100, b"six") + vsa(2011, 191, b"shared")),
        ("hostapd", b""),
    ],
)
def test_ipv6_pools_by_name(name: str, pools: bytes) -> None:
    profile = ServiceProfile(Access.ACTIVE, ipv6_pool="six", delegated_pool="shared", idle_seconds=600)
    assert encode_attributes(vendor(name).accept(profile, 300)) == pools + attr(28, u32(600)) + INTERIM


def test_a_burst_is_the_peak_rate_of_huawei_and_the_burst_of_airos() -> None:
    burst = Burst(40_000_000, 10_000_000, 15_000_000, 4_000_000, 10)
    profile = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 5_000_000, burst))
    huawei, airos = (encode_attributes(vendor(name).accept(profile, 300)) for name in ("huawei", "ubiquiti"))
    assert vsa(2011, 3, u32(10_000_000)) in huawei
    assert vsa(2011, 6, u32(40_000_000)) in huawei
    assert vsa(41112, 2, u64(40_000_000)) + vsa(41112, 4, u64(10_000_000)) in airos


@pytest.mark.parametrize(
    ("name", "slow"),
    [
        ("accel-ppp", attr(11, b"2/1")),
        ("coovachilli", vsa(14559, 4, u32(1)) + vsa(14559, 5, u32(2))),
        ("ocserv", vsa(10055, 1, u32(1)) + vsa(10055, 2, u32(1))),
    ],
)
def test_a_rate_is_never_rounded_down_to_no_limit(name: str, slow: bytes) -> None:
    assert slow in encode_attributes(vendor(name).accept(ServiceProfile(Access.ACTIVE, Speed(1_001, 999)), 300))


@EVERY
@pytest.mark.parametrize("profile", [ACTIVE, NAMED, WALLED], ids=["active", "named", "walled"])
def test_pyrad_reads_what_we_write(name: str, profile: ServiceProfile) -> None:
    known = vendor(name)
    pairs = (
        known.accept(profile, 300) + known.limits(SessionLimits(GIBIBYTES_5, seconds_left=9)) + known.identify(SESSION)
    )
    datagram = encode(AccessAccept, 1, bytes(16), encode_attributes(pairs))
    theirs = Packet(packet=datagram, secret=b"x", dict=load())
    ours = decode(datagram)
    assert {key if key < 256 else (key >> 8, key & 0xFF): ours.all(key) for key in ours.attributes} == dict(
        theirs.items()
    )
    for attribute in theirs.keys():  # noqa: SIM118 - pyrad's own, by name
        assert theirs[attribute], attribute
    if profile.speed == FAST and name in {"wispr", "ruckus", "coovachilli", "cambium", "ubiquiti"}:
        assert theirs["WISPr-Bandwidth-Max-Up"] == [5_000_000]
    if profile.speed == FAST and name == "ubiquiti":
        assert (theirs["UBNT-Data-Rate-DL"], theirs["UBNT-Data-Rate-UL"]) == ([20_000_000], [5_000_000])
