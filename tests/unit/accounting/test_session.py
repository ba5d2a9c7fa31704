from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.apply_record import apply
from netbilld.accounting.counting import CLOCK_SET
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.known_sessions import is_plain
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import TRANSITIONS, Event, Session, SessionState, begin, end
from netbilld.radius.attributes import ACCT_AUTHENTIC
from netbilld.radius.grant import Grant
from tests.accounting_packets import NAS, T0, record

SERVICE = UUID(int=77)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def interim(seconds: int, up: int, down: int, *, late: float = 0, **what: Any) -> AccountingRecord:
    return record("interim", at(seconds + late), up=up, down=down, seconds=seconds, **what)


def stop(seconds: int, up: int, down: int, *, late: float = 0, **what: Any) -> AccountingRecord:
    return record("stop", at(seconds + late), up=up, down=down, seconds=seconds, cause=1, **what)


def folded(*records: AccountingRecord, service: UUID | None = SERVICE) -> SessionFold:
    fold = SessionFold([], lambda _: service)
    for number, told in enumerate(records, 1):
        fold.apply(told, number)
    return fold


def one(*records: AccountingRecord) -> Session:
    (session,) = folded(*records).sessions.values()
    return session


def total(fold: SessionFold) -> tuple[int, int]:
    sessions = fold.sessions.values()
    return sum(s.upload_octets for s in sessions), sum(s.download_octets for s in sessions)


def test_every_state_answers_every_event_and_closed_is_for_ever() -> None:
    assert set(TRANSITIONS) == set(SessionState)
    assert all(set(row) == set(Event) for row in TRANSITIONS.values())
    assert set(TRANSITIONS[SessionState.CLOSED].values()) == {SessionState.CLOSED}


def test_a_session_from_start_to_stop() -> None:
    session = one(record("start"), interim(300, 100, 1000), interim(600, 300, 4000), stop(700, 310, 4100))
    assert (session.upload_octets, session.download_octets, session.session_seconds) == (310, 4100, 700)
    assert (session.state, session.terminate_cause) == (SessionState.CLOSED, "User-Request")
    assert (session.started_at, session.updated_at, session.stopped_at) == (T0, at(700), at(700))
    assert session.interval_seconds == 100


def test_throughput_is_that_of_the_last_reported_interval() -> None:
    session = one(record("start"), interim(300, 0, 1000), interim(600, 3000, 31_000))
    assert (session.upload_bps, session.download_bps) == (80, 800)
    assert one(record("start"), interim(300, 1, 1), stop(400, 9, 9)).download_bps == 0


def test_a_lost_start_is_made_up_for_by_the_session_time() -> None:
    session = one(interim(300, 100, 1000))
    assert (session.started_at, session.download_octets, session.state) == (T0, 1000, SessionState.LIVE)


def test_a_stop_for_an_unknown_session_is_a_closed_record_and_touches_no_other() -> None:
    fold = folded(record("start", session_id="new"), stop(500, 5, 6, session_id="old", late=-510))
    assert [s.state for s in fold.sessions.values()] == [SessionState.STARTING, SessionState.CLOSED]
    assert list(fold.ended) == [2]


def test_repeated_and_overtaken_interims_count_once() -> None:
    session = one(
        record("start"),
        interim(600, 300, 4000),
        interim(300, 100, 1000, late=310),
        interim(600, 300, 4000, late=20),
        interim(600, 300, 4000),
    )
    assert (session.upload_octets, session.download_octets) == (300, 4000)
    assert session.session_seconds == 600


def test_time_never_moves_back_on_an_older_event() -> None:
    session = one(record("start"), interim(600, 300, 4000), interim(300, 100, 1000))
    assert session.updated_at == at(600)


def test_stop_before_start_leaves_one_closed_session() -> None:
    session = one(stop(60, 5, 6), record("start", at(2), delay=2))
    assert (session.state, session.upload_octets) == (SessionState.CLOSED, 5)


def test_an_interim_after_the_stop_counts_only_what_is_higher_and_never_reopens() -> None:
    fold = folded(record("start"), stop(600, 300, 4000), interim(500, 200, 3000, late=105))
    assert (total(fold), fold.sessions[1].state) == ((300, 4000), SessionState.CLOSED)
    fold = folded(record("start"), stop(600, 300, 4000), interim(600, 320, 4000, late=3))
    assert (total(fold), fold.sessions[1].state, len(fold.sessions)) == ((320, 4000), SessionState.CLOSED, 1)


