"""RadSec against a real daemon, over real sockets, by a client of our own (RFC 6614, RFC 6613)."""

import asyncio
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.certificate_authority import CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import read_key_file
from netbilld.model.actor import Actor
from netbilld.radius.attributes import PROXY_STATE
from netbilld.radius.authenticator import Secret
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import encode_attributes
from netbilld.services.manage_nas import ManageNas, NasFields
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from tests.coa_server import ACCT_SESSION_ID, CoaServer
from tests.daemon_process import SECRET, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT
from tests.peers import free_tcp_port, free_udp_port, wait_until
from tests.radsec_client import RadsecClient

pytestmark = [pytest.mark.slow]

POP1S = "127.0.2.0/24"  # pop1 calls from wherever it likes in there: why is said once a minute for each address
POP1, ROAMING, ANYWAY, UNBOUND = "127.0.2.1", "127.0.0.3", "127.0.0.4", "127.0.0.5"
ORDERED = "127.0.0.6"  # apart from the others, whose connections end under orders for what they have accounted


class Town:
    """A daemon with RadSec, and what its NAS need to speak with it."""

    def __init__(self, directory: Path) -> None:
        self.port = free_tcp_port()
        self.daemon = DaemonProcess(
            directory,
            NETBILLD_RADIUS__HOST="127.0.0.1,::1",
            NETBILLD_RADIUS__RADSEC_PORT=str(self.port),
            NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="5",
            NETBILLD_ENFORCEMENT__COA_TRIES="2",
            NETBILLD_ENFORCEMENT__RETRY_SECONDS="0.5",
            NETBILLD_ENFORCEMENT__RETRY_MAX_SECONDS="1",
        )
        self.files = CertificateFiles.of(self.daemon.data_dir)
        self.certs = self.files.directory
        self.other = CertificateFiles.of(directory / "other")

    def make_certificates(self) -> None:
        now = datetime.now(UTC)
        long_ago = now - timedelta(days=1000)
        authority = CertificateAuthority(self.files)
        authority.make("Tests", long_ago)
        authority.make_server(["localhost"], now)
        authority.issue("pop1", now)
        authority.issue("roaming.example.net", now)
        authority.issue("budi", now)
        authority.issue("phone", now, also_for=("pop1",), use=CertificateUse.EAP)
        authority.issue("either", now, also_for=("pop1", "tono"))
        authority.issue("router", now, also_for=("pop1", "tono"), use=CertificateUse.RADSEC)
        authority.issue("old", long_ago, days=900, also_for=("pop1",))
        self.other.directory.parent.mkdir()
        another = CertificateAuthority(self.other)
        another.make("Another", now)
        another.issue("pop1", now)

    async def add(self, nas: Sequence[NasFields], usernames: Sequence[str]) -> None:
        """Add NAS and subscribers; a command line for each would take longer than the tests."""
        database = Database(sqlite_url(self.daemon.data_dir / "netbilld.db"))
        box = read_key_file(self.daemon.data_dir / "secret.key")
        actor, now = Actor("tests", "cli"), datetime.now(UTC)
        try:
            for fields in nas:
                await ManageNas(database, box).add(fields, actor, now)
            people = ManageSubscribers(database, box, Defaults("IDR", "Asia/Jakarta"))
            for name in usernames:
                await people.add(NewService(name, plan="RUMAH20", password="rahasia"), actor, now)
        finally:
            await database.close()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database past the command line, for speed."""
        with closing(sqlite3.connect(f"file:{self.daemon.data_dir}/netbilld.db?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def sessions(self, username: str) -> list[dict[str, Any]]:
        columns = ("acct_session_id", "stopped_at", "upload_octets", "download_octets")
        query = "SELECT {}, nas.name FROM sessions JOIN nas ON nas.id = nas_id WHERE username = ?"
        found = self.rows(query.format(", ".join(columns)), username)
        return [dict(zip((*columns, "nas"), row, strict=True)) for row in found]

    def client(self, name: str | None = "pop1", source: str = POP1, **how: object) -> RadsecClient:
        return RadsecClient(self.port, self.certs, name, source=source, **how)  # type: ignore[arg-type]  # passed on

    def closed(self, why: str) -> float:
        return self.daemon.metrics()[f'netbilld_radsec_closed_total{{reason="{why}"}}']

    def metric(self, name: str) -> float:
        return self.daemon.metrics()[name]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("radsec"))
    with town.daemon as daemon:
        daemon.init()
        town.make_certificates()
        daemon.plan()
        nas = (
            NasFields("pop1", POP1S, SECRET, require_message_authenticator="true"),
            NasFields("roaming", ROAMING, SECRET, radsec_name="roaming.example.net"),
            NasFields("anyway", ANYWAY, SECRET, radsec_name="*"),
            NasFields("ordered", ORDERED, SECRET, radsec_name="*"),
            NasFields("pop6", "::1", SECRET, radsec_name="*"),
        )
        asyncio.run(town.add(nas, ("budi", "siti", "tono", "wati")))
        daemon.start()
        yield town


# -- both kinds over one connection ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_rfc6614_2_1_authentication_and_accounting_share_a_connection(town: Town, version: ssl.TLSVersion) -> None:
    session = f"81{version.value:06x}"
    with town.client(version=version) as nas:
        accepted = nas.ask(nas.login_request("budi"))
        assert accepted is not None
        assert accepted.code == ACCEPT
        assert accepted.packet.message_authenticator_at == 22
        rejected = nas.ask(nas.login_request("budi", "salah"))
        assert rejected is not None
        assert rejected.code == REJECT
        status = nas.ask(nas.status_request())
        assert status is not None
        assert status.code == ACCEPT
        for what in ("start", "interim", "stop"):
            answer = nas.ask(nas.accounting_request(what, session_id=session, user="budi", up=5 << 32, down=7))
            assert answer is not None
            assert answer.code == ACCOUNTING_RESPONSE

    def kept() -> bool:
        return any(row["acct_session_id"] == session and row["stopped_at"] for row in town.sessions("budi"))

    wait_until(kept, "the session is recorded")
    (row,) = [row for row in town.sessions("budi") if row["acct_session_id"] == session]
    assert (row["nas"], row["upload_octets"], row["download_octets"]) == ("pop1", 5 << 32, 7)
    results = "SELECT result FROM auth_attempts WHERE username = 'budi'"
    wait_until(lambda: {"accept", "reject"} <= {row[0] for row in town.rows(results)}, "the attempts are logged")


def test_an_answered_record_survives_kill_9(tmp_path: Path) -> None:
    """RFC 2866 §4.1 holds over TLS: answered means durable."""
    town = Town(tmp_path)
    with town.daemon as daemon:
        daemon.init()
        town.make_certificates()
        asyncio.run(town.add([NasFields("pop1", POP1, SECRET)], ()))
        daemon.start()
        with town.client() as nas:
            requests = [nas.accounting_request("start", session_id=f"8200{number:04x}") for number in range(50)]
            nas.tls.sendall(b"".join(requests))
            for _ in requests:
                answer = nas.frame()
                assert answer is not None
                assert answer[0] == ACCOUNTING_RESPONSE
            daemon.kill()
            assert nas.is_ended()
        daemon.start()
        wait_until(lambda: town.rows("SELECT count(*) FROM sessions") == [(50,)], "every answered record is there")
        with town.client() as nas:
            assert nas.ask(nas.status_request()) is not None
            assert daemon.terminate() == 0
            assert nas.is_ended()
        assert "Traceback" not in daemon.log


def test_a_repeated_request_gets_the_same_bytes_and_counts_once(town: Town) -> None:
    with town.client() as nas:
        for request in (
            nas.login_request("siti"),
            nas.accounting_request("start", session_id="83000001", user="siti"),
        ):
            nas.tls.sendall(request)
            first = nas.frame()
            nas.tls.sendall(request)
            assert nas.frame() == first
    assert town.metric('netbilld_radsec_replays_total{kind="auth"}') == 1
    assert town.metric('netbilld_radsec_replays_total{kind="acct"}') == 1


def test_an_identifier_may_be_under_way_for_both_kinds_at_once(town: Town) -> None:
    with town.client() as nas:
        login = nas.login_request("siti")
        accounting = bytearray(nas.accounting_request("interim", session_id="83000002", user="siti"))
        attributes = bytes(accounting[20:])
        same = build_request(Code.ACCOUNTING_REQUEST, login[1], Secret(b"radsec"), attributes, False)
        nas.tls.sendall(login + same)
        answers = {frame[0] for frame in (nas.frame(), nas.frame()) if frame is not None}
        assert answers == {ACCEPT, ACCOUNTING_RESPONSE}


def test_rfc2865_5_33_proxy_state_comes_back_in_order_and_needs_no_message_authenticator(town: Town) -> None:
    """Within TLS the attack behind that rule (CVE-2024-3596) has no hold, even on a NAS that must sign over UDP."""
    states = [(PROXY_STATE, b"first"), (PROXY_STATE, b"second")]
    with town.client() as nas:
        accepted = nas.ask(nas.login_request("budi", more=states))
        assert accepted is not None
        assert accepted.code == ACCEPT
        assert accepted.packet.all(PROXY_STATE) == [b"first", b"second"]
        recorded = nas.ask(nas.accounting_request("interim", encode_attributes(states), session_id="83000003"))
        assert recorded is not None
        assert recorded.packet.all(PROXY_STATE) == [b"first", b"second"]


# -- octets ------------------------------------------------------------------------------------------------------------


def test_many_packets_in_one_record_and_one_packet_in_many_records(town: Town) -> None:
    with town.client() as nas:
        requests = [nas.login_request("budi") for _ in range(200)]
        nas.tls.sendall(b"".join(requests))
        assert sorted(frame[1] for _ in requests if (frame := nas.frame())) == sorted(one[1] for one in requests)
        request = nas.login_request("budi")
        for octet in range(len(request) - 1):
            nas.tls.sendall(request[octet : octet + 1])
        nas.tls.sendall(request[-1:] + nas.login_request("budi")[:30])
        assert nas.frame() is not None


def test_a_packet_of_4096_octets_is_answered(town: Town) -> None:
    with town.client() as nas:
        room = 4096 - len(nas.login_request("budi"))
        filler = [(PROXY_STATE, bytes(200))] * 9
        room -= 9 * 202
        vendor = []
        while room > 0:
            length = min(room, 255) if room - min(room, 255) not in {1, 2} else min(room, 255) - 3
            vendor.append((18, bytes(length - 2)))  # Reply-Message: nothing a request is judged by
            room -= length
        request = nas.login_request("budi", more=[*filler, *vendor])
        assert len(request) == 4096
        accepted = nas.ask(request)
        assert accepted is not None
        assert accepted.code == ACCEPT
        assert len(accepted.packet.all(PROXY_STATE)) == 9


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\x01\x07\x10\x01" + bytes(4093), "bad_frame"),  # 4097
        (b"\x01\x07\x00\x13" + bytes(15), "bad_frame"),  # 19
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "bad_frame"),
        (b"\x01\x07\x00\x16" + bytes(16) + b"\x01\x01", "malformed"),  # an attribute shorter than its own header
        (b"\x04\x07\x00\x14" + bytes(16), "unauthentic"),  # an Accounting-Request that is not signed
        (b"\x0c\x07\x00\x14" + bytes(16), "unauthentic"),  # a Status-Server that is not signed (RFC 5997 §2)
    ],
)
def test_rfc6613_2_6_4_what_can_t_be_believed_ends_the_connection_and_is_counted(
    town: Town, octets: bytes, why: str
) -> None:
    before = town.closed(why)
    with town.client() as nas:
        nas.tls.sendall(octets)
        assert nas.is_ended()
    assert town.closed(why) == before + 1
    with town.client() as nas:
        assert nas.ask(nas.status_request()) is not None


def test_what_comes_before_garbage_is_answered(town: Town) -> None:
    with town.client() as nas:
        nas.tls.sendall(nas.login_request("budi") + b"garbage garbage garbage")
        answer = nas.frame()
        assert answer is not None
        assert answer[0] == ACCEPT
        assert nas.is_ended()


@pytest.mark.parametrize("code", [2, 5, 11, 13, 99])
def test_a_packet_that_asks_for_nothing_gets_silence(town: Town, code: int) -> None:
    with town.client() as nas:
        nas.tls.sendall(bytes((code, 7, 0, 20)) + bytes(16))
        assert nas.ask(nas.status_request()) is not None


def test_an_end_in_the_middle_of_a_packet_is_counted(town: Town) -> None:
    before, lost = town.closed("half_frame"), town.closed("lost")
    with town.client() as nas:
        nas.tls.sendall(nas.login_request("budi")[:33])
        nas.tls.unwrap()
    wait_until(lambda: town.closed("half_frame") == before + 1, "half a packet is counted")
    nas = town.client()
    nas.tls.sendall(nas.status_request() + nas.login_request("budi")[:33])
    assert nas.frame() is not None  # a reset takes with it what was not read before
    nas.abort()
    wait_until(lambda: town.closed("half_frame") == before + 2, "half a packet and a reset are counted")
    nas = town.client()
    nas.ask(nas.status_request())
    nas.abort()
    wait_until(lambda: town.closed("lost") == lost + 1, "a reset between packets is counted")


def test_a_peer_that_leaves_before_its_answer_harms_nobody(town: Town) -> None:
    for _ in range(5):
        nas = town.client()
        nas.tls.sendall(
            b"".join(nas.accounting_request("interim", session_id=f"8400{number:04x}") for number in range(100))
        )
        nas.abort()
    with town.client() as nas:
        assert nas.ask(nas.accounting_request("interim", session_id="84001000")) is not None
    assert town.metric("netbilld_radsec_handler_errors_total") == 0


def test_a_peer_that_does_not_read_is_not_read_either(town: Town) -> None:
    """Back-pressure: what waits for a peer is bounded; when it reads again, every answer is there."""
    with town.client() as nas:
        nas.tls.settimeout(0.5)
        # One and the same request, answered with the same bytes: as fast as the server can be made to write.
        request = nas.login_request("budi")
        sent, is_taken = 0, True
        while is_taken and sent < 1_000_000:
            try:
                nas.tls.sendall(request * 64)
                sent += 64
            except (TimeoutError, ssl.SSLWantWriteError):
                is_taken = False
        assert not is_taken, "the server read on, whatever waited to be written"
        with town.client() as other:
            assert other.ask(other.login_request("siti")) is not None
        first = nas.frame()
        for _ in range(sent - 1):
            assert nas.frame() == first


# -- who may connect ---------------------------------------------------------------------------------------------------


def refused(town: Town, name: str | None, source: str, **how: object) -> bool:
    """Whether a connection ends before a request is answered."""
    try:
        with town.client(name, source, **how) as nas:
            return nas.ask(nas.status_request()) is None
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.mark.parametrize(
    ("name", "source", "why", "words"),
    [
        (None, "127.0.0.11", "tls_failed", "it showed no certificate"),
        ("old", "127.0.0.12", "tls_failed", "its certificate is not believed: certificate has expired"),
        ("other", "127.0.0.13", "tls_failed", "its certificate is not believed: "),
        (
            "budi",
            "127.0.2.2",
            "other_certificate",
            "its certificate is for budi: if that is right, `netbilld nas set pop1",
        ),
        ("pop1", ROAMING, "other_certificate", "its certificate is for pop1"),
        (
            "phone",
            "127.0.2.3",
            "other_certificate",
            "its certificate, for phone, pop1, is a subscriber's: it is for EAP",
        ),
        ("phone", ANYWAY, "other_certificate", "its certificate, for phone, pop1, is a subscriber's: it is for EAP"),
        (
            "either",
            "127.0.2.4",
            "other_certificate",
            "its certificate, for either, pop1, tono, doesn't say whose it is",
        ),
        ("pop1", UNBOUND, "unknown_client", "no NAS has this address or certificate"),
    ],
)
def test_whoever_is_no_nas_is_turned_away_counted_and_named(
    town: Town, name: str | None, source: str, why: str, words: str
) -> None:
    before = town.closed(why)
    if name == "other":
        assert refused(town, "pop1", source, client_certs=town.other.directory)
    else:
        assert refused(town, name, source)
    assert town.closed(why) == before + 1
    assert f"RadSec from {source} is refused: {words}" in town.daemon.log


def test_a_certificate_for_radsec_is_the_nas_s_although_a_subscriber_has_a_name_of_it(town: Town) -> None:
    assert not refused(town, "router", POP1)


def test_why_is_said_once_a_minute(town: Town) -> None:
    for _ in range(3):
        assert refused(town, "roaming.example.net", "127.0.0.9", client_certs=town.certs) is False
        assert refused(town, "budi", "127.0.0.9")
    lines = [line for line in town.daemon.log.splitlines() if "RadSec from 127.0.0.9 is refused" in line]
    assert len(lines) == 1, lines
    assert "no NAS has this address or certificate" in lines[0]


def test_a_nas_is_known_by_its_certificate_wherever_it_calls_from(town: Town) -> None:
    for source in (ROAMING, POP1, "127.0.0.77"):
        with town.client("roaming.example.net", source) as nas:
            session = f"85{source.rpartition('.')[2].zfill(6)}"
            assert nas.ask(nas.accounting_request("start", session_id=session, user="wati")) is not None
    wait_until(
        lambda: [row["nas"] for row in town.sessions("wati")] == ["roaming"] * 3, "the sessions are the roaming NAS's"
    )


def test_any_certificate_of_the_authority_will_do_where_an_operator_says_so(town: Town) -> None:
    with town.client("budi", ANYWAY) as nas:
        assert nas.ask(nas.status_request()) is not None


def test_ipv6(town: Town) -> None:
    assert not refused(town, "pop1", "", host="::1")


def test_a_client_that_speaks_no_tls_is_turned_away(town: Town) -> None:
    before = town.closed("tls_failed")
    with socket.socket() as plain:
        plain.bind((POP1, 0))
        plain.connect(("127.0.0.1", town.port))
        plain.sendall(b"\x01\x07\x00\x14" + bytes(16))
        plain.settimeout(10)
        try:
            while plain.recv(4096):
                pass
        except ConnectionError:
            pass
    assert town.closed("tls_failed") == before + 1


def test_the_shared_secret_of_udp_counts_for_nothing_here(town: Town) -> None:
    """RFC 6614 §2.3: the secret is «radsec»."""
    with town.client() as nas:
        nas.tls.sendall(
            build_request(Code.ACCOUNTING_REQUEST, 1, Secret(SECRET.encode()), b"\x28\x06\0\0\0\x07", False)
        )
        assert nas.is_ended()


def test_a_nas_that_is_removed_or_bound_anew_loses_its_connection(town: Town) -> None:
    town.daemon.nas("passing", "127.0.0.20", "--radsec-name", "*")

    def connected() -> bool:
        return not refused(town, "budi", "127.0.0.20")

    wait_until(connected, "the new NAS is served")
    with town.client("budi", "127.0.0.20") as nas:
        assert nas.ask(nas.status_request()) is not None
        town.daemon.cli("nas", "set", "passing", "--radsec-name", "passing.example.net")
        assert nas.is_ended()
    assert refused(town, "budi", "127.0.0.20")


# -- orders back -------------------------------------------------------------------------------------------------------


def begin(town: Town, nas: RadsecClient, username: str, session_id: str) -> None:
    accepted = nas.ask(nas.login_request(username))
    assert accepted is not None
    grant = accepted.packet.all(25)
    more = encode_attributes([(25, value) for value in grant])
    assert nas.ask(nas.accounting_request("start", more, session_id=session_id, user=username)) is not None

    def is_known() -> bool:
        return any(row["acct_session_id"] == session_id for row in town.sessions(username))

    wait_until(is_known, "the session is known")


def test_rfc6614_2_5_orders_go_back_over_the_connection(town: Town) -> None:
    with town.client(source=ORDERED) as nas:
        begin(town, nas, "tono", "86000001")
        town.daemon.cli("subscriber", "suspend", "tono", "--reason", "test")
        order = nas.order("tono")
        assert order[ACCT_SESSION_ID] == [b"86000001"]
        # requests of both directions have identifiers of their own, and may cross
        crossing = nas.accounting_request("stop", session_id="86000001", user="tono", seconds=5)
        nas.tls.sendall(crossing)
        nas.answer(order)
        while (frame := nas.frame()) is not None and frame[0] != ACCOUNTING_RESPONSE:
            pass
        assert frame is not None
        assert frame[1] == crossing[1]
        wait_until(lambda: all(row["stopped_at"] for row in town.sessions("tono")), "the session has ended")


async def test_a_nas_that_takes_no_orders_over_radsec_gets_them_over_udp(town: Town) -> None:
    """RFC 6614 §2.5: who does not take them answers Error-Cause 406. RouterOS documents UDP only."""
    async with CoaServer(secret=SECRET.encode(), host=ORDERED, port=free_udp_port()) as udp:
        await asyncio.to_thread(town.daemon.cli, "nas", "set", "ordered", "--coa-port", str(udp.port))
        nas = await asyncio.to_thread(town.client, source=ORDERED)
        with nas:
            await asyncio.to_thread(begin, town, nas, "siti", "87000001")
            await asyncio.to_thread(town.daemon.cli, "subscriber", "suspend", "siti", "--reason", "test")
            order = await asyncio.to_thread(nas.order, "siti")
            nas.answer(order, error_cause=406)
            deadline = time.monotonic() + 10
            while not udp.of("siti") and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            assert udp.of("siti")


# -- certificates that change ------------------------------------------------------------------------------------------


def test_a_renewed_certificate_is_shown_to_new_connections_without_a_restart(town: Town) -> None:
    def serial() -> str:
        with town.client() as nas:
            assert nas.ask(nas.status_request()) is not None
            shown = nas.tls.getpeercert()
            assert shown is not None
            return str(shown["serialNumber"])

    before = serial()
    with town.client() as living:
        living.ask(living.status_request())
        town.daemon.cli("certs", "init", "--renew")
        assert serial() != before
        assert living.ask(living.status_request()) is not None


def test_a_certificate_that_breaks_meanwhile_is_said_and_the_old_one_stays_in_use(town: Town) -> None:
    kept = town.files.server.read_bytes()
    try:
        town.files.server.write_bytes(b"broken")
        with town.client() as nas:
            assert nas.ask(nas.status_request()) is not None
        assert "RadSec goes on with the certificate it has: " in town.daemon.log
    finally:
        town.files.server.write_bytes(kept)
    with town.client() as nas:
        assert nas.ask(nas.status_request()) is not None
