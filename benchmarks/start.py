"""From the start of the process to its first answer, and its memory, with every subscriber in PostgreSQL."""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_most
from benchmarks.contenders import netbilld_on_postgresql, postgresql, sources
from benchmarks.processes import cpu_seconds, memory_mib, peak_memory_mib
from benchmarks.seed import SECRET, name_and_password
from netbilld.radius.authenticator import Secret, message_authenticator
from netbilld.radius.packet import encode, encode_attribute
from netbilld.radius.passwords import hide_password
from tests.daemon_process import DaemonProcess

FIRST_ANSWER_SECONDS = 10.0
MEMORY_MIB = 350.0
PATIENCE_SECONDS = 120.0


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Start again and again; the very first start also puts on record what every service is due."""
    runs = []
    with (
        postgresql(directory) as running,
        netbilld_on_postgresql(directory / "netbilld", running, options.subscribers, 1) as daemon,
    ):
        for _ in range(options.runs + 1):
            runs.append(_start(daemon, options.subscribers))
            print(runs[-1], file=sys.stderr)
    first, *others = runs
    median = {name: statistics.median(run[name] for run in others) for name in first}
    bars = [
        at_most("start: first answer with every subscriber in memory", median["seconds"], FIRST_ANSWER_SECONDS, "s"),
        at_most("start: the very first, which records what each is due", first["seconds"], FIRST_ANSWER_SECONDS, "s"),
        at_most("start: peak memory", max(run["peak_mib"] for run in runs), MEMORY_MIB, "MiB"),
    ]
    return {"subscribers": options.subscribers, "first": first, **median}, bars


def _start(daemon: DaemonProcess, subscribers: int) -> dict[str, float]:
    number = subscribers - 1
    started = time.monotonic()
    with (daemon.directory / "log").open("ab") as log:
        daemon.process = subprocess.Popen(
            [sys.executable, "-m", "netbilld", "serve"], env=daemon.environment, stdout=log, stderr=log
        )
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind((sources(1)[0], 0))
        client.connect(("127.0.0.1", daemon.auth_port))
        client.settimeout(0.05)
        while True:
            if time.monotonic() - started > PATIENCE_SECONDS or daemon.process.poll() is not None:
                raise RuntimeError(f"no answer from the daemon:\n{daemon.log[-3000:]}")
            try:
                client.send(_access_request(number))
                reply = client.recv(4096)
                break
            except OSError:  # nobody listens yet
                time.sleep(0.02)
    seconds = time.monotonic() - started
    if reply[0] != 2:
        raise RuntimeError("the first answer is not an Access-Accept")
    time.sleep(1)
    figures = {
        "seconds": round(seconds, 2),
        "cpu_seconds": cpu_seconds(daemon.pid),
        "memory_mib": round(memory_mib(daemon.pid), 1),
        "peak_mib": round(peak_memory_mib(daemon.pid), 1),
    }
    daemon.terminate()
    return figures


def _access_request(number: int) -> bytes:
    secret, authenticator = Secret(SECRET.encode()), os.urandom(16)
    name, password = (word.encode() for word in name_and_password(number))
    attributes = (
        encode_attribute(80, bytes(16))
        + encode_attribute(1, name)
        + encode_attribute(2, hide_password(password, secret, authenticator))
        + encode_attribute(7, b"\0\0\0\1")
    )
    packet = encode(1, os.urandom(1)[0], authenticator, attributes)
    return packet[:22] + message_authenticator(secret, packet, 22, authenticator) + packet[38:]
