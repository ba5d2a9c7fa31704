"""The billing run as processes that are killed, and several at once: everybody is billed once, and the books hold."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from datetime import date

import pytest
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import billed_fees, invoices, outbox
from tests.integration.money_world import World, plan_file

pytestmark = pytest.mark.slow
PEOPLE = 40
DAY = date(2026, 1, 1)
RUN = """
import asyncio, sys
from datetime import UTC, date, datetime
from netbilld.adapters.database.engine import Database
from netbilld.model.actor import Actor
from netbilld.services import run_billing

run_billing.CHUNK = 4

async def main():
    database = Database(sys.argv[1])
    billing = run_billing.RunBilling(database, due_days=10, timezone="Asia/Jakarta")
    await billing.run(
        as_of=date(2026, 1, 1), now=datetime(2026, 1, 1, 2, tzinfo=UTC), actor=Actor("killed", "test"),
        progress=lambda done, total: print(done, flush=True),
    )
    await database.close()

asyncio.run(main())
"""


async def begin(database: Database) -> Process:
    url = database.url.render_as_string(hide_password=False)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, url, stdout=PIPE, stderr=DEVNULL)


async def assert_billed_once(world: World) -> None:
    async with world.database.read() as work:
        count = work.connection.scalar
        assert await count(select(func.count()).select_from(invoices)) == PEOPLE
        assert await count(select(func.count(invoices.c.subscriber_id.distinct()))) == PEOPLE
        assert await count(select(func.count()).select_from(billed_fees)) == PEOPLE
        assert await count(select(func.count()).select_from(outbox)) == PEOPLE
        numbers = sorted((await work.connection.execute(select(invoices.c.number))).scalars())
    assert numbers == [f"INV-202601-{number:06}" for number in range(1, PEOPLE + 1)]
    await world.assert_books_hold()


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    for number in range(PEOPLE):
        await made.person(f"orang{number}", activated_on=DAY)
    return made


async def test_killed_at_any_point_and_run_again_bills_once(world: World) -> None:
    """KAMIL-4, INCA-4: kill -9 in the midst of it, again and again."""
    chance = random.Random(6)
    kills = 0
    for _ in range(12):
        process = await begin(world.database)
        assert process.stdout is not None
        for _ in range(chance.randint(1, 3)):
            await process.stdout.readline()
        await asyncio.sleep(chance.random() * 0.05)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        kills += await process.wait() == -signal.SIGKILL
        await world.assert_books_hold()
        if kills == 2:
            break
    assert kills
    assert await (await begin(world.database)).wait() == 0
    await assert_billed_once(world)


async def test_two_nodes_that_run_at_once_bill_once(world: World) -> None:
    processes = [await begin(world.database) for _ in range(2)]
    assert [await process.wait() for process in processes] == [0, 0]
    await assert_billed_once(world)
