"""Messages to subscribers, from being written down to being sent."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import case, func, select, update

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.outbox_rows import WAITING, StoredMessage, message_of, stored
from netbilld.adapters.database.outbox_sending import OutboxSending
from netbilld.adapters.database.tables import message_choices, outbox
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.delivery import Reached
from netbilld.ports.outbox import Message, MessageKind, MessageState

__all__ = ["KEPT_FOR", "OutboxStore", "StoredMessage"]

KEPT_FOR: Final = timedelta(hours=72)  # after that it is news to nobody
_COLUMNS: Final = (
    "kind", "subscriber_id", "dedupe_key", "context", "while_open_id", "state", "attempts", "created_at", "next_at",
    "expires_at", "staff_id", "addressee", "driver", "priority",
)  # fmt: skip
_LOOKED_THROUGH: Final = 50_000
_KEYS: Final = 5_000  # in one statement
_COUNTED_DAYS: Final = timedelta(days=7)


class OutboxStore(OutboxSending):
    """Queries of one transaction."""

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
                outbox.c.state.in_(WAITING),
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
                .where(outbox.c.dedupe_key.in_(dedupe_keys[start : start + _KEYS]), outbox.c.state.in_(WAITING))
                .values(state=MessageState.WITHDRAWN.value, ended_at=now)
                .returning(outbox.c.dedupe_key)
            )
            taken += (await self._connection.scalars(statement)).all()
        return taken

    # -- who looks -----------------------------------------------------------------------------------------------------

    async def by_id(self, message_id: int) -> StoredMessage | None:
        """Return a message."""
        row = (await self._connection.execute(stored().where(outbox.c.id == message_id))).one_or_none()
        return None if row is None else message_of(row)

    async def listed(
        self, *, state: MessageState | None = None, subscriber_id: UUID | None = None, most: int = 100
    ) -> list[StoredMessage]:
        """Return messages, newest first; of a subscriber, those to them and not those to the staff about them."""
        query = stored().order_by(outbox.c.id.desc()).limit(most)
        if state is not None:
            query = query.where(outbox.c.state == state.value)
        if subscriber_id is not None:
            query = query.where(outbox.c.subscriber_id == subscriber_id, outbox.c.staff_id.is_(None))
        return [message_of(row) for row in await self._connection.execute(query)]

    async def page(
        self, *, state: MessageState | None, channel: str | None, before_id: int | None, most: int
    ) -> list[StoredMessage]:
        """Return messages, newest first; of a state or channel among the newest some ten thousand only."""
        query = stored().order_by(outbox.c.id.desc()).limit(most)
        if state is not None:
            query = query.where(outbox.c.state == state.value)
        if channel is not None:
            query = query.where(outbox.c.channel == channel)
        if state is not None or channel is not None:
            query = query.where(outbox.c.id > _newest_id() - _LOOKED_THROUGH)
        if before_id is not None:
            query = query.where(outbox.c.id < before_id)
        return [message_of(row) for row in await self._connection.execute(query)]

    async def driver_figures(self) -> dict[str, tuple[int, int, int, int]]:
        """Return by driver, of the newest messages, how many were sent, arrived, were given up, and their cost."""
        query = (
            select(
                outbox.c.driver,
                func.sum(case((outbox.c.state == MessageState.SENT.value, 1), else_=0)),
                func.sum(case((outbox.c.reached >= Reached.DELIVERED.value, 1), else_=0)),
                func.sum(case((outbox.c.state == MessageState.DEAD.value, 1), else_=0)),
                func.sum(outbox.c.cost_minor),
            )
            .where(outbox.c.driver.is_not(None), outbox.c.id > _newest_id() - _LOOKED_THROUGH)
            .group_by(outbox.c.driver)
        )
        rows = await self._connection.execute(query)
        return {name: (int(sent), int(arrived), int(lost), int(cost)) for name, sent, arrived, lost, cost in rows}

    async def again(self, message_id: int, now: datetime) -> None:
        """Let a message that failed, is dead or may have been sent be sent again."""
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.id == message_id)
            .values(
                state=MessageState.QUEUED.value,
                next_at=now,
                expires_at=now + KEPT_FOR,
                ended_at=None,
                claimed_at=None,
                passed="",
                reached=0,
                reached_at=None,
                driver=case((outbox.c.addressee.is_(None), None), else_=outbox.c.driver),
            )
        )

    async def figures(self, now: datetime) -> tuple[Mapping[str, int], float]:
        """Return how many of the messages due within a week are in which state, and how long the oldest one waits.

        Those that are over are counted by when they were due: an index holds that, and every look at it.
        """
        going_on = (*WAITING, MessageState.SENDING.value)
        over = [state.value for state in MessageState if state.value not in going_on]
        counts: dict[str, int] = {}
        for some in (outbox.c.state.in_(going_on), outbox.c.state.in_(over) & (outbox.c.next_at > now - _COUNTED_DAYS)):
            query = select(outbox.c.state, func.count()).where(some).group_by(outbox.c.state)
            counts |= {state: int(count) for state, count in await self._connection.execute(query)}
        oldest = await self._connection.scalar(
            select(func.min(outbox.c.next_at)).where(outbox.c.state.in_(WAITING), outbox.c.next_at <= now)
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


def _newest_id() -> Any:
    return select(func.coalesce(func.max(outbox.c.id), 0)).scalar_subquery()


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
        message.until or next_at + KEPT_FOR,
        message.staff_id,
        message.addressee,
        message.driver,
        message.priority,
    )
