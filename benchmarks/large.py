"""`make bench-large`: pages over two years of usage, 50 million slices in PostgreSQL, over HTTP from a real daemon.

    python -m benchmarks.large [--slices 50000000] [--services 20000] [--nas 100] [--months 24]

Slices and sessions are made by SQL, hours, days and months from them by the program's own definitions. PostgreSQL is
then restarted with an ISP's settings, and each page is asked for at once after that restart and again when warm. What
the pages sum up is compared with the raw slices, octet by octet. The exit code is 1 if a bar is missed.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg

from benchmarks.bars import Bar, at_most, print_bars
from benchmarks.contenders import POSTGRESQL, sources
from benchmarks.run import write_results
from benchmarks.seed import seed_database
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.partitions import PartitionStore
from netbilld.model.periods import local_date, local_midnight
from netbilld.panel.live import TICK_SECONDS
from netbilld.services.check_usage import CheckUsage
from tests.daemon_process import DaemonProcess
from tests.postgres import Cluster, cluster

ZONE: Final = "Asia/Jakarta"
LIMIT_MS: Final = 300.0
SETTLE_SECONDS: Final = 6.0  # work that failed is begun again within five, and its own reading is not measured
SLICES_A_SESSION: Final = 51
FIRST_SESSION: Final = 9 << 40
# while the data is made: it can be made again, so nothing waits for the disk
MAKING: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "256MB",
    "autovacuum": "off",
    "jit": "off",
}


class Town:
    """What is made: `slices` of five minutes each, of everybody in turn, evenly over the months until now."""

    def __init__(self, options: argparse.Namespace, now: datetime) -> None:
        self.services: Final[int] = options.services
        self.nas: Final[int] = options.nas
        self.now: Final = now
        self.first_at: Final = _months_before(now, options.months)
        self.each: Final[int] = options.slices // options.services
        self.gap_seconds: Final = int((now - self.first_at).total_seconds()) // self.each

    @property
    def slices(self) -> int:
        return self.each * self.services

    def made_of(self, first: int, end: int) -> str:
        """Return a query of the slices numbered [first, end) of everybody, in order of time.

        Each begins at a round five minutes, so that none spans an hour. One subscriber in 97 uses thirty times as much.
        """
        start = (
            f"to_timestamp({int(self.first_at.timestamp())} + "
            f"((n::bigint * {self.gap_seconds} + (who.number * 7919) % {self.gap_seconds}) / 300) * 300)"
        )
        much = "(CASE WHEN who.number % 97 = 0 THEN 30 ELSE 1 END)"
        return (
            f"SELECT who.id, {FIRST_SESSION} + who.number * 1024 + n / {SLICES_A_SESSION}, NULL::bigint, "
            f"{start}, {start} + interval '5 minutes', "
            f"((n::bigint * 104729 + who.number * 7907) % 20000000) * {much}, "
            f"((n::bigint * 1299709 + who.number * 15485863) % 180000000) * {much}, 'radius', FALSE "
            f"FROM generate_series({first}, {end - 1}) n CROSS JOIN bench_services who"
        )


def main() -> int:
    """Make it, measure, and print figures beside their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=50_000_000)
    parser.add_argument("--services", type=int, default=20_000)
    parser.add_argument("--nas", type=int, default=100)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--check-days", type=int, default=3, help="of which every roll-up is compared, one by one")
    parser.add_argument("--times", type=int, default=8, help="that each page is asked for when warm")
    parser.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS, help="after a restart of PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
        figures, bars = measure(Path(directory), options)
    write_results("large", figures, bars)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return the figures and what they are held against."""
    directory.chmod(0o755)
    town = Town(options, datetime.now(UTC))
    with cluster(shared_buffers=POSTGRESQL["shared_buffers"], max_connections="60") as running, ExitStack() as stack:
        daemon = stack.enter_context(seeded(directory, running, options))
        began = time.monotonic()
        asyncio.run(make(daemon, town))
        made_seconds = time.monotonic() - began
        running.stop("fast")
        running.start()
        daemon.start()
        figures, bars = asyncio.run(_measure(daemon, running, town, options))
        daemon.terminate()
    return {"slices": town.slices, "services": town.services, "made_seconds": round(made_seconds), **figures}, bars


@contextmanager
def seeded(directory: Path, running: Cluster, options: argparse.Namespace) -> Iterator[DaemonProcess]:
    with DaemonProcess(directory / "netbilld", running.new_database()) as daemon:
        daemon.directory.mkdir()
        daemon.environment["NETBILLD_TIMEZONE"] = ZONE  # days and months are made by it
        daemon.init()
        url, key_file = daemon.environment["NETBILLD_DATABASE_URL"], daemon.data_dir / "secret.key"
        say("seed")
        asyncio.run(seed_database(url, key_file, options.services, sources(options.nas)))
        say("first start")
        daemon.start()  # the very first start records what everybody is due
        while "everything due is on record" not in daemon.log:
            time.sleep(0.2)
        daemon.terminate()
        yield daemon


# -- making it ---------------------------------------------------------------------------------------------------------


async def make(daemon: DaemonProcess, town: Town) -> None:
    connection = await connect(daemon)
    try:
        for name, value in MAKING.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await connection.execute("SELECT pg_reload_conf()")
        say("partitions")
        await _partitions(daemon, town)
        await connection.execute(
            "CREATE TABLE bench_services AS WITH numbered AS (SELECT services.id, credentials.name AS username, "
            "row_number() OVER (ORDER BY credentials.name_key) - 1 AS number FROM services JOIN credentials ON "
            "credentials.service_id = services.id), routers AS (SELECT id, row_number() OVER (ORDER BY name) - 1 AS "
            "number FROM nas) SELECT numbered.*, routers.id AS nas_id FROM numbered JOIN routers ON routers.number = "
            f"numbered.number % {town.nas} ORDER BY numbered.number"
        )
        await connection.execute("ANALYZE bench_services")
        await _without_indexes(connection, ("usage_slices",), _slices(connection, town))
        await _sessions(connection, town)
        await _without_indexes(connection, ("usage_hours",), _hours(connection))
        await _roll_ups(connection, town)
        await _samples(connection, town)
        await connection.execute("DROP TABLE bench_services")
        say("vacuum")
        await connection.execute("VACUUM ANALYZE")
        for name in MAKING:
            await connection.execute(f"ALTER SYSTEM RESET {name}")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _partitions(daemon: DaemonProcess, town: Town) -> None:
    """Make the partitions of the months before, as the daemon would have done then."""
    database = Database(daemon.environment["NETBILLD_DATABASE_URL"])
    month_at = town.first_at
    while month_at < town.now + timedelta(days=31):
        async with database.write() as work:
            await PartitionStore(work.connection).make_ahead(month_at)
        month_at += timedelta(days=28)
    await database.close()


async def _without_indexes(connection: Any, tables: tuple[str, ...], load: Any) -> None:
    """Load while the tables have no index, then make the same ones again: several times as fast."""
    made = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition, conname, "
        "pg_get_constraintdef(pg_constraint.oid) AS constraint, indrelid::regclass::text AS table FROM pg_index "
        "LEFT JOIN pg_constraint ON conindid = indexrelid WHERE indrelid = ANY ($1::regclass[])",
        list(tables),
    )
    for row in made:
        what = f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['conname']}" if row["conname"] else ""
        await connection.execute(what or f"DROP INDEX {row['name']}")
    await load
    say("indexes")
    for row in made:
        what = (
            f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['conname']} {row['constraint']}" if row["conname"] else ""
        )
        await connection.execute(what or row["definition"].replace(" ON ONLY ", " ON "))


async def _slices(connection: Any, town: Town) -> None:
    step = max(1, 1_000_000 // town.services)
    for first in range(0, town.each, step):
        await connection.execute(f"INSERT INTO usage_slices {town.made_of(first, min(first + step, town.each))}")
        say(f"slices {100 * (first + step) // town.each} %")


async def _sessions(connection: Any, town: Town) -> None:
    """Make the sessions that the slices name; everybody's last one is open."""
    say("sessions")
    await connection.execute(
        "INSERT INTO sessions (id, nas_id, service_id, username, acct_session_id, acct_session_key, state, framed_ip, "
        "mac, started_at, updated_at, stopped_at, terminate_cause, session_seconds, upload_octets, download_octets, "
        "counter_upload_octets, counter_download_octets, swapped, upload_bps, download_bps, interval_seconds) "
        "SELECT s.session_id, who.nas_id, who.id, who.username, 's' || s.session_id, 's' || s.session_id, "
        "CASE WHEN is_last THEN 'live' ELSE 'closed' END, "
        "host('100.64.0.0'::inet + who.number), NULL, s.start_at, s.end_at, CASE WHEN is_last THEN NULL ELSE s.end_at "
        "END, CASE WHEN is_last THEN NULL ELSE 'User-Request' END, 300, up, down, up, down, FALSE, up / 3600, "
        "down / 3600, 300 "
        "FROM (SELECT service_id, session_id, min(start_at) AS start_at, max(end_at) AS end_at, "
        "sum(upload_octets)::bigint AS up, sum(download_octets)::bigint AS down, "
        "max(end_at) = max(max(end_at)) OVER (PARTITION BY service_id) AS is_last "
        "FROM usage_slices GROUP BY 1, 2) s JOIN bench_services who ON who.id = s.service_id "
        "ORDER BY s.start_at"  # as they are written in life
    )
    await connection.execute("UPDATE sessions SET updated_at = $1 WHERE stopped_at IS NULL", town.now)
    await connection.execute(
        "INSERT INTO observed SELECT sessions.id, desired.service_id, desired.access, desired.profile_key, 'login', "
        "sessions.started_at FROM sessions JOIN desired USING (service_id) WHERE stopped_at IS NULL"
    )


