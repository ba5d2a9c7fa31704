"""The daemon is started while its database is away: from an encrypted snapshot, and joins the database afterwards."""

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import asyncpg
import pytest

from benchmarks import outage
from netbilld.radius.attributes import CALLING_STATION_ID, FRAMED_IP_ADDRESS
from tests import postgres
from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import missing, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

OFTEN = {"NETBILLD_OUTAGE__SNAPSHOT_SECONDS": "5"}
CLOSED_PLAN = FLAT_PLAN.replace("RUMAH20", "VOUCHER") + '[outage]\naccess = "closed"\n'


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    if not postgres.available():
        missing("PostgreSQL")
    with postgres.cluster(fsync="off") as one:
        yield one


def _prepared(daemon: DaemonProcess) -> None:
    daemon.init()
    daemon.plan()
    daemon.plan(CLOSED_PLAN)
    daemon.nas()
    daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
    daemon.cli("subscriber", "add", "kartu", "--plan", "VOUCHER", "--password", "rahasia")
    daemon.start()
    _snapshot_newer_than(daemon, 0)


def _snapshot_newer_than(daemon: DaemonProcess, moment: float) -> float:
    name = "netbilld_snapshot_taken_timestamp_seconds"
    wait_until(lambda: daemon.metrics().get(name, 0) > moment, "a snapshot is taken", 60)
    return daemon.metrics()[name]


