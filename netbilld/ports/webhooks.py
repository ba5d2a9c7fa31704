"""Sending an event to somebody's program."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Sent(NamedTuple):
    """What came of it: the status of the answer, else why there was none."""

    status: int | None
    error: str | None
    milliseconds: int

    @property
    def is_taken(self) -> bool:
        """Return whether the other side has it."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Send a body to an address; whatever goes wrong is in what is returned."""
        ...

    def refusal(self, url: str) -> str | None:
        """Return why nothing would ever be sent to an address; None where something would."""
        ...