async def _hours(connection: Any) -> None:
    for month in await _months(connection, "usage_slices"):
        await connection.execute(
            "INSERT INTO usage_hours SELECT service_id, date_trunc('hour', start_at, 'UTC'), sum(upload_octets), "
            f"sum(download_octets), 0 FROM {month} GROUP BY 1, 2 ORDER BY 2, 1"
        )
        say(f"hours of {month}")
    say("hours of NAS")
    await connection.execute(
        "INSERT INTO usage_nas_hours SELECT nas_id, hour_at, sum(upload_octets), sum(download_octets) "
        "FROM usage_hours JOIN bench_services ON bench_services.id = service_id GROUP BY 1, 2 ORDER BY 2, 1"
    )


async def _roll_ups(connection: Any, town: Town) -> None:
    """Roll up to where a daemon would have: hours that ended twenty minutes ago."""
    mark = (town.now - timedelta(minutes=20)).replace(minute=0, second=0, microsecond=0)
    local = f"(hour_at AT TIME ZONE '{ZONE}')::date"
    for month in await _months(connection, "usage_hours"):
        # a local month reaches into two partitions: what is there already is added to
        await connection.execute(
            f"INSERT INTO usage_days SELECT service_id, {local}, sum(upload_octets), sum(download_octets), 0 "
            f"FROM {month} WHERE hour_at < $1 GROUP BY 1, 2 ORDER BY 2, 1 "
            "ON CONFLICT (service_id, day_on) DO UPDATE SET "
            "upload_octets = usage_days.upload_octets + excluded.upload_octets, "
            "download_octets = usage_days.download_octets + excluded.download_octets",
            mark,
        )
        say(f"days of {month}")
    await connection.execute(
        "INSERT INTO usage_months SELECT service_id, date_trunc('month', day_on)::date, sum(upload_octets), "
        "sum(download_octets), 0 FROM usage_days GROUP BY 1, 2 ORDER BY 2, 1"
    )
    await connection.execute(
        "INSERT INTO usage_all_days (day_on, upload_octets, download_octets) "
        "SELECT day_on, sum(upload_octets), sum(download_octets) FROM usage_days GROUP BY 1 ORDER BY 1"
    )
    await connection.execute(
        f"INSERT INTO usage_nas_days SELECT nas_id, {local}, sum(upload_octets), sum(download_octets) "
        "FROM usage_nas_hours WHERE hour_at < $1 GROUP BY 1, 2 ORDER BY 2, 1",
        mark,
    )
    await connection.execute(
        "INSERT INTO usage_marks VALUES ('rolled', $1) ON CONFLICT (name) DO UPDATE SET at = excluded.at", mark
    )
    await connection.execute(
        "INSERT INTO usage_periods SELECT service_id, month_on, (month_on + interval '1 month')::date, upload_octets, "
        "download_octets, 0 FROM usage_months"
    )