def _upload(daemon: DaemonProcess) -> int:
    return sum(session["input_octets"] for session in daemon.json("session", "list", "--all"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_while_postgresql_is_away_it_starts_again_answers_and_loses_and_doubles_nothing(
    cluster: postgres.Cluster, tmp_path: Path, workers: str
) -> None:
    """A log-in is answered before and after the restart; all accounting is metered once when both are back."""
    with DaemonProcess(tmp_path, cluster.new_database(), **OFTEN, NETBILLD_RADIUS__WORKERS=workers) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            assert nas.login("budi") == ACCEPT
            assert nas.account("start", session_id="one", seconds=0) == ACCOUNTING_RESPONSE
            cluster.stop()
            for number in range(1, 21):
                assert nas.login("budi") == ACCEPT
                assert nas.account("interim", session_id="one", up=number, down=0, seconds=number)
            daemon.kill()
            daemon.start()
            assert "starts from the snapshot" in daemon.log
            metrics = daemon.metrics()
            assert metrics["netbilld_knowledge_from_snapshot"] == 1
            assert nas.login("budi") == ACCEPT
            assert nas.login("budi", "salah") == REJECT
            assert nas.login("kartu") == ACCEPT, "known well enough for now"
            for number in range(21, 41):
                assert nas.account("interim", session_id="one", up=number, down=0, seconds=number)
            cluster.start()
            wait_until(lambda: daemon.metrics()["netbilld_knowledge_from_snapshot"] == 0, "it is joined", 60)
            assert nas.account("stop", session_id="one", up=50, down=0, seconds=50) == ACCOUNTING_RESPONSE
            wait_until(lambda: _upload(daemon) == 50, "all is metered", 60)
            daemon.cli("subscriber", "terminate", "budi")
            wait_until(lambda: nas.login("budi") == REJECT, "changes are followed again", 60)
        assert daemon.terminate() == 0
        assert "Traceback" not in daemon.log, daemon.log
        reasons = [attempt["reason"] for attempt in daemon.json("auth", "log", "--username", "budi")]
        assert "wrong_password" in reasons, "what happened meanwhile is in the log"


class Wire:
    """A wire to PostgreSQL that can swallow everything, as a firewall or a dead switch does: nobody is told."""

    def __init__(self, to_port: int) -> None:
        self._to = ("127.0.0.1", to_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_whole.clear()

    def mend(self) -> None:
        self._is_whole.set()

    def close(self) -> None:
        self.mend()
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._ends):
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._to)
                self._ends += [near, far]
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while octets := one.recv(65_536):
                self._is_whole.wait()
                other.sendall(octets)
            other.shutdown(socket.SHUT_WR)


def test_a_postgresql_that_swallows_everything_delays_no_answer_and_no_start(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    wire = Wire(cluster.port)
    url = cluster.new_database().replace(f":{cluster.port}/", f":{wire.port}/")
    with closing(wire), DaemonProcess(tmp_path, url, **OFTEN) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            assert nas.account("start", session_id="one", seconds=0) == ACCOUNTING_RESPONSE
            wire.cut()
            for number in range(1, 200):
                assert nas.login("budi", tries=2) == ACCEPT
                assert nas.account("interim", session_id="one", up=number, down=0, seconds=number, tries=2)
                time.sleep(0.02)
            daemon.kill()
            began = time.monotonic()
            daemon.start()
            assert time.monotonic() - began < 30
            assert nas.login("budi") == ACCEPT
            assert nas.account("stop", session_id="one", up=200, down=0, seconds=200) == ACCOUNTING_RESPONSE
            wire.mend()
            wait_until(lambda: daemon.metrics()["netbilld_knowledge_from_snapshot"] == 0, "it is joined", 90)
            wait_until(lambda: _upload(daemon) == 200, "all is metered", 60)
        assert daemon.terminate() == 0


def test_a_plan_that_fails_closed_lets_nobody_in_on_knowledge_too_old(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    with DaemonProcess(tmp_path, cluster.new_database(), **OFTEN, NETBILLD_OUTAGE__TRUST_MINUTES="0") as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            assert nas.login("kartu") == ACCEPT
            cluster.stop()
            wait_until(lambda: nas.login("kartu") == REJECT, "what is known is too old for it", 60)
            assert nas.login("budi") == ACCEPT, "its plan fails open"
            daemon.kill()
            daemon.start()
            wait_until(lambda: nas.login("kartu") == REJECT, "nor after a restart")
            assert nas.login("budi") == ACCEPT
            cluster.start()
            wait_until(lambda: nas.login("kartu") == ACCEPT, "it is let in as soon as the database is back", 60)
        assert daemon.terminate() == 0
        assert {"database_away", "ok"} == {row["reason"] for row in daemon.json("auth", "log", "--username", "kartu")}


def _restarted_without_database(daemon: DaemonProcess, cluster: postgres.Cluster) -> None:
    cluster.stop()
    daemon.kill()
    daemon.start()
    assert daemon.metrics()["netbilld_knowledge_from_snapshot"] == 1


def test_who_had_an_address_of_a_pool_gets_it_again_from_the_snapshot_and_others_are_refused(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    """Nobody else can have been given it: what is not known to be this service's own is not given at all."""
    plan = FLAT_PLAN.replace("RUMAH20", "ALAMAT") + '[address]\npool = "rumah"\n'
    with DaemonProcess(tmp_path, cluster.new_database(), **OFTEN) as daemon:
        daemon.init()
        daemon.cli("pool", "add", "rumah", "10.9.0.0/24")
        daemon.plan(plan)
        daemon.nas()
        for name in ("budi", "baru"):
            daemon.cli("subscriber", "add", name, "--plan", "ALAMAT", "--password", "rahasia")
        daemon.start()
        with NasSocket(daemon) as nas:
            nas.send(nas.login_request("budi", "rahasia", (CALLING_STATION_ID, b"02:00:00:00:00:01")))
            given = nas.receive().attributes[FRAMED_IP_ADDRESS]
            _snapshot_newer_than(daemon, time.time())
            _restarted_without_database(daemon, cluster)
            nas.send(nas.login_request("budi", "rahasia", (CALLING_STATION_ID, b"02:00:00:00:00:01")))
            assert nas.receive().attributes[FRAMED_IP_ADDRESS] == given
            assert nas.login("baru") == REJECT
            cluster.start()
            wait_until(lambda: nas.login("baru") == ACCEPT, "new addresses are given again", 60)
        wait_until(
            lambda: (
                {row["reason"] for row in daemon.json("auth", "log", "--username", "baru")}
                == {"pool_unavailable", "ok"}
            ),
            "the log says why",
        )
        assert daemon.terminate() == 0


def _set_schema(url: str, version: str) -> str:
    """Write another version into the database, and return the one before."""

    async def run() -> str:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            before: str = await connection.fetchval("SELECT version_num FROM alembic_version")
            await connection.execute("UPDATE alembic_version SET version_num = $1", version)
            return before
        finally:
            await connection.close()

    return asyncio.run(run())


def test_a_database_that_returns_with_another_schema_is_not_joined_until_it_is_right(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    """Nothing is read from it or written to it; what the snapshot knows goes on."""
    url = cluster.new_database()
    with DaemonProcess(tmp_path, url, **OFTEN) as daemon:
        _prepared(daemon)
        right = _set_schema(url, "0001")
        _restarted_without_database(daemon, cluster)
        with NasSocket(daemon) as nas:
            cluster.start()
            wait_until(lambda: "the database schema is version 0001" in daemon.log, "it is said", 60)
            assert nas.login("budi") == ACCEPT
            assert nas.account("stop", session_id="one", up=7, down=0, seconds=7) == ACCOUNTING_RESPONSE
            assert daemon.metrics()["netbilld_knowledge_from_snapshot"] == 1
            _set_schema(url, right)
            wait_until(lambda: daemon.metrics()["netbilld_knowledge_from_snapshot"] == 0, "it is joined", 60)
            wait_until(lambda: _upload(daemon) == 7, "all is metered", 60)
        assert daemon.terminate() == 0


def _refused_start(daemon: DaemonProcess) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "netbilld", "serve"],
        env=daemon.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr.splitlines()[-1]


def test_a_snapshot_that_is_damaged_foreign_or_missing_starts_nobody(cluster: postgres.Cluster, tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, cluster.new_database(), **OFTEN) as daemon:
        _prepared(daemon)
        assert daemon.terminate() == 0
        cluster.stop()
        path = daemon.data_dir / "snapshot"
        good = path.read_bytes()
        assert b"budi" not in good
        path.write_bytes(good[:-1])
        assert "it is cut off" in _refused_start(daemon)
        path.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
        assert "it is damaged" in _refused_start(daemon)
        path.write_bytes(good)
        url = daemon.environment["NETBILLD_DATABASE_URL"]
        daemon.environment["NETBILLD_DATABASE_URL"] = url + "x"
        assert "it is of another database" in _refused_start(daemon)
        daemon.environment["NETBILLD_DATABASE_URL"] = url
        key = daemon.data_dir / "secret.key"
        shutil.copy(key, tmp_path / "right.key")
        key.write_text("ab" * 32 + "\n")
        assert "sealed with another key" in _refused_start(daemon)
        shutil.copy(tmp_path / "right.key", key)
        path.unlink()
        refused = _refused_start(daemon)
        assert "there is none" in refused
        assert "start the database" in refused
        path.write_bytes(good)
        daemon.start()
        assert json.loads((daemon.run("doctor", "--json")).stdout), "doctor says what it can"
        assert daemon.terminate() == 0


@pytest.mark.soak
def test_a_short_outage_under_load_and_a_kill_lose_and_double_nothing() -> None:
    """The benchmark of ten minutes, for six seconds: each bar but the one of speed."""
    if not postgres.available():
        missing("PostgreSQL")
    options = argparse.Namespace(minutes=0.1, rate=200, sessions=150, subscribers=200)
    with tempfile.TemporaryDirectory(prefix="netbilld-outage-") as directory:  # PostgreSQL's own user gets in here
        figures, bars = outage.measure(Path(directory), options)
    assert figures["packets"] > 1_500
    assert figures["truth"]["upload"] > 0
    assert [(bar.name, bar.value) for bar in bars if not bar.met] == []
