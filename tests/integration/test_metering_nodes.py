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
