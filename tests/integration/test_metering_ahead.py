"""While more is behind, the next batch is read beside the one being stored: what is billed stays the same to the octet."""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.accounting.session import Session
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.metered_sessions import MeteredSessions
from netbilld.adapters.database.metered_usage import MeteredUsage
from netbilld.adapters.database.tables import sessions
from netbilld.model.errors import StoreUnavailableError
from netbilld.services.plain_reports import PlainReports
from tests.integration.metering_world import Metering, add_nas, metering
from tests.integration.money_world import plan_file

NAMES = tuple(f"orang{number}" for number in range(6))
ROUNDS = 14
Move = Sequence[tuple[Session, Session]]


async def all_say(world: Metering, chance: random.Random) -> tuple[int, int]:
    """Let the journal hear of six people's sessions, of which some end and begin anew; return what was moved."""
    await add_nas(world.database)
    await world.world.plan(plan_file())
    for name in NAMES:
        await world.world.person(name, activated_on=date(2026, 1, 1))
    counters = {name: [0, 0, 0, 0] for name in NAMES}  # generation, reports, upload, download
    total_up = total_down = 0
    for at in range(0, ROUNDS * 300, 300):
        order = list(NAMES)
        chance.shuffle(order)
        for name in order:
            generation, told, up, down = counters[name]
            same: dict[str, Any] = {"user": name, "session_id": f"{name}-{generation}", "mac": None, "ip": None}
            if not told:
                await world.hear("start", at, **same, seconds=None)
            moved = chance.randrange(1, 1 << 30), chance.randrange(1, 1 << 31)
            told, up, down = told + 1, up + moved[0], down + moved[1]
            total_up, total_down = total_up + moved[0], total_down + moved[1]
            ends = chance.random() < 0.12 or at == (ROUNDS - 1) * 300
            for _ in range(1 + (chance.random() < 0.1)):
                status = "stop" if ends else "interim"
                await world.hear(status, at + 1, **same, up=up, down=down, seconds=told * 300)
            counters[name] = [generation + 1, 0, 0, 0] if ends else [generation, told, up, down]
    return total_up, total_down


@pytest.mark.parametrize("seed", range(3))
async def test_reports_read_ahead_count_once_whatever_becomes_of_the_batch_before(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The database goes away in the midst of batches, and somebody else writes sessions between them."""
    chance = random.Random(seed)
    ahead = 0
    take, move, add_slices = PlainReports.take, MeteredSessions.move, MeteredUsage.add_slices

    def taken(self: PlainReports, entry: Any) -> bool:
        nonlocal ahead
        is_taken = take(self, entry)
        ahead += is_taken and bool(self._earlier)
        return is_taken

    async def moved(self: MeteredSessions, stepped: Move, advanced: Move) -> bool:
        if chance.random() < 0.1:
            raise StoreUnavailableError("the database does not answer")
        return await move(self, stepped, advanced)

    async def added(self: MeteredUsage, slices: Any) -> None:
        await add_slices(self, slices)
        if chance.random() < 0.1:
            raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(PlainReports, "take", taken)
    monkeypatch.setattr(MeteredSessions, "move", moved)
    monkeypatch.setattr(MeteredUsage, "add_slices", added)
    async with metering(database, tmp_path, batch_records=9) as world:
        truth = await all_say(world, chance)
        behind = True
        while behind:
            with suppress(StoreUnavailableError):
                behind = (await world.meter.run_batch()).behind
                if chance.random() < 0.15:  # silent for long, somebody found
                    async with database.write() as work:
                        await work.connection.execute(
                            update(sessions)
                            .where(sessions.c.username == chance.choice(NAMES), sessions.c.state == "live")
                            .values(state="stale", stopped_at=sessions.c.updated_at)
                        )
        assert ahead > 20
        assert set((await world.sums()).values()) == {truth}
        assert {row.state for row in await world.rows(sessions)} == {"closed"}
        assert world.meter.parked == 0


async def test_a_session_that_stops_in_one_batch_is_not_taken_for_live_in_the_next(
    database: Database, tmp_path: Path
) -> None:
    async with metering(database, tmp_path, batch_records=2) as world:
        await add_nas(database)
        await world.world.plan(plan_file())
        await world.world.person("budi", activated_on=date(2026, 1, 1))
        await world.hear("start", 0)
        for number in (1, 2, 3):
            await world.hear("interim", number * 300, up=number, down=number)
            await world.run()
        await world.hear("interim", 1200, up=4, down=4)
        await world.hear("stop", 1300, up=6, down=6)
        await world.hear("interim", 1250, up=5, down=5, late=100)
        await world.hear("interim", 1260, up=5, down=5, late=100)
        await world.run()
        assert set((await world.sums()).values()) == {(6, 6)}
        (session,) = await world.rows(sessions)
        assert session.state == "closed"
