"""The queue of one NAS, and what is planned for a session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import Cannot, ChangeOfAuthorization, Disconnect, Obstacle
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.ladder import Position
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.order_book import NasRecord, PendingOrder, SessionToCheck
from netbilld.services.order_queue import OrderQueue, WaitingOrder
from netbilld.services.plan_order import Agreed, Wanted, handle_of, is_due, is_urgent, order_host, plan_order

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)
ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
THROTTLED = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
NAS = NasRecord(UUID(int=9), "pop1", "192.0.2.1/32", "mikrotik", 3799, "10.0.0.1", b"sealed")


def wish(profile: ServiceProfile, since_at: datetime = NOW) -> DesiredService:
    return DesiredService(UUID(int=1), profile.access, "ok", profile, profile.key, "test", since_at, None)


def planned(check: SessionToCheck) -> object:
    wanted = plan_order(check)
    return wanted.order if isinstance(wanted, Wanted) else wanted


def seen(profile: ServiceProfile) -> ObservedService:
    return ObservedService(profile.access, profile.key, Evidence.LOGIN)


def session(number: int = 1, *, service: int | None = None, **changes: object) -> SessionToCheck:
    base = SessionToCheck(
        session_id=number,
        service_id=UUID(int=service or number),
        username="budi",
        acct_session_id="81000001",
        framed_ip="10.1.2.3",
        nas_source=None,
        started_at=NOW - timedelta(hours=1),
        disconnect_requested_at=None,
        nas=NAS,
        desired=wish(THROTTLED),
        observed=seen(ACTIVE),
        pending=None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def waiting(number: int, *, urgent: bool = False, service: int | None = None) -> WaitingOrder:
    return WaitingOrder(session(number, service=service), Disconnect(), urgent)


def nobody(_key: UUID | int) -> bool:
    return False


def numbers(taken: list[WaitingOrder]) -> list[int]:
    return [order.session.session_id for order in taken]


def test_orders_leave_in_turn_and_urgent_ones_first() -> None:
    queue = OrderQueue()
    for number in (1, 2, 3):
        queue.put(waiting(number))
    queue.put(waiting(4, urgent=True))
    assert numbers(queue.take(2, nobody)) == [4, 1]
    assert numbers(queue.take(9, nobody)) == [2, 3]
    assert len(queue) == 0


def test_a_newer_wish_replaces_the_older_one_in_its_place() -> None:
    queue = OrderQueue()
    queue.put(waiting(1))
    queue.put(waiting(2))
    newer = WaitingOrder(session(1), ChangeOfAuthorization(ACTIVE), urgent=False)
    queue.put(newer)
    assert queue.take(1, nobody) == [newer]
    assert numbers(queue.take(9, nobody)) == [2]


def test_an_order_that_becomes_urgent_moves_to_the_front_and_leaves_once() -> None:
    queue = OrderQueue()
    for number in (1, 2, 3):
        queue.put(waiting(number))
    queue.put(waiting(3, urgent=True))
    assert numbers(queue.take(9, nobody)) == [3, 1, 2]


def test_a_discarded_order_never_leaves() -> None:
    queue = OrderQueue()
    queue.put(waiting(1))
    queue.discard(1)
    queue.discard(2)
    assert queue.take(9, nobody) == []


def test_orders_for_one_service_never_leave_together() -> None:
    queue = OrderQueue()
    queue.put(waiting(1, service=5))
    queue.put(waiting(2, service=5))
    queue.put(waiting(3, service=6))
    assert numbers(queue.take(9, nobody)) == [1, 3]
    assert queue.take(9, lambda key: key == UUID(int=5)) == []
    assert numbers(queue.take(9, nobody)) == [2]


def test_a_throttle_is_a_coa_and_a_wall_a_disconnect() -> None:
    assert planned(session()) == ChangeOfAuthorization(THROTTLED)
    assert planned(session(desired=wish(WALLED))) == Disconnect()
    assert planned(session(desired=wish(ACTIVE))) == Agreed()
    assert planned(session(desired=None, observed=None)) == Agreed()


def test_a_requested_disconnect_is_sent_whatever_is_due() -> None:
    assert planned(session(desired=wish(ACTIVE), disconnect_requested_at=NOW)) == Disconnect()
    assert planned(session(desired=None, service_id=None, disconnect_requested_at=NOW)) == Disconnect()


@pytest.mark.parametrize(
    ("nas", "obstacle"),
    [
        (replace(NAS, coa_port=0), Obstacle.NO_COA_PORT),
        (replace(NAS, secret_sealed=b""), Obstacle.NO_SECRET),
        (replace(NAS, address="192.0.2.0/24"), Obstacle.NO_ADDRESS),
        (replace(NAS, vendor="rfc"), Obstacle.NO_RATE),
    ],
)
def test_what_stands_in_the_way_is_named(nas: NasRecord, obstacle: Obstacle) -> None:
    assert planned(session(nas=nas)) == Cannot(obstacle)


def test_a_session_of_unknown_profile_is_taken_for_granted_when_it_began_well_after_the_wish() -> None:
    unknown = session(observed=None, desired=wish(WALLED, NOW - timedelta(hours=2)))
    assert planned(unknown) == Agreed(presumed=True)
    assert planned(replace(unknown, started_at=NOW - timedelta(hours=2) + timedelta(seconds=9))) == Disconnect()


def pending(key: str, due_in_seconds: float, rung: int = 0) -> PendingOrder:
    at = Position(rung)
    return PendingOrder(1, UUID(int=1), key, 1, NOW + timedelta(seconds=due_in_seconds), at=at)


def test_an_order_waits_for_its_pause_and_a_newer_wish_for_nothing() -> None:
    assert is_due(session(), NOW)
    assert not is_due(session(pending=pending(THROTTLED.key, 1)), NOW)
    assert is_due(session(pending=pending(THROTTLED.key, 0)), NOW)
    assert is_due(session(pending=pending(ACTIVE.key, 1)), NOW)
    assert is_due(session(pending=pending(THROTTLED.key, 1), disconnect_requested_at=NOW), NOW)


def test_a_refused_coa_climbs_to_a_disconnect_for_the_same_wish_only() -> None:
    assert planned(session(pending=pending(THROTTLED.key, 0, rung=1))) == Disconnect()
    assert planned(session(pending=pending("other", 0, rung=1))) == ChangeOfAuthorization(THROTTLED)


def test_giving_access_back_is_urgent_and_taking_it_is_not() -> None:
    assert is_urgent(session(desired=wish(ACTIVE), observed=seen(WALLED)))
    assert is_urgent(session(desired=wish(ACTIVE), observed=seen(THROTTLED)))
    assert is_urgent(session(disconnect_requested_at=NOW))
    assert not is_urgent(session())
    assert not is_urgent(session(desired=wish(WALLED)))
    assert not is_urgent(session(desired=wish(THROTTLED), observed=None))


@pytest.mark.parametrize(
    ("address", "source", "reported", "host"),
    [
        ("192.0.2.1/32", "198.51.100.9", "10.0.0.1", "192.0.2.1"),
        ("2001:db8::1/128", None, None, "2001:db8::1"),
        ("192.0.2.0/24", "192.0.2.9", "192.0.2.8", "192.0.2.9"),
        ("192.0.2.0/24", None, "192.0.2.8", "192.0.2.8"),
        ("192.0.2.0/24", "10.0.0.1", "10.0.0.2", None),
        ("192.0.2.0/24", "2001:db8::1", "nonsense", None),
    ],
)
def test_orders_go_to_the_configured_address_or_to_one_inside_the_prefix(
    address: str, source: str | None, reported: str | None, host: str | None
) -> None:
    record = replace(NAS, address=address, reported_ip=reported)
    assert order_host(session(nas=record, nas_source=source)) == host


def test_the_nas_is_told_its_own_address_only_where_it_is_one_router() -> None:
    assert handle_of(session()).nas_ip == "10.0.0.1"
    assert handle_of(session(nas=replace(NAS, address="192.0.2.0/24"))).nas_ip is None


COA, CUT = ChangeOfAuthorization(THROTTLED), Disconnect()
NO_RATE, NO_ORDERS = Cannot(Obstacle.NO_RATE), Cannot(Obstacle.NO_ORDERS)


@pytest.mark.parametrize(
    ("vendor", "throttle", "wall_or_restore"),
    [
        ("accel-ppp", COA, CUT),
        ("aruba", NO_RATE, CUT),  # the plan gives its speeds no name
        ("cambium", CUT, CUT),
        ("cisco", CUT, CUT),
        ("coovachilli", COA, CUT),
        ("hostapd", NO_RATE, CUT),
        ("huawei", COA, CUT),
        ("juniper", CUT, CUT),
        ("mikrotik", COA, CUT),
        ("ocserv", NO_ORDERS, NO_ORDERS),
        ("rfc", NO_RATE, CUT),
        ("ruckus", CUT, CUT),
        ("ubiquiti", CUT, CUT),
        ("wispr", COA, CUT),
        ("gone from a later release", NO_RATE, CUT),
    ],
)
def test_what_each_vendor_is_asked(vendor: str, throttle: object, wall_or_restore: object) -> None:
    nas = replace(NAS, vendor=vendor)
    assert planned(session(nas=nas)) == throttle
    assert planned(session(nas=nas, desired=wish(WALLED))) == wall_or_restore
    assert planned(session(nas=nas, desired=wish(ACTIVE), observed=seen(WALLED))) == wall_or_restore
    blocked = wish(ServiceProfile(Access.BLOCKED))
    assert planned(session(nas=nas, desired=blocked)) == wall_or_restore
    assert isinstance(planned(session(nas=nas, desired=wish(ACTIVE))), Agreed)


def test_a_nas_that_walls_by_role_moves_a_session_by_coa() -> None:
    nas = replace(NAS, vendor="aruba", wall_by="list")
    named = ServiceProfile(Access.ACTIVE, replace(ACTIVE.speed or Speed(1, 1), nas_profile="gold"))
    assert planned(session(nas=nas, desired=wish(WALLED))) == ChangeOfAuthorization(WALLED)
    restored = session(nas=nas, desired=wish(named), observed=seen(WALLED))
    assert planned(restored) == ChangeOfAuthorization(named)
    # without a name there is nothing a CoA could say, and in another VLAN a client would keep its old address
    assert planned(session(nas=nas, desired=wish(ACTIVE), observed=seen(WALLED))) == Disconnect()
    assert planned(session(nas=nas, desired=wish(replace(WALLED, vlan=666)))) == Disconnect()
    assert planned(session(nas=nas, desired=wish(ServiceProfile(Access.BLOCKED)))) == Disconnect()


def test_who_is_walled_on_a_nas_that_refuses_the_walled_was_not_let_in_by_us() -> None:
    since = session(desired=wish(WALLED, NOW - timedelta(hours=2)), observed=None)
    assert planned(since) == Agreed(presumed=True)
    assert planned(replace(since, nas=replace(NAS, wall_by="reject"))) == Disconnect()


def test_a_session_is_known_by_its_station_too() -> None:
    assert handle_of(session(mac="02:00:5E:10:00:0A")).mac == "02:00:5E:10:00:0A"
