"""Chats as the staff read them: who writes, what waits for a person, and what was said on both sides."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.messengers import event_of
from netbilld.adapters.database.outbox_rows import StoredMessage, message_of, stored
from netbilld.adapters.database.tables import chats, messenger_events, outbox, subscribers
from netbilld.services.chat_records import Chat, ChatLine, Event

MOST_WAITING: Final = 1_000


class ChatViews:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lines(self, which: str, before: datetime | None, most: int) -> list[ChatLine]:
        """Return chats of a kind, whoever wrote last first; of those that wait, who waits longest.

        Args:
            which: waiting, known, unknown, or anything else for all.
            before: only those silent since then; not for those that wait.
            most: of them.
        """
        query = (
            select(chats, subscribers.c.number, subscribers.c.name.label("person"))
            .outerjoin(subscribers, subscribers.c.id == chats.c.person_id)
            .where(chats.c.last_event_id.is_not(None))
            .limit(most)
        )
        if which == "waiting":
            query = query.where(chats.c.waits_since_at.is_not(None)).order_by(chats.c.waits_since_at)
        else:
            query = query.order_by(chats.c.heard_at.desc(), chats.c.last_event_id.desc())
        if which == "known":
            query = query.where(chats.c.person_id.is_not(None))
        if which == "unknown":
            query = query.where(chats.c.person_id.is_(None))
        if before is not None and which != "waiting":
            query = query.where(chats.c.heard_at < before)
        found = []
        for row in (await self._connection.execute(query)).mappings():
            values = dict(row)
            number, person = values.pop("number"), values.pop("person")
            found.append(ChatLine(Chat(**values), number, person))
        return found

    async def waiting(self) -> int:
        """Return how many wait for a person, up to a thousand."""
        some = select(chats.c.driver).where(chats.c.waits_since_at.is_not(None)).limit(MOST_WAITING).subquery()
        return int(await self._connection.scalar(select(func.count()).select_from(some)) or 0)

    async def of_event(self, event_id: int, *, lock: bool = False) -> Chat | None:
        """Return the chat that something somebody wrote belongs to; locked it is kept from others."""
        event = (
            await self._connection.execute(
                select(messenger_events.c.driver, messenger_events.c.address).where(
                    messenger_events.c.id == event_id, messenger_events.c.kind == "incoming"
                )
            )
        ).one_or_none()
        if event is None or event.address is None:
            return None
        query = select(chats).where(chats.c.driver == event.driver, chats.c.address == event.address)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return None if row is None else Chat(**row)

    async def of_person(self, subscriber_id: UUID, most: int = 20) -> list[Chat]:
        """Return the chats of a subscriber, the latest first."""
        query = select(chats).where(chats.c.person_id == subscriber_id).order_by(chats.c.heard_at.desc()).limit(most)
        return [Chat(**row) for row in (await self._connection.execute(query)).mappings()]

    async def heard(self, whose: UUID | tuple[str, str], before: datetime | None, most: int) -> list[Event]:
        """Return what a subscriber, or whoever is at an address of a driver, has written; newest first."""
        table = messenger_events.c
        query = select(messenger_events).where(table.kind == "incoming")
        if isinstance(whose, UUID):
            query = query.where(table.subscriber_id == whose)
        else:
            query = query.where(table.driver == whose[0], table.address == whose[1])
        if before is not None:
            query = query.where(table.received_at < before)
        return [event_of(row) for row in await self._connection.execute(query.order_by(table.id.desc()).limit(most))]

    async def told(self, whose: UUID | tuple[str, str], before: datetime | None, most: int) -> list[StoredMessage]:
        """Return what a subscriber was told by any channel, or an address of a driver was; newest first."""
        if isinstance(whose, UUID):
            query = stored().where(outbox.c.subscriber_id == whose, outbox.c.staff_id.is_(None))
        else:
            query = stored().where(outbox.c.driver == whose[0], outbox.c.addressee == whose[1])
        if before is not None:
            query = query.where(outbox.c.created_at < before)
        return [
            message_of(row) for row in await self._connection.execute(query.order_by(outbox.c.id.desc()).limit(most))
        ]
