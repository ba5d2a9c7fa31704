"""Readings of ours near a quota: ahead of the NAS's own word, and never beyond its last."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from netbilld.accounting.counting import counting, counting_of_reading
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import SessionChange, SessionState, TakenBack
from tests.accounting_packets import T0, record

SERVICE = UUID(int=77)


def told(status: str, seconds: int, up: int, down: int, *, late: float = 0, **what: Any) -> AccountingRecord:
    return record(status, T0 + timedelta(seconds=seconds + late), up=up, down=down, seconds=seconds, **what)


def read(seconds: int, up: int, down: int, source: str = "api", **what: Any) -> AccountingRecord:
    return told("interim", seconds, up, down, flags=counting_of_reading(source), **what)


def folded(*records: AccountingRecord) -> tuple[SessionFold, list[SessionChange]]:
    fold = SessionFold([], lambda _: SERVICE)
    return fold, [change for number, one in enumerate(records, 1) if (change := fold.apply(one, number)) is not None]


def octets(changes: list[SessionChange]) -> list[tuple[str, int, int]]:
    return [(change.source, change.upload_octets, change.download_octets) for change in changes]


def test_a_reading_counts_at_once_and_the_nas_s_own_report_counts_the_rest() -> None:
    fold, changes = folded(
        record("start"), told("interim", 300, 10, 100), read(310, 12, 150), told("interim", 600, 30, 400)
    )
    assert octets(changes) == [("radius", 0, 0), ("radius", 10, 100), ("api", 2, 50), ("radius", 18, 250)]
    assert [change.from_at for change in changes[2:]] == [T0 + timedelta(seconds=at) for at in (300, 310)]
    (session,) = fold.sessions.values()
    assert (session.upload_octets, session.download_octets) == (30, 400)
    assert (session.ahead_upload_octets, session.ahead_download_octets) == (0, 0)
    assert (session.interval_seconds, session.session_seconds) == (300, 600)  # the NAS's own


def test_what_was_read_beyond_the_nas_s_last_word_is_taken_back_when_it_was_counted() -> None:
    fold, changes = folded(record("start"), read(310, 12, 150, "snmp"), told("stop", 320, 11, 120, cause=1))
    assert changes[1].source == "snmp"
    assert octets(changes[2:]) == [("radius", 0, 0)]
    assert changes[2].taken_back == TakenBack(1, 30, T0 + timedelta(seconds=310))
    (session,) = fold.sessions.values()
    assert (session.upload_octets, session.download_octets, session.state) == (11, 120, SessionState.CLOSED)


def test_an_interim_that_says_less_takes_nothing_back_and_counts_nothing_twice() -> None:
    fold, changes = folded(
        record("start"), read(310, 0, 500), told("interim", 300, 0, 400, late=20), told("stop", 400, 0, 700)
    )
    assert octets(changes[1:]) == [("api", 0, 500), ("radius", 0, 0), ("radius", 0, 200)]
    assert all(change.taken_back is None for change in changes)
    assert next(iter(fold.sessions.values())).download_octets == 700


def test_a_reading_never_begins_a_session_and_never_opens_or_adds_to_one_that_the_nas_stopped() -> None:
    fold, changes = folded(read(10, 1, 1))
    assert (fold.sessions, changes) == ({}, [])
    fold, changes = folded(record("start"), told("stop", 300, 10, 100, cause=1), read(301, 99, 999))
    (session,) = fold.sessions.values()
    assert (session.state, session.upload_octets, session.download_octets) == (SessionState.CLOSED, 10, 100)
    assert octets(changes[2:]) == [("radius", 0, 0)]


def test_a_stop_without_counters_leaves_what_was_read() -> None:
    fold, _ = folded(record("start"), read(310, 12, 150), record("stop", T0 + timedelta(seconds=320), seconds=320))
    (session,) = fold.sessions.values()
    assert (session.upload_octets, session.download_octets) == (12, 150)


def test_a_reading_is_in_octets_whatever_the_nas_counts_in_and_whichever_way() -> None:
    kilo = counting(True, "kB", "inside")  # swapped as well: input is the download
    fold, changes = folded(
        record("start", flags=kilo),
        told("interim", 300, 100, 10, flags=kilo),
        read(310, 12_500, 150_000),
        told("stop", 400, 160, 13, cause=1, flags=kilo),
    )
    assert octets(changes[1:]) == [("radius", 10_000, 100_000), ("api", 2_500, 50_000), ("radius", 500, 10_000)]
    assert next(iter(fold.sessions.values())).counting == kilo & ~1


def test_a_repeated_reading_counts_once_and_a_lower_one_not_at_all() -> None:
    _, changes = folded(record("start"), read(310, 12, 150), read(310, 12, 150), read(315, 11, 140))
    assert octets(changes[1:]) == [("api", 12, 150), ("api", 0, 0), ("api", 0, 0)]


def test_what_was_read_before_the_counters_began_again_stays_counted() -> None:
    giga = 10**9
    fold, changes = folded(
        record("start"),
        told("interim", 300, 10 * giga, 20 * giga),
        read(400, 11 * giga, 23 * giga),
        told("interim", 600, giga, 2 * giga),
        told("stop", 700, 2 * giga, 3 * giga, cause=1),
    )
    assert octets(changes[1:]) == [
        ("radius", 10 * giga, 20 * giga), ("api", giga, 3 * giga), ("radius", giga, 2 * giga), ("radius", giga, giga),
    ]  # fmt: skip
    assert all(change.taken_back is None for change in changes)
    (session,) = fold.sessions.values()
    assert (session.upload_octets, session.download_octets) == (13 * giga, 26 * giga)
