"""What a person does about messages: send one again, ask not to be reminded."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import MessageState
from netbilld.services.find_subscriber import Subscribers, find_subscriber

_AGAIN: Final = frozenset((MessageState.FAILED, MessageState.DEAD, MessageState.MAYBE_SENT))


class Outbox(Protocol):
    async def by_id(self, message_id: int) -> Any: ...

    async def again(self, message_id: int, now: datetime) -> None: ...

    async def put_driver_state(self, driver: str, state: str, said: str, actor: str, now: datetime) -> None: ...

    async def choose(self, subscriber_id: UUID, *, reminders: bool, actor: str, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def outbox(self) -> Outbox: ...

    @property
    def subscribers(self) -> Subscribers: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManageMessages:
    """The use cases; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def retry(self, message_id: int, actor: Actor, now: datetime) -> None:
        """Let a message be sent again that failed, was given up or may have been sent.

        Raises:
            NotFoundError: there is no such message.
            RefusedError: it is waiting anyway, was sent, or is no longer true.
        """
        async with self._store.write() as work:
            message = await work.outbox.by_id(message_id)
            if message is None:
                raise NotFoundError(f"no message {message_id}", hint="`netbilld outbox list` shows them")
            if message.state not in _AGAIN:
                raise RefusedError(f"message {message_id} is {message.state.value}: there is nothing to repeat")
            await work.outbox.again(message_id, now)
            details = {"kind": message.kind.value, "number": message.subscriber_no, "was": message.state.value}
            await work.changes.record(actor, now, "message.retry", "message", message_id, details)

    async def switch(self, driver: str, *, is_on: bool, actor: Actor, now: datetime) -> None:
        """Let a driver deliver again, at once, or no longer; what waits for it goes another way where there is one."""
        async with self._store.write() as work:
            await work.outbox.put_driver_state(driver, "ok" if is_on else "off", "", actor.name, now)
            await work.changes.record(actor, now, "messenger.switch", "messenger", driver, {"on": is_on})

    async def choose(self, name: str, *, reminders: bool, actor: Actor, now: datetime) -> Subscriber:
        """Keep whether a subscriber wants reminders; invoices and what concerns their access are told anyway.

        Raises:
            NotFoundError: no subscriber has that user name or number.
        """
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, name)
            await work.outbox.choose(subscriber.id, reminders=reminders, actor=actor.name, now=now)
            details = {"number": subscriber.number, "reminders": reminders}
            await work.changes.record(actor, now, "message.choose", "subscriber", subscriber.id, details)
            return subscriber
