"""Starting and ending a real daemon: what it refuses, what it survives."""

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.peers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path) as one:
        one.init()
        yield one


def _refusal(daemon: DaemonProcess) -> str:
    finished = daemon.run("serve")
    assert finished.returncode == 1, finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("netbilld:")]
    assert "Traceback" not in finished.stderr
    return line


def test_without_a_data_directory_it_says_what_to_run(tmp_path: Path) -> None:
    assert "netbilld init" in _refusal(DaemonProcess(tmp_path))


@pytest.mark.parametrize("port", ["auth", "acct"])
def test_a_radius_port_in_use_is_refused_by_number(daemon: DaemonProcess, port: str) -> None:
    number = daemon.auth_port if port == "auth" else daemon.acct_port
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", number))
        line = _refusal(daemon)
    assert str(number) in line
    assert "in use" in line


@pytest.mark.parametrize("port", ["panel", "portal"])
def test_an_http_port_in_use_is_refused_by_name(daemon: DaemonProcess, port: str) -> None:
    number = daemon.panel_port if port == "panel" else daemon.portal_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", number))
        other.listen()
        line = _refusal(daemon)
    assert str(number) in line
    assert f"{port}.port" in line


def test_a_second_daemon_on_the_same_directory_is_refused(daemon: DaemonProcess) -> None:
    daemon.start()
    assert "another netbilld" in _refusal(daemon)


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        ("rm", "netbilld init"),
        ("cut", "restore it from the backup"),
        ("other", "restore the key file"),
    ],
)
def test_a_key_that_is_missing_broken_or_another_is_refused(daemon: DaemonProcess, damage: str, advice: str) -> None:
    key = daemon.data_dir / "secret.key"
    if damage == "rm":
        key.unlink()
    else:
        key.write_text("00" * (32 if damage == "other" else 8))
    assert advice in _refusal(daemon)


@pytest.mark.parametrize(("version", "advice"), [("0000", "does not know"), ("9999", "does not know")])
def test_another_schema_is_refused_with_what_to_do(daemon: DaemonProcess, version: str, advice: str) -> None:
    with sqlite3.connect(daemon.data_dir / "netbilld.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    database.close()
    line = _refusal(daemon)
    assert version in line
    assert advice in line or "newer" in line


def test_sigterm_ends_it_in_order_and_it_starts_again(daemon: DaemonProcess) -> None:
    daemon.start()
    assert daemon.terminate() == 0
    assert not (daemon.data_dir / "control.sock").exists()
    daemon.start()
    assert daemon.terminate() == 0


def test_it_tells_the_service_manager_when_it_is_ready_and_when_it_stops(daemon: DaemonProcess, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        daemon.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        daemon.start()
        assert manager.recv(100) == b"READY=1"
        daemon.terminate()
        assert manager.recv(100) == b"STOPPING=1"


def test_the_watchdog_is_fed(daemon: DaemonProcess, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        daemon.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "500000"}
        daemon.start()
        heard = {manager.recv(100) for _ in range(4)}
    assert heard == {b"READY=1", b"WATCHDOG=1"}


def test_the_wheel_carries_the_pages(tmp_path: Path) -> None:
    """An installed netbilld needs no checkout."""
    root = Path(__file__).parents[2]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(tmp_path),
            str(root),
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "unpacked", "zip")
    pages = tmp_path / "unpacked" / "netbilld" / "panel" / "web"
    assert (pages / "templates" / "staff" / "signin.html").exists()
    assert (pages / "static" / "vendor" / "htmx.js").exists()
    assert not (pages / "node_modules").exists()


def test_a_change_on_the_command_line_is_in_force_without_a_restart(daemon: DaemonProcess) -> None:
    daemon.start()
    daemon.nas("pop1", "127.0.0.9")
    daemon.plan()
    daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
    wait_until(lambda: daemon.metrics()["netbilld_credentials"] == 1, "the new credential is in memory")
    assert daemon.metrics()["netbilld_usage_differences"] == 0
    daemon.cli("subscriber", "terminate", "budi")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0
