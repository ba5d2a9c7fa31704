"""From the start of the process to its first answers, and its memory, with every subscriber in PostgreSQL."""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_most
from benchmarks.contenders import netbilld_on_postgresql, postgresql, sources
from benchmarks.processes import children, cpu_seconds, memory_mib, peak_memory_mib, tree_cpu_seconds
from benchmarks.seed import PLAN, SECRET, name_and_password, write_responses
from netbilld.radius.authenticator import Secret, message_authenticator
from netbilld.radius.packet import encode, encode_attribute
from netbilld.radius.passwords import hide_password
from tests.daemon_process import DaemonProcess

FIRST_ANSWER_SECONDS = 10.0
CHANGE_SECONDS = 1.0
MEMORY_MIB = 350.0
PATIENCE_SECONDS = 120.0
ACCESS_ACCEPT = b"\2"
ON_RECORD = "everything due is on record"

Run = dict[str, Any]


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Start again and again, in one process and in several; the very first one also records what every service is due.

    Every process that authenticates has to answer, and to follow a change. At the end everybody logs in once, since a
    subscriber's answer is made at the first log-in and needs memory too.
    """
    runs: dict[int, list[Run]] = {1: [], options.workers: []}
    peak: dict[int, float] = {}
    changes: dict[str, float] = {}
    answering = max(options.workers - 1, 1)
    with (
        postgresql(directory) as running,
        netbilld_on_postgresql(directory / "netbilld", running, options.subscribers, answering) as daemon,
    ):
        write_responses(directory / "responses", options.subscribers)
        first = _start(daemon, options.subscribers, options.workers, running.pid)
        daemon.terminate()
        for workers, found in runs.items():
            for _ in range(options.runs):
                found.append(_start(daemon, options.subscribers, workers, running.pid))
                if len(found) < options.runs:
                    daemon.terminate()
            _log_everybody_in(daemon, directory / "responses", options.subscribers, answering)
            peak[workers] = round(peak_memory_mib(daemon.pid), 1)
            if workers == options.workers:
                changes = _changes(daemon, options.subscribers - 1, answering)
            daemon.terminate()
    alone, several = _medians(runs[1]), _medians(runs[options.workers])
    most = max(peak.values())
    bars = [
        at_most(f"start: all of {options.workers} processes answer", several["seconds"], FIRST_ANSWER_SECONDS, "s"),
        at_most("start: one process answers", alone["seconds"], FIRST_ANSWER_SECONDS, "s"),
        at_most("start: the very first, with nothing on record", first["seconds"], FIRST_ANSWER_SECONDS, "s"),
        *(at_most(f"start: {name} is known to all", value, CHANGE_SECONDS, "s") for name, value in changes.items()),
        at_most("start: peak memory once everybody has logged in", most, MEMORY_MIB, "MiB"),
    ]
    figures = {
        "subscribers": options.subscribers,
        "workers": options.workers,
        "first": first,
        "several": several,
        "alone": alone,
        "change_seconds": changes,
        "peak_mib": {str(workers): figure for workers, figure in peak.items()},
    }
    return figures, bars


def _medians(runs: list[Run]) -> dict[str, float]:
    figures = [name for name, value in runs[0].items() if isinstance(value, float)]
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in figures}


def _start(daemon: DaemonProcess, subscribers: int, workers: int, postgres: int) -> Run:
    """Start it and return when it first answered, when every process did, and what each had used of CPU by then."""
    database = tree_cpu_seconds(postgres)
    started = time.monotonic()
    with (daemon.directory / "log").open("ab") as log:
        daemon.process = subprocess.Popen(
            [sys.executable, "-m", "netbilld", "serve"],
            env={**daemon.environment, "NETBILLD_RADIUS__WORKERS": str(workers)},
            stdout=log,
            stderr=log,
        )
    answered: list[float] = []
    with ExitStack() as stack:
        waiting = [stack.enter_context(_client(daemon, source)) for source in sources(max(workers - 1, 1))]
        while waiting:
            if time.monotonic() - started > PATIENCE_SECONDS or daemon.process.poll() is not None:
                raise RuntimeError(f"no answer from the daemon:\n{daemon.log[-3000:]}")
            for client in list(waiting):
                if _is_answered(client, subscribers - 1):
                    waiting.remove(client)
                    answered.append(time.monotonic() - started)
    run = {
        "first_seconds": round(answered[0], 2),
        "seconds": round(answered[-1], 2),
        "daemon_cpu_seconds": cpu_seconds(daemon.pid),
        "worker_cpu_seconds": max((cpu_seconds(child) for child in children(daemon.pid)), default=0.0),
        "database_cpu_seconds": round(tree_cpu_seconds(postgres) - database, 2),
    }
    while ON_RECORD not in daemon.log:
        time.sleep(0.05)
    run |= {
        "on_record_seconds": round(time.monotonic() - started, 2),
        "memory_mib": round(memory_mib(daemon.pid), 1),
        "workers": workers,
    }
    print(run, file=sys.stderr)
    (daemon.directory / "log").unlink()
    return run


def _changes(daemon: DaemonProcess, number: int, source_count: int) -> dict[str, float]:
    """Return how long after a command's end every process answers by what it changed."""
    name, password = name_and_password(number)
    path = daemon.directory / "plan.toml"
    path.write_text(PLAN.replace("BENCH20", "BENCH50").replace('down = "20M"', 'down = "50M"'))
    daemon.cli("plan", "add", str(path))
    found = {}
    with ExitStack() as stack:
        clients = [stack.enter_context(_client(daemon, source)) for source in sources(source_count)]
        for what, command, mark in (
            ("a changed password", ("set", name, "--password", f"new-{password}"), b""),
            ("a changed plan", ("set", name, "--plan", "BENCH50"), b"10M/50M"),
            ("a suspension", ("suspend", name), b"isolir"),
        ):
            daemon.cli("subscriber", *command)
            began = time.monotonic()
            for client in clients:
                while (reply := _reply(client, name, f"new-{password}"))[:1] != ACCESS_ACCEPT or mark not in reply:
                    if time.monotonic() - began > PATIENCE_SECONDS:
                        raise RuntimeError(f"{what} is not known after {PATIENCE_SECONDS:.0f} s")
                    time.sleep(0.02)
            found[what] = round(time.monotonic() - began, 2)
    print(found, file=sys.stderr)
    return found


