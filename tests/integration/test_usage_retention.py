"""Old months are let go, and written to files first; nothing is lost when that is broken off."""

import csv
import gzip
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PartitionStore
from netbilld.adapters.database.retention import Retention
from netbilld.adapters.database.tables import accounting_records, usage_marks, usage_slices
from netbilld.model.errors import NetbilldError
from netbilld.services.retire_usage import RetireUsage, months_before
from tests.accounting_packets import NAS
from tests.integration.metering_world import ZONE, metering, two_people

NOW = datetime(2026, 5, 20, tzinfo=UTC)
SERVICE = UUID(int=5)
MINUTES = timedelta(minutes=5)


async def _slices(database: Database, *months: int, octets: int = 7) -> None:
    async with database.write() as work:
        for month in months:
            at = datetime(2026, month, 15, tzinfo=UTC)
            await work.connection.execute(
                insert(usage_slices).values(
                    service_id=SERVICE, session_id=1, start_at=at, end_at=at + MINUTES, upload_octets=octets,
                    download_octets=10 * octets, source="radius", estimated=False,
                )
            )  # fmt: skip


async def _kept(database: Database) -> list[int]:
    async with database.read() as work:
        rows = await work.connection.execute(select(usage_slices.c.start_at).order_by(usage_slices.c.start_at))
        return [row.start_at.month for row in rows]


async def _partitions(database: Database) -> None:
    if database.is_sqlite:
        return
    for month in (1, 4):
        async with database.write() as work:
            await PartitionStore(work.connection).make_ahead(datetime(2026, month, 2, tzinfo=UTC))


def _read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline="")))


async def test_months_kept_long_enough_are_written_and_let_go(database: Database, tmp_path: Path) -> None:
    await _partitions(database)
    await _slices(database, 1, 2, 3, 4, 5)
    retire = RetireUsage(database, Retention(database, tmp_path / "old"), {"usage_slices": 2})
    gone = await retire.run(NOW)
    assert [Path(one).name for one in gone] == ["usage_slices_y2026m01.csv.gz", "usage_slices_y2026m02.csv.gz"]
    assert await _kept(database) == [3, 4, 5]
    (line,) = _read(Path(gone[0]))
    assert (line["upload_octets"], line["download_octets"], line["source"]) == ("7", "70", "radius")
    assert UUID(line["service_id"]) == SERVICE
    assert line["start_at"].startswith("2026-01-15 00:00:00")
    async with database.read() as work:
        assert await work.usage_sums.kept_since("usage_slices") == datetime(2026, 3, 1, tzinfo=UTC)
    assert await retire.run(NOW) == []
    assert not list((tmp_path / "old").glob("*.part"))


async def test_what_comes_late_for_a_month_that_is_gone_is_written_too(database: Database, tmp_path: Path) -> None:
    await _partitions(database)
    await _slices(database, 1, 5)
    retire = RetireUsage(database, Retention(database, tmp_path), {"usage_slices": 2})
    await retire.run(NOW)
    await _slices(database, 1, octets=9)
    (late,) = await retire.run(NOW)
    (line,) = _read(Path(late))
    assert line["upload_octets"] == "9"
    assert Path(late).name in {"usage_slices_late.csv.gz", "usage_slices_y2026m01-2.csv.gz"}
    assert await _kept(database) == [5]


async def test_without_a_directory_months_are_just_let_go(database: Database) -> None:
    await _partitions(database)
    await _slices(database, 1, 5)
    retention = Retention(database, None)
    assert len(await RetireUsage(database, retention, {"usage_slices": 1, "usage_hours": 0}).run(NOW)) >= 1
    assert await _kept(database) == [5]


async def test_a_file_that_cant_be_written_keeps_its_month_until_it_can(database: Database, tmp_path: Path) -> None:
    await _partitions(database)
    await _slices(database, 1, 5)
    (tmp_path / "old").write_text("a file where a directory should be")
    retire = RetireUsage(database, Retention(database, tmp_path / "old"), {"usage_slices": 2})
    for _ in range(2):
        with pytest.raises(NetbilldError, match="can't be written"):
            await retire.run(NOW)
    (tmp_path / "old").unlink()
    await retire.run(NOW)  # on PostgreSQL the month waits detached meanwhile
    (line,) = _read(tmp_path / "old" / "usage_slices_y2026m01.csv.gz")
    assert line["download_octets"] == "70"
    assert await _kept(database) == [5]


async def test_hours_are_kept_until_they_are_rolled_up(database: Database, tmp_path: Path) -> None:
    retire = RetireUsage(database, Retention(database, tmp_path), {"usage_hours": 1})
    assert await retire.run(NOW) == []
    async with database.write() as work:
        await work.connection.execute(insert(usage_marks).values(name="rolled", at=datetime(2026, 2, 3, tzinfo=UTC)))
    await retire.run(NOW)
    async with database.read() as work:
        since = await work.usage_sums.kept_since("usage_hours")
    assert since is None or since <= datetime(2026, 2, 1, tzinfo=UTC)


def test_months_are_counted_over_the_turn_of_the_year() -> None:
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 1)
    assert months_before(date(2026, 3, 31), 3) == date(2025, 12, 1)
    assert months_before(date(2026, 3, 31), 25) == date(2024, 2, 1)


async def test_raw_records_are_kept_where_the_setting_asks_for_them(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        m.meter = type(m.meter)(database, m.journal, m.clock, ZONE, keeps_records=True)
        await two_people(m)
        async with database.read() as work:
            rows = list(
                await work.connection.execute(select(accounting_records).order_by(accounting_records.c.received_at))
            )
            sessions = await work.sessions.list_sessions(open_only=False)
            applied = m.meter.applied
    assert len(rows) == applied > 3
    assert {row.nas_id for row in rows} == {NAS}
    assert rows[0].kind == "start"
    assert {row.kind for row in rows} == {"start", "interim", "stop"}
    assert all(row.datagram[0] == 4 for row in rows)  # Accounting-Request
    assert {row.acct_session_key for row in rows} == {line.acct_session_id.casefold() for line in sessions}


async def test_no_raw_record_is_kept_otherwise(database: Database, tmp_path: Path) -> None:
    async with metering(database, tmp_path) as m:
        await two_people(m)
        async with database.read() as work:
            assert await work.connection.scalar(select(func.count()).select_from(accounting_records)) == 0
