"""32-bit counters whose reports come out of order."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.counting import counting
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.narrow import MOST_READINGS, Wrapped, remember, wrapped
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import Session
from tests.accounting_packets import T0, record

WRAP = 1 << 32
GIB = 1 << 30


def told(status: str, seconds: int, octets: int, *, flags: int = 0) -> AccountingRecord:
    """A report of true octets, either way, by a NAS without Gigawords; it says how late it is."""
    shown: dict[str, Any] = {"up": octets % WRAP, "down": octets % WRAP, "seconds": seconds, "gigawords": False}
    return record(status, T0 + timedelta(hours=1), delay=3600 - seconds, flags=flags, **shown)


def metered(*records: AccountingRecord) -> Session:
    fold = SessionFold([], lambda _: UUID(int=7))
    for number, one in enumerate(records, 1):
        fold.apply(one, number)
    (session,) = fold.sessions.values()
    return session


def test_a_report_that_was_overtaken_proves_the_wrap_that_nobody_had_seen() -> None:
    reports = [told("interim", 300, 3 * GIB), told("interim", 600, 6 * GIB), told("stop", 900, 9 * GIB)]
    for order in ((0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1, 1, 0)):
        session = metered(*(reports[number] for number in order))
        assert (session.upload_octets, session.download_octets) == (9 * GIB, 9 * GIB), order


def test_what_is_between_surviving_reports_still_counts_modulo_a_wrap() -> None:
    """The last clause of the rule: more than 4 GiB between them can't be known."""
    assert metered(told("interim", 300, 3 * GIB), told("stop", 900, 9 * GIB)).upload_octets == 5 * GIB


def test_wraps_are_of_the_nas_s_unit_and_are_forgotten_when_that_is_set() -> None:
    kilo = counting(False, "kB", "inside")
    reports = [told("interim", 300, 3 * GIB, flags=kilo), told("stop", 900, 9 * GIB, flags=kilo)]
    late = told("interim", 600, 6 * GIB, flags=kilo)
    assert metered(*reports, late).upload_octets == 9 * GIB * 1000
    assert metered(*reports, told("interim", 600, 6 * GIB)).upload_octets == 5 * GIB * 1000


def test_wide_counters_are_not_remembered() -> None:
    assert metered(record("interim", up=5, down=6, seconds=300)).narrow_readings == ""
    wide = record("interim", T0 + timedelta(hours=1), up=5 * GIB, down=6 * GIB, seconds=900, delay=2700)
    assert metered(told("interim", 300, GIB), wide).narrow_readings == ""  # it says Gigawords once there are any


def test_a_pair_of_zeros_is_no_reading() -> None:
    session = metered(told("interim", 300, GIB), told("interim", 900, 0), told("interim", 600, 2 * GIB))
    assert session.narrow_readings == f"0,0,0 300,{GIB},{GIB} 600,{2 * GIB},{2 * GIB}"


def test_the_newest_readings_are_kept_and_an_older_one_is_passed_over() -> None:
    kept = ""
    for number in range(1, MOST_READINGS + 5):
        kept = remember(kept, number * 10, number, number, is_first=number == 1)
    assert len(kept.split()) == MOST_READINGS
    assert kept.startswith("50,5,5 ")
    assert remember(kept, 50, 9, 9, is_first=False) == kept
    assert wrapped(kept, 45, 7, 7, WRAP) == Wrapped(0, 0, 0)


@pytest.mark.parametrize(("shown", "proved"), [(15, 0), (9, WRAP), (21, WRAP)])
def test_a_reading_between_two_adds_a_whole_wrap_or_nothing(shown: int, proved: int) -> None:
    kept = remember(remember("", 10, 10, 10, is_first=True), 30, 20, 20, is_first=False)
    assert wrapped(kept, 20, shown, 12, WRAP) == Wrapped(proved, 0, 20)


def test_an_overtaken_pair_of_zeros_proves_nothing() -> None:
    session = metered(told("interim", 300, 100), told("interim", 900, 500), told("interim", 600, 0))
    assert (session.upload_octets, session.download_octets) == (500, 500)
    assert session.narrow_readings == "0,0,0 300,100,100 900,500,500"


def test_a_late_copy_from_the_session_before_with_the_same_id_proves_no_wrap() -> None:
    """An id a port: the second session began at 520, and the copy doesn't say how late it is."""
    fold = SessionFold([], lambda _: UUID(int=7))
    heard = (
        ("interim", 300, 300, 3 * 10**8), ("interim", 450, 450, 5 * 10**8), ("stop", 500, 500, 5 * 10**8),
        ("interim", 820, 300, 10**9), ("interim", 1120, 600, 15 * 10**8), ("interim", 1130, 450, 5 * 10**8),
    )  # fmt: skip
    for number, (status, at, seconds, octets) in enumerate(heard, 1):
        one = record(status, T0 + timedelta(seconds=at), up=10, down=octets, seconds=seconds, gigawords=False)
        change = fold.apply(one, number)
    assert change is not None
    assert (change.session.id, change.upload_octets, change.download_octets) == (4, 0, 0)
    assert [session.download_octets for session in fold.sessions.values()] == [5 * 10**8, 15 * 10**8]
    assert fold.sessions[4].narrow_readings == f"0,0,0 300,10,{10**9} 600,10,{15 * 10**8}"


def test_nothing_is_proved_by_what_came_before_the_first_reading_that_is_remembered() -> None:
    """Sessions that were open when the readings were first kept, each report copied."""
    reports = [told("interim", at, octets) for at, octets in ((300, 3 * GIB), (450, 5 * GIB), (600, 7 * GIB))]
    fold = SessionFold([], lambda _: UUID(int=7))
    for one in reports:
        fold.apply(one, 1)
    fold = SessionFold([fold.sessions[1]._replace(narrow_readings="")], lambda _: UUID(int=7))
    for number, one in enumerate((reports[1], told("interim", 900, 9 * GIB), *reports, *reports), 2):
        fold.apply(one, number)
    assert fold.sessions[1].upload_octets == 9 * GIB
    assert fold.sessions[1].narrow_readings == f"900,{GIB},{GIB}"


def test_copies_add_nothing_after_the_directions_were_swapped() -> None:
    fold = SessionFold([], lambda _: UUID(int=7))
    heard = ((300, 3 * GIB, 0), (600, 6 * GIB, 0), (900, 7 * GIB, 1), (600, 6 * GIB, 1), (300, 3 * GIB, 1))
    for number, (seconds, octets, flags) in enumerate(heard, 1):
        fold.apply(told("interim", seconds, octets, flags=flags), number)
    assert (fold.sessions[1].upload_octets, fold.sessions[1].download_octets) == (7 * GIB, 7 * GIB)


def test_a_session_that_was_idle_at_first_still_begins_at_zero() -> None:
    reports = [told("interim", 300, 0), told("interim", 900, 6 * GIB), told("interim", 600, 3 * GIB)]
    assert metered(*reports).upload_octets == 6 * GIB
