"""EAP through the desk: what the log says, what admission may refuse, and that guessing by it is slowed too."""

import random
from datetime import datetime

import pytest

from netbilld.radius.access import AccessView, Decision, Reason
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    CLASS,
    EAP_MESSAGE,
    MIKROTIK_REALM,
    REPLY_MESSAGE,
    STATE,
    USER_NAME,
)
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, EapServer, Find, Left
from netbilld.radius.eap.conversations import MAX_OF_STATION
from netbilld.radius.eap.server import DISPLACED
from netbilld.radius.packet import Packet, encode_attribute
from netbilld.radius.realms import Realms
from netbilld.radius.server import Request
from netbilld.services.authenticate import Answer, Authenticate
from netbilld.services.slow_guessers import SlowGuessers
from tests.builders.log_in_desk import Desk, attributes, credential, facts
from tests.builders.services import NOW
from tests.eap_peer import Peer, eap_request

THIEF = (CALLING_STATION_ID, b"AA:BB:CC:00:00:66")
HOME = (CALLING_STATION_ID, b"AA:BB:CC:00:00:01")


class Refusing:
    """Admission that refuses everybody, at once or later."""

    def __init__(self, later: bool) -> None:
        self.later: list[Answer] | None = [] if later else None

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        del view, request, decision, now
        if self.later is None:
            return self.refusal()
        self.later.append(answer)
        return None

    def refusal(self) -> Decision:
        return Decision(Code.ACCESS_REJECT, encode_attribute(REPLY_MESSAGE, b"full"), "session_limit", "eap-md5")


class EapDesk:
    def __init__(self, admission: Refusing | None = None) -> None:
        self.desk = Desk()
        self.desk.serve(facts())
        self.late: list[Decision] = []
        self.delayed: list[object] = []
        self.authenticate = Authenticate(
            self.desk.directory,
            self.desk.attempts,
            random.Random(1).randbytes,
            lambda: 0.0,
            eap=EapServer(random.Random(2).randbytes, ("eap-md5",)),
            admission=admission,
            guessers=SlowGuessers(lambda _seconds, call: self.delayed.append(call), 0.5),
        )

    def log_in(self, password: str = "rahasia", name: bytes = b"budi", *more: tuple[int, bytes]) -> Decision | None:
        """Log in by MD5; return the last decision."""
        start = self.authenticate.handle(
            eap_request(b"\2\0" + (5 + len(name)).to_bytes(2, "big") + b"\1" + name, None, *more), NOW, self.late.append
        )
        assert start is not None
        asked: Packet = attributes(start)
        message = Peer("md5", name, password).answer(asked.attributes[EAP_MESSAGE])
        return self.authenticate.handle(eap_request(message, asked.attributes[STATE], *more), NOW, self.late.append)


def test_the_accept_has_what_the_service_is_due_and_the_log_names_who_it_was() -> None:
    desk = EapDesk()
    decision = desk.log_in()
    assert decision is not None
    assert decision.code == Code.ACCESS_ACCEPT
    assert CLASS in attributes(decision).attributes
    assert attributes(decision).attributes[USER_NAME] == b"Budi"
    (attempt,) = desk.desk.attempts.take(10)
    assert (attempt.user_name, attempt.method, attempt.result) == (b"budi", "eap-md5", "accept")
    assert desk.authenticate.challenges == 1


def test_a_realm_does_not_hide_the_subscriber() -> None:
    decision = EapDesk().log_in(name=b"budi@isp.example")
    assert decision is not None
    assert decision.code == Code.ACCESS_ACCEPT


def in_limits(desk: EapDesk) -> None:
    """Give the service a limit, so that admission is asked."""
    desk.desk.put(facts(locks=(("mac", "02:00:00:00:00:01"),)))


def test_what_admission_refuses_ends_with_a_failure_and_without_a_reply_message() -> None:
    """RFC 3579 §2.6.5."""
    desk = EapDesk(Refusing(later=False))
    in_limits(desk)
    decision = desk.log_in()
    assert decision is not None
    assert decision.reason == "session_limit"
    assert attributes(decision).attributes.keys() == {EAP_MESSAGE}
    assert attributes(decision).attributes[EAP_MESSAGE][0] == 4


def test_what_admission_refuses_later_does_so_too() -> None:
    admission = Refusing(later=True)
    desk = EapDesk(admission)
    in_limits(desk)
    assert desk.log_in() is None
    assert admission.later is not None
    admission.later[0](admission.refusal())
    (decision,) = desk.late
    assert attributes(decision).attributes[EAP_MESSAGE][0] == 4


def test_a_device_that_falls_silent_half_way_stands_in_the_log() -> None:
    """A phone that waits for somebody to trust the certificate just stops."""
    desk = EapDesk()
    server = EapServer(random.Random(3).randbytes, ("eap-md5",))
    desk.authenticate._eap = server
    desk.authenticate.handle(eap_request(b"\2\0\0\x09\1budi", None, HOME), NOW, desk.late.append)
    (conversation,) = server.conversations._by_state.values()
    conversation.begun = True
    desk.authenticate.handle(eap_request(b"\2\0\0\x09\1else", None, at_mono=61.0), NOW, desk.late.append)
    (attempt,) = desk.desk.attempts.take(10)
    assert (attempt.user_name, attempt.mac) == (b"budi", HOME[1])
    assert (attempt.method, attempt.result, attempt.reason) == ("eap-md5", "challenge", "eap_failed")
    assert "fell silent" in (attempt.detail or "")


