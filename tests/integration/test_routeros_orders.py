"""Orders over the API of a router: done for the session that is meant, and to nothing else on it."""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from netbilld.adapters.nas.order_ways import OrderWays
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_lists import KeepLists
from netbilld.adapters.nas.routeros_orders import RouterosOrders
from netbilld.adapters.nas.routeros_rights import RouterosRights
from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import (
    ChangeOfAuthorization,
    Disconnect,
    EnterList,
    LeaveList,
    Order,
    SessionHandle,
    Via,
)
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind
from tests.router_connections import closed, connected, router
from tests.routeros.fake_router import FakeRouter, Line
from tests.routeros.store import Row

NAS = NasTarget(UUID(int=1), "pop1", "192.0.2.1", 3799, "mikrotik", b"testing123")
KICK = Disconnect(Via.API)
ENTER, LEAVE = EnterList("isolir"), LeaveList("isolir")
LIST = "/ip/firewall/address-list"
TRACKED = "/ip/firewall/connection"
LIST_SECONDS = 1800
__all__ = ["closed", "router"]


class Door:
    """What sends orders to a router over its API, and what keeps our entries there."""

    def __init__(self, router: FakeRouter, *, timeout_seconds: float = 1.0) -> None:
        connections = {NAS.nas_id: connected(router, timeout_seconds)}
        self.cut = CutConnections()
        self.orders = RouterosOrders(connections, RouterosRights(time.monotonic), self.cut, LIST_SECONDS)
        self.lists = KeepLists(connections, ("isolir",), LIST_SECONDS)

    async def __call__(self, order: Order, line: Line, number: int = 7) -> Outcome:
        return await self.orders.apply(NAS, handle(line, number), order, b"")


def handle(line: Line, number: int = 7) -> SessionHandle:
    acct_session_id = line.session_id.removeprefix("0x").lower()
    return SessionHandle(line.name, acct_session_id, line.address, None, line.mac, number)


def names(router: FakeRouter) -> list[tuple[str, str]]:
    return [(row["name"], row["session-id"]) for row in router.rows("/ppp/active")]


def entries(router: FakeRouter) -> list[tuple[str, str, str]]:
    return [(row["list"], row["address"], row.get("comment", "")) for row in router.rows(LIST)]


def track(router: FakeRouter, *ends: tuple[str, str]) -> None:
    for source, destination in ends:
        router.store[TRACKED].make(
            {"src-address": source, "dst-address": destination, "fasttrack": "true"}, fixed=False
        )


def tracked(router: FakeRouter) -> list[tuple[str, str]]:
    return [(row["src-address"], row["dst-address"]) for row in router.rows(TRACKED)]


def touched(router: FakeRouter) -> list[str]:
    """Return the commands that were to change something."""
    return [words[0] for words in router.asked if not words[0].endswith("/print")]


# -- ending sessions ---------------------------------------------------------------------------------------------------


async def test_the_session_that_is_meant_is_removed_and_no_other_of_its_name(router: FakeRouter) -> None:
    mine, other = Line("1001"), Line("1001", "0x81100002", number=1, address="100.64.0.11")
    router.lines = [other, mine, Line("1001x", "0x81100003")]
    door = Door(router)
    assert (await door(KICK, mine)).kind is OutcomeKind.ACKED
    assert names(router) == [("1001", "0x81100002"), ("1001x", "0x81100003")]
    gone = await door(KICK, mine)
    assert (gone.kind, gone.error_cause) == (OutcomeKind.NACKED, 503)  # which is what was wanted
    assert len(names(router)) == 2


async def test_a_session_that_goes_between_the_look_and_the_removal_is_gone_and_its_number_s_next_owner_safe(
    router: FakeRouter,
) -> None:
    mine, other = Line("budi"), Line("ani", "0x81100002")
    router.lines = [mine]
    door = Door(router)
    answer = router._answer

    def in_between(command: str, sentence: Any, policies: frozenset[str]) -> Any:
        if command == "/ppp/active/remove":
            router.lines = []
        return answer(command, sentence, policies)

    router._answer = in_between  # type: ignore[method-assign]
    outcome = await door(KICK, mine)
    assert (outcome.kind, outcome.error_cause) == (OutcomeKind.NACKED, 503)
    router.lines = [other]
    assert (await door(KICK, mine)).error_cause == 503
    assert names(router) == [("ani", "0x81100002")]


