"""RadSec where several processes answer: its connections are the daemon's own, and what is counted is counted once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netbilld.adapters.certificate_authority import CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles
from netbilld.radius.attributes import CALLING_STATION_ID, CLASS, EAP_MESSAGE, FRAMED_IP_ADDRESS, STATE, USER_NAME
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.eap.packet import EapType
from netbilld.radius.exchange import Reply, build_request
from netbilld.radius.packet import encode_attributes
from tests.coa_server import ACCT_SESSION_ID
from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.eap_peer import Peer, response
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import free_tcp_port, wait_until
from tests.radsec_client import RadsecClient

pytestmark = [pytest.mark.slow]

POP1, POP2, POP3 = "127.0.0.2", "127.0.0.3", "127.0.0.4"  # over TLS, and over UDP to each of two processes
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


class Town:
    """A daemon of three processes, and the way to it."""

    def __init__(self, directory: Path) -> None:
        self.port = free_tcp_port()
        self.daemon = DaemonProcess(
            directory,
            NETBILLD_RADIUS__WORKERS="3",
            NETBILLD_RADIUS__RADSEC_PORT=str(self.port),
            NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="5",
            NETBILLD_ENFORCEMENT__RETRY_SECONDS="0.5",
        )
        self.files = CertificateFiles.of(self.daemon.data_dir)

    def prepare(self) -> None:
        now = datetime.now(UTC)
        self.daemon.init()
        authority = CertificateAuthority(self.files)
        authority.make("Tests", now)
        authority.make_server(["localhost"], now)
        authority.issue("pop1", now)
        self.daemon.plan()
        self.daemon.plan(LIMITED_PLAN)
        self.daemon.cli("pool", "add", "kecil", "10.77.0.0/30")
        for name, address in (("pop1", POP1), ("pop2", POP2), ("pop3", POP3)):
            self.daemon.nas(name, address)
        for name, plan in (("budi", "RUMAH20"), ("tono", "RUMAH20"), ("siti", "SATU"), ("dewi", "SATU")):
            self.daemon.cli("subscriber", "add", name, "--plan", plan, "--password", "rahasia")

    def client(self) -> RadsecClient:
        return RadsecClient(self.port, self.files.directory, "pop1", source=POP1)

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        return [int(each) for each in listed]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("radsec"))
    with made.daemon as daemon:
        made.prepare()
        daemon.start()
        assert len(made.children()) == 2
        yield made


def answered(reply: Reply | None) -> Reply:
    assert reply is not None, "the connection has ended"
    return reply


def test_log_ins_and_accounting_are_answered_and_counted_beside_those_over_udp(town: Town) -> None:
    def counted(result: str) -> float:
        return town.daemon.metrics()[f'netbilld_auth_results_total{{result="{result}"}}']

    before = counted("accept"), counted("reject")
    with town.client() as nas, NasSocket(town.daemon, POP2) as pop2, NasSocket(town.daemon, POP3) as pop3:
        assert answered(nas.ask(nas.login_request("budi"))).code == ACCEPT
        assert answered(nas.ask(nas.login_request("budi", "salah"))).code == REJECT
        for other in (pop2, pop3):
            assert other.login("budi") == ACCEPT
            assert other.login("budi", "salah") == REJECT
        for what in ("start", "interim", "stop"):
            request = nas.accounting_request(what, session_id="8a000001", user="budi", up=7, down=5 << 32)
            assert answered(nas.ask(request)).code == ACCOUNTING_RESPONSE
    wait_until(lambda: (counted("accept"), counted("reject")) == (before[0] + 3, before[1] + 3), "all are counted")

    def logged() -> list[tuple[str, str]]:
        lines = town.daemon.json("auth", "log", "--username", "budi")
        return sorted((line["nas"], line["result"]) for line in lines)

    both = [(name, result) for name in ("pop1", "pop2", "pop3") for result in ("accept", "reject")]
    wait_until(lambda: logged() == both, "all are logged")

    def metered() -> bool:
        sessions = town.daemon.json("session", "list", "--username", "budi", "--all")
        return [one["nas"] for one in sessions if one["output_octets"] == 5 << 32] == ["pop1"]

    wait_until(metered, "the session is metered")


def test_eap_goes_on_in_the_process_that_has_the_connection(town: Town) -> None:
    peer = Peer("md5", b"budi", "rahasia")
    with town.client() as nas:
        message, state = response(0, EapType.IDENTITY, b"budi"), b""
        for _ in range(5):
            pairs = [(USER_NAME, b"budi"), (EAP_MESSAGE, message), *([(STATE, state)] if state else [])]
            request = build_request(
                Code.ACCESS_REQUEST,
                nas.next_identifier(),
                Secret(b"radsec"),
                encode_attributes(pairs),
                authenticator=os.urandom(16),
            )
            reply = answered(nas.ask(request))
            if reply.code != Code.ACCESS_CHALLENGE:
                break
            state = reply.packet.attributes[STATE]
            message = peer.answer(b"".join(reply.packet.all(EAP_MESSAGE)))
    assert reply.code == ACCEPT


def test_limits_and_pools_are_exact_over_tls_and_udp(town: Town) -> None:
    """One session at once, asked for over a connection and through the other processes."""
    here, there = [(CALLING_STATION_ID, b"02:00:00:00:00:01")], (CALLING_STATION_ID, b"02:00:00:00:00:02")
    with town.client() as nas, NasSocket(town.daemon, POP2) as pop2, NasSocket(town.daemon, POP3) as pop3:
        first = answered(nas.ask(nas.login_request("siti", more=here)))
        assert first.code == ACCEPT
        for other in (pop2, pop3):
            assert other.ask(other.login_request("siti", "rahasia", there)) == REJECT
        reply = pop2.exchange(pop2.login_request("dewi", "rahasia", there))
        assert reply is not None
        assert reply[0] == ACCEPT
        assert answered(nas.ask(nas.login_request("dewi", more=here))).code == REJECT
        assert first.packet.attributes[FRAMED_IP_ADDRESS] not in reply


def test_orders_go_back_over_the_connection_and_a_trace_shows_every_process(town: Town) -> None:
    """RFC 6614 §2.5. A process that is started again while somebody watches goes on showing."""
    tracing = subprocess.Popen(
        [sys.executable, "-m", "netbilld", "radius", "trace", "--username", "tono", "--seconds", "120"],
        env={**town.daemon.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracing.stdout is not None
    assert tracing.stderr is not None
    shown = ""

    def see(what: str) -> None:
        nonlocal shown
        while not re.search(what, shown):
            line = tracing.stdout.readline() if tracing.stdout is not None else ""
            assert line, shown
            shown += line

    try:
        assert tracing.stderr.readline().startswith("watching tono")
        with town.client() as nas, NasSocket(town.daemon, POP2) as pop2, NasSocket(town.daemon, POP3) as pop3:
            accepted = answered(nas.ask(nas.login_request("tono")))
            grant = encode_attributes([(CLASS, value) for value in accepted.packet.all(CLASS)])
            request = nas.accounting_request("start", grant, session_id="8b000001", user="tono")
            assert answered(nas.ask(request)).code == ACCOUNTING_RESPONSE
            see(r"radsec → 127.0.0.2 \(pop1\)\nAccess-Accept")
            see(r"radsec → 127.0.0.2 \(pop1\)\nAccounting-Response")
            for pid in town.children():
                os.kill(pid, signal.SIGKILL)
            assert pop2.login("tono", timeout_seconds=20, tries=1) == ACCEPT
            assert pop3.login("tono", timeout_seconds=20, tries=1) == ACCEPT
            wait_until(lambda: len(town.daemon.json("session", "list", "--username", "tono")) == 1, "it is known")

            def is_seen_there() -> bool:
                nonlocal shown
                shown = ""
                assert pop2.login("tono") == ACCEPT
                assert answered(nas.ask(nas.login_request("tono"))).code == ACCEPT
                see(r"radsec → 127.0.0.2 \(pop1\)\nAccess-Accept")
                return "auth → 127.0.0.3 (pop2)\nAccess-Accept" in shown

            wait_until(is_seen_there, "the process that was started again shows its packets", 20)
            town.daemon.cli("subscriber", "suspend", "tono", "--reason", "test")
            order = nas.order("tono")
            assert order[ACCT_SESSION_ID] == [b"8b000001"]
            nas.answer(order)
            see(r"radsec → 127.0.0.2 \(pop1\)\n(CoA|Disconnect)-Request")
            see(r"radsec ← 127.0.0.2 \(pop1\)\n(CoA|Disconnect)-ACK")
            assert "rahasia" not in shown
    finally:
        tracing.kill()
        tracing.communicate()
