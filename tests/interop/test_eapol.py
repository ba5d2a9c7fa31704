"""eapol_test, wpa_supplicant's EAP peer, against a real daemon: every method, TLS 1.2 and 1.3, keys compared."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon_process import SECRET, DaemonProcess
from tests.eap_certificates import make
from tests.peers import need, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

VERSIONS = ("1.2", "1.3")
INNER = ("PAP", "CHAP", "MSCHAP", "MSCHAPV2")
WALLED = b"isolir".hex()


@dataclass
class Town:
    daemon: DaemonProcess
    certificates: Path
    stations: int = 0

    @property
    def station(self) -> str:
        return f"02:00:00:00:00:{self.stations:02x}"

    def eapol(self, network: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Log in with this network block."""
        self.stations += 1  # each its own: one that types a wrong password too often would be slowed
        configuration = self.daemon.directory / "eapol.conf"
        configuration.write_text(f"network={{\nkey_mgmt=WPA-EAP\n{network}\n}}\n")
        return subprocess.run(
            [
                *(need("eapol_test"), "-c", str(configuration), "-t", "10"),
                *("-a", "127.0.0.1", "-p", str(self.daemon.auth_port), "-s", SECRET, *options),
                *("-M", self.station),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def block(self, eap: str, version: str = "1.3", **changed: str) -> str:
        values = {
            "eap": eap,
            "identity": '"budi"',
            "password": '"rahasia"',
            "ca_cert": f'"{self.certificates}/ca.pem"',
            "phase1": f'"tls_disable_tlsv1_3={int(version == "1.2")}"',
        }
        if eap == "TLS":
            del values["password"]
            values |= {
                "client_cert": f'"{self.certificates}/budi.pem"',
                "private_key": f'"{self.certificates}/budi.key"',
            }
        if eap in {"TTLS", "PEAP"}:
            values |= {"anonymous_identity": '"anonymous"', "phase2": '"auth=MSCHAPV2"'}
        return "\n".join(f"{key}={value}" for key, value in (values | changed).items())

    def attempts(self) -> list[dict[str, str]]:
        """Return what the log has of the last log-in, the newest first; read past the command, for speed."""
        with closing(sqlite3.connect(f"file:{self.daemon.data_dir}/netbilld.db?mode=ro", uri=True)) as database:
            rows = database.execute(
                "SELECT result, method, reason, username FROM auth_attempts WHERE mac = ? ORDER BY id DESC",
                (self.station.upper(),),
            ).fetchall()
        return [dict(zip(("result", "method", "reason", "username"), row, strict=True)) for row in rows]

    def last(self, result: str) -> dict[str, str]:
        """Return the attempt that `eapol` has just made, once it is written."""
        wait_until(lambda: bool(self.attempts()), "the log-in is in the log")
        row = self.attempts()[0]
        assert row["result"] == result, row
        return row


def succeeded(run: subprocess.CompletedProcess[str], keys: int = 1) -> None:
    assert run.stdout.rstrip().endswith(f"MPPE keys OK: {keys}  mismatch: 0\nSUCCESS"), run.stdout[-3000:]


def failed(run: subprocess.CompletedProcess[str]) -> None:
    assert run.stdout.rstrip().endswith("FAILURE"), run.stdout[-3000:]
    assert "EAP: Received EAP-Failure" in run.stdout or "EAP: Status notification: remote certificate" in run.stdout


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("eapol")
    certificates = directory / "made"
    authority, other = make("Test authority", days=90), make("Another authority", days=90)
    authority.write(certificates, "ca")
    other.write(certificates, "other-ca")
    make("radius.example.net", authority, days=90, padding_octets=2000).write(certificates, "server")
    make("budi", authority, client=True, days=90).write(certificates, "budi")
    make("budi", authority, client=True, days=-1).write(certificates, "late")
    make("budi", other, client=True, days=90).write(certificates, "stranger")
    make("budi", authority, client=True, days=90, padding_octets=4000).write(certificates, "long")
    with DaemonProcess(directory) as running:
        running.init()
        running.plan()
        running.nas()
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        store = running.data_dir / "certs"
        store.mkdir(exist_ok=True)
        for name in ("ca.pem", "server.pem", "server.key"):
            shutil.copy(certificates / name, store / name)
        running.start()
        yield Town(running, certificates)


def test_md5_lets_in_without_keys(town: Town) -> None:
    succeeded(town.eapol(town.block("MD5"), "-n"), keys=0)
    assert town.last("accept")["method"] == "eap-md5"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("inner", INNER)
def test_ttls_lets_in_by_each_way_inside(town: Town, version: str, inner: str) -> None:
    run = town.eapol(town.block("TTLS", version, phase2=f'"auth={inner}"'))
    succeeded(run)
    assert f"SSL: Using TLS version TLSv{version}" in run.stdout
    assert "User-Name) length=6\n      Value: 'budi'" in run.stdout, "the Accept names who was inside"


@pytest.mark.parametrize("version", VERSIONS)
def test_peap_with_mschapv2_lets_in(town: Town, version: str) -> None:
    run = town.eapol(town.block("PEAP", version))
    succeeded(run)
    assert f"SSL: Using TLS version TLSv{version}" in run.stdout
    row = town.last("accept")
    assert (row["method"], row["username"]) == ("eap-peap", "budi")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_lets_in(town: Town, version: str) -> None:
    run = town.eapol(town.block("TLS", version))
    succeeded(run)
    assert f"SSL: Using TLS version TLSv{version}" in run.stdout
    assert town.last("accept")["method"] == "eap-tls"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fragment", ["100", "1000"])
def test_fragments_of_any_size_come_through(town: Town, version: str, fragment: str) -> None:
    long = {
        "client_cert": f'"{town.certificates}/long.pem"',
        "private_key": f'"{town.certificates}/long.key"',
        "fragment_size": fragment,
    }
    run = town.eapol(town.block("TLS", version, **long))
    if fragment == "100":  # some 60 rounds of the peer's and 6 of ours
        assert run.stdout.count("Sending RADIUS message") > 40
    succeeded(run)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("eap", ["TLS", "TTLS", "PEAP"])
@pytest.mark.parametrize("ticket", [True, False])
def test_a_session_is_resumed_with_a_ticket_and_without(town: Town, version: str, eap: str, ticket: bool) -> None:
    phase1 = f'"tls_disable_tlsv1_3={int(version == "1.2")} tls_disable_session_ticket={int(not ticket)}"'
    if version == "1.3" and not ticket:
        phase1 = phase1.replace("tls_disable_session_ticket=1", "")  # there a session is nothing but a ticket
    run = town.eapol(town.block(eap, version, phase1=phase1), "-r", "1")
    succeeded(run, keys=2)
    assert "OpenSSL: Handshake finished - resumed=1" in run.stdout, run.stdout[-3000:]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("eap", "inner"), [*(("TTLS", inner) for inner in INNER), ("PEAP", "MSCHAPV2"), ("MD5", "")])
def test_a_wrong_password_is_refused(town: Town, version: str, eap: str, inner: str) -> None:
    changed = {"password": '"salah"'} | ({"phase2": f'"auth={inner}"'} if inner else {})
    failed(town.eapol(town.block(eap, version, **changed), "-n"))
    assert town.last("reject")["reason"] == "wrong_password"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("eap", ["TLS", "TTLS", "PEAP"])
def test_a_peer_that_trusts_another_authority_does_not_come_in(town: Town, version: str, eap: str) -> None:
    failed(town.eapol(town.block(eap, version, ca_cert=f'"{town.certificates}/other-ca.pem"')))
    assert town.last("reject")["reason"] == "certificate_refused"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["late", "stranger"])
