"""The world fails around a running daemon: nobody is locked out, nothing is lost, nothing counts twice."""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from tests import postgres
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.http_form import Visitor
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import free_udp_port, missing, wait_until

pytestmark = pytest.mark.slow

TRICKLE = 60


def _status(daemon: DaemonProcess) -> tuple[int, dict[str, Any]]:
    """Return what /readyz says."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.panel_port}/readyz", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _page(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _upload(daemon: DaemonProcess) -> int:
    return sum(session["input_octets"] for session in daemon.json("session", "list", "--all"))


def _prepared(daemon: DaemonProcess) -> None:
    daemon.init()
    daemon.plan()
    daemon.nas()
    daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
    daemon.start()


class Trickle:
    """One subscriber who logs in and reports all the time; every answer is due at the first try or the second."""

    def __init__(self, nas: NasSocket) -> None:
        self.nas = nas
        self.upload = 0
        self._seconds = 0
        assert nas.account("start", session_id="one", seconds=0) == ACCOUNTING_RESPONSE

    def flow(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.nas.login("budi") == ACCEPT
            self.upload += 1_000
            self._seconds += 1
            answer = self.nas.account(
                "interim", session_id="one", up=self.upload, down=self.upload, seconds=self._seconds
            )
            assert answer == ACCOUNTING_RESPONSE

    def flow_until(self, daemon: DaemonProcess, word: str) -> dict[str, Any]:
        """Go on until /readyz, still 200, has a notice with that word."""
        while True:
            self.flow()
            code, status = _status(daemon)
            assert code == 200, status
            if any(word in notice for notice in status["notices"]):
                return status


def _recovered(daemon: DaemonProcess, trickle: Trickle) -> None:
    wait_until(lambda: _upload(daemon) == trickle.upload, "everything is metered", 60)
    daemon.cli("subscriber", "terminate", "budi")
    wait_until(lambda: trickle.nas.login("budi") == REJECT, "changes are followed again", 60)
    assert "Traceback" not in daemon.log, daemon.log


def _nothing_is_said_to_fail(daemon: DaemonProcess) -> None:
    notices: list[str] = []

    def silent() -> bool:
        notices[:] = _status(daemon)[1]["notices"]
        return not notices

    wait_until(silent, lambda: f"nothing is said to fail any more; said is {notices}", 60)


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    if not postgres.available():
        missing("PostgreSQL")
    with postgres.cluster(fsync="off") as one:
        yield one


@pytest.mark.peer
def test_while_postgresql_is_away_logins_and_accounting_are_answered_and_all_is_applied_afterwards(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    with DaemonProcess(tmp_path, cluster.new_database()) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            trickle.flow()
            cluster.stop()
            trickle.flow(TRICKLE)
            trickle.flow_until(daemon, "metering: the database can't be reached")
            assert _page(daemon.portal_port, "/") == 503
            cluster.start()
            trickle.flow()
            _recovered(daemon, trickle)
        _nothing_is_said_to_fail(daemon)
        assert daemon.terminate() == 0


@contextmanager
def _hung(cluster: postgres.Cluster) -> Iterator[None]:
    """Stop every process of the server without its clients being told, as a disk that hangs does."""
    found = subprocess.run(["pgrep", "-P", str(cluster.pid)], capture_output=True, text=True, check=False).stdout
    processes = [cluster.pid, *(int(pid) for pid in found.split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.peer
def test_a_postgresql_that_hangs_is_noticed_and_the_end_does_not_wait_for_it(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    with DaemonProcess(tmp_path, cluster.new_database()) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            with _hung(cluster):
                trickle.flow_until(daemon, "does not answer")
                assert daemon.terminate() == 0
            daemon.start()
            trickle.flow()
            wait_until(lambda: _upload(daemon) == trickle.upload, "what the journal kept is metered", 60)


def test_while_another_process_locks_the_database_logins_and_accounting_are_answered(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            other = sqlite3.connect(daemon.data_dir / "netbilld.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            trickle.flow_until(daemon, "database is locked")
            assert _page(daemon.portal_port, "/") in {200, 302}, "readers do not wait for a writer"
            other.execute("ROLLBACK")
            other.close()
            _recovered(daemon, trickle)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(directory)], capture_output=True, check=False
    )
    if mounted.returncode:
        missing("the right to mount a small disk")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest.mark.peer
@pytest.mark.parametrize("full", ["journal", "everything"])
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_a_full_disk_gets_no_false_answer_and_heals_without_a_hand(
    tmp_path: Path, small_disk: Path, full: str, killed: bool
) -> None:
    with DaemonProcess(tmp_path, NETBILLD_METERING__SEGMENT_MEGABYTES="1") as daemon:
        if full == "everything":
            daemon.data_dir = small_disk / "data"
            daemon.environment["NETBILLD_DATA_DIR"] = str(daemon.data_dir)
        else:
            daemon.data_dir.mkdir()
            (small_disk / "journal").mkdir()
            (daemon.data_dir / "journal").symlink_to(small_disk / "journal")
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            ballast = small_disk / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(65_536))
                except OSError:
                    pass
            acknowledged = 0
            padding = tuple((26, b"\0\0\0\x01\x01\xf0" + bytes(238)) for _ in range(14))
            for number in range(1, 2_000):
                answer = nas.account(
                    "interim", session_id="one", up=number, down=0, seconds=number, extra=padding, tries=1
                )
                if answer is None:
                    break
                acknowledged = number
            assert answer is None, "the journal had no end"
            code, status = _status(daemon)
            assert code == 503
            assert "no space left" in status["reasons"][0]
            assert nas.login("budi") == ACCEPT
            if killed:
                daemon.kill()
            ballast.unlink()
            if killed:
                daemon.start()
            wait_until(lambda: _status(daemon)[0] == 200, "accounting is taken again")
            wait_until(lambda: _upload(daemon) >= acknowledged, "all that was acknowledged is metered", 60)
            last = acknowledged + 1
            assert nas.account("stop", session_id="one", up=last, down=0, seconds=last) == ACCOUNTING_RESPONSE
            wait_until(lambda: _upload(daemon) == last, "the last word is metered", 60)
        assert daemon.terminate() == 0


def test_a_journal_put_back_from_an_old_copy_is_told_and_loses_no_new_record(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        journal, copy = daemon.data_dir / "journal", tmp_path / "copy"
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            trickle.flow(3)
            assert daemon.terminate() == 0
            shutil.copytree(journal, copy)
            daemon.start()
            trickle.flow(10)
            wait_until(lambda: _upload(daemon) == trickle.upload, "all is metered")
            assert daemon.terminate() == 0
            shutil.rmtree(journal)
            copy.rename(journal)
            daemon.start()
            assert "ends before what the database has applied" in daemon.log
            # a session of three packets, which nothing later would make up for
            for status, octets in (("start", None), ("interim", 40), ("stop", 70)):
                answer = nas.account(
                    status, session_id="two", mac=None, ip=None, up=octets, down=octets, seconds=octets or 0
                )
                assert answer == ACCOUNTING_RESPONSE
            wait_until(lambda: _upload(daemon) == trickle.upload + 70, "new records are metered")


def test_a_journal_that_is_deleted_is_told_and_nothing_is_acknowledged_into_the_void(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            trickle.flow(3)
            wait_until(lambda: _upload(daemon) == trickle.upload, "all is metered")
            shutil.rmtree(daemon.data_dir / "journal")
            assert nas.account("interim", session_id="one", up=10**6, seconds=60, tries=1) is None
            code, status = _status(daemon)
            assert code == 503
            assert "is gone" in status["reasons"][0]
            assert nas.login("budi") == ACCEPT
            assert daemon.terminate() == 0
            daemon.start()
            assert "a new accounting journal begins" in daemon.log
            trickle.flow()
            wait_until(lambda: _upload(daemon) == trickle.upload, "accounting goes on")


def test_a_database_put_back_from_an_old_copy_catches_up_from_the_journal(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            trickle = Trickle(nas)
            trickle.flow(3)
            wait_until(lambda: _upload(daemon) == trickle.upload, "all is metered")
            assert daemon.terminate() == 0
            shutil.copy(daemon.data_dir / "netbilld.db", tmp_path / "old.db")
            daemon.start()
            trickle.flow(10)
            wait_until(lambda: _upload(daemon) == trickle.upload, "all is metered")
            assert daemon.terminate() == 0
        for file in daemon.data_dir.glob("netbilld.db*"):
            file.unlink()
        (tmp_path / "old.db").rename(daemon.data_dir / "netbilld.db")
        daemon.start()
        wait_until(lambda: _upload(daemon) == trickle.upload, "the journal has told all of it again")


def test_it_ends_in_order_with_a_stream_and_half_sent_requests_open(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        visitor = Visitor(f"http://127.0.0.1:{daemon.panel_port}")
        visitor.sign_in("admin@example.net", "a long enough password")
        half = b"POST /masuk HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nemail="
        with (
            visitor.open("/live/overview") as stream,
            socket.create_connection(("127.0.0.1", daemon.portal_port)) as portal,
            socket.create_connection(("127.0.0.1", daemon.panel_port)) as panel,
            socket.socket(socket.AF_UNIX) as control,
            NasSocket(daemon) as nas,
        ):
            assert stream.read(5) == b"event"
            portal.sendall(half)
            panel.sendall(half)
            control.connect(str(daemon.data_dir / "control.sock"))
            control.sendall(b'{"verb"')
            requests = [
                nas.accounting_request("interim", session_id="one", up=number, down=0, seconds=number)
                for number in range(1, 200)
            ]
            for request in requests:
                nas.send(request, accounting=True)
            assert daemon.terminate() == 0
            answered = nas.drain()
        assert "Traceback" not in daemon.log, daemon.log
        daemon.start()
        wait_until(lambda: _upload(daemon) >= answered, "what was answered is metered")


KILLS = 3
HOMES = 40


async def test_orders_pending_at_a_silent_nas_survive_kills_and_are_carried_out_once(
    tmp_path: Path, migrated_url: str
) -> None:
    """Desired = seen at the end, totals exact, and no order after both agree."""
    chance = random.Random(7)
    homes = tuple(SubscriberSpec(username=f"home{number:02d}", password="rahasia") for number in range(HOMES))
    patience = {"NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS": "0.3", "NETBILLD_ENFORCEMENT__RETRY_SECONDS": "0.3"}
    patience |= {"NETBILLD_ENFORCEMENT__RETRY_MAX_SECONDS": "1", "NETBILLD_ENFORCEMENT__RECONCILE_SECONDS": "1"}
    with DaemonProcess(tmp_path, migrated_url, **patience) as daemon:
        daemon.init()
        daemon.plan(FLAT_PLAN.replace("300GB", "1GB"))
        coa_port = free_udp_port()
        daemon.nas("pop1", "127.0.0.3", "--coa-port", str(coa_port))
        rows = "".join(f"{home.username},rahasia,RUMAH20\n" for home in homes)
        (tmp_path / "homes.csv").write_text("username,password,plan\n" + rows)
        daemon.cli("import", "subscribers", str(tmp_path / "homes.csv"))
        daemon.start()
        spec = NasSpec(
            bind_address=IPv4Address("127.0.0.3"),
            secret=SECRET,
            auth_port=daemon.auth_port,
            acct_port=daemon.acct_port,
            coa_port=coa_port,
            timeout_seconds=0.3,
            subscribers=homes,
        )
        async with SimulatedNas(spec, automatic=False) as nas:
            nas.misbehaviour.silent_orders = 10**9
            sessions = {home.username: await nas.open(home.username) for home in homes}
            truth = {home.username: 0 for home in homes}

            async def live(username: str) -> None:
                for _ in range(4):
                    truth[username] += 300_000_000 + chance.randrange(1000)
                    while not await sessions[username].interim(truth[username], 0):
                        await asyncio.sleep(0.05)

            living = [asyncio.create_task(live(home.username)) for home in homes]
            for _ in range(KILLS):
                await asyncio.sleep(chance.random())  # any moment is the right one
                daemon.kill()
                await asyncio.to_thread(daemon.start)
            await asyncio.gather(*living)
            nas.misbehaviour.silent_orders = 0

            async def statuses() -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = await asyncio.to_thread(daemon.json, "enforce", "status")
                return found

            deadline = asyncio.get_running_loop().time() + 60
            while not all(
                (one["agrees"] or one["acknowledged"]) and one["desired"] == "throttled" for one in await statuses()
            ):
                assert asyncio.get_running_loop().time() < deadline, await statuses()
                await asyncio.sleep(0.1)
            carried_out = len(nas.orders)
            # two more rounds of the reconciler, told by the throughput of its timer, find nothing to do
            for home in homes[:3]:
                truth[home.username] += 1
                await sessions[home.username].interim(truth[home.username], 0)
            metered: dict[str, int] = {}
            while metered != truth:
                assert asyncio.get_running_loop().time() < deadline + 60, (metered, truth)
                listed = await asyncio.to_thread(daemon.json, "session", "list")
                metered = {session["username"]: session["input_octets"] for session in listed}
            assert len(nas.orders) == carried_out
            assert all(one["agrees"] or one["acknowledged"] for one in await statuses())
        assert daemon.terminate() == 0
