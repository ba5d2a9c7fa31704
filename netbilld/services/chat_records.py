"""What is on record of chats: what came in, who writes, where the staff are reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """Something a messenger told: `incoming`, `progress` or `device`."""

    id: int
    driver: str
    kind: str
    body: Mapping[str, Any] = field(hash=False)
    state: str
    said: str
    subscriber_id: UUID | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Chat:
    """Somebody who writes to us by a messenger.

    Attributes:
        subscriber_id: whom a code has shown them to be, until `known_until_at`.
        asked_id: whom they say they are, until the code that was sent there comes back.
        asks: codes they had sent within the day that began at `asked_at`.
        answers: what we answered since `window_at`.
        hinted_at: when they were last told what may be written.
        last_digest: of what they wrote last, at `last_digest_at`.
        person_id: whom we took them for when they wrote last, by a telephone on record or a code.
        last_text, last_event_id: what they wrote last, cut, and where it is on record.
        waits_since_at: since when they wait for a person of the staff, having asked for one or not been understood.
        answered_at: when one answered last.
        media: a picture that came without words, for the report that may follow it.
    """

    driver: str
    address: str
    name: str
    heard_at: datetime
    window_at: datetime
    subscriber_id: UUID | None = None
    known_until_at: datetime | None = None
    asked_id: UUID | None = None
    asked_digest: str | None = None
    asked_at: datetime | None = None
    asks: int = 0
    code_hash: str | None = None
    code_until_at: datetime | None = None
    tries_left: int = 0
    answers: int = 0
    hinted_at: datetime | None = None
    last_digest: str | None = None
    last_digest_at: datetime | None = None
    person_id: UUID | None = None
    last_text: str = ""
    last_event_id: int | None = None
    waits_since_at: datetime | None = None
    answered_at: datetime | None = None
    media: str | None = None


@dataclass(frozen=True, slots=True)
class ChatPerson:
    """A subscriber, as far as a chat goes."""

    id: UUID
    number: str
    name: str
    phone: str | None
    email: str | None
    locale: str | None
    currency: str
    is_living: bool


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A chat with the number and name of the subscriber it is with; None of somebody we don't know."""

    chat: Chat
    number: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class StaffChat:
    """Where somebody of the staff is reached by Telegram, or the code by which that becomes known."""

    staff_id: UUID
    address: str | None = None
    code_hash: str | None = None
    code_until_at: datetime | None = None
    linked_at: datetime | None = None
