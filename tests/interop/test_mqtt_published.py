"""What a real daemon publishes to a real Mosquitto: retained state, events, the last will, and what outages leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import mqtt_schemas
from tests.mosquitto import Mosquitto, retained_at
from tests.mqtt_town import NODE, account, service_of, town
from tests.nas_socket import NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]
MEGA = 1_000_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as one:
        yield one


def test_a_session_is_retained_while_it_lasts_and_every_message_keeps_its_schema(
    tmp_path: Path, broker: Mosquitto, migrated_url: str
) -> None:
    with town(tmp_path / "town", broker.url, migrated_url) as daemon, broker.listener() as listener:
        daemon.start()
        service = f"netbilld/service/{service_of(daemon)}"
        listener.wait_for(f"{service}/state", lambda state: not state["online"], "offline at first")
        with NasSocket(daemon) as nas:
            account(nas, "start")
            listener.wait_for(f"{service}/state", lambda state: state["online"], "online")
            account(nas, "interim", up=3 * MEGA, down=9 * MEGA, seconds=60)
            usage = listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"], "usage")
            assert (usage["upload_octets"], usage["download_octets"]) == (3 * MEGA, 9 * MEGA)
            assert usage["limit_octets"] - usage["counted_octets"] == usage["remaining_octets"]
            retained = retained_at(broker, f"{service}/session/#")
            assert len(retained) == 1
            account(nas, "stop", up=4 * MEGA, down=10 * MEGA, seconds=90)
            listener.wait_for(f"{service}/usage", lambda usage: usage["counted_octets"] == 14 * MEGA, "the last word")
            listener.wait_for(f"{service}/state", lambda state: not state["online"], "offline again")
        wait_until(lambda: listener.newest(next(iter(retained))) == b"", "the session is cleared")
        assert not retained_at(broker, f"{service}/session/#")
        wait_until(
            lambda: (
                {"session_began", "session_ended"}
                <= {mqtt_schemas.check(*one[:2])["event"] for one in listener.all() if one[0] == f"{service}/event"}
            ),
            "both events",
        )
        assert daemon.terminate() == 0
        listener.wait_for(f"{NODE}/status", lambda status: status["state"] == "offline", "said goodbye")
        for topic, payload, _ in listener.all():
            mqtt_schemas.check(topic, payload)
        seen = {mqtt_schemas.schema_of(topic, "netbilld", "homeassistant") for topic, _, _ in listener.all()}
        assert seen >= {"state", "usage", "session", "event", "nas", "status", "health", "home_assistant"}
        assert b"rahasia" not in b"".join(payload for _, payload, _ in listener.all())
        assert "a-password" not in daemon.log
