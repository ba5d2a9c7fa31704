"""BringLines: one router's lines are read, counted, compared with what is due, changed, and read again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.reading import Meter, MeterReading, Outcome
from netbilld.enforcement.backoff import RetryPolicy, next_attempt_at
from netbilld.enforcement.profile import Access
from netbilld.enforcement.router_items import RouterOrder, Verb, hosts_of
from netbilld.enforcement.router_lines import as_typed
from netbilld.enforcement.router_picture import Picture
from netbilld.ports.clock import SteadyClock
from netbilld.ports.static_router import RouterAwayError, RouterRefusedError, StaticRouters
from netbilld.services.compare_lines import Case, CompareLines
from netbilld.services.line_counters import clock_of, line_readings
from netbilld.services.static_book import (
    LineAttempt,
    LineAttemptEnd,
    LineState,
    LineToKeep,
    RouterRecord,
    StaticLines,
)

LINES_AT_ONCE: Final = 20  # written and read back together; between two such lots a newer wish goes first
KEPT_SECONDS: Final = 300.0  # an observation that says the same is written down so often
_GONE: Final = "gone"
_CLOSED: Final = frozenset((Access.WALLED, Access.BLOCKED))
logger = logging.getLogger("netbilld.enforcement")


class Meters(Protocol):
    async def in_use(
        self, *, source: str | None = None, nas_id: UUID | None = None, service_id: UUID | None = None
    ) -> Sequence[Meter]: ...


class Work(Protocol):
    @property
    def static_lines(self) -> StaticLines: ...
    @property
    def meters(self) -> Meters: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Readings(Protocol):
    async def handle(self, readings: Sequence[MeterReading], now: datetime) -> Sequence[Outcome]: ...


@dataclass(frozen=True, slots=True)
class LinePolicy:
    """How often lines are compared, how fast they are changed, and when what failed is tried again.

    Attributes:
        per_second: changes on one router; slower where its answers take longer than that leaves time for.
    """

    every_seconds: float
    per_second: float
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class Brought:
    """How a router's lines stand after a turn.

    Attributes:
        lines: how many there are.
        differ: those of them that are not as they should be.
        changed: how many orders were carried out.
        is_cut_short: a newer wish came: the rest waits for the next turn, which is to follow at once.
    """

    lines: int = 0
    differ: int = 0
    changed: int = 0
    is_cut_short: bool = False


class BringLines:
    """Takes one router's turn at a time; whoever calls sees to it that no router has two."""

    def __init__(
        self,
        store: Store,
        compare: CompareLines,
        routers: StaticRouters,
        readings: Readings,
        clock: SteadyClock,
        policy: LinePolicy,
        jitter: Callable[[], float],
        *,
        orders: Store | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take what to work with.

        Args:
            store: what was seen.
            compare: reads routers and tells what differs.
            routers: writes, and reads back.
            readings: takes what queues have counted.
            clock: tells the time.
            policy: how often and how fast.
            jitter: from 0 to 1, spreads what is tried again.
            orders: where orders are written down before they leave, if not just in `store`: it refuses where another
                node sends them now.
            sleep: lets time pass.
        """
        self._store = store
        self._orders = store if orders is None else orders
        self._compare = compare
        self._routers = routers
        self._readings = readings
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._sleep = sleep

    async def run(self, nas_id: UUID, name: str, is_nudged: Callable[[], bool]) -> Brought:
        """Take a router's turn.

        Args:
            nas_id: whose.
            name: of the NAS, for people.
            is_nudged: tells whether something is due since this turn began.

        Raises:
            RouterAwayError: the router can't be asked; what was done before stands.
            StoreUnavailableError: the database is away.
        """
        looked = await self._compare.look(nas_id)
        if looked is None:
            return Brought()
        state, cases, record = looked.state, looked.cases, looked.record
        clock, begun = clock_of(record.clock if record is not None else None, state)
        async with self._orders.write() as work:  # before what it counted is booked: a beginning is noticed once
            kept = RouterRecord(nas_id, state.at, state.at, 0, None, looked.notes, looked.lists, clock)
            await work.static_lines.keep_router(kept)
        async with self._store.read() as work:
            meters = await work.meters.in_use(source="api", nas_id=nas_id)
        counters = {
            case.service_id: (case.difference.queue_id, case.difference.octets)
            for case in cases
            if case.difference.queue_id is not None and case.difference.octets is not None
        }
        if readings := line_readings(nas_id, meters, counters, state, clock, begun):
            await self._readings.handle(readings, state.at)
        settled = [case for case in cases if not case.difference.orders]
        await self._keep(name, settled, state.at)
        now = self._clock.now()
        waiting = sorted((case for case in cases if case.difference.orders and _is_due(case, now)), key=_turn)
        changed, picture = 0, looked.picture
        closed: list[str] = []
        while changed < len(waiting) and not (changed and is_nudged()):
            lot = waiting[changed : changed + LINES_AT_ONCE]
            picture, shut = await self._change(nas_id, name, lot, picture, looked.version)
            changed += len(lot)
            closed += shut
        # once a turn: to find what they have open, the router's whole table is read
        if closed and (why := await self._routers.cut(nas_id, closed)):
            logger.warning("lines of NAS %s were closed, and %s", name, why, extra={"event": "not_cut"})
        return Brought(looked.lines, _differing(cases), changed, is_cut_short=changed < len(waiting))

    # -- changing ------------------------------------------------------------------------------------------------------

    async def _change(
        self, nas_id: UUID, name: str, lot: Sequence[Case], picture: Picture, version: int | None
    ) -> tuple[Picture, list[str]]:
        """Carry out the orders of some lines, read back what came of them, and write that down.

        Returns:
            what stands there now, and the addresses that have come onto a list.
        """
        now = self._clock.now()
        written = [case for case in lot if case.kept is not None]
        async with self._orders.write() as work:
            ids = await work.static_lines.begin_attempts([_attempt(case, nas_id, now) for case in written])
        carried: list[tuple[RouterOrder, str | None]] = []
        try:
            for case in lot:
                await self._carry_out(nas_id, case, carried)
            items = [(order.menu, order.item_id or new_id or "") for order, new_id in carried]
            seen = await self._routers.read_again(nas_id, items)
        except RouterAwayError as error:
            ended_at = self._clock.now()
            ends = [LineAttemptEnd(attempt_id, "failed", ended_at, detail=str(error)) for attempt_id in ids]
            async with self._orders.write() as work:
                await work.static_lines.end_attempts(ends)
            raise
        at = self._clock.now()
        added = {(order.menu, new_id or "") for order, new_id in carried if order.verb is Verb.ADD}
        picture = picture.after(carried, seen)
        for case in lot:
            case.difference = after = self._compare.difference(case.kept, case.service_id, picture, version)
            if case.error is None and after.orders:
                case.error = f"after it was told, it still wants `{as_typed(after.orders[0])}`"
        ends = [
            LineAttemptEnd(
                attempt_id,
                "verified" if case.difference.agrees else "failed",
                at,
                at if case.difference.agrees else None,
                case.error or case.difference.obstacle,
            )
            for attempt_id, case in zip(ids, written, strict=True)
        ]
        await self._keep(name, lot, at, ends)
        return picture, [address for key, row in seen.items() if key in added for address in hosts_of(row)]

    async def _carry_out(self, nas_id: UUID, case: Case, carried: list[tuple[RouterOrder, str | None]]) -> None:
        """Carry out a line's orders; what the router refuses ends them, and is the line's own trouble."""
        for order in case.difference.orders:
            began_mono = self._clock.monotonic()
            try:
                carried.append((order, await self._routers.carry_out(nas_id, order)))
            except RouterRefusedError as error:
                case.error = f"the router refuses `{as_typed(order)}`: {error}"
                return
            took = self._clock.monotonic() - began_mono
            # half of a busy router's time is its subscribers'
            await self._sleep(max(1 / self._policy.per_second - took, took))

    async def _keep(
        self,
        name: str,
        cases: Sequence[Case],
        at: datetime,
        ends: Sequence[LineAttemptEnd] = (),
    ) -> None:
        """Write down how lines stand, as far as that is news, and say what people must see to."""
        states: list[LineState] = []
        cleared: list[int] = []
        for case in cases:
            if case.kept is None:
                continue
            if case.kept.is_over and case.difference.agrees:
                cleared.append(case.kept.line.id)
                continue
            after = self._state(case, at)
            if case.state is None or _is_news(case.state, after):
                states.append(after)
                _say(name, case, after)
            case.state = after
        if not (states or cleared or ends):
            return
        async with self._orders.write() as work:
            await work.static_lines.observe(states)
            await work.static_lines.end_attempts(ends)
            if cleared:
                await work.static_lines.clear(cleared, at)

    def _state(self, case: Case, at: datetime) -> LineState:
        assert case.kept is not None  # noqa: S101 - whose else
        kept, difference, before = case.kept, case.difference, case.state
        desired = kept.desired
        key = _wish(kept)
        if difference.agrees and desired is not None and not kept.is_over:
            return LineState(
                kept.line.id,
                desired.access,
                desired.profile_key,
                at,
                agrees=True,
                wanted_key=key,
                notes=difference.notes,
            )
        access, profile_key = difference.seen, ""
        if before is not None and _family(before.access) == _family(access):
            access, profile_key = before.access, before.profile_key
        attempts = before.attempts if before is not None and before.wanted_key == key else 0
        state = LineState(
            kept.line.id,
            access,
            profile_key,
            at,
            agrees=False,
            wanted_key=key,
            attempts=attempts,
            last_error=case.error or difference.obstacle,
            notes=difference.notes,
        )
        if case.error is None:
            return state
        later = next_attempt_at(attempts + 1, at, self._policy.retry, self._jitter())
        return replace(state, attempts=attempts + 1, next_attempt_at=later)


def _attempt(case: Case, nas_id: UUID, now: datetime) -> LineAttempt:
    kept = case.kept
    assert kept is not None  # noqa: S101 - whose else
    desired = kept.desired
    if kept.is_over or desired is None:
        return LineAttempt(
            kept.line.id, case.service_id, nas_id, "", "removed", _GONE, kept.line.removed_at or now, now
        )
    due_at = max(desired.since_at, kept.line.created_at)
    if case.state is not None and case.state.profile_key == desired.profile_key:  # somebody else has changed it
        due_at = now
    return LineAttempt(
        kept.line.id, case.service_id, nas_id, str(desired.access), desired.reason, desired.profile_key, due_at, now
    )


def _wish(kept: LineToKeep) -> str:
    return _GONE if kept.is_over or kept.desired is None else kept.desired.profile_key


def _is_due(case: Case, now: datetime) -> bool:
    """Tell whether orders may leave now: the first, those of a newer wish, or those whose pause is over."""
    state = case.state
    if state is None or case.kept is None or state.next_attempt_at is None:
        return True
    return state.wanted_key != _wish(case.kept) or state.next_attempt_at <= now


def _turn(case: Case) -> int:
    """Return when a line's turn is: what gives access back goes first, what takes a line away last."""
    kept = case.kept
    if kept is None or kept.is_over or kept.desired is None:
        return 2
    opens = kept.desired.access not in _CLOSED and (case.state is None or case.state.access in {None, *_CLOSED})
    return 0 if opens else 1


def _differing(cases: Sequence[Case]) -> int:
    return sum(not case.difference.agrees for case in cases)


def _family(access: Access | None) -> Access | None:
    return Access.ACTIVE if access is Access.THROTTLED else access


def _is_news(before: LineState, after: LineState) -> bool:
    if (after.observed_at - before.observed_at).total_seconds() >= KEPT_SECONDS:
        return True
    return replace(before, observed_at=after.observed_at) != after


def _say(name: str, case: Case, after: LineState) -> None:
    """Say what has gone wrong with a line, once."""
    assert case.kept is not None  # noqa: S101 - whose else
    before = case.state
    if after.last_error is not None and (before is None or before.last_error != after.last_error):
        due = "is to go" if case.kept.is_over or case.kept.desired is None else f"is due {case.kept.desired.access}"
        logger.error(
            "the line of %r on NAS %s %s and is not: %s",
            case.kept.name,
            name,
            due,
            after.last_error,
            extra={"event": "line_failed", "nas": name},
        )
    for note in after.notes:
        if before is None or note not in before.notes:
            logger.warning("the line of %r on NAS %s: %s", case.kept.name, name, note, extra={"event": "line_conflict"})
