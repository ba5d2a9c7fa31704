import pytest

from netbilld.radius.access import Decision, decide, refuse
from netbilld.radius.attributes import (
    ADSL_AGENT_CIRCUIT_ID,
    ADSL_AGENT_REMOTE_ID,
    CALLING_STATION_ID,
    CISCO_AVPAIR,
    FRAMED_IP_ADDRESS,
    FRAMED_PROTOCOL,
    MIKROTIK_REALM,
    MS_CHAP_DOMAIN,
    NAS_PORT_TYPE,
    REDBACK_AGENT_CIRCUIT_ID,
    REDBACK_AGENT_REMOTE_ID,
    SERVICE_TYPE,
    USER_NAME,
)
from netbilld.radius.codes import Code
from netbilld.radius.login_forms import circuit_name, circuit_names, is_router_login
from netbilld.radius.realms import Realms, hashed_names
from netbilld.radius.values import is_client_identifier, lookup_key, normalise_mac
from tests.radius_requests import (
    NAS,
    accepted,
    access_request,
    chap,
    entropy,
    mschap_v1,
    mschap_v2,
    pap,
    view,
)

MAC = b"00:E1:0C:38:C8:F8"
PPP = (FRAMED_PROTOCOL, b"\0\0\0\1")
ANY = Realms.of(["*"])


def outcome(decision: Decision) -> tuple[int, str, str]:
    return decision.code, decision.reason, decision.method


# -- MAC addresses and stations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "00:e1:0c:38:c8:f8", "00-E1-0C-38-C8-F8", "00 e1 0c 38 c8 f8", "00e10c38c8f8", "00E1:0C38:C8F8",
        "00e1.0c38.c8f8", "00e1-0c38-c8f8", "00E10C:38C8F8", "00e10c-38c8f8", "1:0:e1:c:38:c8:f8",
        "01:00:e1:0c:38:c8:f8", "0:e1:c:38:c8:f8", "0100.e10c.38c8.f8", "0100e10c38c8f8", "01-00-e1-0c-38-c8-f8",
    ],
)  # fmt: skip
def test_a_mac_address_is_read_in_every_form_a_nas_writes_it_in(written: str) -> None:
    assert normalise_mac(written) == MAC.decode()
    assert is_client_identifier(written) == (written.startswith(("1:", "01")) and len(written) > 13)


@pytest.mark.parametrize("number", [b"01628123456789", b"6281234567890", b"62812345678"])
def test_a_telephone_number_as_user_name_stays_itself(number: bytes) -> None:
    assert lookup_key(number) == number


@pytest.mark.parametrize(
    "station", [b"1:0:e1:c:38:c8:f8", b"ff:12:34:56:78:0:1:0:1", b"1:aa:bb:cc:dd:ee:ff", b"host-17", MAC]
)
def test_what_a_dhcp_client_calls_itself_does_not_contradict_the_mac_the_server_saw(station: bytes) -> None:
    known = view(MAC.decode(), "", kind="mac")
    request = pap(MAC, b"", (NAS_PORT_TYPE, b"\0\0\0\x0f"), (CALLING_STATION_ID, station))
    assert outcome(decide(request, known, entropy)) == (Code.ACCESS_ACCEPT, "ok", "mac")


def test_whoever_dials_ppp_with_a_mac_address_as_name_must_be_that_station() -> None:
    known = view(MAC.decode(), "", kind="mac")
    for station, reason in ((b"203.0.113.7", "mac_mismatch"), (b"AA:BB:CC:DD:EE:FF", "mac_mismatch"), (MAC, "ok")):
        assert decide(pap(MAC, b"", PPP, (CALLING_STATION_ID, station)), known, entropy).reason == reason
    assert decide(pap(MAC, b"", PPP), known, entropy).reason == "mac_mismatch"


def test_an_unknown_mac_address_without_password_attribute_is_an_unknown_user() -> None:
    bare = accepted(access_request([(USER_NAME, MAC), NAS]))
    assert decide(bare, None, entropy).reason == "unknown_user"


