"""How fast a full batch of vouchers is made, and its sheet drawn.

    python -m benchmarks.vouchers [--vouchers 25000]

The bars: 25,000 made in under 10 seconds, sealed and stored on SQLite with its full durability; and printed, cards with
a QR code each, in under 60. Prints seconds of wall clock and of CPU, and writes benchmarks/results/vouchers.json.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bars import at_most, print_bars
from benchmarks.run import write_results
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.documents.voucher_sheet import voucher_sheet_pdf
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.services.make_vouchers import MakeVouchers, NewBatch
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.open_vouchers import opened
from netbilld.services.print_vouchers import Layout, PrintedSheet, printed_sheet

VOUCHERS = 25_000
MADE_SECONDS = 10.0
PRINTED_SECONDS = 60.0
SOMEBODY = Actor("benchmark", "cli")
PLAN = """
code = "HARIAN"
name = "Hotspot 1 hari"
timing = "prepaid"
charging = "flat"
[recurring]
price = 5000
period = "1d"
[speed]
down = "5M"
up = "2M"
"""


async def made(directory: Path, count: int) -> tuple[float, float, PrintedSheet]:
    """Return wall and CPU seconds of making a batch, and its sheet, ready to be drawn."""
    database = Database(sqlite_url(directory / "netbilld.db"))
    try:
        await upgrade(database)
        now = datetime.now(UTC)
        await ManagePlans(database, "IDR").add(PLAN, "plan.toml", actor=SOMEBODY, now=now)
        box = SecretBox(bytes(range(32)))
        make = MakeVouchers(database, box, timezone="Asia/Jakarta", currency="IDR", entropy=os.urandom)
        began, began_cpu = time.perf_counter(), time.process_time()
        batch = await make.run(NewBatch("HARIAN", count), actor=SOMEBODY, now=now)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        async with database.read() as work:
            found = await opened(box, work, batch, await work.vouchers.lines(batch.id, limit=count))
        sheet = printed_sheet(
            found, batch, Layout.CARDS, business="Desa Net", locale="id", login_url="http://hotspot.example/login"
        )
    finally:
        await database.close()
    return seconds, cpu_seconds, sheet


def main() -> int:
    """Measure, print and keep the figures; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vouchers", type=int, default=VOUCHERS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
        seconds, cpu_seconds, sheet = asyncio.run(made(Path(directory), options.vouchers))
    began, began_cpu = time.perf_counter(), time.process_time()
    octets = voucher_sheet_pdf(sheet)
    drawn, drawn_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    figures = {
        "vouchers": options.vouchers,
        "made_seconds": seconds,
        "made_cpu_seconds": cpu_seconds,
        "printed_seconds": drawn,
        "printed_cpu_seconds": drawn_cpu,
        "printed_octets": len(octets),
    }
    share = options.vouchers / VOUCHERS
    bars = [
        at_most(f"{options.vouchers} vouchers made, seconds", seconds, MADE_SECONDS * share),
        at_most(f"{options.vouchers} vouchers printed, seconds", drawn, PRINTED_SECONDS * share),
    ]
    for name, value in figures.items():
        print(f"{name:<22}{value:>14.2f}")
    write_results("vouchers", figures, bars)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
