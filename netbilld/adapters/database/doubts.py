"""What the meter doubts, what a person decides of it, and why something was taken back."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.session import Doubt, SessionChange
from netbilld.adapters.database.tables import usage_corrections, usage_doubts
from netbilld.services.book_usage import Moved


class DoubtStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, doubted: Iterable[tuple[SessionChange, Doubt, bool]], now: datetime) -> None:
        """Keep octets that can't be true until a person decides; True beside those whose counters went back since."""
        rows = [
            {
                "session_id": change.session.id,
                "nas_id": change.session.nas_id,
                "service_id": change.session.service_id,
                "start_at": change.from_at,
                "end_at": change.to_at,
                **doubt._asdict(),
                "state": "withdrawn" if withdrawn else "open",
                "noted_at": now,
                "decided_at": now if withdrawn else None,
            }
            for change, doubt, withdrawn in doubted
        ]
        await self._connection.execute(insert(usage_doubts), rows)

    async def withdraw(self, session_ids: Collection[int], now: datetime) -> None:
        """Note that the counters of sessions went back to where they were before what is in doubt."""
        await self._connection.execute(
            update(usage_doubts)
            .where(usage_doubts.c.session_id.in_(session_ids), usage_doubts.c.state == "open")
            .values(state="withdrawn", decided_at=now)
        )

    async def explain(self, corrections: Iterable[tuple[Moved, str]], now: datetime) -> None:
        """Keep the reason of correcting slices."""
        rows = [
            {
                "session_id": moved.session_id,
                "service_id": moved.service_id,
                "at": moved.to_at,
                "upload_octets": moved.upload_octets,
                "download_octets": moved.download_octets,
                "reason": reason,
                "noted_at": now,
            }
            for moved, reason in corrections
        ]
        await self._connection.execute(insert(usage_corrections), rows)