async def test_a_session_that_can_t_be_told_from_others_is_left_alone(router: FakeRouter) -> None:
    router.lines = [Line("budi", "")]
    outcome = await Door(router)(KICK, Line("budi"))
    assert (outcome.kind, outcome.error_cause) == (OutcomeKind.NACKED, None)
    assert len(router.rows("/ppp/active")) == 1


async def test_a_hotspot_user_loses_the_cookie_of_that_device_too(router: FakeRouter) -> None:
    phone = Line("tamu", "0x80100001", "hotspot", address="10.5.5.2", mac="02:00:00:00:00:02")
    tablet = Line("tamu", "0x80100002", "hotspot", address="10.5.5.3", mac="02:00:00:00:00:03")
    router.lines = [phone, tablet]
    for mac in (phone.mac, tablet.mac):
        router.store["/ip/hotspot/cookie"].make({"user": "tamu", "mac-address": mac}, fixed=False)
    assert (await Door(router)(KICK, phone)).kind is OutcomeKind.ACKED
    assert [row["mac-address"] for row in router.rows("/ip/hotspot/active")] == [tablet.mac]
    assert [row["mac-address"] for row in router.rows("/ip/hotspot/cookie")] == [tablet.mac]
    assert touched(router) == ["/ip/hotspot/cookie/remove", "/ip/hotspot/active/remove"]


# -- lists -------------------------------------------------------------------------------------------------------------


async def test_an_address_enters_the_list_for_a_while_with_the_session_s_mark_and_leaves_it(router: FakeRouter) -> None:
    line = Line("budi")
    router.lines = [line]
    router.store[LIST].add({"list": "staff", "address": "100.64.0.10", "comment": "by hand"})
    door = Door(router)
    assert (await door(ENTER, line)).kind is OutcomeKind.ACKED
    assert ("isolir", "100.64.0.10", "netbilld:s=7") in entries(router)
    (entry,) = router.rows(LIST, list="isolir")
    assert entry["dynamic"] == "true"
    assert entry["timeout"] in {"30m", "29m59s"}
    assert (await door(LEAVE, line)).kind is OutcomeKind.ACKED
    assert entries(router) == [("staff", "100.64.0.10", "by hand")]
    assert (await door(LEAVE, line)).kind is OutcomeKind.ACKED  # it is not there, as wanted


async def test_entering_again_renews_and_an_entry_of_a_session_before_is_replaced(router: FakeRouter) -> None:
    line = Line("budi")
    router.lines = [line]
    door = Door(router)
    router.store[LIST].add({"list": "isolir", "address": line.address, "timeout": "5s", "comment": "netbilld:s=3"})
    await door(ENTER, line)
    assert entries(router) == [("isolir", line.address, "netbilld:s=7")]
    (entry,) = router.store[LIST].items
    entry.expires_at = router.now() + 2
    assert (await door(ENTER, line)).kind is OutcomeKind.ACKED
    assert entries(router) == [("isolir", line.address, "netbilld:s=7")]
    assert entry.expires_at > router.now() + 1000


async def test_an_entry_that_is_not_ours_is_enough_and_stays(router: FakeRouter) -> None:
    by_login = Line("ani", "0x81100002", address="100.64.0.11", address_lists=("isolir",))
    line = Line("budi")
    router.lines = [line, by_login]
    router.store[LIST].add({"list": "isolir", "address": line.address, "comment": "since May: ask Siti"})
    router.rows(LIST)
    before = router.store.image(LIST)
    door = Door(router)
    assert [(await door(ENTER, one)).kind for one in (line, by_login)] == [OutcomeKind.ACKED] * 2
    for one in (line, by_login):  # only another log-in, or the person, takes those away
        refused = await door(LEAVE, one)
        assert refused.kind is OutcomeKind.NACKED
        assert "is not ours" in refused.detail
    assert router.store.image(LIST) == before


async def test_a_disabled_entry_in_the_way_is_said_and_left(router: FakeRouter) -> None:
    line = Line("budi")
    router.lines = [line]
    router.store[LIST].add({"list": "isolir", "address": line.address, "disabled": "yes"})
    refused = await Door(router)(ENTER, line)
    assert refused.kind is OutcomeKind.NACKED
    assert "a disabled entry for 100.64.0.10" in refused.detail


