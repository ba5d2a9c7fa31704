"""What a trace sees, keeps and forgets."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from netbilld.daemon.packet_trace import MAX_KEPT, MAX_WATCHES, UNREAD_SECONDS, PacketTrace
from netbilld.radius.attributes import USER_NAME, USER_PASSWORD
from netbilld.radius.codes import Code
from netbilld.radius.server import Drop, DropReason, RadiusServer, Request
from tests.radius_requests import SOURCE, access_request, client

BUDI = UUID(int=1)
NAMES = {b"budi": BUDI, b"48:8F:5A:00:00:01": BUDI, b"siti": UUID(int=2)}


class Clock:
    mono = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.mono


class Scene:
    def __init__(self) -> None:
        self.clock = Clock()
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
    scene.clock.mono = UNREAD_SECONDS + 1
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
