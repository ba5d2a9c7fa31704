"""`netbilld certs`, what `doctor` and `serve` say of certificates, and RadSec that starts when they are mended."""

import io
import json
import socket
import stat
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.certificate_authority import SERVER_DAYS, CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles, read_certificates
from netbilld.cli.main import main
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import free_tcp_port, wait_until
from tests.radsec_client import RadsecClient

pytestmark = [pytest.mark.slow]


@dataclass(frozen=True)
class Cli:
    """The command line in this process: a process for each would take longer than what it does."""

    data_dir: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def use(self, environment: dict[str, str]) -> None:
        for name, value in environment.items():
            if name.startswith("NETBILLD_"):
                self.monkeypatch.setenv(name, value)

    def run(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(words)
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def ok(self, *words: str, stdin: str = "") -> str:
        code, said, complaint = self.run(*words, stdin=stdin)
        assert code == 0, complaint
        return said


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A data directory without a database: certificates need none."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    made = Cli(data_dir, monkeypatch, capsys)
    made.use({"NETBILLD_DATA_DIR": str(data_dir)})
    return made


def files_of(there: Cli | DaemonProcess) -> CertificateFiles:
    return CertificateFiles.of(there.data_dir)


def test_an_authority_is_made_once_and_lists_what_it_made(cli: Cli) -> None:
    said = cli.ok("certs", "init", "--name", "radius.example.net", "--name", "192.0.2.1")
    assert "made: keep a copy" in said
    assert "for radius.example.net, 192.0.2.1, expires" in said
    authority = files_of(cli).ca.read_bytes()
    again = cli.ok("certs", "init")
    assert "ca.pem exists" in again
    assert files_of(cli).ca.read_bytes() == authority
    cli.ok("certs", "issue", "pop1", "--for", "192.0.2.9", "--days", "20")
    cli.ok("certs", "issue", "budi", "--p12", "--password-stdin", stdin="rahasia\n")
    assert stat.S_IMODE(files_of(cli).client_bundle("budi").stat().st_mode) == 0o600
    code, _, complaint = cli.run("certs", "issue", "pop1")
    assert code == 1
    assert "`--renew` makes its successor" in complaint
    rows = json.loads(cli.ok("certs", "list", "--json"))
    assert [(row["kind"], row["name"], row["state"], row["key"]) for row in rows] == [
        ("ca", rows[0]["name"], "ok", True),
        ("server", "radius.example.net", "ok", True),
        ("client", "budi", "ok", True),
        ("client", "pop1", "expiring", True),
    ]
    assert rows[3]["names"] == ["pop1", "192.0.2.9"]
    assert len(rows[3]["fingerprint"]) == 64
    assert "in 19 days" in cli.ok("certs", "list")


def test_a_certificate_is_for_whoever_has_its_name(cli: Cli, tmp_path: Path) -> None:
    cli.monkeypatch.setenv("NETBILLD_RADIUS__REALMS", "*,isp.example")
    cli.ok("init", "--admin-email", "admin@example.net", "--admin-password", "a long enough password")
    cli.ok("certs", "init", "--name", "radius.example.net")
    plan = tmp_path / "plan.toml"
    plan.write_text(FLAT_PLAN)
    cli.ok("plan", "add", str(plan))
    for username in ("budi", "pop2"):
        cli.ok("subscriber", "add", username, "--plan", "RUMAH20", "--password", "rahasia")
    cli.ok("nas", "add", "pop1", "127.0.0.1", "--secret", SECRET)
    cli.ok("nas", "add", "pop2", "127.0.0.2", "--secret", SECRET, "--radsec-name", "pop2.example.net")

    assert "for          a NAS (RadSec)" in cli.ok("certs", "issue", "pop1")
    assert "for          a subscriber's device" in cli.ok("certs", "issue", "budi")
    cli.ok("certs", "issue", "BUDI@isp.example")
    cli.ok("certs", "issue", "budi@elsewhere.example")
    cli.ok("certs", "issue", "pop2.example.net")
    code, _, complaint = cli.run("certs", "issue", "pop2")
    assert code == 1
    assert "a NAS and a subscriber are called pop2; say whose it is: `--use radsec` or `--use eap`" in complaint
    cli.ok("certs", "issue", "pop2", "--use", "eap")
    cli.ok("certs", "issue", "pop2", "--renew")
    assert {row["name"]: row["use"] for row in json.loads(cli.ok("certs", "list", "--json")) if row["use"]} == {
        "pop1": "radsec",
        "budi": "eap",
        "BUDI@isp.example": "eap",
        "budi@elsewhere.example": "any",
        "pop2.example.net": "radsec",
        "pop2": "eap",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("issue", "../x"), "the certificate name '../x' is not allowed"),
        (("issue", "pop1"), "the certificate {certs}/ca.pem is missing; make one with `netbilld certs init`"),
        (("issue", "pop1", "--p12"), "a .p12 file needs a password"),
        (("issue", "pop1", "--password", "x"), "--password locks a .p12 file only"),
        (("init", "--name", "not a name"), "'not a name' is neither a host name nor an address"),
    ],
)
def test_what_can_t_be_made_is_refused_in_one_line(cli: Cli, words: tuple[str, ...], said: str) -> None:
    code, _, complaint = cli.run("certs", *words)
    assert code == 1
    assert said.format(certs=files_of(cli).directory) in complaint
    assert complaint.count("\n") == 1


