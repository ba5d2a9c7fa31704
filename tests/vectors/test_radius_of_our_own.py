"""Whole packets reckoned independently of this code, secret `xyzzy5461`, and values seen from real routers."""

from ipaddress import IPv6Network

import pytest

from netbilld.radius.access import decide
from netbilld.radius.attributes import (
    ACCT_SESSION_ID,
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    DELEGATED_IPV6_PREFIX,
    ERROR_CAUSE,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_PREFIX,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_HOST_IP,
    MIKROTIK_RATE_LIMIT,
    MIKROTIK_TOTAL_LIMIT,
    MIKROTIK_TOTAL_LIMIT_GIGAWORDS,
    NAS_IDENTIFIER,
    NAS_IP_ADDRESS,
    SERVICE_TYPE,
    SESSION_TIMEOUT,
    USER_NAME,
)
from netbilld.radius.authenticator import Secret, sign_response
from netbilld.radius.codes import Code, ErrorCause
from netbilld.radius.exchange import Reply, build_request, verify_reply
from netbilld.radius.packet import encode_attribute, encode_attributes
from netbilld.radius.passwords import hide_password, reveal_password, verify_chap
from netbilld.radius.values import encode_integer, encode_ipv6_prefix, ipv6_prefix
from tests.radius_requests import accepted, access_request, entropy, received, server, view

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
ACCOUNTING_START = bytes.fromhex(
    "040700361e1803c42f9407ac5002c6d90d197f4f2806000000012c0a383031303030313401066e656d6f0406c0a80110050680100014"
)
ROUTEROS_REQUEST = bytes.fromhex(  # Message-Authenticator last, as RouterOS sends it
    "0100004a0f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110050600000003501263b78a6b9d2f149989fbf57ea21d194c"
)
ACCEPT = bytes.fromhex(
    "0200003a10fa4b1007e3e535fd51a86c75fea57150121b543a9cb4a7703fd889dddd49f5c725"
    "1a0e00003a8c0808354d2f32304d1b0600000e10"
)
DISCONNECT = bytes.fromhex(
    "2809003006289b74286a913a7cbb675845ce4ec401066e656d6f2c0a383031303030313408060a0558020406c0a80110"
)
COA = bytes.fromhex(
    "2b0a0050f93d91b97cbfcd462fecf05f2f4ad61a501284890d39c57de33e16ab8079650dbed2"
    "01066e656d6f2c0a383031303030313408060a0558020406c0a801101a0e00003a8c0808354d2f32304d"
)
SESSION = [
    (USER_NAME, b"nemo"),
    (ACCT_SESSION_ID, b"80100014"),
    (FRAMED_IP_ADDRESS, bytes((10, 5, 88, 2))),
    (NAS_IP_ADDRESS, bytes((192, 168, 1, 16))),
]


def test_an_accounting_start_is_answered_with_the_known_response() -> None:
    radius = server("acct")
    assert radius.respond(received(radius, ACCOUNTING_START), Code.ACCOUNTING_RESPONSE).hex() == (
        "0507001435e6fc9f42c88d6b161b209e73fd555b"
    )


def test_an_accept_begins_with_message_authenticator() -> None:
    replies = {
        "mikrotik": encode_attributes(((MIKROTIK_RATE_LIMIT, b"5M/20M"), (SESSION_TIMEOUT, encode_integer(3600)))),
    }
    radius = server()
    request = received(radius, ROUTEROS_REQUEST)
    decision = decide(request, view("nemo", "arctangent", replies=replies), entropy)
    assert radius.respond(request, decision.code, decision.attributes) == ACCEPT


def test_disconnect_and_coa_requests_are_the_known_ones() -> None:
    assert build_request(Code.DISCONNECT_REQUEST, 9, SECRET, encode_attributes(SESSION), False) == DISCONNECT
    attributes = encode_attributes([*SESSION, (MIKROTIK_RATE_LIMIT, b"5M/20M")])
    assert build_request(Code.COA_REQUEST, 10, SECRET, attributes, True) == COA


