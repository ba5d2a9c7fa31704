"""A webhook: where a program of somebody's is told of events, and one telling of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# what comes of a delivery that was not taken, attempt by attempt: about two and a half days in all
WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 900, 3600, 7200, 14_400, 28_800, 57_600, 86_400)
)
PING: Final = "ping"  # an event that a person sends


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address, and the events it is told of; nothing of before it was last switched on."""

    id: UUID
    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    active_since: datetime
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook.

    Attributes:
        body: what is sent, to the octet.
        state: queued, delivered or dead.
        next_at: not before.
        last_status: of HTTP; None where there was no answer.
    """

    id: int
    webhook_id: UUID
    event_id: str
    event: str
    body: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    last_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_milliseconds: int | None
    ended_at: datetime | None