async def _samples(connection: Any, town: Town) -> None:
    """Make two days of samples, as busy as the hours say."""
    say("samples")
    await connection.execute(
        "INSERT INTO nas_samples SELECT nas.id, at, 3000000, 30000000 + (random() * 9000000)::bigint, 200 FROM nas, "
        "generate_series(date_trunc('minute', $1::timestamptz) - interval '2 days', $1, interval '1 minute') at "
        "ON CONFLICT DO NOTHING",
        town.now,
    )
    await connection.execute(
        "INSERT INTO throughput_samples SELECT at, 300000000, 3000000000 + (random() * 9e8)::bigint, 20000 FROM "
        "generate_series(date_trunc('minute', $1::timestamptz) - interval '2 days', $1, interval '10 seconds') at "
        "ON CONFLICT DO NOTHING",
        town.now,
    )


async def _months(connection: Any, table: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1", table
    )
    return [row["name"] for row in rows]


# -- measuring it ------------------------------------------------------------------------------------------------------


async def _measure(
    daemon: DaemonProcess, running: Cluster, town: Town, options: argparse.Namespace
) -> tuple[dict[str, Any], list[Bar]]:
    connection = await connect(daemon)
    today = local_date(town.now, ZONE)
    last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    month = f"from={last_month}&to={today.replace(day=1) - timedelta(days=1)}"
    row = await connection.fetchrow(
        "SELECT services.id, subscribers.number, nas.id AS nas_id, nas.name AS nas, sessions.framed_ip "
        "FROM sessions JOIN services ON services.id = sessions.service_id "
        "JOIN subscribers ON subscribers.id = services.subscriber_id JOIN nas ON nas.id = sessions.nas_id "
        "WHERE sessions.stopped_at IS NULL ORDER BY sessions.id OFFSET $1 LIMIT 1",
        town.services // 3,
    )
    at = (town.now - timedelta(days=200)).strftime("%Y-%m-%d+%H:%M")
    pages = {
        "subscriber month": f"/subscribers/{row['number']}/usage?by=day&span=month&{month}",
        "top 100 of last month": "/usage?period=last_month&limit=100&span=month",
        "top 100 of this month": "/usage?period=month&limit=100&span=day",
        "top 100 of 7 days": "/usage?period=7days&limit=100&span=week",
        "NAS day": f"/nas/{row['nas']}?span=day",
        "NAS day as JSON": f"/data/usage?nas={row['nas']}&span=week",
        "NAS year": f"/nas/{row['nas']}?span=year",
        "network year": "/usage?span=year",
        "dashboard": "/",
        "subscriber": f"/subscribers/{row['number']}",
        "who held an address": f"/sessions/held?address={row['framed_ip']}&at={at}",
    }
    await connection.close()
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    base = f"http://127.0.0.1:{daemon.panel_port}"
    jar = aiohttp.CookieJar(unsafe=True)  # the daemon is asked by its address
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        await sign_in(client, base)
        for name, path in pages.items():
            running.stop("fast")
            running.start()
            await _reached(client, base, options.settle_seconds)
            cold = await asked(client, base + path)
            warm = []
            for _ in range(options.times):
                if path == "/":  # what moves there is read once a second, for all who look
                    await asyncio.sleep(TICK_SECONDS + 0.1)
                warm.append(await asked(client, base + path))
            figures[name] = {"after_restart_ms": round(cold, 1), "warm_ms": round(statistics.median(warm), 1)}
            say(f"{name}: {figures[name]}")
            bars.append(at_most(f"{name}, after a restart of PostgreSQL", cold, LIMIT_MS, "ms"))
            bars.append(at_most(f"{name}, warm", statistics.median(warm), LIMIT_MS, "ms"))
        csv = await text(client, f"{base}/usage/top.csv?{month}&limit=100")
        mine = await text(client, f"{base}/subscribers/{row['number']}/usage.csv?by=day&{month}")
    wrong = await _differences(daemon, options, (csv, mine), (row["id"], row["nas_id"]), last_month, today)
    for line in wrong:
        print(line, file=sys.stderr)
    bars.append(at_most("sums that differ from the raw slices", len(wrong), 0))
    return {"pages": figures, "differences": wrong}, bars


