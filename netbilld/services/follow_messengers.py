"""FollowMessengers: looks at what messengers told, one thing after the other, each once."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.delivery import Reached, Told
from netbilld.model.errors import StoreUnavailableError
from netbilld.ports.clock import Clock
from netbilld.ports.outbox import MessageState
from netbilld.services.chat_records import Event
from netbilld.services.message_lane import OFF, OK, PAUSED

BATCH: Final = 50
_SOON: Final = timedelta(seconds=20)
_AGAIN: Final = timedelta(minutes=2)
_NOBODYS: Final = timedelta(minutes=10)  # after that it is of no message of ours
_REFERENCE: Final = "outbox:"
logger = logging.getLogger("netbilld.messages")


class Outbox(Protocol):
    async def sent_as(self, driver: str, provider_id: str, message_id: int | None) -> Any: ...

    async def move_on(self, message: Any, news: Told, said: str, now: datetime) -> Told: ...

    async def pass_on(
        self, message_id: int, passed: Sequence[str], driver: str | None, said: str, now: datetime
    ) -> None: ...

    async def driver_states(self) -> Mapping[str, tuple[str, str, datetime, str]]: ...

    async def put_driver_state(self, driver: str, state: str, said: str, actor: str, now: datetime) -> None: ...


class Messengers(Protocol):
    async def new_events(self, now: datetime, most: int) -> Sequence[Event]: ...

    async def take_event(self, event_id: int) -> bool: ...

    async def end_event(
        self, event_id: int, state: str, said: str, now: datetime, subscriber_id: UUID | None = None
    ) -> None: ...

    async def put_off_event(self, event_id: int, next_at: datetime) -> None: ...


class Work(Protocol):
    @property
    def messengers(self) -> Messengers: ...
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


Answer = Callable[[Event], Awaitable[None]]


class FollowMessengers:
    """Runs on one node."""

    def __init__(self, store: Store, clock: Clock, answer: Answer, answer_staff: Answer) -> None:
        """Take what is needed; `answer` ends what people wrote, `answer_staff` what staff did by Telegram."""
        self._store, self._clock, self._answer, self._answer_staff = store, clock, answer, answer_staff

    async def run(self) -> int:
        """Look at what is new, a part of it; return how much.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._store.read() as work:
            events = await work.messengers.new_events(self._clock.now(), BATCH)
        for event in events:
            await self._follow_safely(event)
        return len(events)

    async def _follow_safely(self, event: Event) -> None:
        try:
            await self._follow(event)
        except StoreUnavailableError:
            raise
        except Exception:  # one that nobody foresaw must not keep the others from being followed
            logger.exception("what %s told (%d) could not be followed", event.driver, event.id)
            now = self._clock.now()
            async with self._store.write() as work:
                if now - event.received_at < _NOBODYS:
                    await work.messengers.put_off_event(event.id, now + _AGAIN)
                else:
                    await work.messengers.end_event(event.id, "passed", "a fault of the program: its log has it", now)

    async def _follow(self, event: Event) -> None:
        if event.kind == "progress":
            await self._progress(event)
        elif event.kind == "device":
            await self._device(event)
        elif event.driver == "telegram":
            await self._answer_staff(event)
        else:
            await self._answer(event)

    async def _progress(self, event: Event) -> None:
        now, body = self._clock.now(), event.body
        reference = str(body.get("reference", ""))
        number = reference.removeprefix(_REFERENCE)
        message_id = int(number) if reference.startswith(_REFERENCE) and number.isdigit() else None
        async with self._store.write() as work:
            if not await work.messengers.take_event(event.id):
                return
            message = await work.outbox.sent_as(event.driver, str(body["provider_id"]), message_id)
            if message is None:
                if now - event.received_at < _NOBODYS:  # what it is called may not be on record yet
                    await work.messengers.put_off_event(event.id, now + _SOON)
                else:
                    await work.messengers.end_event(event.id, "passed", "of no message of ours", now)
                return
            news = Told(Reached(int(body["reached"])), failed=bool(body["failed"]))
            if news.failed and message.state is MessageState.SENDING:  # what its answer says is put on record first
                await work.messengers.put_off_event(event.id, now + _SOON)
                return
            said = str(body.get("said", ""))
            after = await work.outbox.move_on(message, news, said, now)
            is_lost = after.failed and news.failed and message.addressee is None and message.expires_at > now
            if is_lost and event.driver not in message.passed:
                await work.outbox.pass_on(message.id, (*message.passed, event.driver), None, said, now)
            await work.messengers.end_event(event.id, "done", f"message {message.id}", now, message.subscriber_id)

    async def _device(self, event: Event) -> None:
        now = self._clock.now()
        state = OK if event.body.get("connected") else PAUSED
        async with self._store.write() as work:
            if await work.messengers.take_event(event.id):
                before = (await work.outbox.driver_states()).get(event.driver, (OK, "", now, ""))[0]
                if before not in {state, OFF}:  # that the staff want it off is for them to say
                    said = "" if state == OK else str(event.body.get("said", ""))
                    await work.outbox.put_driver_state(event.driver, state, said, "system", now)
                await work.messengers.end_event(event.id, "done", state, now)