def test_ack_and_nak_are_verified_against_their_request() -> None:
    ack = verify_reply(
        DISCONNECT, bytes.fromhex("2909001e73475699e76e8ecf58e4825efb73d88f200a4d696b726f54696b"), SECRET
    )
    assert isinstance(ack, Reply)
    assert (ack.code, ack.error_cause, ack.packet.get(NAS_IDENTIFIER)) == (Code.DISCONNECT_ACK, None, b"MikroTik")
    nak = verify_reply(
        DISCONNECT,
        bytes.fromhex("2a09002449675d8ec312db98610a6ffde0b861c76506000001f7200a4d696b726f54696b"),
        SECRET,
    )
    assert isinstance(nak, Reply)
    assert (nak.code, nak.error_cause) == (Code.DISCONNECT_NAK, ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    made = sign_response(
        SECRET,
        Code.DISCONNECT_NAK,
        9,
        DISCONNECT[4:20],
        encode_attributes(((ERROR_CAUSE, encode_integer(503)), (NAS_IDENTIFIER, b"MikroTik"))),
    )
    assert made == nak.packet.datagram


@pytest.mark.parametrize(
    ("password", "hidden"),
    [
        (b"01234567890123456789", "5cfd21cac68f429c67dbd40e4a193edbd88d93a13219b0d1b9c49194e064233e"),
        (b"", "6ccc13f9f2ba74ab5fe2e43f782a0aee"),
    ],
)
def test_long_and_empty_passwords_are_hidden_and_revealed(password: bytes, hidden: str) -> None:
    assert hide_password(password, SECRET, AUTHENTICATOR).hex() == hidden
    assert reveal_password(bytes.fromhex(hidden), SECRET, AUTHENTICATOR) == password


@pytest.mark.parametrize(
    ("attribute", "prefix", "encoded"),
    [
        (DELEGATED_IPV6_PREFIX, "2001:db8:0:100::/56", "7b0b003820010db8000001"),
        (FRAMED_IPV6_PREFIX, "2001:db8:1:2::/64", "610c004020010db800010002"),
    ],
)
def test_ipv6_prefixes_are_written_shortened(attribute: int, prefix: str, encoded: str) -> None:
    network = IPv6Network(prefix)
    assert encode_attribute(attribute, encode_ipv6_prefix(network)).hex() == encoded
    assert ipv6_prefix(bytes.fromhex(encoded)[2:]) == network


@pytest.mark.parametrize(
    ("attribute", "value", "encoded"),
    [
        (MIKROTIK_RATE_LIMIT, b"5M/20M", "1a0e00003a8c0808354d2f32304d"),
        (MIKROTIK_ADDRESS_LIST, b"suspended", "1a1100003a8c130b73757370656e646564"),
        (MIKROTIK_TOTAL_LIMIT, encode_integer(5 * 2**30 & 0xFFFFFFFF), "1a0c00003a8c110640000000"),
        (MIKROTIK_TOTAL_LIMIT_GIGAWORDS, encode_integer(1), "1a0c00003a8c120600000001"),
    ],
)
def test_mikrotik_attributes_are_encoded_as_routeros_reads_them(attribute: int, value: bytes, encoded: str) -> None:
    assert encode_attribute(attribute, value).hex() == encoded


def test_a_pap_password_as_routeros_6_sent_it_over_pptp() -> None:
    secret = Secret(b"vpnxs1234")
    authenticator = bytes.fromhex("238e1f2946e87ccd3d1b58ba507ed7ab")
    hidden = bytes.fromhex("31ff30923a54e7029bdf65641b41011f")
    assert reveal_password(hidden, secret, authenticator) == b"melkman"
    assert hide_password(b"melkman", secret, authenticator) == hidden


def test_a_hotspot_chap_login_as_routeros_7_sent_it() -> None:
    challenge = bytes.fromhex("19a63ce2e283187f977609b470b01368")
    answer = bytes.fromhex("34b7226284e0fdeddd5b12a8ee74e8b25c")
    assert verify_chap(answer, challenge, b"lkfgxifde")
    request = accepted(
        access_request(
            [
                (USER_NAME, b"thepumper"),
                (MIKROTIK_HOST_IP, bytes((10, 5, 88, 2))),
                (CHAP_CHALLENGE, challenge),
                (CHAP_PASSWORD, answer),
                (SERVICE_TYPE, encode_integer(1)),
            ]
        )
    )
    decision = decide(request, view("thepumper", "lkfgxifde"), entropy)
    assert (decision.code, decision.reason, decision.method) == (Code.ACCESS_ACCEPT, "ok", "chap")
