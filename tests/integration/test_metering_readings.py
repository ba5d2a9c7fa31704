"""Readings of ours through the journal into both databases."""

from datetime import timedelta
from pathlib import Path

import pytest

from netbilld.accounting.session import Session
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas, sessions, usage_corrections, usage_slices
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import NasAnswer, Presence
from netbilld.services.record_reading import RecordReading
from tests.accounting_packets import NAS, T0
from tests.integration.metering_world import Metering, everywhere, metering, prepared
from tests.integration.money_world import plan_file


async def the_session(m: Metering) -> Session:
    async with m.database.read() as work:
        (session,) = await work.sessions.open_on([NAS])
    return session


async def read(m: Metering, seconds: int, up: int | None, down: int) -> None:
    recording = RecordReading(m.journal)
    answer = NasAnswer(Presence.THERE, T0 + timedelta(seconds=seconds), "api", up, down, seconds)
    taken = recording.handle(await the_session(m), answer)
    assert (taken, recording.taken) == (True, 1)
    await m.journal.drain()


async def test_a_reading_is_metered_once_and_the_nas_s_stop_has_the_last_word(
    database: Database, tmp_path: Path
) -> None:
    """BANG-2.2b: slices are never changed; what we had read too much is a slice of its own, with its reason."""
    async with metering(database, tmp_path) as m:
        (budi,) = await prepared(m, "budi")
        await m.hear("start")
        await m.hear("interim", 300, up=10, down=1000)
        await m.run()
        await read(m, 310, 15, 2**33)
        await m.run()
        heard = (await m.rows(nas))[0].last_heard_at
        assert await m.sums() == everywhere(15, 2**33)
        await m.hear("stop", 320, up=20, down=2**33 - 400, cause=1)
        await m.run()
        truth = everywhere(20, 2**33 - 400)
        assert await m.sums() == truth
        assert [(s.source, s.upload_octets, s.download_octets) for s in await m.rows(usage_slices)] == [
            ("radius", 10, 1000),
            ("api", 5, 2**33 - 1000),
            ("radius", 5, 0),
            ("correction", 0, -400),
        ]
        (why,) = await m.rows(usage_corrections)
        assert (why.service_id, why.upload_octets, why.download_octets, why.reason, why.at) == (
            budi.service_id,
            0,
            -400,
            "ahead_of_nas",
            T0 + timedelta(seconds=310),
        )
        assert heard == T0 + timedelta(seconds=300)  # our reading is no word of the NAS's
        m.meter = m.new_meter()
        assert [batch.applied for batch in await m.run()] == [0]
        assert await m.sums() == truth


async def test_a_reading_finds_its_session_by_an_id_that_is_no_text(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start", session_id=b"\xff\x00\xfe")
        await m.run()
        await read(m, 60, 1, 2)
        await m.run()
        (session,) = await m.rows(sessions)
        assert (session.upload_octets, session.download_octets) == (1, 2)


async def test_a_reading_that_no_counter_can_show_is_refused(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await prepared(m, "budi")
        await m.hear("start")
        await m.run()
        for octets in (-1, 2**60, None):
            with pytest.raises(InvalidInputError):
                await read(m, 60, octets, 0)


async def test_usage_is_cut_where_the_hours_of_its_plan_begin_and_end(database: Database, tmp_path: Path) -> None:
    """Contract rule 3: a delta that spans an hour window's edge is split in proportion to time, and marked."""
    async with metering(database, tmp_path) as m:
        hours = '[hours]\nallowed = ["daily 10:10-10:20"]\n'
        await prepared(m, "budi", plan=plan_file(extra=hours))
        await m.hear("start")  # 10:00 in Jakarta
        await m.hear("interim", 1800, up=1800, down=3600)
        await m.run()
        minutes = [(s.start_at.minute, s.end_at.minute, s.upload_octets) for s in await m.rows(usage_slices)]
        assert minutes == [(0, 10, 600), (10, 20, 600), (20, 30, 600)]
        assert all(s.estimated for s in await m.rows(usage_slices))
        assert await m.sums() == everywhere(1800, 3600)
