"""What the meter doubts, what a person decides of it, and why something was taken back."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.session import Doubt, SessionChange
from netbilld.adapters.database.tables import nas, sessions, usage_corrections, usage_doubts
from netbilld.services.book_usage import Moved
from netbilld.services.decide_doubts import UsageDoubt

_OWN: Final = [column for column in usage_doubts.c if column.name != "service_id"]
MOST_DOUBTS: Final = 500


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

    # -- what a person decides -----------------------------------------------------------------------------------------

    async def find(self, doubt_id: int) -> UsageDoubt | None:
        """Return one doubt."""
        row = (await self._connection.execute(_select().where(usage_doubts.c.id == doubt_id))).mappings().one_or_none()
        return None if row is None else UsageDoubt(**row)

    async def newest(self, *, only_open: bool, limit: int = MOST_DOUBTS) -> list[UsageDoubt]:
        """Return doubts, the newest first."""
        query = _select().order_by(usage_doubts.c.noted_at.desc(), usage_doubts.c.id.desc()).limit(limit)
        if only_open:
            query = query.where(usage_doubts.c.state == "open")
        return [UsageDoubt(**row) for row in (await self._connection.execute(query)).mappings()]

    async def waiting(self) -> int:
        """Return how many doubts wait for a decision."""
        query = select(func.count()).where(usage_doubts.c.state == "open")
        return int((await self._connection.scalar(query)) or 0)

    async def decide(self, doubt_id: int, state: str, by: str, at: datetime) -> bool:
        """Set what became of a doubt; False where it is not open any more."""
        done = await self._connection.execute(
            update(usage_doubts)
            .where(usage_doubts.c.id == doubt_id, usage_doubts.c.state == "open")
            .values(state=state, decided_by=by, decided_at=at)
        )
        return done.rowcount == 1

    async def meter(self, doubt: UsageDoubt) -> None:
        """Count the octets of a doubt on its session, which holds them no longer."""
        held_up, held_down = sessions.c.held_upload_octets, sessions.c.held_download_octets
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == doubt.session_id)
            .values(
                upload_octets=sessions.c.upload_octets + doubt.upload_octets,
                download_octets=sessions.c.download_octets + doubt.download_octets,
                held_upload_octets=case((held_up > doubt.upload_octets, held_up - doubt.upload_octets), else_=0),
                held_download_octets=case(
                    (held_down > doubt.download_octets, held_down - doubt.download_octets), else_=0
                ),
            )
        )


def _select() -> Select[Any]:
    """Return doubts with whose session it is by now."""
    return (
        select(*_OWN, nas.c.name.label("nas"), sessions.c.username, sessions.c.service_id)
        .join_from(usage_doubts, sessions, sessions.c.id == usage_doubts.c.session_id)
        .join(nas, nas.c.id == usage_doubts.c.nas_id)
    )
