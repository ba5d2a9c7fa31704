"""A pool numbers its addresses and enumerates none of them."""

from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import UUID

import pytest

from netbilld.model.address_pool import AddressPool, PoolKind, check_excluded, check_network
from netbilld.model.errors import InvalidInputError
from netbilld.radius.values import encode_ipv6_prefix

AT = datetime(2026, 1, 1, tzinfo=UTC)


def pool(network: str, kind: str = "ipv4", length: int | None = None, excluded: tuple[str, ...] = ()) -> AddressPool:
    checked, prefix_length = check_network(PoolKind(kind), network, length)
    return AddressPool(
        UUID(int=1), "home", "home", PoolKind(kind), checked, prefix_length, check_excluded(checked, excluded), AT
    )


def test_every_address_of_an_ipv4_network_is_given_the_first_and_last_too() -> None:
    small = pool("10.0.0.0/30")
    assert small.size == 4
    assert [small.address(number) for number in range(4)] == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_excluded_addresses_and_ranges_have_no_number() -> None:
    some = pool("10.0.0.0/28", excluded=("10.0.0.0", "10.0.0.3-10.0.0.5", "10.0.0.4-10.0.0.6", "10.0.0.15"))
    given = [some.address(number) for number in range(some.size)]
    assert given == [f"10.0.0.{last}" for last in (1, 2, 7, 8, 9, 10, 11, 12, 13, 14)]
    assert [some.number(address) for address in given] == list(range(10))
    assert [some.number(f"10.0.0.{last}") for last in (0, 3, 6, 15, 16)] == [None] * 5
    assert [some.number(text) for text in ("", "10.0.0", "10.0.0.257", "10.0.0.-1", "10.0.0.x", "::1")] == [None] * 6


@pytest.mark.parametrize(
    ("network", "kind", "length", "size"),
    [
        ("2001:db8::/32", "delegated", 56, 1 << 24),
        ("2001:db8::/32", "ipv6_prefix", 64, 1 << 32),
        ("fd00::/16", "ipv6_prefix", 128, 1 << 112),
        ("10.0.0.0/8", "ipv4", None, 1 << 24),
    ],
)
def test_a_huge_pool_is_not_enumerated(network: str, kind: str, length: int | None, size: int) -> None:
    huge = pool(network, kind, length)
    assert huge.size == size
    for number in (0, 1, size // 3, size - 1):
        address = huge.address(number)
        assert ip_network(address).prefixlen == huge.prefix_length
        assert huge.number(address) == number


def test_an_exclusion_inside_an_ipv6_prefix_takes_the_whole_prefix_out() -> None:
    some = pool("2001:db8::/54", "delegated", 56, ("2001:db8:0:100::1",))
    assert [some.address(number) for number in range(some.size)] == [
        "2001:db8::/56",
        "2001:db8:0:200::/56",
        "2001:db8:0:300::/56",
    ]


def test_addresses_are_encoded_as_their_attributes_want_them() -> None:
    """RFC 2865 §5.8, RFC 3162 §2.3, RFC 4818 §3."""
    assert pool("10.0.0.0/24").packed("10.0.0.7") == bytes((10, 0, 0, 7))
    delegated = pool("2001:db8::/40", "delegated", 60)
    assert delegated.packed("2001:db8:0:10::/60") == encode_ipv6_prefix(ip_network("2001:db8:0:10::/60"))  # type: ignore[arg-type]


def test_a_fixed_address_touches_a_pool_unless_it_is_excluded() -> None:
    some = pool("10.0.0.0/24", excluded=("10.0.0.7",))
    assert some.gives("10.0.0.8")
    assert not some.gives("10.0.0.7")
    assert not some.gives("10.0.1.8")
    assert not some.gives("2001:db8::/64")
    prefixes = pool("2001:db8::/48", "delegated", 56)
    assert prefixes.gives("2001:db8:0:100::/64")
    assert prefixes.gives("2001:db8::/32")
    assert not prefixes.gives("2001:db9::/56")


@pytest.mark.parametrize(
    ("kind", "network", "length", "message"),
    [
        ("ipv4", "10.0.0.1/24", None, "has host bits set"),
        ("ipv4", "2001:db8::/40", None, "needs an IPv4 network"),
        ("ipv4", "10.0.0.0/24", 30, "for IPv6 pools"),
        ("ipv4", "224.0.0.0/24", None, "can't be subscribers'"),
        ("ipv4", "0.0.0.0/4", None, "too wide"),
        ("delegated", "2001:db8::/40", 39, "40 to 64"),
        ("delegated", "10.0.0.0/8", None, "needs an IPv6 network"),
        ("ipv6_prefix", "home", None, "is none"),
    ],
)
def test_a_network_that_can_be_no_pool_is_refused(kind: str, network: str, length: int | None, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        pool(network, kind, length)


@pytest.mark.parametrize("excluded", ["10.0.1.1", "10.0.0.9-10.0.0.1", "router", "2001:db8::1"])
def test_an_exclusion_that_is_none_is_refused(excluded: str) -> None:
    with pytest.raises(InvalidInputError, match="excluded"):
        pool("10.0.0.0/24", excluded=(excluded,))
