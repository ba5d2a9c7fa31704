"""Our codec against pyrad's, an independent one: they agree on every packet, and pyrad verifies every reply."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyrad import packet as pyrad

from netbilld.radius.access import decide
from netbilld.radius.attributes import (
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    PROXY_STATE,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.authenticator import Secret, verify_message_authenticator, verify_request_authenticator
from netbilld.radius.codes import Code
from netbilld.radius.dictionary import load
from netbilld.radius.exchange import Reply, build_request, verify_reply
from netbilld.radius.packet import decode, encode_attributes
from netbilld.radius.passwords import hide_password, reveal_password, reveal_salted
from netbilld.radius.server import RadiusServer
from tests.radius_oracle import DIFFERENCES, built, compare, compare_encoding, entropy, pairs_of
from tests.radius_requests import NAS, access_request, accounting_request, client, mschap_v2, received, view

DICTIONARY = load()

secrets = st.binary(min_size=1, max_size=100)
authenticators = st.binary(min_size=16, max_size=16)
identifiers = st.integers(0, 255)
# Types that neither codec treats specially, and vendor types of vendors pyrad has no other format for.
SPECIAL = {2, 26, 33, 69, 79, 80, *range(241, 256)}
plain_pairs = st.tuples(
    st.sampled_from([number for number in range(1, 256) if number not in SPECIAL]),
    st.binary(max_size=253),
)
HIDDEN = {16, 17}
vendor_pairs = st.tuples(
    st.builds(
        lambda vendor, kind: vendor << 8 | kind,
        st.sampled_from([311, 529, 14122, 14988, 2352, 3561, 9, 10055]),
        st.integers(1, 255).filter(lambda kind: kind not in HIDDEN),
    ),
    st.binary(max_size=247),
)
proxy_states = st.tuples(st.just(PROXY_STATE), st.binary(max_size=50))
attribute_lists = st.lists(plain_pairs | vendor_pairs | proxy_states, max_size=12)
reply_attribute_lists = st.lists(plain_pairs | vendor_pairs, max_size=12)  # Proxy-State is the server's to copy


def grouped(pairs: list[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def as_pyrad(pairs: list[tuple[int, bytes]]) -> dict[Any, list[bytes]]:
    return {key if key < 256 else (key >> 8, key & 0xFF): values for key, values in grouped(pairs).items()}


def pyrad_request(datagram: bytes, secret: bytes) -> Any:
    """Return the request as pyrad's client holds it, so that it can judge the reply."""
    kind = {1: pyrad.AuthPacket, 4: pyrad.AcctPacket, 12: pyrad.AuthPacket}.get(datagram[0], pyrad.CoAPacket)
    return kind(packet=datagram, secret=secret, dict=DICTIONARY)


def judged(request: Any, reply: bytes, *, enforce_ma: bool) -> bool:
    answer = request.CreateReply(packet=reply)
    return bool(request.VerifyReply(answer, reply, enforce_ma=enforce_ma))


@given(attribute_lists, identifiers, authenticators)
def test_both_codecs_decode_alike(pairs: list[tuple[int, bytes]], identifier: int, authenticator: bytes) -> None:
    datagram = access_request(pairs, identifier=identifier, signed=False, authenticator=authenticator)
    ours = decode(datagram)
    theirs = pyrad.Packet(packet=datagram, secret=b"x", dict=DICTIONARY)
    assert (ours.code, ours.identifier, ours.authenticator) == (theirs.code, theirs.id, theirs.authenticator)
    assert {key: ours.all(key) for key in ours.attributes} == grouped(pairs)
    decoded = {key: list(values) for key, values in dict(theirs.items()).items()}
    assert decoded == as_pyrad(pairs)


@given(reply_attribute_lists, identifiers, secrets, st.booleans())
def test_pyrad_verifies_every_access_reply_and_message_authenticator_in_it(
    pairs: list[tuple[int, bytes]], identifier: int, secret: bytes, signed: bool
) -> None:
    shared = Secret(secret)
    radius = RadiusServer([client(secret=shared)], "auth")
    named: list[tuple[int, bytes]] = [(USER_NAME, b"nemo"), NAS]
    asked = named if not signed else [*named, (PROXY_STATE, b"one"), (PROXY_STATE, b"two")]
    datagram = access_request(asked, identifier=identifier, signed=signed, secret=shared)
    reply = radius.respond(received(radius, datagram), Code.ACCESS_ACCEPT, encode_attributes(pairs))
    assert judged(pyrad_request(datagram, secret), reply, enforce_ma=True)
    expected = grouped([*pairs, *([] if not signed else asked[2:])])
    packet = decode(reply)
    assert {key: packet.all(key) for key in packet.attributes if key != 80} == expected


@given(attribute_lists, identifiers, secrets)
def test_pyrad_verifies_every_accounting_exchange(
    pairs: list[tuple[int, bytes]], identifier: int, secret: bytes
) -> None:
    shared = Secret(secret)
    radius = RadiusServer([client(secret=shared)], "acct")
    datagram = accounting_request(pairs, identifier=identifier, secret=shared)
    request = pyrad_request(datagram, secret)
    assert request.VerifyAcctRequest()
    reply = radius.respond(received(radius, datagram), Code.ACCOUNTING_RESPONSE)
    assert judged(request, reply, enforce_ma=False)


