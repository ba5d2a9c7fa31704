"""FreeRADIUS's radclient against a real daemon over UDP."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import need, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("radclient")) as running:
        running.init()
        running.plan()
        running.nas()
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        running.cli("subscriber", "add", "kamera", "--plan", "RUMAH20", "--password", "x", "--mac", "02:4E:42:00:00:07")
        running.start()
        yield running


def radclient(
    daemon: DaemonProcess, kind: str, attributes: str, *, secret: str = SECRET, tries: int = 1
) -> subprocess.CompletedProcess[str]:
    port = daemon.acct_port if kind == "acct" or "acct-port" in attributes else daemon.auth_port
    return subprocess.run(
        [need("radclient"), "-x", "-r", str(tries), "-t", "1", f"127.0.0.1:{port}", kind, secret],
        input=attributes.replace("acct-port", ""),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "credentials", ['User-Password = "rahasia"', 'CHAP-Password = "rahasia"', 'MS-CHAP-Password = "rahasia"']
)
def test_each_method_is_accepted_with_the_speed_of_the_plan(daemon: DaemonProcess, credentials: str) -> None:
    """INCA-14 and BANG-2.2a: upload comes first in MikroTik's words."""
    answer = radclient(daemon, "auth", f'User-Name = "budi"\n{credentials}\nNAS-IP-Address = 127.0.0.1\n')
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Access-Accept" in answer.stdout
    assert 'Mikrotik-Rate-Limit = "10M/20M"' in answer.stdout
    assert "Acct-Interim-Interval = 300" in answer.stdout
    assert "Class = 0x" in answer.stdout
    lines = answer.stdout.partition("Received Access-Accept")[2].splitlines()
    assert "Message-Authenticator" in lines[1], "it must come first (CVE-2024-3596)"


def test_user_names_count_without_regard_to_case(daemon: DaemonProcess) -> None:
    answer = radclient(daemon, "auth", 'User-Name = "BUDI"\nUser-Password = "rahasia"\n')
    assert "Access-Accept" in answer.stdout


def test_a_wrong_password_is_rejected_like_an_unknown_name(daemon: DaemonProcess) -> None:
    wrong = radclient(daemon, "auth", 'User-Name = "budi"\nUser-Password = "salah"\n')
    unknown = radclient(daemon, "auth", 'User-Name = "nobody"\nUser-Password = "salah"\n')
    for answer in (wrong, unknown):
        assert "Received Access-Reject" in answer.stdout
    shape = [
        [line.split("=")[0].strip() for line in answer.stdout.partition("Received")[2].splitlines()[1:]]
        for answer in (wrong, unknown)
    ]
    assert shape[0] == shape[1]


def test_a_wrong_secret_gets_silence(daemon: DaemonProcess) -> None:
    answer = radclient(
        daemon, "auth", 'User-Name = "budi"\nUser-Password = "rahasia"\nMessage-Authenticator = 0x00\n', secret="wrong"
    )
    assert answer.returncode != 0
    assert "No reply" in answer.stdout + answer.stderr
    counted = daemon.metrics()
    assert counted['netbilld_radius_dropped_total{port="auth",reason="bad_message_authenticator"}'] >= 1


def test_a_mac_address_logs_in_with_an_empty_password(daemon: DaemonProcess) -> None:
    for spelling in ("02:4E:42:00:00:07", "02-4e-42-00-00-07", "024e42000007"):
        answer = radclient(
            daemon,
            "auth",
            f'User-Name = "{spelling}"\nUser-Password = ""\nCalling-Station-Id = "02:4E:42:00:00:07"\n'
            "NAS-Port-Type = Ethernet\n",
        )
        assert "Access-Accept" in answer.stdout, answer.stdout


@pytest.mark.parametrize("port", ["", "acct-port"])
def test_status_server_is_answered_on_both_ports(daemon: DaemonProcess, port: str) -> None:
    answer = radclient(daemon, "status", f"{port}Message-Authenticator = 0x00\n")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert ("Accounting-Response" if port else "Access-Accept") in answer.stdout


def test_accounting_is_answered_and_shows_in_the_session_list(daemon: DaemonProcess) -> None:
    common = (
        'User-Name = "budi"\nAcct-Session-Id = "81100001"\nFramed-IP-Address = 100.64.0.9\nNAS-IP-Address = 127.0.0.1\n'
    )
    start = radclient(daemon, "acct", f"{common}Acct-Status-Type = Start\n")
    assert "Accounting-Response" in start.stdout
    stop = radclient(
        daemon,
        "acct",
        f"{common}Acct-Status-Type = Stop\nAcct-Session-Time = 60\nAcct-Input-Octets = 1000\nAcct-Input-Gigawords = 1\n"
        "Acct-Output-Octets = 5\nAcct-Output-Gigawords = 2\nAcct-Terminate-Cause = User-Request\n",
    )
    assert "Accounting-Response" in stop.stdout
    wait_until(lambda: bool(daemon.json("session", "list", "--username", "budi", "--all")[0]["stopped_at"]), "the Stop")
    (session,) = daemon.json("session", "list", "--username", "budi", "--all")
    assert session["input_octets"] == 2**32 + 1000
    assert session["output_octets"] == 2 * 2**32 + 5
    assert session["terminate_cause"] == "User-Request"
    assert session["framed_ip"] == "100.64.0.9"


def test_the_attempts_are_kept_with_their_reasons(daemon: DaemonProcess) -> None:
    radclient(daemon, "auth", 'User-Name = "budi"\nUser-Password = "salah"\n')
    wait_until(
        lambda: any(row["reason"] == "wrong_password" for row in daemon.json("auth", "log", "--username", "budi")),
        "the attempt is in the log",
    )
    row = daemon.json("auth", "log", "--username", "budi")[0]
    assert set(row) >= {"at", "username", "nas", "method", "result", "reason", "latency_us"}


def test_a_suspended_subscriber_is_walled_off_at_the_next_log_in_and_restored_by_resume(daemon: DaemonProcess) -> None:
    def login() -> str:
        return radclient(daemon, "auth", 'User-Name = "kamera"\nUser-Password = "x"\n').stdout

    daemon.cli("subscriber", "suspend", "kamera", "--reason", "test")
    wait_until(lambda: 'Mikrotik-Address-List = "isolir"' in login(), "the walled garden is granted")
    assert 'Framed-Pool = "isolir"' in login()
    daemon.cli("subscriber", "resume", "kamera")
    wait_until(lambda: "isolir" not in login(), "full access is granted again")
