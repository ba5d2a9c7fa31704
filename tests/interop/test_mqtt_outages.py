"""A broker that is away, refuses, hangs or comes back empty; a daemon that is killed: what is retained ends up right."""

import json
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mosquitto import PASSWORD, URL_PASSWORD, USER, Listener, Mosquitto, retained_at
from tests.mqtt_town import NODE, account, service_of, town
from tests.nas_socket import NasSocket
from tests.peers import free_tcp_port, need, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]
MEGA = 1_000_000


def test_the_last_will_says_offline_when_the_daemon_is_killed_and_a_restart_clears_what_ended(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, town(tmp_path / "town", broker.url) as daemon:
        daemon.start()
        service = f"netbilld/service/{service_of(daemon)}"
        with broker.listener() as listener, NasSocket(daemon) as nas:
            account(nas, "start")
            listener.wait_for(f"{service}/state", lambda state: state["online"], "online")
            daemon.kill()
            listener.wait_for(f"{NODE}/status", lambda status: status["state"] == "offline", "the last will")
            (left,) = retained_at(broker, f"{service}/session/#")
            # it ends while nobody publishes: the daemon starts with the broker away
            broker.stop()
            daemon.start()
            account(nas, "stop", up=1 * MEGA, down=2 * MEGA, seconds=30)
            wait_until(lambda: not daemon.json("session", "list"), "the session is over")
        broker.start()
        with broker.listener() as listener:
            listener.wait_for(f"{NODE}/status", lambda status: status["state"] == "online", "back")
            listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 3 * MEGA, "the usage")
            wait_until(lambda: left not in retained_at(broker, f"{service}/session/#"), "what ended is cleared")
            listener.wait_for(f"{service}/state", lambda state: not state["online"], "offline")


def test_a_broker_that_has_forgotten_everything_is_told_again(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker", persists=False)
    with broker, town(tmp_path / "town", broker.url) as daemon:
        daemon.start()
        service = f"netbilld/service/{service_of(daemon)}"
        with NasSocket(daemon) as nas:
            with broker.listener() as listener:
                account(nas, "start")
                account(nas, "interim", up=MEGA, down=MEGA, seconds=30)
                listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 2 * MEGA, "usage")
            broker.stop()
            account(nas, "interim", up=2 * MEGA, down=2 * MEGA, seconds=60)  # answered whether there is a broker or not
            broker.start()
        with broker.listener() as listener:
            listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 4 * MEGA, "usage")
            listener.wait_for(f"{service}/state", lambda state: state["online"], "state")
        wait_until(lambda: len(retained_at(broker, f"{service}/session/#")) == 1, "its session")
        assert daemon.metrics()["netbilld_mqtt_connections_total"] >= 2


def test_a_wrong_password_is_one_clear_line_without_the_password_and_stops_nobody(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        url = broker.url.replace(URL_PASSWORD, "not-it")
        with town(tmp_path / "town", url) as daemon, NasSocket(daemon) as nas:
            daemon.start()
            wait_until(lambda: "mqtt.url" in daemon.log, "it is said")
            account(nas, "start")
            (line,) = [line for line in daemon.log.splitlines() if "MQTT broker is away" in line]
            assert "refuses the user name or password" in line
            assert "not-it" not in daemon.log
            (check,) = [
                one for one in json.loads(daemon.run("doctor", "--json").stdout)["checks"] if one["name"] == "mqtt"
            ]
            assert check["result"] == "warn"
            assert "refuses the user name or password" in check["detail"]
            assert daemon.metrics()["netbilld_mqtt_connected"] == 0
            assert daemon.terminate() == 0


@contextmanager
def hanging_broker() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", free_tcp_port())) as server:
        taken: list[socket.socket] = []
        ended = threading.Event()

        def take() -> None:
            server.settimeout(0.2)
            while not ended.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()
            for one in taken:
                one.close()


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_broker_that_takes_the_connection_and_says_nothing_delays_nobody(tmp_path: Path, scheme: str) -> None:
    with hanging_broker() as port, town(tmp_path / "town", f"{scheme}://u:p@127.0.0.1:{port}") as daemon:
        daemon.start()
        with NasSocket(daemon) as nas:
            account(nas, "start")
            wait_until(lambda: "does not answer" in daemon.log, "it is said", 30)
            account(nas, "interim", up=1, down=1, seconds=30)
        assert daemon.terminate() == 0


def test_a_broker_that_stops_reading_is_left_and_taken_up_again_when_it_goes_on(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, town(tmp_path / "town", broker.url) as daemon:
        daemon.start()
        service = f"netbilld/service/{service_of(daemon)}"
        wait_until(lambda: daemon.metrics()["netbilld_mqtt_connected"] == 1, "connected")
        assert broker.process is not None
        broker.process.send_signal(signal.SIGSTOP)
        try:
            with NasSocket(daemon) as nas:
                account(nas, "start")
                wait_until(lambda: "does not answer" in daemon.log, "it is noticed", 40)
                account(nas, "interim", up=MEGA, down=MEGA, seconds=30)
        finally:
            broker.process.send_signal(signal.SIGCONT)
        with broker.listener() as listener:
            listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 2 * MEGA, "usage")


def test_two_nodes_by_one_client_id_are_told_of_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, town(tmp_path / "town", broker.url) as daemon:
        daemon.start()
        wait_until(lambda: daemon.metrics()["netbilld_mqtt_connected"] == 1, "connected")
        with Listener(broker.port, "#", client_id="netbilld-node-a"):
            wait_until(lambda: "mqtt.client_id" in daemon.log, "it says what to set")


def make_authority(directory: Path, name: str) -> tuple[Path, Path, Path]:
    """Return CA, certificate and key for 127.0.0.1."""
    openssl = need("openssl")
    ca, ca_key = directory / f"{name}-ca.pem", directory / f"{name}-ca.key"
    key, request, certificate = (directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
    extensions = directory / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for arguments in (
        ["req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-subj", f"/CN={name} CA", "-days", "2"],
        ["req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1"],
        ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-out", certificate, "-days", "2", "-extfile", extensions],
    ):  # fmt: skip
        subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True, timeout=30)
    return ca, certificate, key


def test_tls_with_a_private_authority_is_believed_only_where_it_is_named(tmp_path: Path) -> None:
    ca, certificate, key = make_authority(tmp_path, "ours")
    broker = Mosquitto(tmp_path / "broker", f"certfile {certificate}", f"keyfile {key}", f"cafile {ca}")
    # the options stand below the listener they are for
    url = f"mqtts://{USER}:{URL_PASSWORD}@127.0.0.1:{broker.port}"
    with broker, town(tmp_path / "town", url) as daemon:
        daemon.start()
        wait_until(lambda: "certificate" in daemon.log, "a strange authority is refused")
        assert daemon.metrics()["netbilld_mqtt_connected"] == 0
        daemon.terminate()
        daemon.environment["NETBILLD_MQTT__CA"] = str(ca)
        daemon.start()
        wait_until(lambda: daemon.metrics()["netbilld_mqtt_connected"] == 1, "connected by TLS")
        assert PASSWORD not in daemon.log
        assert ssl.get_server_certificate(("127.0.0.1", broker.port)) == certificate.read_text()
