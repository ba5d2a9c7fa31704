"""`make bench`: log-ins and accounting packets a second, and CPU a packet, against a real daemon over UDP.

Prints a table and writes benchmarks/results/radius.json. The load client verifies every reply. Client and daemon share
the machine's cores, so CPU a packet is the figure to carry over; the daemon's CPU counts all of its threads, and the
metering of what was acknowledged goes on while packets arrive.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.seed import SECRET, seed_database
from tests.daemon_process import DaemonProcess

HERE = Path(__file__).parent
ROOT = HERE.parent


def main() -> int:
    """Run every mode `--runs` times and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--modes", default="pap,chap,acct")
    options = parser.parse_args()
    client = build_client()
    results: dict[str, Any] = {
        "commit": _commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "subscribers": options.subscribers,
        "window": options.window,
        "modes": {},
    }
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory, DaemonProcess(Path(directory)) as daemon:
        daemon.init()
        url = f"sqlite+aiosqlite:///{daemon.data_dir / 'netbilld.db'}"
        asyncio.run(seed_database(url, daemon.data_dir / "secret.key", options.subscribers))
        daemon.start()
        pid = daemon.pid
        for mode in options.modes.split(","):
            runs = [_measure(client, daemon, mode, options) for _ in range(options.runs)]
            results["modes"][mode] = {
                name: statistics.median(run[name] for run in runs)
                for name in ("rate", "cpu_us", "p50_ms", "p99_ms", "resent", "lost", "bad")
            }
            results["modes"][mode]["rate_range"] = [min(run["rate"] for run in runs), max(run["rate"] for run in runs)]
        results["memory_mib"] = round(memory_mib(pid), 1)
    _print(results)
    target = HERE / "results" / "radius.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def build_client() -> Path:
    """Compile the load client and return its path."""
    target = HERE / "build" / "loadgen"
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", str(target), str(HERE / "loadgen.c")], check=True)
    return target


def _measure(client: Path, daemon: DaemonProcess, mode: str, options: argparse.Namespace) -> dict[str, float]:
    port = daemon.acct_port if mode == "acct" else daemon.auth_port
    before = cpu_seconds(daemon.pid)
    command = [client, mode, "127.0.0.1", port, SECRET, options.subscribers, options.requests, options.window]
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    run: dict[str, float] = json.loads(finished.stdout)
    run["cpu_us"] = (cpu_seconds(daemon.pid) - before) / run["answered"] * 1e6
    print(f"{mode}: {finished.stdout.strip()} cpu {run['cpu_us']:.1f} us", file=sys.stderr)
    return run


def _print(results: dict[str, Any]) -> None:
    print(f"netbilld {results['commit']}, {results['subscribers']} subscribers, window {results['window']}")
    print(f"{'mode':<8}{'per second':>12}{'CPU us':>9}{'p50 ms':>9}{'p99 ms':>9}{'resent':>8}{'lost':>6}{'bad':>5}")
    for mode, row in results["modes"].items():
        print(
            f"{mode:<8}{row['rate']:>12,.0f}{row['cpu_us']:>9.1f}{row['p50_ms']:>9.2f}{row['p99_ms']:>9.2f}"
            f"{row['resent']:>8.0f}{row['lost']:>6.0f}{row['bad']:>5.0f}"
        )
    print(f"memory {results['memory_mib']} MiB")


def _commit() -> str:
    found = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
