import pytest

from netbilld.radius import mschap
from netbilld.radius.access import Decision, Reason, decide, refusal, refuse
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    FRAMED_PROTOCOL,
    MIKROTIK_HOST_IP,
    MIKROTIK_RATE_LIMIT,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_ERROR,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    NAS_PORT_TYPE,
    REPLY_MESSAGE,
    SERVICE_TYPE,
    USER_NAME,
    USER_PASSWORD,
    WISPR_LOGOFF_URL,
)
from netbilld.radius.codes import Code
from netbilld.radius.login_forms import is_router_login
from netbilld.radius.md4 import md4
from netbilld.radius.packet import Packet, decode, encode, encode_attribute
from netbilld.radius.passwords import hide_password, reveal_password, reveal_salted
from netbilld.radius.server import Request
from netbilld.radius.values import lookup_key
from tests.radius_requests import (
    AUTHENTICATOR,
    NAS,
    SECRET,
    accepted,
    access_request,
    chap,
    client,
    entropy,
    mschap_v1,
    mschap_v2,
    pap,
    view,
)

MAC = b"00:E1:0C:38:C8:F8"
RATE = encode_attribute(MIKROTIK_RATE_LIMIT, b"5M/20M")


def attributes_of(decision: Decision) -> Packet:
    return decode(encode(decision.code, 7, AUTHENTICATOR, decision.attributes))


def outcome(decision: Decision) -> tuple[int, str, str]:
    return decision.code, decision.reason, decision.method


def every_method(name: bytes = b"nemo", password: str = "arctangent") -> list[Request]:
    return [
        pap(name, password.encode()),
        chap(name, password.encode()),
        chap(name, password.encode(), challenge=b"challenge of CHAP"),
        mschap_v1(name, password),
        mschap_v2(name, password),
    ]


METHODS = ["pap", "chap", "chap", "mschap", "mschapv2"]


@pytest.mark.parametrize("number", range(5))
def test_right_credentials_are_accepted_by_every_method(number: int) -> None:
    decision = decide(every_method()[number], view(replies={"mikrotik": RATE}), entropy)
    assert outcome(decision) == (Code.ACCESS_ACCEPT, "ok", METHODS[number])
    assert attributes_of(decision).get(MIKROTIK_RATE_LIMIT) == b"5M/20M"


@pytest.mark.parametrize("number", range(5))
def test_wrong_credentials_and_unknown_names_get_the_same_bytes(number: int) -> None:
    request = every_method(password="wrong")[number]
    wrong = decide(request, view(), entropy)
    suspended = decide(request, view(refusal="suspended", reply_message=b"please pay"), entropy)
    unknown = decide(request, None, entropy)
    assert outcome(wrong) == outcome(suspended) == (Code.ACCESS_REJECT, "wrong_password", METHODS[number])
    assert outcome(unknown) == (Code.ACCESS_REJECT, "unknown_user", METHODS[number])
    assert wrong.attributes == suspended.attributes == unknown.attributes


@pytest.mark.parametrize("number", range(5))
def test_a_view_without_password_accepts_nothing(number: int) -> None:
    for request in (every_method()[number], every_method(password="")[number]):
        decision = decide(request, view(password=""), entropy)
        assert decision.code == Code.ACCESS_REJECT
        assert decision.reason in {"no_password", "wrong_password"}


@pytest.mark.parametrize("number", range(5))
def test_a_refusal_is_told_only_to_right_credentials(number: int) -> None:
    refused = view(refusal="overdue", reply_message=b"Tagihan belum dibayar", replies={"mikrotik": RATE})
    decision = decide(every_method()[number], refused, entropy)
    assert outcome(decision) == (Code.ACCESS_REJECT, "overdue", METHODS[number])
    packet = attributes_of(decision)
    assert packet.get(REPLY_MESSAGE) == b"Tagihan belum dibayar"
    assert packet.get(MIKROTIK_RATE_LIMIT) is None


