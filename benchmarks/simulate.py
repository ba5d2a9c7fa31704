"""How long a draft plan takes over many services' past: `python -m benchmarks.simulate [--services N] [--hours]`.

SQLite in a directory of its own. Without --hours the draft has an allowance only and is priced by the sums of periods;
with it happy hours too, so that each service's 720 hours are read.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

from sqlalchemy import insert

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import usage_hours, usage_periods
from netbilld.billing.plan_file import parse_plan, plan_from_definition
from netbilld.model.actor import Actor
from netbilld.model.periods import local_midnight
from netbilld.model.subscriber import Service, Subscriber
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.simulate_plan import SimulatePlan

ZONE = "Asia/Jakarta"
MONTH = date(2026, 3, 1)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAN = """
code = "{code}"
name = "{code}"
timing = "postpaid"
charging = "{charging}"
[recurring]
price = {price}
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "200GB"
after = "{after}"
{rest}
"""
PRICED = "[usage]\nprice_per_gb = 1000\n"
HAPPY = '[[happy]]\nname = "Malam"\nhours = ["daily 00:00-06:00"]\nweight = "1/2"\n'
THROTTLED = 'throttled = { down = "2M", up = "1M" }\n'


async def fill(database: Database, services: int, *, with_hours: bool) -> None:
    """Make subscribers of one plan with a month of usage."""
    chance = Random(1)
    own = PLAN.format(code="OWN", charging="hybrid", price=200_000, after="charge", rest=PRICED)
    await ManagePlans(database, "IDR").add(own, "own.toml", actor=Actor("bench", "cli"), now=NOW - timedelta(days=400))
    made_at = NOW - timedelta(days=300)
    async with database.read() as work:
        version = await work.plans.by_code("OWN")
    assert version is not None
    start = 0
    while start < services:
        count = min(2_000, services - start)
        async with database.write() as work:
            people = [
                Subscriber(
                    uuid4(), str(100_001 + start + n), f"S{start + n}", None, None, None, None, "IDR", "active", made_at
                )
                for n in range(count)
            ]
            await work.subscribers.add(*people)
            lines = [
                Service(
                    id=uuid4(), subscriber_id=one.id, plan_version_id=version.id, status="active", status_reason=None,
                    status_since_at=made_at, billing_day=1, timezone=ZONE, activated_on=date(2025, 10, 1),
                    paid_until_on=None, static_ip=None, created_at=made_at, ended_at=None,
                )
                for one in people
            ]  # fmt: skip
            await work.services.add(*lines)
            used: list[tuple[UUID, int]] = [(one.id, chance.randrange(400 * 10**9)) for one in lines]
            octets = {"upload_octets": 0, "charged_minor": 0}
            await work.connection.execute(
                insert(usage_periods),
                [
                    {"service_id": key, "start_on": MONTH, "end_on": date(2026, 4, 1), "download_octets": total}
                    | octets
                    for key, total in used
                ],
            )
            if with_hours:
                from_at = local_midnight(MONTH, ZONE)
                for key, total in used:
                    hourly = {"service_id": key, "download_octets": total // 743} | octets
                    hours = [{"hour_at": from_at + timedelta(hours=hour)} | hourly for hour in range(743)]
                    await work.connection.execute(insert(usage_hours), hours)
        start += count


async def run(services: int, *, with_hours: bool) -> None:
    """Fill, simulate, and print figures."""
    with tempfile.TemporaryDirectory() as directory:
        database = Database(sqlite_url(Path(directory) / "bench.db"))
        await upgrade(database)
        await fill(database, services, with_hours=with_hours)
        rest = THROTTLED + HAPPY if with_hours else THROTTLED
        draft = plan_from_definition(
            parse_plan(
                PLAN.format(code="DRAFT", charging="flat", price=180_000, after="throttle", rest=rest),
                "draft.toml",
                "IDR",
            )
        )
        async with database.read() as work:
            named = await work.simulations.named(local_midnight(MONTH, ZONE), date(2026, 3, 31), None)
        before = time.perf_counter()
        own_minor = draft_minor = hits = count = 0
        async for one in SimulatePlan(database).run(named, draft, MONTH, date(2026, 3, 31), now=NOW):
            own_minor, draft_minor = own_minor + one.own.total_minor, draft_minor + one.draft.total_minor
            hits, count = hits + one.draft.used_up, count + 1
        seconds = time.perf_counter() - before
        await database.close()
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} services in {seconds:.1f} s, {count / seconds:.0f} a second, at most {mebibytes} MiB")
    print(f"own {own_minor}, draft {draft_minor}, allowance used up by {hits}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=20_000)
    parser.add_argument("--hours", action="store_true", help="a draft with happy hours: every hour is read")
    options = parser.parse_args()
    asyncio.run(run(options.services, with_hours=options.hours))


if __name__ == "__main__":
    main()
