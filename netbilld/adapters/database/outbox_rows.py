"""A message as it stands on record, and when one is not to be sent after all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, or_, select

from netbilld.adapters.database.tables import (
    invoices,
    isolirs,
    message_choices,
    outbox,
    staff,
    staff_chats,
    subscribers,
)
from netbilld.model.delivery import Reached
from netbilld.ports.outbox import OPTIONAL, MessageKind, MessageState

_CHOICES: Final = message_choices.alias("choices")  # beside the table itself, which `stored` joins
UNPAID: Final = ("issued", "part_paid")
WAITING: Final = (MessageState.QUEUED.value, MessageState.FAILED.value)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message on record, with whose it is."""

    id: int
    kind: MessageKind
    state: MessageState
    subscriber_id: UUID | None
    subscriber_no: str
    subscriber_name: str
    email: str | None
    phone: str | None
    locale: str | None
    currency: str
    context: Mapping[str, Any]
    dedupe_key: str
    channel: str | None
    recipient: str | None
    provider_id: str | None
    said: str | None
    attempts: int
    created_at: datetime
    next_at: datetime
    expires_at: datetime
    claimed_at: datetime | None
    ended_at: datetime | None
    staff_name: str | None = None  # of whom it goes to, where that is one of the staff
    staff_id: UUID | None = None
    telegram: str | None = None  # of the staff
    driver: str | None = None
    addressee: str | None = None
    passed: tuple[str, ...] = ()
    reached: Reached = Reached.NOWHERE
    reached_at: datetime | None = None
    cost_minor: int = 0
    stopped: frozenset[str] = frozenset()  # channels they don't want
    channels: tuple[str, ...] = ()  # in their order; empty: as the settings say


def stored() -> Select[Any]:
    """Return the query of messages with whom they go to."""
    return (
        select(
            outbox,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name.label("subscriber_name"),
            subscribers.c.email,
            subscribers.c.phone,
            subscribers.c.locale,
            subscribers.c.currency,
            staff.c.name.label("staff_name"),
            staff.c.email.label("staff_email"),
            staff.c.phone.label("staff_phone"),
            staff.c.locale.label("staff_locale"),
            staff_chats.c.address.label("telegram"),
            message_choices.c.stopped,
            message_choices.c.channels,
        )
        .outerjoin(subscribers, subscribers.c.id == outbox.c.subscriber_id)
        .outerjoin(staff, staff.c.id == outbox.c.staff_id)
        .outerjoin(staff_chats, staff_chats.c.staff_id == outbox.c.staff_id)
        .outerjoin(message_choices, message_choices.c.subscriber_id == outbox.c.subscriber_id)
    )


def message_of(row: Row[Any]) -> StoredMessage:
    """Return a row of `stored` as what it is."""
    to_staff = row.staff_id is not None
    told_at = row.context.get("told_at") or {"email": row.email, "phone": row.phone}
    return StoredMessage(
        id=row.id,
        kind=MessageKind(row.kind),
        state=MessageState(row.state),
        subscriber_id=row.subscriber_id,
        subscriber_no=row.subscriber_no or "",
        subscriber_name=row.subscriber_name or "",
        email=row.staff_email if to_staff else told_at["email"],
        phone=row.staff_phone if to_staff else told_at["phone"],
        locale=row.staff_locale if to_staff else row.locale,
        currency=row.currency or "IDR",
        context=row.context,
        dedupe_key=row.dedupe_key,
        channel=row.channel,
        recipient=row.recipient,
        provider_id=row.provider_id,
        said=row.said,
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at,
        expires_at=row.expires_at,
        claimed_at=row.claimed_at,
        ended_at=row.ended_at,
        staff_name=row.staff_name,
        staff_id=row.staff_id,
        telegram=row.telegram,
        driver=row.driver,
        addressee=row.addressee,
        passed=split(row.passed),
        reached=Reached(row.reached),
        reached_at=row.reached_at,
        cost_minor=row.cost_minor,
        stopped=frozenset(() if to_staff else split(row.stopped)),
        channels=() if to_staff else split(row.channels),
    )


def split(text: str | None) -> tuple[str, ...]:
    """Return the words of a column that holds some, with commas between them."""
    return tuple(word for word in (text or "").split(",") if word)


def untrue() -> ColumnElement[bool]:
    """Return the condition that what a message says is no longer so."""
    open_still = exists().where(invoices.c.id == outbox.c.while_open_id, invoices.c.status.in_(UNPAID))
    walled_still = exists().where(isolirs.c.subscriber_id == outbox.c.subscriber_id, isolirs.c.restored_at.is_(None))
    owes = exists().where(invoices.c.subscriber_id == outbox.c.subscriber_id, invoices.c.status.in_(UNPAID))
    return or_(
        outbox.c.while_open_id.is_not(None) & ~open_still,
        and_(outbox.c.kind == MessageKind.ISOLIR.value, outbox.c.addressee.is_(None), ~(walled_still & owes)),
    )


def unwanted() -> ColumnElement[bool]:
    """Return the condition that its subscriber does not want such a message."""
    return outbox.c.kind.in_([kind.value for kind in OPTIONAL]) & exists().where(
        _CHOICES.c.subscriber_id == outbox.c.subscriber_id, ~_CHOICES.c.reminders
    )


def idle() -> ColumnElement[bool]:
    """Return the condition that a message is not to be sent, whether or not that is on record yet."""
    return or_(untrue(), unwanted())