def test_an_expired_certificate_and_a_strangers_are_refused(town: Town, version: str, name: str) -> None:
    changed = {"client_cert": f'"{town.certificates}/{name}.pem"', "private_key": f'"{town.certificates}/{name}.key"'}
    failed(town.eapol(town.block("TLS", version, **changed)))
    assert town.last("reject")["reason"] == "certificate_refused"


def test_a_peer_that_wants_a_method_we_do_not_speak_is_refused_by_name(town: Town) -> None:
    failed(town.eapol('eap=PWD\nidentity="budi"\npassword="rahasia"'))
    assert town.last("reject")["reason"] == "no_common_method"


def test_a_suspended_subscriber_is_walled_off_when_a_session_is_resumed(town: Town) -> None:
    """What the service is due is asked afresh, although no password is."""
    town.daemon.cli("subscriber", "suspend", "budi", "--reason", "test")
    try:
        wait_until(
            lambda: WALLED in town.eapol(town.block("PEAP"), "-r", "1").stdout.rpartition("Access-Accept")[2],
            "the walled garden is granted",
        )
    finally:
        town.daemon.cli("subscriber", "resume", "budi")
    wait_until(
        lambda: WALLED not in town.eapol(town.block("PEAP")).stdout.rpartition("Access-Accept")[2], "full access"
    )


def test_the_authority_of_netbilld_itself_serves_at_once(tmp_path: Path) -> None:
    """`certs init` and `certs issue` while the daemon runs: no restart, and MD5 alone before.

    A certificate that is made anew for a NAS opens the subscriber's service no more.
    """
    with DaemonProcess(tmp_path) as running:
        running.init()
        running.plan()
        running.nas()
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        running.start()
        store = running.data_dir / "certs"
        town = Town(running, store)
        succeeded(town.eapol(town.block("MD5"), "-n"), keys=0)
        failed(town.eapol('eap=PEAP\nidentity="budi"\npassword="rahasia"\nphase2="auth=MSCHAPV2"'))
        running.cli("certs", "init", "--name", "radius.example.net")
        running.cli("certs", "issue", "budi")
        mine = {
            "client_cert": f'"{store}/issued/budi.pem"',
            "private_key": f'"{store}/issued/budi.key"',
            "domain_match": '"radius.example.net"',
        }
        peap = town.block("PEAP", domain_match='"radius.example.net"')
        wait_until(lambda: town.eapol(peap).stdout.rstrip().endswith("SUCCESS"), "the new certificate is seen")
        succeeded(town.eapol(town.block("TLS", **mine)))
        running.cli("nas", "add", "budi", "192.0.2.7", "--secret", SECRET)
        succeeded(town.eapol(town.block("TLS", **mine)))  # it says whose it is, though a NAS has the name now
        running.cli("certs", "issue", "budi", "--renew", "--use", "radsec")
        failed(town.eapol(town.block("TLS", **mine)))
        assert running.metrics()["netbilld_eap_conversations"] == 0


def test_nothing_that_failed_was_a_fault_of_ours(town: Town) -> None:
    counted = town.daemon.metrics()
    faults = {name: count for name, count in counted.items() if "handler_errors" in name and 'port="auth"' in name}
    assert set(faults.values()) == {0.0}
    assert "Traceback" not in town.daemon.log
