"""What is planned for sessions that orders don't reach: behind a shared address, or let in by the router itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import Cannot, ChangeOfAuthorization, Disconnect, EnterList, Obstacle, Via
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.order_book import NasRecord, SessionToCheck
from netbilld.services.plan_order import Agreed, Wanted, plan_order

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)
ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
THROTTLED = ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
BLOCKED = ServiceProfile(Access.BLOCKED, None)
NAS = NasRecord(UUID(int=9), "pop1", "192.0.2.1/32", "mikrotik", 3799, "10.0.0.1", b"sealed")


def session(due: ServiceProfile, nas: NasRecord = NAS, **changes: object) -> SessionToCheck:
    base = SessionToCheck(
        session_id=1,
        service_id=UUID(int=1),
        username="budi",
        acct_session_id="81000001",
        framed_ip="10.1.2.3",
        nas_source=None,
        started_at=NOW + timedelta(hours=1),
        disconnect_requested_at=None,
        nas=nas,
        desired=DesiredService(UUID(int=1), due.access, "ok", due, due.key, "test", NOW, None),
        observed=None,
        pending=None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def ladder(check: SessionToCheck) -> object:
    wanted = plan_order(check, "isolir")
    return list(wanted.rungs) if isinstance(wanted, Wanted) else wanted


def test_a_nas_that_shares_its_coa_port_is_asked_over_its_api_or_not_at_all() -> None:
    shared = replace(NAS, shares_order_port=True)
    asked = {"disconnect_requested_at": NOW}
    assert ladder(session(ACTIVE, shared, **asked)) == Cannot(Obstacle.SHARED_ADDRESS)
    assert ladder(session(ACTIVE, replace(shared, has_api=True), **asked)) == [(Disconnect(Via.API),)]


def test_a_session_let_in_by_the_router_itself_is_not_taken_for_what_is_due() -> None:
    assert plan_order(session(ACTIVE)) == Agreed(presumed=True)
    assert plan_order(session(ACTIVE, is_local=True)) == Agreed(presumed=False)


@pytest.mark.parametrize(("due", "has_api"), [(BLOCKED, True), (WALLED, False)])
def test_a_session_let_in_by_the_router_itself_is_not_sent_round_in_circles(due: ServiceProfile, has_api: bool) -> None:
    check = session(due, replace(NAS, has_api=has_api, wall_by="list"), is_local=True)
    assert ladder(check) == Cannot(Obstacle.LOCAL_ACCOUNT)


def test_what_needs_no_new_log_in_is_tried_there_all_the_same() -> None:
    by_list = replace(NAS, has_api=True, wall_by="list")
    assert ladder(session(THROTTLED, is_local=True)) == [(ChangeOfAuthorization(THROTTLED),)]
    assert ladder(session(WALLED, by_list, is_local=True)) == [(EnterList("isolir"), ChangeOfAuthorization(WALLED))]
    assert ladder(session(WALLED, is_local=True, disconnect_requested_at=NOW)) == [(Disconnect(),)]
