"""AuthLogStore: log-in attempts with their reasons, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import auth_attempts, nas
from netbilld.radius.values import lookup_key, text
from netbilld.services.attempt_buffer import LoginAttempt

_LONGEST_NAME: Final = 253
_MAX_INTEGER: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One log-in attempt as it is shown; `nas` is None once the NAS is unknown."""

    at: datetime
    username: str
    nas: str | None
    method: str
    result: str
    reason: str
    latency_us: int


class AuthLogStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, attempts: Sequence[LoginAttempt]) -> None:
        """Append attempts in one statement."""
        if attempts:
            await self._connection.execute(insert(auth_attempts), [_row(attempt) for attempt in attempts])

    async def list(self, username: str | None = None, limit: int = 100) -> Sequence[LoggedAttempt]:
        """Return the newest attempts, newest first; those with one name if it is given."""
        table = auth_attempts.c
        query = (
            select(table.at, table.username, nas.c.name, table.method, table.result, table.reason, table.latency_us)
            .select_from(auth_attempts.outerjoin(nas, nas.c.id == table.nas_id))
            .order_by(table.at.desc(), table.id.desc())
            .limit(limit)
        )
        if username is not None:
            query = query.where(table.username_key == lookup_key(username.encode()).decode())
        return [LoggedAttempt(*row) for row in await self._connection.execute(query)]

    async def of_service(self, service_id: UUID, limit: int = 100) -> Sequence[LoggedAttempt]:
        """Return the newest attempts to log in to a service by any of its names, newest first."""
        table = auth_attempts.c
        names = select(table.username_key).where(table.service_id == service_id).distinct()
        query = (
            select(table.at, table.username, nas.c.name, table.method, table.result, table.reason, table.latency_us)
            .select_from(auth_attempts.outerjoin(nas, nas.c.id == table.nas_id))
            .where(table.username_key.in_(names))
            .order_by(table.at.desc(), table.id.desc())
            .limit(limit)
        )
        return [LoggedAttempt(*row) for row in await self._connection.execute(query)]

    async def prune(self, keep_rows: int) -> int:
        """Forget the oldest attempts beyond about `keep_rows`; return how many went.

        Counted by row number, which a lost transaction makes skip: a little more may go, never less.
        """
        newest = await self._connection.scalar(select(func.max(auth_attempts.c.id)))
        if newest is None or newest <= keep_rows:
            return 0
        gone = await self._connection.execute(delete(auth_attempts).where(auth_attempts.c.id <= newest - keep_rows))
        return gone.rowcount


def _row(attempt: LoginAttempt) -> dict[str, Any]:
    username = text(attempt.user_name)[:_LONGEST_NAME]
    return {
        "at": attempt.at,
        "nas_id": attempt.nas_id,
        "username": username,
        "username_key": text(lookup_key(attempt.user_name))[:_LONGEST_NAME],
        "service_id": attempt.service_id,
        "method": attempt.method,
        "result": attempt.result,
        "reason": attempt.reason,
        "latency_us": min(attempt.latency_us, _MAX_INTEGER),
    }
