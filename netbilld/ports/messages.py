"""Who delivers messages: drivers, each for one channel, and what came of handing a message over."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol


class Channel(StrEnum):
    """By what a person is reached."""

    WHATSAPP = "whatsapp"
    SMS = "sms"
    EMAIL = "email"
    TELEGRAM = "telegram"


CHANNELS: Final = tuple(channel.value for channel in Channel)
_OK, _CREATED_LIMIT = 200, 300
_TIME_OUT, _TOO_EARLY, _TOO_MANY = 408, 425, 429
_AUTH: Final = frozenset((401, 402, 403, 407))
_SERVER_FAULT: Final = 500


class Delivery(StrEnum):
    """What came of handing a message over."""

    ACCEPTED = "accepted"
    LATER = "later"  # it did not leave, and may another time
    NEVER = "never"  # refused for good: the address, or the message
    UNSURE = "unsure"  # it may have left: the answer got lost
    PAUSE = "pause"  # it did not leave, and no other will: our log-in, or the server, is the trouble


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of it.

    Attributes:
        said: the other side's words, without secrets of ours.
        retry_seconds: where they asked for a pause, or where we know how long one has to be.
        provider_id: what they call the message, and will call it in what they tell later.
        log_in: of a pause: they don't know us any more; a person has to look.
    """

    delivery: Delivery
    said: str
    retry_seconds: float | None = None
    provider_id: str | None = None
    log_in: bool = False


@dataclass(frozen=True, slots=True)
class ApprovedTemplate:
    """A text that a messenger has approved beforehand, and what is put into it."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that goes with a message, where whoever delivers it carries documents."""

    name: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in its final words; `message_id` names it to whoever delivers it.

    Attributes:
        reference: what we call it, for those who say that back.
        template: an approved text in its place, where the channel asks for one.
        in_conversation: they wrote to us a short while ago, so that words of our own are allowed.
        attachment: what is to go with it; where that can't be, the words go alone.
    """

    to: str
    to_name: str
    subject: str
    text: str
    message_id: str
    reference: str = ""
    template: ApprovedTemplate | None = None
    in_conversation: bool = False
    attachment: Attachment | None = None


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


def verdict(status: int) -> Delivery:
    """Return what an HTTP status says of a message that was handed over, where its body says nothing else."""
    if _OK <= status < _CREATED_LIMIT:
        return Delivery.ACCEPTED
    if status in _AUTH or status == _TOO_MANY:
        return Delivery.PAUSE
    if status >= _SERVER_FAULT or status in {_TIME_OUT, _TOO_EARLY}:
        return Delivery.LATER
    return Delivery.NEVER
