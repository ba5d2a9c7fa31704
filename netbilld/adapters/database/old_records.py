"""Records of what was done and told, which may be let go after their time; nothing here is money."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Table, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import dunning_steps, enforcement_attempts, invoices, outbox, sessions

_UNPAID: Final = ("issued", "part_paid")


class _Kind(NamedTuple):
    """A table of records that are numbered as they come."""

    table: Table
    at: Column[datetime]
    is_over: ColumnElement[bool]


_KINDS: Final[Mapping[str, _Kind]] = {
    # its key keeps it from being told twice: what causes one again does so within days
    "messages": _Kind(outbox, outbox.c.created_at, outbox.c.ended_at.is_not(None)),
    # their keys keep steps from being done twice, for as long as anything is owed
    "dunning": _Kind(
        dunning_steps,
        dunning_steps.c.at,
        ~exists().where(invoices.c.subscriber_id == dunning_steps.c.subscriber_id, invoices.c.status.in_(_UNPAID)),
    ),
    # what a session that is open was last told is what the next order is decided by
    "orders": _Kind(
        enforcement_attempts,
        enforcement_attempts.c.sent_at,
        ~exists().where(sessions.c.id == enforcement_attempts.c.session_id, sessions.c.stopped_at.is_(None)),
    ),
}
KINDS: Final = tuple(_KINDS)


class OldRecordStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def let_go(self, kind: str, before_at: datetime, after_id: int, most: int) -> tuple[int, int | None]:
        """Let go of what is over of the next records from before a moment.

        Args:
            kind: one of `KINDS`.
            before_at: what is younger stays.
            after_id: the record at which the last call ended; 0 to begin.
            most: how many are looked at.

        Returns:
            how many went, and where the next call begins; None where none is left to look at.
        """
        table, at, is_over = _KINDS[kind]
        number = table.c.id
        query = select(number, at.label("at")).where(number > after_id).order_by(number).limit(most)
        found = (await self._connection.execute(query)).all()
        old = [row.id for row in found if row.at < before_at]
        if not old:
            return 0, None
        gone = await self._connection.execute(
            delete(table).where(number > after_id, number <= old[-1], at < before_at, is_over)
        )
        return int(gone.rowcount), old[-1] if len(old) == most else None
