"""Orders that staff give about sessions: end one, and try again what is waiting."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.ports.changes import Changes


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that may be ended by order."""

    service_id: UUID | None
    username: str
    stopped: bool
    requested: bool


class SessionControl(Protocol):
    async def find(self, session_id: int) -> OpenSession | None: ...

    async def request_disconnect(self, session_id: int, by: str, now: datetime) -> None: ...


class Orders(Protocol):
    async def retry_all(self, now: datetime) -> list[UUID]: ...


class Lines(Protocol):
    async def retry_all(self) -> list[UUID]: ...


class Work(Protocol):
    @property
    def session_control(self) -> SessionControl: ...

    @property
    def enforcement(self) -> Orders: ...

    @property
    def static_lines(self) -> Lines: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ControlSessions:
    """Writes the order down; the reconciler carries it out and keeps trying."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def disconnect(self, session_id: int, actor: Actor, now: datetime) -> bool:
        """Order a session's end; False where that is ordered already.

        Raises:
            NotFoundError: there is no such session.
            RefusedError: it has ended.
        """
        async with self._store.write() as work:
            session = await work.session_control.find(session_id)
            if session is None:
                raise NotFoundError(
                    f"no session has the number {session_id}", hint="`netbilld session list` shows them"
                )
            if session.stopped:
                raise RefusedError(f"session {session_id} has ended already", code="session_ended")
            if session.requested:
                return False
            await work.session_control.request_disconnect(session_id, actor.name, now)
            details = {
                "service_ids": [str(session.service_id)] if session.service_id else [],
                "session_ids": [session_id],
                "username": session.username,
            }
            await work.changes.record(actor, now, "session.disconnect", "session", session_id, details)
        return True

    async def retry(self, actor: Actor, now: datetime) -> int:
        """Let every waiting order be tried at once; return of how many services."""
        async with self._store.write() as work:
            waiting = [*await work.enforcement.retry_all(now), *await work.static_lines.retry_all()]
            service_ids = list(dict.fromkeys(waiting))
            if service_ids:
                details = {"service_ids": [str(service_id) for service_id in service_ids]}
                await work.changes.record(actor, now, "enforce.retry", "service", service_ids[0], details)
        return len(service_ids)
