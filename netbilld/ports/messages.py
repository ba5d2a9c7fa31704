"""Who delivers messages: one driver for each channel."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Delivery(StrEnum):
    """What came of handing a message over."""

    ACCEPTED = "accepted"
    LATER = "later"  # it did not leave, and may another time
    NEVER = "never"  # refused for good: the address, or the message
    UNSURE = "unsure"  # it may have left: the answer got lost
    PAUSE = "pause"  # it did not leave, and no other will: our log-in, or the server, is the trouble


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of it, and the other side's words; `retry_seconds` where they asked for a pause."""

    delivery: Delivery
    said: str
    retry_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in its final words; `message_id` names it to whoever delivers it."""

    to: str
    to_name: str
    subject: str
    text: str
    message_id: str


class Driver(Protocol):
    """Delivers by one channel; one message at a time."""

    @property
    def channel(self) -> str:
        """Return the channel's name, such as `email`."""
        ...

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; trouble with the other side is a value."""
        ...

    async def rest(self) -> None:
        """Let go of what was kept open for the next one: there is none for now."""
        ...

    def close(self) -> None:
        """Let go at once, also of what is under way."""
        ...