@pytest.mark.parametrize("number", range(5))
def test_admission_refuses_in_the_words_of_the_entitlement(number: int) -> None:
    request, method = every_method()[number], METHODS[number]
    by_entitlement = decide(request, view(refusal="quota", reply_message=b"Habis"), entropy)
    assert by_entitlement.method == method
    by_admission = refusal(request, by_entitlement.method, Reason.SESSION_LIMIT, entropy, b"Habis", "1 of 1 taken")
    assert by_admission.attributes == by_entitlement.attributes
    assert outcome(by_admission) == (Code.ACCESS_REJECT, "session_limit", method)
    assert by_admission.detail == "1 of 1 taken"


@pytest.mark.parametrize("stray", [MS_CHAP2_RESPONSE, MS_CHAP_RESPONSE, EAP_MESSAGE])
def test_what_stands_beside_the_password_does_not_change_how_a_refusal_is_said(stray: int) -> None:
    request = pap(b"nemo", b"arctangent", (stray, b""))
    assert decide(request, view(), entropy).code == Code.ACCESS_ACCEPT
    refused = refusal(request, "pap", Reason.MAC_LOCK, entropy, b"another modem")
    assert attributes_of(refused).attributes == {REPLY_MESSAGE: b"another modem"}


@pytest.mark.parametrize("kind", [MS_CHAP2_RESPONSE, MS_CHAP_RESPONSE])
def test_an_empty_ms_chap_answer_is_refused_with_an_identifier_of_zero(kind: int) -> None:
    request = accepted(access_request([(USER_NAME, b"nemo"), (MS_CHAP_CHALLENGE, bytes(16)), (kind, b""), NAS]))
    for decision in (decide(request, view(), entropy), refuse(request, Reason.TOO_MANY_TRIES, entropy)):
        assert (attributes_of(decision).get(MS_CHAP_ERROR) or b"").startswith(b"\0E=691 ")


def test_a_long_reply_message_is_cut_at_a_character() -> None:
    decision = decide(pap(b"nemo", b"arctangent"), view(refusal="quota", reply_message="é".encode() * 200), entropy)
    assert attributes_of(decision).get(REPLY_MESSAGE) == "é".encode() * 126


def test_the_reply_of_the_nas_vendor_is_given() -> None:
    replies = {"mikrotik": RATE, "cisco": encode_attribute(REPLY_MESSAGE, b"another's")}
    request = pap(b"nemo", b"arctangent")
    assert decide(request, view(replies=replies), entropy).attributes == RATE
    other = Request(client(vendor="cisco"), request.packet, request.source, 0.0)
    assert decide(other, view(replies=replies), entropy).attributes == replies["cisco"]


def test_only_ms_chap_asks_for_entropy() -> None:
    """A system call is a tenth of what a PAP log-in costs."""
    asked: list[int] = []

    def counted(octets: int) -> bytes:
        asked.append(octets)
        return bytes(octets)

    for password in ("arctangent", "wrong"):
        for request in (pap(b"nemo", password.encode()), chap(b"nemo", password.encode())):
            decide(request, view(), counted)
    assert not asked
    decide(mschap_v2(b"nemo", "arctangent"), view(replies={"mikrotik": RATE}), counted)
    assert asked


def test_a_password_is_case_sensitive_and_whole() -> None:
    for password in (b"Arctangent", b"arctangen", b"arctangentt", b"", b"arctangent x"):
        assert decide(pap(b"nemo", password), view(), entropy).code == Code.ACCESS_REJECT


