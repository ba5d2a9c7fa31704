"""Accounting: packets a second that are durable, answered and applied, their CPU, and how long answers take.

Every session is open and begun before anything is measured; then everybody's NAS send reports, in the same order, from
the same addresses, through the same window. netbilld answers when its journal has them and counts as done when its
database has them too; FreeRADIUS answers when it has stored them. Its detail file is written in either case, as Debian
ships it; without PostgreSQL that is all it does. What the size of the network costs is measured at one even pace.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.contenders import Contender, Field, Table, core_count, everybody, netbilld_on_postgresql
from benchmarks.processes import paused, tree_cpu_seconds
from netbilld.radius.grant import Grant, encode_grant

APPLIED_WITHIN_SECONDS = 120.0
DUE_WITHIN_SECONDS = 300.0
SUSTAINED_SECONDS = 12.0
BURST_SECONDS = 10.0
PACED_SECONDS = 5.0
FILE_RUNS = 3  # its rate hardly varies
PACE = 5_000
PACED_WINDOW = 512  # so wide that the pace decides, not the answers
FEW_SESSIONS = 1_000
WINDOW = 256  # requests outstanding in all: as many as netbilld makes durable at once
TIMES_THE_RATE = 5
GOAL_TIMES = 8
SHARE_OF_CPU = 5
MOST_WAIT_MS = 20.0
MOST_GROWTH = 1.4
STILL_TRIES = 100
OPEN_TRANSACTIONS = """SELECT string_agg(concat_ws(' ', application_name, state, left(query, 60)), '; ')
  FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_type = 'client backend'
  AND pid <> pg_backend_pid() AND ($1 OR datname <> current_database())"""
SETTLE_SECONDS = 1.0
SETTLE_TRIES = 40
IDLE_SHARE = 0.08  # of a core: who uses no more has settled
FIGURES = ("rate", "applied_rate", "own_us", "database_us", "cpu_us", "p50_ms", "p99_ms", "max_ms", "lost", "bad")

Run = dict[str, float]


@dataclass
class Nases:
    """What the NAS of one contender send: reports of sessions that go on from run to run."""

    contender: Contender
    subscribers: int
    classes: Path | None
    table: Table | None  # netbilld's, which tells how far it has come
    began_at: int = 0
    turn: int = 0
    runs: dict[str, list[Run]] = field(default_factory=dict)


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return medians by contender and kind of run, and the bars."""
    from benchmarks.run import build_client  # noqa: PLC0415 - it imports this module

    bench = _Bench(build_client("loadgen"), options)
    wanted = set(options.against.split(","))
    with everybody(
        directory, options.subscribers, options.sources, wanted, options.workers, challenges=False
    ) as field_:
        bench.field = field_
        with _small_network(directory, field_, options) as small:
            everyone = {contender.key: bench.nases(contender, directory) for contender in field_.contenders}
            everyone["few"] = small
            bench.everyone = list(everyone.values())
            for nases in everyone.values():
                if nases.contender.key != "freeradius-files":  # a file knows no sessions
                    bench.begin(nases)
            for number in range(options.runs):  # in turn, so that what disturbs the machine disturbs everybody
                bench.round(everyone, number)
    figures = {key: {kind: _medians(runs) for kind, runs in nases.runs.items()} for key, nases in everyone.items()}
    _print(figures)
    known = {
        "subscribers": options.subscribers,
        "few": FEW_SESSIONS,
        "window": WINDOW,
        "sources": options.sources,
        "runs": options.runs,
        "workers": options.workers,
        "contenders": figures,
    }
    return known, _bars(figures)


