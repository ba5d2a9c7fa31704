"""Counters that can't be true wait in the database for a person."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, sessions, usage_periods
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.services.decide_doubts import DecideDoubts, UsageDoubt
from netbilld.services.manage_nas import ManageNas, NasFields
from tests.accounting_packets import T0
from tests.integration.metering_world import ZONE, Metering, everywhere, metering, prepared
from tests.people_world import STAFF

LATER = T0 + timedelta(days=40)


async def doubts(m: Metering, *, only_open: bool = True) -> list[UsageDoubt]:
    async with m.database.read() as work:
        return await work.doubts.newest(only_open=only_open)


async def leapt(m: Metering, port_speed: str = "100M") -> None:
    """A session that reports a hundred times what its port can carry, and goes on from there."""
    await prepared(m, "budi")
    await ManageNas(m.database, SecretBox(bytes(32))).set("gerbang", NasFields(port_speed=port_speed), STAFF, T0)
    await m.hear("start")
    await m.hear("interim", 300, up=100, down=1000)
    await m.hear("interim", 600, up=200, down=400 * 10**9)
    await m.hear("interim", 900, up=300, down=400 * 10**9 + 50)
    await m.run()


async def test_what_cannot_be_true_is_kept_and_counts_only_once_a_person_accepts_it(
    database: Database, tmp_path: Path
) -> None:
    async with metering(database, tmp_path) as m:
        await leapt(m)
        assert m.meter.doubted == 1
        assert await m.sums() == everywhere(200, 1050)
        (doubt,) = await doubts(m)
        assert (doubt.username, doubt.nas, doubt.upload_octets, doubt.download_octets, doubt.seconds) == (
            "budi",
            "gerbang",
            100,
            400 * 10**9 - 1000,
            300,
        )
        assert (doubt.counter_download_octets, doubt.port_bps, doubt.state) == (400 * 10**9, 10**8, "open")
        m.meter = m.new_meter()
        await m.run()
        assert await doubts(m) == [doubt]  # replaying adds none

        decide = DecideDoubts(database, ZONE)
        await decide.accept(doubt.id, STAFF, LATER)
        assert await m.sums() == everywhere(300, 400 * 10**9 + 50)
        (period,) = await m.rows(usage_periods)
        assert period.start_on == date(2026, 3, 1)  # the time it was reported for, not that of the decision
        with pytest.raises(RefusedError, match="accepted already"):
            await decide.reject(doubt.id, STAFF, LATER)
        with pytest.raises(RefusedError, match="accepted already"):
            await decide.accept(doubt.id, STAFF, LATER)
        assert await m.sums() == everywhere(300, 400 * 10**9 + 50)
        async with database.read() as work:
            row = (await work.connection.execute(select(changes).where(changes.c.entity == "usage_doubt"))).one()
        assert (row.action, row.actor, row.details["service_ids"]) == (
            "usage.accept",
            STAFF.name,
            [str(doubt.service_id)],
        )
        await m.hear("stop", 960, up=301, down=400 * 10**9 + 60, cause=1)
        await m.run()
        assert await m.sums() == everywhere(301, 400 * 10**9 + 60)


async def test_what_is_rejected_never_counts_and_the_session_goes_on(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await leapt(m)
        (doubt,) = await doubts(m)
        rejected = await DecideDoubts(database, ZONE).reject(doubt.id, STAFF, LATER)
        assert rejected.id == doubt.id
        await m.hear("stop", 960, up=301, down=400 * 10**9 + 60, cause=1)
        await m.run()
        assert await m.sums() == everywhere(201, 1060)
        (kept,) = await doubts(m, only_open=False)
        assert (kept.state, kept.decided_by, kept.decided_at) == ("rejected", STAFF.name, LATER)
        assert await doubts(m) == []


async def test_a_leap_that_the_nas_goes_back_on_needs_no_decision(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 300, up=2**50, down=2**50)
        await m.hear("interim", 600, up=7, down=70)
        await m.run()
        await m.hear("interim", 900, up=2**50, down=2**50)
        await m.run()
        await m.hear("stop", 1200, up=9, down=90, cause=1)
        await m.run()
        assert await m.sums() == everywhere(9, 90)
        assert [doubt.state for doubt in await doubts(m, only_open=False)] == ["withdrawn", "withdrawn"]
        (session,) = await m.rows(sessions)
        assert (session.held_upload_octets, session.held_download_octets) == (0, 0)
        decide = DecideDoubts(database, ZONE)
        with pytest.raises(RefusedError, match="withdrawn already"):
            await decide.accept(1, STAFF, LATER)
        with pytest.raises(NotFoundError, match="no doubt 99"):
            await decide.accept(99, STAFF, LATER)


async def test_without_a_port_speed_ten_gigabit_are_believed(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await leapt(m, port_speed="")
        assert await doubts(m) == []
        assert await m.sums() == everywhere(300, 400 * 10**9 + 50)