def test_rfc2548_2_3_3_ms_chap_v2_success_and_keys_are_given() -> None:
    request = mschap_v2(b"User", "clientPass")
    decision = decide(request, view("User", "clientPass"), entropy)
    packet = attributes_of(decision)
    success = packet.attributes[MS_CHAP2_SUCCESS]
    assert success[:3] == b"\x05S="
    assert len(success) == 43
    assert success[3:] == b"407A5589115FD0D6209F510FE9C04566932CDA56"
    send, receive = packet.attributes[MS_MPPE_SEND_KEY], packet.attributes[MS_MPPE_RECV_KEY]
    assert send[0] & receive[0] & 0x80
    assert send[:2] != receive[:2]
    revealed = [reveal_salted(hidden, SECRET, AUTHENTICATOR) for hidden in (send, receive)]
    assert revealed == [
        bytes.fromhex("8b7cdc149b993a1ba118cb153f56dccb"),
        bytes.fromhex("d5f0e9521e3ea9589645e86051c82226"),
    ]
    assert packet.get(MS_MPPE_ENCRYPTION_POLICY) == b"\0\0\0\1"
    assert packet.get(MS_MPPE_ENCRYPTION_TYPES) == b"\0\0\0\6"


def test_rfc2759_8_2_the_domain_before_the_name_is_not_hashed() -> None:
    request = mschap_v2(b"ISP\\nemo", "arctangent", hashed_name=b"nemo")
    assert decide(request, view("ISP\\nemo"), entropy).code == Code.ACCESS_ACCEPT


def test_rfc2548_2_4_1_ms_chap_v1_keys_are_given() -> None:
    packet = attributes_of(decide(mschap_v1(b"nemo", "arctangent"), view(), entropy))
    keys = reveal_password(packet.attributes[MS_CHAP_MPPE_KEYS], SECRET, AUTHENTICATOR)
    assert keys is not None
    assert keys.ljust(32, b"\0") == bytes(8) + md4(mschap.nt_hash("arctangent")) + bytes(8)
    assert packet.get(MS_MPPE_ENCRYPTION_TYPES) == b"\0\0\0\4"
    assert packet.get(MS_CHAP2_SUCCESS) is None


def test_rfc2759_6_a_failed_ms_chap_is_told_without_a_retry() -> None:
    wrong = attributes_of(decide(mschap_v2(b"nemo", "wrong"), view(), entropy))
    assert wrong.get(MS_CHAP_ERROR) == b"\x05E=691 R=0 C=000102030405060708090A0B0C0D0E0F V=3 M=Access denied"
    refused = attributes_of(decide(mschap_v2(b"nemo", "arctangent"), view(refusal="quota"), entropy))
    assert refused.attributes[MS_CHAP_ERROR].startswith(b"\x05E=649 R=0 ")
    first = attributes_of(decide(mschap_v1(b"nemo", "wrong"), view(), entropy))
    assert first.get(MS_CHAP_ERROR) == b"\x05E=691 R=0 C=0001020304050607 V=2"


@pytest.mark.parametrize(
    "pairs",
    [
        [(USER_PASSWORD, bytes(15))],
        [(USER_PASSWORD, bytes(144))],
        [(USER_PASSWORD, bytes(16)), (CHAP_PASSWORD, bytes(17))],
        [(CHAP_PASSWORD, bytes(16))],
        [(CHAP_PASSWORD, b"")],
        [(MS_CHAP2_RESPONSE, bytes(50))],
        [(MS_CHAP2_RESPONSE, bytes(49)), (MS_CHAP_CHALLENGE, bytes(16))],
        [(MS_CHAP2_RESPONSE, bytes(50)), (MS_CHAP_CHALLENGE, bytes(8))],
        [(MS_CHAP2_RESPONSE, b""), (MS_CHAP_CHALLENGE, bytes(16))],
        [(MS_CHAP_RESPONSE, bytes(50)), (MS_CHAP_CHALLENGE, bytes(16))],
        [(MS_CHAP_RESPONSE, b""), (MS_CHAP_CHALLENGE, bytes(8))],
    ],
)
def test_malformed_credentials_are_rejected(pairs: list[tuple[int, bytes]]) -> None:
    request = accepted(access_request([(USER_NAME, b"nemo"), NAS, *pairs]))
    for known in (view(), None):
        decision = decide(request, known, entropy)
        assert decision.code == Code.ACCESS_REJECT
    assert decide(request, view(), entropy).reason == "malformed_credentials"


