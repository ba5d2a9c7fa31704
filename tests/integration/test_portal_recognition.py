"""Who the portal takes a request for: real source addresses on loopback, against the store."""

from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from tests.portal_client import browser
from tests.portal_world import ADDRESS, SITE, Person, World

MARK = "budi-di-desa"  # in the plan's name: seen by whoever sees the balance


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


async def subscriber(world: World, username: str = "budi@desa", mark: str = MARK) -> Person:
    person = await world.person(username, plan_name=f"Paket {mark}")
    await world.due(person, Access.ACTIVE, "ok")
    return person


async def seen_from(url: str, source: str, headers: dict[str, str] | None = None) -> str:
    """Return what every page without a log-in says to that address, together."""
    async with browser(source, headers) as client:
        text = ""
        for path in ("/", "/isolir", "/capport"):
            async with client.get(url + path, allow_redirects=False) as answer:
                text += await answer.text()
    return text


def is_stranger(text: str) -> bool:
    """Return whether pages showed nobody's data: forms to sign in, and a captive answer without limits."""
    return MARK not in text and text.count('name="password"') == 2 and '"captive": true' in text


async def test_the_one_live_session_is_recognised_by_its_source_address(world: World) -> None:
    person = await subscriber(world)
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url:
        text = await seen_from(url, ADDRESS)
        assert MARK in text
        assert '"captive": false' in text
        assert is_stranger(await seen_from(url, "127.50.5.10"))


async def test_the_short_view_shows_no_name_address_phone_or_user_name(world: World) -> None:
    person = await subscriber(world)
    await world.session(await world.nas("pop1", SITE), person)
    async with world.portal() as url:
        text = await seen_from(url, ADDRESS)
    assert not [secret for secret in ("Budi", "Santoso", "Melati", "0812", "budi@desa", "rahasia") if secret in text]


async def test_an_address_outside_the_declared_prefix_is_a_stranger(world: World) -> None:
    await world.session(await world.nas("pop1", "127.51.0.0/16"), await subscriber(world))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_without_a_declared_source_nobody_is_recognised(world: World) -> None:
    await world.session(await world.nas("pop1"), await subscriber(world))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_a_source_declared_for_another_nas_does_not_count(world: World) -> None:
    north, _south = await world.nas("north"), await world.nas("south", SITE)
    await world.session(north, await subscriber(world))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_overlapping_pools_make_strangers_of_both(world: World) -> None:
    north, south = await world.nas("north", SITE), await world.nas("south", SITE)
    await world.session(north, await subscriber(world))
    await world.session(south, await subscriber(world, "siti@desa"))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_two_sessions_with_one_address_on_one_nas_are_strangers(world: World) -> None:
    nas = await world.nas("north", SITE)
    await world.session(nas, await subscriber(world))
    await world.session(nas, await subscriber(world, "siti@desa"))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_an_unknown_users_session_makes_the_address_ambiguous(world: World) -> None:
    nas = await world.nas("north", SITE)
    await world.session(nas, await subscriber(world))
    await world.session(nas, None)
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_many_subscribers_behind_one_nat_address_are_strangers(world: World) -> None:
    nas = await world.nas("north", SITE)
    await world.session(nas, await subscriber(world), "10.5.50.9")
    await world.session(nas, await subscriber(world, "siti@desa"), "10.5.50.10")
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, "127.50.0.1"))  # the router's own address, in the declared prefix


@pytest.mark.parametrize("state", ["late", "stale", "closed"])
async def test_a_session_that_may_be_over_is_not_recognised(world: World, state: str) -> None:
    await world.session(await world.nas("north", SITE), await subscriber(world), state=state)
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


async def test_an_address_that_was_given_out_again_belongs_to_the_new_session(world: World) -> None:
    nas = await world.nas("north", SITE)
    await world.session(nas, await subscriber(world, "siti@desa", "orang-lain"), state="stale")
    await world.session(nas, await subscriber(world))
    async with world.portal() as url:
        text = await seen_from(url, ADDRESS)
    assert MARK in text
    assert "orang-lain" not in text


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP"],
)
async def test_a_forged_header_recognises_nobody(world: World, header: str) -> None:
    await world.session(await world.nas("north", SITE), await subscriber(world))
    value = f"for={ADDRESS}" if header == "Forwarded" else ADDRESS
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, "127.9.9.9", {header: value}))


async def test_behind_a_trusted_proxy_only_the_hop_it_saw_counts(world: World) -> None:
    await world.session(await world.nas("north", SITE), await subscriber(world))
    async with world.portal(trusted_proxies=("127.0.0.1",)) as url:
        assert MARK in await seen_from(url, "127.0.0.1", {"X-Forwarded-For": ADDRESS})
        assert is_stranger(await seen_from(url, "127.0.0.1", {"X-Forwarded-For": f"{ADDRESS}, 203.0.113.7"}))
        assert is_stranger(await seen_from(url, "127.0.0.1"))
        assert is_stranger(await seen_from(url, "127.9.9.9", {"X-Forwarded-For": ADDRESS}))


async def test_a_removed_nas_vouches_for_nobody(world: World) -> None:
    nas = await world.nas("north", SITE)
    await world.session(nas, await subscriber(world))
    async with world.database.write() as work:
        await work.connection.execute(update(tables.nas).values(removed_at=world.now))
    async with world.portal() as url:
        assert is_stranger(await seen_from(url, ADDRESS))


@pytest.mark.parametrize("column", ["ipv6_prefix", "delegated_prefix"])
async def test_an_ipv6_host_is_known_by_the_prefix_of_the_one_session_that_has_it(world: World, column: str) -> None:
    nas = await world.nas("pop1", "2001:db8::/32")
    length = {"ipv6_prefix": 64, "delegated_prefix": 56}[column]
    prefix: dict[str, Any] = {column: f"2001:db8:7:100::/{length}"}
    await world.session(nas, await subscriber(world), None, **prefix)
    async with world.portal(trusted_proxies=("127.0.0.1",)) as url:
        for source, known in (
            ("2001:db8:7:100:a:b:c:d", True),
            ("2001:db8:7:1ff::1", length == 56),
            ("2001:db8:7:200::1", False),
            ("2001:db8::1", False),
            ("::1", False),
        ):
            text = await seen_from(url, "127.0.0.1", {"X-Forwarded-For": source})
            assert (MARK in text) is known, source
            assert known or is_stranger(text)


async def test_an_ipv6_prefix_of_two_sessions_or_outside_the_declared_one_is_nobodys(world: World) -> None:
    prefix: dict[str, Any] = {"ipv6_prefix": "2001:db8:7:100::/64"}
    here, there = await world.nas("pop1", "2001:db8::/32"), await world.nas("pop2", "2001:db8:ffff::/48")
    await world.session(there, await subscriber(world), None, ipv6_prefix="2001:db8:9::/64")
    async with world.portal(trusted_proxies=("127.0.0.1",)) as url:
        assert is_stranger(await seen_from(url, "127.0.0.1", {"X-Forwarded-For": "2001:db8:9::1"}))
        await world.session(here, await subscriber(world, "siti@desa"), None, **prefix)
        await world.session(here, await subscriber(world, "tono@desa"), None, **prefix)
        assert is_stranger(await seen_from(url, "127.0.0.1", {"X-Forwarded-For": "2001:db8:7:100::1"}))
