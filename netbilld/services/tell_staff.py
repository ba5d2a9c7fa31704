"""TellStaff: what is wrong with the network or with us is told to those who can mend it, once, and so is its end.

What comes and goes is not told each time: a trouble is one when it has lasted a while, and over when it has been away
for a while. Troubles that come together are told together, and after a message nothing follows for some minutes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.ports.clock import Clock
from netbilld.ports.outbox import Message, MessageKind

MOST_LINES: Final = 12  # of one message
MOST_KEPT: Final = 2_000
_KEY_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong now.

    Attributes:
        key: tells it from every other; the same as long as it lasts.
        kind: what it is: nas_silent, nas_no_orders, not_done, wrong_secret, pool_full, disk, node.
        values: what the words of its kind name.
    """

    key: str
    kind: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A condition on record; `told_at` is None before anybody was told, `gone_at` while it lasts."""

    condition: Condition
    since_at: datetime
    told_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertTerms:
    """When staff are told.

    Attributes:
        after: it has lasted so long.
        calm: it has been away for so long before it counts as over.
        apart: between two messages.
        roles: who is told; nobody is told where there is none.
    """

    after: timedelta
    calm: timedelta
    apart: timedelta
    roles: tuple[str, ...]


class StaffAlerts(Protocol):
    async def kept(self) -> Sequence[Kept]: ...

    async def put(self, kept: Kept) -> None: ...

    async def drop(self, keys: Sequence[str]) -> None: ...

    async def told_last_at(self) -> datetime | None: ...

    async def put_told(self, now: datetime) -> None: ...

    async def readers(self, roles: Sequence[str]) -> Sequence[tuple[UUID, str | None]]: ...


class Outbox(Protocol):
    async def add_many(self, messages: Sequence[Message], now: datetime) -> int: ...


class Work(Protocol):
    @property
    def staff_alerts(self) -> StaffAlerts: ...
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


Look = Callable[[], Awaitable[Sequence[Condition]]]
Say = Callable[
    [str | None, Sequence[Condition], Sequence[Condition]], tuple[str, str]
]  # locale, new, over: title, text


class TellStaff:
    """Runs on one node."""

    def __init__(self, store: Store, clock: Clock, terms: AlertTerms, look: Look, say: Say) -> None:
        """Take what is needed; `look` finds what is wrong now, `say` puts it into words."""
        self._store, self._clock, self._terms, self._look, self._say = store, clock, terms, look, say

    async def run(self) -> int:
        """Look, and tell what is to be told; return how many messages were made.

        Raises:
            StoreUnavailableError: the database is away.
        """
        found = {one.key[:_KEY_LENGTH]: replace(one, key=one.key[:_KEY_LENGTH]) for one in await self._look()}
        now = self._clock.now()
        async with self._store.write() as work:
            kept = {one.condition.key: one for one in await work.staff_alerts.kept()}
            for key, condition in list(found.items())[:MOST_KEPT]:
                before = kept.get(key)
                if before is None:
                    kept[key] = Kept(condition, now)
                    await work.staff_alerts.put(kept[key])
                elif before.gone_at is not None:  # it has come back before it was over
                    kept[key] = replace(before, gone_at=None)
                    await work.staff_alerts.put(kept[key])
            await self._let_go(work, kept, found, now)
            fresh, over = self._due(kept, now)
            last_at = await work.staff_alerts.told_last_at()
            if not (fresh or over) or (last_at is not None and now - last_at < self._terms.apart):
                return 0
            return await self._tell(work, fresh, over, now)

    async def _let_go(self, work: Work, kept: dict[str, Kept], found: Mapping[str, Condition], now: datetime) -> None:
        """Note what is away, and forget what was away before anybody was told of it."""
        for key, one in list(kept.items()):
            if key in found:
                continue
            if one.told_at is None:
                await work.staff_alerts.drop([key])
                del kept[key]
            elif one.gone_at is None:
                kept[key] = replace(one, gone_at=now)
                await work.staff_alerts.put(kept[key])

    def _due(self, kept: Mapping[str, Kept], now: datetime) -> tuple[list[Kept], list[Kept]]:
        fresh = [one for one in kept.values() if one.told_at is None and now - one.since_at >= self._terms.after]
        over = [one for one in kept.values() if one.gone_at is not None and now - one.gone_at >= self._terms.calm]
        return sorted(fresh, key=lambda one: one.since_at), over

    async def _tell(self, work: Work, fresh: Sequence[Kept], over: Sequence[Kept], now: datetime) -> int:
        for one in fresh:
            await work.staff_alerts.put(replace(one, told_at=now))
        await work.staff_alerts.drop([one.condition.key for one in over])
        await work.staff_alerts.put_told(now)
        messages = []
        for staff_id, locale in await work.staff_alerts.readers(self._terms.roles):
            title, text = self._say(locale, [one.condition for one in fresh], [one.condition for one in over])
            key = f"staff_alert:{now.isoformat()}:{staff_id}"
            context = {"title": title, "text": text}
            messages.append(Message(MessageKind.STAFF_ALERT, None, context, key, staff_id=staff_id))
        return await work.outbox.add_many(messages, now) if messages else 0