def test_a_request_without_credentials_is_rejected() -> None:
    request = accepted(access_request([(USER_NAME, b"nemo"), NAS]))
    assert outcome(decide(request, view(), entropy)) == (Code.ACCESS_REJECT, "no_password", "none")
    assert outcome(decide(request, None, entropy)) == (Code.ACCESS_REJECT, "no_password", "none")
    nobody = accepted(access_request([NAS]))
    assert decide(nobody, None, entropy).code == Code.ACCESS_REJECT


def test_rfc3579_2_6_3_eap_is_refused_with_eap_failure() -> None:
    request = accepted(access_request([(USER_NAME, b"nemo"), (EAP_MESSAGE, b"\2\x2a\0\x09\1nemo"), NAS]))
    decision = decide(request, view(), entropy)
    assert outcome(decision) == (Code.ACCESS_REJECT, "method_not_supported", "eap")
    assert attributes_of(decision).get(EAP_MESSAGE) == b"\4\x2a\0\4"


@pytest.mark.parametrize("name", [MAC, b"00-e1-0c-38-c8-f8", b"00e10c38c8f8", b"00E1:0C38:C8F8", b"00e10c:38c8f8"])
@pytest.mark.parametrize("password", [b"", b"00E10C38C8F8", MAC, b"00:e1:0c:38:c8:f8", b"extra"])
def test_a_mac_address_logs_in_with_nothing_itself_or_its_password(name: bytes, password: bytes) -> None:
    known = view("00:E1:0C:38:C8:F8", "extra", kind="mac")
    request = pap(name, password, (CALLING_STATION_ID, b"1:0:e1:c:38:c8:f8"))
    assert outcome(decide(request, known, entropy)) == (Code.ACCESS_ACCEPT, "ok", "mac")


def test_a_mac_address_logs_in_without_password_attribute_and_by_chap() -> None:
    known = view("00:E1:0C:38:C8:F8", "", kind="mac")
    bare = accepted(access_request([(USER_NAME, MAC), NAS]))
    assert outcome(decide(bare, known, entropy)) == (Code.ACCESS_ACCEPT, "ok", "mac")
    for password in (b"", MAC):
        assert outcome(decide(chap(MAC, password), known, entropy)) == (Code.ACCESS_ACCEPT, "ok", "mac")
    assert decide(chap(MAC, b"wrong"), known, entropy).reason == "wrong_password"


def test_a_mac_address_with_a_wrong_password_is_rejected() -> None:
    known = view("00:E1:0C:38:C8:F8", "", kind="mac")
    for password in (b"wrong", b"00:e1:0c:38:c8:f9"):
        assert outcome(decide(pap(MAC, password), known, entropy)) == (Code.ACCESS_REJECT, "wrong_password", "mac")


def test_a_neighbour_s_mac_address_is_not_believed_from_another_station() -> None:
    known = view("00:E1:0C:38:C8:F8", "", kind="mac")
    station = (CALLING_STATION_ID, b"AA:BB:CC:DD:EE:FF")
    for request in (pap(MAC, b"", station), chap(MAC, b"", station)):
        assert outcome(decide(request, known, entropy)) == (Code.ACCESS_REJECT, "mac_mismatch", "mac")


def test_a_mac_address_does_not_log_in_by_ms_chap() -> None:
    known = view("00:E1:0C:38:C8:F8", "", kind="mac")
    for request in (mschap_v2(MAC, ""), mschap_v1(MAC, "")):
        assert decide(request, known, entropy).reason == "method_not_supported"


def test_an_empty_password_opens_only_mac_credentials() -> None:
    assert decide(pap(MAC, b""), view("00:E1:0C:38:C8:F8", "arctangent"), entropy).reason == "wrong_password"
    assert decide(pap(MAC, MAC), view("00:E1:0C:38:C8:F8", "arctangent"), entropy).reason == "wrong_password"