def test_without_a_data_directory_nothing_is_made(cli: Cli) -> None:
    cli.data_dir.rmdir()
    code, _, complaint = cli.run("certs", "init")
    assert code == 1
    assert "run `netbilld init` first" in complaint
    assert not cli.data_dir.exists()


def checks(cli: Cli) -> dict[str, tuple[str, str, str]]:
    _, said, _ = cli.run("doctor", "--json")
    return {one["name"]: (one["result"], one["detail"], one["hint"]) for one in json.loads(said)["checks"]}


def test_doctor_and_serve_name_what_is_wrong_and_radsec_starts_when_it_is_mended(tmp_path: Path, cli: Cli) -> None:
    port = free_tcp_port()
    with DaemonProcess(
        tmp_path, NETBILLD_RADIUS__RADSEC_PORT=str(port), NETBILLD_CERTIFICATES__NAMES="localhost"
    ) as daemon:
        cli.use(daemon.environment)
        cli.ok("init", "--admin-email", "admin@example.net", "--admin-password", "a long enough password")
        files = files_of(daemon)
        found = checks(cli)
        assert found["server certificate"][0] == "fail"
        assert "server.pem is missing" in found["server certificate"][1]
        assert "netbilld certs init" in found["server certificate"][2]

        now = datetime.now(UTC)
        authority = CertificateAuthority(files)
        authority.make("Tests", now - timedelta(days=SERVER_DAYS))
        authority.make_server(["elsewhere.example.net"], now - timedelta(days=SERVER_DAYS - 12, hours=-1))
        authority.issue("pop1", now, days=10)
        found = checks(cli)
        assert found["server certificate"][0] == "fail"
        assert "is for elsewhere.example.net, not for localhost" in found["server certificate"][1]
        assert found["certificate pop1"][0] == "warn"
        assert "expires on" in found["certificate pop1"][1]

        cli.ok("nas", "add", "pop1", "127.0.0.1", "--secret", SECRET)
        daemon.start()
        assert "RadSec is not started: " in daemon.log
        assert "is for elsewhere.example.net, not for localhost; `netbilld certs init --name localhost`" in daemon.log
        status = checks(cli)["daemon"]
        assert status[0] == "warn"
        assert "RadSec is not started" in status[1]
        # ours, and in its last 30 days: the daemon has renewed it, but its names are a person's to choose
        assert read_certificates(files.server)[0].not_valid_after_utc > now + timedelta(days=SERVER_DAYS - 2)
        assert "server certificate renewed until" in daemon.log

        cli.ok("certs", "init", "--name", "localhost")
        wait_until(lambda: "RadSec listens on port" in daemon.log, "RadSec starts by itself")
        with RadsecClient(port, files.directory, "pop1") as nas:
            assert nas.ask(nas.status_request()) is not None
        found = checks(cli)
        assert found["server certificate"][0] == found["authority"][0] == found["radius.radsec_port"][0] == "ok"
        assert daemon.terminate() == 0


def test_a_radsec_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        daemon.init()
        daemon.environment["NETBILLD_RADIUS__RADSEC_PORT"] = str(daemon.panel_port)

        with socket.socket() as other:
            other.bind(("127.0.0.1", daemon.panel_port))
            other.listen()
            finished = daemon.run("serve")
        assert finished.returncode == 1
        assert f"RadSec can't listen on TCP 127.0.0.1:{daemon.panel_port}: Address already in use" in finished.stderr
