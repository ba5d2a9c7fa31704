"""Thousands due at one instant: how long until the last of it is on record, and how log-ins fare meanwhile.

    python -m benchmarks.calendar [--count 20000] [--brake] [--database-url postgresql+asyncpg://…]

A real daemon; everybody's invoice leads to isolir at the same second, while log-ins come at 200 a second over UDP. The
daemon answers them in the loop that decides, so that the slowest log-in shows how long that loop was held up. With
`--brake` nobody may be closed: then it is how long until all are held, which must be before the second comes.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select

from benchmarks.seed import SECRET, name_and_password, seed_database
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import brake_holds, desired, invoices, services
from netbilld.radius.attributes import USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import encode_attributes
from netbilld.radius.passwords import hide_password
from tests.daemon_process import DaemonProcess

ZONE = "Asia/Jakarta"
LOG_INS_A_SECOND = 200
BEFORE_SECONDS = 150  # to be read in, decided on and weighed ahead
BOUND_SECONDS = 60.0  # within which the NAS is told (contract rule 4); the last wish is on record long before
HERE = Path(__file__).parent


class LogIns(asyncio.DatagramProtocol):
    """Log-ins at a steady rate, and how long each took."""

    def __init__(self, count: int) -> None:
        self.seconds: list[tuple[float, float]] = []  # sent at, answered after
        self.refused = 0
        self.sent = 0
        self._count = count
        self._waiting: dict[int, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        sent = self._waiting.pop(data[1], None)
        if sent is not None:
            self.seconds.append((sent, time.monotonic() - sent))
            self.refused += data[0] == Code.ACCESS_REJECT

    @property
    def lost(self) -> int:
        return self.sent - len(self.seconds)

    async def run(self) -> None:
        secret = Secret(SECRET.encode())
        start = time.monotonic()
        while True:
            name, password = name_and_password(self.sent * 37 % self._count)
            authenticator = os.urandom(16)
            pairs = [
                (USER_NAME, name.encode()),
                (USER_PASSWORD, hide_password(password.encode(), secret, authenticator)),
            ]
            request = build_request(
                Code.ACCESS_REQUEST, self.sent % 256, secret, encode_attributes(pairs), authenticator=authenticator
            )
            self._waiting[self.sent % 256] = time.monotonic()
            self._transport.sendto(request)
            self.sent += 1
            await asyncio.sleep(max(0.0, start + self.sent / LOG_INS_A_SECOND - time.monotonic()))


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--brake", action="store_true")
    parser.add_argument("--realtime", action="store_true", help="run the daemon with chrt -r 5")
    parser.add_argument("--database-url")
    options = parser.parse_args()
    edge = (datetime.now(UTC) + timedelta(seconds=BEFORE_SECONDS)).replace(microsecond=0)
    settings = {
        "NETBILLD_BILLING__ISOLIR_AT": edge.astimezone(ZoneInfo(ZONE)).time().isoformat(),
        "NETBILLD_ENFORCEMENT__BRAKE_PERCENT": "20" if options.brake else "100",
    }
    with tempfile.TemporaryDirectory(prefix="netbilld-calendar-") as directory:
        daemon = DaemonProcess(Path(directory), options.database_url, **(settings | {"NETBILLD_TIMEZONE": ZONE}))
        daemon.wrapper = ("chrt", "-r", "5") if options.realtime else ()
        with daemon:
            daemon.init()
            url = options.database_url or f"sqlite+aiosqlite:///{daemon.data_dir / 'netbilld.db'}"
            await seed_database(url, daemon.data_dir / "secret.key", options.count, ["127.0.0.1"])
            await _invoice(url, (edge.astimezone(ZoneInfo(ZONE)) - timedelta(days=1)).date())
            daemon.start()
            print(f"ready {(edge - datetime.now(UTC)).total_seconds():.0f} s before the second", flush=True)
            rows = await _measure(daemon, url, edge, options)
    for name, value in rows.items():
        print(f"{name}: {value}")
    target = HERE / "results" / f"calendar{'-brake' if options.brake else ''}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if rows["on record after s"] <= BOUND_SECONDS else 1


async def _invoice(url: str, due_on: Any) -> None:
    database = Database(url)
    async with database.write() as work:
        owners = (await work.connection.execute(select(services.c.subscriber_id))).scalars().all()
        now = datetime.now(UTC)
        rows = [
            {
                "id": uuid4(), "number": f"B{number:08d}", "subscriber_id": owner, "status": "issued",
                "issued_on": due_on - timedelta(days=10), "due_on": due_on, "period_start_on": due_on,
                "period_end_on": due_on, "timezone": ZONE, "currency": "IDR", "tax_minor": 0,
                "total_minor": 200_000, "paid_minor": 0, "created_at": now,
            }
            for number, owner in enumerate(owners)
        ]  # fmt: skip
        for start in range(0, len(rows), 1_000):
            await work.connection.execute(insert(invoices), rows[start : start + 1_000])
    await database.close()


async def _measure(daemon: DaemonProcess, url: str, edge: datetime, options: argparse.Namespace) -> dict[str, Any]:
    count = options.count
    database = Database(url)

    async def many(table: Any, condition: Any) -> int:
        async with database.read() as work:
            return int(await work.connection.scalar(select(func.count()).select_from(table).where(condition)) or 0)

    while await many(desired, desired.c.reason == "ok") < count:
        if datetime.now(UTC) > edge:
            sys.exit("not everybody was on record before the second came: give it longer")
        await asyncio.sleep(0.5)
    print(f"all on record {(edge - datetime.now(UTC)).total_seconds():.0f} s before the second", flush=True)
    _, load = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: LogIns(count), remote_addr=("127.0.0.1", daemon.auth_port)
    )
    going = asyncio.create_task(load.run())
    weighed = None
    while datetime.now(UTC) < edge:
        if options.brake and weighed is None and await many(brake_holds, brake_holds.c.released_at.is_(None)) == count:
            weighed = (edge - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(0.2)
    edge_mono, refused_before = time.monotonic(), load.refused
    done = edge_mono
    while time.monotonic() < edge_mono + BOUND_SECONDS:
        closed = await many(desired, desired.c.reason == "overdue")
        if options.brake or closed == count:
            done = time.monotonic()
            break
        await asyncio.sleep(0.1)
    else:
        done = float("inf")
    await asyncio.sleep(10)
    going.cancel()
    closed = await many(desired, desired.c.reason == "overdue")
    await database.close()
    calm = [seconds for sent, seconds in load.seconds if sent < edge_mono - 1]
    during = [seconds for sent, seconds in load.seconds if edge_mono <= sent <= max(done, edge_mono + 5)]
    return {
        "services": count,
        "closed": closed,
        "held s before": weighed,
        "on record after s": round(done - edge_mono, 2),
        "log-ins p99 before ms": _ms(calm, 0.99),
        "log-ins slowest before ms": _ms(calm, 1.0),
        "log-ins p50 meanwhile ms": _ms(during, 0.5),
        "log-ins p99 meanwhile ms": _ms(during, 0.99),
        "log-ins slowest meanwhile ms": _ms(during, 1.0),
        "log-ins lost": load.lost,
        "refused before": refused_before,
        "refused": load.refused,
        "load of the machine": round(os.getloadavg()[0], 1),
    }


def _ms(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3, 1) if ordered else 0.0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