@pytest.mark.parametrize("service_type", [1, 6, 7])
def test_a_router_login_is_never_accepted_from_the_subscribers(service_type: int) -> None:
    kind = (SERVICE_TYPE, service_type.to_bytes(4, "big"))
    admin = (CALLING_STATION_ID, b"203.0.113.9")
    for request in (pap(b"nemo", b"arctangent", kind, admin), mschap_v2(b"nemo", "arctangent", kind, admin)):
        decision = decide(request, view(), entropy)
        assert (decision.code, decision.reason) == (Code.ACCESS_REJECT, "router_login")
    wrong = decide(pap(b"nemo", b"wrong", kind), view(), entropy)
    right = decide(pap(b"nemo", b"arctangent", kind), view(), entropy)
    assert wrong.attributes == right.attributes


@pytest.mark.parametrize(
    "mark",
    [
        (FRAMED_PROTOCOL, b"\0\0\0\1"),
        (MIKROTIK_HOST_IP, bytes((10, 5, 88, 2))),
        (WISPR_LOGOFF_URL, b"http://10.5.88.1/logout"),
    ],
)
def test_a_hotspot_login_is_told_from_a_router_login(mark: tuple[int, bytes]) -> None:
    request = pap(b"nemo", b"arctangent", (SERVICE_TYPE, b"\0\0\0\1"), mark)
    assert decide(request, view(), entropy).code == Code.ACCESS_ACCEPT


def test_a_plain_request_without_service_type_is_a_subscriber_s() -> None:
    assert decide(pap(b"nemo", b"arctangent"), view(), entropy).code == Code.ACCESS_ACCEPT
    framed = pap(b"nemo", b"arctangent", (SERVICE_TYPE, b"\0\0\0\2"))
    assert decide(framed, view(), entropy).code == Code.ACCESS_ACCEPT


def test_a_mac_address_typed_at_a_router_s_prompt_opens_nothing() -> None:
    known = view("00:E1:0C:38:C8:F8", "", kind="mac")
    login = (SERVICE_TYPE, b"\0\0\0\1")
    wireless = (NAS_PORT_TYPE, b"\0\0\0\x13")
    typed = pap(MAC, b"", login, (CALLING_STATION_ID, b"203.0.113.9"), wireless)
    by_mac_telnet = pap(MAC, b"", login, (CALLING_STATION_ID, MAC))
    for request in (typed, by_mac_telnet):
        assert is_router_login(request.packet)
        assert decide(request, known, entropy).code == Code.ACCESS_REJECT
    station = pap(MAC, b"", login, (CALLING_STATION_ID, MAC), wireless)
    assert decide(station, known, entropy).code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize(
    ("user_name", "key"),
    [
        (b"Nemo@ISP", b"nemo@isp"),
        (b"nemo\0", b"nemo"),
        ("STRASSE-ÄÖ".encode(), "strasse-äö".encode()),
        (b"\xff\xfeA", b"\xff\xfea"),
        (b"00e10c38c8f8", MAC),
        (b"00-E1-0C-38-C8-F8", MAC),
        (b"00E1:0C38:C8F8", MAC),
        (b"00e10c-38c8f8", MAC),
        (b"0:e1:c:38:c8:f8", b"0:e1:c:38:c8:f8"),
        (b"seventeen.letters", b"seventeen.letters"),
        (b"", b""),
    ],
)
def test_names_differ_neither_by_case_nor_by_the_writing_of_a_mac(user_name: bytes, key: bytes) -> None:
    assert lookup_key(user_name) == key
    assert lookup_key(key) == key


def test_secrets_do_not_show_in_views_and_decisions() -> None:
    shown = f"{view()!r} {decide(mschap_v2(b'nemo', 'arctangent'), view(), entropy)!r}"
    assert "arctangent" not in shown
    assert mschap.nt_hash("arctangent").hex() not in shown
    assert "attributes" not in shown


def test_a_reject_carries_no_authorisation() -> None:
    hidden = hide_password(b"wrong", SECRET, AUTHENTICATOR)
    request = accepted(access_request([(USER_NAME, b"nemo"), (USER_PASSWORD, hidden)]))
    assert decide(request, view(replies={"mikrotik": RATE}), entropy).attributes == b""
