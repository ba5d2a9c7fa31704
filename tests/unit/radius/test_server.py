from uuid import UUID

import pytest

from netbilld.radius.attributes import (
    ACCT_STATUS_TYPE,
    EAP_MESSAGE,
    MESSAGE_AUTHENTICATOR,
    PROXY_STATE,
    REPLY_MESSAGE,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.authenticator import (
    ZERO_AUTHENTICATOR,
    Secret,
    verify_message_authenticator,
    verify_response_authenticator,
)
from netbilld.radius.clients import ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.errors import EncodeError
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import decode, encode_attribute, encode_attributes
from netbilld.radius.server import Drop, DropReason, RadiusServer, Source
from tests.radius_requests import (
    AUTHENTICATOR,
    NAS,
    NAS_ID,
    SECRET,
    SOURCE,
    Pairs,
    access_request,
    accounting_request,
    client,
    received,
    replayed,
    server,
)

LOGIN: Pairs = [(USER_NAME, b"nemo"), (USER_PASSWORD, bytes(16)), NAS]
START: Pairs = [(ACCT_STATUS_TYPE, b"\0\0\0\1"), (USER_NAME, b"nemo"), NAS]


def dropped(radius: RadiusServer, datagram: bytes, source: Source = SOURCE, now_mono: float = 0.0) -> DropReason:
    before = dict(radius.drops)
    outcome = radius.receive(datagram, source, now_mono)
    assert isinstance(outcome, Drop), outcome
    assert radius.drops[outcome.reason] == before[outcome.reason] + 1
    assert sum(radius.drops.values()) == sum(before.values()) + 1
    return outcome.reason


def with_bit_flipped(datagram: bytes, octet: int, bit: int = 0) -> bytes:
    return datagram[:octet] + bytes((datagram[octet] ^ 1 << bit,)) + datagram[octet + 1 :]


def test_a_verified_request_is_handed_on_with_its_client() -> None:
    radius = server()
    request = received(radius, access_request(LOGIN))
    assert request.client.nas_id == NAS_ID
    assert request.packet.get(USER_NAME) == b"nemo"
    assert request.source == SOURCE
    assert (radius.requests, radius.replays, radius.replies) == (1, 0, 0)


def test_rfc2865_3_an_unknown_client_gets_silence() -> None:
    radius = server()
    assert dropped(radius, access_request(LOGIN), ("198.51.100.1", 40001)) is DropReason.UNKNOWN_CLIENT


@pytest.mark.parametrize("datagram", [b"", b"\x01", access_request(LOGIN)[:-1], access_request(LOGIN)[:19]])
def test_rfc2865_3_a_malformed_packet_gets_silence(datagram: bytes) -> None:
    assert dropped(server(), datagram) is DropReason.MALFORMED


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 11, 13, 40, 43, 255])
def test_rfc2865_3_an_access_port_takes_no_other_code(code: int) -> None:
    datagram = access_request(LOGIN)
    assert dropped(server(), bytes((code,)) + datagram[1:]) is DropReason.UNEXPECTED_CODE


@pytest.mark.parametrize("code", [0, 1, 2, 5, 40, 255])
def test_rfc2866_3_an_accounting_port_takes_no_other_code(code: int) -> None:
    datagram = accounting_request(START)
    assert dropped(server("acct"), bytes((code,)) + datagram[1:]) is DropReason.UNEXPECTED_CODE


@pytest.mark.parametrize("bit", range(8))
def test_rfc3579_3_2_a_message_authenticator_wrong_by_one_bit_gets_silence(bit: int) -> None:
    radius = server()
    datagram = access_request(LOGIN)
    for octet in (0x16, 0x25, 1, 4, len(datagram) - 1):
        assert dropped(radius, with_bit_flipped(datagram, octet, bit)) is DropReason.BAD_MESSAGE_AUTHENTICATOR
    # Nothing of that has touched the cache: the true one is new.
    received(radius, datagram)


def test_a_wrong_secret_gets_silence() -> None:
    other = Secret(b"another secret")
    assert dropped(server(), access_request(LOGIN, secret=other)) is DropReason.BAD_MESSAGE_AUTHENTICATOR
    assert dropped(server("acct"), accounting_request(START, secret=other)) is DropReason.BAD_AUTHENTICATOR


def test_rfc2866_4_1_a_wrong_request_authenticator_gets_silence() -> None:
    datagram = accounting_request(START)
    assert dropped(server("acct"), with_bit_flipped(datagram, 4)) is DropReason.BAD_AUTHENTICATOR
    assert dropped(server("acct"), with_bit_flipped(datagram, 30)) is DropReason.BAD_AUTHENTICATOR
    zeroed = datagram[:4] + ZERO_AUTHENTICATOR + datagram[20:]
    assert dropped(server("acct"), zeroed) is DropReason.BAD_AUTHENTICATOR


def test_a_message_authenticator_in_an_accounting_request_is_verified_too() -> None:
    signed = build_request(Code.ACCOUNTING_REQUEST, 7, SECRET, encode_attributes(START), True)
    received(server("acct"), signed)
    unsigned = accounting_request([*START, (MESSAGE_AUTHENTICATOR, bytes(16))])
    assert dropped(server("acct"), unsigned) is DropReason.BAD_MESSAGE_AUTHENTICATOR