def test_a_stop_counted_twice_is_one_stop() -> None:
    fold = folded(record("start"), stop(5, 300, 4000), stop(5, 300, 4000, late=40), stop(5, 300, 4000, late=4000))
    assert (total(fold), len(fold.sessions)) == ((300, 4000), 1)
    fold = folded(stop(0, 300, 4000), stop(0, 300, 4000, late=50))
    assert (total(fold), len(fold.sessions)) == ((300, 4000), 1)


def test_a_closed_id_that_starts_again_is_a_new_session() -> None:
    fold = folded(
        record("start"),
        stop(600, 300, 4000),
        record("start", at(900)),
        record("stop", at(1000), up=7, down=8, seconds=100),
    )
    assert [(s.started_at, s.upload_octets, s.state) for s in fold.sessions.values()] == [
        (T0, 300, SessionState.CLOSED),
        (at(900), 7, SessionState.CLOSED),
    ]


def test_an_open_id_with_another_user_means_that_the_old_stop_was_lost() -> None:
    fold = folded(
        record("start"),
        interim(300, 1, 2),
        record("start", at(5000), user="siti", mac="AA:BB:CC:00:00:02", ip="10.0.0.9"),
    )
    old, new = fold.sessions.values()
    assert (old.state, old.terminate_cause, old.stopped_at) == (SessionState.STALE, "lost", at(300))
    assert (new.username, new.state) == ("siti", SessionState.STARTING)
    assert list(fold.ended) == [old.id]


def test_an_id_reused_after_reboots_by_the_same_user_begins_a_new_session() -> None:
    """RouterOS counts boots with one hexadecimal digit (mikrotik §2)."""
    fold = folded(
        record("start"), interim(3600, 100, 200), record("start", at(90_000)), interim(300, 10, 20, late=90_000)
    )
    old, new = fold.sessions.values()
    assert (old.upload_octets, old.state) == (100, SessionState.STALE)
    assert (new.upload_octets, new.state, new.started_at) == (10, SessionState.LIVE, at(90_000))


def test_the_same_without_a_start_is_told_by_the_session_time() -> None:
    fold = folded(record("start"), interim(3600, 100, 200), interim(300, 10, 20, late=90_000))
    assert [s.upload_octets for s in fold.sessions.values()] == [100, 10]
    assert fold.sessions[3].started_at == at(90_000)


def test_a_start_that_comes_twice_or_late_begins_nothing_new() -> None:
    fold = folded(record("start"), record("start", at(3)), interim(300, 100, 200), record("start", at(8)))
    assert (len(fold.sessions), total(fold)) == (1, (100, 200))
    fold = folded(record("start", at(400)), interim(300, 100, 200), interim(600, 300, 400))
    assert (len(fold.sessions), total(fold)) == (1, (300, 400))


def test_the_first_word_of_a_session_after_the_next_one_s_start_is_not_the_next_one_s() -> None:
    late = record("interim", at(1_600), up=100, down=200, seconds=300, delay=1_300)
    fold = folded(record("start", at(1_500)), late, interim(300, 10, 20, late=1_500))
    assert [(s.started_at, s.upload_octets) for s in fold.sessions.values()] == [(at(1_500), 10), (at(0), 100)]


def test_the_first_word_of_a_session_is_not_the_next_one_s_either_where_that_has_reported_already() -> None:
    late = record("interim", at(2_200), up=100, down=200, seconds=900, delay=1_300)
    fold = folded(record("start", at(1_500)), interim(300, 10, 20, late=1_500), late)
    assert [(s.started_at, s.upload_octets) for s in fold.sessions.values()] == [(at(1_500), 10), (at(0), 100)]


def test_a_doubled_start_long_after_does_not_bill_the_session_again() -> None:
    fold = folded(record("start"), interim(300, 100, 200), record("start", at(280)), interim(600, 300, 400))
    assert total(fold) == (300, 400)


def test_a_copy_of_a_start_that_comes_after_its_nas_has_booted_begins_nothing_new() -> None:
    """Acct-Delay-Time is in whole seconds: the copies of one Start are dated up to a second or two apart."""
    boot = record("on", at(700), session_id=None, user=None, mac=None, ip=None)
    copy = record("start", at(7_201.5), delay=7_200)
    report = record("interim", at(7_500), up=100, down=200, seconds=300, delay=7_200)
    last = record("stop", at(7_728), up=300, down=400, seconds=528, delay=7_200, cause=1)
    fold = folded(record("start"), boot, copy, report, last, last)
    assert (len(fold.sessions), total(fold), fold.sessions[1].is_open) == (1, (300, 400), False)


