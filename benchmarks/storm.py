"""The storm after a power cut: everyone logs in and sends a Start at once, from 20 NAS that retransmit."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bars import Bar, at_most
from benchmarks.contenders import Field, everybody
from tests.peers import wait_until

NAS = 20
MODES = ("pap", "mschapv2")
EVERYONE_WITHIN_SECONDS = 15.0
LATEST_LOGIN_MS = 1000.0
STORED_WITHIN_SECONDS = 30.0


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return what the storm client saw and what the store holds afterwards, worst of all runs, and the bars."""
    from benchmarks.run import build_client  # noqa: PLC0415 - it imports this module

    client = build_client("storm")
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    storm = 0
    with everybody(directory, options.storm_subscribers, NAS, set(), options.workers) as field:
        for mode in MODES:
            runs = []
            for _ in range(options.runs):
                storm += 1
                runs.append(_run(client, field, mode, storm, options))
            figures[mode] = runs
            bars += _bars(mode, runs, options.storm_subscribers)
    return figures, bars


def _run(client: Path, field: Field, mode: str, storm: int, options: argparse.Namespace) -> dict[str, Any]:
    contender = field.contenders[0]
    command = [str(client), "-m", mode, "-c", str(contender.acct_port), "-g", str(storm)]
    command += field.client_options(contender, options.storm_subscribers, NAS)
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    run: dict[str, Any] = json.loads(finished.stdout)
    run |= _stored(field, storm, options.storm_subscribers)
    print(json.dumps(run), file=sys.stderr)
    return run


def _stored(field: Field, storm: int, subscribers: int) -> dict[str, int]:
    """Wait until the store holds every session of this storm; count what it has twice."""
    runner, connection = field.netbilld.runner, field.netbilld.connection

    def count(query: str) -> int:
        return int(runner.run(connection.fetchval(f"SELECT count(*) FROM {query}")))

    def stored() -> int:
        return count(f"sessions WHERE stopped_at IS NULL AND acct_session_id LIKE '{storm % 10}1______'")

    try:
        wait_until(lambda: stored() >= subscribers, "every session is in the store", STORED_WITHIN_SECONDS)
    except pytest.fail.Exception as error:
        print(error, file=sys.stderr)
    twice = "SELECT 1 FROM sessions WHERE stopped_at IS NULL AND {0} IS NOT NULL GROUP BY {0} HAVING count(*) > 1"
    return {
        "sessions": stored(),
        "doubled_services": count(f"({twice.format('service_id')}) AS twice"),
        "doubled_addresses": count(f"({twice.format('framed_ip')}) AS twice"),
    }


def _bars(mode: str, runs: list[dict[str, Any]], subscribers: int) -> list[Bar]:
    def worst(name: str) -> float:
        return float(max(run[name] for run in runs))

    missing = max(subscribers - min(run["in"], run["sessions"]) for run in runs)
    doubled = max(
        run["doubled_services"] + run["doubled_addresses"] + max(0, run["sessions"] - subscribers) for run in runs
    )
    return [
        at_most(f"storm, {mode}: everyone is in", worst("seconds"), EVERYONE_WITHIN_SECONDS, "s"),
        at_most(f"storm, {mode}: subscribers not in", missing, 0),
        at_most(f"storm, {mode}: requests whose third retry failed", worst("failed"), 0),
        at_most(f"storm, {mode}: the slowest log-in", worst("login_max_ms"), LATEST_LOGIN_MS, "ms"),
        at_most(f"storm, {mode}: sessions or addresses doubled", doubled, 0),
    ]
