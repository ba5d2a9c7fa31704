"""Messages, steps of dunning and orders are let go after their time; what is owed, open or money stays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.old_records import KINDS
from netbilld.adapters.database.tables import dunning_steps, enforcement_attempts, outbox
from netbilld.services import retire_records
from netbilld.services.retire_records import RetireRecords
from tests.accounting_packets import NAS
from tests.integration.metering_world import add_nas
from tests.integration.money_world import Person, World, plan_file
from tests.integration.rating_world import Shop, online

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=100), NOW - timedelta(days=10)
KEEP = dict.fromkeys(KINDS, timedelta(days=90))


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def ids(database: Database, table: Table) -> list[int]:
    async with database.read() as work:
        return list((await work.connection.execute(select(table.c.id).order_by(table.c.id))).scalars())


async def put(database: Database, table: Table, *rows: dict[str, Any]) -> None:
    async with database.write() as work:
        for number, row in enumerate(rows, 1):
            await work.connection.execute(insert(table).values(id=number, **row))


async def test_messages_that_are_over_go_and_those_still_to_be_sent_stay(world: World) -> None:
    """INCA-24: settings for retention."""
    who = await world.person("budi", activated_on=date(2026, 1, 1))

    def message(at: datetime, state: str, **more: Any) -> dict[str, Any]:
        about = {"kind": "reminder", "subscriber_id": who.subscriber_id, "context": {}, "attempts": 0}
        return {**about, "dedupe_key": f"{at}{state}", "state": state, "created_at": at, "next_at": at,
                "expires_at": at, **more}  # fmt: skip

    await put(
        world.database,
        outbox,
        message(OLD, "sent", ended_at=OLD),
        message(OLD, "queued"),
        message(OLD, "dead", ended_at=OLD),
        message(YOUNG, "sent", ended_at=YOUNG),
    )
    assert await RetireRecords(world.database, KEEP).run(NOW) == {"messages": 2, "dunning": 0, "orders": 0}
    assert await ids(world.database, outbox) == [2, 4]
    assert await RetireRecords(world.database, KEEP).run(NOW) == {"messages": 0, "dunning": 0, "orders": 0}


async def test_steps_of_dunning_stay_as_long_as_anything_is_owed(world: World) -> None:
    owes = await world.person("budi", activated_on=date(2026, 1, 1))
    paid = await world.person("siti", activated_on=date(2026, 1, 1))
    await world.bill(date(2026, 1, 1))
    await world.pay(paid, 200_000, date(2026, 1, 2))

    def step(who: Person, at: datetime) -> dict[str, Any]:
        return {"key": f"{who.number}{at}", "subscriber_id": who.subscriber_id, "step": "isolir", "outcome": "done",
                "at": at, "details": {}}  # fmt: skip

    await put(world.database, dunning_steps, step(owes, OLD), step(paid, OLD), step(paid, YOUNG))
    assert (await RetireRecords(world.database, KEEP).run(NOW))["dunning"] == 1
    assert await ids(world.database, dunning_steps) == [1, 3]


async def test_orders_go_once_their_session_is_over(world: World) -> None:
    shop = Shop(world.database)
    await add_nas(world.database)
    who = await world.person("budi", activated_on=date(2026, 1, 1))
    await online(shop, who, 1, OLD, OLD, is_open=False)
    await online(shop, who, 2, OLD, OLD, is_open=True)

    def order(session_id: int, at: datetime) -> dict[str, Any]:
        about = {"action": "coa", "access": "active", "reason": "ok", "profile_key": "x", "outcome": "verified"}
        return {**about, "service_id": who.service_id, "session_id": session_id, "nas_id": NAS, "due_at": at,
                "sent_at": at}  # fmt: skip

    await put(world.database, enforcement_attempts, order(1, OLD), order(2, OLD), order(1, YOUNG))
    assert (await RetireRecords(world.database, KEEP).run(NOW))["orders"] == 1
    assert await ids(world.database, enforcement_attempts) == [2, 3]


async def test_however_few_are_looked_at_in_a_transaction_all_that_is_over_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retire_records, "_AT_ONCE", 3)
    who = await world.person("budi", activated_on=date(2026, 1, 1))

    def step(number: int) -> dict[str, Any]:
        return {"key": str(number), "subscriber_id": who.subscriber_id, "step": "isolir", "outcome": "done",
                "at": OLD if number < 10 else YOUNG, "details": {}}  # fmt: skip

    await put(world.database, dunning_steps, *(step(number) for number in range(12)))
    assert (await RetireRecords(world.database, KEEP).run(NOW))["dunning"] == 10
    assert await ids(world.database, dunning_steps) == [11, 12]
