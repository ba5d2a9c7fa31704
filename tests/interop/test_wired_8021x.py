"""hostapd and wpa_supplicant on the two ends of a cable, netbilld behind: 802.1X as a switch and a laptop do it."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.eap_certificates import make
from tests.peers import free_udp_port, missing, need, wait_until

INTERIM_SECONDS = 2  # its own; it takes none below a minute from RADIUS
NUMBERS = {"MD5": 4, "TLS": 13, "TTLS": 21, "PEAP": 25}
UNSUPPORTED = {401, 402, 404, 405}  # an attribute, or the service: versions differ
pytestmark = [pytest.mark.peer, pytest.mark.slow]


@dataclass
class Wire:
    """A veth pair: hostapd listens on the one end, the other lies in a network namespace of its own."""

    daemon: DaemonProcess
    certificates: Path
    switch: str
    laptop: str
    namespace: str

    @contextmanager
    def supplicant(self, network: str) -> Iterator[Path]:
        """Run wpa_supplicant with this network block; gives the file it writes its log to."""
        directory = self.daemon.directory
        configuration, log = directory / "supplicant.conf", directory / "supplicant.log"
        configuration.write_text(f"ap_scan=0\nnetwork={{\nkey_mgmt=IEEE8021X\neapol_flags=0\n{network}\n}}\n")
        command = [need("wpa_supplicant"), "-D", "wired", "-i", self.laptop, "-c", str(configuration), "-d"]
        with background(["ip", "netns", "exec", self.namespace, *command], log):
            yield log

    def open_sessions(self) -> set[int]:
        listed = self.daemon.json("session", "list", "--username", "budi")
        return {one["id"] for one in listed if one["stopped_at"] is None}

    def attempts(self, session_id: int) -> list[tuple[str, str, int | None]]:
        """The orders for a session, as they are on record: what, what came of it, and why not."""
        query = "SELECT action, outcome, error_cause FROM enforcement_attempts WHERE session_id = ? ORDER BY id"
        with closing(sqlite3.connect(self.daemon.data_dir / "netbilld.db")) as books:
            return list(books.execute(query, (session_id,)))

    def block(self, eap: str, password: str = "rahasia") -> str:
        lines = [f"eap={eap}", 'identity="budi"', f'password="{password}"', f'ca_cert="{self.certificates}/ca.pem"']
        if eap == "TLS":
            lines += [
                f'{key}="{self.certificates}/budi.{end}"'
                for key, end in (("client_cert", "pem"), ("private_key", "key"))
            ]
        if eap in {"TTLS", "PEAP"}:
            lines += ['anonymous_identity="anonymous"', 'phase2="auth=MSCHAPV2"']
        return "\n".join(lines)


@contextmanager
def background(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def ip(*arguments: str) -> None:
    subprocess.run([need("ip"), *arguments], check=True, capture_output=True, timeout=20)


@contextmanager
def cable(switch: str, laptop: str, namespace: str) -> Iterator[None]:
    with ExitStack() as undo:
        ip("netns", "add", namespace)
        undo.callback(ip, "netns", "delete", namespace)
        ip("link", "add", switch, "type", "veth", "peer", "name", laptop, "netns", namespace)
        ip("link", "set", switch, "up")
        ip("-n", namespace, "link", "set", laptop, "up")
        yield


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    for program in ("hostapd", "wpa_supplicant", "ip"):
        need(program)
    if os.geteuid() != 0:
        missing("root, for a network namespace,")
    directory = tmp_path_factory.mktemp("wired")
    certificates = directory / "made"
    authority = make("Test authority", days=90)
    authority.write(certificates, "ca")
    make("radius.example.net", authority, days=90).write(certificates, "server")
    make("budi", authority, client=True, days=90).write(certificates, "budi")
    number = os.getpid() % 100_000
    found = Wire(DaemonProcess(directory), certificates, f"nbsw{number}", f"nblt{number}", f"netbilld-test-{number}")
    with found.daemon as running, ExitStack() as undo:
        running.init()
        running.plan()
        coa_port = free_udp_port()
        running.nas("switch", "127.0.0.1", "--vendor", "hostapd", "--coa-port", str(coa_port))
        running.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        store = running.data_dir / "certs"
        store.mkdir(exist_ok=True)
        for name in ("ca.pem", "server.pem", "server.key"):
            shutil.copy(certificates / name, store / name)
        running.start()
        undo.enter_context(cable(found.switch, found.laptop, found.namespace))
        configuration, log = directory / "hostapd.conf", directory / "hostapd.log"
        configuration.write_text(
            f"interface={found.switch}\ndriver=wired\nlogger_stdout=-1\nlogger_stdout_level=0\n"
            "ieee8021x=1\neap_reauth_period=0\nuse_pae_group_addr=1\nown_ip_addr=127.0.0.1\nnas_identifier=switch\n"
            f"auth_server_addr=127.0.0.1\nauth_server_port={running.auth_port}\nauth_server_shared_secret={SECRET}\n"
            f"acct_server_addr=127.0.0.1\nacct_server_port={running.acct_port}\nacct_server_shared_secret={SECRET}\n"
            f"radius_acct_interim_interval={INTERIM_SECONDS}\nradius_das_port={coa_port}\n"
            f"radius_das_client=127.0.0.1 {SECRET}\nradius_das_require_event_timestamp=1\n"
            "radius_das_require_message_authenticator=1\n"
        )
        undo.enter_context(background([need("hostapd"), str(configuration)], log))
        wait_until(lambda: "AP-ENABLED" in log.read_text(), lambda: f"hostapd is ready: {log.read_text()}")
        yield found


@pytest.mark.parametrize("eap", ["MD5", "TLS", "TTLS", "PEAP"])
def test_a_laptop_on_the_wire_is_let_in(wire: Wire, eap: str) -> None:
    with wire.supplicant(wire.block(eap)) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), lambda: f"success: {log.read_text()[-3000:]}")
        opened = f"authenticated - EAP type: {NUMBERS[eap]} ({eap})"
        wait_until(
            lambda: opened in (wire.daemon.directory / "hostapd.log").read_text(),
            "hostapd opens its port",
        )


def test_the_session_on_the_wire_is_the_subscribers_although_the_name_outside_is_anonymous(wire: Wire) -> None:
    with wire.supplicant(wire.block("PEAP")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), "success")
        wait_until(
            lambda: any(one["stopped_at"] is None for one in wire.daemon.json("session", "list", "--username", "budi")),
            "the session is in the list",
        )


def test_hostapd_tells_of_a_session_from_its_start_to_its_stop(wire: Wire) -> None:
    """Its wired driver counts no octets: what is there to meter is how long the session lasted."""

    def session(session_id: int | None = None) -> dict[str, Any]:
        listed = wire.daemon.json("session", "list", "--all", "--username", "budi")
        wanted = session_id or max(one["id"] for one in listed)
        return next(one for one in listed if one["id"] == wanted)

    with wire.supplicant(wire.block("MD5")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), lambda: f"success: {log.read_text()[-3000:]}")
        wait_until(
            lambda: session()["session_time"] >= INTERIM_SECONDS, lambda: f"interims of a live session: {session()}"
        )
        live = session()
        assert (live["state"], live["stopped_at"]) == ("live", None)
        wire.daemon.cli("session", "disconnect", str(live["id"]))
        wait_until(lambda: session(live["id"])["stopped_at"] is not None, "its Stop")
    over = session(live["id"])
    assert over["state"] == "closed"
    assert over["session_time"] >= live["session_time"]
    assert (over["input_octets"], over["output_octets"]) == (0, 0)


def test_a_disconnect_is_seen_as_done_by_its_stop(wire: Wire) -> None:
    """hostapd asks for Event-Timestamp and Message-Authenticator here, and has no words for a speed."""
    with wire.supplicant(wire.block("MD5")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), "success")
        wait_until(lambda: bool(wire.open_sessions()), "the session is in the list")
        (session_id,) = wire.open_sessions()
        wire.daemon.cli("subscriber", "suspend", "budi", "--reason", "test")
        wait_until(lambda: session_id not in wire.open_sessions(), lambda: f"its Stop: {wire.attempts(session_id)}")
        wait_until(
            lambda: wire.attempts(session_id) == [("disconnect", "verified", None)],
            lambda: f"seen as done: {wire.attempts(session_id)}",
        )
    wire.daemon.cli("subscriber", "resume", "budi")


def test_a_coa_that_hostapd_refuses_is_climbed_past(wire: Wire) -> None:
    """It takes no speed by CoA and says so; the session is ended instead, and the next log-in has the new profile."""
    wire.daemon.cli("nas", "set", "switch", "--vendor", "wispr", "--coa-event-timestamp", "on")
    wire.daemon.plan(FLAT_PLAN.replace("RUMAH20", "PELAN").replace("20M", "5M"))
    with wire.supplicant(wire.block("MD5")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), "success")
        wait_until(lambda: bool(wire.open_sessions()), "the session is in the list")
        (session_id,) = wire.open_sessions()
        wire.daemon.cli("subscriber", "set", "budi", "--plan", "PELAN")
        wait_until(lambda: session_id not in wire.open_sessions(), lambda: f"its Stop: {wire.attempts(session_id)}")
        wait_until(
            lambda: wire.attempts(session_id)[-1:] == [("disconnect", "verified", None)],
            lambda: f"seen as done: {wire.attempts(session_id)}",
        )
        refused, *_ = wire.attempts(session_id)
        assert refused[:2] == ("coa", "nacked")
        assert refused[2] in UNSUPPORTED
    assert wire.daemon.metrics()[f'netbilld_coa_refused_total{{cause="{refused[2]}"}}'] >= 1
    wire.daemon.cli("nas", "set", "switch", "--vendor", "hostapd", "--coa-event-timestamp", "auto")
    wire.daemon.cli("subscriber", "set", "budi", "--plan", "RUMAH20")


def test_an_order_without_the_time_is_not_believed_and_so_it_is_said(wire: Wire) -> None:
    """What hostapd is told to insist on and does not get, it passes over in silence."""
    wire.daemon.cli("nas", "set", "switch", "--coa-event-timestamp", "off")
    with wire.supplicant(wire.block("MD5")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-SUCCESS" in log.read_text(), "success")
        wait_until(lambda: bool(wire.open_sessions()), "the session is in the list")
        (session_id,) = wire.open_sessions()
        wire.daemon.cli("session", "disconnect", str(session_id))
        wait_until(
            lambda: wire.attempts(session_id)[:1] == [("disconnect", "timed_out", None)],
            lambda: f"no answer: {wire.attempts(session_id)}",
        )
        wire.daemon.cli("nas", "set", "switch", "--coa-event-timestamp", "auto")  # and what waits is tried at once
        wait_until(lambda: session_id not in wire.open_sessions(), lambda: f"its Stop: {wire.attempts(session_id)}")


def test_a_wrong_password_leaves_the_port_closed(wire: Wire) -> None:
    with wire.supplicant(wire.block("PEAP", "salah")) as log:
        wait_until(lambda: "CTRL-EVENT-EAP-FAILURE" in log.read_text(), lambda: f"failure: {log.read_text()[-3000:]}")
        assert "CTRL-EVENT-EAP-SUCCESS" not in log.read_text()