# -- lines: DHCP option 82 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pairs",
    [
        [(REDBACK_AGENT_CIRCUIT_ID, b"OLT1 eth 0/1/3:100")],
        [(ADSL_AGENT_CIRCUIT_ID, b"olt1 ETH 0/1/3:100 ")],
        [(CISCO_AVPAIR, b"ip:something=else"), (CISCO_AVPAIR, b"circuit-id-tag=OLT1 eth 0/1/3:100")],
        [(ADSL_AGENT_REMOTE_ID, b"OLT1 eth 0/1/3:100"), (ADSL_AGENT_CIRCUIT_ID, b"7")],
    ],
)
@pytest.mark.parametrize("password", [b"", MAC, b"00e10c38c8f8"])
def test_a_line_logs_in_whatever_device_hangs_on_it(pairs: list[tuple[int, bytes]], password: bytes) -> None:
    known = view("circuit:OLT1 eth 0/1/3:100", "", kind="circuit")
    request = pap(MAC, password, (CALLING_STATION_ID, b"1:0:e1:c:38:c8:f8"), *pairs)
    decision = decide(request, known, entropy)
    right = password in {b"", MAC}  # a password that is not the name again is a claim that nothing bears out
    assert outcome(decision) == (
        (Code.ACCESS_ACCEPT, "ok", "circuit") if right else (Code.ACCESS_REJECT, "wrong_password", "circuit")
    )


def test_the_name_of_a_line_typed_by_a_person_opens_nothing() -> None:
    known = view("circuit:olt1 7", "", kind="circuit")
    for request in (pap(b"circuit:olt1 7", b""), chap(b"circuit:olt1 7", b"")):
        assert decide(request, known, entropy).reason == "unknown_user"
    dialled = pap(b"circuit:olt1 7", b"", PPP, (ADSL_AGENT_CIRCUIT_ID, b"olt1 7"))
    assert decide(dialled, known, entropy).reason == "unknown_user"
    assert decide(mschap_v2(b"circuit:olt1 7", ""), known, entropy).reason == "method_not_supported"


def test_ids_of_a_line_that_are_no_text_are_named_in_hex() -> None:
    assert circuit_name(bytes.fromhex("000400640103")) == "circuit:0x000400640103"
    assert circuit_name("0x000400640103") == "circuit:0x000400640103"
    assert circuit_name(" GE-0/0/1:100 ") == "circuit:ge-0/0/1:100"
    request = pap(MAC, b"", (REDBACK_AGENT_REMOTE_ID, b"SW7"), (REDBACK_AGENT_CIRCUIT_ID, b"\0\4\0d\1\3"))
    assert circuit_names(request.packet) == ["circuit:sw7|0x000400640103", "circuit:0x000400640103", "circuit:sw7"]
    assert circuit_names(pap(MAC, b"", (REDBACK_AGENT_CIRCUIT_ID, b"")).packet) == []


# -- realms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "attributes", "expected"),
    [
        (b"andi", {}, []),
        (b"andi@isp.example", {}, [b"andi"]),
        (b"ISP\\andi", {}, [b"andi"]),
        (b"ISP\\andi@isp.example", {}, [b"ISP\\andi", b"andi@isp.example", b"andi"]),
        (b"@isp.example", {}, []),
        (b"ISP\\", {}, []),
        (b"andi", {MIKROTIK_REALM: b"isp.example"}, [b"andi@isp.example"]),
        (b"andi", {MS_CHAP_DOMAIN: b"\5isp.example"}, [b"andi@isp.example"]),
        (b"andi", {MS_CHAP_DOMAIN: b"isp.example"}, [b"andi@isp.example"]),
        (b"", {MIKROTIK_REALM: b"isp.example"}, []),
    ],
)
def test_a_name_is_looked_up_without_its_realm_or_with_the_one_the_nas_took_off(
    typed: bytes, attributes: dict[int, bytes], expected: list[bytes]
) -> None:
    assert ANY.other_names(typed, attributes) == expected


def test_only_the_realms_that_are_ours_are_taken_off() -> None:
    ours = Realms.of(["ISP.example", "ISP"])
    assert ours.other_names(b"andi@isp.EXAMPLE", {}) == [b"andi"]
    assert ours.other_names(b"isp\\andi", {}) == [b"andi"]
    assert ours.other_names(b"andi@other.example", {}) == []
    assert Realms.of([]).other_names(b"andi@isp.example", {}) == []


