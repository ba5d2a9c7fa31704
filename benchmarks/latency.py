"""How long until the NAS is told: from the interim that crosses an allowance, and from a recorded payment.

    python -m benchmarks.latency

A real daemon (SQLite), a simulated NAS speaking RADIUS over UDP, and the real command line. Settles the first rows of
field asks 1 and 2; features BANG-2.2b and BANG-2.4e.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, services
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import free_udp_port

SESSIONS = 100
PAYMENTS = 30
ALLOWANCE = 300 * 10**9
HERE = Path(__file__).parent


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def main() -> int:
    """Measure both and print them."""
    subscribers = tuple(
        SubscriberSpec(username=f"home{number:03d}", password="pw", mac=f"02:00:00:00:00:{number:02X}")
        for number in range(SESSIONS + PAYMENTS)
    )
    with tempfile.TemporaryDirectory(prefix="netbilld-latency-") as directory, DaemonProcess(Path(directory)) as daemon:
        daemon.init()
        daemon.plan(FLAT_PLAN)
        spec = NasSpec(
            bind_address=IPv4Address("127.0.0.4"),
            secret=SECRET,
            auth_port=daemon.auth_port,
            acct_port=daemon.acct_port,
            coa_port=free_udp_port(),
            subscribers=subscribers,
        )
        daemon.nas("pop1", "127.0.0.4", "--coa-port", str(spec.coa_port))
        path = Path(directory) / "subscribers.csv"
        path.write_text("username,password,plan\n" + "".join(f"{one.username},pw,RUMAH20\n" for one in subscribers))
        daemon.cli("import", "subscribers", str(path))
        long_ago = datetime.now(UTC).date() - timedelta(days=60)
        await _began(daemon, [one.username for one in subscribers[SESSIONS:]], long_ago)
        daemon.cli("invoice", "run", "--as-of", long_ago.isoformat())
        daemon.start()
        async with SimulatedNas(spec, automatic=False) as nas:
            usernames = [one.username for one in subscribers]
            crossing = await _crossings(nas, usernames[:SESSIONS])
            restored, from_recorded = await _restorations(nas, daemon, usernames[SESSIONS:])
    rows: dict[str, Any] = {
        "interim that crosses the allowance → CoA-Request at the NAS": crossing,
        "`payment add` typed → order that restores, at the NAS": restored,
        "`payment add` returned → order that restores (0: it was there before)": from_recorded,
    }
    for name, seconds in rows.items():
        print(
            f"{name}: n {len(seconds)}, p50 {statistics.median(seconds) * 1e3:.0f} ms, "
            f"p95 {percentile(seconds, 0.95) * 1e3:.0f} ms, max {max(seconds) * 1e3:.0f} ms"
        )
    target = HERE / "results" / "latency.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({name: sorted(seconds) for name, seconds in rows.items()}, indent=2) + "\n")
    return 0


async def _began(daemon: DaemonProcess, usernames: list[str], on: date) -> None:
    """Let these services have begun on an earlier day, so that a bill of theirs can be long overdue."""
    database = Database(f"sqlite+aiosqlite:///{daemon.data_dir / 'netbilld.db'}")
    theirs = select(credentials.c.service_id).where(credentials.c.name.in_(usernames))
    async with database.write() as work:
        await work.connection.execute(
            update(services).where(services.c.id.in_(theirs)).values(activated_on=on, billing_day=on.day)
        )
    await database.close()


async def _crossings(nas: SimulatedNas, usernames: list[str]) -> list[float]:
    sent_mono: dict[str, float] = {}

    async def cross(username: str, number: int) -> None:
        session = await nas.open(username)
        await session.interim(10**9, 10**9)
        await asyncio.sleep(number * 0.03)  # arrivals spread over three seconds
        sent_mono[username] = time.monotonic()
        await session.interim(10**9, ALLOWANCE)

    await asyncio.gather(*(cross(username, number) for number, username in enumerate(usernames)))
    await _until(lambda: len({order.username for order in nas.orders}) >= len(usernames), "every crossing has its CoA")
    first: dict[str, float] = {}
    for order in nas.orders:
        if order.username is not None:
            first.setdefault(order.username, order.received_mono)
    return [first[username] - sent_mono[username] for username in usernames]


async def _restorations(
    nas: SimulatedNas, daemon: DaemonProcess, usernames: list[str]
) -> tuple[list[float], list[float]]:
    """Everybody logs in inside the walls, for an invoice long overdue; then their payments are recorded one by one."""
    typed: list[float] = []
    returned: list[float] = []
    for username in usernames:
        owes = (await asyncio.to_thread(daemon.json, "subscriber", "show", username))["outstanding"]
        session = await nas.open(username)
        assert session.walled, f"{username} is not walled"
        await session.interim(10**6, 10**6)
        before, start = len(nas.orders), time.monotonic()
        await asyncio.to_thread(daemon.program, "payment", "add", username, str(owes), "--method", "cash")
        end = time.monotonic()
        await _until(lambda before=before: len(nas.orders) > before, f"{username} is restored")
        order = nas.orders[before]
        typed.append(order.received_mono - start)
        returned.append(max(0.0, order.received_mono - end))
    return typed, returned


async def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
