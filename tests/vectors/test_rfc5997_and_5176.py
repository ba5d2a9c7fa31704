"""Status-Server (RFC 5997 §6, secret `xyzzy5461`) and Disconnect-Request (RFC 5176 §7, secret `xyz`)."""

import pytest

from netbilld.radius.attributes import FRAMED_IP_ADDRESS, REPLY_MESSAGE, USER_NAME
from netbilld.radius.authenticator import (
    Secret,
    sign_response,
    verify_message_authenticator,
    verify_request_authenticator,
    verify_response_authenticator,
)
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import decode, encode_attribute
from netbilld.radius.server import ServerKind
from tests.radius_requests import received, server

SECRET = Secret(b"xyzzy5461")
STATUS_AUTH = bytes.fromhex("0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3")
STATUS_AUTH_REPLY = bytes.fromhex("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66")
STATUS_ACCT = bytes.fromhex("0cb30026925f6b66dd5fed571fcb1db7ad3882605012e8d6eabda910875cd91fdade26367858")
# Erratum: the RFC prints code 02; the authenticator is right only with code 05.
STATUS_ACCT_REPLY = bytes.fromhex("05b300140f6f92145f107e2f504e860a4860669c")
STATUS_NAS = bytes.fromhex("0c47002cbf58de56ae408ad3b70c8513f9b03fbe0406c00002105012852d6fec61e7ed74b8e32dac2f2a5fb2")
STATUS_NAS_REPLY = bytes.fromhex(
    "0247003446f43e62fd0354424cbbebfd6d214e06122052414449555320536572766572207570203220646179732c2031383a3430"
)


@pytest.mark.parametrize(
    ("request_", "response"),
    [(STATUS_AUTH, STATUS_AUTH_REPLY), (STATUS_ACCT, STATUS_ACCT_REPLY), (STATUS_NAS, STATUS_NAS_REPLY)],
)
def test_rfc5997_6_status_server_is_verified_and_its_reply_signed(request_: bytes, response: bytes) -> None:
    packet, reply = decode(request_), decode(response)
    assert packet.code == Code.STATUS_SERVER
    assert verify_message_authenticator(packet, SECRET, packet.authenticator)
    assert verify_response_authenticator(reply, SECRET, packet.authenticator)
    assert sign_response(SECRET, reply.code, reply.identifier, packet.authenticator, response[20:]) == response


@pytest.mark.parametrize(
    ("kind", "request_", "code"),
    [("auth", STATUS_AUTH, Code.ACCESS_ACCEPT), ("acct", STATUS_ACCT, Code.ACCOUNTING_RESPONSE)],
)
def test_rfc5997_4_2_each_port_answers_in_its_own_code(kind: ServerKind, request_: bytes, code: Code) -> None:
    radius = server(kind)
    request = received(radius, request_)
    reply = decode(radius.respond(request, Code.ACCESS_REJECT))
    assert reply.code == code
    assert verify_response_authenticator(reply, SECRET, request.packet.authenticator)


def test_rfc5997_6_2_the_accounting_reply_is_the_published_one() -> None:
    radius = server("acct")
    assert radius.respond(received(radius, STATUS_ACCT), Code.ACCOUNTING_RESPONSE) == STATUS_ACCT_REPLY


def test_rfc5997_6_3_the_reply_message_is_read() -> None:
    assert decode(STATUS_NAS_REPLY).get(REPLY_MESSAGE) == b"RADIUS Server up 2 days, 18:40"


@pytest.mark.parametrize(
    ("request_", "attribute", "value"),
    [
        ("2801001c1b23624c3543ceba55f1be55a714ca5e01086d6368696261", USER_NAME, b"mchiba"),
        ("2801001a0bda33fe765b05f0fd9cc32a2f6b518208060a000203", FRAMED_IP_ADDRESS, bytes((10, 0, 2, 3))),
    ],
)
def test_rfc5176_7_disconnect_requests_are_made_and_verified(request_: str, attribute: int, value: bytes) -> None:
    # The second trace printed there, with Acct-Session-Id, verifies with no known secret and is left out.
    secret = Secret(b"xyz")
    datagram = bytes.fromhex(request_)
    assert verify_request_authenticator(decode(datagram), secret)
    assert build_request(Code.DISCONNECT_REQUEST, 1, secret, encode_attribute(attribute, value), False) == datagram
