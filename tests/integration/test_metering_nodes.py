"""Two nodes on one PostgreSQL, each with a journal of its own, hear of the same sessions."""

import asyncio
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from tests.integration.metering_world import Metering, add_nas, metering
from tests.integration.money_world import plan_file
from tests.postgres import Cluster


async def _apply_all(m: Metering) -> None:
    while (await m.meter.run_batch()).behind:
        pass


@pytest.mark.peer
@pytest.mark.parametrize("ahead_seconds", [2, 45, -45])
async def test_clocks_of_nodes_that_differ_lose_and_invent_no_octets(
    tmp_path: Path, postgres_cluster: Cluster, postgres_template: str, ahead_seconds: int
) -> None:
    """Each report goes to either node and is dated by that one's clock. What is off by more, NodeClock corrects."""
    url = postgres_cluster.new_database(postgres_template)
    here, there = Database(url), Database(url)
    chance = random.Random(ahead_seconds)
    same: dict[str, Any] = {"session_id": "81200001", "user": "user0", "mac": "AA:BB:CC:00:01:00", "ip": "10.0.0.9"}
    try:
        async with metering(here, tmp_path / "a", 9) as a, metering(there, tmp_path / "b", 13) as b:
            await add_nas(here)
            await a.world.plan(plan_file())
            await a.world.person("user0", activated_on=date(2026, 3, 1))
            for one in (a, b):
                await one.meter.run_batch()
            up = down = 0
            for step in range(12):
                status = "start" if step == 0 else "stop" if step == 11 else "interim"
                node, clock = chance.choice(((a, 0), (b, ahead_seconds)))
                await node.hear(status, step * 300 + clock, up=up, down=down, seconds=step * 300, **same)
                await node.meter.run_batch()
                if step < 10:
                    up += chance.randrange(2**32)
                    down += chance.randrange(2**32)
            assert set((await a.sums()).values()) == {(up, down)}
            rows = await a.rows(sessions)
            assert [row.state for row in rows] == ["closed"]
            assert (a.meter.parked, b.meter.parked) == (0, 0)
    finally:
        await here.close()
        await there.close()


@pytest.mark.peer
async def test_packets_sprayed_over_two_nodes_that_apply_at_once_are_metered_exactly(
    tmp_path: Path, postgres_cluster: Cluster, postgres_template: str
) -> None:
    """INCA-1: a Start at one node and its reports at the other are one session, whoever applies first."""
    url = postgres_cluster.new_database(postgres_template)
    here, there = Database(url), Database(url)
    chance = random.Random(5)
    try:
        async with metering(here, tmp_path / "a", 9) as a, metering(there, tmp_path / "b", 13) as b:
            await add_nas(here)
            await a.world.plan(plan_file())
            for who in range(6):
                await a.world.person(f"user{who}", activated_on=date(2026, 3, 1))
            for one in (a, b):  # each enters its journal
                await one.meter.run_batch()
            truth = [0, 0]
            for who in range(6):
                same: dict[str, Any] = {
                    "session_id": f"8110000{who}",
                    "user": f"user{who}",
                    "mac": f"AA:BB:CC:00:00:0{who}",
                    "ip": f"10.0.0.{who + 1}",
                }
                up = down = 0
                await chance.choice((a, b)).hear("start", 0, **same)
                for step in range(1, 9):
                    up += chance.randrange(2**32)
                    down += chance.randrange(2**33)
                    status = "stop" if step == 8 else "interim"
                    for _ in range(chance.choice((1, 2))):
                        await chance.choice((a, b)).hear(status, step * 300, up=up, down=down, **same)
                truth = [truth[0] + up, truth[1] + down]
            await asyncio.gather(_apply_all(a), _apply_all(b))
            assert set((await a.sums()).values()) == {tuple(truth)}
            rows = await a.rows(sessions)
            assert (len(rows), {row.state for row in rows}) == (6, {"closed"})
            assert (a.meter.parked, b.meter.parked) == (0, 0)
    finally:
        await here.close()
        await there.close()
