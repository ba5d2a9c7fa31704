"""Sessions read back over the API of a router: what it shows is told, and what it does not show stays unknown."""

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.adapters.nas.routeros_look import WHOLE_FROM, RouterosLook
from netbilld.adapters.nas.routeros_queues import rate_pair
from netbilld.ports.ask_nas import Presence
from netbilld.ports.look_at_nas import Seen, SessionMark
from tests.router_connections import closed, connected, router
from tests.routeros.fake_router import FakeRouter, Line

NAS = UUID(int=1)
__all__ = ["closed", "router"]


def look_at(router: FakeRouter, *, timeout_seconds: float = 10.0, lists: Collection[str] = ("isolir",)) -> RouterosLook:
    return RouterosLook({NAS: connected(router, timeout_seconds)}, lambda: datetime.now(UTC), lists)


def mark(line: Line, number: int = 1) -> SessionMark:
    return SessionMark(number, line.name, line.session_id.removeprefix("0x").lower(), line.address, line.mac)


async def seen(look: RouterosLook, *lines: Line) -> list[Seen | None]:
    marks = [mark(line, number) for number, line in enumerate(lines)]
    found = await look.look(NAS, marks)
    return [found.get(one.session_id) for one in marks]


async def rate_of(router: FakeRouter, line: Line) -> tuple[int, int] | None:
    (one,) = await seen(look_at(router), line)
    assert one is not None
    return one.rate_bps


async def test_a_session_is_seen_with_its_queue_s_rate_and_its_lists(router: FakeRouter) -> None:
    line = Line("budi", rate_limit="5M/20M", address_lists=("isolir",))
    router.lines = [line, Line("ani", "0x81100002", address="100.64.0.11", rate_limit="1M/1M")]
    router.store["/ip/firewall/address-list"].add({"list": "staff", "address": line.address})
    router.store["/ip/firewall/address-list"].add({"list": "off", "address": line.address, "disabled": "yes"})
    (one,) = await seen(look_at(router), line)
    assert one is not None
    assert one[0] is Presence.THERE
    assert one[2:4] == ((5_000_000, 20_000_000), frozenset({"isolir", "staff"}))


@pytest.mark.parametrize("name", ["1001", "no", "true", "bùdi — 東京", "a b", "x" * 60, "<pppoe-budi>", "0"])
async def test_names_are_text_whatever_they_look_like(router: FakeRouter, name: str) -> None:
    line = Line(name, rate_limit="512k/2M")
    router.lines = [line]
    assert await rate_of(router, line) == (512_000, 2_000_000)


async def test_a_session_that_is_gone_is_gone_and_another_one_of_its_name_is_not_it(router: FakeRouter) -> None:
    router.lines = [Line("budi", "0x81100002", rate_limit="5M/20M")]
    gone, never = await seen(look_at(router), Line("budi", "0x81100001"), Line("citra", "0x81100009"))
    assert gone is not None
    assert never is not None
    assert (gone[0], gone[2], never[0]) == (Presence.GONE, None, Presence.GONE)


async def test_which_session_a_row_without_session_id_is_can_t_be_told(router: FakeRouter) -> None:
    router.lines = [Line("budi", "")]
    assert await seen(look_at(router), Line("budi", "0x81100001")) == [None]


async def test_a_queue_made_by_hand_in_front_of_a_session_s_own_is_named_and_is_not_its_own(router: FakeRouter) -> None:
    line = Line("budi", rate_limit="1M/2M")
    queue = router.store["/queue/simple"].add({"name": "vip", "target": "100.64.0.10/32", "max-limit": "50M/50M"})
    router.lines = [line]
    look = look_at(router)

    async def held() -> tuple[tuple[int, int] | None, str | None]:
        (one,) = await seen(look, line)
        assert one is not None
        return one.rate_bps, one.hidden_by

    assert await held() == ((1_000_000, 2_000_000), "vip at 50000000/50000000")
    for harmless in ({"disabled": "yes"}, {"disabled": "no", "dst": "10.0.0.0/8"}):
        router.store["/queue/simple"].set(queue, harmless)
        assert await held() == ((1_000_000, 2_000_000), None)
    router.store["/queue/simple"].set(queue, {"dst": "0.0.0.0/0", "target": line.interface})
    assert await held() == ((1_000_000, 2_000_000), "vip at 50000000/50000000")
    router.store["/queue/simple"].items.reverse()  # behind its own it takes nothing
    assert await held() == ((1_000_000, 2_000_000), None)


