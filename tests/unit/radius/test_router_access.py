from dataclasses import replace

import pytest

from netbilld.radius.access import Decision, decide
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    CISCO_AVPAIR,
    CLASS,
    FRAMED_PROTOCOL,
    MIKROTIK_GROUP,
    MS_CHAP2_SUCCESS,
    SERVICE_TYPE,
)
from netbilld.radius.codes import Code
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import Packet, decode, encode, encode_attribute
from netbilld.radius.router_access import RouterAccount
from netbilld.radius.server import Request
from tests.radius_requests import AUTHENTICATOR, chap, client, entropy, mschap_v2, pap, view

PROMPT = ((SERVICE_TYPE, b"\0\0\0\1"), (CALLING_STATION_ID, b"203.0.113.9"))
ANI = RouterAccount("ani", b"a long password", nt_hash("a long password"), "full")


def at_router(request: Request, vendor: str = "mikrotik", *accounts: RouterAccount) -> Request:
    known = {account.name.encode(): account for account in accounts or (ANI,)}
    return replace(request, client=replace(client(vendor=vendor), router_accounts=known))


def reply(decision: Decision) -> Packet:
    return decode(encode(decision.code, 7, AUTHENTICATOR, decision.attributes))


@pytest.mark.parametrize("name", [b"ani", b"Ani"])
def test_a_router_account_opens_the_prompt_with_the_rights_it_was_given(name: bytes) -> None:
    for request, method in (
        (mschap_v2(name, "a long password", *PROMPT), "mschapv2"),
        (pap(name, b"a long password", *PROMPT), "pap"),
        (chap(name, b"a long password", *PROMPT), "chap"),
    ):
        decision = decide(at_router(request), None, entropy)
        assert (decision.code, decision.reason, decision.method) == (Code.ACCESS_ACCEPT, "ok", method)
        assert decision.for_router
        assert reply(decision).get(MIKROTIK_GROUP) == b"full"
        assert (MS_CHAP2_SUCCESS in reply(decision).attributes) == (method == "mschapv2")


def test_the_account_of_one_and_the_subscriber_of_the_same_name_know_nothing_of_each_other() -> None:
    subscriber = view("ani", "rahasia", replies={"mikrotik": encode_attribute(CLASS, b"a service")})
    at_prompt = decide(at_router(pap(b"ani", b"rahasia", *PROMPT)), subscriber, entropy)
    assert (at_prompt.code, at_prompt.reason) == (Code.ACCESS_REJECT, "wrong_password")
    right = decide(at_router(pap(b"ani", b"a long password", *PROMPT)), subscriber, entropy)
    assert right.code == Code.ACCESS_ACCEPT
    assert reply(right).get(CLASS) is None
    ppp = (FRAMED_PROTOCOL, b"\0\0\0\1")
    assert decide(at_router(pap(b"ani", b"a long password", ppp)), None, entropy).reason == "unknown_user"
    dialled = decide(at_router(pap(b"ani", b"rahasia", ppp)), subscriber, entropy)
    assert reply(dialled).get(CLASS) == b"a service"
    assert not dialled.for_router


def test_whoever_has_no_account_there_is_refused_with_the_bytes_of_a_wrong_password() -> None:
    for make in (pap, chap):
        wrong = decide(at_router(make(b"ani", b"wrong", *PROMPT)), None, entropy)
        nobody = decide(at_router(make(b"budi", b"wrong", *PROMPT)), None, entropy)
        assert (wrong.reason, nobody.reason) == ("wrong_password", "router_login")
        assert wrong.attributes == nobody.attributes


def test_cisco_is_told_a_privilege_level_and_a_vendor_we_know_no_way_for_nothing() -> None:
    request = pap(b"ani", b"a long password", *PROMPT)
    told = decide(at_router(request, "cisco", replace(ANI, group="15")), None, entropy)
    assert reply(told).get(CISCO_AVPAIR) == b"shell:priv-lvl=15"
    refused = decide(at_router(request, "juniper"), None, entropy)
    assert (refused.code, refused.reason) == (Code.ACCESS_REJECT, "router_login")


def test_secrets_of_a_router_account_do_not_show() -> None:
    assert "a long password" not in f"{ANI!r} {at_router(pap(b'ani', b'x', *PROMPT)).client!r}"
