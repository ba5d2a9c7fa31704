"""`explain` after real log-ins that a running daemon refused: sessions at once, locks, hours, pools, tries."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.peers import wait_until

PASSWORD = "sandi-rahasia-1"
MAC, OTHER_MAC = "48:8F:5A:11:22:33", "48:8F:5A:99:99:99"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
pytestmark = pytest.mark.slow


def closed_hours() -> str:
    """One hour of a day that is not about today, wherever midnight is."""
    day = (datetime.now(UTC) + timedelta(days=3)).weekday()
    return f'[hours]\nallowed = ["{DAYS[day]} 10:00-11:00"]\n'


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("explain")) as process:
        process.init()
        process.nas()
        process.cli("nas", "add", "pop2", "192.0.2.9", "--secret", "another-secret-of-tests")
        process.cli("pool", "add", "kecil", "10.77.0.0/31", "--exclude", "10.77.0.1")
        for code, more in (
            ("SATU", '[sessions]\nallowed = 1\nsecond = "refuse"\n'),
            ("JAM", closed_hours()),
            ("POOL", '[address]\npool = "kecil"\n'),
            ("BEBAS", ""),
        ):
            process.plan(FLAT_PLAN.replace("RUMAH20", code) + more)
        people = ("satu,SATU", "jam,JAM", "pool1,POOL", "pool2,POOL", "kunci,BEBAS", "lewat,BEBAS")
        file = process.directory / "people.csv"
        file.write_text("username,plan,password\n" + "".join(f"{line},{PASSWORD}\n" for line in people))
        process.cli("import", "subscribers", str(file))
        process.cli("subscriber", "set", "kunci", "--lock-mac", OTHER_MAC)
        process.cli("subscriber", "set", "lewat", "--lock-nas", "pop2")
        process.start()
        yield process
        assert process.terminate() == 0


def log_in(daemon: DaemonProcess, name: str, mac: str = MAC) -> int:
    words = ("radius", "test", "--nas", "pop1", "--username", name, "--password", PASSWORD, "--method", "chap")
    return daemon.run(*words, "--calling-station-id", mac).returncode


def explained(daemon: DaemonProcess, name: str, cause: str) -> Any:
    """Return the explanation once the attempt has reached the log."""
    found: dict[str, Any] = {}

    def named() -> bool:
        found.update(daemon.json("explain", name))
        return bool(found["cause"] == cause)

    wait_until(named, lambda: f"explain {name} says {cause}, not {found.get('cause')}", 30)
    return found["first"]


def test_one_session_too_many(daemon: DaemonProcess) -> None:
    assert log_in(daemon, "satu") == 0
    assert log_in(daemon, "satu", OTHER_MAC) == 1
    first = explained(daemon, "satu", "session_limit")
    assert first["check"] == "sessions"
    assert MAC in first["text"]["en"]


def test_a_mac_lock_is_named_with_both_addresses_and_how_to_take_it_off(daemon: DaemonProcess) -> None:
    assert log_in(daemon, "kunci") == 1
    first = explained(daemon, "kunci", "mac_lock")
    assert first["check"] == "lock"
    assert MAC in first["text"]["id"]
    assert OTHER_MAC in first["text"]["id"]
    assert "`netbilld subscriber set kunci --unlock mac`" in first["action"]["id"]
    daemon.cli("subscriber", "set", "kunci", "--unlock", "mac")
    assert daemon.json("explain", "kunci")["cause"] is None
    wait_until(lambda: log_in(daemon, "kunci") == 0, "the lock is off", 30)


def test_a_nas_that_is_not_allowed(daemon: DaemonProcess) -> None:
    assert log_in(daemon, "lewat") == 1
    first = explained(daemon, "lewat", "nas_not_allowed")
    assert "pop1" in first["text"]["id"]
    assert "pop2" in first["text"]["id"]


def test_outside_the_plans_hours(daemon: DaemonProcess) -> None:
    assert log_in(daemon, "jam") == 1
    assert explained(daemon, "jam", "outside_hours")["check"] == "plan"


def test_a_pool_that_is_full_is_named(daemon: DaemonProcess) -> None:
    assert log_in(daemon, "pool1") == 0
    assert log_in(daemon, "pool2", OTHER_MAC) == 1
    first = explained(daemon, "pool2", "pool_full")
    assert first["check"] == "pool"
    assert "kecil" in first["text"]["id"]
    assert "1 dari 1" in first["text"]["id"]
