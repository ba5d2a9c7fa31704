"""The Rejects of a guesser leave later; everybody else is answered at once."""

from collections.abc import Callable

from netbilld.radius.access import Decision
from netbilld.radius.attributes import CALLING_STATION_ID, SERVICE_TYPE
from netbilld.radius.codes import Code
from netbilld.radius.server import Request
from netbilld.services import slow_guessers
from netbilld.services.authenticate import Authenticate
from netbilld.services.slow_guessers import SlowGuessers
from tests.builders.log_in_desk import Desk, credential, facts
from tests.builders.services import NOW
from tests.radius_requests import chap, mschap_v2, pap

HOME, THIEF = (CALLING_STATION_ID, b"AA:BB:CC:00:00:01"), (CALLING_STATION_ID, b"AA:BB:CC:00:00:66")


class Slow:
    """A desk that slows guessers, its timers in the test's hands."""

    def __init__(self, delay_seconds: float = 0.5) -> None:
        self.desk = Desk()
        self.desk.serve(facts())
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.late: list[Decision] = []
        self.guessers = SlowGuessers(lambda seconds, call: self.timers.append((seconds, call)), delay_seconds)
        self.authenticate = Authenticate(
            self.desk.directory, self.desk.attempts, bytes, lambda: 0.000_25, guessers=self.guessers
        )

    def ask(self, request: Request) -> Decision | None:
        return self.authenticate.handle(request, NOW, self.late.append)


def test_a_guesser_waits_and_the_subscriber_does_not() -> None:
    slow = Slow()
    assert slow.ask(pap(b"budi", b"rahasia", HOME)) is not None
    answers = [slow.ask(pap(b"budi", b"guess %d" % number, THIEF)) for number in range(20)]
    assert [answer is None for answer in answers] == [False] * 5 + [True] * 15
    assert {seconds for seconds, _ in slow.timers} == {0.5}
    right = slow.ask(pap(b"budi", b"rahasia", HOME))
    assert right is not None
    assert right.code == Code.ACCESS_ACCEPT
    for _, send in slow.timers:
        send()
    assert len(slow.late) == 15
    reasons = [decision.reason for decision in slow.late]
    assert reasons == ["wrong_password"] * 5 + ["too_many_tries"] * 10
    assert {(decision.code, decision.attributes) for decision in slow.late} == {(Code.ACCESS_REJECT, b"")}
    assert len(slow.desk.attempts) == 22  # noted when they are made


def test_the_right_password_of_a_guesser_is_not_looked_at_once_it_has_tried_too_often() -> None:
    slow = Slow()
    for number in range(12):
        slow.ask(pap(b"budi", b"guess %d" % number, THIEF))
    for request in (pap(b"budi", b"rahasia", THIEF), chap(b"budi", b"rahasia", THIEF)):
        assert slow.ask(request) is None
    slow.timers[-1][1]()
    assert slow.late[0].reason == "too_many_tries"


def test_unknown_names_and_other_methods_are_slowed_alike() -> None:
    guesses: list[Callable[[int], Request]] = [
        lambda number: pap(b"nobody", b"guess %d" % number, THIEF),
        lambda number: chap(b"NoBody" if number % 2 else b"nobody", b"guess %d" % number, THIEF),
        lambda number: mschap_v2(b"nobody", f"guess {number}", THIEF),
        lambda number: pap(b"admin", b"guess %d" % number, THIEF, (SERVICE_TYPE, b"\0\0\0\7")),  # the router's prompt
        lambda number: mschap_v2(b"BUDI" if number % 2 else b"budi", f"guess {number}", THIEF),
    ]
    for make in guesses:
        slow = Slow()
        answers = [slow.ask(make(number)) for number in range(7)]
        assert [answer is None for answer in answers] == [False] * 5 + [True] * 2


def test_a_device_that_nobody_knows_yet_may_ask_as_often_as_it_likes() -> None:
    slow = Slow()
    for _ in range(50):
        decision = slow.ask(pap(HOME[1], b"", HOME))
        assert decision is not None
        assert decision.reason == "unknown_user"


def test_a_device_that_is_known_and_gives_a_wrong_password_is_slowed() -> None:
    slow = Slow()
    slow.desk.serve(facts(), credential(HOME[1].decode(), b"semua", "mac"))
    answers = [slow.ask(pap(HOME[1], b"guess %d" % number, HOME)) for number in range(7)]
    assert [answer is None for answer in answers] == [False] * 5 + [True] * 2


def test_without_a_delay_and_beyond_so_many_waiting_a_reject_leaves_at_once() -> None:
    slow = Slow(delay_seconds=0)
    assert all(slow.ask(pap(b"budi", b"guess", THIEF)) is not None for _ in range(30))
    assert slow.guessers.refused > 0
    full = Slow()
    full.guessers._waiting = slow_guessers.MAX_WAITING
    assert all(full.ask(pap(b"budi", b"guess", THIEF)) is not None for _ in range(30))


def test_a_reject_that_has_left_makes_room_for_another_to_wait() -> None:
    slow = Slow()
    for _ in range(6):
        slow.ask(pap(b"budi", b"guess", THIEF))
    ((_, send),) = slow.timers
    slow.guessers._waiting += slow_guessers.MAX_WAITING - 1
    assert slow.ask(pap(b"budi", b"guess", THIEF)) is not None
    send()
    assert slow.ask(pap(b"budi", b"guess", THIEF)) is None