@pytest.mark.parametrize(
    ("is_over", "again_seconds", "sessions"),
    [("stop", 1.5, 2), ("on", 1.5, 1), ("on", 2.5, 2)],
    ids=["its NAS has stopped it", "a copy", "too late for a copy"],
)
def test_a_start_soon_after_one_that_is_over_is_a_copy_only_where_no_stop_was_seen(
    is_over: str, again_seconds: float, sessions: int
) -> None:
    """A NAS with one id a port, whose subscriber dials again at once, against a copy that overtook a boot."""
    boot = record("on", at(700), session_id=None, user=None, mac=None, ip=None)
    over = stop(1, 10, 20) if is_over == "stop" else boot
    fold = folded(record("start"), over, record("start", at(again_seconds + 7200), delay=7200))
    assert len(fold.sessions) == sessions


def test_the_stop_of_a_session_that_moved_nothing_is_not_that_of_one_just_as_long_before_it() -> None:
    second = stop(119, 0, 0, late=9_000), record("start", at(16_200), delay=7_200)
    fold = folded(record("start"), stop(119, 0, 0), *second)
    assert [(s.started_at, s.is_open) for s in fold.sessions.values()] == [(T0, False), (at(9_000), False)]


def test_a_redial_from_the_same_station_closes_the_ghost_and_a_late_stop_still_counts() -> None:
    """Mati lampu: nobody is locked out by a ghost session."""
    fold = folded(
        record("start", session_id="81100001"),
        interim(300, 100, 200, session_id="81100001"),
        record("start", at(400), session_id="81200001", ip="10.0.0.99"),
        stop(330, 110, 220, session_id="81100001", late=75),
    )
    ghost, new = fold.sessions.values()
    assert (ghost.state, ghost.upload_octets, ghost.terminate_cause) == (SessionState.CLOSED, 110, "User-Request")
    assert (new.is_open, new.upload_octets) == (True, 0)


def test_a_session_that_speaks_on_is_not_displaced_for_long() -> None:
    fold = folded(
        record("start", session_id="a"),
        interim(300, 100, 200, session_id="a"),
        record("start", at(320), session_id="b", ip="10.0.0.8"),
        interim(600, 150, 250, session_id="a"),
    )
    assert [s.is_open for s in fold.sessions.values()] == [True, True]
    assert list(fold.reopened) == [1]
    assert list(fold.ended) == []


def test_two_nas_with_the_same_id_and_two_routers_behind_one_prefix_stay_apart() -> None:
    fold = folded(
        record("start", ip=None),
        record("start", at(500), nas_id=UUID(int=9), ip=None),
        record("start", at(500), source="192.0.2.2", user="siti", mac="AA:BB:CC:00:00:02", ip="10.0.0.9"),
    )
    assert all(s.is_open for s in fold.sessions.values())
    assert len(fold.sessions) == 3


def test_accounting_off_closes_what_began_before_it_and_nothing_else() -> None:
    fold = folded(
        record("start", session_id="a"),
        record("start", at(600), session_id="b", user="siti", mac=None, ip=None),
        record("start", nas_id=UUID(int=9), session_id="c"),
        record("off", at(500), session_id=None, user=None, mac=None, ip=None),
    )
    a, b, c = fold.sessions.values()
    assert (a.state, a.terminate_cause, a.stopped_at) == (SessionState.CLOSED, "NAS-Reboot", at(500))
    assert (b.is_open, c.is_open) == (True, True)


def test_accounting_on_ends_sessions_at_their_last_word_and_a_late_stop_still_counts() -> None:
    fold = folded(
        record("start"),
        interim(300, 100, 200),
        record("on", at(900), session_id=None, user=None, mac=None, ip=None),
        stop(800, 180, 290, late=150),
    )
    session = fold.sessions[1]
    assert (session.state, session.upload_octets, session.terminate_cause) == (SessionState.CLOSED, 180, "User-Request")


def test_what_we_closed_opens_again_with_higher_counters_only() -> None:
    live = one(record("start"), interim(300, 100, 200))
    stale = end(live, Event.LOSS, "lost", live.updated_at)
    assert (stale.state, stale.stopped_at) == (SessionState.STALE, at(300))
    assert apply(stale, interim(300, 100, 200, late=9)).session.state is SessionState.STALE
    back = apply(stale, interim(1500, 101, 200)).session
    assert (back.state, back.stopped_at, back.terminate_cause, back.upload_octets) == (
        SessionState.LIVE,
        None,
        None,
        101,
    )


def test_flipping_the_direction_flag_rewrites_no_history() -> None:
    """Contract rule 3: direction is normalised once, at ingest."""
    session = one(record("start"), interim(300, 100, 1000), interim(600, 150, 1700, swapped=True))
    assert (session.upload_octets, session.download_octets) == (100 + 700, 1000 + 50)


