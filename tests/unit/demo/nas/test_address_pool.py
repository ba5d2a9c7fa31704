from ipaddress import IPv4Address

import pytest

from netbilld.demo.nas.address_pool import AddressPool, AddressTable
from netbilld.demo.nas.errors import DialError


def table() -> AddressTable:
    return AddressTable({"default": ("127.64.0.0/30",), "isolir": ("127.65.0.10-127.65.0.11",)}, "default")


def test_a_freed_address_rests_while_others_are_free() -> None:
    pool = AddressPool(["127.64.0.8-127.64.0.9", "127.64.1.1-127.64.1.1"])
    first = pool.allot()
    assert first == IPv4Address("127.64.0.8")
    pool.release(first)
    assert [pool.allot() for _ in range(3)] == [IPv4Address(a) for a in ("127.64.0.9", "127.64.1.1", "127.64.0.8")]
    assert pool.allot() is None


@pytest.mark.parametrize("ranges", [[], ["127.64.0.9-127.64.0.8"], ["127.64.0.1/16"], ["nonsense"]])
def test_a_malformed_range_is_refused(ranges: list[str]) -> None:
    with pytest.raises(ValueError):
        AddressPool(ranges)


def test_an_address_named_by_the_server_beats_its_pool() -> None:
    named = IPv4Address("192.0.2.7")
    assert table().for_session(named, "isolir", None) == named


def test_an_address_in_use_is_not_given_twice() -> None:
    addresses = table()
    for named in (IPv4Address("192.0.2.7"), IPv4Address("127.65.0.10")):
        addresses.for_session(named, "", None)
        with pytest.raises(DialError, match="in use"):
            addresses.for_session(named, "", None)
        addresses.release(named)
        addresses.for_session(named, "", None)


@pytest.mark.parametrize("named", ["255.255.255.254", "255.255.255.255", "127.0.0.1", "224.0.0.1"])
def test_the_addresses_routeros_reads_as_use_the_pool_do_so(named: str) -> None:
    assert table().for_session(IPv4Address(named), "isolir", None) == IPv4Address("127.65.0.10")


def test_an_unknown_or_exhausted_pool_stops_the_session() -> None:
    addresses = table()
    with pytest.raises(DialError, match="no pool gone"):
        addresses.for_session(None, "gone", None)
    addresses.from_pool(), addresses.from_pool()
    with pytest.raises(DialError, match="exhausted"):
        addresses.for_session(None, "", None)


def test_a_hotspot_device_keeps_the_address_it_has_unless_told_otherwise() -> None:
    addresses = table()
    held = addresses.from_pool()
    assert addresses.for_session(None, "", held) == held
    assert addresses.for_session(None, "isolir", held) == IPv4Address("127.65.0.10")
    assert addresses.for_session(held, "", None) == held
