"""`netbilld journal`: what is in it, and a dead node's applied by another."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from netbilld.adapters.journal import Journal
from tests import postgres
from tests.accounting_packets import datagram
from tests.daemon_process import DaemonProcess
from tests.nas_socket import ACCOUNTING_RESPONSE, NasSocket
from tests.peers import missing, wait_until


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    if not postgres.available():
        missing("PostgreSQL")
    with postgres.cluster(fsync="off") as one:
        yield one


def _prepared(daemon: DaemonProcess) -> None:
    daemon.init()
    daemon.plan()
    daemon.nas()
    daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
    daemon.start()


def _upload(daemon: DaemonProcess) -> list[int]:
    return sorted(session["input_octets"] for session in daemon.json("session", "list", "--all"))


@pytest.mark.slow
@pytest.mark.peer
def test_a_dead_nodes_journal_is_applied_by_another_node_once(cluster: postgres.Cluster, tmp_path: Path) -> None:
    url = cluster.new_database()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with DaemonProcess(tmp_path / "one", url) as dead, DaemonProcess(tmp_path / "two", url) as living:
        _prepared(dead)
        with NasSocket(dead) as nas:
            assert nas.account("start", session_id="one", seconds=0) == ACCOUNTING_RESPONSE
            wait_until(lambda: len(_upload(dead)) == 1, "the start is metered")
            refused = living.run("journal", "replay", str(dead.data_dir))
            assert refused.returncode == 1
            assert "in use by another netbilld" in refused.stderr
            cluster.stop()
            for number in range(1, 301):
                assert nas.account("interim", session_id="one", up=number, down=7, seconds=number)
            assert nas.account("stop", session_id="one", up=1000, down=7, seconds=400) == ACCOUNTING_RESPONSE
            assert nas.account("stop", session_id="two", up=5, down=5, seconds=5) == ACCOUNTING_RESPONSE
        dead.kill()
        status = dead.json("journal", "status")
        assert (status["database"], status["applied_is_known"], status["in_use"]) == ("away", False, False)
        shown = dead.json("journal", "show", "--session", "two")
        assert [(one["kind"], one["username"], one["upload_octets"]) for one in shown] == [("stop", "budi", 5)]
        cluster.start()
        living.data_dir.mkdir()
        shutil.copy(dead.data_dir / "secret.key", living.data_dir)
        living.start()  # it serves while the other's journal is applied
        status = living.json("journal", "status", str(dead.data_dir))
        assert status["unapplied_records"] == 302
        assert status["applied_is_known"]
        done = living.json("journal", "replay", str(dead.data_dir))
        assert (done["records"], done["services"], done["new_sessions"]) == (302, 1, 1)
        assert _upload(living) == [5, 1000]
        assert living.json("journal", "replay", str(dead.data_dir))["records"] == 0, "again changes nothing"
        assert living.json("journal", "status", str(dead.data_dir))["unapplied_records"] == 0
        usage = living.json("usage", "show", "budi")
        assert (usage["upload_octets"], usage["download_octets"]) == (1005, 12)
        dead.start()  # and it may come back
        with NasSocket(dead) as nas:
            assert nas.account("stop", session_id="three", up=3, down=3, seconds=3) == ACCOUNTING_RESPONSE
        wait_until(lambda: _upload(dead) == [3, 5, 1000], "what comes is metered")
        assert "ends before" not in dead.log


def test_a_replay_keeps_raw_records_where_the_setting_asks_for_them(tmp_path: Path) -> None:
    """As the node itself would have kept them."""
    with DaemonProcess(tmp_path, NETBILLD_METERING__RAW_RECORDS="true") as daemon:
        _prepared(daemon)
        daemon.terminate()
        (nas,) = daemon.json("nas", "list")
        packet = datagram("stop", session_id="two", up=5, down=5, seconds=5)
        asyncio.run(_dead_journal(tmp_path / "dead", UUID(nas["id"]), packet))
        assert daemon.json("journal", "replay", str(tmp_path / "dead"))["records"] == 1
        with closing(sqlite3.connect(daemon.data_dir / "netbilld.db")) as database:
            kept = database.execute("SELECT kind, datagram FROM accounting_records").fetchall()
        assert kept == [("stop", packet)]


async def _dead_journal(directory: Path, nas_id: UUID, packet: bytes) -> None:
    journal = Journal(directory)
    journal.open()
    journal.start(asyncio.get_running_loop())
    received_us = int(datetime.now(UTC).timestamp() * 1_000_000)
    journal.append(nas_id, "127.0.0.1", 0, received_us, packet, lambda _token, _durable: None, None)
    await journal.close()


def test_what_is_in_the_journal_can_be_read_and_found(tmp_path: Path) -> None:
    """As received, octet for octet, also while the daemon serves: what an ISP shows in court."""
    with DaemonProcess(tmp_path) as daemon:
        _prepared(daemon)
        with NasSocket(daemon) as nas:
            for number in range(1, 4):
                packet = nas.accounting_request("interim", session_id="one", up=number, down=2 * number, seconds=number)
                nas.send(packet, accounting=True)
                assert nas.receive() is not None
            assert nas.account("stop", session_id="two", user="lain", up=9, down=9) == ACCOUNTING_RESPONSE
        shown = daemon.json("journal", "show", "--nas", "pop1", "--username", "BUDI")
        assert [one["upload_octets"] for one in shown] == [1, 2, 3]
        assert shown[-1]["datagram"] == packet.hex()
        assert shown[-1]["source"] == "127.0.0.1"
        assert len(daemon.json("journal", "show", "--limit", "2")) == 2
        assert daemon.json("journal", "show", "--to", shown[0]["received_at"]) == []
        assert len(daemon.json("journal", "show", "--from", shown[1]["received_at"])) == 3
        assert "lain" in daemon.cli("journal", "show")
        refused = daemon.run("journal", "show", "--nas", "nobody")
        assert refused.returncode == 1
        wait_until(lambda: daemon.json("journal", "status")["unapplied_records"] == 0, "all is applied")
        status = daemon.json("journal", "status")
        assert status["in_use"]
        assert status["first_at"] <= status["last_at"]
        assert "not applied" in daemon.cli("journal", "status")
        metrics = daemon.metrics()
        assert metrics["netbilld_journal_unapplied_octets"] == 0
        assert metrics["netbilld_journal_oldest_unapplied_seconds"] == 0
        nothing = daemon.run("journal", "status", str(tmp_path))
        assert nothing.returncode == 1
        assert "holds no accounting journal" in nothing.stderr
