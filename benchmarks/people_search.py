"""The box that finds subscribers, and the dashboard by area, over 20,000 of them with two years of invoices.

    python -m benchmarks.people_search [--subscribers 20000] [--months 24] [--times 10]

On SQLite and on PostgreSQL; the time of the reads behind each page, as the store answers them. The exit code is 1 if
a search takes longer than 100 ms in 19 of 20 cases.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import insert

from benchmarks.bars import Bar, at_most, print_bars
from benchmarks.latency import percentile
from benchmarks.run import write_results
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import credentials, desired, invoices, services, subscribers
from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.model.actor import Actor
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.people_views import PeopleFilter
from tests.panel_fixture import PLANS
from tests.postgres import cluster

SEARCH_MS: Final = 100.0
NOW: Final = datetime(2026, 11, 22, 8, tzinfo=UTC)
TODAY: Final = date(2026, 11, 22)
_FIRST: Final = (
    "Agus",
    "Budi",
    "Citra",
    "Dewi",
    "Eko",
    "Fitri",
    "Gunawan",
    "Hesti",
    "Indra",
    "Joko",
    "Kartika",
    "Maya",
)
_LAST: Final = ("Santoso", "Wijaya", "Lestari", "Prasetyo", "Handayani", "Kurniawan", "Susilo", "Sari", "Hidayat")
_PERSON: Final = (
    "id", "number", "name", "phone", "email", "address", "area", "currency", "status", "created_at",
)  # fmt: skip
_SERVICE: Final = (
    "id", "subscriber_id", "plan_version_id", "status", "status_since_at", "billing_day", "timezone", "activated_on",
    "static_ip", "created_at",
)  # fmt: skip
_CREDENTIAL: Final = ("id", "service_id", "kind", "name", "name_key", "created_at")
_DUE: Final = ("service_id", "access", "reason", "profile_key", "profile", "cause", "since_at")
_INVOICE: Final = (
    "id", "number", "subscriber_id", "status", "issued_on", "due_on", "period_start_on", "period_end_on", "timezone",
    "currency", "tax_minor", "total_minor", "paid_minor", "created_at", "kind", "note",
)  # fmt: skip


def main() -> int:
    """Make it, measure, and print figures beside their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--times", type=int, default=10, help="that each search is made, each about somebody else")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
        figures["sqlite"] = asyncio.run(_measured(sqlite_url(Path(directory) / "netbilld.db"), options))
    with cluster(shared_buffers="256MB") as running, running.database() as url:
        figures["postgresql"] = asyncio.run(_measured(url, options))
    for name, found in figures.items():
        bars += [at_most(f"{what}, p95, {name}", ms, SEARCH_MS, "ms") for what, ms in found.items()]
    write_results("people_search", figures, bars)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


async def _measured(url: str, options: argparse.Namespace) -> Mapping[str, float]:
    """Return the 95th percentile of each kind of read, in milliseconds."""
    database = Database(url)
    await upgrade(database)
    await _fill(database, options.subscribers, options.months)
    if not database.is_sqlite:
        async with database.write() as work:
            await work.connection.exec_driver_sql("ANALYZE")
    chance = random.Random(7)
    found: dict[str, list[float]] = {}
    for _ in range(options.times):
        at = chance.randrange(options.subscribers)
        for what, wanted in _searches(at).items():
            async with database.read() as work:
                began = time.perf_counter()
                await _page(work, wanted)
                found.setdefault(what, []).append((time.perf_counter() - began) * 1000)
        async with database.read() as work:
            began = time.perf_counter()
            await work.people.area_lines(TODAY)
            found.setdefault("dashboard by area", []).append((time.perf_counter() - began) * 1000)
    await database.close()
    return {what: percentile(sorted(times), 0.95) for what, times in found.items()}


async def _page(work: UnitOfWork, wanted: PeopleFilter) -> None:
    """Read what the page of a search reads."""
    if wanted.text and await work.people.exactly(wanted):
        return
    await work.people.lines(wanted, TODAY, 0)
    await work.people.areas()


