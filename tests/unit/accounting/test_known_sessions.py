"""What is recognised by its octets says exactly what is read attribute by attribute."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.accounting.apply_record import apply
from netbilld.accounting.counting import CLOCK_SET, SWAPPED
from netbilld.accounting.fit import Fit, fit
from netbilld.accounting.known_sessions import KnownSessions, report
from netbilld.accounting.plain_report import moved_on
from netbilld.accounting.record import MAX_COUNTER_OCTETS, AccountingRecord
from netbilld.accounting.session import Session, SessionChange, begin
from netbilld.radius.packet import decode
from tests.accounting_packets import NAS, T0, datagram

SERVICE = UUID("6f1c1c52-0000-4000-8000-0000000000b1")
SOURCE = "192.0.2.1"
numbers = st.integers(0, (1 << 64) - 1)
words = st.one_of(st.none(), st.integers(0, (1 << 32) - 1))


def read(packet: bytes, flags: int = 0, seconds: float = 0) -> AccountingRecord:
    return AccountingRecord.from_packet(decode(packet), NAS, flags, T0 + timedelta(seconds=seconds), SOURCE)


def live(packet: bytes, flags: int = 0) -> tuple[Session, AccountingRecord]:
    record = read(packet, flags, 300)
    return apply(begin(record, 1, SERVICE), record).session, record


def known(packet: bytes, flags: int = 0) -> KnownSessions:
    sessions = KnownSessions()
    sessions.learn(*live(packet, flags))
    return sessions


@given(numbers, numbers, words, words, words, st.sampled_from((0, SWAPPED, CLOCK_SET)))
def test_a_recognised_report_says_what_its_attributes_say(
    up: int, down: int, seconds: int | None, delay: int | None, timestamp: int | None, flags: int
) -> None:
    def packet(up: int, down: int, seconds: int, **moving: Any) -> bytes:
        return datagram("interim", up=up, down=down, seconds=seconds, **moving)

    moving = {"delay": delay, "timestamp": timestamp}
    first = {name: None if value is None else 0 for name, value in moving.items()}
    sessions = known(packet(1, 2, 300, **first), flags)
    heard = packet(up, down, 0 if seconds is None else seconds, **moving)
    found = sessions.find(NAS, SOURCE, flags, heard)
    assert found is not None
    made, expected = report(found, T0, heard, flags), read(heard, flags)
    if made is None:
        assert max(up, down) > MAX_COUNTER_OCTETS or expected.session_seconds is None
        return
    assert made._replace(packet=expected.packet, username_octets=expected.username_octets) == expected
    assert made.packet.attributes == expected.packet.attributes
    assert made.nas_ip == expected.nas_ip


@pytest.mark.parametrize(
    "other",
    [
        {"user": "tono"},
        {"session_id": "81100008"},
        {"mac": "AA:BB:CC:00:00:02"},
        {"ip": "10.0.0.8"},
        {"delay": 0},
        {"gigawords": False},
        {"extra": ((87, b"ether1"),)},
    ],
)
def test_a_report_that_says_anything_else_is_not_recognised(other: dict[str, Any]) -> None:
    sessions = known(datagram("interim", up=1, down=2, seconds=300))
    same = datagram("interim", up=3, down=4, seconds=600)
    assert sessions.find(NAS, SOURCE, 0, same) is not None
    assert sessions.find(NAS, SOURCE, 0, datagram("interim", **{"up": 3, "down": 4, "seconds": 600} | other)) is None
    assert sessions.find(NAS, SOURCE, 0, datagram("stop", up=3, down=4, seconds=600)) is None
    assert sessions.find(NAS, "192.0.2.2", 0, same) is None
    assert sessions.find(NAS, SOURCE, SWAPPED, same) is None
    assert sessions.find(NAS, SOURCE, CLOCK_SET, same) is not None


def test_a_session_is_not_known_by_reports_that_leave_something_out() -> None:
    session, _ = live(datagram("interim", up=1, down=2, seconds=300))
    sessions = KnownSessions()
    sessions.learn(session, read(datagram("interim", up=1, down=2, seconds=300, ip=None)))
    assert len(sessions) == 0


def test_a_session_whose_address_changed_is_not_taken_for_what_it_was() -> None:
    packet = datagram("interim", up=1, down=2, seconds=300)
    session, record = live(packet)
    sessions = KnownSessions()
    sessions.learn(session, record)
    sessions.stored(session._replace(framed_ip="10.0.0.99"))
    assert sessions.find(NAS, SOURCE, 0, packet) is None


def test_no_more_sessions_are_known_than_allowed() -> None:
    sessions = KnownSessions(most=3)
    for number in range(10):
        session, record = live(datagram("interim", session_id=f"8110000{number}", up=1, down=2, seconds=300))
        sessions.learn(session._replace(id=number), record)
        assert 0 < len(sessions) <= 3
    assert sessions.find(NAS, SOURCE, 0, datagram("interim", session_id="81100009", up=1, down=2, seconds=300))


@given(
    st.integers(-200, 4000),
    st.integers(-200, 4000),
    st.integers(-3, 1 << 40),
    st.integers(-3, 1 << 40),
    st.integers(0, 300),
    st.sampled_from((0, 1_000_000, 1_000_000_000)),
    st.sampled_from((SOURCE, "192.0.2.2", "")),
    st.booleans(),
)
def test_a_plain_step_is_what_any_report_does(
    later: int, longer: int, up: int, down: int, delay: int, port_bps: int, source: str, swapped: bool
) -> None:
    flags = SWAPPED if swapped else 0
    session, _ = live(datagram("interim", up=1 << 33, down=1 << 34, seconds=300), flags)
    heard = datagram("interim", up=(1 << 33) + up, down=(1 << 34) + down, seconds=max(0, 300 + longer), delay=delay)
    record = AccountingRecord.from_packet(decode(heard), NAS, flags, T0 + timedelta(seconds=300 + later), source)
    assert record.upload_octets is not None
    assert record.download_octets is not None
    stepped = moved_on(
        session,
        record.session_seconds or 0,
        record.upload_octets,
        record.download_octets,
        record.event_at,
        source,
        port_bps,
    )
    plainly = 0 < longer == later - delay and min(up, down) >= 0 and source in {SOURCE, ""} and not port_bps
    assert (stepped is not None) or not plainly
    if stepped is not None:
        assert fit(session, record) is Fit.SAME
        change = apply(session, record, None, port_bps)
        assert change == SessionChange(
            stepped,
            stepped.upload_octets - session.upload_octets,
            stepped.download_octets - session.download_octets,
            session.updated_at,
            stepped.updated_at,
            change.kind,
        )
