"""AnswerByHand: somebody of the staff answers in a chat, by the messenger it came by."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.answer_chats import reply_context
from netbilld.services.chat_records import Chat

LONGEST_ANSWER: Final = 3_000
GOOD_FOR: Final = timedelta(hours=24)  # after that the messenger may refuse it, and it answers nothing any more
TOPIC: Final = "said"  # in words of our own


class ChatViews(Protocol):
    async def of_event(self, event_id: int, *, lock: bool = False) -> Chat | None: ...


class Messengers(Protocol):
    async def put_chat(self, chat: Chat) -> None: ...


class Outbox(Protocol):
    async def add(self, message: Message, now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def chat_views(self) -> ChatViews: ...
    @property
    def messengers(self) -> Messengers: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class AnswerByHand:
    """The use cases; each is one transaction with its line in the audit trail. `event_id` names a chat."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def answer(self, event_id: int, text: str, once: str, actor: Actor, now: datetime) -> bool:
        """Write to them through the outbox; return False where the same click came twice.

        Raises:
            NotFoundError: there is no such chat.
            InvalidInputError: there is nothing to say, or it is too long.
        """
        words = "".join(sign for sign in text.replace("\r\n", "\n") if sign.isprintable() or sign == "\n").strip()
        if not words:
            raise InvalidInputError("the answer is empty", code="answer_empty")
        if len(words) > LONGEST_ANSWER:
            raise InvalidInputError(f"at most {LONGEST_ANSWER} letters", code="answer_long")
        async with self._store.write() as work:
            chat = await _chat(work, event_id)
            context = reply_context(TOPIC, {"text": words, "by": actor.name})
            message = Message(
                MessageKind.REPLY,
                chat.person_id,
                context,
                f"answer:{once}",
                until=now + GOOD_FOR,
                addressee=chat.address,
                driver=chat.driver,
            )
            if not await work.outbox.add(message, now):
                return False
            await work.messengers.put_chat(replace(chat, waits_since_at=None, answered_at=now))
            await work.changes.record(actor, now, "chat.answer", "chat", event_id, {"driver": chat.driver})
            return True

    async def settle(self, event_id: int, actor: Actor, now: datetime) -> None:
        """Let a chat wait no longer: it needs no answer, or had one by another way.

        Raises:
            NotFoundError: there is no such chat.
        """
        async with self._store.write() as work:
            chat = await _chat(work, event_id)
            if chat.waits_since_at is None:
                return
            await work.messengers.put_chat(replace(chat, waits_since_at=None))
            await work.changes.record(actor, now, "chat.settle", "chat", event_id, {"driver": chat.driver})

    async def forget(self, event_id: int, actor: Actor, now: datetime) -> None:
        """Know no longer whom a code has shown them to be: the telephone has another owner by now.

        Raises:
            NotFoundError: there is no such chat.
        """
        async with self._store.write() as work:
            chat = await _chat(work, event_id)
            if chat.subscriber_id is None:
                return
            await work.messengers.put_chat(
                replace(chat, subscriber_id=None, known_until_at=None, asked_id=None, code_hash=None, person_id=None)
            )
            details = {"driver": chat.driver, "was": str(chat.subscriber_id)}
            await work.changes.record(actor, now, "chat.forget", "chat", event_id, details)


async def _chat(work: Work, event_id: int) -> Chat:
    chat = await work.chat_views.of_event(event_id, lock=True)
    if chat is None:
        raise NotFoundError(f"no chat {event_id}")
    return chat
