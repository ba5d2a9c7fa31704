"""Walled or refused: by what the plan says, how the NAS walls, and whether a hotspot is asked (BANG-2.6)."""

from dataclasses import replace
from datetime import date

import pytest

from netbilld.billing.plan import AfterAllowance, Closing, Timing
from netbilld.enforcement.policy import ServiceFacts, ServiceStatus
from netbilld.enforcement.profile import Access, WalledGarden
from netbilld.enforcement.vendors import VENDORS
from netbilld.radius.access import Decision
from netbilld.radius.attributes import (
    ARUBA_USER_ROLE,
    CHILLISPOT_MAX_TOTAL_OCTETS,
    CLASS,
    FILTER_ID,
    FRAMED_IP_ADDRESS,
    FRAMED_POOL,
    FRAMED_PROTOCOL,
    IDLE_TIMEOUT,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_HOST_IP,
    MIKROTIK_RATE_LIMIT,
    MIKROTIK_TOTAL_LIMIT,
    MIKROTIK_TOTAL_LIMIT_GIGAWORDS,
    MIKROTIK_XMIT_LIMIT,
    REPLY_MESSAGE,
    SERVICE_TYPE,
    SESSION_TIMEOUT,
    TUNNEL_PRIVATE_GROUP_ID,
    USER_NAME,
    USER_PASSWORD,
    WISPR_LOGOFF_URL,
)
from netbilld.radius.codes import Code, ServiceType
from netbilld.radius.packet import decode, encode
from netbilld.radius.passwords import hide_password
from netbilld.services.reply_limits import ReplyLimits
from tests.builders.log_in_desk import Desk, attributes, credential
from tests.builders.plans import allowance, plan
from tests.builders.services import CURRENT, GARDEN, NOW, OVERDUE, service_facts, used
from tests.radius_requests import AUTHENTICATOR, SECRET, Pairs, accepted, access_request, client

PLAN = plan(when_suspended=Closing.BLOCK)
OWING = service_facts(plan=PLAN, standing=OVERDUE, static_ip="10.0.0.9")
PPP: Pairs = [(SERVICE_TYPE, ServiceType.FRAMED_USER.to_bytes(4, "big")), (FRAMED_PROTOCOL, b"\0\0\0\1")]
HOTSPOT: Pairs = [(SERVICE_TYPE, ServiceType.LOGIN_USER.to_bytes(4, "big")), (MIKROTIK_HOST_IP, b"\x0a\x05\x58\x02")]
DHCP: Pairs = []


def log_in(
    facts: ServiceFacts = OWING,
    *,
    vendor: str = "mikrotik",
    wall_by: str | None = None,
    asked: Pairs = PPP,
    garden: WalledGarden = GARDEN,
) -> Decision:
    desk = Desk(garden=garden)
    desk.serve(facts)
    hidden = hide_password(b"rahasia", SECRET, AUTHENTICATOR)
    datagram = access_request([*asked, (USER_NAME, b"budi"), (USER_PASSWORD, hidden)])
    return desk.ask(accepted(datagram, replace(client(vendor=vendor), wall_by=wall_by)))


@pytest.mark.parametrize("asked", [PPP, DHCP])
def test_mikrotik_walls_ppp_and_dhcp_by_pool_and_list_and_gives_no_static_address(asked: Pairs) -> None:
    reply = attributes(log_in(asked=asked))
    assert reply.code == Code.ACCESS_ACCEPT
    assert (reply.get(FRAMED_POOL), reply.get(MIKROTIK_ADDRESS_LIST)) == (b"isolir", b"isolir-list")
    assert reply.get(MIKROTIK_RATE_LIMIT) == b"128k/256k"
    assert reply.get(FRAMED_IP_ADDRESS) is None
    assert reply.get(CLASS) is not None


@pytest.mark.parametrize("mark", [(MIKROTIK_HOST_IP, b"\x0a\x05\x58\x02"), (WISPR_LOGOFF_URL, b"http://10.5.88.1/")])
def test_a_hotspot_refuses_who_is_walled_and_says_why(mark: tuple[int, bytes]) -> None:
    decision = log_in(asked=[HOTSPOT[0], mark])
    assert (decision.code, decision.reason) == (Code.ACCESS_REJECT, "overdue")
    assert (attributes(decision).get(REPLY_MESSAGE) or b"").startswith(b"Tagihan lewat jatuh tempo")


