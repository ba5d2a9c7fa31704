"""A hostile network before a running daemon: others are served on, and nothing grows without bound."""

import os
import random
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import FLAT_PLAN, PER_USE_PLAN, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = pytest.mark.slow

FEW_DESCRIPTORS = 1_024
HELD_A_PORT = 300
ALL_ONES = b"\xff\xff\xff\xff"


@pytest.fixture
def daemon(tmp_path: Path, migrated_url: str) -> Iterator[DaemonProcess]:
    """One on each database."""
    with DaemonProcess(tmp_path, migrated_url) as one:
        one.init()
        one.plan(FLAT_PLAN)
        one.plan(PER_USE_PLAN)
        one.nas("pop1")
        one.nas("pop2", "127.0.0.2")
        for name in ("budi", "siti"):
            one.cli("subscriber", "add", name, "--plan", "PAKAI", "--password", "rahasia")
            one.cli("payment", "add", name, "1000000", "--method", "cash")
        yield one


@pytest.fixture
def small_daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """One on SQLite that keeps little."""
    bounds = {"NETBILLD_METERING__SEGMENT_MEGABYTES": "1", "NETBILLD_METERING__AUTH_LOG_ROWS": "1000"}
    with DaemonProcess(tmp_path, **bounds) as one:
        one.init()
        one.plan()
        one.nas()
        one.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
        yield one


def _all_applied(daemon: DaemonProcess) -> bool:
    counted = daemon.metrics()
    return counted["netbilld_metering_applied_total"] == counted["netbilld_journal_appended_total"]


def _totals(daemon: DaemonProcess, username: str) -> dict[str, tuple[int, int]]:
    """Return octets by NAS."""
    totals: dict[str, tuple[int, int]] = {}
    for session in daemon.json("session", "list", "--all", "--username", username):
        up, down = totals.get(session["nas"], (0, 0))
        totals[session["nas"]] = up + session["input_octets"], down + session["output_octets"]
    return totals


@pytest.mark.peer
def test_reports_doubled_shuffled_and_of_two_routers_with_one_id_are_counted_once_each(daemon: DaemonProcess) -> None:
    """INCA-1: over the real socket, with a router that restarts in the middle."""
    chance = random.Random(5)
    daemon.start()
    with NasSocket(daemon) as one, NasSocket(daemon, "127.0.0.2") as two:
        call: dict[str, Any] = {"session_id": "same", "user": "siti", "mac": None, "ip": "10.1.0.1"}
        began = int(time.time()) - 310  # the routers tell when it happened; how fast this machine is says nothing
        start: dict[str, Any] = {**call, "timestamp": began}
        assert one.account("start", **start) == two.account("start", **start) == ACCOUNTING_RESPONSE
        reports = []
        for number in range(1, 25):
            counters = {"up": number * 1_000, "down": number * 2_000, "seconds": number * 10}
            counters["timestamp"] = began + number * 10
            reports += [(one, one.accounting_request("interim", **call, **counters))] * 2
            counters |= {"up": number * 7_000, "down": number * 9_000}
            reports += [(two, two.accounting_request("interim", **call, **counters))] * 2
        chance.shuffle(reports)
        for nas, report in reports:
            assert nas.ask(report, accounting=True) == ACCOUNTING_RESPONSE
        on: dict[str, Any] = {"session_id": None, "user": None, "mac": None, "ip": None, "timestamp": began + 300}
        assert two.account("on", **on) == ACCOUNTING_RESPONSE
        stop: dict[str, Any] = {"up": 31_000, "down": 62_000, "seconds": 310, "timestamp": began + 310}
        assert one.account("stop", **call, **stop) == ACCOUNTING_RESPONSE
        wait_until(lambda: _all_applied(daemon), "the journal is applied")
    totals = {"pop1": (31_000, 62_000), "pop2": (24 * 7_000, 24 * 9_000)}
    assert _totals(daemon, "siti") == totals
    used = daemon.json("usage", "show", "siti")
    assert (used["upload_octets"], used["download_octets"]) == tuple(map(sum, zip(*totals.values(), strict=True)))
    assert daemon.json("ledger", "check")["ok"]


