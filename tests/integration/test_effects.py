"""Seconds from cause to seen effect, on record for every change that needs a NAS; on both databases."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import desired, effects, observed, services, sessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.follow_effects import FollowEffects
from netbilld.services.order_book import AttemptEnd, NewAttempt
from tests.enforcement_world import NOW, World
from tests.static_town import static_town


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def suspended(world: World, service_id: UUID, at: datetime, cause: str = "subscriber.suspend") -> None:
    """Let a service be walled by a command given half a second before."""

    await world.set(services, services.c.id == service_id, status="suspended")
    await world.entitle().run([service_id], cause, at, {service_id: at - timedelta(seconds=0.5)})


async def resumed(world: World, service_id: UUID, at: datetime) -> None:

    await world.set(services, services.c.id == service_id, status="active")
    await world.entitle().run([service_id], "payment.add", at, {service_id: at - timedelta(seconds=0.25)})


async def order(world: World, session_id: int, service_id: UUID, nas_id: UUID, sent_at: datetime) -> int:
    due = await world.due(service_id)
    new = NewAttempt(
        session_id, service_id, nas_id, "disconnect", due["access"], due["reason"], due["profile_key"],
        due["since_at"], sent_at,
    )  # fmt: skip
    async with world.database.write() as work:
        (attempt_id,) = await work.enforcement.begin_attempts([new])
        await work.enforcement.end_attempts([AttemptEnd(attempt_id, "acked", sent_at + timedelta(seconds=0.1))])
    return attempt_id


async def rows(world: World) -> list[dict[str, Any]]:
    return await world.rows(effects)


async def follow(world: World, now: datetime) -> FollowEffects:
    world.clock.at = now
    following = FollowEffects(world.database, world.clock)
    await following.look()
    return following


async def test_a_change_that_needs_a_nas_is_on_record_with_its_causes_own_time(world: World) -> None:
    service_id, offline = await world.add_service("budi"), await world.add_service("siti")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    await world.log_in(nas_id, service_id, "budi")
    await suspended(world, service_id, after(10))
    await suspended(world, offline, after(10))
    (row,) = await rows(world)
    assert (row["service_id"], row["nas_id"], row["kind"], row["access"]) == (service_id, nas_id, "command", "walled")
    assert (row["cause_at"], row["due_at"], row["is_return"], row["ending"]) == (after(9.5), after(10), False, None)


async def test_what_time_brings_about_has_the_edge_for_its_cause(world: World) -> None:

    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    await world.log_in(await world.add_nas("pop1", "192.0.2.1", 3799), service_id, "budi")
    await world.set(desired, desired.c.service_id == service_id, until_at=after(60))
    await world.set(services, services.c.id == service_id, status="suspended")
    await world.entitle().run_due(after(60.8))
    (row,) = await rows(world)
    assert (row["kind"], row["cause_at"], row["due_at"]) == ("calendar", after(60), after(60.8))


async def test_a_payment_is_followed_from_its_record_to_the_service_that_is_back(world: World) -> None:
    """BANG-2.4e."""
    service_id = await world.add_service("budi", status="suspended")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    walled = await world.log_in(nas_id, service_id, "budi")
    await resumed(world, service_id, after(10))
    await order(world, walled, service_id, nas_id, after(10.25))
    following = await follow(world, after(11))
    (row,) = await rows(world)
    assert (row["is_return"], row["sent_at"], row["gone_at"], row["ending"]) == (True, after(10.25), None, None)
    world.clock.at = after(11.5)
    await world.log_out(walled)
    async with world.database.write() as work:
        await work.enforcement.settle([walled], after(11.5))
    following.heard([service_id])
    await following.step()
    (row,) = await rows(world)
    assert (row["gone_at"], row["seen_at"], row["ending"]) == (after(11.5), None, None)
    world.clock.at = after(40)
    await world.log_in(nas_id, service_id, "budi")
    following = await follow(world, after(40.5))  # another process
    (row,) = await rows(world)
    assert (row["returned_at"], row["seen_at"], row["evidence"], row["ending"]) == (
        after(40),
        after(40.5),
        "login",
        "seen",
    )
    assert following.waiting == 0
    assert following.seconds["payment", "seen"].count == 1
    async with world.database.read() as work:
        (timed,) = await work.effects.seen_since(NOW, 10)
        changes = await work.history.of_services([service_id], 10)
    assert (timed.cause, timed.nas, timed.cause_at) == ("payment", "pop1", after(9.75))
    assert [step.what for step in changes[0].steps] == ["due", "sent", "acked", "gone", "back", "seen"]
    assert changes[0].seen_seconds == 30.75


async def test_what_is_due_no_longer_is_no_longer_waited_for(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    session_id = await world.log_in(await world.add_nas("pop1", "192.0.2.1", 3799), service_id, "budi")
    await suspended(world, service_id, after(10))
    await resumed(world, service_id, after(12))
    await follow(world, after(13))
    (row,) = await rows(world)
    assert (row["session_id"], row["access"], row["ending"]) == (session_id, "walled", "superseded")


async def test_a_rate_read_back_is_seen_when_it_was(world: World) -> None:
    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    session_id = await world.log_in(nas_id, service_id, "budi")
    await world.use(service_id, 2 * 10**9)
    await world.entitle().run([service_id], "usage", after(5), {service_id: after(4)})
    due = await world.due(service_id)
    new = NewAttempt(
        session_id, service_id, nas_id, "coa", "throttled", "fair_use", due["profile_key"], after(5), after(5.1)
    )
    async with world.database.write() as work:
        (attempt_id,) = await work.enforcement.begin_attempts([new])
        await work.enforcement.end_attempts([AttemptEnd(attempt_id, "acked", after(5.2))])
    await world.set(
        observed,
        observed.c.session_id == session_id,
        profile_key=due["profile_key"],
        evidence="ack",
        observed_at=after(5.2),
    )
    await follow(world, after(6))
    (row,) = await rows(world)
    assert (row["kind"], row["acknowledged_at"], row["seen_at"]) == ("quota", after(5.2), None)
    await world.set(observed, observed.c.session_id == session_id, evidence="api", observed_at=after(5.9))
    await follow(world, after(7))
    (row,) = await rows(world)
    assert (row["seen_at"], row["evidence"], row["ending"]) == (after(5.9), "api", "seen")


async def test_only_what_is_over_is_let_go_of(world: World) -> None:
    first, second = await world.add_service("budi"), await world.add_service("siti")
    await world.entitle().run(None, "start", NOW)
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    for service_id, name in ((first, "budi"), (second, "siti")):
        await world.log_in(nas_id, service_id, name)
        await suspended(world, service_id, after(10))
    await world.set(sessions, sessions.c.service_id == first, stopped_at=after(11))
    await follow(world, after(12))
    assert [row["ending"] for row in await rows(world)] == ["needless", None]
    async with world.database.write() as work:
        assert await work.effects.prune(after(10)) == 0
        assert await work.effects.prune(after(20)) == 1
        assert await work.effects.endings_since(NOW) == {"waited_for": 1}


async def test_a_line_with_a_fixed_address_is_seen_when_it_is_read_back(database: Database, box: SecretBox) -> None:
    async with static_town(database, box) as town:
        budi = await town.subscriber("budi", "10.0.0.5")
        await town.turn()
        follow = FollowEffects(town.world.database, town.clock)
        await follow.look()
        await town.world.use(budi, 10**9)
        town.clock.pass_time(seconds=60)
        await town.decide("budi")
        (row,) = [row for row in await town.world.rows(effects) if row["ending"] is None]
        assert (row["access"], row["session_id"], row["sent_at"]) == ("throttled", None, None)
        town.clock.pass_time(seconds=1)
        await town.turn()
        await follow.look()
        row = next(one for one in await town.world.rows(effects) if one["id"] == row["id"])
        assert (row["evidence"], row["ending"]) == ("api", "seen")
        assert row["due_at"] < row["sent_at"] <= row["seen_at"]
        assert follow.waiting == 0
        async with town.world.database.read() as work:
            newest, *_ = await work.history.of_services([budi], 5)
        assert [step.what for step in newest.steps] == ["due", "sent", "seen"]
