"""A real Mosquitto on a port of its own, and a client that remembers what it hears."""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.peers import free_tcp_port, need, wait_until

USER, PASSWORD = "netbilld", "a-password:of/the@tests"
URL_PASSWORD = "a-password%3Aof%2Fthe%40tests"
_END = "tests/and-that-was-all"  # which nobody remembers to have heard


class Mosquitto:
    """The broker, with a password, as a process of its own; what it retains survives it where `persists`."""

    def __init__(
        self, directory: Path, *more: str, persists: bool = True, users: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.directory = directory
        self.port = free_tcp_port()
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        passwords = directory / "passwords"
        passwords.touch(0o600)
        for name, password in {USER: PASSWORD, **users}.items():
            arguments = [need("mosquitto_passwd"), "-b", str(passwords), name, password]
            subprocess.run(arguments, check=True, capture_output=True, timeout=20)
        self.config = directory / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            "user root",
            f"password_file {passwords}",
            "log_dest stderr",
            *([f"persistence_location {directory}/", "persistence true", "autosave_interval 1"] if persists else []),
            *more,
        ]
        self.config.write_text("\n".join(lines) + "\n")

    @property
    def url(self) -> str:
        return f"mqtt://{USER}:{URL_PASSWORD}@127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([need("mosquitto"), "-c", str(self.config)], stdout=log, stderr=log)
        wait_until(self._listens, lambda: f"Mosquitto listens: {self.log}")

    def _listens(self) -> bool:
        return "running" in self.log and self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None
            (self.directory / "log").rename(self.directory / "log.before")
            (self.directory / "log").touch()

    def listener(self, topic: str = "#") -> "Listener":
        return Listener(self.port, topic)


class Listener:
    """A client that hears everything below a topic; `retained` is what a newcomer would be told."""

    def __init__(
        self, port: int, topic: str = "#", client_id: str = "", user: str = USER, password: str = PASSWORD
    ) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._lock = threading.Lock()
        self._topic = topic
        self._subscribed = threading.Event()
        self.has_heard_all = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self.client.username_pw_set(user, password)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        self.client.connect("127.0.0.1", port, 30, properties=properties)
        self.client.loop_start()

    def __enter__(self) -> Self:
        assert self._subscribed.wait(20), "subscribed"
        return self

    def __exit__(self, *_exception: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client: paho.Client, *_arguments: object) -> None:
        client.subscribe([(self._topic, SubscribeOptions(qos=1)), (_END, SubscribeOptions(qos=1))])

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == _END:
            self.has_heard_all.set()
            return
        with self._lock:
            self.heard.append((message.topic, bytes(message.payload), message.retain))

    def all(self) -> list[tuple[str, bytes, bool]]:
        with self._lock:
            return list(self.heard)

    def newest(self, topic: str) -> bytes | None:
        """Return the newest payload of a topic; empty where it was cleared."""
        return next((payload for one, payload, _ in reversed(self.all()) if one == topic), None)

    def wait_for(self, topic: str, holds: Callable[[Any], bool], what: str, timeout_seconds: float = 60) -> Any:
        """Return the newest document of a topic as soon as it is as wanted."""

        def found() -> bool:
            payload = self.newest(topic)
            return bool(payload and holds(json.loads(payload)))

        wait_until(found, lambda: f"{what}: {self.newest(topic)!r}", timeout_seconds)
        payload = self.newest(topic)
        assert payload
        return json.loads(payload)

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)


def retained_at(broker: Mosquitto, topic: str) -> dict[str, bytes]:
    """Return what the broker has retained below a topic."""
    with broker.listener(topic) as newcomer:
        newcomer.publish(_END, b"")  # which comes after all that was there before
        assert newcomer.has_heard_all.wait(20), "everything retained is told"
        return {one: payload for one, payload, is_retained in newcomer.all() if is_retained}
