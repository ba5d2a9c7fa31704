"""Addresses from our own pools, on both databases: sticky, exact, released when it is known, held when it is not."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import delete

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import address_leases, services
from netbilld.cli.address_checks import check_addresses
from netbilld.model.errors import StoreUnavailableError
from netbilld.radius.terms import AccessTerms
from netbilld.services import assign_addresses
from tests.address_world import NOW, Node, World, pool, said

A, B = "AA:00:00:00:00:01", "AA:00:00:00:00:02"


@pytest.fixture
async def nodes() -> AsyncIterator[list[Node]]:
    started: list[Node] = []
    yield started
    for node in started:
        await node.stop()


@pytest.fixture
async def world(database: Database) -> World:
    return World(database)


async def begin(world: World, nodes: list[Node], count: int = 1) -> list[Node]:
    for _ in range(count):
        node = world.node()
        await node.start()
        nodes.append(node)
    return nodes


async def settle(node: Node, *session_ids: int, restarted: dict[UUID, object] | None = None) -> None:
    node.settle.note(session_ids, (), restarted or {})  # type: ignore[arg-type]  # instants
    await node.settle.run(node.world.clock.now(), NOW)


async def test_an_address_is_written_before_it_is_given_and_is_in_use_once_a_start_has_come(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(1, pool("Home", "10.0.0.0/29", "ipv4", None, "10.0.0.0"))
    (node,) = await begin(world, nodes)
    service = world.service_ids[0]
    assert await node.address(service, A) == "10.0.0.1"
    (lease,) = await world.leases()
    assert (lease.address, lease.service_id, lease.session_key) == ("10.0.0.1", service, A)
    assert lease.held_until_at is not None
    await settle(node, await world.session(service, "10.0.0.1", A))
    (lease,) = await world.leases()
    assert (lease.held_until_at, lease.released_at) == (None, None)


async def test_a_service_gets_its_address_back_while_nobody_else_needs_it(world: World, nodes: list[Node]) -> None:
    await world.fill(4, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    first = [await node.address(service, A) for service in world.service_ids[:3]]
    session = await world.session(world.service_ids[1], first[1], A)
    await settle(node, session)
    await world.stop_session(session)
    await settle(node, session)
    assert first[1] not in await world.live()
    assert await node.address(world.service_ids[3], A) == "10.0.0.3"  # never given before: the remembered one stays
    assert await node.address(world.service_ids[1], B) == first[1]


async def test_the_address_that_has_been_free_for_longest_goes_first_when_none_is_new(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(5, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    held = {service: await node.address(service, A) for service in world.service_ids[:4]}
    assert len(set(held.values())) == 4
    assert await node.address(world.service_ids[4], A) == "pool_full"
    for service in (world.service_ids[2], world.service_ids[0]):
        session = await world.session(service, held[service], A)
        await settle(node, session)
        world.clock.pass_time(seconds=1)
        await world.stop_session(session)
        await settle(node, session)
    assert await node.address(world.service_ids[4], A) == held[world.service_ids[2]]


async def test_a_full_pool_is_refused_with_a_message_and_the_pools_name(world: World, nodes: list[Node]) -> None:
    await world.fill(2, pool("Home", "10.0.0.7/32"))
    (node,) = await begin(world, nodes)
    await node.address(world.service_ids[0], A)
    refused = await node.ask(world.service_ids[1], A)
    assert (refused.reason, refused.detail) == ("pool_full", "pool Home is full")
    assert b"No network address is free" in refused.attributes
    assert node.assign.counters.refused_full == 1


async def test_two_sessions_of_one_service_never_share_an_address_but_a_reconnect_takes_its_own_again(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(1, pool("home", "10.0.0.0/24"))
    (node,) = await begin(world, nodes)
    service = world.service_ids[0]
    first = await node.address(service, A)
    await settle(node, await world.session(service, first, A))
    second = await node.address(service, B)
    assert second != first
    assert await node.address(service, A) == first  # the same station, its Stop still under way
    assert await node.address(service, A, nas_id=world.nas_ids[0]) == first
    assert len(await world.live()) == 2


async def test_the_stop_of_an_old_session_does_not_free_what_its_reconnect_was_given(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(2, pool("home", "10.0.0.7/32"))
    (node,) = await begin(world, nodes)
    service = world.service_ids[0]
    old = await world.session(service, await node.address(service, A), A)
    await settle(node, old)
    assert await node.address(service, A) == "10.0.0.7"
    await world.stop_session(old)
    await settle(node, old)
    assert await world.live() == ["10.0.0.7"]
    assert await node.address(world.service_ids[1], A) == "pool_full"
    new = await world.session(service, "10.0.0.7", A)
    await settle(node, new)
    await world.stop_session(new)
    await settle(node, new)
    assert await node.address(world.service_ids[1], A) == "10.0.0.7"


async def test_an_accept_without_a_start_is_held_for_a_while_and_not_longer(world: World, nodes: list[Node]) -> None:
    await world.fill(1, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    await node.address(world.service_ids[0], A)
    world.clock.pass_time(seconds=119)
    await node.settle.sweep(world.clock.now(), NOW)
    assert len(await world.live()) == 1
    world.clock.pass_time(seconds=2)
    await node.settle.sweep(world.clock.now(), NOW)  # the NAS has said nothing since: a Start may wait there
    assert len(await world.live()) == 1
    await world.heard()
    await node.settle.sweep(world.clock.now(), world.clock.now())  # metering is behind: a Start may wait here
    assert len(await world.live()) == 1
    await node.settle.sweep(world.clock.now(), NOW)
    assert await world.live() == []


async def test_a_session_presumed_over_frees_its_address_once_its_nas_has_spoken_on(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(1, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    session = await world.session(world.service_ids[0], await node.address(world.service_ids[0], A), A)
    await settle(node, session)
    world.clock.pass_time(minutes=16)
    await world.heard()
    await world.stop_session(session, "stale")
    await settle(node, session)
    assert await world.live() == []


async def test_the_sessions_of_a_silent_nas_hold_their_addresses_until_it_has_spoken_again(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(2, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    held = [await node.address(service, A) for service in world.service_ids]
    open_sessions = [await world.session(s, ip, A) for s, ip in zip(world.service_ids, held, strict=True)]
    await settle(node, *open_sessions)
    world.clock.pass_time(minutes=16)
    await node.settle.sweep(world.clock.now(), NOW)
    for session in open_sessions:
        await world.stop_session(session, "stale")
    await settle(node, *open_sessions)
    world.clock.pass_time(hours=5)
    await node.settle.sweep(world.clock.now(), NOW)
    assert len(await world.live()) == 2
    await world.heard()  # it is back, and one of the two speaks again
    await world.change_session(open_sessions[0], state="live", stopped_at=None, updated_at=world.clock.now())
    await node.settle.sweep(world.clock.now(), NOW)
    assert len(await world.live()) == 2
    world.clock.pass_time(minutes=11)
    await world.heard()
    await world.change_session(open_sessions[0], updated_at=world.clock.now())
    await node.settle.sweep(world.clock.now(), NOW)
    await node.settle.sweep(world.clock.now(), NOW)
    assert await world.live() == [held[0]]


async def test_a_nas_that_stays_silent_loses_its_hold_after_a_long_while(world: World, nodes: list[Node]) -> None:
    await world.fill(1, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    session = await world.session(world.service_ids[0], await node.address(world.service_ids[0], A), A)
    await settle(node, session)
    world.clock.pass_time(minutes=16)
    await world.stop_session(session, "stale")
    await node.settle.sweep(world.clock.now(), NOW)
    assert len(await world.live()) == 1
    world.clock.pass_time(hours=24)
    await node.settle.sweep(world.clock.now(), NOW)
    assert await world.live() == []


async def test_accounting_on_frees_what_a_silent_nas_held(world: World, nodes: list[Node]) -> None:
    await world.fill(1, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    session = await world.session(world.service_ids[0], await node.address(world.service_ids[0], A), A)
    await settle(node, session)
    world.clock.pass_time(minutes=16)
    await world.stop_session(session, "stale")
    await node.settle.sweep(world.clock.now(), NOW)
    world.clock.pass_time(hours=1)
    await settle(node, restarted={world.nas_ids[0]: world.clock.now()})
    assert await world.live() == []


async def test_prefixes_a_nas_never_reports_are_kept_for_as_long_as_the_session_of_the_station(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(
        1,
        pool("home", "10.0.0.0/24"),
        pool("link", "2001:db8:1::/48", "ipv6_prefix", 64),
        pool("lan", "2001:db8:2::/48", "delegated", 56),
    )
    (node,) = await begin(world, nodes)
    terms = AccessTerms(pool="home", ipv6_pool="link", delegated_pool="lan")
    given = await node.address(world.service_ids[0], A, terms=terms)
    assert given == "10.0.0.0 2001:db8:1::/64 2001:db8:2::/56"
    session = await world.session(world.service_ids[0], "10.0.0.0", A)
    await settle(node, session)
    world.clock.pass_time(hours=3)
    await node.settle.sweep(world.clock.now(), NOW)
    assert len(await world.live()) == 3
    await world.stop_session(session)
    await settle(node, session)
    assert await world.live() == []


async def test_an_address_seen_without_a_lease_is_taken_and_one_that_is_anothers_is_a_conflict(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(3, pool("home", "10.0.0.0/30"))
    (node,) = await begin(world, nodes)
    await settle(node, await world.session(world.service_ids[0], "10.0.0.0", A))
    assert await world.live() == ["10.0.0.0"]
    assert await node.address(world.service_ids[1], A) == "10.0.0.1"
    await settle(node, await world.session(world.service_ids[2], "10.0.0.1", B))
    assert node.settle.counters.conflicts == 1
    await node.settle.check_all(world.clock.now(), NOW)
    assert (node.settle.counters.conflicts, len(node.settle.conflicts)) == (1, 1)


async def test_several_processes_that_race_for_one_pool_double_no_address(world: World, nodes: list[Node]) -> None:
    await world.fill(400, pool("home", "10.0.0.0/23"))
    racing = await begin(world, nodes, 3)
    asked = [racing[number % 3].ask(service, A) for number, service in enumerate(world.service_ids)]
    given = [said(decision) for decision in await asyncio.gather(*asked)]
    assert "pool_full" not in given
    assert len(set(given)) == 400
    assert sum(node.assign.counters.lost_races for node in racing) > 0
    assert {lease.address: lease.service_id for lease in await world.leases()} == dict(
        zip(given, world.service_ids, strict=True)
    )


async def test_thousands_at_once_all_get_an_address_of_their_own(world: World, nodes: list[Node]) -> None:
    await world.fill(3_000, pool("home", "10.0.0.0/20"))
    for number in range(2):
        node = world.node(start=number / 2)
        await node.start()
        nodes.append(node)
    asked = [nodes[number % 2].ask(service, A) for number, service in enumerate(world.service_ids)]
    given = {said(decision) for decision in await asyncio.gather(*asked)}
    assert len(given) == 3_000
    assert len(await world.live()) == 3_000


async def test_doctor_tells_of_full_pools_conflicts_and_silent_nas(world: World, nodes: list[Node]) -> None:
    await world.fill(2, pool("home", "10.0.0.7/32"))
    (node,) = await begin(world, nodes)
    await node.address(world.service_ids[0], A)
    await world.session(world.service_ids[1], "10.0.0.7", B)
    world.clock.pass_time(minutes=20)
    await node.settle.sweep(world.clock.now(), NOW)
    found = [(check.name, check.result) for check in await check_addresses(world.database)]
    assert found == [("pool home", "warn"), ("pool home", "fail"), ("nas pop0", "warn")]


async def test_the_last_address_goes_to_one_of_several_processes(world: World, nodes: list[Node]) -> None:
    await world.fill(6, pool("home", "10.0.0.0/31"))
    racing = await begin(world, nodes, 3)
    asked = [racing[number % 3].ask(service, A) for number, service in enumerate(world.service_ids)]
    given = sorted(said(decision) for decision in await asyncio.gather(*asked))
    assert given == ["10.0.0.0", "10.0.0.1"] + ["pool_full"] * 4


async def test_what_another_process_freed_is_found_before_anyone_is_refused(world: World, nodes: list[Node]) -> None:
    await world.fill(2, pool("home", "10.0.0.7/32"))
    one, other = await begin(world, nodes, 2)
    session = await world.session(world.service_ids[0], await one.address(world.service_ids[0], A), A)
    await settle(one, session)
    await other.book.refresh()
    await world.stop_session(session)
    await settle(one, session)
    assert await other.address(world.service_ids[1], A) == "10.0.0.7"


async def test_while_the_database_is_away_addresses_remembered_are_given_and_new_ones_refused(
    world: World, nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.fill(3, pool("home", "10.0.0.0/29"))
    (node,) = await begin(world, nodes)
    known, fresh, later = world.service_ids
    address = await node.address(known, A)
    write = world.database.write

    def away() -> None:
        raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(world.database, "write", away)
    assert await node.address(fresh, A) == "pool_unavailable"
    assert await node.address(known, A) == address
    assert node.assign.counters.given_unwritten == 1
    refused = await node.ask(later, A)
    assert (refused.reason, refused.detail) == ("pool_unavailable", "the database is away")
    monkeypatch.setattr(world.database, "write", write)
    async with asyncio.timeout(5):
        while await node.address(fresh, A) == "pool_unavailable":
            await asyncio.sleep(0.05)
    assert node.assign.unwritten == 0


async def test_a_lease_that_can_not_be_stored_once_the_database_is_back_is_given_up_and_costs_no_other(
    world: World, nodes: list[Node], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.fill(3, pool("home", "10.0.0.0/29"))
    (node,) = await begin(world, nodes)
    gone = world.service_ids[1]
    held = [await node.address(service, A) for service in world.service_ids]
    write = world.database.write

    def away() -> None:
        raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(world.database, "write", away)
    assert [await node.address(service, A) for service in world.service_ids] == held
    assert node.assign.unwritten == 3
    async with write() as work:  # as after a restore of an older copy: no row of theirs, and one service unknown
        await work.connection.execute(delete(address_leases))
        await work.connection.execute(delete(services).where(services.c.id == gone))
    monkeypatch.setattr(world.database, "write", write)
    async with asyncio.timeout(10):
        while node.assign.unwritten:
            await asyncio.sleep(0.05)
    assert await world.live() == [held[0], held[2]]
    said_of_it = [record.getMessage() for record in caplog.records if held[1] in record.getMessage()]
    assert said_of_it == [f"{held[1]}, given while the database was away, can't be written down"]
    assert await node.address(world.service_ids[0], A) == held[0]


async def test_a_service_that_is_gone_from_the_database_harms_no_other_log_in(world: World, nodes: list[Node]) -> None:
    await world.fill(2, pool("home", "10.0.0.0/29"))
    (node,) = await begin(world, nodes)
    ghost = UUID(int=99)
    asked = [node.ask(service, A) for service in (world.service_ids[0], ghost, world.service_ids[1])]
    given = [said(decision) for decision in await asyncio.gather(*asked)]
    assert given[1] == "pool_unavailable"
    assert len({given[0], given[2], "pool_unavailable"}) == 3


async def test_a_log_in_is_refused_where_too_many_wait_and_where_its_nas_has_turned_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.fill(3, pool("home", "10.0.0.0/29"))
    node = world.node()
    await node.book.load()
    monkeypatch.setattr(assign_addresses, "MAX_WAITING", 1)
    first = node.ask(world.service_ids[0], A)
    second = await node.ask(world.service_ids[1], A)
    assert (second.reason, second.detail) == ("pool_unavailable", "too many log-ins wait for an address")
    await node.assign.flush()
    assert said(await first) == "10.0.0.0"
    monkeypatch.setattr(assign_addresses, "ANSWER_SECONDS", -1.0)
    late = node.ask(world.service_ids[2], A)
    await node.assign.flush()
    assert ((await late).reason, (await late).detail) == ("pool_unavailable", "no address was got in time")
    assert await world.live() == ["10.0.0.0"]
    assert node.assign.counters.refused_unavailable == 2


async def test_an_address_excluded_meanwhile_is_not_given_by_who_has_not_heard_of_it(
    world: World, nodes: list[Node]
) -> None:
    await world.fill(1, home := pool("home", "10.0.0.0/29"))
    (node,) = await begin(world, nodes)
    async with world.database.write() as work:
        await work.addresses.change(home.id, {"excluded": ["10.0.0.0-10.0.0.5"]})
    assert await node.address(world.service_ids[0], A) == "10.0.0.6"
    async with world.database.write() as work:
        await work.addresses.change(home.id, {"removed_at": NOW})
    assert await node.address(world.service_ids[0], B) == "pool_unavailable"
