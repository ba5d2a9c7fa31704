"""Counters that can't be true: kept, marked, and not metered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from netbilld.accounting.counting import counting_of_reading
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.record import MAX_COUNTER_OCTETS, AccountingRecord
from netbilld.accounting.session import Doubt, Session, SessionChange, SessionState
from tests.accounting_packets import NAS, T0, record

PORT_BPS = 8_000_000  # a million octets a second
MOST_OCTETS = 396_000_000  # in 300 seconds, a minute and a tenth more


def told(status: str, seconds: int, up: int, down: int, *, late: float = 0, **what: Any) -> AccountingRecord:
    return record(status, T0 + timedelta(seconds=seconds + late), up=up, down=down, seconds=seconds, **what)


def folded(*records: AccountingRecord, port_bps: int = PORT_BPS) -> tuple[Session, list[SessionChange]]:
    fold = SessionFold([], lambda _: UUID(int=7), {NAS: port_bps})
    changes = [change for number, one in enumerate(records, 1) if (change := fold.apply(one, number)) is not None]
    (session,) = fold.sessions.values()
    return session, changes


def test_as_much_as_the_port_can_carry_is_metered_and_one_octet_more_is_doubted() -> None:
    session, changes = folded(record("start"), told("interim", 300, 5, MOST_OCTETS))
    assert (session.upload_octets, session.download_octets) == (5, MOST_OCTETS)
    assert changes[1].doubt is None
    session, changes = folded(record("start"), told("interim", 300, 5, MOST_OCTETS + 1))
    assert (session.upload_octets, session.download_octets) == (0, 0)
    assert (changes[1].upload_octets, changes[1].download_octets) == (0, 0)
    assert changes[1].doubt == Doubt(5, MOST_OCTETS + 1, 5, MOST_OCTETS + 1, 300, PORT_BPS)
    assert (changes[1].from_at, changes[1].to_at) == (T0, T0 + timedelta(seconds=300))
    assert session.state is SessionState.LIVE  # it is alive, whatever it says


def test_counters_that_go_on_from_a_leap_are_metered_from_there() -> None:
    session, changes = folded(
        record("start"),
        told("interim", 300, 100, 1000),
        told("interim", 600, 2**40, 2**41),
        told("interim", 900, 2**40 + 7, 2**41 + 70),
        told("stop", 960, 2**40 + 8, 2**41 + 71, cause=1),
    )
    assert (session.upload_octets, session.download_octets) == (108, 1071)
    assert (session.held_upload_octets, session.held_download_octets) == (2**40 - 100, 2**41 - 1000)
    assert [change.doubt is not None for change in changes] == [False, False, True, False, False]


def test_counters_that_go_back_after_a_leap_are_metered_from_where_they_were() -> None:
    session, changes = folded(
        record("start"),
        told("interim", 300, 100, 1000),
        told("interim", 600, 2**40, 1500),  # a glitch of one direction
        told("interim", 900, 130, 1900),
    )
    assert (session.upload_octets, session.download_octets) == (130, 1900)
    assert (session.held_upload_octets, session.held_download_octets) == (0, 0)
    assert [change.came_back for change in changes] == [False, False, False, True]


def test_a_wrap_that_the_port_could_not_have_filled_is_a_glitch_of_a_narrow_counter() -> None:
    session, changes = folded(
        record("start", gigawords=False),
        told("interim", 300, 100_000, 1_000_000, gigawords=False),
        told(
            "interim", 600, 100_100, 999_000, gigawords=False
        ),  # a little lower: no wrap in five minutes at this speed
        told("interim", 900, 100_200, 1_099_000, gigawords=False),
    )
    assert changes[2].doubt is not None
    assert (session.upload_octets, session.download_octets) == (100_100, 1_100_000)


def test_a_session_whose_start_was_lost_has_had_all_its_time() -> None:
    session, changes = folded(told("interim", 864_000, 0, 600_000_000_000))
    assert (session.download_octets, changes[0].doubt) == (600_000_000_000, None)
    session, changes = folded(record("interim", up=0, down=600_000_000_000))  # it does not say how long
    assert (session.download_octets, changes[0].doubt) == (600_000_000_000, None)


def test_reports_that_come_late_or_after_lost_ones_are_judged_by_the_time_between_them() -> None:
    session, changes = folded(
        record("start"),
        told("interim", 3600, 0, 3_000_000_000, late=7200, delay=7200),
        told("interim", 7200, 0, 6_000_000_000, late=3601, delay=3601),  # a second after the other
    )
    assert (session.download_octets, [change.doubt for change in changes]) == (6_000_000_000, [None] * 3)


def test_no_counter_beyond_all_is_ever_metered() -> None:
    session, changes = folded(
        record("start"), told("interim", 300_000_000, 2**63, 5), port_bps=10**12
    )  # ten years, for what that says
    assert changes[1].doubt is not None
    assert (session.upload_octets, session.held_upload_octets) == (0, MAX_COUNTER_OCTETS)


def test_a_reading_of_ours_that_cannot_be_true_is_passed_over() -> None:
    session, changes = folded(
        record("start"), told("interim", 300, 0, 1000), told("interim", 305, 0, 2**40, flags=counting_of_reading("api"))
    )
    assert (session.download_octets, changes[2].doubt, changes[2].tells) == (1000, None, False)


def test_a_stop_in_doubt_takes_nothing_back_of_what_we_have_read() -> None:
    session, changes = folded(
        record("start"),
        told("interim", 305, 0, 2000, flags=counting_of_reading("api")),
        told("stop", 310, 0, 2**40, cause=1),
    )
    assert (session.download_octets, session.state) == (2000, SessionState.CLOSED)
    assert changes[2].doubt is not None
    assert changes[2].taken_back is None
