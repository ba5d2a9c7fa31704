"""RadSec against a real daemon, over real sockets, by a client of our own (RFC 6614, RFC 6613)."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netbilld.radius.attributes import PROXY_STATE
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import encode_attributes
from netbilld.services.manage_nas import NasFields
from tests.coa_server import ACCT_SESSION_ID, CoaServer
from tests.daemon_process import SECRET
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT
from tests.peers import free_udp_port, wait_until
from tests.radsec_client import RadsecClient
from tests.radsec_town import ORDERED, POP1, Town, radsec_town

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with radsec_town(tmp_path_factory.mktemp("radsec")) as town:
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


def test_the_shared_secret_of_udp_counts_for_nothing_here(town: Town) -> None:
    """RFC 6614 §2.3: the secret is «radsec»."""
    with town.client() as nas:
        nas.tls.sendall(
            build_request(Code.ACCOUNTING_REQUEST, 1, Secret(SECRET.encode()), b"\x28\x06\0\0\0\x07", False)
        )
        assert nas.is_ended()


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
