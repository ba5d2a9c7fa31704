"""AuthLogStore: log-in attempts with their reasons, bounded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import append_rows
from netbilld.adapters.database.tables import auth_attempts, nas
from netbilld.radius.values import lookup_key, normalise_mac, text
from netbilld.services.attempt_buffer import LoginAttempt

_COLUMNS: Final = (
    "at", "nas_id", "username", "username_key", "service_id", "method", "result", "reason", "latency_us", "mac",
    "detail",
)  # fmt: skip
# as many as are made into rows and handed over before other work gets its turn: a few milliseconds
_ROWS_A_TURN: Final = 500
_LONGEST_NAME: Final = 253
_LONGEST_MAC: Final = 64
_LONGEST_DETAIL: Final = 200
_MAX_INTEGER: Final = 2**31 - 1
_NORMAL_MAC: Final = re.compile(rb"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")


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
        portions = (
            [_row(attempt) for attempt in attempts[start : start + _ROWS_A_TURN]]
            for start in range(0, len(attempts), _ROWS_A_TURN)
        )
        await append_rows(self._connection, auth_attempts, _COLUMNS, portions)

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


def _row(attempt: LoginAttempt) -> tuple[Any, ...]:
    at, nas_id, user_name, service_id, method, result, reason, latency_us, mac, detail = attempt
    return (
        at,
        nas_id,
        text(user_name)[:_LONGEST_NAME],
        text(lookup_key(user_name))[:_LONGEST_NAME],
        service_id,
        method,
        result,
        str(reason),
        min(latency_us, _MAX_INTEGER),
        None if mac is None else _mac(mac),
        None if detail is None else detail.replace("\0", "\ufffd")[:_LONGEST_DETAIL],
    )


def _mac(station: bytes) -> str:
    """Return the address of a station normalised, or what else the NAS calls it, such as an IP address."""
    if _NORMAL_MAC.fullmatch(station):
        return station.decode("ascii")
    said = text(station)
    return normalise_mac(said) or said[:_LONGEST_MAC]
