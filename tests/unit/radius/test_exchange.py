from itertools import pairwise

import pytest

from netbilld.radius.attributes import ERROR_CAUSE, FRAMED_IP_ADDRESS, MESSAGE_AUTHENTICATOR, USER_NAME
from netbilld.radius.authenticator import (
    ZERO_AUTHENTICATOR,
    Secret,
    sign_response,
    sign_response_with_message_authenticator,
    verify_message_authenticator,
    verify_request_authenticator,
)
from netbilld.radius.codes import Code
from netbilld.radius.errors import EncodeError
from netbilld.radius.exchange import (
    Exchange,
    ExchangeState,
    IdentifierPool,
    Reply,
    ReplyDrop,
    ReplyDropReason,
    RetransmitPolicy,
    build_request,
    verify_reply,
)
from netbilld.radius.packet import decode, encode_attribute

SECRET = Secret(b"xyzzy5461")
NAME = encode_attribute(USER_NAME, b"nemo")
REQUEST = build_request(Code.COA_REQUEST, 9, SECRET, NAME, True)
NO_JITTER = RetransmitPolicy()
MIDDLE = b"\x80" * 8


def ack(attributes: bytes = b"", code: Code = Code.COA_ACK, identifier: int = 9) -> bytes:
    return sign_response(SECRET, code, identifier, REQUEST[4:20], attributes)


def drop_of(datagram: bytes) -> ReplyDropReason:
    outcome = verify_reply(REQUEST, datagram, SECRET)
    assert isinstance(outcome, ReplyDrop), outcome
    return outcome.reason


def test_rfc5176_3_4_a_request_signs_itself_over_zero_and_message_authenticator_first() -> None:
    packet = decode(REQUEST)
    assert next(iter(packet.attributes)) == MESSAGE_AUTHENTICATOR
    assert verify_request_authenticator(packet, SECRET)
    assert verify_message_authenticator(packet, SECRET, ZERO_AUTHENTICATOR)
    plain = decode(build_request(Code.DISCONNECT_REQUEST, 9, SECRET, NAME, False))
    assert plain.attributes == {USER_NAME: b"nemo"}
    assert verify_request_authenticator(plain, SECRET)


def test_an_access_request_needs_a_fresh_authenticator() -> None:
    with pytest.raises(EncodeError):
        build_request(Code.ACCESS_REQUEST, 1, SECRET, NAME)
    with pytest.raises(EncodeError):
        build_request(Code.STATUS_SERVER, 1, SECRET, b"", authenticator=b"short")


def test_ack_and_nak_are_believed() -> None:
    reply = verify_reply(REQUEST, ack(), SECRET)
    assert isinstance(reply, Reply)
    assert (reply.code, reply.error_cause) == (Code.COA_ACK, None)
    nak = verify_reply(REQUEST, ack(encode_attribute(ERROR_CAUSE, b"\0\0\1\xf7"), Code.COA_NAK), SECRET)
    assert isinstance(nak, Reply)
    assert (nak.code, nak.error_cause) == (Code.COA_NAK, 503)
    odd = verify_reply(REQUEST, ack(encode_attribute(ERROR_CAUSE, b"\1"), Code.COA_NAK), SECRET)
    assert isinstance(odd, Reply)
    assert odd.error_cause is None


def test_rfc5176_3_4_message_authenticator_in_a_reply_is_verified_over_the_requests_authenticator() -> None:
    signed = sign_response_with_message_authenticator(SECRET, Code.COA_ACK, 9, REQUEST[4:20], b"")
    assert isinstance(verify_reply(REQUEST, signed, SECRET), Reply)
    forged = sign_response(SECRET, Code.COA_ACK, 9, REQUEST[4:20], encode_attribute(MESSAGE_AUTHENTICATOR, bytes(16)))
    assert drop_of(forged) is ReplyDropReason.BAD_MESSAGE_AUTHENTICATOR


