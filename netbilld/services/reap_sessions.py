"""ReapSessions: marks sessions that are late and closes those presumed dead, with their last known counters."""

import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.accounting.stale import SilencePolicy, judge, overdue

_log = logging.getLogger(__name__)

BATCH_SESSIONS: Final = 2_000


class Sessions(Protocol):
    async def silent_since(self, before: datetime, limit: int, after: Session | None) -> list[Session]: ...
    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None: ...


class Work(Protocol):
    @property
    def sessions(self) -> Sessions: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Reaped:
    """Sessions that are late now, those closed, and the services concerned by either."""

    late_session_ids: tuple[int, ...]
    closed_session_ids: tuple[int, ...]
    service_ids: frozenset[UUID]


class Confirm(Protocol):
    """What finds out whether silent sessions are over."""

    async def handle(self, silent: Collection[Session], now: datetime) -> frozenset[int]: ...


class ReapSessions:
    """Looks for sessions that should have spoken."""

    def __init__(self, store: Store, policy: SilencePolicy, confirm: Confirm | None = None) -> None:
        """Take what asks NAS first; without it, silence alone decides."""
        self._store = store
        self._policy = policy
        self._confirm = confirm

    async def run(self, now: datetime, hearing_since: datetime) -> Reaped:
        """Judge every open session by its silence.

        Args:
            now: this moment.
            hearing_since: since when accounting has been received and applied without a gap; while the meter is
                behind, that is now, and nobody is presumed dead.
        """
        before = now - timedelta(seconds=self._policy.interim_seconds)
        if hearing_since > before:
            return Reaped((), (), frozenset())
        confirm = self._confirm
        judged = await self._judge(now, hearing_since, before, None if confirm is None else frozenset())
        late, closed = judged.late, judged.closed
        if confirm is not None and judged.doomed:  # no transaction waits for a NAS, and what it says meanwhile counts
            lost = await confirm.handle(judged.doomed, now)
            judged = await self._judge(now, hearing_since, before, lost)
            late, closed = [*late, *judged.late], judged.closed
        for session in closed:
            _log.info(
                "session %d of %s is presumed over: silent since %s", session.id, session.username, session.updated_at
            )
        return Reaped(
            tuple(session.id for session in late),
            tuple(session.id for session in closed),
            frozenset(session.service_id for session in (*late, *closed) if session.service_id is not None),
        )

    async def _judge(
        self, now: datetime, hearing_since: datetime, before: datetime, lost: frozenset[int] | None
    ) -> "_Judged":
        """Judge those silent since `before`; of those presumed dead only `lost` ones are closed, None for all."""
        found = _Judged([], [], [])
        after: Session | None = None
        while True:
            changed: list[tuple[Session, Session]] = []
            async with self._store.write() as work:  # short ones: the meter waits for the same lock
                silent = await work.sessions.silent_since(before, BATCH_SESSIONS, after)
                for session in silent:
                    judged = judge(session, self._policy, now, hearing_since)
                    if not judged.is_open and lost is not None and session.id not in lost:
                        found.doomed.append(session)
                        judged = overdue(session)
                    if judged is not session:
                        changed.append((session, judged))
                await work.sessions.update(changed)
            found.late.extend(session for _, session in changed if session.is_open)
            found.closed.extend(session for _, session in changed if not session.is_open)
            if len(silent) < BATCH_SESSIONS:
                return found
            after = silent[-1]


@dataclass(frozen=True, slots=True)
class _Judged:
    late: list[Session]
    closed: list[Session]
    doomed: list[Session]
