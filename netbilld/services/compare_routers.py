"""CompareRouters: now and then all that a router does with its sessions is compared with what they are due.

What a person changes on a router, what a reboot forgets and what was never done is found so. One comparison costs a
router few questions; it is made gently, and no two are made of one router at once.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.read_back import Verdict
from netbilld.model.errors import NetbilldError
from netbilld.ports.ask_nas import Presence
from netbilld.ports.clock import SteadyClock
from netbilld.ports.keep_lists import KeepLists
from netbilld.ports.look_at_nas import LookAtNas
from netbilld.services.compare_sessions import Compared, believed, compare, list_entry, mark_of, proof_of
from netbilld.services.order_book import SessionToCheck
from netbilld.services.verify_sessions import Database, Orders

ROUTERS_AT_ONCE: Final = 8
COMPARE_SECONDS: Final = 120.0  # one comparison; a router's answers have bounds of their own
SESSIONS_A_TURN: Final = 200  # before other work gets its turn
_LOOK_SECONDS: Final = 0.5
_FIRST_SECONDS: Final = 60.0  # over which the first comparisons after a start are spread
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a router, in sessions; of the unknown ones some are hidden by queues made by hand."""

    at: datetime
    agreed: int
    differed: int
    gone: int
    unknown: int
    seconds: float
    hidden: int = 0


class LookAgain(Protocol):
    """What looks once more at what seems to be otherwise than due, before that is held against anybody."""

    def doubt(self, session: SessionToCheck, *, is_gone: bool) -> None: ...

    def listed(self, session_ids: Collection[int], nas_id: UUID) -> None: ...


