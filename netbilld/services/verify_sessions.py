"""VerifySessions: what was ordered and what began is read back at its router at once.

A router takes a moment between its answer and the deed, so nothing is held against it before the last of several
looks. What agrees is confirmed and what does not is disproved; sending orders is not done here.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.enforcement.read_back import Verdict
from netbilld.model.errors import NetbilldError
from netbilld.ports.ask_nas import Presence
from netbilld.ports.clock import SteadyClock
from netbilld.ports.keep_lists import KeepLists
from netbilld.ports.look_at_nas import LookAtNas
from netbilld.services.compare_sessions import Compared, believed, compare, mark_of, proof_of
from netbilld.services.order_book import Proof, SessionToCheck
from netbilld.services.order_news import OrderNews

ORDER_LOOKS: Final = (0.1, 0.3, 0.6, 1.0, 1.5)  # seconds from one look to the next
LOGIN_LOOKS: Final = (0.5, 1.0, 2.0)
DRIFT_LOOKS: Final = (2.0, 3.0)
MISSING_LOOKS: Final = (10.0,)
MOST_WAITING: Final = 20_000
LOOK_SECONDS: Final = 90.0  # at one router, however many are looked at: its answers have bounds of their own
_BUSY_SECONDS: Final = 0.1
_LONGEST_STEP_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Orders(Protocol):
    """The part of `Reconcile` that is told what was seen."""

    async def confirmed(self, proofs: Sequence[Proof]) -> object: ...
    async def disproved(self, proofs: Sequence[Proof]) -> object: ...
    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None: ...


class Store(Protocol):
    async def sessions_of(
        self, service_ids: Collection[UUID], session_ids: Collection[int]
    ) -> Sequence[SessionToCheck]: ...
    async def open_ids_on(self, nas_id: UUID) -> Sequence[int]: ...
    async def close_as_lost(self, session_ids: Collection[int]) -> None: ...


class Work(Protocol):
    @property
    def enforcement(self) -> Store: ...


class Database(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """What is held against sessions and routers.

    Attributes:
        silent_seconds: a session that its router does not show, and that was silent for so long, is over.
        walled_list: the list of the walled garden.
    """

    silent_seconds: float
    walled_list: str


@dataclass(slots=True)
class _Waiting:
    """A session that is to be looked at.

    Attributes:
        action: the order whose effect is looked for; None for none.
        looks: how long to wait before each look that is left.
        gone: it was not there at the last look.
    """

    looks: tuple[float, ...]
    at_mono: float
    action: str | None = None
    gone: bool = False
    nas_id: UUID | None = None


class VerifySessions:
    """Looks where somebody can; no router is asked by two looks at once, and none waits for another.

    Attributes:
        came: what became of looks: agreed, differed, gone, unknown, left_out, failed.
    """

    def __init__(
        self,
        database: Database,
        look: LookAtNas,
        lists: KeepLists,
        orders: Orders,
        clock: SteadyClock,
        policy: VerifyPolicy,
        *,
        lost: Callable[[Sequence[int]], None] = lambda _ids: None,
    ) -> None:
        """Take what to work with.

        Args:
            database: sessions with what is due and on record.
            look: reads sessions back.
            lists: keeps the entries of walled sessions.
            orders: told what was seen.
            clock: the time.
            policy: what counts.
            lost: told of sessions that were closed since their router has them no more.
        """
        self._database = database
        self._look = look
        self._lists = lists
        self._orders = orders
        self._clock = clock
        self._policy = policy
        self._lost = lost
        self._waiting: dict[int, _Waiting] = {}
        self._listed: dict[int, UUID] = {}  # sessions that may have an entry of ours, and where
        self._over: dict[UUID, set[int]] = {}  # those of them that have ended since
        self._busy: set[UUID] = set()
        self._wake = asyncio.Event()
        self._is_running = False
        self.came: Counter[str] = Counter()

    # -- what is heard -------------------------------------------------------------------------------------------------

    def note_orders(self, news: Sequence[OrderNews]) -> None:
        """Take that orders were acknowledged: what they brought is looked at."""
        for one in news:
            if one.step == "acknowledged":
                self._await(one.session_id, ORDER_LOOKS, one.action)

    def note_sessions(self, sessions: Iterable[Session], new: Collection[int]) -> None:
        """Take sessions as the meter has made them: what began is looked at, and what ended leaves no entry behind."""
        for session in sessions:
            if session.stopped_at is not None:
                self._waiting.pop(session.id, None)
                if (nas_id := self._listed.pop(session.id, None)) is not None:
                    self._over.setdefault(nas_id, set()).add(session.id)
                    self._wake.set()
            elif session.id in new and session.service_id is not None and self._look.can_look(session.nas_id):
                self._await(session.id, LOGIN_LOOKS, None)

    def doubt(self, session: SessionToCheck, *, is_gone: bool) -> None:
        """Look again at a session that a comparison has seen otherwise than due, or not at all."""
        if session.session_id in self._waiting or (is_gone and not self._is_silent(session)):
            return
        self._await(session.session_id, MISSING_LOOKS if is_gone else DRIFT_LOOKS, None, gone=is_gone)

    def listed(self, session_ids: Collection[int], nas_id: UUID) -> None:
        """Take that these sessions have an entry of ours in a list, which is to go with them."""
        self._listed |= dict.fromkeys(session_ids, nas_id)

    def _await(self, session_id: int, looks: tuple[float, ...], action: str | None, *, gone: bool = False) -> None:
        if not self._is_running:
            return
        if len(self._waiting) >= MOST_WAITING and session_id not in self._waiting:
            self.came["left_out"] += 1  # the next comparison finds it
            return
        self._waiting[session_id] = _Waiting(looks[1:], self._clock.monotonic() + looks[0], action, gone)
        self._wake.set()

    # -- looking -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look at what waits, for ever."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._wake.clear()
                    wait_seconds = await self._step(tasks)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            await self._wake.wait()
        finally:
            self._is_running = False
            self._waiting.clear()
            self._busy.clear()

    async def _step(self, tasks: asyncio.TaskGroup) -> float:
        """Begin the looks that are due; return after how many seconds to come again."""
        now_mono = self._clock.monotonic()
        for nas_id in [one for one in self._over if one not in self._busy]:
            self._busy.add(nas_id)
            tasks.create_task(self._guarded(nas_id, self._drop(nas_id, self._over.pop(nas_id))), name="lists")
        due = [
            session_id
            for session_id, waiting in self._waiting.items()
            if waiting.at_mono <= now_mono and waiting.nas_id not in self._busy
        ]
        if due:
            at = self._clock.now()
            async with self._database.read() as work:
                found = {one.session_id: one for one in await work.enforcement.sessions_of((), due)}
            by_nas: dict[UUID, list[SessionToCheck]] = {}
            for session_id in due:
                session, waiting = found.get(session_id), self._waiting.get(session_id)
                if session is None or not self._look.can_look(session.nas.nas_id):
                    self._waiting.pop(session_id, None)  # it is over, or nobody can tell
                elif waiting is not None:
                    waiting.nas_id = session.nas.nas_id
                    by_nas.setdefault(session.nas.nas_id, []).append(session)
            for nas_id, sessions in by_nas.items():
                if nas_id not in self._busy:
                    self._busy.add(nas_id)
                    looking = self._guarded(nas_id, self._verify(nas_id, sessions, at))
                    tasks.create_task(looking, name=f"look at NAS {nas_id}")
        return self._pause()

    def _pause(self) -> float:
        now_mono = self._clock.monotonic()
        if any(waiting.at_mono <= now_mono for waiting in self._waiting.values()) or self._over:
            return _BUSY_SECONDS  # they wait for their router
        soonest = min((waiting.at_mono for waiting in self._waiting.values()), default=now_mono + _LONGEST_STEP_SECONDS)
        return max(0.01, min(soonest - now_mono, _LONGEST_STEP_SECONDS))

    async def _guarded(self, nas_id: UUID, step: Awaitable[None]) -> None:
        """Do one thing at a router that is marked busy, for a bounded time; whatever comes of it, no other suffers."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await step
        except TimeoutError:
            _log.warning("looking at NAS %s has not ended within %.0f s", nas_id, LOOK_SECONDS)
        except NetbilldError as error:
            _log.warning("looking at NAS %s was given up: %s", nas_id, error)
        except Exception:  # noqa: BLE001 - whatever one router makes of it, the others are looked at
            self.came["failed"] += 1
            _log.exception("looking at NAS %s failed", nas_id)
        finally:
            self._busy.discard(nas_id)
            self._wake.set()

    async def _drop(self, nas_id: UUID, session_ids: Collection[int]) -> None:
        await self._lists.drop(nas_id, session_ids)

    async def _verify(self, nas_id: UUID, sessions: Sequence[SessionToCheck], at: datetime) -> None:
        waiting = {one.session_id: self._waiting.get(one.session_id) for one in sessions}
        for one in waiting.values():
            if one is not None:
                one.at_mono = self._clock.monotonic() + LOOK_SECONDS  # not to be taken again meanwhile
        try:
            seen = await self._look.look(nas_id, [mark_of(session) for session in sessions])
        except BaseException:
            for session_id, one in waiting.items():
                if self._waiting.get(session_id) is one:
                    self._waiting.pop(session_id, None)
            raise
        proofs: list[Proof] = []
        disproofs: list[Proof] = []
        over: list[int] = []
        for session in sessions:
            session_id = session.session_id
            one = waiting[session_id]
            if one is None or self._waiting.get(session_id) is not one:
                continue  # ordered anew, or over, while we looked
            told = compare(session, seen.get(session_id), self._policy.walled_list)
            is_last = not one.looks
            if one.action == "enter_list":
                self._listed[session_id] = nas_id
            match self._judge(told, one, is_last=is_last):
                case "again":
                    one.at_mono = self._clock.monotonic() + one.looks[0]
                    one.looks = one.looks[1:]
                    one.gone = told.presence is Presence.GONE
                    continue
                case "agreed":
                    proofs.append(proof_of(told, at))
                    self.came["agreed"] += 1
                case "differed":
                    words = "it is still online" if one.action == "disconnect" else told.words
                    disproofs.append(proof_of(told._replace(words=words), at))
                    self.came["differed"] += 1
                case "over":
                    over.append(session_id)
                    self.came["gone"] += 1
                case _:
                    self.came["unknown"] += 1
            del self._waiting[session_id]
        await self._tell(proofs, disproofs)
        await self._close(over)

    def _judge(self, told: Compared, waiting: _Waiting, *, is_last: bool) -> str:
        session = told.session
        if told.presence is Presence.GONE:
            if not is_last:
                return "again"  # its Stop is on its way
            is_sure = waiting.action == "disconnect" or (waiting.gone and self._is_silent(session))
            return "over" if is_sure else "unknown"
        if waiting.action == "disconnect":
            if not is_last:
                return "again"
            return "differed" if told.presence is Presence.THERE else "unknown"
        if told.verdict is Verdict.AGREES:
            return "agreed"
        if not is_last:
            return "again"
        # what is not on record as done is known to differ
        counts = told.verdict is Verdict.DIFFERS and (waiting.action is not None or believed(session))
        return "differed" if counts else "unknown"

    def _is_silent(self, session: SessionToCheck) -> bool:
        heard_at = session.heard_at or session.started_at
        return self._clock.now() - heard_at > timedelta(seconds=self._policy.silent_seconds)

    async def _tell(self, proofs: Sequence[Proof], disproofs: Sequence[Proof]) -> None:
        if proofs:
            await self._orders.confirmed(proofs)
        if disproofs:
            await self._orders.disproved(disproofs)

    async def _close(self, session_ids: Sequence[int]) -> None:
        if not session_ids:
            return
        async with self._database.write() as work:
            await work.enforcement.close_as_lost(session_ids)
        self._lost(session_ids)
        self._orders.nudge(session_ids=session_ids)
        for session_id in session_ids:
            if (nas_id := self._listed.pop(session_id, None)) is not None:
                self._over.setdefault(nas_id, set()).add(session_id)
