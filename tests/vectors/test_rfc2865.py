"""RFC 2865 §7, secret `xyzzy5461`."""

import pytest

from netbilld.radius.access import decide
from netbilld.radius.attributes import CHAP_PASSWORD, FRAMED_IP_ADDRESS, REPLY_MESSAGE, STATE, USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret, sign_response, verify_response_authenticator
from netbilld.radius.codes import Code
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import decode
from netbilld.radius.passwords import hide_password, reveal_password, verify_chap
from tests.radius_requests import accepted, entropy, view

SECRET = Secret(b"xyzzy5461")
PAP_REQUEST = bytes.fromhex(
    "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406c0a80110050600000003"
)
PAP_ACCEPT = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
CHAP_REQUEST = bytes.fromhex(
    "010100472aee86f08d0d55969ca5978e0d3367a20108666c6f707379031316e97557c316185895f293ff6344077275"
    "0406c0a80110050600000014060600000002070600000001"
)
# Erratum: the text says Framed-Routing None(0), the octets say 2, and the authenticator is right for 2.
CHAP_ACCEPT = bytes.fromhex(
    "0201003815efbc7dab26cfa3dc34d9c03c8601a40606000000020706000000010806fffffffe0a06000000020d06000000010c06000005dc"
)
CHALLENGED_REQUEST = bytes.fromhex(
    "01020039f3a47a1f6a6d76710b947ab93041a03901076d6f707379021233657573778289b570885e15084825c50406c0a80110050600000007"
)
CHALLENGE = bytes.fromhex(
    "0b02004e36f3c8764ae8c71157403c0c71ff9c4512304368616c6c656e67652033323736393433302e2020456e746572"
    "20726573706f6e73652061742070726f6d70742e180a3332373639343330"
)
ANSWERED_REQUEST = bytes.fromhex(
    "01030043b122556d428a13d0d6253807c457ecf001076d6f7073790212692c1f205fc081b919b95195f561a581"
    "0406c0a80110050600000007180a3332373639343330"
)
REJECT = bytes.fromhex("03030014a42f4fca45916c4e09c8340f9e746aa0")


def test_rfc2865_7_1_the_password_of_nemo_is_revealed_and_hidden_again() -> None:
    packet = decode(PAP_REQUEST)
    hidden = packet.attributes[USER_PASSWORD]
    assert packet.get(USER_NAME) == b"nemo"
    assert reveal_password(hidden, SECRET, packet.authenticator) == b"arctangent"
    assert hide_password(b"arctangent", SECRET, packet.authenticator) == hidden


def test_rfc2865_7_1_nemo_is_accepted() -> None:
    decision = decide(accepted(PAP_REQUEST), view("nemo", "arctangent"), entropy)
    assert (decision.code, decision.reason, decision.method) == (Code.ACCESS_ACCEPT, "ok", "pap")


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (PAP_REQUEST, PAP_ACCEPT),
        (CHAP_REQUEST, CHAP_ACCEPT),
        (CHALLENGED_REQUEST, CHALLENGE),
        (ANSWERED_REQUEST, REJECT),
    ],
)
def test_rfc2865_7_response_authenticators_are_verified_and_made(request_: bytes, response: bytes) -> None:
    authenticator = decode(request_).authenticator
    packet = decode(response)
    assert verify_response_authenticator(packet, SECRET, authenticator)
    assert sign_response(SECRET, packet.code, packet.identifier, authenticator, response[20:]) == response


def test_rfc2865_7_2_chap_is_verified_over_the_request_authenticator() -> None:
    packet = decode(CHAP_REQUEST)
    assert verify_chap(packet.attributes[CHAP_PASSWORD], packet.authenticator, b"arctangent")
    assert not verify_chap(packet.attributes[CHAP_PASSWORD], packet.authenticator, b"arctangens")
    decision = decide(accepted(CHAP_REQUEST), view("flopsy", "arctangent"), entropy)
    assert (decision.code, decision.method) == (Code.ACCESS_ACCEPT, "chap")
    assert decode(CHAP_ACCEPT).get(FRAMED_IP_ADDRESS) == bytes.fromhex("fffffffe")


def test_rfc2865_7_3_challenge_and_answer_carry_the_passwords_and_state() -> None:
    first, second = decode(CHALLENGED_REQUEST), decode(ANSWERED_REQUEST)
    assert reveal_password(first.attributes[USER_PASSWORD], SECRET, first.authenticator) == b"challenge"
    assert reveal_password(second.attributes[USER_PASSWORD], SECRET, second.authenticator) == b"99101462"
    challenge = decode(CHALLENGE)
    assert challenge.get(STATE) == second.get(STATE) == b"32769430"
    assert challenge.get(REPLY_MESSAGE) == b"Challenge 32769430.  Enter response at prompt."


def test_rfc2865_7_3_the_misprinted_state_length_is_a_malformed_packet() -> None:
    printed = CHALLENGE.replace(bytes.fromhex("180a3332"), bytes.fromhex("18103332"))
    assert printed != CHALLENGE
    with pytest.raises(MalformedPacket):
        decode(printed)
