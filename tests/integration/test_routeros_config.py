"""How a router is set, read over its API: old and new words, what is refused, and what is not there."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_config import RouterosConfig
from netbilld.enforcement.doctor.facts import RouterFacts
from netbilld.model.api_address import parse_api_address
from netbilld.model.nas import Nas
from tests.routeros.fake_router import VERSION, VERSION_6, FakeRouter
from tests.routeros.terminal import Terminal

NOW = datetime(2026, 3, 4, 11, 23, 45, tzinfo=UTC)
SECRET = b"rahasia-radius"
SET = """
/radius add address=192.0.2.10 secret=rahasia-radius service=ppp,hotspot src-address=192.0.2.1
/radius add address=192.0.2.11 secret=another service=dhcp disabled=yes
/ip address add address=192.0.2.1/24 interface=ether1
/ip pool add name=isolir ranges=100.127.0.2-100.127.255.254
/ip firewall filter add chain=forward action=fasttrack-connection connection-state=established,related
/ppp aaa set use-radius=yes
"""


async def read(router: FakeRouter, **changed: Any) -> RouterFacts:
    address = parse_api_address(changed.get("url", router.url))
    assert address is not None
    connection = RouterosConnection(address, timeout_seconds=2, monotonic=time.monotonic, jitter=lambda: 0.5)
    try:
        found = await RouterosConfig(lambda _: connection, lambda: NOW).read(nas(), SECRET)
    finally:
        connection.close()
    assert found is not None
    return found


def nas() -> Nas:
    return Nas(
        uuid4(), "pop1", "pop1", "192.0.2.1/32", b"", "mikrotik", 3799, "auto", None, False, (), None, None, None, None,
        NOW, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "date"), [(VERSION, "2026-03-04"), (VERSION_6, "mar/04/2026"), (VERSION, "jan/01/1970")]
)
async def test_what_is_set_is_read_in_the_words_of_either_version(version: str, date: str) -> None:
    async with FakeRouter(version=version) as router:
        Terminal(router.store).feed(SET)
        clock = {"date": date, "time": "18:23:40", "gmt-offset": "+07:00"}
        router.store["/system/clock"].only.values |= clock
        found = await read(router)
    assert found.trouble is None
    assert found.major == (7 if version == VERSION else 6)
    assert found.refused == ()
    assert found.policies is not None
    assert {"read", "write", "api"} <= found.policies
    entries = found.radius or ()
    assert [(one.address, one.source, one.is_disabled, one.secret_is_ours) for one in entries] == [
        ("192.0.2.10", "192.0.2.1", False, True),
        ("192.0.2.11", None, True, False),
    ]
    assert found.incoming == (True, 3799)
    assert found.addresses == frozenset(("192.0.2.1",))
    assert found.ppp == (True, True)
    assert found.hotspots == 0
    assert found.pools == frozenset(("isolir",))
    assert [rule["action"] for rule in found.filter or ()] == ["fasttrack-connection"]
    assert found.nat == ()
    off = found.clock_off_seconds
    assert off is not None
    assert off == 5 if "2026" in date else off > timedelta(days=365 * 50).total_seconds()


async def test_who_may_not_see_secrets_can_t_tell_whether_ours_is_right() -> None:
    async with FakeRouter() as router:
        Terminal(router.store).feed(
            f"{SET}\n/user group add name=few policy=read,api\n/user add name=looker group=few password=rahasia"
        )
        found = await read(router, url=router.url.replace("netbilld:", "looker:"))
    assert found.policies == frozenset(("read", "api"))
    assert [entry.secret_is_ours for entry in found.radius or ()] == [None, None]


async def test_a_menu_that_is_refused_is_named_and_the_rest_is_read() -> None:
    async with FakeRouter() as router:
        Terminal(router.store).feed(SET)
        router.faults.refuse_command = "/ip/firewall/filter/print"
        found = await read(router)
    assert found.refused == ("/ip/firewall/filter",)
    assert found.filter is None
    assert found.pools == frozenset(("isolir",))


async def test_a_menu_that_is_not_there_is_no_fault() -> None:
    async with FakeRouter() as router:
        for path in [path for path in router.store.tables if path.startswith("/ip/hotspot")]:
            del router.store.tables[path]
        found = await read(router)
    assert found.refused == ()
    assert found.hotspots is None
    assert found.trouble is None


async def test_hotspots_are_told_of_where_all_of_them_ask_radius() -> None:
    async with FakeRouter() as router:
        Terminal(router.store).feed(
            "/ip hotspot add name=one interface=ether1 profile=default\n/ip hotspot profile set default use-radius=yes"
        )
        found = await read(router)
        assert (found.hotspots, found.hotspots_use_radius) == (1, True)
        Terminal(router.store).feed(
            "/ip hotspot profile add name=alone\n/ip hotspot add name=two interface=ether2 profile=alone"
        )
        found = await read(router)
    assert (found.hotspots, found.hotspots_use_radius) == (2, False)


@pytest.mark.parametrize("fault", ["fatal", "silent"])
async def test_a_router_that_can_t_be_asked_says_why(fault: str) -> None:
    async with FakeRouter() as router:
        setattr(router.faults, fault, True)
        found = await read(router)
    assert found.trouble
    assert "rahasia" not in found.trouble
    assert found.pools is None