def test_a_device_that_falls_silent_is_noted_although_nobody_else_comes() -> None:
    desk = EapDesk()
    server = EapServer(random.Random(3).randbytes, ("eap-md5",))
    desk.authenticate._eap = server
    desk.authenticate.handle(eap_request(b"\2\0\0\x09\1budi", None, HOME), NOW, desk.late.append)
    (conversation,) = server.conversations._by_state.values()
    conversation.begun = True
    desk.authenticate.forget_silent(NOW)
    assert not desk.desk.attempts.take(10)
    desk.authenticate._monotonic = lambda: 61.0
    desk.authenticate.forget_silent(NOW)
    (attempt,) = desk.desk.attempts.take(10)
    assert (attempt.user_name, attempt.reason) == (b"budi", "eap_failed")
    assert len(server.conversations) == 0


def test_a_device_that_begins_again_and_again_stands_in_the_log_for_that() -> None:
    desk = EapDesk()
    server = EapServer(random.Random(3).randbytes, ("eap-md5",))
    desk.authenticate._eap = server
    for _ in range(MAX_OF_STATION + 1):
        desk.authenticate.handle(eap_request(b"\2\0\0\x09\1budi", None, HOME), NOW, desk.late.append)
        for conversation in server.conversations._by_state.values():
            conversation.begun = True
    desk.authenticate.forget_silent(NOW)
    (attempt,) = desk.desk.attempts.take(10)
    assert (attempt.user_name, attempt.mac, attempt.reason) == (b"budi", HOME[1], "eap_failed")
    assert attempt.detail == DISPLACED


def test_who_guesses_by_eap_is_not_told_the_right_password_either() -> None:
    desk = EapDesk()
    assert desk.log_in("rahasia", b"budi", HOME) is not None
    for number in range(12):
        desk.log_in(f"guess {number}", b"budi", THIEF)
    assert desk.log_in("rahasia", b"budi", THIEF) is None, "it waits"
    newest = desk.desk.attempts.take(100)[-1]
    assert (newest.result, newest.reason) == ("reject", "too_many_tries")
    right = desk.log_in("rahasia", b"budi", HOME)
    assert right is not None
    assert right.code == Code.ACCESS_ACCEPT, "the subscriber's own device is not kept out"


class Certified:
    """An EAP server to which a device has shown a certificate of this name."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def handle(self, _request: Request, _find: Find, find_certified: Find) -> EapOutcome:
        view = find_certified(self.name)
        code = Code.ACCESS_ACCEPT if view is not None else Code.ACCESS_REJECT
        return EapOutcome(Decision(int(code), b"", Reason.OK, "eap-tls"), view, self.name)

    def take_left(self) -> list[Left]:
        return []

    def forget_silent(self, now_mono: float) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "realms", "comes_in"),
    [
        (b"budi", "*", True),
        (b"BUDI", "", True),
        (b"budi@elsewhere.example", "*", False),
        (b"ELSEWHERE\\budi", "*", False),
        (b"budi@elsewhere.example", "*,isp.example", False),
        (b"budi@isp.example", "*,isp.example", True),
        (b"budi@ISP.example", "isp.example", True),
        (b"isp.example\\budi", "isp.example", True),
        (b"budi@isp.example", "", False),
    ],
)
def test_a_realm_comes_off_a_certificates_name_only_if_it_is_named(name: bytes, realms: str, comes_in: bool) -> None:
    """A password proves its subscriber whatever realm was typed beside it; of a certificate the name is all there is."""
    desk = Desk()
    desk.serve(facts())
    authenticate = Authenticate(
        desk.directory, desk.attempts, bytes, lambda: 0.0, eap=Certified(name), realms=Realms.of(realms.split(","))
    )
    decision = authenticate.handle(eap_request(b"\2\1\0\6\x0d\0"), NOW, lambda _late: None)
    assert decision is not None
    assert (decision.code == Code.ACCESS_ACCEPT) is comes_in


def test_a_realm_that_the_nas_reports_adds_nothing_to_a_certificates_name() -> None:
    """The device has chosen it."""
    desk = Desk()
    desk.serve(facts(), credential("budi@isp.example"))
    realms = Realms.of(["*", "isp.example"])
    authenticate = Authenticate(
        desk.directory, desk.attempts, bytes, lambda: 0.0, eap=Certified(b"budi"), realms=realms
    )
    request = eap_request(b"\2\1\0\6\x0d\0", None, (MIKROTIK_REALM, b"isp.example"))
    decision = authenticate.handle(request, NOW, lambda _late: None)
    assert decision is not None
    assert decision.code == Code.ACCESS_REJECT
