"""Pages in a process of their own: whatever becomes of it, RADIUS is answered; whatever becomes of the daemon, it ends.

Issue of speed aside, which benchmarks/pages.py measures, these are the two promises.
"""

import os
import re
import signal
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from netbilld.radius.attributes import USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.passwords import hide_password
from tests.daemon_process import SECRET, DaemonProcess
from tests.http_form import Visitor
from tests.peers import wait_until
from tests.radius_requests import AUTHENTICATOR, access_request

pytestmark = pytest.mark.slow

RATE = b"10M/20M"  # what the plan is due
NUMBERS = count(1)
ADMIN = ("admin@example.net", "a long enough password")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("apart"), NETBILLD_PANEL__OWN_PROCESS="true") as running:
        running.init()
        running.plan()
        running.nas()
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        running.start()
        yield running
        assert running.terminate() == 0
        assert not is_alive(pages_pid(running))


def pages_pid(daemon: DaemonProcess) -> int:
    """Return the process that answers pages now."""
    return int(re.findall(r"process of their own \(pid (\d+)\)", daemon.log)[-1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def log_in(daemon: DaemonProcess, password: str = "rahasia") -> bytes:
    """Return the reply."""
    secret = Secret(SECRET.encode())
    hidden = hide_password(password.encode(), secret, AUTHENTICATOR)
    request = access_request([(USER_NAME, b"budi"), (USER_PASSWORD, hidden)], identifier=next(NUMBERS), secret=secret)
    with socket.socket(type=socket.SOCK_DGRAM) as nas:
        nas.settimeout(10)
        nas.sendto(request, ("127.0.0.1", daemon.auth_port))
        return nas.recv(4096)


def test_pages_are_answered_by_another_process_which_knows_how_the_daemon_is(daemon: DaemonProcess) -> None:
    assert pages_pid(daemon) != daemon.pid
    assert daemon.readyz()["ready"]
    assert RATE in log_in(daemon)
    figures = daemon.metrics()
    assert figures['netbilld_auth_results_total{result="accept"}'] >= 1  # the daemon's own counters
    assert 'netbilld_http_connections{port="panel"}' in figures
    visitor = Visitor(f"http://127.0.0.1:{daemon.panel_port}")
    visitor.sign_in(*ADMIN)
    assert "pop1" in visitor.get("/nas")
    assert "budi" in visitor.get("/subscribers?q=budi")


def test_what_a_page_changes_reaches_log_ins_at_once(daemon: DaemonProcess) -> None:
    visitor = Visitor(f"http://127.0.0.1:{daemon.panel_port}")
    visitor.sign_in(*ADMIN)
    found = visitor.get("/subscribers?q=budi")  # the page of whom it names exactly
    action = re.findall(r'action="([^"]*/suspend)"', found)[0]
    visitor.post(action, {"csrf": visitor.token("/subscribers?q=budi"), "reason": "asked for"})
    wait_until(lambda: RATE not in log_in(daemon), "the suspended service is walled")


def test_radius_is_answered_while_pages_hang_and_pages_return_after_they_were_killed(daemon: DaemonProcess) -> None:
    pid = pages_pid(daemon)
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert log_in(daemon, "wrong")[0] == Code.ACCESS_REJECT
        told = {check["name"]: check for check in daemon.json_of("doctor")["checks"]}
        assert f"pid {daemon.pid}" in told["daemon"]["detail"]  # it is asked itself
    finally:
        os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pages_pid(daemon) != pid, "the next one has started", 60)
    assert daemon.readyz()["ready"]
    assert "the pages' process ended" in daemon.log


def test_pages_end_with_a_daemon_that_was_killed_and_the_next_one_has_its_ports(daemon: DaemonProcess) -> None:
    pid = pages_pid(daemon)
    daemon.kill()
    wait_until(lambda: not is_alive(pid), "the pages' process has noticed")
    daemon.start()
    assert daemon.readyz()["ready"]
    assert pages_pid(daemon) != pid
