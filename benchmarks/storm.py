"""The storm after a power cut: everyone logs in and sends a Start at once, from 20 NAS that retransmit.

Once with a plan that any worker may decide on, and once with one session at a time and an address from a pool of ours,
on which the owner decides and which is written down before it is said.

A subscriber is in when the log-in is accepted and the Start acknowledged: from then on it is in the journal for good.
Afterwards, when the journal is applied, the database must hold each of these sessions once.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_most
from benchmarks.contenders import Field, everybody
from benchmarks.processes import tree_cpu_seconds
from benchmarks.seed import PLAN
from tests.daemon_process import DaemonProcess

NAS = 20
MODES = ("pap", "mschapv2")
POOL, NETWORK = "home", "10.64.0.0/16"
ONE_SESSION = '\n[sessions]\nallowed = 1\nsecond = "refuse"\n'
PLANS = {
    "": PLAN,
    ", one session each": PLAN + ONE_SESSION,
    ", one session each and a pool": f'{PLAN}{ONE_SESSION}[address]\npool = "{POOL}"\n',
}
EVERYONE_WITHIN_SECONDS = 15.0
LATEST_LOGIN_MS = 1000.0
APPLIED_WITHIN_SECONDS = 300.0
ON_RECORD_WITHIN_SECONDS = 120.0
RESTS_WITHIN_SECONDS = 60.0
RESTING_SHARE = 0.2  # of one processor

Run = dict[str, Any]

_OPEN = "sessions WHERE stopped_at IS NULL"
_TWICE = f"(SELECT 1 FROM {_OPEN} AND {{0}} IS NOT NULL GROUP BY {{0}} HAVING count(*) > 1) AS twice"
_ON_ANOTHERS_ADDRESS = """sessions LEFT JOIN address_leases AS lease ON lease.address = sessions.framed_ip
    AND lease.released_at IS NULL AND lease.service_id = sessions.service_id
    WHERE sessions.stopped_at IS NULL AND lease.address IS NULL"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds once the journal is applied.

    Attributes:
        sessions: open ones of this storm.
        other_sessions: open ones of before, which the Accounting-On should have closed.
        doubled_services: that have more than one open session.
        doubled_addresses: that more than one open session has.
        strange_addresses: open sessions on an address of the pool that is not their service's.
    """

    sessions: int
    other_sessions: int
    doubled_services: int
    doubled_addresses: int
    strange_addresses: int


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return what the storm client saw and what the database holds afterwards, of all runs, and the bars."""
    from benchmarks.run import build_client  # noqa: PLC0415 - it imports this module

    client = build_client("storm")
    figures: dict[str, Any] = {"subscribers": options.storm_subscribers, "workers": options.workers}
    bars: list[Bar] = []
    for number, (kind, plan) in enumerate(PLANS.items()):
        pooled = "[address]" in plan
        pools = {POOL: NETWORK} if pooled else {}
        part = directory / str(number)
        part.mkdir()
        directory.chmod(0o755)  # PostgreSQL runs as somebody else
        with everybody(part, options.storm_subscribers, NAS, set(), options.workers, plan, pools) as field:
            _settle(field, options.storm_subscribers)
            storm = 0
            for mode in MODES:
                runs = []
                for _ in range(options.runs):
                    storm += 1
                    runs.append(_run(client, field, mode, storm, options.storm_subscribers, pooled=pooled))
                figures[mode + kind] = runs
                bars += storm_bars(mode + kind, runs, options.storm_subscribers)
    return figures, bars


def _settle(field: Field, subscribers: int) -> None:
    """Wait until the daemon has put on record what everybody is due, which it does after its very first start."""
    deadline = time.monotonic() + ON_RECORD_WITHIN_SECONDS
    while _count(field, "desired") < subscribers and time.monotonic() < deadline:
        time.sleep(0.2)
    # as autovacuum does a minute later
    field.netbilld.runner.run(field.netbilld.connection.execute("VACUUM ANALYZE"))


def _rest(pid: int) -> None:
    """Wait until netbilld has done what follows a storm and a start: a power cut comes out of the blue."""
    deadline = time.monotonic() + RESTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        before = tree_cpu_seconds(pid)
        time.sleep(1)
        if tree_cpu_seconds(pid) - before < RESTING_SHARE:
            return


