"""`netbilld radius test`, `radius trace` and `explain` against a daemon that runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import wait_until

PASSWORD = "sandi-rahasia-1"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("tools")) as process:
        process.init()
        process.plan()
        process.nas()
        process.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", PASSWORD)
        process.start()
        yield process
        assert process.terminate() == 0


def ask(daemon: DaemonProcess, *words: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    return daemon.run(
        "radius", "test", "--nas", "pop1", "--username", "budi", "--password", password, "--timeout", "0.3", *words
    )


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv2"])
def test_an_accept_shows_the_exchange_and_no_secret(daemon: DaemonProcess, method: str) -> None:
    done = ask(daemon, "--method", method, "--calling-station-id", "48:8F:5A:11:22:33", "NAS-Port-Type=Ethernet")
    assert done.returncode == 0, done.stderr
    assert "Access-Request" in done.stdout
    assert "Access-Accept" in done.stdout
    assert "NAS-Port-Type = Ethernet" in done.stdout
    assert "Mikrotik-Rate-Limit" in done.stdout
    assert "hidden" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert ("proved that it knows the password" in done.stdout) == (method == "mschapv2")


def test_status_server_needs_no_name(daemon: DaemonProcess) -> None:
    done = daemon.run("radius", "test", "--secret-stdin", "--server", f"127.0.0.1:{daemon.auth_port}", stdin=SECRET)
    assert done.returncode == 0, done.stderr
    assert "Status-Server" in done.stdout


def test_json_has_the_decoded_exchange(daemon: DaemonProcess) -> None:
    document = json.loads(ask(daemon, "--json").stdout)
    assert document["reply"]["code"] == "Access-Accept"
    assert {"name": "User-Name", "value": '"budi"'} in document["request"]["attributes"]
    assert document["cause"] is None


def test_a_reject_says_the_likely_cause_in_one_line(daemon: DaemonProcess) -> None:
    done = ask(daemon, password="salah")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "password was wrong" in done.stderr
    assert "Access-Reject" in done.stdout


def test_a_name_of_nobody_is_rejected_with_a_suggestion(daemon: DaemonProcess) -> None:
    done = daemon.run("radius", "test", "--nas", "pop1", "--username", "budy", "--password", "x")
    assert done.returncode == 1
    assert "Nobody has the user name budy" in done.stderr
    assert "Did you mean budi?" in done.stderr


def test_silence_for_a_wrong_secret_is_explained_by_the_daemon(daemon: DaemonProcess) -> None:
    words = ("radius", "test", "--secret", "another", "--username", "budi", "--password", "x", "--timeout", "0.2")
    done = daemon.run(*words)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "the secret is not that of NAS pop1" in done.stderr


def test_explain_names_the_wrong_secret_that_left_no_attempt(daemon: DaemonProcess) -> None:
    daemon.cli("subscriber", "add", "siti", "--plan", "RUMAH20", "--password", PASSWORD)
    daemon.run("radius", "test", "--secret", "another", "--username", "siti", "--password", "x", "--timeout", "0.2",
               "--tries", "1")  # fmt: skip
    explained = daemon.json("explain", "siti")
    assert (explained["first"]["check"], explained["cause"]) == ("nas", "wrong_nas_secret")
    assert "127.0.0.1" in explained["first"]["text"]["id"]


def test_explain_names_a_message_authenticator_that_is_missing(daemon: DaemonProcess) -> None:
    assert ask(daemon).returncode == 0  # from here on the NAS is known to send it
    daemon.cli("subscriber", "add", "dewi", "--plan", "RUMAH20", "--password", PASSWORD)
    done = daemon.run(
        "radius", "test", "--nas", "pop1", "--username", "dewi", "--password", PASSWORD, "--timeout", "0.2",
        "--no-message-authenticator",
    )  # fmt: skip
    assert done.returncode == 1
    assert "must send Message-Authenticator" in done.stderr
    assert daemon.json("explain", "dewi")["cause"] == "message_authenticator_missing"


def test_explain_speaks_both_languages_and_exits_0(daemon: DaemonProcess) -> None:
    ask(daemon, password="salah")

    def logged() -> bool:
        return bool(daemon.json("explain", "budi")["cause"] == "wrong_password")

    wait_until(logged, "the attempt is in the log", 30)
    assert "Kata sandi salah" in daemon.cli("explain", "budi")
    assert "The password was wrong" in daemon.cli("explain", "budi", "--lang", "en")


def test_nothing_listening_is_said(daemon: DaemonProcess) -> None:
    done = daemon.run("radius", "test", "--secret", "x", "--server", "127.0.0.1:9", "--timeout", "0.2")
    assert done.returncode == 1
    assert "nothing listens on 127.0.0.1 port 9" in done.stderr


def test_an_attribute_that_is_in_no_dictionary_is_refused(daemon: DaemonProcess) -> None:
    assert "no attribute 'Kecepatan'" in ask(daemon, "Kecepatan=1").stderr
    assert "write a number or one of" in ask(daemon, "NAS-Port-Type=Sapi").stderr


def test_an_operators_dictionary_names_file_and_line(daemon: DaemonProcess, tmp_path: Path) -> None:
    own = tmp_path / "dictionary.own"
    own.write_text(
        "VENDOR Kandang 99999\nBEGIN-VENDOR Kandang\nATTRIBUTE Kandang-Nomor 1 integer\nEND-VENDOR Kandang\n"
    )
    daemon.environment["NETBILLD_RADIUS__DICTIONARY"] = str(own)
    try:
        assert "Kandang-Nomor = 7" in ask(daemon, "Kandang-Nomor=7").stdout
        own.write_text("VENDOR Kandang 99999\nATTRIBUTE Kandang-Nomor satu integer Kandang\n")
        assert f"{own}, line 2" in ask(daemon).stderr
        own.write_text("\n\nATRIBUTE Kandang-Nomor 1 integer\n")
        assert f"{own}, line 3" in ask(daemon).stderr
    finally:
        del daemon.environment["NETBILLD_RADIUS__DICTIONARY"]


def test_a_trace_shows_requests_replies_and_drops_of_one_subscriber(daemon: DaemonProcess) -> None:
    daemon.cli("subscriber", "add", "agus", "--plan", "RUMAH20", "--password", PASSWORD, "--mac", "48:8F:5A:00:00:07")
    tracing = subprocess.Popen(
        [sys.executable, "-m", "netbilld", "radius", "trace", "--username", "agus", "--seconds", "60"],
        env={**daemon.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert tracing.stderr is not None
        assert tracing.stdout is not None
        assert tracing.stderr.readline().startswith("watching agus")
        assert ask(daemon).returncode == 0  # somebody else
        agus = ("radius", "test", "--username", "agus", "--password", PASSWORD, "--timeout", "0.2", "--tries", "1")
        daemon.cli(*agus, "--nas", "pop1")
        daemon.run(*agus, "--secret", "another")
        shown = ""
        while "dropped" not in shown:
            line = tracing.stdout.readline()
            assert line, shown
            shown += line
    finally:
        tracing.kill()
        tracing.communicate()
    assert "Access-Request" in shown
    assert "Access-Accept" in shown
    assert "dropped: bad_message_authenticator" in shown
    assert "budi" not in shown
    assert PASSWORD not in shown
    assert "User-Password = <16 octets, hidden>" in shown


def test_a_trace_without_a_daemon_is_refused(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as process:
        process.init()
        done = process.run("radius", "trace", "--username", "budi")
        assert done.returncode == 1
        assert "no daemon answers here" in done.stderr
