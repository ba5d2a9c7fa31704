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
        kept = remember(kept, number * 10, number, number)
    assert len(kept.split()) == MOST_READINGS
    assert kept.startswith("50,5,5 ")
    assert remember(kept, 50, 9, 9) == kept
    assert wrapped(kept, 45, 7, 7, WRAP) == Wrapped(0, 0, 0)


@pytest.mark.parametrize(("shown", "proved"), [(15, 0), (9, WRAP), (21, WRAP)])
def test_a_reading_between_two_adds_a_whole_wrap_or_nothing(shown: int, proved: int) -> None:
    kept = remember(remember("", 10, 10, 10), 30, 20, 20)
    assert wrapped(kept, 20, shown, 12, WRAP) == Wrapped(proved, 0, 20)
