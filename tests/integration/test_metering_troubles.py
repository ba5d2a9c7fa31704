"""Troubles that are not the records': what is in the journal waits, and no record is blamed for it."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.services.heard_nas import HeardNas
from tests.integration.metering_world import add_nas, metering
from tests.integration.money_world import plan_file
from tests.postgres import Cluster

_REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.mark.peer
@pytest.mark.parametrize(
    ("state", "table"),
    [
        ("53100", "usage_slices"),  # disk_full, by the driver's own COPY
        ("53100", "usage_hours"),  # and by SQLAlchemy
        ("58030", "usage_slices"),  # io_error
        ("25006", "usage_hours"),  # read_only_sql_transaction: another server has taken over
        ("42703", "usage_slices"),  # undefined_column: the schema is already that of the next release
    ],
)
async def test_a_database_that_can_not_write_parks_no_record(
    state: str, table: str, tmp_path: Path, postgres_cluster: Cluster, postgres_template: str
) -> None:
    """INCA-1: octets of sessions that end while the disk is full are counted once there is room again."""
    url = postgres_cluster.new_database(postgres_template)
    database = Database(url)
    try:
        async with metering(database, tmp_path / "journal") as m:
            await add_nas(database)
            await m.world.plan(plan_file())
            await m.world.person("budi", activated_on=date(2026, 3, 1))
            connection = await asyncpg.connect(url.replace("+asyncpg", ""))
            await connection.execute(_REFUSING.format(state=state, table=table))
            await m.hear("start", 0, user="budi", session_id="81000001")
            await m.hear("stop", 300, user="budi", session_id="81000001", up=10**6, down=10**7)
            for _ in range(3):
                with pytest.raises(StoreUnavailableError):
                    await m.meter.run_batch()
            await connection.execute(f"DROP TRIGGER refuse ON {table}")
            await connection.close()
            await m.run()
            assert set((await m.sums()).values()) == {(10**6, 10**7)}
            assert m.meter.parked == 0
    finally:
        await database.close()


async def test_a_fault_of_ours_in_every_record_passes_over_a_few_and_stops(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with metering(database, tmp_path / "journal") as m:
        await add_nas(database)
        await m.world.plan(plan_file())
        await m.world.person("budi", activated_on=date(2026, 3, 1))
        for number in range(40):
            await m.hear("start", number, session_id=f"8100{number:04d}")
            await m.hear("stop", 300 + number, session_id=f"8100{number:04d}", up=10**6, down=10**7, seconds=300)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as fault:
            fault.setattr("netbilld.services.meter_usage.SessionFold.apply", broken)
            for _ in range(30):
                with suppress(NetbilldError):
                    await m.meter.run_batch()
            assert 0 < m.meter.parked <= 5
            m.clock.pass_time(minutes=2)
            for _ in range(30):
                with suppress(NetbilldError):
                    await m.meter.run_batch()
            assert 5 < m.meter.parked <= 10
        m.clock.pass_time(minutes=2)
        await m.run()
        parked = m.meter.parked
        assert parked <= 10
        up, down = (await m.sums())["sessions"]
        assert 40 * 10**6 >= up >= (40 - parked) * 10**6
        assert down == 10 * up


async def test_a_fault_in_the_writing_of_every_record_passes_over_a_few_and_stops(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with metering(database, tmp_path / "journal") as m:
        await add_nas(database)
        for number in range(20):
            await m.hear("start", number, session_id=f"8100{number:04d}")

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as fault:
            fault.setattr(HeardNas, "note", broken)
            for _ in range(60):
                with suppress(NetbilldError):
                    await m.meter.run_batch()
            assert 0 < m.meter.parked <= 5
        await m.run()
        assert len(await m.rows(sessions)) == 20 - m.meter.parked
