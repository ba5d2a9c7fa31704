"""What messengers tell us: how far a message has come, what somebody writes, that a device has gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import parse_qsl

from netbilld.model.delivery import Told

LONGEST_TEXT: Final = 4_000  # of what somebody writes; the rest is cut
LARGEST_OCTETS: Final = 256 * 1024


class Heard(StrEnum):
    """What kind of message came in."""

    TEXT = "text"
    IMAGE = "image"
    DOCUMENT = "document"
    LOCATION = "location"
    BUTTON = "button"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Incoming:
    """Something somebody wrote to us.

    Attributes:
        key: tells it from every other of that driver; the same message told twice has the same key.
        address: what to answer to, in the messenger's own words.
        phone: who wrote, in E.164; None where the messenger hides it.
        media: where a picture is to be fetched from, in the messenger's words; None where there is none.
        place: latitude and longitude.
    """

    key: str
    address: str
    phone: str | None
    name: str
    text: str
    kind: Heard
    at: datetime
    media: str | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """News of a message of ours; `reference` is our own name for it, where they give it back."""

    key: str
    provider_id: str
    told: Told
    said: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """Whether the telephone behind a gateway is there."""

    key: str
    connected: bool
    said: str


@dataclass(frozen=True, slots=True)
class News:
    """Everything one call tells."""

    incoming: tuple[Incoming, ...] = ()
    progress: tuple[Progress, ...] = ()
    device: tuple[DeviceNews, ...] = ()


class HookRefusedError(Exception):
    """A call that is not from who it should be, or that says nothing; `status` is what it is answered with."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call as it came; names of headers are in small letters."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: datetime

    def form(self) -> dict[str, str]:
        """Return the fields of a form, or of the query."""
        if self.method == "GET":
            return dict(self.query)
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), max_num_fields=200))


class Hook(Protocol):
    """Understands the calls of one driver; whoever uses it has looked at the secret of the path already."""

    @property
    def answer(self) -> str:
        """Return the body that this messenger expects to be answered with."""
        ...

    def greet(self, query: Mapping[str, str]) -> str | None:
        """Return what to answer a messenger that asks whether we are who it was told of; None refuses."""
        ...

    def read(self, call: HookCall) -> News:
        """Return what a call tells, once its signature is right.

        Raises:
            HookRefusedError: it is not from them, or can't be read.
        """
        ...