def _searches(at: int) -> Mapping[str, PeopleFilter]:
    texts = {
        "number": str(100_001 + at),
        "user name": f"user{at}@net",
        "phone": f"0812{at:08d}",
        "part of a phone": f"0812{at:08d}"[:9],
        "part of a name": _FIRST[at % len(_FIRST)].lower(),
        "name and street": f"{_LAST[at % len(_LAST)]} melati {at % 200}",
        "invoice": f"INV-2026-{at:07d}",
        "static address": f"10.{at // 65536}.{at // 256 % 256}.{at % 256}",
        "MAC that nobody has": "48:8F:5A:00:00:01",
        "nonsense": f"zz{at}qq",
    }
    found = {what: PeopleFilter(text=text) for what, text in texts.items()}
    return found | {
        "whole list": PeopleFilter(),
        "area": PeopleFilter(area=f"jabar/kota{at % 20}"),
        "overdue": PeopleFilter(money="overdue"),
        "walled": PeopleFilter(access="walled"),
    }


async def _fill(database: Database, people: int, months: int) -> None:
    actor = Actor("bench", "cli")
    await ManagePlans(database, "IDR").add(PLANS["HOME20"], "HOME20.toml", actor=actor, now=NOW)
    async with database.read() as work:
        offer = (await work.services.offers(["HOME20"], TODAY))["home20"]
    ids = [(uuid4(), uuid4()) for _ in range(people)]
    for start in range(0, people, 5000):
        some = range(start, min(start + 5000, people))
        async with database.write() as work:
            at = work.connection
            await insert_rows(at, subscribers, _PERSON, [_person(ids[n][0], n) for n in some])
            rows = [_service(ids[n], offer.plan_version_id, n) for n in some]
            await insert_rows(at, services, _SERVICE, rows)
            names = [(uuid4(), ids[n][1], "password", f"user{n}@net", f"user{n}@net", NOW) for n in some]
            await insert_rows(at, credentials, _CREDENTIAL, names)
            due = [dict(zip(_DUE, _entitled(ids[n][1], n), strict=True)) for n in some]
            await at.execute(insert(desired), due)
    for month in range(months):
        async with database.write() as work:
            rows = [_invoice(ids[n][0], n, month) for n in range(people)]
            await insert_rows(work.connection, invoices, _INVOICE, rows)


def _person(subscriber_id: UUID, n: int) -> tuple[Any, ...]:
    name = f"{_FIRST[n % len(_FIRST)]} {_LAST[n % len(_LAST)]} {n % 97}"
    street = f"Jalan Melati {n % 200}, RT {n % 9} RW {n % 14}"
    area = f"jabar/kota{n % 20}/rw{n % 14:02d}"
    phone = f"+62812{n:08d}"
    return (subscriber_id, str(100_001 + n), name, phone, f"user{n}@mail.example", street, area, "IDR", "active", NOW)


def _service(ids: tuple[UUID, UUID], version_id: UUID, n: int) -> tuple[Any, ...]:
    address = f"10.{n // 65536}.{n // 256 % 256}.{n % 256}" if n % 10 == 0 else None
    began_on = TODAY - timedelta(days=800)
    return (ids[1], ids[0], version_id, "active", NOW, n % 28 + 1, "Asia/Jakarta", began_on, address, NOW)


def _entitled(service_id: UUID, n: int) -> tuple[Any, ...]:
    access = "walled" if n % 20 == 0 else "active"
    return (service_id, access, "ok", "x", {"access": access}, "start", NOW)


def _invoice(subscriber_id: UUID, n: int, month: int) -> tuple[Any, ...]:
    issued_on = TODAY - timedelta(days=30 * month + 15)
    is_open = month == 0 and n % 4 == 0
    number = f"INV-2026-{n:07d}" if month == 0 else f"INV-{month}-{n:07d}"
    due_on = issued_on + timedelta(days=10)
    return (
        uuid4(), number, subscriber_id, "issued" if is_open else "paid", issued_on, due_on, issued_on,
        issued_on + timedelta(days=30), "Asia/Jakarta", "IDR", 0, 275_000, 0 if is_open else 275_000, NOW, "invoice",
        "",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
