"""LinkStaff: somebody of the staff starts a chat with our bot, with a code from their profile, and is reached there."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.ports.changes import Changes
from netbilld.ports.clock import Clock
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.chat_records import Event, StaffChat

CODE_FOR: Final = timedelta(minutes=15)
_START: Final = "/start"
_PURPOSE: Final = "telegram link"


class Messengers(Protocol):
    async def staff_chat(self, staff_id: UUID) -> StaffChat | None: ...

    async def put_staff_chat(self, chat: StaffChat) -> None: ...

    async def staff_chat_by_code(self, code_hash: str) -> StaffChat | None: ...

    async def take_event(self, event_id: int) -> bool: ...

    async def end_event(
        self, event_id: int, state: str, said: str, now: datetime, subscriber_id: UUID | None = None
    ) -> None: ...


class Outbox(Protocol):
    async def add(self, message: Message, now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def messengers(self) -> Messengers: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


class LinkStaff:
    """The use cases, each one transaction."""

    def __init__(self, store: Store, box: Box, clock: Clock) -> None:
        self._store, self._box, self._clock = store, box, clock

    async def begin(self, staff_id: UUID, code: str, now: datetime) -> None:
        """Let whoever tells our bot that code within some minutes be this member of the staff."""
        async with self._store.write() as work:
            chat = await work.messengers.staff_chat(staff_id) or StaffChat(staff_id)
            await work.messengers.put_staff_chat(
                replace(chat, code_hash=self._hash(code), code_until_at=now + CODE_FOR)
            )

    async def end(self, staff_id: UUID, actor: Actor, now: datetime) -> None:
        """Reach them there no longer."""
        async with self._store.write() as work:
            await work.messengers.put_staff_chat(StaffChat(staff_id))
            await work.changes.record(actor, now, "telegram.unlink", "staff", staff_id, {})

    async def run(self, event: Event) -> None:
        """Take in what somebody wrote to the bot; who has no code gets no answer."""
        now, body = self._clock.now(), event.body
        word, _, code = str(body.get("text", "")).strip().partition(" ")
        async with self._store.write() as work:
            if not await work.messengers.take_event(event.id):
                return
            is_code = word == _START and code.strip()
            chat = await work.messengers.staff_chat_by_code(self._hash(code.strip())) if is_code else None
            if chat is None or chat.code_until_at is None or chat.code_until_at < now:
                await work.messengers.end_event(event.id, "passed", "no code of ours", now)
                return
            linked = StaffChat(chat.staff_id, str(body["address"]), None, None, now)
            await work.messengers.put_staff_chat(linked)
            actor = Actor("system", "telegram")
            await work.changes.record(actor, now, "telegram.link", "staff", chat.staff_id, {})
            context = {"title": "Telegram", "text": "OK"}
            key = f"telegram:{event.id}"
            await work.outbox.add(Message(MessageKind.STAFF_ALERT, None, context, key, staff_id=chat.staff_id), now)
            await work.messengers.end_event(event.id, "done", "linked", now)

    def _hash(self, code: str) -> str:
        return self._box.keyed_digest(_PURPOSE, code.encode("utf-8", "replace")).hex()
