"""A meter over a real journal and a real database, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions, usage_hours, usage_periods, usage_slices
from netbilld.adapters.journal import Journal
from netbilld.services.meter_usage import Batch, MeterUsage
from tests.accounting_packets import NAS, T0, datagram
from tests.builders.nas import nas
from tests.clock import StandingClock
from tests.integration.money_world import PER_USE, Person, World, plan_file

ZONE = "Asia/Jakarta"


async def add_nas(database: Database, nas_id: UUID = NAS, address: str = "192.0.2.1/32", name: str = "gerbang") -> None:
    async with database.write() as work:
        await work.nas.add(nas(name, id=nas_id, address=address, portal_sources=("10.0.0.0/24",)))


class Metering:
    def __init__(self, database: Database, journal: Journal, batch_records: int = 512) -> None:
        self.database, self.journal = database, journal
        self.clock = StandingClock(T0)
        self.world = World(database)
        self.batch_records = batch_records
        self.meter = self.new_meter()

    def new_meter(self) -> MeterUsage:
        """What a daemon has after a restart."""
        return MeterUsage(self.database, self.journal, self.clock, ZONE, self.batch_records)

    async def hear(
        self,
        status: str | int,
        at_seconds: float = 0,
        *,
        nas_id: UUID = NAS,
        flags: int = 0,
        source: str = "192.0.2.1",
        late: float = 0,
        **what: Any,
    ) -> None:
        """Journal one packet that arrives `at_seconds` after T0; reports say that session time unless told otherwise."""
        if status in {"interim", "stop"}:
            what.setdefault("seconds", int(at_seconds))
        received = T0 + timedelta(seconds=at_seconds + late)
        self.journal.append(
            nas_id, source, flags, int(received.timestamp() * 1e6), datagram(status, **what), lambda *_: None, None
        )
        await self.journal.drain()

    async def run(self) -> list[Batch]:
        batches = [await self.meter.run_batch()]
        while batches[-1].behind:
            batches.append(await self.meter.run_batch())
        return batches

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.read() as work:
            order = table.primary_key.columns or (table.c.session_id, table.c.start_at)
            return list(await work.connection.execute(select(table).order_by(*order)))

    async def sums(self) -> dict[str, tuple[int, int]]:
        """Upload and download as sessions, slices, hours and periods have them."""
        found = {}
        async with self.database.read() as work:
            for name, table in (
                ("sessions", sessions),
                ("slices", usage_slices),
                ("hours", usage_hours),
                ("periods", usage_periods),
            ):
                up, down = (
                    await work.connection.execute(
                        select(func.sum(table.c.upload_octets), func.sum(table.c.download_octets))
                    )
                ).one()
                found[name] = (int(up or 0), int(down or 0))
        return found


async def prepared(metering: Metering, *names: str, plan: str | None = None) -> list[Person]:
    """Let there be the NAS, a plan, and a subscriber of each name; return the services."""
    await add_nas(metering.database)
    await metering.world.plan(plan or plan_file())
    code = "KUOTA" if plan == PER_USE else "HOME20"
    return [await metering.world.person(name, code, activated_on=date(2026, 3, 1)) for name in names]


SITI: Final[dict[str, Any]] = {"session_id": "s", "user": "siti", "mac": "AA:BB:CC:00:00:02", "ip": "10.0.0.8"}


async def two_people(m: Metering) -> tuple[Person, Person]:
    budi, siti = await prepared(m, "budi", "siti")
    await m.hear("start")
    await m.hear("interim", 5400, up=60, down=600)
    await m.hear("stop", 90_000, up=61, down=601, cause=2)
    await m.hear("start", 100, **SITI)
    await m.hear("interim", 400, up=7, down=9000, seconds=300, **SITI)
    await m.run()
    return budi, siti


def everywhere(up: int, down: int) -> dict[str, tuple[int, int]]:
    """Return `sums` where all of them agree."""
    return dict.fromkeys(("sessions", "slices", "hours", "periods"), (up, down))


@asynccontextmanager
async def metering(database: Database, directory: Path, batch_records: int = 512) -> AsyncIterator[Metering]:
    journal = Journal(directory, commit_seconds=0, segment_octets=1024 * 1024)
    journal.open()
    journal.start(asyncio.get_running_loop())
    try:
        yield Metering(database, journal, batch_records)
    finally:
        await journal.close()
