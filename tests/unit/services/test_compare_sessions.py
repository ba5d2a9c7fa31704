"""What a router shows of a session, beside what its service is due on that NAS."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from netbilld.billing.plan import Speed
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.read_back import Verdict
from netbilld.enforcement.vendors.interface import WallBy
from netbilld.ports.ask_nas import Presence
from netbilld.ports.look_at_nas import Seen
from netbilld.services.compare_sessions import believed, built, compare, list_entry
from netbilld.services.order_book import NasRecord, SessionToCheck

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)
ACTIVE = ServiceProfile(Access.ACTIVE, Speed(20_000_000, 10_000_000))
WALLED = ServiceProfile(Access.WALLED, Speed(256_000, 256_000), "isolir", "isolir")
NAS = NasRecord(UUID(int=9), "pop1", "192.0.2.1/32", "mikrotik", 3799, None, b"sealed")
FULL, FAST = (10_000_000, 20_000_000), (50_000_000, 50_000_000)


def session(due: ServiceProfile = ACTIVE, wall_by: WallBy | None = None, **changes: object) -> SessionToCheck:
    base = SessionToCheck(
        session_id=1,
        service_id=UUID(int=1),
        username="budi",
        acct_session_id="81000001",
        framed_ip="10.1.2.3",
        nas_source=None,
        started_at=NOW,
        disconnect_requested_at=None,
        nas=replace(NAS, wall_by=wall_by),
        desired=DesiredService(UUID(int=1), due.access, "ok", due, due.key, "test", NOW, None),
        observed=ObservedService(due.access, due.key, Evidence.LOGIN),
        pending=None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def there(rate_bps: tuple[int, int] | None = FULL, *lists: str, hidden_by: str | None = None) -> Seen:
    return Seen(Presence.THERE, NOW, rate_bps, frozenset(lists), hidden_by)


def test_a_session_is_compared_with_what_its_nas_builds() -> None:
    assert compare(session(), there(), "isolir").verdict is Verdict.AGREES
    assert compare(session(WALLED), there(FULL, "isolir"), "isolir").verdict is Verdict.DIFFERS
    assert compare(session(WALLED), there(None, "isolir"), "isolir").verdict is Verdict.AGREES
    assert compare(session(WALLED, "pool"), there((256_000, 256_000)), "isolir").verdict is Verdict.UNKNOWN
    assert compare(session(WALLED, "reject"), there((256_000, 256_000)), "isolir").verdict is Verdict.DIFFERS


def test_a_hotspot_that_walls_by_refusing_has_nobody_walled_online() -> None:
    phone = session(WALLED, acct_session_id="80100001")
    assert built(phone) is None
    assert compare(phone, there(), "isolir").verdict is Verdict.DIFFERS


def test_who_is_gone_or_can_t_be_seen_neither_agrees_nor_differs() -> None:
    gone = compare(session(), Seen(Presence.GONE, NOW), "isolir")
    assert (gone.presence, gone.verdict) == (Presence.GONE, Verdict.UNKNOWN)
    assert compare(session(), None, "isolir").presence is Presence.UNKNOWN
    assert compare(session(desired=None), there(), "isolir").verdict is Verdict.UNKNOWN


def test_what_no_order_changes_is_told_and_held_against_nobody() -> None:
    hidden = compare(session(), there(hidden_by="vip at 50M/50M"), "isolir")
    assert (hidden.verdict, "vip at 50M/50M" in hidden.words) == (Verdict.UNKNOWN, True)
    assert compare(session(), there(FAST, hidden_by="vip at 50M/50M"), "isolir").verdict is Verdict.DIFFERS
    local = compare(session(is_local=True), there(FAST), "isolir")
    assert (local.verdict, "its router let it in by itself" in local.words) == (Verdict.UNKNOWN, True)
    assert compare(session(is_local=True), there(), "isolir").verdict is Verdict.AGREES


def test_only_what_is_on_record_as_done_can_turn_out_not_to_be() -> None:
    assert believed(session())
    assert not believed(session(observed=None))
    assert not believed(session(observed=ObservedService(Access.WALLED, WALLED.key, Evidence.API)))
    assert not believed(session(disconnect_requested_at=NOW))
    assert compare(session(disconnect_requested_at=NOW), there(), "isolir").verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("check", "entry"),
    [
        (session(WALLED, "list"), ("isolir", "10.1.2.3")),
        (session(WALLED), None),  # there the log-in makes it
        (session(ACTIVE, "list"), None),
        (session(WALLED, "list", framed_ip=None), None),
        (session(WALLED, "list", disconnect_requested_at=NOW), None),
    ],
)
def test_an_entry_is_due_to_who_is_walled_by_list_alone(check: SessionToCheck, entry: tuple[str, str] | None) -> None:
    assert list_entry(check) == entry
