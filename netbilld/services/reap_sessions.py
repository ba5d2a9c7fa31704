"""ReapSessions: marks sessions that are late and closes those presumed dead, with their last known counters."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.accounting.stale import SilencePolicy, judge

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


class ReapSessions:
    """Looks for sessions that should have spoken."""

    def __init__(self, store: Store, policy: SilencePolicy) -> None:
        self._store = store
        self._policy = policy

    async def run(self, now: datetime, hearing_since: datetime) -> Reaped:
        """Judge every open session by its silence.

        Args:
            now: this moment.
            hearing_since: since when accounting has been received and applied without a gap; while the meter is
                behind, that is now, and nobody is presumed dead.
        """
        late: list[Session] = []
        closed: list[Session] = []
        before = now - timedelta(seconds=self._policy.interim_seconds)
        if hearing_since > before:
            return Reaped((), (), frozenset())
        after: Session | None = None
        while True:
            async with self._store.write() as work:  # short ones: the meter waits for the same lock
                silent = await work.sessions.silent_since(before, BATCH_SESSIONS, after)
                judged = [judge(session, self._policy, now, hearing_since) for session in silent]
                changed = [(was, is_now) for was, is_now in zip(silent, judged, strict=True) if is_now is not was]
                await work.sessions.update(changed)
            late += [session for _, session in changed if session.is_open]
            closed += [session for _, session in changed if not session.is_open]
            if len(silent) < BATCH_SESSIONS:
                break
            after = silent[-1]
        for session in closed:
            _log.info(
                "session %d of %s is presumed over: silent since %s", session.id, session.username, session.updated_at
            )
        return Reaped(
            tuple(session.id for session in late),
            tuple(session.id for session in closed),
            frozenset(session.service_id for session in (*late, *closed) if session.service_id is not None),
        )
