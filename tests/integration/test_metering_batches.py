"""However the journal is cut into batches, and on either database, the books hold the same to the octet."""

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import (
    observed,
    sessions,
    usage_hours,
    usage_nas_hours,
    usage_periods,
    usage_slices,
)
from netbilld.radius.grant import Grant
from tests.accounting_packets import NAS
from tests.integration.metering_world import Metering, add_nas, metering
from tests.integration.money_world import PER_USE, plan_file
from tests.postgres import Cluster

OTHER_NAS = UUID(int=0xA2)
NAMES = ("budi", "siti", "agus", "dewi")
Heard = tuple[float, str, dict[str, Any]]


def history(seed: int) -> list[Heard]:
    """What two NAS say of a few subscribers: lost, doubled, late and shuffled, ids that come back, NAS that restart."""
    chance = random.Random(seed)
    told: list[Heard] = []
    for number in range(14):
        who = number % len(NAMES)
        begun = number // len(NAMES) * 4000 + chance.randrange(900)
        same: dict[str, Any] = {
            "user": chance.choice([NAMES[who], NAMES[who].upper(), "hantu"]) if who == 3 else NAMES[who],
            "session_id": f"81{who}0000{number % 2}",  # comes back
            "mac": chance.choice([None, f"AA:BB:CC:00:00:0{who}"]),
            "ip": chance.choice([None, f"10.0.0.{who + 1}"]),
            "nas_id": OTHER_NAS if who == 2 else NAS,
            "source": "192.0.2.2" if who == 2 else "192.0.2.1",
            "gigawords": who != 1,
        }
        up = down = 0
        if chance.random() < 0.8:
            told.append((begun, "start", {**same, "seconds": None}))
        steps = chance.randrange(1, 6)
        for step in range(1, steps + 1):
            up += chance.randrange(2**33 if who != 1 else 2**31)
            down += chance.randrange(2**34 if who != 1 else 2**31)
            status = "stop" if step == steps and chance.random() < 0.7 else "interim"
            if status == "interim" and chance.random() < 0.3:
                continue
            for _ in range(chance.choice([1, 1, 2, 3])):
                delay = chance.choice([0, 0, 0, 5, 700, 5000])
                report = {**same, "up": up, "down": down, "seconds": step * 300, "delay": delay, "cause": 1}
                told.append((begun + step * 300 + delay, status, report))
    for nas_id, source in ((NAS, "192.0.2.1"), (OTHER_NAS, "192.0.2.2")):
        if chance.random() < 0.7:
            about = {"nas_id": nas_id, "source": source, "user": None, "session_id": None, "mac": None, "ip": None}
            told.append((chance.randrange(15_000), chance.choice(["on", "off"]), about))
    told.sort(key=lambda heard: heard[0])
    for _ in range(3):  # and a few that overtook others on the way, without saying so
        at = chance.randrange(len(told) - 1)
        told[at], told[at + 1] = told[at + 1], told[at]
    return told


@asynccontextmanager
async def world_of(url: str, directory: Path, batch_records: int) -> AsyncIterator[tuple[Metering, dict[UUID, str]]]:
    database = Database(url)
    try:
        async with metering(database, directory, batch_records) as m:
            await add_nas(database)
            await add_nas(database, OTHER_NAS, "192.0.2.2/32", "utara")
            await m.world.plan(plan_file())
            await m.world.plan(PER_USE)
            people = {
                (
                    await m.world.person(name, "KUOTA" if name == "budi" else "HOME20", activated_on=date(2026, 3, 1))
                ).service_id: name
                for name in NAMES
            }
            yield m, people
    finally:
        await database.close()


async def books(m: Metering, names: dict[UUID, str]) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the meter writes, with names for ids that are drawn by chance."""
    found = {}
    async with m.database.read() as work:
        for table in (sessions, usage_slices, usage_hours, usage_nas_hours, usage_periods, observed):
            # which hour a charge is noted on depends on when it was made; its period's sum does not
            left_out = "charged_minor" if table is usage_hours else None
            columns = [column for column in table.c if column.name != left_out]
            rows = [
                tuple(names.get(value, value) if isinstance(value, UUID) else value for value in row)
                for row in await work.connection.execute(select(*columns))
            ]
            found[table.name] = sorted(rows, key=repr)
    return found


async def applied(url: str, directory: Path, batch_records: int, seed: int) -> dict[str, list[tuple[Any, ...]]]:
    async with world_of(url, directory, batch_records) as (m, names):
        services = {name: service_id for service_id, name in names.items()}
        for at, status, what in history(seed):
            name = what["user"]
            grant = Grant(services[name], "active", "abcdef12") if name in services and what["mac"] else None
            await m.hear(status, at, **what, grant=grant)
        await m.run()
        assert m.meter.parked == 0
        first = await books(m, names)
        assert (await m.new_meter().run_batch()).applied == 0
        return first


@pytest.mark.parametrize("seed", range(4))
async def test_batches_of_1_of_7_and_of_1000_records_lead_to_the_same_books(
    seed: int, tmp_path: Path, sqlite_template: Path
) -> None:
    results = []
    for batch_records in (1, 7, 1000):
        file = tmp_path / f"{batch_records}.db"
        shutil.copyfile(sqlite_template, file)
        results.append(await applied(sqlite_url(file), tmp_path / f"journal{batch_records}", batch_records, seed))
    assert results[0]["usage_slices"]
    for name, rows in results[0].items():
        assert results[1][name] == rows, name
        assert results[2][name] == rows, name


@pytest.mark.peer
async def test_both_databases_hold_the_same_books(
    tmp_path: Path, sqlite_template: Path, postgres_cluster: Cluster, postgres_template: str
) -> None:
    for seed, batch_records in ((11, 5), (12, 1000)):
        file = tmp_path / f"{seed}.db"
        shutil.copyfile(sqlite_template, file)
        ours = await applied(sqlite_url(file), tmp_path / f"a{seed}", batch_records, seed)
        url = postgres_cluster.new_database(postgres_template)
        assert await applied(url, tmp_path / f"b{seed}", batch_records, seed) == ours
