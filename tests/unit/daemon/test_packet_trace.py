"""What a trace sees, keeps and forgets."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from netbilld.adapters.nas.coa import OrderTrace
from netbilld.daemon.packet_trace import MAX_KEPT, MAX_WATCHES, UNREAD_SECONDS, PacketTrace
from netbilld.daemon.workers.channel import Message
from netbilld.daemon.workers.trace import TraceOfAll
from netbilld.enforcement.actions import SessionHandle
from netbilld.radius.attributes import USER_NAME, USER_PASSWORD
from netbilld.radius.codes import Code
from netbilld.radius.server import Drop, DropReason, RadiusServer, Request
from netbilld.services.nas_control import NasTarget
from tests.clock import SteppedClock
from tests.radius_requests import NAS_ID, SOURCE, access_request, client

BUDI = UUID(int=1)
NAMES = {b"budi": BUDI, b"48:8F:5A:00:00:01": BUDI, b"siti": UUID(int=2)}


class Scene:
    def __init__(self) -> None:
        self.clock = SteppedClock(datetime(2026, 11, 22, 8, 0, tzinfo=UTC))
        self.watched: list[bool] = []
        self.trace = PacketTrace(NAMES.get, self.clock.now, self.clock.monotonic, self.watched.append)
        self.server = RadiusServer([client()], "auth")
        self.identifier = 0

    def start(self, username: str = "budi", **more: Any) -> int:
        told = self.trace.handle({"do": "start", "username": username, "seconds": 60, **more})
        assert told["ok"], told
        return int(told["watch"])

    def read(self, watch: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.trace.handle({"do": "read", "watch": watch})["events"]
        return events

    def ask(self, name: str, *, later: bool = False) -> None:
        self.identifier += 1
        datagram = access_request(
            [(USER_NAME, name.encode()), (USER_PASSWORD, b"0123456789abcdef")], identifier=self.identifier % 256
        )
        outcome = self.server.receive(datagram, SOURCE, float(self.identifier))
        assert isinstance(outcome, Request)
        if later:
            self.trace.saw("auth", datagram, SOURCE, outcome, None)
            self.trace.answered("auth", outcome, self.server.respond(outcome, Code.ACCESS_ACCEPT))
        else:
            self.trace.saw("auth", datagram, SOURCE, outcome, self.server.respond(outcome, Code.ACCESS_REJECT))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_ports_are_watched_only_while_somebody_asks(scene: Scene) -> None:
    first, second = scene.start(), scene.start("siti")
    scene.trace.handle({"do": "stop", "watch": first})
    assert scene.watched == [True]
    scene.trace.handle({"do": "stop", "watch": second})
    assert scene.watched == [True, False]


def test_requests_and_replies_of_the_service_are_shown_by_any_of_its_names(scene: Scene) -> None:
    watch = scene.start()
    scene.ask("BUDI")
    scene.ask("siti")
    scene.ask("48:8F:5A:00:00:01", later=True)
    events = scene.read(watch)
    assert [(event["direction"], event["packet"].split()[0]) for event in events] == [
        ("in", "Access-Request"), ("out", "Access-Reject"), ("in", "Access-Request"), ("out", "Access-Accept"),
    ]  # fmt: skip
    assert "hidden" in events[0]["packet"]
    assert "0123456789" not in events[0]["packet"]
    assert scene.read(watch) == []


def test_a_drop_is_shown_with_its_reason(scene: Scene) -> None:
    watch = scene.start()
    datagram = access_request([(USER_NAME, b"budi")])
    scene.trace.saw("auth", datagram, SOURCE, Drop(DropReason.BAD_AUTHENTICATOR, SOURCE, client()), None)
    (event,) = scene.read(watch)
    assert event["note"] == "dropped: bad_authenticator"


def test_what_nobody_can_read_is_shown_to_whoever_watches_that_nas(scene: Scene) -> None:
    anywhere, there, elsewhere = scene.start(), scene.start(nas="pop1"), scene.start(nas="pop2")
    scene.trace.saw("acct", b"rubbish", SOURCE, Drop(DropReason.MALFORMED, SOURCE, client(), "too short"), None)
    assert scene.read(anywhere) == scene.read(elsewhere) == []
    (event,) = scene.read(there)
    assert event["note"] == "dropped: malformed (too short)"


def test_what_is_kept_is_bounded_and_the_rest_is_counted(scene: Scene) -> None:
    watch = scene.start()
    for _ in range(MAX_KEPT):
        scene.ask("budi")
    told = scene.trace.handle({"do": "read", "watch": watch})
    assert told["lost"] == MAX_KEPT
    assert 0 < len(told["events"]) < MAX_KEPT  # one answer fits the control socket; the rest comes with the next
    assert len(str(told)) < 65_536


def test_a_watch_nobody_reads_ends_by_itself(scene: Scene) -> None:
    watch = scene.start()
    scene.clock.pass_time(seconds=UNREAD_SECONDS + 1)
    scene.ask("budi")
    assert scene.trace.handle({"do": "read", "watch": watch})["over"]
    assert scene.watched == [True, False]


def test_too_many_watches_and_senseless_ones_are_refused(scene: Scene) -> None:
    for _ in range(MAX_WATCHES):
        scene.start()
    assert not scene.trace.handle({"do": "start", "username": "x", "seconds": 1})["ok"]
    for request in ({}, {"do": "start"}, {"do": "start", "username": 7, "seconds": 1}, {"do": "dance"}):
        assert not scene.trace.handle(request)["ok"]
    assert scene.trace.handle({"do": "read", "watch": "x"})["over"]


class Sending:
    """Something that sends orders."""

    def __init__(self) -> None:
        self.trace: OrderTrace | None = None


POP1 = NasTarget(NAS_ID, "pop1", "192.0.2.1", 3799, "mikrotik", b"secret")
ORDER = bytes((Code.DISCONNECT_REQUEST, 7, 0, 26)) + bytes(16) + b"\1\6budi"
NAK = bytes((Code.DISCONNECT_NAK, 7, 0, 26)) + bytes(16) + b"\x65\6\0\0\1\xf7"


def test_orders_about_the_subscribers_sessions_show_and_what_the_nas_answers(scene: Scene) -> None:
    sending = Sending()
    scene.trace.take_along(sending)
    watch, elsewhere = scene.start(), scene.start(nas="pop2")
    for user_name in ("Budi", "siti", "48:8F:5A:00:00:01"):
        session = SessionHandle(user_name, "81a00001")
        assert sending.trace is not None
        sending.trace.order("coa", "out", POP1, session, ORDER, "")
        sending.trace.order("coa", "in", POP1, session, NAK, "")
    events = scene.read(watch)
    assert [event["packet"].split()[0] for event in events] == ["Disconnect-Request", "Disconnect-NAK"] * 2
    assert {(event["port"], event["peer"], event["nas"]) for event in events} == {("coa", "192.0.2.1", "pop1")}
    assert 'User-Name = "budi"' in events[0]["packet"]
    assert "Session-Context-Not-Found" in events[1]["packet"]
    assert scene.read(elsewhere) == []
    for number in (watch, elsewhere):
        scene.trace.handle({"do": "stop", "watch": number})
    assert sending.trace is None


class Worker:
    """Another process: `scene` is what it watches with, until it is started again."""

    def __init__(self) -> None:
        self.scene = Scene()

    async def ask(self, request: Message) -> list[Message]:
        return [self.scene.trace.handle(request)]


async def test_a_process_that_was_started_again_goes_on_with_the_watches_there_are() -> None:
    own, worker = Scene(), Worker()
    both = TraceOfAll(own.trace, worker)
    begin = {"verb": "trace", "do": "start", "seconds": 60}
    budi = (await both.handle({**begin, "username": "budi"}))["watch"]
    worker.scene = Scene()
    siti = (await both.handle({**begin, "username": "siti"}))["watch"]

    async def names(watch: int) -> list[str]:
        answer = await both.handle({"verb": "trace", "do": "read", "watch": watch})
        assert not answer["over"]
        return [event["packet"].partition('User-Name = "')[2].partition('"')[0] for event in answer["events"][::2]]

    assert await names(budi) == []
    worker.scene.ask("budi")
    worker.scene.ask("siti")
    own.ask("budi")
    assert await names(budi) == ["budi", "budi"]
    assert await names(siti) == ["siti"]
    for number in (budi, siti):
        await both.handle({"verb": "trace", "do": "stop", "watch": number})
    assert own.watched[-1] is worker.scene.watched[-1] is False
    assert (await both.handle({"verb": "trace", "do": "read", "watch": budi}))["over"]


async def test_what_was_watched_is_not_kept_for_ever() -> None:
    own, worker = Scene(), Worker()
    both = TraceOfAll(own.trace, worker)
    for number in range(20):
        for clock in (own.clock, worker.scene.clock):
            clock.pass_time(seconds=UNREAD_SECONDS + 1)
        told = await both.handle({"verb": "trace", "do": "start", "username": "budi", "seconds": 60})
        assert told["watch"] == number + 1
    assert len(both._begun) == 1