def _client(daemon: DaemonProcess, source: str) -> socket.socket:
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.bind((source, 0))
    client.connect(("127.0.0.1", daemon.auth_port))
    return client


def _is_answered(client: socket.socket, number: int) -> bool:
    reply = _reply(client, *name_and_password(number))
    if reply and reply[:1] != ACCESS_ACCEPT:
        raise RuntimeError("the first answer is not an Access-Accept")
    return bool(reply)


def _reply(client: socket.socket, name: str, password: str) -> bytes:
    """Return what a log-in is answered with; empty for no answer."""
    client.setblocking(False)
    with suppress(OSError):
        while True:  # a guesser's Reject comes late: what waits here is not of this log-in
            client.recv(4096)
    client.settimeout(0.05)
    try:
        client.send(_access_request(name.encode(), password.encode()))
        return client.recv(4096)
    except OSError:  # nobody listens yet
        time.sleep(0.02)
        return b""


def _log_everybody_in(daemon: DaemonProcess, responses: Path, subscribers: int, source_count: int) -> None:
    from benchmarks.run import build_client  # noqa: PLC0415 - it imports this module

    command = [str(build_client("loadgen")), "-m", "pap", "-n", str(subscribers), "-w", "64", "-k", SECRET]
    command += ["-u", str(subscribers), "-s", str(source_count), "-r", str(responses), "-p", str(daemon.auth_port)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _access_request(name: bytes, password: bytes) -> bytes:
    secret, authenticator = Secret(SECRET.encode()), os.urandom(16)
    attributes = (
        encode_attribute(80, bytes(16))
        + encode_attribute(1, name)
        + encode_attribute(2, hide_password(password, secret, authenticator))
        + encode_attribute(7, b"\0\0\0\1")
    )
    packet = encode(1, os.urandom(1)[0], authenticator, attributes)
    return packet[:22] + message_authenticator(secret, packet, 22, authenticator) + packet[38:]
