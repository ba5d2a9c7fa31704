"""SendMessages: what is in the outbox goes out, each message once, at a bounded pace, and not at night."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.errors import InvalidInputError
from netbilld.ports.clock import Clock
from netbilld.ports.messages import Delivery, Driver, Handed, Outgoing
from netbilld.ports.outbox import MessageKind, MessageState

BATCH: Final = 50
INTERRUPTED: Final = timedelta(minutes=10)  # nobody takes so long over one message
_BACK_OFF: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
_TIDY: Final = timedelta(seconds=15)  # what is not to be sent is passed over anyway
_TEMPLATE_PAUSE: Final = timedelta(minutes=15)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(minutes=15)
# What answers somebody who is awake, or gives something back; everything else waits for the morning.
AT_ANY_HOUR: Final = frozenset(
    (
        MessageKind.LOGIN_CODE,
        MessageKind.CREDIT_LOW,
        MessageKind.PAYMENT_RECEIVED,
        MessageKind.PLAN_CHANGED,
        MessageKind.PROMISE,
        MessageKind.RESTORED,
        MessageKind.THRESHOLD,
        MessageKind.COMPLAINT_RECEIVED,
        MessageKind.COMPLAINT_STATE,
        MessageKind.COMPLAINT_NOTE,
        MessageKind.COMPLAINT_ASSIGNED,
    )
)


class Waiting(Protocol):
    """A message to be sent, and whose it is."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> MessageKind: ...
    @property
    def subscriber_id(self) -> UUID: ...
    @property
    def subscriber_no(self) -> str: ...
    @property
    def subscriber_name(self) -> str: ...
    @property
    def staff_name(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def locale(self) -> str | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def context(self) -> Mapping[str, Any]: ...
    @property
    def dedupe_key(self) -> str: ...
    @property
    def attempts(self) -> int: ...


class Outbox(Protocol):
    async def tidy(self, now: datetime, interrupted_before: datetime) -> Mapping[str, int]: ...

    async def due(self, now: datetime, most: int) -> Sequence[Waiting]: ...

    async def claim(self, message_id: int, channel: str, recipient: str, provider_id: str, now: datetime) -> bool: ...

    async def settle(
        self, message_id: int, state: MessageState, said: str, now: datetime, *, next_at: datetime | None = None
    ) -> None: ...

    async def put_off(self, message_id: int, next_at: datetime) -> None: ...


class Work(Protocol):
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Renders(Protocol):
    def render(self, kind: MessageKind, locale: str, context: Mapping[str, Any]) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """How messages go out.

    Attributes:
        quiet_from, quiet_to: local times between which only `AT_ANY_HOUR` goes out; equal: never quiet.
        per_minute: messages at most.
        domain: the right side of Message-IDs.
    """

    timezone: str
    locale: str
    business_name: str
    portal_url: str | None
    quiet_from: time
    quiet_to: time
    per_minute: int
    domain: str

    def quiet_until(self, kind: MessageKind, now: datetime) -> datetime | None:
        """Return when a message of that kind may go out; None where it may now."""
        if kind in AT_ANY_HOUR or self.quiet_from == self.quiet_to:
            return None
        local = now.astimezone(ZoneInfo(self.timezone))
        over_night = self.quiet_from > self.quiet_to
        clock = local.time()
        is_quiet = (
            clock >= self.quiet_from or clock < self.quiet_to
            if over_night
            else self.quiet_from <= clock < self.quiet_to
        )
        if not is_quiet:
            return None
        on = local.date() + timedelta(days=1 if over_night and clock >= self.quiet_from else 0)
        return datetime.combine(on, self.quiet_to, ZoneInfo(self.timezone))


class SendMessages:
    """Claims a message, hands it over, and puts on record what came of it: three steps, so that none goes twice.

    Where we are interrupted between the second and the third it may have left: it is called so and not sent again,
    since a reminder that comes twice is worse than one of which a person must be told.
    """

    def __init__(
        self,
        store: Store,
        drivers: Sequence[Driver],
        templates: Renders,
        policy: SendingPolicy,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Take what is needed; of several drivers the first that has an address of the subscriber is used."""
        self._store, self._drivers, self._templates = store, tuple(drivers), templates
        self._policy, self._clock, self._sleep = policy, clock, sleep
        self._paused_until: datetime | None = None
        self._tidied_at: datetime | None = None
        self._pause = _FIRST_PAUSE
        self.trouble: str | None = None  # with whoever delivers
        self.counts: dict[tuple[str, str], int] = {}  # (channel, delivery) since the start

    async def run(self) -> int:
        """Send what is due, a part of it, and return how many were handed over or given up.

        Raises:
            StoreUnavailableError: the database is away.
        """
        now = self._clock.now()
        if self._tidied_at is None or abs(now - self._tidied_at) >= _TIDY:
            async with self._store.write() as work:
                await work.outbox.tidy(now, now - INTERRUPTED)
            self._tidied_at = now
        if not self._drivers or (self._paused_until is not None and now < self._paused_until):
            return 0
        async with self._store.read() as work:
            waiting = await work.outbox.due(now, BATCH)
        done = 0
        for message in waiting:
            if not await self._one(message):
                break
            done += 1
        if not done:
            for driver in self._drivers:
                await driver.rest()
        return done

    async def _one(self, message: Waiting) -> bool:
        """Send one; return False where no other is to follow for now."""
        now = self._clock.now()
        quiet_until = self._policy.quiet_until(message.kind, now)
        if quiet_until is not None:
            async with self._store.write() as work:
                await work.outbox.put_off(message.id, quiet_until)
            return True
        found = self._way(message)
        if found is None:
            await self._settle(message, MessageState.DEAD, "there is no address to send it to")
            return True
        driver, address = found
        try:
            subject, text = self._templates.render(
                message.kind, message.locale or self._policy.locale, self._context(message)
            )
        except InvalidInputError as error:
            await self._settle(message, MessageState.FAILED, str(error), next_at=now + _TEMPLATE_PAUSE)
            return True
        message_id = self._message_id(message)
        async with self._store.write() as work:
            if not await work.outbox.claim(message.id, driver.channel, address, message_id, now):
                return True  # another has it, or it has just been paid
        handed = await driver.send(
            Outgoing(address, message.staff_name or message.subscriber_name, subject, text, message_id)
        )
        count = (driver.channel, handed.delivery.value)
        self.counts[count] = self.counts.get(count, 0) + 1
        await self._note(message, handed)
        if handed.delivery is Delivery.PAUSE:
            return False
        await self._sleep(60 / self._policy.per_minute)
        return True

    async def _note(self, message: Waiting, handed: Handed) -> None:
        now = self._clock.now()
        if handed.delivery is Delivery.PAUSE:
            self._paused_until = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            self.trouble = handed.said
            await self._settle(message, MessageState.FAILED, handed.said, next_at=self._paused_until)
            return
        self._paused_until, self._pause, self.trouble = None, _FIRST_PAUSE, None
        match handed.delivery:
            case Delivery.ACCEPTED:
                await self._settle(message, MessageState.SENT, handed.said)
            case Delivery.NEVER:
                await self._settle(message, MessageState.DEAD, handed.said)
            case Delivery.UNSURE:
                await self._settle(message, MessageState.MAYBE_SENT, handed.said)
            case _:
                wait = _BACK_OFF[min(message.attempts, len(_BACK_OFF) - 1)]
                if handed.retry_seconds is not None:
                    wait = max(wait, timedelta(seconds=handed.retry_seconds))
                await self._settle(message, MessageState.FAILED, handed.said, next_at=now + wait)

    async def _settle(self, message: Waiting, state: MessageState, said: str, next_at: datetime | None = None) -> None:
        async with self._store.write() as work:
            await work.outbox.settle(message.id, state, said, self._clock.now(), next_at=next_at)

    def _way(self, message: Waiting) -> tuple[Driver, str] | None:
        addresses = {"email": message.email}
        for driver in self._drivers:
            address = addresses.get(driver.channel)
            if address:
                return driver, address
        return None

    def _context(self, message: Waiting) -> dict[str, Any]:
        return {
            **message.context,
            "name": message.staff_name or message.subscriber_name,
            "subscriber_no": message.subscriber_no,
            "currency": message.currency,
            "business_name": self._policy.business_name,
            "portal_url": self._policy.portal_url,
        }

    def _message_id(self, message: Waiting) -> str:
        """Return its Message-ID, the same at each attempt: whoever gets it twice can tell (RFC 5322 §3.6.4)."""
        digest = hashlib.sha256(f"{message.subscriber_id}:{message.dedupe_key}".encode()).hexdigest()[:24]
        return f"<{message.id}.{digest}@{self._policy.domain}>"