@pytest.mark.peer
def test_no_octet_in_a_packet_stops_anybodys_metering(daemon: DaemonProcess) -> None:
    daemon.start()
    texts: tuple[bytes, ...] = (
        b"\0",
        b"a\0b",
        b"\xff\xfe\0",
        b"\xed\xa0\x80",
        b"x" * 253,
        b"\r\n",
        b"'; DROP TABLE sessions;--",
        b"%s%n",
    )
    texts += ("\u202e<script>".encode(), "İ".encode() * 100)
    gigawords = ((52, ALL_ONES), (53, ALL_ONES), (42, ALL_ONES), (43, ALL_ONES))
    numbers = (gigawords, ((41, ALL_ONES),), ((55, ALL_ONES),), ((55, bytes(4)),), ((46, ALL_ONES),), ((49, ALL_ONES),))
    addresses = (((8, ALL_ONES),), ((8, b""), (97, b"\0"), (123, b"\0\x80" + ALL_ONES * 4)), ((97, b"\0\xff"),))
    with NasSocket(daemon) as nas:
        for number, text in enumerate(texts):
            assert nas.login(text) == REJECT
            for status in ("start", "interim", "stop"):
                answer = nas.account(
                    status,
                    session_id=text,
                    user=text,
                    mac=None,
                    ip=None,
                    up=number,
                    down=number,
                    seconds=10,
                    extra=((30, text), (31, text), (32, text), (87, text), (25, text)),
                )
                assert answer == ACCOUNTING_RESPONSE, (text, status)
        for number, extra in enumerate((*numbers, *addresses)):
            for status in ("start", "interim", "stop"):
                answer = nas.account(
                    status, session_id=f"n{number}", user="budi", mac=None, ip=None, up=1 << 60, extra=extra
                )
                assert answer == ACCOUNTING_RESPONSE, (extra, status)
        for unheard in (0, 9, 15, 2**32 - 1):
            nas.account(unheard, session_id="unheard of", tries=1)
        assert nas.account("stop", session_id="last", user="siti", up=7, down=8, seconds=9) == ACCOUNTING_RESPONSE
        wait_until(lambda: _all_applied(daemon), "the journal is applied", 60)
    counted = daemon.metrics()
    assert counted["netbilld_metering_parked_total"] == counted["netbilld_task_failures_total"] == 0
    assert _totals(daemon, "siti") == {"pop1": (7, 8)}
    assert daemon.json("subscriber", "show", "budi")["wallet"] == 1_000_000, "an exbibyte is nobody's usage"
    assert daemon.json("ledger", "check")["ok"]
    assert "Traceback" not in daemon.log, daemon.log


def test_unknown_sources_get_silence_one_line_each_and_no_room(small_daemon: DaemonProcess) -> None:
    daemon = small_daemon
    daemon.start()
    with NasSocket(daemon) as nas, ExitStack() as sockets:
        forged = nas.login_request("x")
        strangers = []
        for number in range(2, 52):
            stranger = sockets.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            stranger.bind((f"127.0.7.{number}", 0))
            strangers.append(stranger)
        for _ in range(40):
            for stranger in strangers:
                stranger.sendto(forged, ("127.0.0.1", daemon.auth_port))
            assert nas.login("budi") == ACCEPT
        silent = 'netbilld_radius_dropped_total{port="auth",reason="unknown_client"}'
        lost = 'netbilld_radius_kernel_drops_total{port="auth",host="127.0.0.1"}'
        wait_until(lambda: daemon.metrics()[silent] + daemon.metrics()[lost] == 40 * 50, "each datagram is counted")
    assert daemon.log.count("no NAS has this address") == 50


def test_a_flood_of_names_leaves_a_bounded_log_and_others_are_served(small_daemon: DaemonProcess) -> None:
    daemon = small_daemon
    daemon.start()
    with NasSocket(daemon) as nas:
        for number in range(20_000):
            nas.send(nas.login_request(f"user{number}"))
            if number % 64 == 0:
                assert nas.login("budi") == ACCEPT
        wait_until(lambda: not daemon.metrics()["netbilld_auth_log_waiting"], "the attempts are written", 60)
        for _ in range(2_000):
            nas.send(nas.status_request())
            nas.send(b"\x01\x07\x10\x00" + os.urandom(4_092))
            nas.send(b"\x04\x07\x10\x00" + os.urandom(4_092), accounting=True)
        assert nas.login("budi") == ACCEPT
    kept = daemon.json("auth", "log", "--limit", "100000")
    assert len(kept) <= 1_000 + 11_000, "what is kept, and what may gather until it is pruned"