@given(
    attribute_lists, identifiers, secrets, st.sampled_from([Code.COA_REQUEST, Code.DISCONNECT_REQUEST]), st.booleans()
)
def test_pyrad_verifies_our_coa_requests_and_we_its_replies(
    pairs: list[tuple[int, bytes]], identifier: int, secret: bytes, code: Code, signed: bool
) -> None:
    shared = Secret(secret)
    datagram = build_request(code, identifier, shared, encode_attributes(pairs), signed)
    request = pyrad_request(datagram, secret)
    assert request.VerifyCoARequest()
    assert not signed or request.verify_message_authenticator()
    answer = request.CreateReply()
    answer.code = code + 1
    reply = verify_reply(datagram, answer.ReplyPacket(), shared)
    assert isinstance(reply, Reply)
    assert reply.code == code + 1


@given(identifiers, secrets, st.text(min_size=1, max_size=60), st.text(max_size=30))
def test_we_understand_what_pyrad_s_client_sends(identifier: int, secret: bytes, name: str, password: str) -> None:
    shared = Secret(secret)
    login = pyrad.AuthPacket(id=identifier, secret=secret, dict=DICTIONARY, User_Name=name)
    login["User-Password"] = login.PwCrypt(password)
    login.add_message_authenticator()
    datagram = login.RequestPacket()
    packet = decode(datagram)
    assert verify_message_authenticator(packet, shared, packet.authenticator)
    assert packet.get(USER_NAME) == name.encode()
    revealed = reveal_password(packet.attributes[USER_PASSWORD], shared, packet.authenticator)
    assert revealed == password.encode().rstrip(b"\0")
    stop = pyrad.AcctPacket(id=identifier, secret=secret, dict=DICTIONARY, User_Name=name)
    assert verify_request_authenticator(decode(stop.RequestPacket()), shared)


@given(secrets, authenticators, st.text(max_size=40).map(str.encode).filter(lambda value: not value.endswith(b"\0")))
def test_pyrad_reveals_the_passwords_we_hide(secret: bytes, authenticator: bytes, password: bytes) -> None:
    hidden = hide_password(password, Secret(secret), authenticator)
    login = pyrad.AuthPacket(secret=secret, authenticator=authenticator, dict=DICTIONARY)
    assert login.PwDecrypt(hidden) == password.decode()


@given(
    st.binary(min_size=2, max_size=16),
    st.sampled_from(["nemo", "ISP\\nemo", "naïve"]),
    st.text(min_size=1, max_size=20),
)
def test_pyrad_reads_the_mppe_keys_of_an_ms_chap_v2_accept(salt: bytes, name: str, password: str) -> None:
    hashed = name.rpartition("\\")[2].encode()
    request = mschap_v2(name.encode(), password, hashed_name=hashed)
    radius = RadiusServer([client()], "auth")
    decision = decide(request, view(name, password), lambda octets: salt.ljust(octets, b"\0"))
    assert decision.code == Code.ACCESS_ACCEPT
    reply = radius.respond(request, decision.code, decision.attributes)
    theirs = pyrad_request(request.packet.datagram, b"xyzzy5461")
    assert judged(theirs, reply, enforce_ma=True)
    answer = theirs.CreateReply(packet=reply)
    answer.request_authenticator = theirs.authenticator
    ours = decode(reply)
    for attribute, key in (("MS-MPPE-Send-Key", MS_MPPE_SEND_KEY), ("MS-MPPE-Recv-Key", MS_MPPE_RECV_KEY)):
        revealed = reveal_salted(ours.attributes[key], request.client.secret, request.packet.authenticator)
        assert revealed is not None
        assert answer[attribute][0] == revealed


# -- at length: any datagram, and what is written of it ----------------------------------------------------------------

AT_LENGTH = 100_000  # packets read, and as many written
_AT_LENGTH = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(_AT_LENGTH, max_examples=3_000)
@given(entropy)
def test_both_codecs_read_and_write_any_packet_alike_or_differ_for_a_written_reason(drawn: bytes) -> None:
    compare(built(drawn))
    compare_encoding(pairs_of(drawn))


@pytest.mark.soak
@settings(_AT_LENGTH, max_examples=AT_LENGTH, phases=[Phase.generate])
@given(entropy)
def test_a_hundred_thousand_packets_are_read_and_written_alike(drawn: bytes) -> None:
    compare(built(drawn))
    compare_encoding(pairs_of(drawn))


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        ("01010020" + "00" * 16 + "1a0c00000000010601020304", 0),
        ("01010020" + "00" * 16 + "1a0c01000000010601020304", 0),
        ("01010018" + "00" * 16 + "01ff6e65", 1),
        ("01010018" + "00" * 16 + "50040000", 2),
        ("01011001" + "00" * 16 + "01ff" + "61" * 253 + ("01ff" + "61" * 253) * 15 + "0102", 3),
    ],
)
def test_each_written_reason_is_needed(datagram: str, reason: int) -> None:
    octets = bytes.fromhex(datagram)
    octets = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
    assert compare(octets) == DIFFERENCES[reason].reason
