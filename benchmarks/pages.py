"""Every page over 20,000 subscribers with two years of invoices and usage, and log-ins beside a hundred who click.

    python -m benchmarks.pages [--services 20000] [--slices 15000000] [--months 24] [--clickers 100]

PostgreSQL has an ISP's settings; a real daemon answers over HTTP. Every page of the panel that a route names is asked
for several times, each time about another subscriber, invoice or NAS; so is every search, and every page that the
portal leads to. Then log-ins arrive at a steady pace, first alone and then beside people who open a page every five
seconds. The exit code is 1 if a bar is missed.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from benchmarks import large, paid_years
from benchmarks.bars import Bar, at_most, print_bars
from benchmarks.contenders import POSTGRESQL
from benchmarks.latency import percentile
from benchmarks.run import build_client, write_results
from benchmarks.seed import SECRET, name_and_password
from netbilld.model.periods import local_date
from netbilld.panel.routes import ROUTES
from netbilld.panel.visit import Public
from netbilld.services.reports.catalogue import REPORTS
from tests.daemon_process import DaemonProcess
from tests.postgres import cluster

PAGE_MS, LOG_IN_MS = 100.0, 20.0
LOG_INS_A_SECOND: Final = 1_000
STORM_SECONDS: Final = 20
CLICK_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 30.0
REALTIME: Final = "5"
_PART: Final = re.compile(r"(?P<directory>[a-z-]*)/\{\w+(?::(?:[^{}]|\{[^{}]*\})*)?\}")
_NO_PAGE: Final = re.compile(
    r"^/live/|^/static|^/reports/\{|\.(?:csv|xlsx|pdf|js|json|zip)$|/(?:csv|xlsx|pdf|print|proof)$"
)
Subjects = Mapping[str, Sequence[str]]


def main() -> int:
    """Make it, measure, and print figures beside their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=15_000_000)
    parser.add_argument("--services", type=int, default=20_000)
    parser.add_argument("--nas", type=int, default=100)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--times", type=int, default=20, help="that each page is asked for")
    parser.add_argument("--clickers", type=int, default=100)
    parser.add_argument("--realtime", action="store_true", help="measure before all else that this machine does")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
        figures, bars = measure(Path(directory), options)
    write_results("pages", figures, bars)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return the figures and what they are held against."""
    directory.chmod(0o755)
    town = large.Town(options, datetime.now(UTC))
    today = local_date(town.now, large.ZONE)
    days = paid_years.months(local_date(town.first_at, large.ZONE), options.months + 1)
    with (
        cluster(shared_buffers=POSTGRESQL["shared_buffers"], max_connections="60") as running,
        large.seeded(directory, running, options) as daemon,
    ):
        daemon.environment["NETBILLD_PANEL__OWN_PROCESS"] = "true"  # as it is beside any database server
        url = daemon.environment["NETBILLD_DATABASE_URL"]
        asyncio.run(large.make(daemon, town))
        asyncio.run(_people(daemon, days))
        documents = paid_years.invoices(url, days, large.say)
        asyncio.run(paid_years.payments(url, today))
        running.stop("fast")
        running.start()
        if options.realtime:
            subprocess.run(["chrt", "-r", "-p", REALTIME, str(running.pid)], check=True)  # inherited by what it forks
            subprocess.run(["chrt", "-r", "-p", REALTIME, str(os.getpid())], check=True)  # by daemon and client
        daemon.start()
        time.sleep(SETTLE_SECONDS)  # what a first start has to catch up with
        figures, bars = asyncio.run(_measure(daemon, options))
        daemon.terminate()
    return {"invoices": documents, "slices": town.slices, "services": town.services, **figures}, bars


async def _people(daemon: DaemonProcess, days: list[Any]) -> None:
    connection = await large.connect(daemon)
    await paid_years.people(connection, days[0])
    await connection.close()


async def _measure(daemon: DaemonProcess, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    chance = random.Random(20_000)
    subjects = await _subjects(daemon, options)
    paths, left_out = _pages(subjects)
    paths |= _searches(subjects) | _reports()
    jar = aiohttp.CookieJar(unsafe=True)  # the daemon is asked by its address
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        base = f"http://127.0.0.1:{daemon.panel_port}"
        await large.sign_in(client, base)
        left_out += await _without(client, base, paths)
        took = await _each(client, base, paths, options.times, chance)
        took |= await _portal(daemon, options, chance)
        quiet = await _storm(daemon, options)
        busy, clicked = await _storm_beside(daemon, options, client, paths, chance)
    slow = {name: round(percentile(of, 0.95), 1) for name, of in took.items()}
    for name, figure in sorted(slow.items(), key=lambda item: -item[1])[:15]:
        large.say(f"{figure:8.1f} ms  {name}")
    worst = max(slow, key=lambda name: slow[name])
    everything = sorted(one for of in took.values() for one in of)
    bars = [
        at_most(f"slowest page or search, p95 ({worst})", slow[worst], PAGE_MS, "ms"),
        at_most("pages and searches above it", sum(figure > PAGE_MS for figure in slow.values()), 0),
        at_most("all pages and searches together, p95", percentile(everything, 0.95), PAGE_MS, "ms"),
        at_most(f"log-ins at {LOG_INS_A_SECOND}/s, nobody clicks, p99", quiet["p99_ms"], LOG_IN_MS, "ms"),
        at_most(f"log-ins beside {options.clickers} who click, p99", busy["p99_ms"], LOG_IN_MS, "ms"),
        at_most("log-ins lost", quiet["lost"] + busy["lost"], 0),
    ]
    figures = {
        "pages": slow,
        "left_out": left_out,
        "log_ins": {"quiet": quiet, "beside": busy},
        "clicked_p95_ms": round(percentile(clicked, 0.95), 1),
        "clicked": len(clicked),
    }
    large.say(f"{len(slow)} pages and searches; beside log-ins a click took {figures['clicked_p95_ms']} ms (p95)")
    if left_out:
        large.say(f"left out, nothing to ask them about: {', '.join(left_out)}")
    return figures, bars


# -- what is asked for -------------------------------------------------------------------------------------------------


async def _subjects(daemon: DaemonProcess, options: argparse.Namespace) -> Subjects:
    """Return what the paths are about, by the directory that it stands behind."""
    connection = await large.connect(daemon)
    few = f"OFFSET {options.services // 3} LIMIT {options.times}"
    queries = {
        "subscribers": f"SELECT number FROM subscribers ORDER BY number {few}",
        "services": f"SELECT s.id::text FROM services s JOIN subscribers ON subscribers.id = subscriber_id ORDER BY "
        f"number {few}",
        "invoices": f"SELECT number FROM invoices ORDER BY number {few}",
        "payments": f"SELECT id::text FROM payments ORDER BY recorded_at, id {few}",
        "nas": "SELECT name FROM nas ORDER BY name LIMIT 20",
        "plans": "SELECT code FROM plans",
        "sessions": f"SELECT id::text FROM sessions WHERE stopped_at IS NULL ORDER BY id {few}",
        "name": f"SELECT name FROM subscribers ORDER BY number {few}",
        "phone": f"SELECT phone FROM subscribers ORDER BY number {few}",
        "street": f"SELECT address FROM subscribers ORDER BY number {few}",
        "user name": f"SELECT name FROM credentials ORDER BY name {few}",
        "address": f"SELECT framed_ip FROM sessions WHERE stopped_at IS NULL ORDER BY id {few}",
    }
    found = {name: [row[0] for row in await connection.fetch(query)] for name, query in queries.items()}
    await connection.close()
    return found


def _pages(subjects: Subjects) -> tuple[dict[str, list[str]], list[str]]:
    """Return the paths of every page, by its route, and the routes there is nothing to ask about."""
    pages: dict[str, list[str]] = {}
    left_out = []
    for route in ROUTES:
        if route.method != "GET" or route.access is Public.ANYBODY or _NO_PAGE.search(route.path):
            continue
        directories = [part["directory"] for part in _PART.finditer(route.path)]
        if all(subjects.get(directory) for directory in directories):
            most = max([len(subjects[directory]) for directory in directories], default=1)
            pages[route.path] = [_filled(route.path, subjects, number) for number in range(most)]
        else:
            left_out.append(route.path)
    return pages, left_out


def _filled(path: str, subjects: Subjects, number: int) -> str:
    def put(part: re.Match[str]) -> str:
        values = subjects[part["directory"]]
        return f"{part['directory']}/{quote(values[number % len(values)], safe='')}"

    return _PART.sub(put, path)


def _searches(subjects: Subjects) -> dict[str, list[str]]:
    kinds = ("subscribers", "invoices", "name", "phone", "street", "user name", "address")
    found = {f"search by {kind}": [f"/subscribers?q={quote(one)}" for one in subjects[kind]] for kind in kinds}
    found["search that finds many"] = ["/subscribers?q=budi", "/subscribers?q=melati"]
    found["search that finds nobody"] = ["/subscribers?q=nobodyiscalledthat"]
    return found


def _reports() -> dict[str, list[str]]:
    """Return every report as each of its tables, of the days that it is about unless told."""
    return {
        f"report {report.name} by {table.by}": [f"/reports/{report.name}?by={table.by}"]
        for report in REPORTS.values()
        for table in report.tables
    }


# -- asking ------------------------------------------------------------------------------------------------------------


async def _each(
    client: aiohttp.ClientSession, base: str, paths: Mapping[str, list[str]], times: int, chance: random.Random
) -> dict[str, list[float]]:
    """Return the milliseconds that each page took, all of them in an order of chance."""
    turns = [(name, some[number % len(some)]) for name, some in paths.items() for number in range(times)]
    chance.shuffle(turns)
    took: dict[str, list[float]] = {}
    for name, path in turns:
        took.setdefault(name, []).append(await _page(client, base + path))
    return took


async def _without(client: aiohttp.ClientSession, base: str, paths: dict[str, list[str]]) -> list[str]:
    """Take out the pages that are not there as the daemon is set, and return their names."""
    missing = []
    for name, some in paths.items():
        async with client.get(base + some[0]) as answer:
            if answer.status == 404:
                missing.append(name)
    for name in missing:
        del paths[name]
    return missing


async def _page(client: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with client.get(url) as answer:
        text = await answer.text()
        if answer.status >= 400:
            raise RuntimeError(f"{url} answered {answer.status}: {text[-500:]}")
    return (time.perf_counter() - began) * 1000


async def _portal(daemon: DaemonProcess, options: argparse.Namespace, chance: random.Random) -> dict[str, list[float]]:
    """Return the milliseconds of every page that the portal leads a few subscribers to."""
    base = f"http://127.0.0.1:{daemon.portal_port}"
    took: dict[str, list[float]] = {}
    for _ in range(5):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            username, password = name_and_password(chance.randrange(options.services))
            form = await _form(client, f"{base}/masuk")
            form |= {"name": username, "password": password}
            async with client.post(f"{base}/masuk", data=form, headers={"Origin": base}) as answer:
                if answer.url.path == "/masuk":
                    raise RuntimeError(f"signing in to the portal ended with {answer.status}")
                links = _links(await answer.text())
            for link in list(links):
                async with client.get(base + link) as answer:
                    links |= dict.fromkeys(_links(await answer.text()))
            for link in list(links)[: options.times * 3]:
                kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "…", link.partition("?")[0])
                took.setdefault(f"portal {kind}", []).append(await _page(client, base + link))
    return took


async def _form(client: aiohttp.ClientSession, url: str) -> dict[str, str]:
    """Return what the hidden fields of a page say."""
    async with client.get(url) as answer:
        text = await answer.text()
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))


def _links(text: str) -> dict[str, None]:
    found = re.findall(r'href="(/akun[^"#]*)"', text)
    return dict.fromkeys(one.replace("&amp;", "&") for one in found if not _NO_PAGE.search(one.partition("?")[0]))


# -- log-ins beside them -----------------------------------------------------------------------------------------------


async def _storm(daemon: DaemonProcess, options: argparse.Namespace) -> dict[str, float]:
    """Return what log-ins that arrive at a steady pace saw."""
    command = [str(build_client("loadgen")), "-m", "pap", "-p", str(daemon.auth_port), "-k", SECRET]
    command += ["-u", str(options.services), "-s", "4", "-w", "64", "-x", str(LOG_INS_A_SECOND)]
    command += ["-n", str(LOG_INS_A_SECOND * STORM_SECONDS)]
    running = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await running.communicate()
    said: dict[str, Any] = json.loads(out)
    return {name: said[name] for name in ("p50_ms", "p99_ms", "lost", "resent", "accepted", "rejected")}


async def _storm_beside(
    daemon: DaemonProcess,
    options: argparse.Namespace,
    client: aiohttp.ClientSession,
    paths: Mapping[str, list[str]],
    chance: random.Random,
) -> tuple[dict[str, float], list[float]]:
    """Return what log-ins saw beside people who click, and the milliseconds of their pages."""
    base = f"http://127.0.0.1:{daemon.panel_port}"
    took: list[float] = []

    async def click() -> None:
        await asyncio.sleep(chance.uniform(0, CLICK_SECONDS))
        while True:
            some = paths[chance.choice(list(paths))]
            took.append(await _page(client, base + chance.choice(some)))
            await asyncio.sleep(CLICK_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        clicking = [tasks.create_task(click()) for _ in range(options.clickers)]
        seen = await _storm(daemon, options)
        for one in clicking:
            one.cancel()
    return seen, took


if __name__ == "__main__":
    sys.exit(main())
