"""Whatever a plan, a subscriber's addresses and the walls are: every vendor can be told, in one packet."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import Burst, Counts, Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.limits import SessionLimits
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.vendors import VENDORS
from netbilld.radius.attributes import ACCT_SESSION_ID, CLASS, FRAMED_IP_ADDRESS, FRAMED_POOL, USER_NAME
from netbilld.radius.packet import MAX_PACKET_OCTETS, decode, encode, encode_attributes

rates = st.integers(1, 10**13)
names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=50)
bursts = st.builds(Burst, rates, rates, rates, rates, st.integers(1, 300))
speeds = st.builds(
    Speed,
    rates,
    rates,
    st.none() | bursts,
    st.none() | st.integers(1, 8),
    st.none() | rates,
    st.none() | rates,
    st.none() | names,
)
prefixes = st.builds(
    lambda address, length: str(IPv6Network((address, length), strict=False)),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
)
addresses = st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number))) | st.integers(0, 2**128 - 1).map(
    lambda number: str(IPv6Address(number))
)
profiles = st.builds(
    ServiceProfile,
    st.sampled_from([Access.ACTIVE, Access.THROTTLED, Access.WALLED]),
    st.none() | speeds,
    st.none() | names,
    st.none() | names,
    st.none() | addresses,
    st.none() | prefixes,
    st.none() | prefixes,
    st.none() | names,
    st.none() | names,
    st.none() | st.integers(1, 4094),
    st.none() | st.integers(1, 10**6),
)
limits = st.builds(
    SessionLimits, st.none() | st.integers(1, 2**63), st.sampled_from(Counts), st.none() | st.integers(1, 2**31 - 1)
)
sessions = st.builds(
    SessionHandle,
    st.text(max_size=60),
    st.text(st.characters(codec="ascii"), min_size=1, max_size=253),
    st.none() | addresses,
    st.none() | addresses,
    st.none() | st.just("02:00:5E:10:00:0A"),
)


@given(profiles, limits, st.booleans())
def test_every_profile_fits_into_one_accept_of_every_vendor(
    profile: ServiceProfile, limit: SessionLimits, hotspot: bool
) -> None:
    for known in VENDORS.values():
        pairs = [*known.accept(profile, 300), *known.limits(limit, hotspot=hotspot), (CLASS, bytes(64))]
        packet = decode(encode(2, 1, bytes(16), encode_attributes(pairs)))
        assert len(packet.datagram) <= MAX_PACKET_OCTETS
        assert packet.message_authenticator_at == 0  # the server adds its own
        # RFC 2865 §5.8 and RFC 2869 §5.18: an address of its own, or one from a pool, never both
        assert not {FRAMED_IP_ADDRESS, FRAMED_POOL} <= packet.attributes.keys()


@given(profiles, sessions)
def test_every_order_fits_and_names_its_session(profile: ServiceProfile, session: SessionHandle) -> None:
    for known in VENDORS.values():
        identity = known.identify(session)
        datagram = encode(43, 1, bytes(16), encode_attributes(identity + known.change(profile, 300, bytes(64))))
        packet = decode(datagram)
        assert len(datagram) <= MAX_PACKET_OCTETS
        assert packet.get(ACCT_SESSION_ID) == session.acct_session_id.encode()
        assert packet.get(USER_NAME) == (session.username.encode() or None) or USER_NAME not in known.identity_keys
        assert len({key for key, _ in identity}) == len(identity)


@given(profiles, st.sampled_from([None, "pool", "list", "reject"]), st.booleans())
def test_a_wall_is_built_of_something_or_not_at_all(
    profile: ServiceProfile, wall_by: str | None, hotspot: bool
) -> None:
    walled = replace(profile, access=Access.WALLED)
    for known in VENDORS.values():
        built = known.walled(walled, wall_by, hotspot=hotspot)  # type: ignore[arg-type]  # strings of the literal
        if built is None:
            continue
        said = known.accept(built, 300)
        bare = known.accept(replace(built, pool=None, address_list=None, vlan=None), 300)
        assert said != bare
        assert wall_by != "reject"
