"""`make bench`: netbilld beside FreeRADIUS, on one machine, with the same subscribers, window and source addresses.

    python -m benchmarks.run [--parts rates,accounting,storm,start,overshoot,mass] [--runs 5] …
    python -m benchmarks.run --modes acct

Prints each figure with the bar it must reach and writes benchmarks/results/*.json; the exit code is 1 if one is missed.
The load clients verify every reply. Clients, servers and PostgreSQL share the machine's cores, so CPU a request is the
figure to carry over. It counts every thread and process: netbilld's or FreeRADIUS's own, and PostgreSQL's with all
its backends, until the last attempt is in the log. While one is measured the others stand still.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import accounting, mass, overshoot, rates, start, storm
from benchmarks.bars import Bar, print_bars

HERE = Path(__file__).parent
ROOT = HERE.parent
PARTS = {"rates": rates, "accounting": accounting, "storm": storm, "start": start, "overshoot": overshoot, "mass": mass}
ACCOUNTING_ALONE = "acct"  # as the one mode, that part alone is measured


def main() -> int:
    """Run the parts asked for, `--runs` times each, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="rates,accounting,storm,start,overshoot,mass")
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--window", type=int, default=64, help="requests outstanding in all")
    parser.add_argument("--sources", type=int, default=4, help="addresses the requests come from")
    parser.add_argument("--modes", default="pap,chap,mschapv2,acct")
    parser.add_argument("--against", default="freeradius-sql,freeradius-files")
    parser.add_argument("--requests", type=int, default=200_000, help="a run; of a server that asks a database a tenth")
    parser.add_argument("--workers", type=int, default=3, help="netbilld's radius.workers")
    parser.add_argument("--storm-subscribers", type=int, default=20_000)
    parser.add_argument("--paces", default="off,default", help="of orders, in the part `mass`")
    options = parser.parse_args()
    if options.modes == ACCOUNTING_ALONE:
        options.parts = "accounting"
    bars: list[Bar] = []
    for name in options.parts.split(","):
        with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
            figures, missed_or_met = PARTS[name].measure(Path(directory), options)
        bars += missed_or_met
        write_results(name, figures, missed_or_met)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


def build_client(name: str) -> Path:
    """Compile a load client and return its path."""
    target = HERE / "build" / name
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", str(target), str(HERE / f"{name}.c")], check=True)
    return target


def write_results(name: str, figures: dict[str, Any], bars: list[Bar]) -> None:
    """Keep figures and bars in results/NAME.json, with what they were measured on."""
    known = {
        "commit": _commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        **figures,
        "bars": [bar.as_json() for bar in bars],
    }
    target = HERE / "results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(known, indent=2) + "\n")


def _commit() -> str:
    found = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