class _Bench:
    field: Field
    everyone: list[Nases]

    def __init__(self, client: Path, options: argparse.Namespace) -> None:
        self._client = client
        self._options = options

    def nases(self, contender: Contender, directory: Path) -> Nases:
        classes = directory / "classes"
        if contender.key != "netbilld":
            return Nases(contender, self._options.subscribers, classes, None)
        write_classes(classes, self.field.netbilld, self._options.subscribers)
        return Nases(contender, self._options.subscribers, classes, self.field.netbilld)

    def begin(self, nases: Nases) -> None:
        """Begin every session, and report each once: from then on a report is like the one before."""
        nases.began_at = int(time.time())
        for kind in ("start", "first report"):
            if kind == "start" or nases.table is not None:
                self.run(nases, kind, nases.subscribers)

    def round(self, everyone: dict[str, Nases], number: int) -> None:
        """Measure everybody once."""
        ours, few = everyone["netbilld"], everyone["few"]
        on_sql, from_file = everyone.get("freeradius-sql"), everyone.get("freeradius-files")
        pace = ("-x", str(PACE), "-w", str(PACED_WINDOW))
        if from_file is not None and number < FILE_RUNS:
            self.run(from_file, "burst", _unbounded(), "-d", str(BURST_SECONDS))
        self.run(ours, "burst", _unbounded(), "-d", str(BURST_SECONDS))
        self.run(ours, "sustained", _unbounded(), "-d", str(SUSTAINED_SECONDS))
        if on_sql is not None:
            self.run(on_sql, "sustained", _unbounded(), "-d", str(SUSTAINED_SECONDS / 2))
        for nases in (ours, few) if number % 2 else (few, ours):
            self.run(nases, "paced", int(PACE * PACED_SECONDS), *pace)

    @contextmanager
    def _still(self, measured: Contender) -> Iterator[None]:
        """Let the others stand still, but none in the midst of a transaction.

        One that has begun to write keeps PostgreSQL from tidying up after everybody's updates, in every database. Each
        has a database of its own, so what is open in that of the one measured is nobody's who stands still.
        """
        pids = [other.contender.pid for other in self.everyone if other.contender is not measured]
        watch, is_nobodys = measured.log or self.field.netbilld, measured.log is None
        for _ in range(STILL_TRIES):
            with paused(pids):
                busy = watch.runner.run(watch.connection.fetchval(OPEN_TRANSACTIONS, is_nobodys))
                if not busy:
                    yield
                    return
            time.sleep(0.1)
        raise RuntimeError(f"the others never come to rest: {busy}")

    def _settle(self, contender: Contender) -> None:
        """Let what others have written reach the disk, and whoever stood still until now take up its life again.

        One that was stopped finds its connections ended, and reads anew what it may have missed; PostgreSQL tidies up
        after those before.
        """
        os.sync()
        for _ in range(SETTLE_TRIES):
            used = sum(map(tree_cpu_seconds, (contender.pid, self.field.cluster.pid)))
            time.sleep(SETTLE_SECONDS)
            if sum(map(tree_cpu_seconds, (contender.pid, self.field.cluster.pid))) - used < SETTLE_SECONDS * IDLE_SHARE:
                return

    def run(self, nases: Nases, kind: str, requests: int, *further: str) -> None:
        """Let one client send, and wait until everything has been applied; the others stand still meanwhile."""
        options, contender, postgres = self._options, nases.contender, self.field.cluster.pid
        command = [str(self._client), "-m", "acct", "-n", str(requests), "-w", str(WINDOW)]
        command += self.field.client_options(contender, nases.subscribers, options.sources)
        command += ["-p", str(contender.acct_port), "-t", str(nases.turn), "-b", str(nases.began_at), *further]
        if nases.classes is not None:
            command += ["-c", str(nases.classes)]
        command = _without_responses(command)
        with self._still(contender):
            self._settle(contender)
            applied = _applied(nases.table) if nases.table is not None else 0
            own, database = tree_cpu_seconds(contender.pid), tree_cpu_seconds(postgres)
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
            if not finished.stdout:
                raise RuntimeError(f"{command[0]}: {finished.stderr}")
            run: Run = json.loads(finished.stdout)
            behind = 0.0
            if nases.table is not None:
                behind = _wait_until_applied(nases.table, applied + int(run["answered"]))
            run["applied_rate"] = run["answered"] / (run["seconds"] + behind)
            run["own_us"] = (tree_cpu_seconds(contender.pid) - own) / run["answered"] * 1e6
            run["database_us"] = (tree_cpu_seconds(postgres) - database) / run["answered"] * 1e6
        run["cpu_us"] = run["own_us"] + run["database_us"]
        nases.turn += -(-int(run["answered"]) // nases.subscribers)
        nases.runs.setdefault(kind, []).append(run)
        print(f"{contender.key} {nases.subscribers} {kind} {json.dumps(run)}", file=sys.stderr)


@contextmanager
def _small_network(directory: Path, field_: Field, options: argparse.Namespace) -> Iterator[Nases]:
    """Give the NAS of a second netbilld, whose network is small."""
    settings = {"NETBILLD_RADIUS__WORKERS": str(options.workers)}
    with netbilld_on_postgresql(directory / "few", field_.cluster, FEW_SESSIONS, options.sources, **settings) as daemon:
        daemon.start()
        runner = field_.netbilld.runner
        url = daemon.environment["NETBILLD_DATABASE_URL"].replace("+asyncpg", "")
        table = Table(runner, runner.run(asyncpg.connect(url)), "auth_attempts")
        try:
            classes = directory / "few-classes"
            write_classes(classes, table, FEW_SESSIONS)
            contender = Contender("netbilld", "netbilld", daemon.pid, daemon.auth_port, daemon.acct_port, table)
            yield Nases(contender, FEW_SESSIONS, classes, table)
        finally:
            runner.run(table.connection.close())


def write_classes(path: Path, table: Table, subscribers: int) -> None:
    """Write what a NAS echoes as Class for each subscriber, once netbilld has put on record what everyone is due."""
    query = """SELECT credentials.service_id, desired.profile_key FROM credentials
      JOIN desired ON desired.service_id = credentials.service_id ORDER BY credentials.name_key"""
    deadline = time.monotonic() + DUE_WITHIN_SECONDS
    while len(rows := table.runner.run(table.connection.fetch(query))) < subscribers:
        if time.monotonic() > deadline:
            raise RuntimeError("netbilld has not put on record what every service is due")
        time.sleep(0.5)
    path.write_bytes(b"".join(encode_grant(Grant(service_id, "active", key)) for service_id, key in rows))


def _unbounded() -> int:
    return 2_000_000  # -d ends it


def _without_responses(command: list[str]) -> list[str]:
    """Leave out what only MS-CHAPv2 needs."""
    at = command.index("-r")
    return command[:at] + command[at + 2 :]


def _applied(table: Table) -> int:
    """Return how many journal records netbilld has put into its database."""
    query = "SELECT coalesce(max(sequence), 0) FROM journal_cursors"
    return int(table.runner.run(table.connection.fetchval(query)))


def _wait_until_applied(table: Table, records: int) -> float:
    started = time.monotonic()
    while _applied(table) < records:
        if time.monotonic() - started > APPLIED_WITHIN_SECONDS:
            raise RuntimeError(f"netbilld has not applied record {records} within {APPLIED_WITHIN_SECONDS:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - started


def _medians(runs: Sequence[Run]) -> Run:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in FIGURES}


def _print(figures: dict[str, dict[str, Run]]) -> None:
    print(f"{core_count()} cores; CPU in microseconds a packet; few: {FEW_SESSIONS:,} open sessions")
    heads = ("answered/s", "applied/s", "own", "database", "both", "p50 ms", "p99 ms", "max ms", "lost")
    print(f"{'':<34}" + "".join(f"{head:>11}" for head in heads))
    for key, kinds in figures.items():
        for kind, run in kinds.items():
            print(
                f"{key:<18}{kind:<16}{run['rate']:>11,.0f}{run['applied_rate']:>11,.0f}{run['own_us']:>11.1f}"
                f"{run['database_us']:>11.1f}{run['cpu_us']:>11.1f}{run['p50_ms']:>11.2f}{run['p99_ms']:>11.2f}"
                f"{run['max_ms']:>11.1f}{run['lost']:>11.0f}"
            )


def _bars(figures: dict[str, dict[str, Run]]) -> list[Bar]:
    ours, few = figures["netbilld"], figures["few"]
    unanswered = sum(run["lost"] + run["bad"] for kinds in (ours, few) for run in kinds.values())
    bars = [at_most("acct: packets lost, unanswered or answered wrong", unanswered, 0)]
    if "freeradius-sql" in figures:
        theirs = figures["freeradius-sql"]["sustained"]
        bars += [
            at_least(
                f"acct: sustained and applied, {TIMES_THE_RATE} x FreeRADIUS + PostgreSQL (goal {GOAL_TIMES} x)",
                ours["sustained"]["applied_rate"],
                TIMES_THE_RATE * theirs["rate"],
                "/s",
            ),
            at_most(
                "acct: CPU, applied, a fifth of FreeRADIUS + PostgreSQL",
                ours["sustained"]["cpu_us"],
                theirs["cpu_us"] / SHARE_OF_CPU,
                "us",
            ),
        ]
    if "freeradius-files" in figures:
        theirs = figures["freeradius-files"]["burst"]
        bars.append(
            at_least(
                f"acct: {BURST_SECONDS:.0f} s burst, the rate of FreeRADIUS to its detail file",
                ours["burst"]["rate"],
                theirs["rate"],
                "/s",
            )
        )
    bars += [
        at_most(f"acct: p99 at {PACE:,}/s", ours["paced"]["p99_ms"], MOST_WAIT_MS, "ms"),
        at_most(
            "acct: CPU a packet, many open sessions to few",
            ours["paced"]["cpu_us"] / few["paced"]["cpu_us"],
            MOST_GROWTH,
            "x",
        ),
    ]
    return bars
