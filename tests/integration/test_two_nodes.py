"""Two daemons on one PostgreSQL: what is allowed once is allowed once over both of them."""

import shutil
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
def nodes(tmp_path: Path, migrated_url: str) -> Iterator[tuple[DaemonProcess, DaemonProcess]]:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        DaemonProcess(tmp_path / "first", migrated_url) as first,
        DaemonProcess(tmp_path / "second", migrated_url) as second,
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


def heard(node: DaemonProcess) -> float:
    """How many sessions other nodes have told it of."""
    return node.metrics()["netbilld_session_news_heard_total"]


def pass_by(nas: NasSocket, session_id: str, mac: str, there: DaemonProcess) -> None:
    """Let a session begin and end, and another node know of both."""
    account(nas, "start", session_id, mac)
    wait_until(partial(holds, there, 1), "the other node knows of it")
    account(nas, "stop", session_id, mac)
    wait_until(partial(holds, there, 0), "and that it is over")


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_session_on_one_node_takes_its_place_on_the_other_since_it_is_told(
    nodes: tuple[DaemonProcess, DaemonProcess],
) -> None:
    first, second = nodes
    with NasSocket(first, "127.0.0.2") as one, NasSocket(second, "127.0.0.3") as other:
        for number in range(50):  # from its first record on a node is known to the others, at their next look
            if heard(first) and heard(second):
                break
            pass_by(one, f"8c0000{number:02}", PHONE, second)
            pass_by(other, f"8d0000{number:02}", LAPTOP, first)
        assert heard(first)
        assert heard(second)
        before = heard(first), heard(second)
        for number in range(6):
            nas, there, mac = ((one, second, PHONE), (other, first, LAPTOP))[number % 2]
            assert log_in(nas, mac) == ACCEPT
            account(nas, "start", f"8e0000{number:02}", mac)
            wait_until(partial(holds, there, 1), "the other node knows of it")
            assert log_in(other if nas is one else one, "02:00:00:00:00:03") == REJECT
            account(nas, "stop", f"8e0000{number:02}", mac)
            wait_until(partial(holds, there, 0), "and that it is over")
        # each began and ended, three on each node; the look at the store every five seconds has not counted
        wait_until(lambda: (heard(first), heard(second)) == (before[0] + 6, before[1] + 6), "each was told of")
    for node in nodes:
        assert "session news failed" not in node.log
