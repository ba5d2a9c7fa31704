"""The conversation itself: identity, offers, State, identifiers; with MD5, which needs no TLS."""

from collections.abc import Callable
from uuid import UUID

import pytest

from netbilld.radius.access import AccessView, Reason
from netbilld.radius.attributes import EAP_MESSAGE, FRAMED_MTU, REPLY_MESSAGE, STATE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.eap import METHODS, EapOutcome, EapServer, failure_for
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.server import MAX_ROUNDS
from tests.eap_peer import Peer, converse, eap_request, response, said
from tests.radius_requests import client, view

BUDI = b"nemo"
OTHER_NAS = client("198.51.100.0/24", nas_id=UUID("00000000-0000-4000-8000-0000000000ff"))


def counting() -> Callable[[int], bytes]:
    """Entropy that differs each time and can be told."""
    counter = iter(range(1, 1_000_000))
    return lambda octets: next(counter).to_bytes(octets, "big")


def server(**more: int) -> EapServer:
    return EapServer(counting(), ("eap-md5",), max_conversations=more.get("max_conversations", 100))


def find(name: bytes) -> AccessView | None:
    return view() if name == BUDI else None


def identity(name: bytes = BUDI, identifier: int = 0) -> bytes:
    return response(identifier, EapType.IDENTITY, name)


def begin(radius: EapServer, name: bytes = BUDI) -> tuple[bytes, bytes]:
    """Say who we are; return State and the Request that follows."""
    outcome = radius.handle(eap_request(identity(name)), find)
    assert outcome is not None
    answer = said(outcome)
    return answer.attributes[STATE], b"".join(answer.all(EAP_MESSAGE))


def rejected(outcome: EapOutcome | None) -> EapOutcome:
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_REJECT
    assert said(outcome).attributes[EAP_MESSAGE][0] == 4, "a Reject carries a Failure (RFC 3579 §2.6.3)"
    return outcome


def test_md5_lets_in_and_says_who_it_was() -> None:
    outcome = converse(server(), Peer("md5", BUDI, "arctangent"), find)
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_ACCEPT
    assert outcome.decision.method == "eap-md5"
    assert outcome.view == view()
    answer = said(outcome)
    assert answer.attributes[USER_NAME] == BUDI
    assert answer.attributes[EAP_MESSAGE][0] == 3
    assert STATE not in answer.attributes


def test_a_wrong_password_and_an_unknown_name_get_the_same_bytes() -> None:
    wrong = rejected(converse(server(), Peer("md5", BUDI, "wrong"), find))
    unknown = rejected(converse(server(), Peer("md5", b"nobody", "wrong"), find))
    assert wrong.decision.attributes == unknown.decision.attributes
    assert wrong.decision.reason == Reason.WRONG_PASSWORD
    assert unknown.decision.reason == Reason.UNKNOWN_USER
    assert wrong.view == view()
    assert unknown.view is None


def test_a_service_that_may_not_come_in_is_refused_without_a_reply_message() -> None:
    """RFC 3579 §2.6.5: Reply-Message must not stand beside EAP-Message."""
    blocked = view(refusal="suspended", reply_message=b"call us")
    outcome = rejected(converse(server(), Peer("md5", BUDI, "arctangent"), lambda _: blocked))
    assert outcome.decision.reason == "suspended"
    assert REPLY_MESSAGE not in said(outcome).attributes


def test_what_the_plan_grants_is_in_the_accept() -> None:
    granted = view(replies={"mikrotik": b"\x1b\6\0\0\0\x3c"})
    outcome = converse(server(), Peer("md5", BUDI, "arctangent"), lambda _: granted)
    assert outcome is not None
    assert said(outcome).attributes[27] == b"\0\0\0\x3c"


def test_a_password_kept_only_as_a_hash_can_not_answer_md5() -> None:
    only_hash = AccessView("nemo", "password", b"", view().nt_hash, view().service_id, {"mikrotik": b""})
    outcome = rejected(converse(server(), Peer("md5", BUDI, "arctangent"), lambda _: only_hash))
    assert outcome.decision.reason == Reason.WRONG_METHOD_STORED


def test_rfc3579_2_1_an_empty_eap_message_asks_for_the_identity() -> None:
    radius = server()
    outcome = radius.handle(eap_request(b""), find)
    assert outcome is not None
    answer = said(outcome)
    asked = answer.attributes[EAP_MESSAGE]
    assert asked[0] == 1
    assert asked[4] == EapType.IDENTITY
    following = radius.handle(eap_request(identity(BUDI, asked[1]), answer.attributes[STATE]), find)
    assert following is not None
    assert following.decision.code == Code.ACCESS_CHALLENGE
    assert said(following).attributes[EAP_MESSAGE][4] == EapType.MD5


def test_every_conversation_has_a_state_of_its_own() -> None:
    radius = server()
    states = {begin(radius)[0] for _ in range(20)}
    assert len(states) == 20
    assert all(len(state) == 16 for state in states)


@pytest.mark.parametrize("state", [b"", b"x", bytes(16), b"\xff" * 200])
def test_a_guessed_state_is_refused(state: bytes) -> None:
    radius = server()
    _, asked = begin(radius)
    outcome = rejected(radius.handle(eap_request(Peer("md5", BUDI, "arctangent").answer(asked), state), find))
    assert outcome.decision.reason == Reason.EAP_FAILED


def test_a_state_is_worth_nothing_at_another_nas() -> None:
    radius = server()
    state, asked = begin(radius)
    answer = Peer("md5", BUDI, "arctangent").answer(asked)
    rejected(radius.handle(eap_request(answer, state, nas=OTHER_NAS), find))
    accepted = radius.handle(eap_request(answer, state), find)
    assert accepted is not None
    assert accepted.decision.code == Code.ACCESS_ACCEPT, "the other's attempt has not disturbed it"