def test_a_reset_counts_from_zero_and_an_overtaken_report_from_before_it_counts_nothing() -> None:
    session = one(
        record("start"),
        interim(300, 1000, 9000),
        interim(900, 10, 20),
        interim(600, 2000, 18_000, late=301),
        interim(1200, 30, 50),
    )
    assert (session.upload_octets, session.download_octets) == (1030, 9050)


@pytest.mark.parametrize("step_seconds", [3600, -3600])
def test_a_clock_that_is_set_bills_nothing_twice(step_seconds: int) -> None:
    fold = folded(
        record("start"),
        interim(300, 100, 1000),
        interim(600, 200, 2000, late=step_seconds, delay=0, flags=CLOCK_SET),
        interim(900, 300, 3000, late=step_seconds, delay=0, flags=CLOCK_SET),
    )
    assert (len(fold.sessions), total(fold)) == (1, (300, 3000))


def test_an_id_that_comes_back_without_a_start_is_a_new_session_unless_a_clock_was_set() -> None:
    first = [record("start"), interim(300, 100, 1000, delay=0)]  # its Stop is lost, and so is the next one's Start
    again = record("interim", at(2300), up=500, down=5000, seconds=600, delay=0)
    assert total(folded(*first, again)) == (600, 6000)
    given_up = folded(*first)
    (session,) = given_up.sessions.values()
    later = SessionFold([end(session, Event.LOSS, "lost", session.updated_at)], lambda _: SERVICE)
    later.apply(record("interim", at(9000), up=500, down=5000, seconds=600, flags=CLOCK_SET), 7)
    assert total(later) == (600, 6000)


def test_a_copy_of_a_stop_that_is_late_without_saying_so_is_not_the_next_session_s() -> None:
    fold = folded(
        record("start"), stop(8, 100, 1000), record("start", at(26)), stop(8, 100, 1000, late=26), stop(8, 100, 1000)
    )
    assert total(fold) == (100, 1000)


def test_reports_without_session_time_are_metered_and_never_wrap() -> None:
    session = one(
        record("start"),
        record("interim", at(300), up=100, down=1000, gigawords=False),
        record("interim", at(302), up=50, down=900, gigawords=False),
        record("interim", at(600), up=200, down=2000, gigawords=False),
    )
    assert (session.upload_octets, session.download_octets, session.session_seconds) == (200, 2000, 600)


def test_a_service_found_later_owns_the_session_from_then_on() -> None:
    fold = SessionFold([begin(record("start"), 1, None)], lambda _: SERVICE)
    change = fold.apply(interim(300, 5, 5), 2)
    assert change is not None
    assert change.session.service_id == SERVICE


def test_the_class_of_the_first_word_says_what_was_given_at_log_in() -> None:
    fold = folded(record("start", grant=Grant(SERVICE, "walled", "abcdef12")))
    (grant,) = fold.grants
    assert (grant.session_id, grant.access, grant.profile_key, grant.observed_at) == (1, "walled", "abcdef12", T0)
    assert folded(record("start", grant=Grant(UUID(int=1), "walled", "abcdef12"))).grants == []
    assert folded(stop(5, 1, 1, grant=Grant(SERVICE, "walled", "abcdef12"))).grants == []


def test_addresses_that_come_late_or_change_are_followed() -> None:
    """D10: IPv6 arrives after the Start."""
    session = one(record("start", ip=None), interim(300, 1, 1), interim(600, 2, 2, ip="10.0.0.50"))
    assert session.framed_ip == "10.0.0.50"


def test_a_fold_finds_sessions_loaded_twice_once() -> None:
    known = one(record("start"), interim(300, 1, 1))
    fold = SessionFold([known, known], lambda _: SERVICE)
    fold.apply(interim(600, 2, 2), 9)
    assert [(was.upload_octets, now.upload_octets) for was, now in fold.changed()] == [(1, 2)]
    assert fold.new() == []
    assert known.nas_id == NAS


def test_a_session_that_its_nas_let_in_by_itself_is_told_apart_and_stays_so() -> None:
    """Issue 5: accounting of locally authenticated sessions, RFC 2866 §5.6."""
    by_itself = (ACCT_AUTHENTIC, (2).to_bytes(4, "big"))
    local = begin(record("start", extra=(by_itself,)), 1, None)
    assert local.is_local
    later = record("interim", T0 + timedelta(seconds=300), seconds=300, up=1, down=2)
    assert apply(local, later).session.is_local
    assert not is_plain(apply(local, later, SERVICE).session)
    grant = Grant(SERVICE, "active", "01234567")
    for other in (record("start"), record("start", extra=((ACCT_AUTHENTIC, (1).to_bytes(4, "big")),))):
        assert not begin(other, 1, None).is_local
    assert not begin(record("start", extra=(by_itself,), grant=grant), 1, None).is_local