def test_rfc5997_2_a_status_server_must_be_signed() -> None:
    unsigned = build_request(Code.STATUS_SERVER, 7, SECRET, b"", False, authenticator=AUTHENTICATOR)
    assert dropped(server(), unsigned) is DropReason.MESSAGE_AUTHENTICATOR_MISSING
    assert dropped(server("acct"), unsigned) is DropReason.MESSAGE_AUTHENTICATOR_MISSING
    signed = build_request(Code.STATUS_SERVER, 7, SECRET, b"", True, authenticator=AUTHENTICATOR)
    for radius in (server(), server("acct")):
        assert received(radius, signed).packet.code == Code.STATUS_SERVER


@pytest.mark.parametrize("policy", ["auto", "false", "true"])
def test_rfc3579_3_2_eap_without_message_authenticator_gets_silence(policy: str) -> None:
    radius = server("auth", client(policy=policy))  # type: ignore[arg-type]  # parametrize knows only str
    eap = access_request([(USER_NAME, b"nemo"), (EAP_MESSAGE, b"\2\1\0\5\1")], signed=False)
    assert dropped(radius, eap) is DropReason.MESSAGE_AUTHENTICATOR_MISSING


def test_auto_requires_message_authenticator_once_it_has_been_seen() -> None:
    radius = server()
    received(radius, access_request(LOGIN, identifier=1, signed=False))
    received(radius, access_request(LOGIN, identifier=2))
    assert dropped(radius, access_request(LOGIN, identifier=3, signed=False)) is (
        DropReason.MESSAGE_AUTHENTICATOR_MISSING
    )
    assert radius.take_learned() == {NAS_ID}
    assert radius.take_learned() == set()
    received(radius, access_request(LOGIN, identifier=4))
    assert radius.take_learned() == set()


def test_auto_remembers_over_a_restart_and_forgets_when_told() -> None:
    radius = server("auth", client(seen=True))
    unsigned = access_request(LOGIN, signed=False)
    assert dropped(radius, unsigned) is DropReason.MESSAGE_AUTHENTICATOR_MISSING
    radius.clients = ClientTable([client(seen=False)])
    received(radius, unsigned)


def test_what_was_learned_survives_a_table_that_does_not_know_it_yet() -> None:
    radius = server()
    received(radius, access_request(LOGIN))
    radius.clients = ClientTable([client(seen=False)])
    assert dropped(radius, access_request(LOGIN, identifier=8, signed=False)) is (
        DropReason.MESSAGE_AUTHENTICATOR_MISSING
    )
    assert radius.take_learned() == {NAS_ID}


def test_eap_and_status_server_teach_nothing_about_other_requests() -> None:
    radius = server()
    received(radius, access_request([(USER_NAME, b"nemo"), (EAP_MESSAGE, b"\2\1\0\5\1")], identifier=1))
    received(radius, build_request(Code.STATUS_SERVER, 2, SECRET, b"", True, authenticator=AUTHENTICATOR))
    assert radius.take_learned() == set()
    received(radius, access_request(LOGIN, identifier=3, signed=False))


def test_true_and_false_say_what_is_required() -> None:
    unsigned = access_request(LOGIN, signed=False)
    assert dropped(server("auth", client(policy="true")), unsigned) is DropReason.MESSAGE_AUTHENTICATOR_MISSING
    received(server("auth", client(policy="false", seen=True)), unsigned)


def test_one_nas_teaches_nothing_about_another() -> None:
    other = UUID(int=9)
    radius = server("auth", client("192.0.2.1/32"), client("192.0.2.2/32", nas_id=other))
    received(radius, access_request(LOGIN))
    received(radius, access_request(LOGIN, signed=False), source=("192.0.2.2", 40001))


@pytest.mark.parametrize("policy", ["auto", "false"])
def test_cve_2024_3596_proxy_state_without_message_authenticator_gets_silence(policy: str) -> None:
    radius = server("auth", client(policy=policy))  # type: ignore[arg-type]  # parametrize knows only str
    proxied = access_request([*LOGIN, (PROXY_STATE, b"x")], signed=False)
    assert dropped(radius, proxied) is DropReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR


def test_an_unsigned_request_without_a_user_name_is_not_worth_an_answer() -> None:
    nameless = [pair for pair in LOGIN if pair[0] != USER_NAME]
    assert dropped(server(), access_request(nameless, signed=False)) is DropReason.NO_USER_NAME
    assert received(server(), access_request(nameless, signed=True)).packet.get(USER_NAME) is None


@pytest.mark.parametrize("code", [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE])
@pytest.mark.parametrize("signed", [True, False])
def test_cve_2024_3596_every_access_reply_begins_with_message_authenticator(code: Code, signed: bool) -> None:
    radius = server()
    request = received(radius, access_request(LOGIN, signed=signed))
    reply = radius.respond(request, code, encode_attribute(REPLY_MESSAGE, b"hello"))
    assert reply[20:22] == bytes((MESSAGE_AUTHENTICATOR, 18))
    packet = decode(reply)
    assert (packet.code, packet.identifier) == (code, 7)
    assert verify_response_authenticator(packet, SECRET, AUTHENTICATOR)
    assert verify_message_authenticator(packet, SECRET, AUTHENTICATOR)
    assert packet.get(REPLY_MESSAGE) == b"hello"


