from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.counting import CLOCK_SET
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client
from netbilld.radius.packet import decode, encode
from netbilld.radius.server import Request
from netbilld.services.record_accounting import RecordAccounting, Unanswered
from tests.accounting_packets import NAS, T0, datagram
from tests.clock import SteppedClock


class FakeJournal:
    def __init__(self) -> None:
        self.trouble: str | None = None
        self.full = False
        self.waiting: list[tuple[Callable[[Any, bool], None], Any]] = []
        self.kept: list[tuple[UUID, str, int, int, bytes]] = []

    def append(
        self,
        nas_id: UUID,
        source: str,
        flags: int,
        received_us: int,
        octets: bytes,
        done: Callable[[Any, bool], None],
        token: object,
    ) -> bool:
        if self.full:
            return False
        self.kept.append((nas_id, source, flags, received_us, octets))
        self.waiting.append((done, token))
        return True


class Edge:
    def __init__(self) -> None:
        self.journal = FakeJournal()
        self.clock = SteppedClock(T0)
        self.answered: list[Request] = []
        self.forgotten: list[Request] = []
        self.recorder = RecordAccounting(
            self.journal, self.clock, respond=self.answered.append, forget=self.forgotten.append
        )

    def take(self, octets: bytes) -> Request:
        client = Client(NAS, "gerbang", ip_network("192.0.2.1/32"), Secret(b"s"), "mikrotik")
        request = Request(client, decode(octets), ("192.0.2.1", 40000), 0.0)
        self.recorder.handle(request)
        return request


def test_d3_an_answer_comes_only_after_the_record_is_durable() -> None:
    edge = Edge()
    octets = datagram("start")
    request = edge.take(octets)
    assert edge.answered == []
    assert edge.journal.kept == [(NAS, "192.0.2.1", CLOCK_SET, int(T0.timestamp()) * 1_000_000, octets)]
    done, token = edge.journal.waiting.pop()
    done(token, True)
    assert (edge.answered, edge.forgotten) == ([request], [])


def test_d3_what_could_not_be_recorded_is_not_answered_and_may_be_sent_again() -> None:
    edge = Edge()
    request = edge.take(datagram("stop"))
    done, token = edge.journal.waiting.pop()
    done(token, False)
    edge.journal.full = True
    second = edge.take(datagram("stop"))
    assert (edge.answered, edge.forgotten) == ([], [request, second])
    assert edge.recorder.unanswered[Unanswered.NOT_DURABLE] == 2


@pytest.mark.parametrize("status", [1, 2, 3, 7, 8, 9, 15, 4_000_000_000])
def test_d1_every_status_type_is_recorded_known_or_not(status: int) -> None:
    edge = Edge()
    edge.take(datagram(status))
    assert len(edge.journal.kept) == 1


@pytest.mark.parametrize(("status", "kept"), [("start", 0), ("interim", 0), ("stop", 0), ("on", 1), ("off", 1), (9, 1)])
def test_d2_a_session_without_an_id_gets_silence_and_a_nas_of_its_own_needs_none(status: str, kept: int) -> None:
    edge = Edge()
    request = edge.take(datagram(status, session_id=None))
    assert len(edge.journal.kept) == kept
    assert edge.forgotten == ([] if kept else [request])
    assert edge.recorder.unanswered[Unanswered.NO_SESSION_ID] == 1 - kept


def test_a_request_without_a_status_type_gets_silence() -> None:
    edge = Edge()
    edge.take(datagram(None))
    assert edge.recorder.unanswered[Unanswered.NO_STATUS_TYPE] == 1
    assert edge.journal.kept == []


def test_how_the_nas_counts_at_the_moment_is_kept_with_the_record() -> None:
    edge = Edge()
    edge.recorder.counting = {NAS: 1}
    edge.take(datagram("start"))
    assert edge.journal.kept[0][2] & ~CLOCK_SET == 1


@pytest.mark.parametrize("set_by", [-3600, 3600])
def test_a_record_says_whether_our_clock_may_have_been_set_lately(set_by: int) -> None:
    edge = Edge()
    said = []
    for ran, was_set in (
        (0, 0),
        (3599, 0),
        (3601, 0),
        (90_000, 0.5),
        (90_001, set_by),
        (111_000, set_by),
        (112_000, set_by),
    ):
        edge.clock.at, edge.clock.mono = T0 + timedelta(seconds=ran + was_set), 1000 + ran
        edge.take(datagram("start"))
        said.append(bool(edge.journal.kept[-1][2] & CLOCK_SET))
    # after a start nobody knows for an hour; then it was set
    assert said == [True, True, False, False, True, True, False]


def test_rfc5997_4_2_status_server_is_answered_while_records_can_be_kept() -> None:
    edge = Edge()
    status_server = encode(12, 1, bytes(16), b"")
    alive = edge.take(status_server)
    edge.journal.trouble = "no space left"
    silent = edge.take(status_server)
    assert (edge.answered, edge.forgotten) == ([alive], [silent])
