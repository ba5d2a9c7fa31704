"""How far past its allowance a line of 50 Mbit/s runs: with its NAS's own reports alone, and read near the edge.

    python -m benchmarks.run --parts overshoot

A real daemon (SQLite), a simulated NAS that carries the traffic and takes the orders, and its RouterOS API on a socket.
Allowances end at another moment for each, so that they lie anywhere between two reports. What has really passed is
counted by the NAS, at the moment the order has its effect. Settles field ask 1 and BANG-2.2b: it must never exceed
line rate × (the interval observed near the edge + one round trip).
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.bars import Bar, at_most
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, quota_crossings
from netbilld.demo.nas.session import Session
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import Demand, NasSpec, SubscriberSpec
from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import free_udp_port
from tests.routeros.fake_router import FakeRouter, Line

LINE_BPS = 50_000_000
PLANS, OF_PLAN = 10, 4
SMALLEST_MB, LARGEST_MB = 100, 300  # 16 to 48 seconds of the line
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Way:
    """One way of noticing: how often the NAS reports, and how often we read near the edge; 0 is never."""

    name: str
    interim_seconds: int
    edge_seconds: float


@dataclass
class Crossing:
    """One allowance used up.

    Attributes:
        over_octets: passed beyond it when the order had its effect, as the NAS counted.
        interval_seconds: as netbilld observed it near the edge.
        trip_seconds: from the moment that netbilld found it used up to the order's effect.
    """

    username: str
    after: str
    over_octets: int
    interval_seconds: int
    trip_seconds: float

    @property
    def bound_octets(self) -> float:
        return LINE_BPS / 8 * (self.interval_seconds + self.trip_seconds)


WAYS = (
    Way("reports every 10 s, not read", 10, 0),
    Way("reports every 60 s, not read", 60, 0),
    Way("reports every 300 s, read every 5 s near the edge", 300, 5),
    Way("reports every 300 s, read every 2 s near the edge", 300, 2),
)


def plan(number: int, megabytes: int, after: str) -> str:
    slow = 'throttled = { down = "1M", up = "1M" }' if after == "throttle" else ""
    return f"""
