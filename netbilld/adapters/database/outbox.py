"""Messages to subscribers, from being written down to being sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.tables import invoices, isolirs, message_choices, outbox, staff, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.ports.outbox import OPTIONAL, Message, MessageKind, MessageState

KEPT_FOR: Final = timedelta(hours=72)  # after that it is news to nobody
_COLUMNS: Final = (
    "kind", "subscriber_id", "dedupe_key", "context", "while_open_id", "state", "attempts", "created_at", "next_at",
    "expires_at",
    "staff_id",
)  # fmt: skip
_UNPAID: Final = ("issued", "part_paid")
_WAITING: Final = (MessageState.QUEUED.value, MessageState.FAILED.value)
_KEYS: Final = 5_000  # in one statement
_COUNTED_DAYS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message on record, with whose it is."""

    id: int
    kind: MessageKind
    state: MessageState
    subscriber_id: UUID
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


class OutboxStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- who causes messages -----------------------------------------------------------------------------------------

    async def add(self, message: Message, now: datetime) -> bool:
        """Put a message in; return False where one was made under its key before."""
        return await self.add_many([message], now) == 1

    async def add_many(self, messages: Sequence[Message], now: datetime) -> int:
        """Put messages in, and return how many of them are new."""
        rows = [_row(message, now) for message in messages]
        return await insert_rows(self._connection, outbox, _COLUMNS, rows, "ON CONFLICT DO NOTHING")

    async def withdraw(self, subscriber_id: UUID, kinds: Sequence[MessageKind], now: datetime) -> int:
        """Take back what of these kinds is not sent yet, and return how many were."""
        statement = (
            update(outbox)
            .where(
                outbox.c.subscriber_id == subscriber_id,
                outbox.c.kind.in_([kind.value for kind in kinds]),
                outbox.c.state.in_(_WAITING),
            )
            .values(state=MessageState.WITHDRAWN.value, ended_at=now)
        )
        return int((await self._connection.execute(statement)).rowcount)

    async def take_back(self, dedupe_keys: Sequence[str], now: datetime) -> list[str]:
        """Take back those of these messages that are not sent yet, and return their keys."""
        taken: list[str] = []
        for start in range(0, len(dedupe_keys), _KEYS):
            statement = (
                update(outbox)
                .where(outbox.c.dedupe_key.in_(dedupe_keys[start : start + _KEYS]), outbox.c.state.in_(_WAITING))
                .values(state=MessageState.WITHDRAWN.value, ended_at=now)
                .returning(outbox.c.dedupe_key)
            )
            taken += (await self._connection.scalars(statement)).all()
        return taken

    # -- who sends them ----------------------------------------------------------------------------------------------

    async def tidy(self, now: datetime, interrupted_before: datetime) -> Mapping[str, int]:
        """Settle what needs no sending: untrue by now, too late, or interrupted; return how many by new state.

        Args:
            now: the moment.
            interrupted_before: what was being sent before then has no sender any more. Whether it left is not known.
        """
        waiting = outbox.c.state.in_(_WAITING) & (outbox.c.next_at <= now)
        settled: dict[str, int] = {}
        for state, said, condition in (
            (MessageState.WITHDRAWN, None, waiting & _untrue()),
            (MessageState.WITHDRAWN, "not wanted", waiting & _unwanted()),
            (MessageState.DEAD, None, waiting & (outbox.c.expires_at <= now)),
            (
                MessageState.MAYBE_SENT,
                "interrupted while it was being sent; `netbilld outbox retry` sends it again",
                (outbox.c.state == MessageState.SENDING.value) & (outbox.c.claimed_at < interrupted_before),
            ),
        ):
            values: dict[str, Any] = {"state": state.value, "ended_at": now}
            if said is not None:
                values["said"] = said
            elif state is MessageState.DEAD:
                values["said"] = func.coalesce(outbox.c.said, "too late: nobody could be told in time")
            done = await self._connection.execute(update(outbox).where(condition).values(values))
            settled[state.value] = settled.get(state.value, 0) + int(done.rowcount)
        return settled

    async def due(self, now: datetime, most: int) -> list[StoredMessage]:
        """Return what is to be sent, oldest first."""
        query = (
            _stored()
            .where(outbox.c.state.in_(_WAITING), outbox.c.next_at <= now, outbox.c.expires_at > now, ~_idle())
            .order_by(outbox.c.next_at, outbox.c.id)
            .limit(most)
        )
        return [_message(row) for row in await self._connection.execute(query)]

    async def claim(self, message_id: int, channel: str, recipient: str, provider_id: str, now: datetime) -> bool:
        """Take a message to send it; return False where another has, or where it is no longer true."""
        statement = (
            update(outbox)
            .where(outbox.c.id == message_id, outbox.c.state.in_(_WAITING), ~_idle())
            .values(
                state=MessageState.SENDING.value,
                channel=channel,
                recipient=recipient,
                provider_id=provider_id,
                claimed_at=now,
                attempts=outbox.c.attempts + 1,
            )
        )
        return int((await self._connection.execute(statement)).rowcount) == 1

    async def settle(
        self, message_id: int, state: MessageState, said: str, now: datetime, *, next_at: datetime | None = None
    ) -> None:
        """Put on record what came of sending it; `next_at` where it is tried again."""
        over = None if state in {MessageState.QUEUED, MessageState.FAILED} else now
        values: dict[str, Any] = {"state": state.value, "said": said[:300], "ended_at": over}
        if next_at is not None:
            values["next_at"] = next_at
        await self._connection.execute(update(outbox).where(outbox.c.id == message_id).values(values))

    async def put_off(self, message_id: int, next_at: datetime) -> None:
        """Let it wait: it is quiet now."""
        await self._connection.execute(update(outbox).where(outbox.c.id == message_id).values(next_at=next_at))

    # -- who looks -----------------------------------------------------------------------------------------------------

    async def by_id(self, message_id: int) -> StoredMessage | None:
        """Return a message."""
        row = (await self._connection.execute(_stored().where(outbox.c.id == message_id))).one_or_none()
        return None if row is None else _message(row)

    async def listed(
        self, *, state: MessageState | None = None, subscriber_id: UUID | None = None, most: int = 100
    ) -> list[StoredMessage]:
        """Return messages, newest first; of a subscriber, those to them and not those to the staff about them."""
        query = _stored().order_by(outbox.c.id.desc()).limit(most)
        if state is not None:
            query = query.where(outbox.c.state == state.value)
        if subscriber_id is not None:
            query = query.where(outbox.c.subscriber_id == subscriber_id, outbox.c.staff_id.is_(None))
        return [_message(row) for row in await self._connection.execute(query)]

    async def again(self, message_id: int, now: datetime) -> None:
        """Let a message that failed, is dead or may have been sent be sent again."""
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.id == message_id)
            .values(
                state=MessageState.QUEUED.value, next_at=now, expires_at=now + KEPT_FOR, ended_at=None, claimed_at=None
            )
        )

    async def figures(self, now: datetime) -> tuple[Mapping[str, int], float]:
        """Return how many of the last week's messages are in which state, and how long the oldest due one waits."""
        query = (
            select(outbox.c.state, func.count())
            .where(or_(outbox.c.ended_at.is_(None), outbox.c.ended_at > now - _COUNTED_DAYS))
            .group_by(outbox.c.state)
        )
        counts = {state: int(count) for state, count in await self._connection.execute(query)}
        oldest = await self._connection.scalar(
            select(func.min(outbox.c.next_at)).where(outbox.c.state.in_(_WAITING), outbox.c.next_at <= now)
        )
        return counts, 0.0 if oldest is None else (now - oldest).total_seconds()

    async def wants_reminders(self, subscriber_id: UUID) -> bool:
        """Tell whether a subscriber wants to be reminded; who has said nothing does."""
        query = select(message_choices.c.reminders).where(message_choices.c.subscriber_id == subscriber_id)
        return await self._connection.scalar(query) is not False

    async def choose(self, subscriber_id: UUID, *, reminders: bool, actor: str, now: datetime) -> None:
        """Keep whether a subscriber wants to be reminded."""
        values = {"reminders": reminders, "actor": actor, "changed_at": now}
        statement = insert_into(self._connection, message_choices).values(subscriber_id=subscriber_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))


