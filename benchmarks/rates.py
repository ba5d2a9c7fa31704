"""Log-ins a second, their CPU and their latency, under a steady window."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.contenders import Contender, Field, core_count, everybody
from benchmarks.processes import paused, peak_memory_mib, tree_cpu_seconds

LOGGED_WITHIN_SECONDS = 5.0
FIGURES = (
    "rate",
    "own_us",
    "database_us",
    "cpu_us",
    "p50_ms",
    "p99_ms",
    "logged_s",
    "unlogged",
    "resent",
    "lost",
    "bad",
)
TIMES_THE_RATE = {"pap": 12, "chap": 12, "mschapv2": 8}

Run = dict[str, float]


def modes_of(options: argparse.Namespace) -> list[str]:
    """Return the ways to log in that were asked for."""
    return [mode for mode in options.modes.split(",") if mode in TIMES_THE_RATE]


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return medians by mode and server, and the bars."""
    from benchmarks.run import build_client  # noqa: PLC0415 - it imports this module

    client = build_client("loadgen")
    modes: dict[str, dict[str, Run]] = {}
    memory: dict[str, float] = {}
    with everybody(
        directory, options.subscribers, options.sources, set(options.against.split(",")), options.workers
    ) as field:
        for mode in modes_of(options):
            runs: dict[str, list[Run]] = {contender.key: [] for contender in field.contenders}
            for _ in range(options.runs):  # in turn, so that what disturbs the machine disturbs everybody
                for contender in field.contenders:
                    runs[contender.key].append(_run(client, field, contender, mode, options))
            modes[mode] = {key: _medians(of) for key, of in runs.items()}
        for contender in field.contenders:
            memory[contender.key] = round(peak_memory_mib(contender.pid), 1)
    _print(modes, memory)
    figures = {
        "subscribers": options.subscribers,
        "window": options.window,
        "sources": options.sources,
        "runs": options.runs,
        "workers": options.workers,
        "peak_memory_mib": memory,
        "modes": modes,
    }
    return figures, [bar for mode, of in modes.items() for bar in _bars(mode, of)]


def _run(client: Path, field: Field, contender: Contender, mode: str, options: argparse.Namespace) -> Run:
    requests = options.requests // (10 if contender.key == "freeradius-sql" else 1)
    log = contender.log
    postgres = field.cluster.pid
    command = [str(client), "-m", mode, "-n", str(requests), "-w", str(options.window)]
    command += field.client_options(contender, options.subscribers, options.sources)
    with paused([other.pid for other in field.contenders if other is not contender]):
        newest = log.newest() if log else 0
        own, database = tree_cpu_seconds(contender.pid), tree_cpu_seconds(postgres)
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        run: Run = json.loads(finished.stdout)
        run["logged_s"] = log.wait_for(newest + int(run["answered"]), LOGGED_WITHIN_SECONDS) if log else 0.0
        run["own_us"] = (tree_cpu_seconds(contender.pid) - own) / run["answered"] * 1e6
        run["database_us"] = (tree_cpu_seconds(postgres) - database) / run["answered"] * 1e6
        run["unlogged"] = run["answered"] - log.rows_after(newest) if log else 0
    run["cpu_us"] = run["own_us"] + run["database_us"]
    print(f"{contender.key} {json.dumps(run)}", file=sys.stderr)
    return run


def _medians(runs: list[Run]) -> Run:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in FIGURES}


def _print(modes: dict[str, dict[str, Run]], memory: dict[str, float]) -> None:
    print(f"{core_count()} cores; CPU in microseconds a request")
    print(
        f"{'':<30}{'per second':>11}{'own':>8}{'database':>9}{'both':>8}{'p50 ms':>9}{'p99 ms':>9}{'lost':>6}{'MiB':>7}"
    )
    for mode, of in modes.items():
        for key, run in of.items():
            print(
                f"{mode:<10}{key:<20}{run['rate']:>11,.0f}{run['own_us']:>8.1f}{run['database_us']:>9.1f}"
                f"{run['cpu_us']:>8.1f}{run['p50_ms']:>9.2f}{run['p99_ms']:>9.2f}{run['lost']:>6.0f}{memory[key]:>7.0f}"
            )


def _bars(mode: str, of: dict[str, Run]) -> list[Bar]:
    ours, on_sql, from_file = of["netbilld"], of.get("freeradius-sql"), of.get("freeradius-files")
    bars = [at_most(f"{mode}: requests lost, unanswered or answered wrong", ours["lost"] + ours["bad"], 0)]
    bars.append(at_most(f"{mode}: attempts not in the log within 5 s", ours["unlogged"], 0))
    if on_sql:
        times = TIMES_THE_RATE[mode]
        bars += [
            at_least(
                f"{mode}: {times} x the rate of FreeRADIUS + PostgreSQL", ours["rate"], times * on_sql["rate"], "/s"
            ),
            at_most(f"{mode}: p99 below the p50 of FreeRADIUS + PostgreSQL", ours["p99_ms"], on_sql["p50_ms"], "ms"),
            at_most(
                f"{mode}: CPU, a fifteenth of FreeRADIUS + PostgreSQL", ours["cpu_us"], on_sql["cpu_us"] / 15, "us"
            ),
        ]
    if from_file:
        bars += [
            at_most(f"{mode}: own CPU, FreeRADIUS from a file", ours["own_us"], from_file["own_us"], "us"),
            at_most(
                f"{mode}: CPU with PostgreSQL, 1.3 x FreeRADIUS from a file",
                ours["cpu_us"],
                1.3 * from_file["own_us"],
                "us",
            ),
            at_least(f"{mode}: 0.8 x the rate of FreeRADIUS from a file", ours["rate"], 0.8 * from_file["rate"], "/s"),
        ]
    return bars