async def test_nobody_is_listed_whose_session_is_gone_or_has_another_address(router: FakeRouter) -> None:
    door = Door(router)
    assert (await door(ENTER, Line("budi"))).error_cause == 503
    router.lines = [Line("budi", "0x81100002")]  # a new session that may have that address
    assert (await door(ENTER, Line("budi"))).error_cause == 503
    router.lines = [Line("budi", address="100.64.0.77")]
    refused = await door(ENTER, Line("budi"))
    assert refused.kind is OutcomeKind.NACKED
    assert "100.64.0.77" in refused.detail
    assert entries(router) == []


async def test_a_session_with_an_ipv6_prefix_is_not_walled_by_a_list_that_would_leave_that_open(
    router: FakeRouter,
) -> None:
    line = Line("budi")
    router.lines = [line]
    refused = await Door(router).orders.apply(NAS, replace(handle(line), has_ipv6=True), ENTER, b"")
    assert refused.kind is OutcomeKind.NACKED  # so it is disconnected, and comes back without one
    assert "IPv6 prefix" in refused.detail
    assert touched(router) == []


async def test_open_connections_of_the_address_go_too_and_nobody_else_s(router: FakeRouter) -> None:
    line = Line("budi", address="100.64.0.1")
    router.lines = [line]
    theirs = [("100.64.0.1:5000", "1.1.1.1:443"), ("100.64.0.1", "8.8.8.8"), ("9.9.9.9:53", "100.64.0.1:6000")]
    others = [("100.64.0.10:5000", "1.1.1.1:443"), ("100.64.0.11:1", "100.64.0.12:2")]
    track(router, *theirs, *others)
    door = Door(router)
    assert (await door(ENTER, line)).detail == ""
    assert tracked(router) == others
    assert door.cut.cut_off == 3


async def test_many_who_are_listed_at_once_cost_few_looks_at_the_connections(router: FakeRouter) -> None:
    lines = [Line(f"u{n}", f"0x81{n:06x}", address=f"100.64.0.{n}") for n in range(1, 40)]
    router.lines = lines
    track(router, *[(f"{line.address}:{port}", "1.1.1.1:443") for line in lines for port in (1000, 2000)])
    track(router, ("100.64.9.9:1", "1.1.1.1:443"))
    door = Door(router)
    outcomes = await asyncio.gather(*(door(ENTER, line, number) for number, line in enumerate(lines)))
    assert {one.kind for one in outcomes} == {OutcomeKind.ACKED}
    assert len(entries(router)) == 39
    assert tracked(router) == [("100.64.9.9:1", "1.1.1.1:443")]
    passes = [words for words in router.asked if words[0] == f"{TRACKED}/print" and "=count-only=" not in words]
    assert len(passes) < 39