@pytest.mark.parametrize("asked", [PPP, HOTSPOT, DHCP])
@pytest.mark.parametrize(
    ("wall_by", "pool", "address_list"), [("pool", b"isolir", None), ("list", None, b"isolir-list")]
)
def test_the_nas_says_how_it_walls_whatever_the_service(
    asked: Pairs, wall_by: str, pool: bytes | None, address_list: bytes | None
) -> None:
    reply = attributes(log_in(wall_by=wall_by, asked=asked))
    assert reply.code == Code.ACCESS_ACCEPT
    assert (reply.get(FRAMED_POOL), reply.get(MIKROTIK_ADDRESS_LIST)) == (pool, address_list)


@pytest.mark.parametrize("vendor", sorted(VENDORS))
@pytest.mark.parametrize("asked", [PPP, HOTSPOT, DHCP])
def test_a_nas_that_refuses_the_walled_refuses_them_for_every_service(vendor: str, asked: Pairs) -> None:
    decision = log_in(vendor=vendor, wall_by="reject", asked=asked)
    assert (decision.code, decision.reason) == (Code.ACCESS_REJECT, "overdue")
    assert CLASS not in attributes(decision).attributes


@pytest.mark.parametrize("vendor", sorted(VENDORS))
@pytest.mark.parametrize("wall_by", [None, "pool", "list", "reject"])
@pytest.mark.parametrize("asked", [PPP, HOTSPOT, DHCP])
def test_nobody_who_is_walled_comes_in_without_a_wall(vendor: str, wall_by: str | None, asked: Pairs) -> None:
    """An Accept that holds neither pool, list nor VLAN would be full access for who has not paid."""
    decision = log_in(vendor=vendor, wall_by=wall_by, asked=asked)
    reply = attributes(decision)
    if decision.code == Code.ACCESS_ACCEPT:
        said = decision.attributes
        assert b"isolir" in said or vendor == "cambium", vendor  # Cambium's wall is a number
        assert reply.get(FRAMED_IP_ADDRESS) is None
    else:
        assert decision.reason == "overdue"
        assert reply.get(REPLY_MESSAGE)


@pytest.mark.parametrize("vendor", ["hostapd", "ubiquiti"])
def test_access_points_wall_by_vlan_where_there_is_one_and_else_refuse(vendor: str) -> None:
    assert log_in(vendor=vendor, asked=DHCP).code == Code.ACCESS_REJECT
    reply = attributes(log_in(vendor=vendor, asked=DHCP, garden=replace(GARDEN, vlan=666)))
    assert (reply.code, reply.get(TUNNEL_PRIVATE_GROUP_ID)) == (Code.ACCESS_ACCEPT, b"666")


def test_an_aruba_walls_by_role_once_it_is_told_to() -> None:
    assert log_in(vendor="aruba", asked=DHCP).code == Code.ACCESS_REJECT
    assert attributes(log_in(vendor="aruba", wall_by="list", asked=DHCP)).get(ARUBA_USER_ROLE) == b"isolir-list"


def test_a_nas_of_a_vendor_not_known_walls_by_what_the_rfcs_have() -> None:
    reply = attributes(log_in(vendor="brand-new"))
    assert (reply.get(FRAMED_POOL), reply.get(FILTER_ID)) == (b"isolir", b"isolir-list")


@pytest.mark.parametrize("wall_by", [None, "pool", "list", "reject"])
@pytest.mark.parametrize("asked", [PPP, HOTSPOT])
def test_who_is_not_walled_gets_the_same_however_the_nas_walls(wall_by: str | None, asked: Pairs) -> None:
    paid = replace(OWING, standing=CURRENT)
    decision = log_in(paid, wall_by=wall_by, asked=asked)
    assert decision.attributes == log_in(paid).attributes
    assert attributes(decision).get(FRAMED_IP_ADDRESS) == bytes((10, 0, 0, 9))


def test_the_plan_decides_for_each_reason_between_wall_and_refusal() -> None:
    assert log_in().code == Code.ACCESS_ACCEPT
    assert log_in(replace(OWING, plan=replace(PLAN, when_overdue=Closing.BLOCK))).reason == "overdue"
    suspended = replace(OWING, status=ServiceStatus.SUSPENDED)
    assert log_in(suspended).reason == "suspended"
    assert log_in(replace(suspended, plan=replace(PLAN, when_suspended=Closing.WALL))).code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize(
    ("locale", "words"),
    [(None, b"Tagihan lewat"), ("id", b"Tagihan lewat"), ("en", b"A bill is overdue"), ("fr", b"A bill is overdue")],
)
@pytest.mark.parametrize("closing", [Closing.WALL, Closing.BLOCK])
def test_the_refusal_is_said_in_the_subscribers_language(locale: str | None, words: bytes, closing: Closing) -> None:
    facts = replace(OWING, plan=replace(PLAN, when_overdue=closing), locale=locale)
    reply = attributes(log_in(facts, wall_by="reject"))
    assert (reply.get(REPLY_MESSAGE) or b"").startswith(words)


