"""Several processes answer authentication as one daemon."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    FRAMED_IP_ADDRESS,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_RATE_LIMIT,
)
from netbilld.radius.packet import Packet
from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.nas_socket import ACCEPT, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = pytest.mark.slow

LIMITED_PLAN = (
    FLAT_PLAN.replace("RUMAH20", "SATU")
    + """
[sessions]
allowed = 1
second = "refuse"
[address]
pool = "kecil"
"""
)
FASTER_PLAN = (
    FLAT_PLAN.replace("RUMAH20", "RUMAH50").replace('down = "20M"', 'down = "50M"').replace('up = "10M"', 'up = "25M"')
)


@pytest.fixture
def daemon(tmp_path: Path, migrated_url: str) -> Iterator[DaemonProcess]:
    """One with two authentication processes, on each database."""
    with DaemonProcess(tmp_path, migrated_url, NETBILLD_RADIUS__WORKERS="3") as one:
        one.init()
        one.plan()
        one.nas("pops", "127.0.0.0/24")
        one.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
        yield one


def _workers(daemon: DaemonProcess) -> dict[int, int]:
    """Return requests by worker, as the metrics have them."""
    found = daemon.metrics()
    return {number: int(found.get(f'netbilld_worker_requests_total{{worker="{number}"}}', 0)) for number in (1, 2)}


def _children(daemon: DaemonProcess) -> list[int]:
    listed = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
    return [int(each) for each in listed]


def _lets_in(nas: NasSocket, password: str) -> bool:
    return nas.login("budi", password) == ACCEPT


def _reply(nas: NasSocket) -> Packet:
    nas.send(nas.login_request("budi", "lain"))
    return nas.receive()


def _has_rate(nas: NasSocket, rate: bytes) -> bool:
    return _reply(nas).attributes.get(MIKROTIK_RATE_LIMIT) == rate


def _is_walled(nas: NasSocket) -> bool:
    return _reply(nas).attributes.get(MIKROTIK_ADDRESS_LIST) is not None


def _reasons(daemon: DaemonProcess) -> set[str]:
    return {line["reason"] for line in daemon.json("auth", "log") if line["result"] == "reject"}


def _are_gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_each_nas_reaches_one_process_and_all_follow_changes(daemon: DaemonProcess) -> None:
    daemon.start()
    with NasSocket(daemon, "127.0.0.2") as even, NasSocket(daemon, "127.0.0.3") as odd:
        for nas in (even, odd):
            assert nas.login("budi") == ACCEPT
            assert nas.login("budi", "salah") == REJECT
        wait_until(lambda: _workers(daemon) == {1: 2, 2: 2}, "each worker has counted its NAS's requests")
        daemon.cli("subscriber", "set", "budi", "--password", "lain")
        for nas in (even, odd):
            wait_until(partial(_lets_in, nas, "lain"), "the new password is known")
            assert nas.login("budi") == REJECT
        daemon.plan(FASTER_PLAN)
        daemon.cli("subscriber", "set", "budi", "--plan", "RUMAH50")
        for nas in (even, odd):
            wait_until(partial(_has_rate, nas, b"25M/50M"), "the new plan's speed is given")
        daemon.cli("subscriber", "suspend", "budi")
        for nas in (even, odd):
            wait_until(partial(_is_walled, nas), "the suspension is known")
        wait_until(lambda: len(daemon.json("auth", "log", "--username", "budi")) >= 8, "every attempt is logged")
        for _ in range(6):
            assert even.login("budi", "salah") == REJECT
        wait_until(lambda: daemon.metrics()["netbilld_guesses_put_off_total"] >= 1, "their guesses are counted")


def test_limits_and_pools_stay_exact_over_processes(daemon: DaemonProcess) -> None:
    """One session at once and two addresses, asked for through both processes at the same time."""
    daemon.cli("pool", "add", "kecil", "10.77.0.0/31")
    daemon.plan(LIMITED_PLAN)
    for name in ("siti", "agus", "dewi"):
        daemon.cli("subscriber", "add", name, "--plan", "SATU", "--password", "rahasia")
    daemon.start()
    with NasSocket(daemon, "127.0.0.2") as even, NasSocket(daemon, "127.0.0.3") as odd:
        answers = []
        for name in ("siti", "agus", "dewi"):
            for nas, station in ((even, "02:00:00:00:00:01"), (odd, "02:00:00:00:00:02")):
                request = nas.login_request(name, "rahasia", (CALLING_STATION_ID, station.encode()))
                nas.send(request)
            answers.append({nas: nas.receive() for nas in (even, odd)})
    given = [answer for asked in answers for answer in asked.values()]
    accepted = [packet for packet in given if packet.code == ACCEPT]
    for asked in answers:
        assert sum(packet.code == ACCEPT for packet in asked.values()) <= 1
    addresses = [packet.attributes[FRAMED_IP_ADDRESS] for packet in accepted]
    assert len(addresses) == len(set(addresses)) == 2
    wait_until(lambda: _reasons(daemon) == {"session_limit", "pool_full"}, "the log says why")


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_process_that_is_killed_is_replaced_and_nobody_notices(daemon: DaemonProcess) -> None:
    daemon.start()
    first = _children(daemon)
    assert len(first) == 2
    with NasSocket(daemon, "127.0.0.2") as even, NasSocket(daemon, "127.0.0.3") as odd:
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        # what arrives meanwhile waits in the socket, which the daemon itself holds
        assert even.login("budi", tries=1, timeout_seconds=20) == ACCEPT
        assert odd.login("budi", tries=1, timeout_seconds=20) == ACCEPT
    wait_until(lambda: len(_children(daemon)) == 2, "both are there again")
    assert "it is started again" in daemon.log


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_they_end_with_the_daemon_in_order_and_when_it_is_killed(daemon: DaemonProcess) -> None:
    for end in (daemon.terminate, daemon.kill):
        daemon.start()
        children = _children(daemon)
        end()
        wait_until(partial(_are_gone, children), "its processes are gone", 10)