def _row(message: Message, now: datetime) -> tuple[Any, ...]:
    next_at = max(now, message.not_before) if message.not_before is not None else now
    return (
        message.kind.value,
        message.subscriber_id,
        message.dedupe_key[:200],
        json.dumps(dict(message.context)),
        message.while_open,
        MessageState.QUEUED.value,
        0,
        now,
        next_at,
        next_at + KEPT_FOR,
        message.staff_id,
    )


def _untrue() -> ColumnElement[bool]:
    """Return the condition that what a message says is no longer so."""
    open_still = exists().where(invoices.c.id == outbox.c.while_open_id, invoices.c.status.in_(_UNPAID))
    walled_still = exists().where(isolirs.c.subscriber_id == outbox.c.subscriber_id, isolirs.c.restored_at.is_(None))
    owes = exists().where(invoices.c.subscriber_id == outbox.c.subscriber_id, invoices.c.status.in_(_UNPAID))
    return or_(
        outbox.c.while_open_id.is_not(None) & ~open_still,
        and_(outbox.c.kind == MessageKind.ISOLIR.value, ~(walled_still & owes)),
    )


def _idle() -> ColumnElement[bool]:
    """Return the condition that a message is not to be sent, whether or not that is on record yet."""
    return or_(_untrue(), _unwanted())


def _unwanted() -> ColumnElement[bool]:
    return outbox.c.kind.in_([kind.value for kind in OPTIONAL]) & exists().where(
        message_choices.c.subscriber_id == outbox.c.subscriber_id, ~message_choices.c.reminders
    )


def _stored() -> Select[Any]:
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
            staff.c.locale.label("staff_locale"),
        )
        .join(subscribers, subscribers.c.id == outbox.c.subscriber_id)
        .outerjoin(staff, staff.c.id == outbox.c.staff_id)
    )


def _message(row: Row[Any]) -> StoredMessage:
    to_staff = row.staff_id is not None
    return StoredMessage(
        id=row.id,
        kind=MessageKind(row.kind),
        state=MessageState(row.state),
        subscriber_id=row.subscriber_id,
        subscriber_no=row.subscriber_no,
        subscriber_name=row.subscriber_name,
        email=row.staff_email if to_staff else row.email,
        phone=None if to_staff else row.phone,
        locale=row.staff_locale if to_staff else row.locale,
        currency=row.currency,
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
    )
