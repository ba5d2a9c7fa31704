"""External meters that publish to a real Mosquitto: what they say becomes usage, or is refused with the reason."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests import mqtt_schemas
from tests.builders.plans import ONE_GB_TEXT, THROTTLED_TEXT
from tests.coa_server import CoaServer
from tests.daemon_process import SECRET, DaemonProcess
from tests.mosquitto import Listener, Mosquitto
from tests.mqtt_town import account, service_of, town
from tests.nas_socket import NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]
UNIT = 10**8
QUOTA_PLAN = ONE_GB_TEXT.format(code="KUOTA1", after="throttle") + THROTTLED_TEXT


def reading(upload_octets: int, download_octets: int, seconds_ago: float, **more: object) -> bytes:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    document = {"upload_octets": upload_octets, "download_octets": download_octets, "at": at.isoformat(), **more}
    mqtt_schemas.validator("reading").validate(document)
    return json.dumps(document).encode()


async def test_readings_become_usage_and_a_quota_reached_by_them_orders_the_session_throttled(
    tmp_path: Path, migrated_url: str
) -> None:
    with Mosquitto(tmp_path / "broker") as broker, town(tmp_path / "town", broker.url, migrated_url) as daemon:
        daemon.plan(QUOTA_PLAN)
        daemon.cli("subscriber", "set", "budi", "--plan", "KUOTA1", "--from", "now")
        async with CoaServer(secret=SECRET.encode()) as nas_server:
            daemon.cli("nas", "set", "pop1", "--coa-port", str(nas_server.port))
            daemon.cli("meter", "add", "budi", "--mqtt", "--key", "kiosk-7", "--force")
            await asyncio.to_thread(_drive, broker, daemon)
            order = nas_server.of("budi")[-1]  # the first one gave it what it was due at the start
            assert order.kind == "coa"
            assert order.rate is not None
            assert order.rate.startswith("1M/2M")
        shown = daemon.json("usage", "show", "budi")
        assert (shown["upload_octets"], shown["download_octets"]) == (3 * UNIT, 8 * UNIT)


def _drive(broker: Mosquitto, daemon: DaemonProcess) -> None:
    daemon.start()
    topic = "netbilld/meter/kiosk-7"
    with broker.listener() as listener, NasSocket(daemon) as nas:
        service = f"netbilld/service/{service_of(daemon)}"
        account(nas, "start")
        listener.wait_for(f"{service}/state", lambda state: state["observed"] == "active", "online, at full speed")
        first = reading(5 * UNIT, 1 * UNIT, 20, sequence=1)
        listener.publish(topic, first)
        listener.wait_for(f"{topic}/status", lambda status: status["reason"] == "measured_from_here", "a beginning")
        second = reading(7 * UNIT, 5 * UNIT, 10, sequence=2)
        listener.publish(topic, second)
        listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 6 * UNIT, "what has moved")
        for replay in (second, first):  # recorded and played back by somebody else
            listener.publish(topic, replay)
        status = listener.wait_for(f"{topic}/status", lambda status: status["refused"] == 2, "replays are counted")
        assert (status["result"], status["reason"]) == ("refused", "stale")
        listener.publish(topic, reading(8 * UNIT, 9 * UNIT, 0, sequence=3))
        usage = listener.wait_for(f"{service}/usage", lambda usage: usage["remaining_octets"] == 0, "used up")
        assert usage["counted_octets"] == 11 * UNIT
        listener.wait_for(f"{service}/state", lambda state: state["observed"] == "throttled", "the NAS said yes")
        wanted = ["due", "order_sent", "order_acknowledged"]  # told beside the state, so perhaps a moment after it

        def since_due() -> list[str]:
            found = [json.loads(payload)["event"] for name, payload, _ in listener.all() if name == f"{service}/event"]
            return found[found.index("due") :] if "due" in found else []

        wait_until(lambda: since_due()[:3] == wanted, lambda: f"{wanted} in {since_due()}")
        for topic_name, payload, _ in listener.all():
            if not topic_name.endswith("/kiosk-7"):
                mqtt_schemas.check(topic_name, payload)


def _has(reason: str, status: dict[str, object]) -> bool:
    return status["reason"] == reason


def test_what_may_not_count_is_refused_with_the_reason_on_a_status_topic(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, town(tmp_path / "town", broker.url) as daemon:
        for key in ("kiosk-7", "off", "gone"):
            daemon.cli("meter", "add", "budi", "--mqtt", "--key", key)
        (number,) = [one["number"] for one in daemon.json("meter", "list") if one["key"] == "gone"]
        daemon.cli("meter", "remove", str(number))
        with closing(sqlite3.connect(daemon.data_dir / "netbilld.db")) as database, database:
            database.execute("UPDATE meters SET is_allowed = 0 WHERE key = 'off'")
        with broker.listener() as listener:
            listener.publish("netbilld/meter/kiosk-7", reading(UNIT, UNIT, 30), retain=True)
            daemon.start()
            refused = {
                ("kiosk-7", "retained"): None,
                ("nobody", "unknown"): reading(UNIT, UNIT, 30),
                ("gone", "unknown"): reading(UNIT, UNIT, 30),
                ("off", "not_allowed"): reading(UNIT, UNIT, 30),
                ("kiosk-7", "bad_json"): b"\xff\x00 not json",
                ("k2", "not_a_number"): b'{"upload_octets": "1", "download_octets": 1, "at": "2026-01-01T00:00:00Z"}',
                ("k3", "too_large"): b'{"upload_octets": %d, "download_octets": 1, "at": 0}' % 2**63,
                ("k4", "bad_time"): b'{"upload_octets": 1, "download_octets": 1, "at": "yesterday"}',
                ("k5", "from_the_future"): reading(1, 1, -3600),
                ("k6", "too_old"): reading(1, 1, 100_000),
                ("k7", "too_long"): b"1" * 100_000,
                ("k8", "bad_field"): b'{"upload_octets": 1}',
            }
            for (key, reason), payload in refused.items():
                topic = f"netbilld/meter/{key}"
                if payload is not None:
                    listener.publish(topic, payload)
                status = listener.wait_for(f"{topic}/status", partial(_has, reason), reason)
                assert status["result"] == "refused"
                mqtt_schemas.check(f"{topic}/status", json.dumps(status).encode())
            metrics = daemon.metrics()
            for reason, count in Counter(reason for _, reason in refused).items():
                assert metrics[f'netbilld_mqtt_refused_total{{reason="{reason}"}}'] == count
        with broker.listener("netbilld/meter/#") as newcomer:  # strangers fill nothing
            newcomer.wait_for("netbilld/meter/kiosk-7", bool, "what was retained by the kiosk")
            assert newcomer.newest("netbilld/meter/nobody/status") is None
        shown = daemon.json("usage", "show", "budi")
        assert (shown["upload_octets"], shown["download_octets"]) == (0, 0)


def test_the_access_list_of_the_documentation_lets_everyone_have_their_own_and_no_more(tmp_path: Path) -> None:
    text = (mqtt_schemas.DIRECTORY.parent / "mqtt.md").read_text()
    rules = text[text.index("    user netbilld") : text.index("and in `mosquitto.conf`")]
    access = tmp_path / "acl"
    access.write_text("\n".join(line.strip() for line in rules.splitlines()) + "\n")
    access.chmod(0o600)
    mine, other = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    users = {"kiosk-7": "k", mine: "s"}
    with (
        Mosquitto(tmp_path / "broker", f"acl_file {access}", users=users) as broker,
        broker.listener() as everything,
        Listener(broker.port, user="kiosk-7", password="k") as meter,
        Listener(broker.port, user=mine, password="s") as subscriber,
    ):
        for topic in ("meter/kiosk-7", "meter/kiosk-8", f"service/{mine}/state"):
            meter.publish(f"netbilld/{topic}", "from the meter")
        subscriber.publish(f"netbilld/service/{mine}/state", "from the subscriber")
        subscriber.publish("netbilld/meter/kiosk-7", "from the subscriber")
        for topic in (
            "meter/kiosk-7/status",
            "meter/kiosk-8/status",
            f"service/{mine}/state",
            f"service/{other}/state",
        ):
            everything.publish(f"netbilld/{topic}", "from netbilld")
        everything.publish("netbilld/end", "of it")
        wait_until(lambda: everything.newest("netbilld/end") is not None, "all of it")
        wait_until(lambda: meter.newest("netbilld/meter/kiosk-7/status") is not None, "the meter hears")
        wait_until(lambda: subscriber.newest(f"netbilld/service/{mine}/state") is not None, "the subscriber hears")
        said = {(topic, payload) for topic, payload, _ in everything.all() if payload != b"from netbilld"}
        assert said == {("netbilld/meter/kiosk-7", b"from the meter"), ("netbilld/end", b"of it")}
        assert {topic for topic, _, _ in meter.all()} == {"netbilld/meter/kiosk-7/status"}
        assert {topic for topic, _, _ in subscriber.all()} == {f"netbilld/service/{mine}/state"}