def test_an_accounting_response_has_no_message_authenticator() -> None:
    radius = server("acct")
    request = received(radius, accounting_request(START))
    packet = decode(radius.respond(request, Code.ACCOUNTING_RESPONSE))
    assert packet.attributes == {}
    assert verify_response_authenticator(packet, SECRET, request.packet.authenticator)


def test_rfc2865_5_33_proxy_states_are_copied_in_order() -> None:
    states = [b"outer", b"", b"inner"]
    proxied = [(PROXY_STATE, state) for state in states]
    auth, acct = server(), server("acct")
    accept = auth.respond(received(auth, access_request([*LOGIN, *proxied])), Code.ACCESS_REJECT)
    response = acct.respond(received(acct, accounting_request([*START, *proxied])), Code.ACCOUNTING_RESPONSE)
    assert decode(accept).all(PROXY_STATE) == decode(response).all(PROXY_STATE) == states


def test_more_proxy_state_than_a_reply_can_hold_gets_silence() -> None:
    proxied = [(PROXY_STATE, bytes(253))] * 9
    assert dropped(server(), access_request([*LOGIN, *proxied])) is DropReason.MALFORMED


def test_a_reply_that_does_not_fit_is_our_fault() -> None:
    radius = server()
    request = received(radius, access_request(LOGIN))
    with pytest.raises(EncodeError):
        radius.respond(request, Code.ACCESS_ACCEPT, encode_attribute(REPLY_MESSAGE, bytes(253)) * 16)


def test_rfc5080_2_2_2_a_retransmission_gets_the_same_bytes() -> None:
    radius = server()
    datagram = access_request(LOGIN)
    request = received(radius, datagram)
    assert dropped(radius, datagram) is DropReason.DUPLICATE_IN_PROGRESS
    reply = radius.respond(request, Code.ACCESS_ACCEPT, encode_attribute(REPLY_MESSAGE, b"hello"))
    assert replayed(radius, datagram, 4.9) == reply
    assert (radius.requests, radius.replays, radius.replies) == (1, 1, 1)


def test_rfc5080_2_2_2_an_identifier_used_again_is_a_new_request() -> None:
    radius = server()
    radius.respond(received(radius, access_request(LOGIN)), Code.ACCESS_ACCEPT)
    received(radius, access_request(LOGIN, authenticator=bytes(16)))


@pytest.mark.parametrize("source", [("192.0.2.1", 40002), ("192.0.2.2", 40001)])
def test_another_port_or_address_is_another_request(source: Source) -> None:
    radius = server()
    datagram = access_request(LOGIN)
    radius.respond(received(radius, datagram), Code.ACCESS_ACCEPT)
    received(radius, datagram, source=source)


def test_a_forgotten_request_is_tried_afresh() -> None:
    radius = server("acct")
    datagram = accounting_request(START)
    radius.forget(received(radius, datagram))
    received(radius, datagram)
    radius.forget_datagram(datagram, SOURCE)
    received(radius, datagram)
    radius.forget_datagram(b"short", SOURCE)


def test_replies_to_one_nas_are_signed_with_its_own_secret() -> None:
    other = Secret(b"the other one's secret")
    radius = server("auth", client("192.0.2.1/32"), client("192.0.2.2/32", secret=other, nas_id=UUID(int=9)))
    request = received(radius, access_request(LOGIN, secret=other), source=("192.0.2.2", 40001))
    packet = decode(radius.respond(request, Code.ACCESS_ACCEPT))
    assert verify_response_authenticator(packet, other, AUTHENTICATOR)
    assert not verify_response_authenticator(packet, SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("name", [b"n" * 253, b"\xff\xfe", b"ne\0mo", b""])
def test_any_user_name_passes_through(name: bytes) -> None:
    assert received(server(), access_request([(USER_NAME, name), NAS])).packet.get(USER_NAME) == name


def test_an_unknown_acct_status_type_passes_through() -> None:
    request = received(server("acct"), accounting_request([(ACCT_STATUS_TYPE, b"\0\0\0\x63")]))
    assert request.packet.get(ACCT_STATUS_TYPE) == b"\0\0\0\x63"


def test_rfc5080_2_2_2_another_name_under_the_same_authenticator_does_not_get_the_first_ones_answer() -> None:
    """A NAS that chooses Request Authenticators badly must not let one subscriber in on another's password."""
    radius = server()
    first = received(radius, access_request([(USER_NAME, b"budi"), (USER_PASSWORD, bytes(16)), NAS]))
    radius.respond(first, Code.ACCESS_ACCEPT)
    other = access_request([(USER_NAME, b"siti"), (USER_PASSWORD, bytes(16)), NAS])
    assert decode(other).authenticator == first.packet.authenticator
    assert received(radius, other).packet.get(USER_NAME) == b"siti"