class CompareRouters:
    """Compares the routers there are.

    Attributes:
        comparisons: the last one of each router.
        failed: comparisons that ended with an error.
    """

    def __init__(
        self,
        database: Database,
        look: LookAtNas,
        lists: KeepLists,
        orders: Orders,
        again: LookAgain,
        clock: SteadyClock,
        walled_list: str,
        every_seconds: float,
        nas_ids: Callable[[], Collection[UUID]],
    ) -> None:
        """Take what to work with.

        Args:
            database: sessions with what is due and on record.
            look: reads sessions back.
            lists: keeps the entries of walled sessions.
            orders: told what agrees.
            again: told what does not.
            clock: the time.
            walled_list: the list of the walled garden.
            every_seconds: from one comparison of a router to the next.
            nas_ids: the NAS that can be looked at now.
        """
        self._database = database
        self._look = look
        self._lists = lists
        self._orders = orders
        self._again = again
        self._clock = clock
        self._walled_list = walled_list
        self._every_seconds = every_seconds
        self._nas_ids = nas_ids
        self._under_way: set[UUID] = set()
        self._next_mono: dict[UUID, float] = {}
        self.comparisons: dict[UUID, Comparison] = {}
        self.failed = 0

    async def run(self) -> None:
        """Compare each router when its time has come, for ever."""
        places = asyncio.Semaphore(ROUTERS_AT_ONCE)
        self._under_way.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                for nas_id in self._due():
                    self._under_way.add(nas_id)
                    tasks.create_task(self._in_turn(nas_id, places), name=f"compare NAS {nas_id}")
                await asyncio.sleep(min(_LOOK_SECONDS, self._every_seconds))

    def _due(self) -> list[UUID]:
        now_mono, known = self._clock.monotonic(), set(self._nas_ids())
        for nas_id in self._next_mono.keys() - known:
            del self._next_mono[nas_id]
            self.comparisons.pop(nas_id, None)
        due = []
        for nas_id in known:
            first_mono = now_mono + nas_id.int % 1000 / 1000 * min(_FIRST_SECONDS, self._every_seconds)
            if self._next_mono.setdefault(nas_id, first_mono) <= now_mono and nas_id not in self._under_way:
                self._next_mono[nas_id] = now_mono + self._every_seconds
                due.append(nas_id)
        return due

    async def _in_turn(self, nas_id: UUID, places: asyncio.Semaphore) -> None:
        try:
            async with places, asyncio.timeout(COMPARE_SECONDS):
                await self.handle(nas_id)
        except TimeoutError:
            self.failed += 1
            _log.warning("comparing NAS %s has not ended within %.0f s", nas_id, COMPARE_SECONDS)
        except NetbilldError as error:
            self.failed += 1
            _log.warning("comparing NAS %s was given up: %s", nas_id, error)
        except Exception:  # noqa: BLE001 - whatever one router makes of it, the others are compared
            self.failed += 1
            _log.exception("comparing NAS %s failed", nas_id)
        finally:
            self._under_way.discard(nas_id)

    async def handle(self, nas_id: UUID) -> Comparison:
        """Compare every open session of a NAS, confirm what agrees and have the rest looked at again.

        Raises:
            StoreUnavailableError: the database is away.
        """
        began_mono, at = self._clock.monotonic(), self._clock.now()
        sessions = await self._sessions(nas_id)
        seen = await self._look.look(nas_id, [mark_of(session) for session in sessions]) if sessions else {}
        told: list[Compared] = []
        for number, session in enumerate(sessions):
            if number % SESSIONS_A_TURN == 0:
                await asyncio.sleep(0)
            told.append(compare(session, seen.get(session.session_id), self._walled_list))
        agreed = [one for one in told if one.verdict is Verdict.AGREES]
        differed = [one for one in told if one.verdict is Verdict.DIFFERS]
        gone = [one for one in told if one.presence is Presence.GONE]
        news = [proof_of(one, at) for one in agreed if not _is_proven(one.session)]
        for start in range(0, len(news), SESSIONS_A_TURN):
            await self._orders.confirmed(news[start : start + SESSIONS_A_TURN])
        for one in (*differed, *gone):
            if one.presence is Presence.GONE or believed(one.session):
                self._again.doubt(one.session, is_gone=one.presence is Presence.GONE)
        unknown = len(told) - len(agreed) - len(differed) - len(gone)
        if unknown < len(told) or not told:  # it answers
            await self._keep_lists(nas_id)
        seconds = self._clock.monotonic() - began_mono
        hidden = [one for one in told if one.is_hidden]
        comparison = Comparison(at, len(agreed), len(differed), len(gone), unknown, seconds, len(hidden))
        before = self.comparisons.get(nas_id)
        if hidden and (before is None or before.hidden != len(hidden)):
            _log.warning(
                "%d sessions on NAS %s don't have their own speed, such as %r: %s",
                len(hidden),
                hidden[0].session.nas.name,
                hidden[0].session.username,
                hidden[0].words,
                extra={"event": "queue_hidden"},
            )
        self.comparisons[nas_id] = comparison
        return comparison

    async def _sessions(self, nas_id: UUID) -> Sequence[SessionToCheck]:
        async with self._database.read() as work:
            session_ids = await work.enforcement.open_ids_on(nas_id)
        sessions: list[SessionToCheck] = []
        for start in range(0, len(session_ids), SESSIONS_A_TURN):
            async with self._database.read() as work:
                sessions += await work.enforcement.sessions_of((), session_ids[start : start + SESSIONS_A_TURN])
        return sessions

    async def _keep_lists(self, nas_id: UUID) -> None:
        """Renew the entries of who is due one; what is left of others goes."""

        async def due(session_ids: Collection[int]) -> Mapping[int, tuple[str, str]]:
            async with self._database.read() as work:
                sessions = await work.enforcement.sessions_of((), session_ids)
            wanted = {
                session.session_id: entry
                for session in sessions
                if session.nas.nas_id == nas_id and (entry := list_entry(session)) is not None
            }
            self._again.listed(wanted.keys(), nas_id)
            return wanted

        await self._lists.tidy(nas_id, due)


def _is_proven(session: SessionToCheck) -> bool:
    observed = session.observed
    return believed(session) and observed is not None and observed.evidence is Evidence.API
