"""KeepStaticLines: every router's lines are kept as they are due, at once when that changes and once in a while."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Final, Protocol
from uuid import UUID

from netbilld.ports.clock import SteadyClock
from netbilld.ports.static_router import RouterAwayError
from netbilld.services.bring_lines import BringLines, Brought, LinePolicy
from netbilld.services.static_book import LineToKeep, RouterRecord, StaticLines

LOOK_SECONDS: Final = 30.0  # which routers have lines is looked up so often, besides when that is known to change
LONGEST_PAUSE_SECONDS: Final = 60.0  # a router that is back is kept again within this
ROUTERS_AT_ONCE: Final = 64
_NAMED: Final = 20  # lines that wait for a router that is away are named one by one up to so many
logger = logging.getLogger("netbilld.enforcement")


class Work(Protocol):
    @property
    def static_lines(self) -> StaticLines: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class _Lane:
    """One router: when its turn is, and how its last one went."""

    nas_id: UUID
    name: str
    due_mono: float = 0.0
    is_nudged: bool = True
    is_busy: bool = False
    failures: int = 0
    trouble: str | None = None
    brought: Brought = field(default_factory=Brought)
    waiting_said: set[tuple[int, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RouterLines:
    """A router's lines as they are shown: how many, how many of them differ, and why it can't be kept."""

    name: str
    lines: int
    differ: int
    trouble: str | None


class KeepStaticLines:
    """One loop; each router has its own turns, and one that is slow or dead holds up nobody else's lines.

    Nothing waits in memory: what is to be done is the difference of what is due and what stands on the router.
    """

    def __init__(
        self,
        store: Store,
        bring: BringLines,
        clock: SteadyClock,
        policy: LinePolicy,
        jitter: Callable[[], float],
        *,
        orders: Store | None = None,
    ) -> None:
        """Take what to work with; `orders` is where what happened is written down, if not just in `store`."""
        self._store = store
        self._orders = store if orders is None else orders
        self._bring = bring
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._lanes: dict[UUID, _Lane] = {}
        self._where: dict[UUID, list[UUID]] = {}  # routers by service
        self._look_mono = float("-inf")
        self._woken = asyncio.Event()

    def nudge(self, service_ids: Iterable[UUID]) -> None:
        """Have the routers of these services' lines looked at right away; others have none and cost nothing."""
        for service_id in service_ids:
            for nas_id in self._where.get(service_id, ()):
                if (lane := self._lanes.get(nas_id)) is not None:
                    lane.is_nudged = True
                    self._woken.set()

    def nas_heard(self, nas_id: UUID) -> None:
        """Have a router looked at right away, also after a failure: its settings have changed, or it is back."""
        if (lane := self._lanes.get(nas_id)) is not None:
            lane.due_mono = self._clock.monotonic()
            lane.is_nudged = True
            self._woken.set()

    def look_again(self) -> None:
        """Look up at once which routers have lines: that has changed."""
        self._look_mono = float("-inf")
        for lane in self._lanes.values():
            lane.is_nudged = True
        self._woken.set()

    def routers(self) -> list[RouterLines]:
        """Return how it goes with each router."""
        return [
            RouterLines(lane.name, lane.brought.lines, lane.brought.differ, lane.trouble)
            for lane in self._lanes.values()
        ]

    async def run(self) -> None:
        """Keep lines for ever.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._orders.write() as work:
            cut_off = await work.static_lines.interrupted(self._clock.now())
        if cut_off:
            logger.info("orders for %d lines were cut off by a restart; their routers are read again", cut_off)
        self._lanes.clear()
        self._look_mono = float("-inf")
        places = asyncio.Semaphore(ROUTERS_AT_ONCE)
        async with asyncio.TaskGroup() as turns:
            while True:
                self._woken.clear()
                await self._look()
                for lane in self._due():
                    lane.is_busy = True
                    turns.create_task(self._take_turn(lane, places), name=f"lines of NAS {lane.name}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_seconds()):
                        await self._woken.wait()

    async def run_once(self) -> None:
        """Take one turn of every router that is due, and return when all have ended."""
        await self._look()
        places = asyncio.Semaphore(ROUTERS_AT_ONCE)
        async with asyncio.TaskGroup() as turns:
            for lane in self._due():
                lane.is_busy = True
                turns.create_task(self._take_turn(lane, places), name=f"lines of NAS {lane.name}")

    def _due(self) -> list[_Lane]:
        """Return the routers whose turn it is. One that fails is nudged in vain until its pause is over."""
        now_mono = self._clock.monotonic()
        return [
            lane
            for lane in self._lanes.values()
            if not lane.is_busy and (now_mono >= lane.due_mono or (lane.is_nudged and not lane.failures))
        ]

    def _pause_seconds(self) -> float:
        now_mono = self._clock.monotonic()
        edges = [lane.due_mono for lane in self._lanes.values() if not lane.is_busy]
        return max(0.05, min([*edges, self._look_mono + LOOK_SECONDS]) - now_mono)

    async def _look(self) -> None:
        now_mono = self._clock.monotonic()
        if now_mono - self._look_mono < LOOK_SECONDS:
            return
        self._look_mono = now_mono
        async with self._store.read() as work:
            found = await work.static_lines.routers()
            names = await work.static_lines.router_names(found)
        for nas_id in self._lanes.keys() - found.keys():
            del self._lanes[nas_id]
        where: dict[UUID, list[UUID]] = {}
        for nas_id, service_ids in found.items():
            for service_id in service_ids:
                where.setdefault(service_id, []).append(nas_id)
            lane = self._lanes.get(nas_id)
            if lane is None:
                self._lanes[nas_id] = _Lane(nas_id, names[nas_id])
            else:
                lane.name = names[nas_id]
        self._where = where

    async def _take_turn(self, lane: _Lane, places: asyncio.Semaphore) -> None:
        try:
            async with places:
                lane.is_nudged = False
                lane.brought = await self._bring.run(lane.nas_id, lane.name, lambda: lane.is_nudged)
            if lane.failures:
                logger.info("the lines of NAS %s are kept again", lane.name, extra={"event": "static_router_back"})
            lane.failures, lane.trouble = 0, None
            lane.waiting_said.clear()
            pause = 0.0 if lane.brought.is_cut_short else self._policy.every_seconds * (0.9 + 0.2 * self._jitter())
            lane.due_mono = self._clock.monotonic() + pause
        except RouterAwayError as error:
            await self._fail(lane, str(error))
        finally:
            lane.is_busy = False
            self._woken.set()

    async def _fail(self, lane: _Lane, trouble: str) -> None:
        """Leave a router alone for a while, and say which lines wait for it."""
        lane.failures += 1
        first, longest = (
            self._policy.retry.first_seconds,
            min(self._policy.retry.longest_seconds, LONGEST_PAUSE_SECONDS),
        )
        pause = min(longest, first * 2 ** min(lane.failures - 1, 16)) * (0.75 + self._jitter() / 4)
        lane.due_mono = self._clock.monotonic() + pause
        now = self._clock.now()
        async with self._store.read() as work:
            lines = await work.static_lines.to_keep(lane.nas_id)
            before = await work.static_lines.router(lane.nas_id)
        record = before if before is not None else RouterRecord(lane.nas_id, now)
        async with self._orders.write() as work:
            await work.static_lines.keep_router(
                replace(record, asked_at=now, failures=record.failures + 1, trouble=trouble)
            )
        waiting = [kept for kept in lines if _differs(kept)]
        lane.brought = Brought(len(lines), len(waiting))
        if lane.trouble != trouble:
            logger.error(
                "the %d lines of NAS %s can't be kept: %s",
                len(lines),
                lane.name,
                trouble,
                extra={"event": "static_router_away", "nas": lane.name},
            )
        lane.trouble = trouble
        self._say_waiting(lane, waiting, trouble)

    def _say_waiting(self, lane: _Lane, waiting: Sequence[LineToKeep], trouble: str) -> None:
        """Name the lines whose change waits for a router that is away, each once for each wish."""
        news = {(kept.line.id, _wish(kept)): kept for kept in waiting}
        fresh = [kept for key, kept in news.items() if key not in lane.waiting_said]
        lane.waiting_said |= news.keys()
        for kept in fresh[:_NAMED]:
            due = "is to go" if kept.is_over else f"is due {kept.desired.access}" if kept.desired else "is due"
            logger.error(
                "the line of %r on NAS %s %s and waits: %s",
                kept.name,
                lane.name,
                due,
                trouble,
                extra={"event": "line_waits", "nas": lane.name},
            )
        if len(fresh) > _NAMED:
            logger.error("%d more lines of NAS %s wait for it", len(fresh) - _NAMED, lane.name)


def _wish(kept: LineToKeep) -> str:
    return "" if kept.is_over or kept.desired is None else kept.desired.profile_key


def _differs(kept: LineToKeep) -> bool:
    """Tell whether a line was last seen as something else than it is due."""
    if kept.is_over:
        return True
    if kept.desired is None:
        return False
    return kept.state is None or not kept.state.agrees or kept.state.profile_key != kept.desired.profile_key