def test_whatever_else_comes_is_not_taken_for_a_reply() -> None:
    assert drop_of(b"") is ReplyDropReason.MALFORMED
    assert drop_of(ack(identifier=10)) is ReplyDropReason.OTHER_IDENTIFIER
    assert drop_of(ack(code=Code.DISCONNECT_ACK)) is ReplyDropReason.UNEXPECTED_CODE
    assert drop_of(ack(code=Code.ACCESS_ACCEPT)) is ReplyDropReason.UNEXPECTED_CODE
    other = sign_response(Secret(b"other"), Code.COA_ACK, 9, REQUEST[4:20], b"")
    assert drop_of(other) is ReplyDropReason.BAD_AUTHENTICATOR
    changed = ack(encode_attribute(FRAMED_IP_ADDRESS, bytes(4)))
    assert drop_of(changed[:-1] + b"\1") is ReplyDropReason.BAD_AUTHENTICATOR


def run(exchange: Exchange) -> list[float]:
    """Follow an unanswered exchange to its end; return the moments of sending after the first."""
    sent_at: list[float] = []
    while (at := exchange.next_at_mono) is not None:
        datagram = exchange.poll(at)
        if datagram is not None:
            assert datagram == exchange.request
            sent_at.append(at)
    return sent_at


def test_rfc5080_2_2_1_waits_double_up_to_the_limits() -> None:
    exchange = Exchange(REQUEST, SECRET, 100.0, MIDDLE, NO_JITTER)
    sent_at = run(exchange)
    assert exchange.state is ExchangeState.TIMED_OUT
    assert [round(at - 100) for at in sent_at] == [2, 6, 14]  # the next would be at 30, the end of patience
    assert exchange.transmissions == 4


@pytest.mark.parametrize("octet", [0, 77, 255])
def test_rfc5080_2_2_1_jitter_is_at_most_a_tenth(octet: int) -> None:
    policy = RetransmitPolicy(irt_seconds=2, mrt_seconds=16, mrc=6, mrd_seconds=0)
    exchange = Exchange(REQUEST, SECRET, 0.0, bytes((octet,)) * 8, policy)
    moments = [0.0, *run(exchange)]
    waits = [later - earlier for earlier, later in pairwise(moments)]
    assert len(waits) == 5
    assert 1.8 <= waits[0] <= 2.2
    for before, after in pairwise(waits):
        assert 1.9 * before <= after <= 2.1 * before or 14.39 <= after <= 17.61
    assert exchange.transmissions == 6


def test_without_limits_it_goes_on() -> None:
    policy = RetransmitPolicy(irt_seconds=1, mrt_seconds=4, mrc=0, mrd_seconds=0)
    exchange = Exchange(REQUEST, SECRET, 0.0, MIDDLE, policy)
    for _ in range(100):
        at = exchange.next_at_mono
        assert at is not None
        assert exchange.poll(at) == REQUEST
    assert exchange.transmissions == 101


def test_nothing_is_sent_before_its_time() -> None:
    exchange = Exchange(REQUEST, SECRET, 0.0, MIDDLE)
    assert exchange.poll(1.0) is None
    assert exchange.state is ExchangeState.WAITING


def test_a_reply_ends_the_exchange_and_noise_does_not() -> None:
    exchange = Exchange(REQUEST, SECRET, 0.0, MIDDLE)
    for _ in range(20):
        exchange.receive(b"noise")
    assert str(exchange.state) == "waiting"
    assert exchange.dropped == [ReplyDropReason.MALFORMED] * 8
    exchange.receive(ack())
    assert exchange.state is ExchangeState.DONE
    assert exchange.reply is not None
    assert exchange.reply.code == Code.COA_ACK
    assert exchange.next_at_mono is None
    assert exchange.poll(1000.0) is None
    exchange.receive(ack(code=Code.COA_NAK))
    assert exchange.reply.code == Code.COA_ACK


def test_a_late_poll_after_the_end_of_patience_times_out() -> None:
    exchange = Exchange(REQUEST, SECRET, 0.0, b"")
    assert exchange.poll(31.0) is None
    assert exchange.state is ExchangeState.TIMED_OUT


def test_identifiers_are_given_longest_unused_first() -> None:
    pool = IdentifierPool(250)
    taken = [pool.take() for _ in range(256)]
    assert taken[:8] == [250, 251, 252, 253, 254, 255, 0, 1]
    assert sorted(number for number in taken if number is not None) == list(range(256))
    assert pool.take() is None
    pool.release(5)
    pool.release(4)
    assert (len(pool), pool.take(), pool.take()) == (2, 5, 4)