def _run(client: Path, field: Field, mode: str, storm: int, subscribers: int, *, pooled: bool) -> Run:
    contender = field.contenders[0]
    command = [str(client), "-m", mode, "-c", str(contender.acct_port), "-g", str(storm)]
    command += field.client_options(contender, subscribers, NAS)
    _rest(contender.pid)
    before = _troubles(field.daemon)
    own, database = tree_cpu_seconds(contender.pid), tree_cpu_seconds(field.cluster.pid)
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    run: Run = json.loads(finished.stdout)
    run["own_cpu_ms"] = round((tree_cpu_seconds(contender.pid) - own) * 1000)
    run["database_cpu_ms"] = round((tree_cpu_seconds(field.cluster.pid) - database) * 1000)
    run["applied_seconds"] = _wait_until_applied(field.daemon)
    run |= asdict(stored(field, storm, pooled=pooled))
    run["troubles"] = {name: number - before[name] for name, number in _troubles(field.daemon).items()}
    print(json.dumps({name: value for name, value in run.items() if "timeline" not in name}), file=sys.stderr)
    return run


def _wait_until_applied(daemon: DaemonProcess) -> float | None:
    """Wait until the database has all that the journal has; return how long it took, None for too long."""
    started = time.monotonic()
    while time.monotonic() - started < APPLIED_WITHIN_SECONDS:
        found = daemon.metrics()
        if not found["netbilld_journal_pending"] and not found["netbilld_metering_behind_octets"]:
            return round(time.monotonic() - started, 2)
        time.sleep(0.2)
    return None


def _troubles(daemon: DaemonProcess) -> dict[str, int]:
    """Return how many records were not taken in, or could not be applied, since the daemon's start."""
    found = daemon.metrics()
    names = ("netbilld_journal_failed_total", "netbilld_journal_refused_total", "netbilld_metering_parked_total")
    return {name: int(found[name]) for name in names}


def stored(field: Field, storm: int, *, pooled: bool) -> Stored:
    """Count what the database holds of the storm of that number, and what it holds twice."""
    this = f"acct_session_id LIKE '{storm % 10}1______'"
    return Stored(
        sessions=_count(field, f"{_OPEN} AND {this}"),
        other_sessions=_count(field, f"{_OPEN} AND NOT {this}"),
        doubled_services=_count(field, _TWICE.format("service_id")),
        doubled_addresses=_count(field, _TWICE.format("framed_ip")),
        strange_addresses=_count(field, _ON_ANOTHERS_ADDRESS) if pooled else 0,
    )


def _count(field: Field, rows: str) -> int:
    return int(field.netbilld.runner.run(field.netbilld.connection.fetchval(f"SELECT count(*) FROM {rows}")))


def storm_bars(name: str, runs: Sequence[Run], subscribers: int) -> list[Bar]:
    """Hold the worst of all runs against what is asked of a storm."""

    def worst(*names: str) -> float:
        return float(max(sum(run[each] for each in names) for run in runs))

    name = f"storm, {name}"
    doubled = worst("doubled_services", "doubled_addresses", "strange_addresses", "addresses_doubled")
    amiss = max(abs(run["sessions"] - run["in"]) + run["other_sessions"] for run in runs)
    never = APPLIED_WITHIN_SECONDS * 10
    applied = max(never if run["applied_seconds"] is None else run["applied_seconds"] for run in runs)
    return [
        at_most(f"{name}: everyone is in", worst("seconds"), EVERYONE_WITHIN_SECONDS, "s"),
        at_most(f"{name}: subscribers not in", max(subscribers - run["in"] for run in runs), 0),
        at_most(f"{name}: requests whose third retry failed", worst("failed"), 0),
        at_most(f"{name}: the slowest log-in", worst("login_max_ms"), LATEST_LOGIN_MS, "ms"),
        at_most(f"{name}: answers that are wrong", worst("bad"), 0),
        at_most(f"{name}: sessions or addresses doubled", doubled, 0),
        at_most(f"{name}: the journal is applied", applied, APPLIED_WITHIN_SECONDS, "s"),
        at_most(f"{name}: sessions in the database that differ from those in", amiss, 0),
        at_most(f"{name}: records refused or parked", max(sum(run["troubles"].values()) for run in runs), 0),
    ]
