"""The ways to log in, and what is refused, over the sockets of a real daemon."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netbilld.radius.attributes import (
    ADSL_AGENT_CIRCUIT_ID,
    CALLING_STATION_ID,
    MIKROTIK_GROUP,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    NAS_IP_ADDRESS,
    PROXY_STATE,
    SERVICE_TYPE,
    USER_NAME,
)
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.exchange import Reply, build_request, verify_reply
from netbilld.radius.mschap import challenge_hash, challenge_response, nt_hash
from netbilld.radius.packet import decode, encode_attributes
from tests.daemon_process import SECRET, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow]

MAC = "00:E1:0C:38:C8:F8"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    directory: Path = tmp_path_factory.mktemp("front-door")
    with DaemonProcess(directory, NETBILLD_RADIUS__HOST="127.0.0.1,::1") as running:
        running.init()
        running.plan()
        running.nas("pop1", "127.0.0.1")
        running.nas("pop2", "127.0.0.2", "--require-message-authenticator", "true")
        running.nas("pop3", "127.0.0.3", "--require-message-authenticator", "false")
        running.nas("pop6", "::1")
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
        running.cli("subscriber", "add", MAC, "--plan", "RUMAH20")
        running.cli("subscriber", "add", "circuit:OLT1 eth 0/1/3:100", "--plan", "RUMAH20")
        running.start()
        yield running


def dropped(daemon: DaemonProcess, nas: str) -> dict[str, int]:
    return {line["reason"]: line["count"] for line in daemon.json("nas", "show", nas)["dropped_packets"]}


def newest(daemon: DaemonProcess, username: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def logged() -> bool:
        found[:] = daemon.json("auth", "log", "--username", username)
        return bool(found)

    wait_until(logged, f"an attempt of {username} is in the log")
    return max(found, key=lambda line: str(line["at"]))


def ms_chap_v2(name: bytes, hashed_name: bytes, password: str) -> bytes:
    challenge, peer = os.urandom(16), os.urandom(16)
    response = challenge_response(challenge_hash(peer, challenge, hashed_name), nt_hash(password))
    pairs = [
        (USER_NAME, name),
        (MS_CHAP_CHALLENGE, challenge),
        (MS_CHAP2_RESPONSE, b"\1\0" + peer + bytes(8) + response),
        (NAS_IP_ADDRESS, bytes((127, 0, 0, 1))),
    ]
    return build_request(
        Code.ACCESS_REQUEST, 200, Secret(SECRET.encode()), encode_attributes(pairs), True, authenticator=os.urandom(16)
    )


def test_auto_learns_refuses_the_downgrade_says_so_and_forgets_when_told(daemon: DaemonProcess) -> None:
    with NasSocket(daemon) as nas:
        assert nas.ask(nas.login_request("budi", signed=False)) == ACCEPT
        assert nas.ask(nas.login_request("budi", signed=True)) == ACCEPT
        assert nas.ask(nas.login_request("budi", signed=False), tries=1) is None
        assert dropped(daemon, "pop1") == {"message_authenticator_missing": 1}
        assert "message_authenticator_missing" in daemon.cli("nas", "show", "pop1")
        check = next(line for line in daemon.json("doctor")["checks"] if line["name"] == "radius")
        assert check["result"] == "warn"
        assert "pop1" in check["detail"]
        assert "--forget-message-authenticator" in check["hint"]
        assert "Message-Authenticator is required of this NAS and missing" in daemon.log
        wait_until(
            lambda: daemon.json("nas", "show", "pop1")["seen_message_authenticator_at"] is not None,
            "what was learned is kept",
        )
        daemon.cli("nas", "set", "pop1", "--forget-message-authenticator")
        assert nas.ask(nas.login_request("budi", signed=False)) == ACCEPT
        assert nas.ask(nas.login_request("budi", signed=True)) == ACCEPT  # and it is learned again
        assert nas.ask(nas.login_request("budi", signed=False), tries=1) is None


def test_each_nas_has_its_own_requirement(daemon: DaemonProcess) -> None:
    with NasSocket(daemon, "127.0.0.2") as strict, NasSocket(daemon, "127.0.0.3") as lax:
        assert strict.ask(strict.login_request("budi", signed=False), tries=1) is None
        assert strict.login("budi") == ACCEPT
        assert lax.login("budi") == ACCEPT
        assert lax.ask(lax.login_request("budi", signed=False)) == ACCEPT
        proxied = lax.login_request("budi", "rahasia", (PROXY_STATE, b"1"), signed=False)
        assert lax.ask(proxied, tries=1) is None  # CVE-2024-3596: what the attack needs is never believed unsigned
        assert dropped(daemon, "pop3") == {"proxy_state_without_message_authenticator": 1}


def test_rfc2865_5_33_proxy_states_come_back_in_order_with_accept_reject_and_accounting(daemon: DaemonProcess) -> None:
    states = [(PROXY_STATE, b"one"), (PROXY_STATE, b"two"), (PROXY_STATE, b"")]
    with NasSocket(daemon) as nas:
        for password, code in (("rahasia", ACCEPT), ("wrong", REJECT)):
            reply = nas.exchange(nas.login_request("budi", password, *states))
            assert reply is not None
            packet = decode(reply)
            assert packet.code == code
            assert packet.all(PROXY_STATE) == [b"one", b"two", b""]


def test_rfc5997_status_server_is_answered_by_both_ports(daemon: DaemonProcess) -> None:
    with NasSocket(daemon) as nas:
        assert nas.ask(nas.status_request()) == ACCEPT
        assert nas.ask(nas.status_request(), accounting=True) == ACCOUNTING_RESPONSE


def test_ipv6_serves_log_ins_and_accounting(daemon: DaemonProcess) -> None:
    with NasSocket(daemon, "::1") as nas:
        assert nas.login("budi") == ACCEPT
        assert nas.account("start", session_id="81600601") == ACCOUNTING_RESPONSE
        assert nas.ask(nas.status_request()) == ACCEPT
    wait_until(lambda: newest(daemon, "budi")["nas"] == "pop6", "the log-in over IPv6 is in the log")


@pytest.mark.parametrize("name", ["budi@rumah.example", "RUMAH\\budi", "BUDI"])
def test_a_realm_does_not_keep_a_subscriber_out(daemon: DaemonProcess, name: str) -> None:
    with NasSocket(daemon) as nas:
        assert nas.login(name) == ACCEPT
        assert nas.login(name, "wrong") == REJECT


def test_ms_chap_v2_is_proved_over_the_name_the_peer_hashed(daemon: DaemonProcess) -> None:
    with NasSocket(daemon) as nas:
        for hashed in (b"budi@rumah.example", b"budi"):
            request = ms_chap_v2(b"budi@rumah.example", hashed, "rahasia")
            answer = nas.exchange(request)
            assert answer is not None
            reply = verify_reply(request, answer, Secret(SECRET.encode()))
            assert isinstance(reply, Reply)
            assert reply.code == ACCEPT
            assert MS_CHAP2_SUCCESS in decode(answer).attributes


@pytest.mark.parametrize("written", [MAC, "00-e1-0c-38-c8-f8", "00e10c38c8f8", "00E1:0C38:C8F8", "00e1.0c38.c8f8"])
def test_a_station_logs_in_by_its_mac_address(daemon: DaemonProcess, written: str) -> None:
    with NasSocket(daemon) as nas:
        assert nas.ask(nas.login_request(written, "", (CALLING_STATION_ID, b"1:0:e1:c:38:c8:f8"))) == ACCEPT
        assert nas.ask(nas.login_request(written, "", (CALLING_STATION_ID, b"AA:BB:CC:DD:EE:FF"))) == REJECT


def test_a_line_logs_in_whatever_hangs_on_it(daemon: DaemonProcess) -> None:
    line = (ADSL_AGENT_CIRCUIT_ID, b"OLT1 eth 0/1/3:100")
    with NasSocket(daemon) as nas:
        request = nas.login_request("02:00:00:00:00:77", "", (CALLING_STATION_ID, b"1:2:0:0:0:0:77"), line)
        assert nas.ask(request) == ACCEPT
        assert nas.ask(nas.login_request("circuit:OLT1 eth 0/1/3:100", "")) == REJECT
    wait_until(
        lambda: newest(daemon, "02:00:00:00:00:77")["method"] == "circuit", "the log-in by the line is in the log"
    )
    found = daemon.json("subscriber", "show", "CIRCUIT:olt1 ETH 0/1/3:100")
    assert found["username"] == "circuit:olt1 eth 0/1/3:100"
    daemon.cli("subscriber", "set", "budi", "--circuit", "OLT1 eth 0/1/3:101")
    assert daemon.json("subscriber", "show", "budi")["circuit"] == "circuit:olt1 eth 0/1/3:101"
    with NasSocket(daemon) as nas:
        beside = (ADSL_AGENT_CIRCUIT_ID, b"OLT1 eth 0/1/3:101")
        wait_until(
            lambda: nas.ask(nas.login_request("02:00:00:00:00:78", "", beside)) == ACCEPT, "the line is in force"
        )
    taken = daemon.run("subscriber", "set", "budi", "--circuit", "olt1 ETH 0/1/3:100")
    assert taken.returncode == 1
    daemon.cli("subscriber", "set", "budi", "--circuit", "")
    assert daemon.json("subscriber", "show", "budi")["circuit"] is None


def test_a_subscriber_s_password_does_not_open_the_router(daemon: DaemonProcess) -> None:
    admin = ((SERVICE_TYPE, b"\0\0\0\1"), (CALLING_STATION_ID, b"203.0.113.9"))
    with NasSocket(daemon) as nas:
        assert nas.ask(nas.login_request("budi", "rahasia", *admin)) == REJECT
    wait_until(lambda: newest(daemon, "budi")["reason"] == "router_login", "the reason is in the log")


def test_a_guesser_is_slowed_and_the_subscriber_is_not(daemon: DaemonProcess) -> None:
    home, thief = (CALLING_STATION_ID, b"AA:00:00:00:00:01"), (CALLING_STATION_ID, b"AA:00:00:00:00:66")
    with NasSocket(daemon) as nas, NasSocket(daemon) as subscriber:
        assert subscriber.ask(subscriber.login_request("budi", "rahasia", home)) == ACCEPT
        guesses = [nas.login_request("budi", f"guess {number}", thief) for number in range(40)]
        for guess in guesses:
            nas.send(guess)
        assert subscriber.ask(subscriber.login_request("budi", "rahasia", home), tries=1) == ACCEPT
        for guess in guesses[-5:]:
            assert nas.ask(guess, timeout_seconds=3, tries=1) == REJECT  # a retransmission; each is answered once
    reasons = {line["reason"] for line in daemon.json("auth", "log", "--username", "budi")}
    wait_until(
        lambda: "too_many_tries" in {line["reason"] for line in daemon.json("auth", "log", "--username", "budi")},
        f"the reason is in the log beside {reasons}",
    )
    counted = daemon.metrics()
    assert counted["netbilld_guesses_put_off_total"] == 35, "five are answered at once"
    assert counted["netbilld_guesses_refused_total"] == 30, "ten are a device's due"


def test_a_router_account_opens_the_router_and_nothing_else(daemon: DaemonProcess) -> None:
    admin = ((SERVICE_TYPE, b"\0\0\0\1"), (CALLING_STATION_ID, b"203.0.113.10"))
    short = daemon.run("nas", "login", "add", "teknisi", "--group", "full", "--password-stdin", stdin="short\n")
    assert short.returncode == 1
    assert "at least 12 characters" in short.stderr
    daemon.cli("nas", "login", "add", "teknisi", "--group", "full", "--password-stdin", stdin="a long password\n")
    daemon.cli("nas", "login", "add", "tamu", "--group", "read", "--nas", "pop2", "--password", "another password")
    assert daemon.run("nas", "login", "add", "Teknisi", "--group", "read", "--password", "a long password").returncode
    assert [(one["name"], one["group"], one["nas"]) for one in daemon.json("nas", "login", "list")] == [
        ("tamu", "read", "pop2"),
        ("teknisi", "full", None),
    ]
    with NasSocket(daemon) as nas, NasSocket(daemon, "127.0.0.2") as other:
        wait_until(
            lambda: other.ask(other.login_request("tamu", "another password", *admin)) == ACCEPT, "it is in force"
        )
        answer = nas.exchange(nas.login_request("teknisi", "a long password", *admin))
        assert answer is not None
        assert decode(answer).attributes[MIKROTIK_GROUP] == b"full"
        assert nas.ask(nas.login_request("tamu", "another password", *admin)) == REJECT
        assert nas.login("teknisi", "a long password") == REJECT  # no subscriber
        daemon.cli("nas", "login", "remove", "TEKNISI")
        wait_until(
            lambda: nas.ask(nas.login_request("teknisi", "a long password", *admin)) == REJECT, "it is forgotten"
        )
    missing = daemon.run("nas", "login", "remove", "teknisi")
    assert missing.returncode == 1
    assert "nas login list" in missing.stderr
    assert "a long password" not in daemon.log