async def test_no_queue_is_no_limit_only_where_queues_are_seen_to_be_called_so(router: FakeRouter) -> None:
    free, held = Line("budi"), Line("ani", "0x81100002", address="100.64.0.11", rate_limit="1M/1M")
    router.lines = [free]
    look = look_at(router)
    (one,) = await seen(look, free)
    assert one is not None
    assert one.rate_bps is None  # what its queue would be called on this router is not known
    router.lines = [free, held]
    assert [one.rate_bps for one in await seen(look, free, held) if one] == [(0, 0), (1_000_000, 1_000_000)]
    assert [one.rate_bps for one in await seen(look, free) if one] == [(0, 0)]


async def test_two_sessions_of_a_name_have_the_rate_that_both_queues_have(router: FakeRouter) -> None:
    first = Line("budi", rate_limit="1M/2M")
    second = Line("budi", "0x81100002", number=1, address="100.64.0.11", rate_limit="1M/2M")
    router.lines = [first, second]
    look = look_at(router)
    assert [one.rate_bps for one in await seen(look, first, second) if one] == [(1_000_000, 2_000_000)] * 2
    second.rate_limit = "5M/20M"
    assert [one.rate_bps for one in await seen(look, first, second) if one] == [None, None]  # whose is whose?
    router.lines = [second]  # the first has gone, the other keeps its number
    assert [one.rate_bps for one in await seen(look, second) if one] == [(5_000_000, 20_000_000)]


async def test_hotspot_users_are_told_by_name_address_and_mac(router: FakeRouter) -> None:
    phone = Line("tamu", "0x80100001", "hotspot", rate_limit="1M/2M", address="10.5.5.2", mac="02:00:00:00:00:02")
    tablet = Line("tamu", "0x80100002", "hotspot", rate_limit="3M/4M", address="10.5.5.3", mac="02:00:00:00:00:03")
    router.lines = [phone, tablet]
    gone = Line("tamu", "0x80100003", "hotspot", address="10.5.5.4", mac="02:00:00:00:00:04")
    found = [one and (one.presence, one.rate_bps) for one in await seen(look_at(router), phone, tablet, gone)]
    there = Presence.THERE
    assert found == [(there, (1_000_000, 2_000_000)), (there, (3_000_000, 4_000_000)), (Presence.GONE, None)]


async def test_leases_are_told_by_address_and_mac(router: FakeRouter) -> None:
    home = Line(
        "02:00:00:00:00:05", "83100001", "dhcp", rate_limit="2M/8M", address="10.6.6.2", mac="02:00:00:00:00:05"
    )
    router.lines = [home]
    (one,) = await seen(look_at(router), home)
    assert one is not None
    assert (one.presence, one.rate_bps) == (Presence.THERE, (2_000_000, 8_000_000))
    other = Line("02:00:00:00:00:06", "83100002", "dhcp", address="10.6.6.2", mac="02:00:00:00:00:06")
    (one,) = await seen(look_at(router), other)
    assert one is not None
    assert one.presence is Presence.GONE


async def test_kinds_of_sessions_that_the_api_does_not_show_are_unknown(router: FakeRouter) -> None:
    assert await seen(look_at(router), Line("laptop", "82100001"), Line("b\ufffddi", "0x81100001")) == [None, None]


async def test_many_sessions_are_read_in_few_questions_and_mean_the_same(router: FakeRouter) -> None:
    lines = [
        Line(f"u{n}", f"0x81{n:06x}", address=f"100.64.{n // 200}.{n % 200}", mac=f"02:00:00:00:{n // 256:02x}:{n % 256:02x}",
             rate_limit=f"{n + 1}k/{n + 2}k", address_lists=("isolir",) if n % 3 == 0 else ())
        for n in range(WHOLE_FROM + 50)
    ]  # fmt: skip
    router.lines = [line for number, line in enumerate(lines) if number % 5]
    look = look_at(router)
    found = await seen(look, *lines)
    assert len(router.asked) == 3
    for number, one in enumerate(found):
        assert one is not None
        if number % 5 == 0:
            assert one.presence is Presence.GONE
        else:
            wall = frozenset({"isolir"}) if number % 3 == 0 else frozenset()
            assert one[2:4] == (((number + 1) * 1000, (number + 2) * 1000), wall)
    few = await seen(look, *lines[:40])
    assert [one and (one[0], *one[2:]) for one in few] == [one and (one[0], *one[2:]) for one in found[:40]]