def test_connections_that_are_held_open_cost_neither_accounting_nor_the_panel(small_daemon: DaemonProcess) -> None:
    """Slow clients on both ports, where the system gives few descriptors; 10 MB that nobody wants."""
    daemon = small_daemon
    daemon.wrapper = ("sh", "-c", f'ulimit -n {FEW_DESCRIPTORS}; exec "$@"', "sh")
    daemon.start()
    with NasSocket(daemon) as nas, ExitStack() as held:
        assert nas.account("start", session_id="one", seconds=0) == ACCOUNTING_RESPONSE
        for port in (daemon.portal_port, daemon.panel_port):
            for number in range(HELD_A_PORT):
                client = held.enter_context(socket.socket())
                client.bind((f"127.0.8.{number % 2 + 1}", 0))
                client.connect(("127.0.0.1", port))
                client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        with socket.create_connection(("127.0.0.1", daemon.portal_port), timeout=10) as client:
            head = b"POST /masuk HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 10000000\r\n\r\n"
            client.sendall(head % daemon.portal_port)
            with suppress(ConnectionError):  # it need not be read to the end
                client.sendall(bytes(10_000_000))
        padding = tuple((26, b"\0\0\0\x01\x01\xf0" + bytes(238)) for _ in range(14))
        for number in range(1, 300):  # beyond the end of a segment: the journal opens a file
            answer = nas.account("interim", session_id="one", up=number, down=0, seconds=number, extra=padding)
            assert answer == ACCOUNTING_RESPONSE
            assert nas.login("budi") == ACCEPT
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.panel_port}/readyz", timeout=10) as answer_of_panel:
            assert answer_of_panel.status == 200
        counted = daemon.metrics()
        assert counted["netbilld_journal_failed_total"] == 0
        assert counted['netbilld_http_refused_total{port="portal"}'] > 0
    wait_until(lambda: daemon.metrics()['netbilld_http_connections{port="portal"}'] == 0, "all connections are gone")
    assert "Traceback" not in daemon.log, daemon.log


@pytest.mark.peer
def test_a_secret_a_name_and_a_plan_may_change_under_a_live_session(daemon: DaemonProcess) -> None:
    daemon.start()
    call: dict[str, Any] = {"session_id": "live", "user": "siti", "mac": None, "ip": "10.1.0.2"}
    with NasSocket(daemon) as nas:
        assert nas.account("start", **call) == ACCOUNTING_RESPONSE
        assert nas.account("interim", **call, up=1_000, down=0, seconds=10) == ACCOUNTING_RESPONSE
        wait_until(lambda: _all_applied(daemon), "the journal is applied")
        daemon.cli("subscriber", "set", "siti", "--username", "siti.rahayu")
        daemon.cli("subscriber", "set", "siti.rahayu", "--plan", "RUMAH20")
        assert nas.account("interim", **call, up=2_000, down=0, seconds=20) == ACCOUNTING_RESPONSE
        wait_until(lambda: nas.login("siti") == REJECT, "the old name is forgotten")
        assert nas.login("siti.rahayu") == ACCEPT
        daemon.cli("nas", "set", "pop1", "--secret", "another secret")
        wait_until(lambda: nas.login("siti.rahayu", tries=1) is None, "the old secret is forgotten")
    with NasSocket(daemon, secret="another secret") as nas:
        assert nas.account("interim", **call, up=3_000, down=0, seconds=30) == ACCOUNTING_RESPONSE
        daemon.cli("subscriber", "terminate", "siti.rahayu")
        wait_until(lambda: nas.login("siti.rahayu") == REJECT, "nobody logs in")
        assert nas.account("stop", **call, up=4_000, down=0, seconds=40) == ACCOUNTING_RESPONSE
        wait_until(lambda: _all_applied(daemon), "the journal is applied")
    (session,) = daemon.json("session", "list", "--all")
    assert session["input_octets"] == 4_000
    assert daemon.metrics()["netbilld_metering_parked_total"] == 0
    assert daemon.json("ledger", "check")["ok"]
