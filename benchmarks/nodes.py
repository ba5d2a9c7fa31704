"""Two nodes on one PostgreSQL: how soon work moves from a node that goes, and what crossing nodes costs in time.

    python -m benchmarks.nodes [--runs 3] [--crossings 40]

Real daemons and a PostgreSQL of its own with fsync on. Takeover: from the moment the leading node is killed, stopped
(SIGSTOP) or cut off until the other says that it leads everything; it is asked every 20 ms, so that much is added.
Orders: from an interim that uses up an allowance, sent to the node that does not lead, to the CoA-Request of the one
that does.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.coa_server import CoaServer
from tests.daemon_process import FLAT_PLAN
from tests.nas_socket import ACCOUNTING_RESPONSE, NasSocket
from tests.node_world import EVERY_DUTY, Wire, coa_server, leads, nodes_on, through
from tests.postgres import Cluster, cluster

NAS: Final = "127.0.0.3"
ALLOWANCE: Final = 300 * 10**9
BAR_SECONDS: Final = 10.0
ORDER_BAR_SECONDS: Final = 2.0
HERE: Final = Path(__file__).parent


def waited(condition: Callable[[], bool], longest_seconds: float = 60) -> float:
    """Return how long it took until a condition came true."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > longest_seconds:
            sys.exit("waited in vain")
        time.sleep(0.02)
    return time.monotonic() - began


def takeover(server: Cluster, end: str) -> float:
    """Return the seconds until the second node leads, after the first has gone in that way."""
    url = server.new_database()
    port = urlsplit(url).port
    assert port is not None
    with (
        tempfile.TemporaryDirectory(prefix="netbilld-nodes-") as directory,
        Wire(port) as wire,
        nodes_on(Path(directory), [through(url, wire), url]) as (first, second),
    ):
        first.start()
        waited(lambda: leads(first) == EVERY_DUTY)
        second.start()
        time.sleep(2)
        {"killed": first.kill, "stopped": first.stop, "cut off": wire.cut}[end]()
        return waited(lambda: leads(second) == EVERY_DUTY)


def orders(server: Cluster, crossings: int) -> list[float]:
    """Return the seconds from an interim at the node that does not lead to the order of the one that does, of each."""
    url = server.new_database()
    with (
        tempfile.TemporaryDirectory(prefix="netbilld-nodes-") as directory,
        coa_server(NAS) as coa,
        nodes_on(Path(directory), [url, url]) as (first, second),
    ):
        first.plan(FLAT_PLAN)
        first.nas("pop1", NAS, "--coa-port", str(coa.port))
        path = Path(directory) / "subscribers.csv"
        path.write_text(
            "username,password,plan\n" + "".join(f"user{number},rahasia,RUMAH20\n" for number in range(crossings))
        )
        first.cli("import", "subscribers", str(path))
        first.start()
        waited(lambda: leads(first) == EVERY_DUTY)
        second.start()
        waited(lambda: "node second is there" in first.log and "node first is there" in second.log)
        found = []
        with NasSocket(second, NAS) as nas:
            for number in range(crossings):
                user = f"user{number}"
                _account(nas, "start", number)
                waited(partial(_is_told, coa, user, 1))  # it has not logged in: it is told what it is due
                _account(nas, "interim", number, up=0, down=10**9, seconds=300)
                sent_mono = time.monotonic()
                _account(nas, "interim", number, up=0, down=ALLOWANCE, seconds=86_400)
                waited(partial(_is_told, coa, user, 2))
                found.append(coa.of(user)[1].at_mono - sent_mono)
        return found


def _is_told(coa: CoaServer, user: str, times: int) -> bool:
    return len(coa.of(user)) >= times


def _account(nas: NasSocket, status: str, number: int, **counters: int) -> None:
    answer = nas.account(
        status,
        session_id=f"8a{number:06x}",
        user=f"user{number}",
        mac=f"02:00:00:00:00:{number:02X}",
        ip=f"10.0.0.{number + 1}",
        **counters,
    )
    assert answer == ACCOUNTING_RESPONSE


def main() -> int:
    """Measure, print, and write it down; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.nodes")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--crossings", type=int, default=40)
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    rows: dict[str, list[float]] = {}
    with cluster(max_connections="80") as server:
        for end in ("killed", "stopped", "cut off"):
            rows[f"takeover, {end}"] = [takeover(server, end) for _ in range(options.runs)]
        rows["crossing at one node to the order of the other"] = orders(server, options.crossings)
    for name, seconds in rows.items():
        print(f"{name}: n {len(seconds)}, median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")
    print(f"load of the machine before: {load_before:.1f}")
    target = HERE / "results" / "nodes.json"
    target.parent.mkdir(exist_ok=True)
    document = {"load_before": load_before, "seconds": {name: sorted(found) for name, found in rows.items()}}
    target.write_text(json.dumps(document, indent=2) + "\n")
    *takeovers, ordered = rows.values()
    is_kept = max(map(max, takeovers)) < BAR_SECONDS and statistics.median(ordered) < ORDER_BAR_SECONDS
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