async def _differences(
    daemon: DaemonProcess,
    options: argparse.Namespace,
    files: tuple[str, str],
    whose: tuple[UUID, UUID],
    month_on: date,
    today: date,
) -> list[str]:
    """Return what of the pages' sums is not what the slices say."""
    say("sums of the slices")
    wrong = []
    from_at, to_at = local_midnight(month_on, ZONE), local_midnight(today.replace(day=1), ZONE)
    connection = await connect(daemon)
    try:
        top = await connection.fetch(
            "SELECT sum(upload_octets)::bigint AS up, sum(download_octets)::bigint AS down FROM usage_slices WHERE "
            "start_at >= $1 AND start_at < $2 GROUP BY service_id ORDER BY sum(upload_octets + download_octets) DESC, "
            "service_id LIMIT 100",
            from_at,
            to_at,
        )
        shown = [[int(cell) for cell in line.rsplit(",", 3)[1:3]] for line in files[0].splitlines()[1:]]
        if shown != [[row["up"], row["down"]] for row in top]:
            wrong.append("the top 100 of last month")
        days = await connection.fetch(
            f"SELECT (start_at AT TIME ZONE '{ZONE}')::date AS day_on, sum(upload_octets)::bigint AS up, "
            "sum(download_octets)::bigint AS down FROM usage_slices WHERE service_id = $1 AND start_at >= $2 AND "
            "start_at < $3 GROUP BY 1 ORDER BY 1",
            whose[0],
            from_at,
            to_at,
        )
        lines = [line.split(",")[:3] for line in files[1].splitlines()[1:]]
        if lines != [[str(row["day_on"]), str(row["up"]), str(row["down"])] for row in days]:
            wrong.append("the subscriber's month")
        day = from_at + timedelta(days=10)
        raw = await connection.fetchrow(
            "SELECT sum(s.upload_octets)::bigint AS up, sum(s.download_octets)::bigint AS down FROM usage_slices s "
            "JOIN sessions ON sessions.id = s.session_id "
            "WHERE sessions.nas_id = $1 AND s.start_at >= $2 AND s.start_at < $3",
            whose[1],
            day,
            day + timedelta(days=1),
        )
        kept = await connection.fetchrow(
            "SELECT upload_octets AS up, download_octets AS down FROM usage_nas_days WHERE nas_id = $1 AND day_on = $2",
            whose[1],
            local_date(day, ZONE),
        )
        if tuple(raw) != tuple(kept):
            wrong.append(f"the NAS's day: {tuple(raw)} in slices, {tuple(kept)} rolled up")
        for table in ("usage_hours", "usage_nas_hours"):
            sums = [
                tuple(await connection.fetchrow(f"SELECT sum(upload_octets), sum(download_octets) FROM {name}"))
                for name in ("usage_slices", table)
            ]
            if sums[0] != sums[1]:
                wrong.append(f"all of {table}: {sums}")
    finally:
        await connection.close()
    database = Database(daemon.environment["NETBILLD_DATABASE_URL"])
    first_on = today - timedelta(days=options.check_days)
    for check in await CheckUsage(database, ZONE).run(first_on, today + timedelta(days=1)):
        say(f"{check.name}: {check.detail}")
        if not check.is_ok:
            wrong.append(f"{check.name}: {check.detail}")
    await database.close()
    return wrong


