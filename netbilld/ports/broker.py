"""An MQTT broker, as services see it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """What is to be published; an empty payload with `retain` clears what is retained there."""

    topic: str
    payload: bytes
    retain: bool


class Incoming(NamedTuple):
    """What has come in; `is_retained` where the broker kept it from before."""

    topic: str
    payload: bytes
    is_retained: bool


class Outlet(Protocol):
    """Takes messages to the broker."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged them all.

        Raises:
            BrokerAwayError: it has not.
        """
        ...
