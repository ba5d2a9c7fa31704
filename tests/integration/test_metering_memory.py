"""What the meter knows of sessions from batches before is only believed while the database holds it too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.services.batch_knowledge import BatchKnowledge
from netbilld.services.read_journal import ReadJournal
from tests.accounting_packets import T0
from tests.integration.metering_world import Metering, everywhere, metering, prepared
from tests.integration.money_world import PER_USE

MIB = 1 << 20


async def reports(world: Metering, first: int, last: int) -> None:
    """Let the meter hear of one MiB more in each direction at each report, a batch each."""
    for number in range(first, last + 1):
        await world.hear("interim", number * 300, up=number * MIB, down=10 * number * MIB)
        await world.run()


@asynccontextmanager
async def known_session(database: Database, directory: Path) -> AsyncIterator[Metering]:
    """Give a meter that knows a session from three batches."""
    async with metering(database, directory) as world:
        await prepared(world, "budi", plan=PER_USE)
        await world.hear("start")
        await reports(world, 1, 3)
        yield world


async def test_reports_of_a_known_session_count_without_looking_it_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with known_session(database, tmp_path) as world:
        asked: list[Any] = []
        looked_up = BatchKnowledge.load

        async def watched(work: Any, records: Any) -> Any:
            asked.extend(records)
            return await looked_up(work, records)

        monkeypatch.setattr(BatchKnowledge, "load", watched)
        await reports(world, 4, 6)
        assert asked == []
        assert await world.sums() == everywhere(6 * MIB, 60 * MIB)
        (session,) = await world.rows(sessions)
        assert session.session_seconds == 1800
        assert session.updated_at == T0 + timedelta(seconds=1800)


@pytest.mark.parametrize("state", ["late", "stale", "closed"])
async def test_a_session_that_somebody_else_has_given_up_is_looked_up_again(
    database: Database, tmp_path: Path, state: str
) -> None:
    async with known_session(database, tmp_path) as world:
        ended = None if state == "late" else T0 + timedelta(seconds=900)
        async with database.write() as work:
            await work.connection.execute(update(sessions).values(state=state, stopped_at=ended))
        await reports(world, 4, 5)
        assert await world.sums() == everywhere(5 * MIB, 50 * MIB)
        (session,) = await world.rows(sessions)
        assert session.state == ("closed" if state == "closed" else "live")
        assert (session.stopped_at is None) is (state != "closed")


async def test_a_session_that_was_late_is_live_again_without_being_looked_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with known_session(database, tmp_path) as world:
        async with database.write() as work:
            await work.connection.execute(update(sessions).values(state="late"))
        monkeypatch.setattr(ReadJournal, "believe_less", lambda _: pytest.fail("it was looked up"))
        await reports(world, 4, 5)
        (session,) = await world.rows(sessions)
        assert session.state == "live"
        assert await world.sums() == everywhere(5 * MIB, 50 * MIB)


async def test_what_another_meter_has_counted_meanwhile_is_not_counted_again(
    database: Database, tmp_path: Path
) -> None:
    async with metering(database, tmp_path / "one") as one, metering(database, tmp_path / "other") as other:
        await prepared(one, "budi", plan=PER_USE)
        await one.hear("start")
        await reports(one, 1, 3)
        await reports(other, 4, 6)
        await reports(one, 7, 9)
        await reports(other, 8, 12)  # two of them were told to the first one already
        await reports(one, 13, 14)
        assert await one.sums() == everywhere(14 * MIB, 140 * MIB)


async def test_an_id_that_comes_back_is_a_session_of_its_own(database: Database, tmp_path: Path) -> None:
    async with known_session(database, tmp_path) as world:
        await reports(world, 4, 4)
        later = 86_400
        for number in range(1, 4):  # its Start and the Stop before it were lost
            await world.hear("interim", later + number * 300, up=number * MIB, down=MIB, seconds=number * 300)
            await world.run()
        first, second = await world.rows(sessions)
        assert (first.upload_octets, second.upload_octets) == (4 * MIB, 3 * MIB)
        assert first.stopped_at is not None
        assert second.stopped_at is None


async def test_a_report_that_was_taken_for_a_known_session_opens_one_that_is_somebody_s(
    database: Database, tmp_path: Path
) -> None:
    """A Stop and a report of the session after it, an id a port: the report alone would go on from the session before."""
    async with known_session(database, tmp_path) as world:
        await world.hear("stop", 910, up=3 * MIB, down=30 * MIB)
        await world.hear("interim", 1930, up=4 * MIB, down=40 * MIB, seconds=1000)
        await world.run()
        first, second = await world.rows(sessions)
        assert second.service_id == first.service_id is not None
        assert await world.sums() == everywhere(7 * MIB, 70 * MIB)


async def test_counters_that_somebody_else_has_written_are_looked_up_again(database: Database, tmp_path: Path) -> None:
    async with known_session(database, tmp_path) as world:
        async with database.write() as work:
            await work.connection.execute(update(sessions).values(counter_upload_octets=3 * MIB + 100))
        await reports(world, 4, 4)
        assert await world.sums() == everywhere(4 * MIB - 100, 40 * MIB)