async def sign_in(client: aiohttp.ClientSession, base: str) -> None:
    page = await text(client, f"{base}/signin")
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"csrf": token, "email": "admin@example.net", "password": "a long enough password"}
    async with client.post(f"{base}/signin", data=form, headers={"Origin": base}) as answer:
        if answer.status != 200 or answer.url.path == "/signin":
            raise RuntimeError(f"signing in ended at {answer.url} with {answer.status}")


async def asked(client: aiohttp.ClientSession, url: str) -> float:
    """Return how long a page took, to its last octet, in milliseconds."""
    began = time.perf_counter()
    await text(client, url)
    return (time.perf_counter() - began) * 1000


async def text(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise RuntimeError(f"{url} answered {answer.status}: {text[-500:]}")
        return text


async def _reached(client: aiohttp.ClientSession, base: str, settle_seconds: float) -> None:
    """Wait until all of the daemon has found PostgreSQL again; the page asked for is one that is not measured."""
    for _ in range(300):
        async with client.get(f"{base}/profile") as answer:
            if answer.status == 200:
                await asyncio.sleep(settle_seconds)
                return
        await asyncio.sleep(0.1)
    raise RuntimeError("the daemon does not find PostgreSQL again")


async def connect(daemon: DaemonProcess) -> Any:
    return await asyncpg.connect(daemon.environment["NETBILLD_DATABASE_URL"].replace("+asyncpg", ""))


def _months_before(now: datetime, months: int) -> datetime:
    month = now.year * 12 + now.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
