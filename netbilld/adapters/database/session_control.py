"""The mark on a session that staff want ended."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import sessions
from netbilld.services.control_sessions import OpenSession


class SessionControlStore:
    """Reads and sets it; the reconciler acts on it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, session_id: int) -> OpenSession | None:
        """Return a session, kept from changing until the transaction ends."""
        query = select(
            sessions.c.service_id, sessions.c.username, sessions.c.stopped_at, sessions.c.disconnect_requested_at
        ).where(sessions.c.id == session_id)
        row = (await self._connection.execute(query.with_for_update())).first()
        if row is None:
            return None
        return OpenSession(
            row.service_id, row.username, row.stopped_at is not None, row.disconnect_requested_at is not None
        )

    async def request_disconnect(self, session_id: int, by: str, now: datetime) -> None:
        """Mark a session as to be ended."""
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.stopped_at.is_(None))
            .values(disconnect_requested_at=now, disconnect_requested_by=by)
        )
