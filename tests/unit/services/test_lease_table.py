"""Which address a log-in is offered."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from netbilld.model.address_lease import AddressLease
from netbilld.services.lease_table import LeaseTable
from tests.address_world import pool

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
NAS = UUID(int=1)
ONE, TWO, THREE = (UUID(int=number) for number in (11, 12, 13))


class Desk:
    def __init__(self, network: str = "10.0.0.0/30", kind: str = "ipv4", length: int | None = None) -> None:
        self.table = LeaseTable(pool("home", network, kind, length))
        self.at = NOW

    def take(self, service: UUID, key: str | None = "mac") -> str | None:
        number = self.table.choose(service, NAS, key)
        if number is None:
            return None
        address = self.table.pool.address(number)
        self.table.put(AddressLease(self.table.pool.id, address, service, NAS, key, self.at))
        return address

    def free(self, address: str) -> None:
        self.at += timedelta(seconds=1)
        lease = self.table.get(self.table.pool.number(address) or 0)
        assert lease is not None
        self.table.put(
            AddressLease(
                lease.pool_id, address, lease.service_id, NAS, lease.session_key, lease.taken_at, None, self.at
            )
        )


def test_addresses_never_given_go_before_those_that_somebody_may_want_back() -> None:
    desk = Desk()
    assert [desk.take(ONE), desk.take(TWO)] == ["10.0.0.0", "10.0.0.1"]
    desk.free("10.0.0.0")
    assert [desk.take(uuid4()), desk.take(uuid4())] == ["10.0.0.2", "10.0.0.3"]
    assert desk.take(ONE) == "10.0.0.0"
    assert desk.take(THREE) is None


def test_of_two_remembered_addresses_the_newer_one_is_offered() -> None:
    desk = Desk()
    assert [desk.take(ONE, "a"), desk.take(ONE, "b")] == ["10.0.0.0", "10.0.0.1"]
    desk.free("10.0.0.1")
    desk.free("10.0.0.0")
    assert desk.take(ONE, "c") == "10.0.0.0"


def test_the_longest_free_goes_first_and_its_last_service_has_lost_it() -> None:
    desk = Desk()
    services = [uuid4() for _ in range(4)]
    given = [desk.take(service) for service in services]
    for address in (given[2], given[0], given[3]):
        desk.free(address or "")
    assert [desk.take(uuid4()), desk.take(uuid4())] == [given[2], given[0]]
    assert desk.take(services[2]) == given[3]


def test_a_station_whose_address_is_unknown_by_name_never_takes_over_another_session() -> None:
    desk = Desk()
    assert desk.take(ONE, None) != desk.take(ONE, None)


def test_what_is_wanted_is_offered_to_nobody_else_until_it_is_given_back() -> None:
    desk = Desk("10.0.0.0/31")
    first = desk.table.choose(ONE, NAS, "a")
    assert first == 0
    desk.table.want(first)
    assert desk.table.choose(TWO, NAS, "a") == 1
    desk.table.want(1)
    assert desk.table.choose(THREE, NAS, "a") is None
    desk.table.unwant(0)
    assert desk.table.choose(THREE, NAS, "a") == 0


def test_an_address_wanted_by_another_is_not_offered_to_whose_it_was() -> None:
    desk = Desk("10.0.0.0/31")
    address = desk.take(ONE, "a") or ""
    desk.free(address)
    desk.take(THREE)
    assert desk.table.choose(TWO, NAS, "b") == 0
    desk.table.want(0)
    assert desk.table.choose(ONE, NAS, "a") is None


def test_only_what_a_service_had_is_remembered_for_it() -> None:
    desk = Desk()
    address = desk.take(ONE, "a")
    assert desk.table.remembered(TWO, NAS, "a") is None
    assert desk.table.remembered(ONE, NAS, "b") is None  # the address is in use by its other station
    assert desk.table.remembered(ONE, NAS, "a") == desk.table.pool.number(address or "")
    desk.free(address or "")
    assert desk.table.remembered(ONE, NAS, "b") == desk.table.pool.number(address or "")


def test_an_address_that_was_another_s_is_not_remembered_for_a_service_that_had_none() -> None:
    desk = Desk("10.0.0.0/31")
    address = desk.take(ONE, "a") or ""
    desk.take(THREE)
    desk.free(address)
    assert desk.table.choose(TWO, NAS, "b") == desk.table.pool.number(address)
    assert desk.table.remembered(TWO, NAS, "b") is None


def test_a_pool_of_a_whole_ipv6_32_gives_and_counts_like_any_other() -> None:
    desk = Desk("2001:db8::/32", "delegated", 60)
    assert [desk.take(uuid4()) for _ in range(3)] == ["2001:db8::/60", "2001:db8:0:10::/60", "2001:db8:0:20::/60"]
    assert desk.table.free == (1 << 28) - 3


def test_a_process_that_begins_in_the_middle_goes_round_to_the_first_address() -> None:
    desk = Desk()
    desk.table = LeaseTable(desk.table.pool, start=0.5)
    given = [desk.take(uuid4()) for _ in range(5)]
    assert given == ["10.0.0.2", "10.0.0.3", "10.0.0.0", "10.0.0.1", None]


def test_a_lease_of_an_address_the_pool_no_longer_gives_is_passed_over() -> None:
    desk = Desk()
    desk.table.put(AddressLease(desk.table.pool.id, "10.0.9.9", ONE, NAS, None, NOW))
    assert len(desk.table) == 0
