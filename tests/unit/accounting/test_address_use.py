"""When an address is free again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from netbilld.accounting.address_use import (
    HoldPolicy,
    NasSilence,
    SessionHold,
    Surroundings,
    Verdict,
    judge,
    silence_changes,
)
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import PoolKind

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
NAS, SERVICE, POOL = UUID(int=1), UUID(int=2), UUID(int=3)
MAC = "AA:00:00:00:00:01"
POLICY = HoldPolicy(accept_seconds=120, suspect_seconds=86_400, interim_seconds=300)
LEASE = AddressLease(POOL, "10.0.0.7", SERVICE, NAS, MAC, NOW - timedelta(hours=1))
HELD = replace(LEASE, taken_at=NOW, held_until_at=NOW + timedelta(seconds=120))
LIVE = SessionHold(1, SERVICE, NAS, "budi", MAC, "10.0.0.7", None, None, "live", NOW - timedelta(hours=1), NOW, None)
HEARD = NasSilence(NAS, "pop1", NOW, None)


def verdict(
    lease: AddressLease,
    *sessions: SessionHold,
    kind: PoolKind = PoolKind.IPV4,
    now: datetime = NOW,
    hearing_since: datetime = NOW - timedelta(days=1),
    silence: NasSilence | None = HEARD,
    restarted_at: datetime | None = None,
) -> Verdict:
    return judge(lease, kind, sessions, POLICY, Surroundings(now, hearing_since, silence, restarted_at))


def over(state: str, minutes_ago: int) -> SessionHold:
    at = NOW - timedelta(minutes=minutes_ago)
    return replace(LIVE, state=state, updated_at=at, stopped_at=at)


def test_a_held_address_is_in_use_once_its_session_is_seen() -> None:
    assert verdict(HELD, replace(LIVE, started_at=NOW)) is Verdict.USE
    assert verdict(LEASE, LIVE) is Verdict.KEEP


def test_the_session_before_a_reconnect_does_not_count_for_it_until_the_hold_is_over() -> None:
    assert verdict(HELD, LIVE) is Verdict.KEEP
    assert verdict(HELD, LIVE, now=NOW + timedelta(seconds=121)) is Verdict.USE


def test_a_session_at_another_address_does_not_have_this_one() -> None:
    assert verdict(HELD, replace(LIVE, framed_ip="10.0.0.9")) is Verdict.KEEP
    assert verdict(LEASE, replace(LIVE, framed_ip="10.0.0.9")) is Verdict.RELEASE


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (None, Verdict.KEEP),  # many NAS never say
        ("2001:db8:5::/56", Verdict.KEEP),
        ("2001:db8:5::/64", Verdict.KEEP),  # a part of it
        ("2001:db8:5::17", Verdict.KEEP),  # an address made of it
        ("2001:db8:6::/56", Verdict.RELEASE),
    ],
)
def test_a_prefix_is_in_use_unless_the_nas_reports_another(reported: str | None, expected: Verdict) -> None:
    lease = replace(LEASE, address="2001:db8:5::/56")
    assert verdict(lease, replace(LIVE, delegated_prefix=reported), kind=PoolKind.DELEGATED) is expected


def test_where_the_nas_reports_no_address_the_station_decides() -> None:
    silent = replace(LIVE, framed_ip=None)
    assert verdict(LEASE, silent) is Verdict.KEEP
    assert verdict(LEASE, replace(silent, mac="AA:00:00:00:00:02")) is Verdict.RELEASE
    assert verdict(LEASE, replace(silent, mac=None)) is Verdict.KEEP
    assert verdict(LEASE, replace(silent, nas_id=UUID(int=9))) is Verdict.RELEASE


def test_a_stop_frees_it_at_once() -> None:
    assert verdict(LEASE, over("closed", 0)) is Verdict.RELEASE
    assert verdict(HELD, over("closed", 0)) is Verdict.KEEP  # given anew since


def test_a_hold_ends_but_not_while_a_start_may_wait_to_be_read() -> None:
    later = NOW + timedelta(seconds=121)
    heard = replace(HEARD, last_heard_at=later)
    assert verdict(HELD, now=NOW + timedelta(seconds=119), silence=heard) is Verdict.KEEP
    assert verdict(HELD, now=later, silence=heard) is Verdict.RELEASE
    assert verdict(HELD, now=later, silence=heard, hearing_since=later) is Verdict.KEEP
    waited = later + timedelta(seconds=120)
    assert verdict(HELD, now=waited, silence=heard, hearing_since=later) is Verdict.RELEASE


def test_a_hold_goes_on_while_the_nas_is_cut_off() -> None:
    later = NOW + timedelta(hours=1)
    assert verdict(HELD, now=later) is Verdict.KEEP  # not heard since the hold was over
    back = replace(HEARD, last_heard_at=later, suspect_since_at=NOW)
    assert verdict(HELD, now=later, silence=back) is Verdict.KEEP  # heard, and its queue may still come
    assert verdict(HELD, now=later, silence=replace(back, suspect_since_at=None)) is Verdict.RELEASE
    assert verdict(HELD, now=NOW + timedelta(hours=25), silence=back) is Verdict.RELEASE


def test_a_session_presumed_over_frees_it_when_the_nas_has_spoken_on_for_two_intervals() -> None:
    assert verdict(LEASE, over("stale", 16)) is Verdict.RELEASE
    assert verdict(LEASE, over("stale", 9)) is Verdict.KEEP
    silent_too = replace(HEARD, last_heard_at=NOW - timedelta(minutes=14))
    assert verdict(LEASE, over("stale", 16), silence=silent_too) is Verdict.KEEP


def test_a_silent_nas_keeps_it_for_a_long_while_and_a_removed_one_not() -> None:
    suspect = replace(HEARD, suspect_since_at=NOW - timedelta(hours=2))
    assert verdict(LEASE, over("stale", 120), silence=suspect) is Verdict.KEEP
    assert verdict(LEASE, over("stale", 24 * 60), silence=suspect) is Verdict.RELEASE
    assert verdict(LEASE, over("closed", 1), silence=suspect) is Verdict.RELEASE
    assert verdict(LEASE, over("stale", 120), silence=replace(suspect, is_removed=True)) is Verdict.RELEASE


def test_a_restart_frees_what_was_given_before_it_and_nothing_that_came_with_it() -> None:
    suspect = replace(HEARD, suspect_since_at=NOW - timedelta(hours=2))
    assert verdict(LEASE, over("stale", 120), silence=suspect, restarted_at=NOW) is Verdict.RELEASE
    assert verdict(HELD, restarted_at=NOW + timedelta(seconds=30)) is Verdict.KEEP
    assert verdict(LEASE, LIVE, restarted_at=NOW) is Verdict.KEEP


def test_a_nas_is_suspect_when_silent_and_believed_again_after_it_has_spoken_for_two_intervals() -> None:
    returned: dict[UUID, datetime] = {}

    def changes(silence: NasSilence, now: datetime, hearing_since: datetime = NOW) -> dict[UUID, datetime | None]:
        return silence_changes([silence], returned, POLICY, now, hearing_since)

    assert changes(HEARD, NOW + timedelta(seconds=449)) == {}
    assert changes(HEARD, NOW + timedelta(seconds=450)) == {NAS: NOW}
    assert changes(HEARD, NOW + timedelta(hours=1), NOW + timedelta(hours=1)) == {}  # we did not listen
    suspect = replace(HEARD, suspect_since_at=NOW)
    assert changes(suspect, NOW + timedelta(hours=1)) == {}
    back_at = NOW + timedelta(hours=2)
    back = replace(suspect, last_heard_at=back_at)
    assert changes(back, back_at) == {}
    assert (
        changes(replace(back, last_heard_at=back_at + timedelta(seconds=599)), back_at + timedelta(seconds=599)) == {}
    )
    assert changes(replace(back, last_heard_at=back_at + timedelta(seconds=601)), back_at + timedelta(seconds=601)) == {
        NAS: None
    }