async def test_a_router_with_too_many_connections_is_not_asked_for_them_and_that_is_said(
    router: FakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbilld.adapters.nas.routeros_connections.MOST_CONNECTIONS", 3)
    line = Line("budi", address="100.64.0.1")
    router.lines = [line]
    track(router, *[(f"100.64.0.1:{port}", "1.1.1.1:443") for port in range(4)])
    outcome = await Door(router)(ENTER, line)
    assert outcome.kind is OutcomeKind.ACKED
    assert "the router has 4, too many to look through" in outcome.detail
    assert len(tracked(router)) == 4


async def test_connections_that_end_by_themselves_meanwhile_keep_no_other_from_being_cut(router: FakeRouter) -> None:
    line = Line("budi", address="100.64.0.1")
    router.lines = [line]
    track(router, *[(f"100.64.0.1:{port}", "1.1.1.1:443") for port in range(5)])
    answer, table = router._answer, router.store[TRACKED]

    def in_between(command: str, sentence: Any, policies: frozenset[str]) -> Any:
        if command == f"{TRACKED}/remove" and len(table.items) == 5:
            table.drop(table.items[2])
        return answer(command, sentence, policies)

    router._answer = in_between  # type: ignore[method-assign]
    assert (await Door(router)(ENTER, line)).detail == ""
    assert tracked(router) == []


# -- keeping entries ---------------------------------------------------------------------------------------------------


async def test_entries_that_are_due_live_on_and_leftovers_go_but_nothing_that_is_not_ours(router: FakeRouter) -> None:
    table = router.store[LIST]
    for number, address in ((1, "100.64.0.1"), (2, "100.64.0.2"), (3, "100.64.0.3"), (4, "100.64.0.4")):
        table.add({"list": "isolir", "address": address, "timeout": "1m", "comment": f"netbilld:s={number}"})
    by_hand = [
        {"list": "isolir", "address": "100.64.0.9", "comment": "netbilld:s=x"},
        {"list": "isolir", "address": "100.64.0.8"},
        {"list": "isolir", "address": "100.64.0.7", "comment": "netbilld:v=6f1c1f0a-95d3-4d0b-8a55-0d2c1f4a1c11"},
        {"list": "staff", "address": "100.64.0.6", "comment": "netbilld:s=6"},
    ]
    for values in by_hand:
        table.add(values)
    asked: list[frozenset[int]] = []

    async def due(session_ids: Collection[int]) -> Mapping[int, tuple[str, str]]:
        asked.append(frozenset(session_ids))
        return {1: ("isolir", "100.64.0.1"), 2: ("isolir", "100.64.0.22"), 3: ("another", "100.64.0.3")}

    door = Door(router)
    await door.lists.tidy(NAS.nas_id, due)
    assert asked == [frozenset({1, 2, 3, 4})]
    ours: list[Row] = [row for row in router.rows(LIST) if "timeout" in row]
    assert [(row["address"], row["timeout"] in {"30m", "29m59s"}) for row in ours] == [("100.64.0.1", True)]
    assert len(router.rows(LIST)) == 1 + len(by_hand)
    assert (door.lists.renewed, door.lists.removed) == (1, 3)
    await door.lists.drop(NAS.nas_id, {1, 6})
    assert [row for row in router.rows(LIST) if "timeout" in row] == []
    assert len(router.rows(LIST)) == len(by_hand)


# -- rights and faults -------------------------------------------------------------------------------------------------


async def test_a_user_without_the_right_to_write_is_found_before_anything_is_sent(router: FakeRouter) -> None:
    line = Line("budi")
    router.lines = [line]
    router.store["/user"].set(router.store["/user"].find("netbilld"), {"group": "read"})
    door = Door(router)
    for order in (KICK, ENTER, LEAVE):
        outcome = await door(order, line)
        assert outcome.kind is OutcomeKind.FAILED
        assert "API user netbilld lacks the policy write" in outcome.detail
    assert touched(router) == []
    assert all(words[0].startswith("/user") for words in router.asked)


async def test_where_rights_can_t_be_read_the_router_s_own_refusal_says_what_is_missing(router: FakeRouter) -> None:
    line = Line("budi")
    router.lines = [line]
    router.store["/user"].set(router.store["/user"].find("netbilld"), {"group": "read"})
    router.faults.refuse_command = "/user/print"
    outcome = await Door(router)(KICK, line)
    assert outcome.kind is OutcomeKind.NACKED
    assert "not enough permissions (9); its API user netbilld needs the policies read, write, api" in outcome.detail


@pytest.mark.parametrize("order", [KICK, ENTER, LEAVE])
async def test_a_router_that_hangs_is_given_up_in_time_and_one_without_an_api_named(
    router: FakeRouter, order: Order
) -> None:
    router.faults.silent = True
    door = Door(router, timeout_seconds=0.2)
    async with asyncio.timeout(3):
        outcomes = await asyncio.gather(*(door(order, Line("budi")) for _ in range(5)))
    assert {one.kind for one in outcomes} == {OutcomeKind.TIMED_OUT}
    assert all("the API of pop1: no answer within 0.2 s" in one.detail for one in outcomes)
    nobody = RouterosOrders({}, RouterosRights(time.monotonic), CutConnections(), 60)
    outcome = await nobody.apply(NAS, handle(Line("budi")), order, b"")
    assert (outcome.kind, "nas set pop1 --api-url" in outcome.detail) == (OutcomeKind.FAILED, True)


async def test_the_password_is_in_no_outcome(router: FakeRouter) -> None:
    router.password = "another"
    door = Door(router)
    router.password = "yet another"
    outcome = await door(KICK, Line("budi"))
    assert "does not let netbilld log in" in outcome.detail
    assert "another" not in outcome.detail


async def test_each_order_goes_through_its_own_door() -> None:
    class Way:
        def __init__(self) -> None:
            self.took: list[Order] = []

        async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:  # noqa: ARG002 - as `NasControl` has it
            self.took.append(order)
            return Outcome(OutcomeKind.ACKED)

    radius, api = Way(), Way()
    ways = OrderWays(radius, api)
    coa = ChangeOfAuthorization(ServiceProfile(Access.ACTIVE, Speed(1, 1)))
    for order in (coa, Disconnect(), KICK, ENTER, LEAVE):
        await ways.apply(NAS, handle(Line("budi")), order, b"")
    assert (radius.took, api.took) == ([coa, Disconnect()], [KICK, ENTER, LEAVE])