@pytest.mark.parametrize(
    ("sent", "hashed", "stored", "more"),
    [
        (b"andi@isp.example", b"andi@isp.example", "andi", []),
        (b"andi@isp.example", b"andi", "andi", []),
        (b"ISP\\andi", b"andi", "andi", []),
        (b"andi", b"andi@isp.example", "andi@isp.example", []),
        (b"andi", b"andi@isp.example", "andi", [(MIKROTIK_REALM, b"isp.example")]),
        (b"ANDI", b"andi", "andi", []),
    ],
)
def test_rfc2759_8_2_ms_chap_v2_is_computed_over_the_name_the_peer_hashed(
    sent: bytes, hashed: bytes, stored: str, more: list[tuple[int, bytes]]
) -> None:
    right = mschap_v2(sent, "arctangent", *more, hashed_name=hashed)
    assert outcome(decide(right, view(stored), entropy)) == (Code.ACCESS_ACCEPT, "ok", "mschapv2")
    plain = mschap_v2(hashed, "arctangent", hashed_name=hashed)
    assert decide(right, view(stored), entropy).attributes == decide(plain, view(stored), entropy).attributes
    assert decide(mschap_v2(sent, "wrong", hashed_name=hashed), view(stored), entropy).reason == "wrong_password"


def test_a_name_without_realm_is_hashed_once() -> None:
    assert hashed_names({USER_NAME: b"andi"}, "andi") == [b"andi"]
    assert hashed_names({USER_NAME: b"andi"}, "") == [b"andi"]


# -- what is stored of the password ------------------------------------------------------------------------------------


def test_a_stored_nt_hash_serves_pap_and_ms_chap_but_not_chap() -> None:
    known = view()
    only_hash = type(known)(
        name="nemo", kind="password", password=b"", nt_hash=known.nt_hash, service_id=known.service_id, replies={}
    )
    assert decide(pap(b"nemo", b"arctangent"), only_hash, entropy).reason == "ok"
    assert decide(pap(b"nemo", b"wrong"), only_hash, entropy).reason == "wrong_password"
    assert decide(pap(b"nemo", b""), only_hash, entropy).reason == "wrong_password"
    assert decide(mschap_v2(b"nemo", "arctangent"), only_hash, entropy).reason == "ok"
    assert decide(chap(b"nemo", b"arctangent"), only_hash, entropy).reason == "wrong_method_stored"


def test_what_is_refused_unlooked_at_gets_the_bytes_of_a_wrong_password() -> None:
    for request in (
        pap(b"nemo", b"arctangent"),
        chap(b"nemo", b"arctangent"),
        mschap_v1(b"nemo", "arctangent"),
        mschap_v2(b"nemo", "arctangent"),
    ):
        refused = refuse(request, decide(request, None, entropy).reason, entropy)  # type: ignore[arg-type]
        unknown = decide(request, None, entropy)
        assert (refused.code, refused.attributes, refused.method) == (unknown.code, unknown.attributes, unknown.method)


# -- the router's own prompt -------------------------------------------------------------------------------------------


def test_a_captive_portal_of_access_points_is_told_from_a_router_login() -> None:
    wireless, login = (NAS_PORT_TYPE, b"\0\0\0\x13"), (SERVICE_TYPE, b"\0\0\0\1")
    portal = pap(b"budi", b"arctangent", login, wireless, (CALLING_STATION_ID, b"BC-24-11-EB-56-4D"))
    assert not is_router_login(portal.packet)
    ip_of_an_admin = pap(b"budi", b"arctangent", login, wireless, (CALLING_STATION_ID, b"192.0.2.9"))
    nobody = pap(b"budi", b"arctangent", login, wireless, (CALLING_STATION_ID, b"000000000000"))
    prompt = pap(b"budi", b"x", (SERVICE_TYPE, b"\0\0\0\7"), wireless, (CALLING_STATION_ID, b"BC-24-11-EB-56-4D"))
    wired = pap(b"budi", b"x", login, (NAS_PORT_TYPE, b"\0\0\0\x0f"), (CALLING_STATION_ID, b"BC-24-11-EB-56-4D"))
    assert all(is_router_login(one.packet) for one in (ip_of_an_admin, nobody, prompt, wired))
    assert not is_router_login(pap(b"budi", b"x", login, (FRAMED_IP_ADDRESS, bytes((10, 0, 0, 2)))).packet)
