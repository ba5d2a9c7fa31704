"""Two daemons on one PostgreSQL: what is allowed once is allowed once over both of them."""

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from netbilld.radius.attributes import CALLING_STATION_ID
from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LIMITED_PLAN = (
    FLAT_PLAN.replace("RUMAH20", "SATU")
    + """
[sessions]
allowed = 1
second = "refuse"
"""
)
PHONE, LAPTOP = "02:00:00:00:00:01", "02:00:00:00:00:02"


@pytest.fixture
def nodes(tmp_path: Path, database_url: str) -> Iterator[tuple[DaemonProcess, DaemonProcess]]:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        DaemonProcess(tmp_path / "first", database_url) as first,
        DaemonProcess(tmp_path / "second", database_url) as second,
    ):
        first.init()
        first.plan(LIMITED_PLAN)
        first.nas("pop1", "127.0.0.0/24")
        first.cli("subscriber", "add", "budi", "--plan", "SATU", "--password", "rahasia")
        second.data_dir.mkdir(mode=0o700)
        shutil.copy(first.data_dir / "secret.key", second.data_dir)
        first.start()
        second.start()
        yield first, second


def log_in(nas: NasSocket, mac: str) -> int | None:
    return nas.ask(nas.login_request("budi", "rahasia", (CALLING_STATION_ID, mac.encode())))


def account(nas: NasSocket, status: str, session_id: str, mac: str) -> None:
    answer = nas.account(status, session_id=session_id, user="budi", mac=mac)
    assert answer == ACCOUNTING_RESPONSE


def holds(node: DaemonProcess, count: int) -> bool:
    """Whether a node holds the limit against so many open sessions."""
    return node.metrics()["netbilld_admission_sessions"] == count


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_session_on_one_node_takes_its_place_on_the_other_at_once(
    nodes: tuple[DaemonProcess, DaemonProcess],
) -> None:
    """A node looks for itself every five seconds only: that it knows sooner, each time, is because it is told."""
    first, second = nodes
    with NasSocket(first, "127.0.0.2") as one, NasSocket(second, "127.0.0.3") as other:
        for nas, mac in ((one, PHONE), (other, LAPTOP)):  # from its first record on a node is known to the others
            account(nas, "start", "8c000000", mac)
            account(nas, "stop", "8c000000", mac)
        wait_until(partial(told, one, PHONE, second), "the first tells the second", 60)
        wait_until(partial(told, other, LAPTOP, first), "and the second the first", 60)
        for number in range(8):
            here, there, mac = ((one, second, PHONE), (other, first, LAPTOP))[number % 2]
            assert log_in(here, mac) == ACCEPT
            account(here, "start", f"8d00000{number}", mac)
            wait_until(partial(holds, there, 1), "the other node knows of it", 3)
            assert log_in(other if here is one else one, "02:00:00:00:00:03") == REJECT
            account(here, "stop", f"8d00000{number}", mac)
            wait_until(partial(holds, there, 0), "and that it is over", 3)
    for node in nodes:
        assert "session news failed" not in node.log


def told(nas: NasSocket, mac: str, there: DaemonProcess) -> bool:
    """Let a session begin and end, and tell whether another node hears of it within a second."""
    session_id = f"8e{time.monotonic_ns() % 10**6:06}"
    account(nas, "start", session_id, mac)
    deadline = time.monotonic() + 1
    while not (heard := holds(there, 1)) and time.monotonic() < deadline:
        time.sleep(0.02)
    account(nas, "stop", session_id, mac)
    wait_until(partial(holds, there, 0), "that it is over is found in the store too")
    return heard
