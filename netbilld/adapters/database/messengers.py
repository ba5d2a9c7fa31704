"""Messengers: the provider's own texts, what came in, whose chats those are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.outbox_rows import split
from netbilld.adapters.database.tables import (
    chats,
    message_choices,
    message_texts,
    messenger_events,
    services,
    staff_chats,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.ports.outbox import MessageKind
from netbilld.services.chat_records import Chat, ChatPerson, Event, StaffChat
from netbilld.services.message_texts import OwnText, TextKey

_MOST_PEOPLE: Final = 5  # behind one telephone


class MessengerStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- texts ---------------------------------------------------------------------------------------------------------

    async def texts(self) -> dict[TextKey, OwnText]:
        """Return all of the provider's own texts."""
        rows = await self._connection.execute(select(message_texts).limit(2_000))
        found = (_text(row) for row in rows)
        return {one.key: one for one in found if one is not None}

    async def put_text(self, text: OwnText, actor: str, now: datetime) -> None:
        """Keep a text in place of the one before."""
        values = {
            "subject": text.subject,
            "body": text.body,
            "template_name": text.template_name,
            "template_language": text.template_language,
            "template_parameters": list(text.template_parameters),
            "actor": actor,
            "changed_at": now,
        }
        key = {"kind": text.kind.value, "channel": text.channel, "locale": text.locale}
        statement = insert_into(self._connection, message_texts).values(**key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    async def drop_text(self, key: TextKey) -> bool:
        """Forget a text; return False where there was none."""
        kind, channel, locale = key
        statement = delete(message_texts).where(
            message_texts.c.kind == kind.value, message_texts.c.channel == channel, message_texts.c.locale == locale
        )
        return int((await self._connection.execute(statement)).rowcount) == 1

    # -- what came in --------------------------------------------------------------------------------------------------

    async def add_event(self, driver: str, kind: str, key: str, body: Mapping[str, Any], now: datetime) -> bool:
        """Keep something a messenger told; return False where it was told before."""
        statement = insert_into(self._connection, messenger_events).values(
            driver=driver,
            kind=kind,
            event_key=key[:200],
            body=dict(body),
            state="new",
            said="",
            received_at=now,
            next_at=now,
            address=body["address"] if kind == "incoming" else None,
        )
        done = await self._connection.execute(statement.on_conflict_do_nothing())
        return int(done.rowcount) == 1

    async def new_events(self, now: datetime, most: int) -> list[Event]:
        """Return what has not been looked at, oldest first."""
        query = (
            select(messenger_events)
            .where(messenger_events.c.state == "new", messenger_events.c.next_at <= now)
            .order_by(messenger_events.c.next_at, messenger_events.c.id)
            .limit(most)
        )
        return [event_of(row) for row in await self._connection.execute(query)]

    async def take_event(self, event_id: int) -> bool:
        """Keep something from others until the transaction ends; return False where it was done already."""
        query = select(messenger_events.c.state).where(messenger_events.c.id == event_id).with_for_update()
        return await self._connection.scalar(query) == "new"

    async def end_event(
        self, event_id: int, state: str, said: str, now: datetime, subscriber_id: UUID | None = None
    ) -> None:
        """Say what came of it."""
        await self._connection.execute(
            update(messenger_events)
            .where(messenger_events.c.id == event_id)
            .values(state=state, said=said[:300], ended_at=now, subscriber_id=subscriber_id)
        )

    async def put_off_event(self, event_id: int, next_at: datetime) -> None:
        """Look at it later."""
        statement = update(messenger_events).where(messenger_events.c.id == event_id).values(next_at=next_at)
        await self._connection.execute(statement)

    async def strangers_answered(self, since: datetime, most: int) -> int:
        """Return how many messages of people we don't know were answered since then; counted up to so many."""
        table = messenger_events.c
        some = (
            select(table.id)
            .where(
                table.received_at > since,
                table.kind == "incoming",
                table.subscriber_id.is_(None),
                table.said == "ask_number",
            )
            .limit(most)
            .subquery()
        )
        return int(await self._connection.scalar(select(func.count()).select_from(some)) or 0)

    async def waiting_events(self) -> int:
        """Return how much has not been looked at."""
        query = select(func.count()).select_from(messenger_events).where(messenger_events.c.state == "new")
        return int(await self._connection.scalar(query) or 0)

    async def prune_events(self, before: datetime, now: datetime) -> int:
        """Forget what was done with before then, and the chats that are silent since; return how much was said.

        Who has shown by a code who they are stays known for as long as that holds.
        """
        statement = delete(messenger_events).where(
            messenger_events.c.state != "new", messenger_events.c.received_at < before
        )
        forgotten = int((await self._connection.execute(statement)).rowcount)
        old = chats.c.heard_at < before
        is_known = chats.c.known_until_at.is_not(None) & (chats.c.known_until_at > now)
        await self._connection.execute(delete(chats).where(old, ~is_known))
        await self._connection.execute(
            update(chats)
            .where(old, chats.c.last_event_id.is_not(None))
            .values(last_text="", last_event_id=None, waits_since_at=None, name="")
        )
        return forgotten

    # -- whose chats ---------------------------------------------------------------------------------------------------

    async def chat(self, driver: str, address: str, *, lock: bool = False) -> Chat | None:
        """Return what is known of who writes from there; locked it is kept from others until the transaction ends."""
        query = select(chats).where(chats.c.driver == driver, chats.c.address == address)
        if lock:
            query = query.with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else Chat(**row)

    async def put_chat(self, chat: Chat) -> None:
        """Keep what is known of a chat."""
        values = asdict(chat)
        statement = insert_into(self._connection, chats).values(**values)
        key = ("driver", "address")
        rest = {name: value for name, value in values.items() if name not in key}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=rest))

    async def people_with_phone(self, phone: str) -> list[ChatPerson]:
        """Return the subscribers with that telephone, those with a living service first."""
        return await self._people(subscribers.c.phone == phone)

    async def person_numbered(self, number: str) -> ChatPerson | None:
        """Return a subscriber by number."""
        found = await self._people(subscribers.c.number == number)
        return found[0] if found else None

    async def person(self, subscriber_id: UUID) -> ChatPerson | None:
        """Return a subscriber."""
        found = await self._people(subscribers.c.id == subscriber_id)
        return found[0] if found else None

    async def _people(self, condition: Any) -> list[ChatPerson]:
        living = (
            select(services.c.id)
            .where(services.c.subscriber_id == subscribers.c.id, services.c.ended_at.is_(None))
            .exists()
        )
        query = (
            select(
                subscribers.c.id,
                subscribers.c.number,
                subscribers.c.name,
                subscribers.c.phone,
                subscribers.c.email,
                subscribers.c.locale,
                subscribers.c.currency,
                living.label("is_living"),
            )
            .where(condition)
            .order_by(living.desc(), subscribers.c.number)
            .limit(_MOST_PEOPLE)
        )
        return [ChatPerson(**row) for row in (await self._connection.execute(query)).mappings()]

    # -- what they want ------------------------------------------------------------------------------------------------

    async def stopped(self, subscriber_id: UUID) -> frozenset[str]:
        """Return the channels somebody does not want."""
        query = select(message_choices.c.stopped).where(message_choices.c.subscriber_id == subscriber_id)
        return frozenset(split(await self._connection.scalar(query)))

    async def preferred(self, subscriber_id: UUID) -> list[str]:
        """Return by which channels somebody wants to be reached first."""
        query = select(message_choices.c.channels).where(message_choices.c.subscriber_id == subscriber_id)
        return list(split(await self._connection.scalar(query)))

    async def stop(self, subscriber_id: UUID, channels: Sequence[str], actor: str, now: datetime) -> None:
        """Keep which channels somebody does not want: these."""
        await self._choose(subscriber_id, {"stopped": ",".join(sorted(channels))}, actor, now)

    async def prefer(self, subscriber_id: UUID, channels: Sequence[str], actor: str, now: datetime) -> None:
        """Keep in which order somebody wants to be reached; none is as the provider does."""
        await self._choose(subscriber_id, {"channels": ",".join(channels)}, actor, now)

    async def _choose(self, subscriber_id: UUID, chosen: Mapping[str, Any], actor: str, now: datetime) -> None:
        values = {**chosen, "actor": actor, "changed_at": now}
        statement = insert_into(self._connection, message_choices).values(
            subscriber_id=subscriber_id, reminders=True, **values
        )
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))

    # -- the staff -----------------------------------------------------------------------------------------------------

    async def staff_chat(self, staff_id: UUID) -> StaffChat | None:
        """Return where somebody of the staff is reached by Telegram."""
        query = select(staff_chats).where(staff_chats.c.staff_id == staff_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else StaffChat(**row)

    async def put_staff_chat(self, chat: StaffChat) -> None:
        """Keep it."""
        values = asdict(chat)
        rest = {name: value for name, value in values.items() if name != "staff_id"}
        statement = insert_into(self._connection, staff_chats).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["staff_id"], set_=rest))

    async def staff_chat_by_code(self, code_hash: str) -> StaffChat | None:
        """Return whose code that is."""
        query = select(staff_chats).where(staff_chats.c.code_hash == code_hash)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else StaffChat(**row)


def _text(row: Row[Any]) -> OwnText | None:
    try:
        kind = MessageKind(row.kind)
    except ValueError:  # of a release after this one
        return None
    return OwnText(
        kind,
        row.channel,
        row.locale,
        row.subject,
        row.body,
        row.template_name,
        row.template_language,
        tuple(row.template_parameters),
        row.actor,
        row.changed_at,
    )


def event_of(row: Row[Any]) -> Event:
    """Return a row of what messengers told as what it is."""
    return Event(row.id, row.driver, row.kind, row.body, row.state, row.said, row.subscriber_id, row.received_at)
