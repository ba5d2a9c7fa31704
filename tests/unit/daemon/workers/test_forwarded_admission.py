"""A worker asks the owner about no more than that has in hand, and about nobody who has given up."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from netbilld.daemon.workers import forwarded_admission as limits
from netbilld.daemon.workers.channel import LogInAnswer, LogInQuestion
from netbilld.daemon.workers.forwarded_admission import ForwardedAdmission
from netbilld.radius.access import Decision, Reason
from netbilld.radius.attributes import USER_NAME
from netbilld.radius.packet import decode
from netbilld.radius.server import Request
from tests.radius_requests import SOURCE, access_request, client, view

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACCEPT = Decision(2, b"", Reason.OK, "pap")


class Line:
    """A channel that keeps what is asked."""

    def __init__(self) -> None:
        self.asked: list[LogInQuestion] = []
        self.on_answer: Callable[[LogInAnswer], object] | None = None

    def ask(self, question: LogInQuestion) -> None:
        self.asked.append(question)


class Desk:
    """One worker's admission, and NAS that ask."""

    def __init__(self) -> None:
        self.now = 100.0
        self.line = Line()
        channel: Any = self.line
        self.admission = ForwardedAdmission(channel, lambda: self.now)
        self.answered: list[int] = []
        self.forgotten: list[Request] = []
        self.admission.forget = self.forgotten.append

    def ask(self, number: int) -> None:
        request = Request(client(), decode(access_request([(USER_NAME, b"budi")])), SOURCE, self.now)
        later = self.admission.admit(view(), request, ACCEPT, NOW, lambda _: self.answered.append(number))
        assert later is None

    def answer(self, number: int, decision: Decision | None = ACCEPT) -> None:
        assert self.line.on_answer is not None
        self.line.on_answer(LogInAnswer(number, decision))


def test_no_more_are_asked_than_the_window_and_the_next_as_soon_as_one_is_answered() -> None:
    desk = Desk()
    for number in range(limits.WINDOW + 2):
        desk.ask(number)
    assert len(desk.line.asked) == limits.WINDOW
    assert desk.admission.waiting == limits.WINDOW + 2
    desk.answer(desk.line.asked[0].number)
    assert desk.answered == [0]
    assert len(desk.line.asked) == limits.WINDOW + 1


def test_who_has_waited_longer_than_a_nas_does_is_forgotten_and_not_asked_about() -> None:
    desk = Desk()
    for number in range(limits.WINDOW + 3):
        desk.ask(number)
    desk.now += limits.PATIENCE_SECONDS + 0.1
    desk.ask(limits.WINDOW + 3)
    desk.answer(desk.line.asked[0].number)
    assert len(desk.forgotten) == desk.admission.expired == 3
    assert len(desk.line.asked) == limits.WINDOW + 1
    assert desk.line.asked[-1].arrived_mono == desk.now


def test_what_the_owner_can_not_decide_or_never_answers_is_tried_afresh() -> None:
    desk = Desk()
    for number in range(3):
        desk.ask(number)
    desk.answer(desk.line.asked[0].number, None)
    assert len(desk.forgotten) == 1
    desk.now += limits.LOST_SECONDS + 0.1
    desk.ask(3)
    assert len(desk.forgotten) == 3
    desk.answer(desk.line.asked[1].number)  # far too late
    desk.answer(desk.line.asked[3].number)
    assert desk.answered == [3]


def test_the_newest_is_forgotten_where_far_too_many_wait() -> None:
    desk = Desk()
    for number in range(limits.WINDOW + limits.MAX_WAITING + 1):
        desk.ask(number)
    assert len(desk.forgotten) == 1


def test_one_answer_that_fails_does_not_keep_the_next_from_being_asked() -> None:
    desk = Desk()

    def fail(_: Decision) -> None:
        raise ValueError("a reply that can't be encoded")

    request = Request(client(), decode(access_request([(USER_NAME, b"budi")])), SOURCE, desk.now)
    desk.admission.admit(view(), request, ACCEPT, NOW, fail)
    for number in range(limits.WINDOW):
        desk.ask(number)
    try:
        desk.answer(desk.line.asked[0].number)
    except ValueError:
        assert len(desk.line.asked) == limits.WINDOW + 1
    else:
        raise AssertionError("the channel is told of it")