PREPAID = replace(
    OWING,
    plan=replace(PLAN, timing=Timing.PREPAID),
    standing=CURRENT,
    paid_until_on=date(2025, 3, 17),
)
QUOTA = replace(
    PREPAID,
    plan=replace(PLAN, allowance=allowance(AfterAllowance.WALL, 6 * 2**30)),
    usage=used(0, 2**30),
)


def test_a_hard_quota_is_said_in_the_words_of_the_nas() -> None:
    """BANG-2.2b: 5 GiB are left."""
    hotspot = attributes(log_in(QUOTA, asked=HOTSPOT))
    assert hotspot.get(MIKROTIK_TOTAL_LIMIT) == bytes.fromhex("40000000")
    assert hotspot.get(MIKROTIK_TOTAL_LIMIT_GIGAWORDS) == bytes.fromhex("00000001")
    ppp = attributes(log_in(QUOTA, asked=PPP))
    assert ppp.get(MIKROTIK_TOTAL_LIMIT) is None
    assert ppp.get(MIKROTIK_XMIT_LIMIT) == bytes.fromhex("40000000")
    assert attributes(log_in(QUOTA, vendor="coovachilli")).get(CHILLISPOT_MAX_TOTAL_OCTETS) is not None
    assert attributes(log_in(QUOTA, vendor="huawei")).get(SESSION_TIMEOUT) is None


def test_a_nas_that_is_not_to_hold_limits_is_told_of_none() -> None:
    """`nas set NAME --no-hold-limits`."""
    asked = accepted(access_request([(USER_NAME, b"budi")]), client())
    tell = ReplyLimits(QUOTA, Access.ACTIVE)
    assert tell(asked, NOW)
    assert tell(replace(asked, client=replace(asked.client, holds_limits=False)), NOW) == b""


def test_a_prepaid_period_ends_at_the_nas_after_it_has_ended_here() -> None:
    """Twelve hours to midnight in Jakarta, an hour more, and a little to spread them."""
    seconds = int.from_bytes(attributes(log_in(PREPAID)).get(SESSION_TIMEOUT) or b"")
    assert 13 * 3600 <= seconds < 13 * 3600 + 1800
    assert attributes(log_in(replace(PREPAID, wallet_minor=200_000))).get(SESSION_TIMEOUT) is None
    assert attributes(log_in(OWING)).get(SESSION_TIMEOUT) is None


def test_a_plan_that_throttles_is_given_no_limit() -> None:
    throttled = replace(QUOTA, plan=replace(PLAN, allowance=allowance(AfterAllowance.THROTTLE, 6 * 2**30)))
    assert log_in(throttled, asked=HOTSPOT).attributes == log_in(replace(QUOTA, plan=PLAN)).attributes


def test_a_new_reason_behind_the_same_wall_is_told_to_who_is_refused_for_it() -> None:
    """The profile stays the same when an overdue service is suspended too: what is said must not."""
    walls = replace(PLAN, when_suspended=Closing.WALL)
    desk = Desk("en")
    for facts in (replace(OWING, plan=walls), replace(OWING, plan=walls, status=ServiceStatus.SUSPENDED)):
        desk.serve(facts, credential(password=b"", kind="mac"))
    view = desk.directory.find(b"budi", NOW)
    assert view is not None
    assert (view.walled, view.refusal) == ("suspended", None)
    assert view.reply_message.startswith(b"This service is suspended")


def test_a_new_address_is_given_at_the_next_log_in() -> None:
    """Contract rule 10: it is no other profile for the session that runs, but the next Accept carries it."""
    paid = replace(OWING, standing=CURRENT, static_ip=None)
    desk = Desk("en")
    for static_ip in (None, "10.0.0.9", "10.0.0.10", None):
        desk.serve(replace(paid, static_ip=static_ip), credential(password=b"", kind="mac"))
        view = desk.directory.find(b"budi", NOW)
        assert view is not None
        reply = decode(encode(Code.ACCESS_ACCEPT, 1, AUTHENTICATOR, view.replies["mikrotik"]))
        given = reply.get(FRAMED_IP_ADDRESS)
        assert given == (None if static_ip is None else bytes(map(int, static_ip.split("."))))


def test_the_plans_idle_timeout_is_said_to_who_is_not_walled() -> None:
    patient = replace(PLAN, idle_seconds=600)
    paid = replace(OWING, plan=patient, standing=CURRENT)
    assert attributes(log_in(paid)).get(IDLE_TIMEOUT) == (600).to_bytes(4, "big")
    assert attributes(log_in(paid, vendor="ocserv")).get(IDLE_TIMEOUT) is None
    assert attributes(log_in(replace(OWING, plan=patient))).get(IDLE_TIMEOUT) is None
