"""What was ordered and what came of it: attempts, proofs of their effect, and alerts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.enforcement_sessions import in_parts
from netbilld.adapters.database.tables import (
    desired,
    enforcement_attempts,
    nas,
    pending_orders,
    sessions,
)
from netbilld.enforcement.ladder import GONE, Change, Position
from netbilld.services.order_book import (
    Alert,
    AttemptEnd,
    LastAttempt,
    NewAttempt,
)


class AttemptQueries:
    """Attempts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin_attempts(self, attempts: Sequence[NewAttempt]) -> list[int]:
        """Write down orders that are about to leave; return the numbers of the attempts, in order."""
        if not attempts:
            return []
        statement = insert(enforcement_attempts).returning(
            enforcement_attempts.c.id, sort_by_parameter_order=len(attempts) > 1
        )
        rows = [{**asdict(attempt), "outcome": "sent"} for attempt in attempts]
        return list((await self._connection.execute(statement, rows)).scalars())

    async def end_attempts(self, ends: Sequence[AttemptEnd]) -> None:
        """Write down what came of orders."""
        if not ends:
            return
        statement = (
            update(enforcement_attempts)
            .where(enforcement_attempts.c.id == bindparam("attempt"))
            .values(
                outcome=bindparam("end_outcome"),
                answered_at=bindparam("end_answered_at"),
                verified_at=bindparam("end_verified_at"),
                error_cause=bindparam("end_error_cause"),
                detail=bindparam("end_detail"),
            )
        )
        rows = [
            {
                "attempt": end.attempt_id,
                "end_outcome": end.outcome,
                "end_answered_at": end.answered_at,
                "end_verified_at": end.verified_at,
                "end_error_cause": end.error_cause,
                "end_detail": end.detail[:200] if end.detail else None,
            }
            for end in ends
        ]
        await self._connection.execute(statement, rows)

    async def last_attempts(self, session_ids: Collection[int], since: datetime) -> dict[int, LastAttempt]:
        """Return the newest order of each session, and how many have left since for its service and wish."""
        table = enforcement_attempts.c
        found: dict[int, LastAttempt] = {}
        for part in in_parts(session_ids):
            newest = select(func.max(table.id)).where(table.session_id.in_(part)).group_by(table.session_id)
            rows = (await self._connection.execute(select(enforcement_attempts).where(table.id.in_(newest)))).all()
            counts = await self._sent_since({row.service_id for row in rows} - {None}, since)
            for row in rows:
                found[row.session_id] = LastAttempt(
                    row.id, row.session_id, row.action, row.profile_key, row.outcome, row.sent_at, row.answered_at,
                    Position(row.rung, row.step), Change(row.change) if row.change else None,
                    counts.get((row.service_id, row.profile_key), 0),
                )  # fmt: skip
        return found

    async def _sent_since(self, service_ids: Collection[UUID], since: datetime) -> dict[tuple[UUID, str], int]:
        table = enforcement_attempts.c
        query = (
            select(table.service_id, table.profile_key, func.count())
            .where(table.service_id.in_(service_ids), table.sent_at >= since)
            .group_by(table.service_id, table.profile_key)
        )
        return {(row[0], row[1]): row[2] for row in await self._connection.execute(query)}

    async def denied(self, session_ids: Collection[int]) -> set[int]:
        """Return those of the sessions that their NAS has said before not to have, and that have reported since."""
        table = enforcement_attempts.c
        found: set[int] = set()
        for part in in_parts(session_ids):
            said = select(table.session_id).where(
                table.session_id.in_(part), table.outcome == "verified", table.error_cause == GONE
            )
            found.update((await self._connection.execute(said)).scalars())
        return found

    async def verify_attempts(self, session_ids: Collection[int], now: datetime) -> set[int]:
        """Note that what was acknowledged of these sessions was seen; return those of which that was news."""
        table = enforcement_attempts.c
        found: set[int] = set()
        for part in in_parts(session_ids):
            rows = await self._connection.execute(
                update(enforcement_attempts)
                .where(table.session_id.in_(part), table.action != "disconnect", table.outcome == "acked")
                .values(outcome="verified", verified_at=now)
                .returning(table.session_id)
            )
            found.update(rows.scalars())
        return found

    async def disprove_attempts(self, words: Mapping[int, str], now: datetime) -> None:
        """Note of acknowledged orders, by their numbers, what was seen instead."""
        await self._disprove(enforcement_attempts.c.id == bindparam("which"), words, now)

    async def disprove_disconnects(self, words: Mapping[int, str], now: datetime) -> None:
        """Note of sessions, by their numbers, that they did not end although that was acknowledged."""
        table = enforcement_attempts.c
        await self._disprove(and_(table.session_id == bindparam("which"), table.action == "disconnect"), words, now)

    async def _disprove(self, which: ColumnElement[bool], words: Mapping[int, str], now: datetime) -> None:
        if not words:
            return
        await self._connection.execute(
            update(enforcement_attempts)
            .where(which, enforcement_attempts.c.outcome == "acked")
            .values(outcome="disproved", disproved_at=now, detail=bindparam("seen_instead")),
            [{"which": number, "seen_instead": text[:200] or None} for number, text in words.items()],
        )

    async def alerts(self) -> list[Alert]:
        """Return the orders that somebody must look at, newest first."""
        orders = enforcement_attempts.alias("orders")
        last = (
            select(func.max(orders.c.id))
            .where(orders.c.session_id == pending_orders.c.session_id)
            .correlate(pending_orders)
        )
        query = (
            select(
                pending_orders.c.session_id, pending_orders.c.service_id, sessions.c.username, nas.c.id, nas.c.name,
                desired.c.access, enforcement_attempts.c.action, pending_orders.c.last_error,
                pending_orders.c.alerted_at,
            )
            .select_from(
                pending_orders.join(sessions, sessions.c.id == pending_orders.c.session_id)
                .join(nas, nas.c.id == sessions.c.nas_id)
                .outerjoin(desired, desired.c.service_id == pending_orders.c.service_id)
                .outerjoin(enforcement_attempts, enforcement_attempts.c.id == last.scalar_subquery())
            )
            .where(pending_orders.c.alerted_at.is_not(None), sessions.c.stopped_at.is_(None))
            .order_by(pending_orders.c.alerted_at.desc(), pending_orders.c.session_id)
        )  # fmt: skip
        return [
            Alert(session_id, service_id, username, nas_id, name, access, action, words or "", at)
            for session_id, service_id, username, nas_id, name, access, action, words, at in (
                await self._connection.execute(query)
            )
        ]
