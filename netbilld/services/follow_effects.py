"""FollowEffects: for every change of what is due that needs a NAS, when it was sent, acknowledged, seen.

What is on record tells it: orders, sessions, what was seen of them. So a restart loses nothing, and it is not asked who
brought the news. It is looked at when something of a service with such a change is heard, and every few seconds.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.effect import CauseKind, Effect, EffectFacts, Ending, progress
from netbilld.ports.clock import Clock

LOOK_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.1  # what is heard within it is looked at together
SERVICES_A_TURN: Final = 200
BOUNDS_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class WaitedFor:
    """A change on record; `kind` is of its cause."""

    effect_id: int
    service_id: UUID
    kind: str
    effect: Effect


class Effects(Protocol):
    async def open_services(self) -> set[UUID]: ...
    async def waited_for(self, service_ids: Collection[UUID]) -> Sequence[tuple[WaitedFor, EffectFacts]]: ...
    async def save(self, changes: Sequence[WaitedFor]) -> None: ...


class Work(Protocol):
    @property
    def effects(self) -> Effects: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Buckets:
    """How many took so long, and how long all of them together, in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * len(BOUNDS_SECONDS)
        self.count = 0
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.sum_seconds += seconds
        for place, bound in enumerate(BOUNDS_SECONDS):
            if seconds <= bound:
                self.counts[place] += 1


class FollowEffects:
    """Runs where orders are sent.

    Attributes:
        seconds: what was seen since the start, by cause and step: `sent` and `seen`.
        endings: what became of changes since the start.
        on_step: called when something has become known.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._open: set[UUID] = set()
        self._heard: set[UUID] = set()
        self._news = asyncio.Event()
        self.seconds: Final = {(kind.value, step): Buckets() for kind in CauseKind for step in ("sent", "seen")}
        self.endings: Final = dict.fromkeys((ending.value for ending in Ending), 0)
        self.on_step: Callable[[], None] | None = None

    @property
    def waiting(self) -> int:
        """Return how many services have a change that is waited for, as far as is known."""
        return len(self._open)

    def opened(self, changed: Sequence[DesiredService]) -> None:
        """Take that services are due something else."""
        service_ids = [one.service_id for one in changed]
        self._open.update(service_ids)
        self.heard(service_ids)

    def heard(self, service_ids: Iterable[UUID | None]) -> None:
        """Take that something was heard of these services."""
        concerned = self._open.intersection(service_ids)
        if concerned:
            self._heard |= concerned
            self._news.set()

    async def run(self) -> None:
        """Follow, for ever.

        Raises:
            StoreUnavailableError: the database is away.
        """
        while True:
            await self.look()
            until = asyncio.get_running_loop().time() + LOOK_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    while True:
                        await self._news.wait()
                        await asyncio.sleep(GATHER_SECONDS)
                        await self.step()

    async def look(self) -> None:
        """Look at every change that is waited for."""
        async with self._store.read() as work:
            found = await work.effects.open_services()
        self._open |= found  # beside what has been opened meanwhile; what is over leaves with this look
        self._heard |= self._open
        await self.step()

    async def step(self) -> None:
        """Look at the changes of services that something was heard of."""
        self._news.clear()
        heard, self._heard = self._heard, set()
        if not heard:
            return
        left = list(heard)
        try:
            while left:
                await self._look_at(set(left[-SERVICES_A_TURN:]))
                del left[-SERVICES_A_TURN:]
                await asyncio.sleep(0)  # log-ins share this loop
        except BaseException:
            self._heard.update(left)
            raise

    async def _look_at(self, heard: set[UUID]) -> None:
        async with self._store.read() as work:
            found = await work.effects.waited_for(heard)
        now = self._clock.now()
        moved = [
            (before, after)
            for before, facts in found
            if (after := progress(before.effect, facts, now)) != before.effect
        ]
        if moved:
            async with self._store.write() as work:
                await work.effects.save([replace(before, effect=after) for before, after in moved])
        for before, after in moved:
            self._count(before, after)
        ended = {before.effect_id for before, after in moved if after.ending is not None}
        still_open = {before.service_id for before, _ in found if before.effect_id not in ended}
        self._open = (self._open - heard) | still_open | self._heard  # what came meanwhile is looked at next
        if moved and self.on_step is not None:
            self.on_step()

    def _count(self, before: WaitedFor, after: Effect) -> None:
        if before.effect.sent_at is None and after.sent_at is not None:
            self._add(before.kind, "sent", after.cause_at, after.sent_at)
        if after.ending is not None:
            self.endings[after.ending.value] += 1
        if after.seen_at is not None:
            self._add(before.kind, "seen", after.cause_at, after.seen_at)

    def _add(self, kind: str, step: str, cause_at: datetime, at: datetime) -> None:
        buckets = self.seconds.get((kind, step))
        if buckets is not None:
            buckets.add(max(0.0, (at - cause_at).total_seconds()))