code = "P{number}"
name = "P{number}"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "{LINE_BPS}"
up = "5M"
[allowance]
data = "{megabytes}MB"
counts = "down"
after = "{after}"
{slow}
"""


async def run(way: Way, chance: random.Random) -> list[Crossing]:
    """Let every allowance run out once, and return how far it was passed."""
    limits: dict[str, tuple[int, str]] = {}
    with tempfile.TemporaryDirectory(prefix="netbilld-overshoot-") as directory:
        settings = {
            "NETBILLD_RADIUS__INTERIM_INTERVAL": str(way.interim_seconds),
            "NETBILLD_METERING__EDGE_SECONDS": str(way.edge_seconds or 5),
            "NETBILLD_METERING__EDGE_SESSIONS": "2000" if way.edge_seconds else "0",
        }
        with DaemonProcess(Path(directory), **settings) as daemon:
            daemon.init()
            subscribers = []
            for number in range(PLANS):
                megabytes, after = chance.randint(SMALLEST_MB, LARGEST_MB), "throttle" if number % 2 else "wall"
                daemon.plan(plan(number, megabytes, after))
                for place in range(OF_PLAN):
                    username = f"home{number}-{place}"
                    limits[username] = megabytes * 10**6, after
                    wanted = LINE_BPS * chance.randint(50, 120) // 100
                    subscribers.append(
                        SubscriberSpec(
                            username=username,
                            password="pw",
                            mac=f"02:00:00:00:{number:02X}:{place:02X}",
                            demand=Demand(profile="steady", upload_bps=10**6, download_bps=wanted),
                            redial_seconds=(0.0, 5.0),
                        )
                    )
            path = Path(directory) / "subscribers.csv"
            rows = (f"{one.username},pw,P{one.username[4:].partition('-')[0]}\n" for one in subscribers)
            path.write_text("username,password,plan\n" + "".join(rows))
            daemon.cli("import", "subscribers", str(path))
            spec = NasSpec(
                bind_address=IPv4Address("127.0.0.7"),
                secret=SECRET,
                auth_port=daemon.auth_port,
                acct_port=daemon.acct_port,
                coa_port=free_udp_port(),
                interim_override_seconds=float(way.interim_seconds),
                tick_milliseconds=50,
                subscribers=tuple(subscribers),
            )
            async with FakeRouter() as router:
                api = ("--api-url", router.url) if way.edge_seconds else ()
                daemon.nas("pop1", "127.0.0.7", "--coa-port", str(spec.coa_port), *api)
                await asyncio.to_thread(daemon.start)
                async with SimulatedNas(spec, automatic=True) as nas:
                    router.lines_now = lambda: [_line(session) for session in nas.sessions.values()]
                    effects = await _effects(nas, limits)
                    await asyncio.sleep(2)  # what was found is written every second
                    await nas.shut_down()
            found = await _found(daemon)
    return [
        Crossing(username, limits[username][1], over, found[username][0], at - found[username][1])
        for username, (over, at) in effects.items()
    ]


def _line(session: Session) -> Line:
    return Line(
        session.username,
        f"0x{session.session_id}",
        rx_octets=session.upload_octets,
        tx_octets=session.download_octets,
        uptime=f"{session.online_seconds}s",
    )


async def _effects(nas: SimulatedNas, limits: dict[str, tuple[int, str]]) -> dict[str, tuple[int, float]]:
    """Return, by user name, what had passed beyond the limit when an order had its effect, and when that was."""
    sessions: dict[str, Session] = {}
    effects: dict[str, tuple[int, float]] = {}
    until = time.monotonic() + PATIENCE_SECONDS
    while len(effects) < len(limits):
        if time.monotonic() > until:
            sys.exit(f"waited in vain for {sorted(limits.keys() - effects.keys())}")
        for session in nas.sessions.values():
            sessions.setdefault(session.username, session)
        for username, session in sessions.items():
            limit, after = limits[username]
            is_done = session.rate_limit_text.startswith("1M/1M") if after == "throttle" else session.ended.is_set()
            if is_done and username not in effects:
                effects[username] = session.download_octets - limit, time.time()
        await asyncio.sleep(LOOK_SECONDS)
    return effects


async def _found(daemon: DaemonProcess) -> dict[str, tuple[int, float]]:
    """Return, by user name, the interval that netbilld observed at each crossing, and when it found it."""
    database = Database(f"sqlite+aiosqlite:///{daemon.data_dir / 'netbilld.db'}")
    query = select(credentials.c.name, quota_crossings.c.interval_seconds, quota_crossings.c.at).join(
        quota_crossings, quota_crossings.c.service_id == credentials.c.service_id
    )
    async with database.read() as work:
        found = {name: (seconds, at.timestamp()) for name, seconds, at in await work.connection.execute(query)}
    await database.close()
    return found


def measure(_directory: Path, _options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Let every allowance run out, each way of noticing; the bar is what the bound allows."""
    results, bars = [], []
    for way in WAYS:
        crossings = asyncio.run(run(way, random.Random(way.name)))
        over = sorted(crossing.over_octets for crossing in crossings)
        nearest = max(crossings, key=lambda crossing: crossing.over_octets / crossing.bound_octets)
        intervals = [crossing.interval_seconds for crossing in crossings]
        trips = sorted(crossing.trip_seconds for crossing in crossings)
        print(
            f"{way.name}: {len(over)} crossings, over p50 {over[len(over) // 2] / 1e6:.1f} MB, "
            f"p90 {over[len(over) * 9 // 10] / 1e6:.1f} MB, max {over[-1] / 1e6:.1f} MB; "
            f"interval observed at most {max(intervals)} s, round trip p50 {trips[len(trips) // 2] * 1e3:.0f} ms, "
            f"max {trips[-1] * 1e3:.0f} ms",
            flush=True,
        )
        results.append({"way": asdict(way), "crossings": [asdict(crossing) for crossing in crossings]})
        name = f"overshoot, {way.name}: nearest to its bound"
        bars.append(at_most(name, nearest.over_octets / 1e6, nearest.bound_octets / 1e6, "MB"))
    return {"line_bps": LINE_BPS, "load": os.getloadavg()[0], "results": results}, bars
