"""AuthLogStore: log-in attempts with their reasons, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.attempt_copy import encoded
from netbilld.adapters.database.attempt_row import ATTEMPT_COLUMNS, attempt_row
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.tables import auth_attempts, nas
from netbilld.radius.values import lookup_key
from netbilld.services.attempt_buffer import LoginAttempt

# as many as are made into rows and handed over before other work gets its turn: a few milliseconds
_ROWS_A_TURN: Final = 500


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
        """Append attempts, a portion at a time."""
        portions = (attempts[start : start + _ROWS_A_TURN] for start in range(0, len(attempts), _ROWS_A_TURN))
        driver = Driver(self._connection)
        if not driver.is_sqlite:
            await driver.copy(auth_attempts.name, ATTEMPT_COLUMNS, map(encoded, portions))
            return
        for portion in portions:
            rows = [attempt_row(attempt) for attempt in portion]
            await insert_rows(self._connection, auth_attempts, ATTEMPT_COLUMNS, rows)

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

    async def prune(self, keep_rows: int, gone: int = 0) -> int:
        """Forget the oldest attempts beyond about `keep_rows`; return the number up to which none are left.

        Counted by row number, which a lost transaction makes skip: a little more may go, never less. `gone` is what the
        prune before has returned: without it the database looks through all that it has already thrown away.
        """
        newest = await self._connection.scalar(select(func.max(auth_attempts.c.id)))
        last = (newest or 0) - keep_rows
        if last <= gone:
            return gone
        await self._connection.execute(delete(auth_attempts).where(auth_attempts.c.id.between(gone + 1, last)))
        return last
