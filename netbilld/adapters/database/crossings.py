"""Crossings of allowances, and what the bound of a service's overshoot is worked out from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import enforcement_attempts, nas_readings, quota_crossings, sessions
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.overshoot import Crossing, NasReading, OpenLine

_RECENT_ORDERS: Final = 500
_LONGEST_SECONDS: Final = 60
_AT_ONCE: Final = 500


class CrossingStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, crossings: Sequence[Crossing]) -> None:
        """Keep crossings; a service crosses once a period, and the first that is told stands."""
        table = quota_crossings.c
        statement = insert_into(self._connection, quota_crossings).on_conflict_do_nothing(
            index_elements=[table.service_id, table.start_on]
        )
        await self._connection.execute(statement, [crossing._asdict() for crossing in crossings])

    async def newest(self, limit: int) -> list[Crossing]:
        """Return the crossings found last, newest first."""
        columns = [quota_crossings.c[name] for name in Crossing._fields]
        query = select(*columns).order_by(quota_crossings.c.id.desc()).limit(limit)
        return [Crossing(*row) for row in await self._connection.execute(query)]

    async def open_lines(self, service_ids: Collection[UUID]) -> dict[UUID, list[OpenLine]]:
        """Return the open sessions of services, as far as their overshoot goes."""
        table, wanted = sessions.c, list(service_ids)
        found: dict[UUID, list[OpenLine]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            query = select(table.service_id, table.nas_id, table.interval_seconds).where(
                table.service_id.in_(wanted[start : start + _AT_ONCE]), table.stopped_at.is_(None)
            )
            for service_id, nas_id, interval_seconds in await self._connection.execute(query):
                found.setdefault(service_id, []).append(OpenLine(nas_id, interval_seconds))
        return found

    async def note_readings(self, readings: Sequence[NasReading], now: datetime) -> None:
        """Keep how it goes with reading NAS."""
        rows = [{**reading._asdict(), "at": now} for reading in readings]
        statement = insert_into(self._connection, nas_readings)
        kept = {name: statement.excluded[name] for name in ("at", "interval_milliseconds", "error")}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[nas_readings.c.nas_id], set_=kept), rows
        )

    async def readings(self) -> dict[UUID, NasReading]:
        """Return how it goes with reading NAS, of those that are read."""
        query = select(*(nas_readings.c[name] for name in NasReading._fields))
        return {row.nas_id: NasReading(*row) for row in await self._connection.execute(query)}

    async def round_trips(self) -> Mapping[UUID, float]:
        """Return, by NAS, the longest that one of its latest orders took from due to answered, in seconds.

        One that took a minute had waited for something else: for a NAS that was away, or for its pace.
        """
        table = enforcement_attempts.c
        query = (
            select(table.nas_id, table.due_at, table.answered_at)
            .where(table.answered_at.is_not(None), table.outcome.in_(("acked", "verified")))
            .order_by(table.id.desc())
            .limit(_RECENT_ORDERS)
        )
        longest: dict[UUID, float] = {}
        for nas_id, due_at, answered_at in await self._connection.execute(query):
            seconds = (answered_at - due_at).total_seconds()
            if seconds < _LONGEST_SECONDS:
                longest[nas_id] = max(longest.get(nas_id, 0.0), seconds)
        return longest