def test_a_state_lives_a_minute() -> None:
    radius = server()
    state, asked = begin(radius)
    rejected(radius.handle(eap_request(Peer("md5", BUDI, "arctangent").answer(asked), state, at_mono=60.5), find))
    assert radius.conversations.abandoned == 1


def test_a_state_is_used_up_by_the_end() -> None:
    radius = server()
    state, asked = begin(radius)
    answer = Peer("md5", BUDI, "arctangent").answer(asked)
    radius.handle(eap_request(answer, state), find)
    rejected(radius.handle(eap_request(answer, state), find))
    assert len(radius.conversations) == 0


def test_beyond_the_bound_a_new_conversation_gets_silence() -> None:
    radius = server(max_conversations=1)
    state, asked = begin(radius)
    assert radius.handle(eap_request(identity()), find) is None
    assert radius.silenced == 1
    outcome = radius.handle(eap_request(Peer("md5", BUDI, "arctangent").answer(asked), state), find)
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_ACCEPT


def test_a_peer_may_start_again_although_its_nas_keeps_the_state() -> None:
    radius = server()
    state, _ = begin(radius)
    for old in (state, b"long forgotten"):
        outcome = radius.handle(eap_request(identity(BUDI, 9), old), find)
        assert outcome is not None
        answer = said(outcome)
        assert answer.attributes[STATE] not in {state, old}
        assert answer.attributes[EAP_MESSAGE][1] == 10
    assert len(radius.conversations) == 2


def test_the_same_response_in_another_packet_gets_the_same_request() -> None:
    radius = server()
    first = radius.handle(eap_request(b""), find)
    assert first is not None
    answer = said(first)
    message = identity(BUDI, answer.attributes[EAP_MESSAGE][1])
    once = radius.handle(eap_request(message, answer.attributes[STATE]), find)
    again = radius.handle(eap_request(message, answer.attributes[STATE]), find)
    assert once is not None
    assert again is not None
    assert once.decision.attributes == again.decision.attributes


def test_rfc3748_4_1_a_response_to_another_request_gets_silence() -> None:
    radius = server()
    state, asked = begin(radius)
    stale = bytes((2, asked[1] ^ 1)) + Peer("md5", BUDI, "arctangent").answer(asked)[2:]
    assert radius.handle(eap_request(stale, state), find) is None
    outcome = radius.handle(eap_request(Peer("md5", BUDI, "arctangent").answer(asked), state), find)
    assert outcome is not None
    assert outcome.decision.code == Code.ACCESS_ACCEPT


def test_a_nak_that_leaves_nothing_in_common_names_both_sides() -> None:
    radius = server()
    state, asked = begin(radius)
    outcome = rejected(radius.handle(eap_request(response(asked[1], EapType.NAK, b"\x19\x32"), state), find))
    assert outcome.decision.reason == Reason.NO_COMMON_METHOD
    assert outcome.decision.detail == "netbilld speaks eap-md5; the peer wants eap-peap, type 50"


def test_a_nak_can_not_ask_for_what_was_offered_already() -> None:
    radius = server()
    state, asked = begin(radius)
    rejected(radius.handle(eap_request(response(asked[1], EapType.NAK, b"\4"), state), find))


def test_without_a_certificate_only_md5_is_left() -> None:
    assert EapServer(counting(), METHODS).methods == ("eap-md5",)


@pytest.mark.parametrize(
    "message",
    [b"\2", b"\2\0\0\4", b"\1\0\0\5\1", b"\3\0\0\4", b"\4\0\0\4", b"\2\0\xff\xff\1", b"\7\0\0\5\1", b"\2\0\0\6\4x"],
)
def test_what_is_no_response_is_refused(message: bytes) -> None:
    assert rejected(server().handle(eap_request(message), find)).decision.reason == Reason.EAP_FAILED


def test_an_answer_of_another_type_ends_the_conversation() -> None:
    radius = server()
    state, asked = begin(radius)
    rejected(radius.handle(eap_request(response(asked[1], EapType.TTLS, b"\0"), state), find))
    assert len(radius.conversations) == 0


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x0f" + bytes(15), b"\x11" + bytes(17)])
def test_a_malformed_digest_is_refused(data: bytes) -> None:
    radius = server()
    state, asked = begin(radius)
    outcome = rejected(radius.handle(eap_request(response(asked[1], EapType.MD5, data), state), find))
    assert outcome.decision.reason == Reason.EAP_FAILED


def test_a_conversation_does_not_go_on_for_ever() -> None:
    assert MAX_ROUNDS < 256, "an identifier must not come round"


def test_admission_can_end_a_conversation_with_the_right_failure() -> None:
    request = eap_request(response(77, EapType.MD5, b""))
    assert failure_for(request.packet) == b"\x4f\6\4\x4d\0\4"


@pytest.mark.parametrize(("framed_mtu", "room"), [(None, 1015), (100, 1015), (1400, 1391), (1500, 1395), (9000, 1395)])
def test_rfc3579_2_4_framed_mtu_bounds_what_is_sent(framed_mtu: int | None, room: int) -> None:
    radius = server()
    more = () if framed_mtu is None else ((FRAMED_MTU, framed_mtu.to_bytes(4, "big")),)
    outcome = radius.handle(eap_request(identity(), None, *more), find)
    assert outcome is not None
    kept = radius.conversations._by_state[said(outcome).attributes[STATE]]
    assert kept.room_octets == room
