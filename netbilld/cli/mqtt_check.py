"""What `doctor` looks at of the MQTT broker: whether it takes us, by a name beside the daemon's."""

from netbilld.cli.checks import Check
from netbilld.daemon.settings import Settings
from netbilld.model.errors import BrokerAwayError


async def check_mqtt(settings: Settings) -> list[Check]:
    """Return whether the broker takes us; nothing where none is set. Nobody's service depends on it."""
    if settings.mqtt.url is None:
        return []
    from netbilld.daemon.mqtt import broker_of  # noqa: PLC0415 - slow to load, and most have no broker

    broker = broker_of(settings, suffix="-doctor")
    assert broker is not None, "its URL is set"  # noqa: S101
    try:
        async with broker.connect():
            return [Check("mqtt", "ok", f"{broker.address} takes us")]
    except BrokerAwayError as error:
        return [Check("mqtt", "warn", str(error), "see mqtt.url, mqtt.ca and the broker's log")]