async def test_of_many_sessions_a_prefix_on_the_list_counts_for_who_is_in_it(router: FakeRouter) -> None:
    lines = [Line(f"u{n}", f"0x81{n:06x}", address=f"100.64.0.{n}") for n in range(WHOLE_FROM)]
    router.lines = lines
    router.store["/ip/firewall/address-list"].add({"list": "isolir", "address": "100.64.0.64/26"})
    found = await seen(look_at(router), *lines)
    assert [bool(one and one.lists) for one in found] == [64 <= n < 128 for n in range(WHOLE_FROM)]


async def test_what_a_router_refuses_to_show_is_unknown_and_remembered(router: FakeRouter) -> None:
    line = Line("budi", rate_limit="1M/2M")
    router.lines = [line]
    router.faults.refuse_command = "/queue/simple/print"
    look = look_at(router)
    (one,) = await seen(look, line)
    assert one is not None
    assert (one.presence, one.rate_bps, one.lists) == (Presence.THERE, None, frozenset())
    assert "not enough permissions" in look.refused[NAS]["/queue/simple/print"]
    router.faults.refuse_command = "/ppp/active/print"
    assert await seen(look, line) == [None]
    router.faults.refuse_command = None
    (one,) = await seen(look, line)
    assert one is not None
    assert one.rate_bps == (1_000_000, 2_000_000)
    assert look.refused[NAS] == {}


@pytest.mark.parametrize("fault", ["silent", "fatal", "garbage", "break_after"])
async def test_a_router_that_can_t_be_asked_tells_nothing_in_bounded_time(router: FakeRouter, fault: str) -> None:
    line = Line("budi", rate_limit="1M/2M")
    router.lines = [line]
    values: dict[str, Any] = {"silent": True, "fatal": True, "garbage": b"\xff" * 64, "break_after": 20}
    setattr(router.faults, fault, values[fault])
    async with asyncio.timeout(5):
        assert await seen(look_at(router, timeout_seconds=0.2), line) == [None]


async def test_a_long_answer_does_not_keep_the_event_loop_from_others(router: FakeRouter) -> None:
    router.lines = [
        Line(f"user-{n:05}", f"0x81{n:06x}", address=f"100.{64 + n // 65536}.{n // 256 % 256}.{n % 256}")
        for n in range(4000)
    ]
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.perf_counter())
            await asyncio.sleep(0)

    connection = connected(router, 30)
    await connection.rows("/system/identity/print")
    beating = asyncio.ensure_future(beat())
    rows = await connection.rows("/ppp/active/print", "=.proplist=name,address,session-id,service,caller-id")
    beating.cancel()
    assert len(rows) == 4000
    assert len(beats) > 4000 / 50  # whoever else wants to run did so after each fifty rows, and oftener


@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_rates_are_understood_plain_and_with_a_suffix(up_bps: int, down_bps: int) -> None:
    assert rate_pair(f"{up_bps}/{down_bps}") == (up_bps, down_bps)
    for suffix, factor in (("k", 10**3), ("M", 10**6), ("G", 10**9)):
        assert rate_pair(f"{up_bps // factor}{suffix}/{down_bps}") == (up_bps // factor * factor, down_bps)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("0/0", (0, 0)),
        ("unlimited/10M", (0, 10_000_000)),
        ("1.5M/512k", (1_500_000, 512_000)),
        ("10Mbps/2Mbps", (10_000_000, 2_000_000)),
        ("5M", (5_000_000, 5_000_000)),
        ("", None),
        ("fast/slow", None),
        ("1M/2M/3M", None),
    ],
)
def test_other_ways_to_write_a_rate_are_known_or_unknown(text: str, rates: tuple[int, int] | None) -> None:
    assert rate_pair(text) == rates
