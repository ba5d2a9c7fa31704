"""Orders to NAS: which sessions differ from what is due, what was sent, what came of it, what was seen."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, delete, func, select, update

from netbilld.adapters.database.enforcement_attempts import AttemptQueries
from netbilld.adapters.database.enforcement_sessions import SessionsToCheck, in_parts
from netbilld.adapters.database.tables import (
    desired,
    enforcement_attempts,
    observed,
    pending_orders,
    sessions,
    usage_slices,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.enforcement.evidence import MeasuredInterval
from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.order_book import (
    AcknowledgedSession,
    Observation,
    PendingOrder,
)

_LOST: Final = "lost"
_BY_ORDER: Final = (Evidence.ACK.value, Evidence.TRAFFIC.value)  # a NAS that lies may do so after a quiet hour
_INTERRUPTED: Final = "interrupted by a restart"


class OrderQueries(SessionsToCheck, AttemptQueries):
    """Sessions to look at, orders under way, attempts and observations."""

    async def settle(self, session_ids: Collection[int], now: datetime) -> Sequence[tuple[int, UUID | None]]:
        """Forget the orders of sessions that have ended; a Disconnect that was answered is thereby seen.

        Returns:
            the sessions whose Disconnect that was, and whose they were.
        """
        await self.drop_pending(session_ids)
        table = enforcement_attempts.c
        seen: dict[int, UUID | None] = {}
        for part in in_parts(session_ids):
            rows = await self._connection.execute(
                update(enforcement_attempts)
                .where(table.session_id.in_(part), table.action == "disconnect", table.outcome == "acked")
                .values(outcome="verified", verified_at=now)
                .returning(table.session_id, table.service_id)
            )
            seen |= {row.session_id: row.service_id for row in rows}
        return list(seen.items())

    async def save_pending(self, orders: Sequence[PendingOrder]) -> None:
        """Keep orders, replacing what was kept for the same sessions."""
        if not orders:
            return
        statement = insert_into(self._connection, pending_orders)
        changed = {name: statement.excluded[name] for name in pending_orders.c.keys() if name != "session_id"}  # noqa: SIM118 - a column collection is no dict
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["session_id"], set_=changed),
            [_pending_row(order) for order in orders],
        )

    async def drop_pending(self, session_ids: Collection[int]) -> None:
        """Forget the orders of these sessions."""
        for part in in_parts(session_ids):
            await self._connection.execute(delete(pending_orders).where(pending_orders.c.session_id.in_(part)))

    async def wake_orders(self, nas_id: UUID | None, now: datetime, *, from_start: bool = False) -> int:
        """Make the waiting orders of a NAS, of all for None, due now, on the first rung of their ladder if asked for.

        What waits for a session's end is left alone: its NAS has answered.

        Returns:
            how many.
        """
        condition = and_(pending_orders.c.next_attempt_at > now, pending_orders.c.acked_at.is_(None))
        if nas_id is not None:
            of_nas = select(sessions.c.id).where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None))
            condition = and_(condition, pending_orders.c.session_id.in_(of_nas))
        start = {"rung": 0, "step": 0, "tries": 0} if from_start else {}
        statement = update(pending_orders).where(condition).values(next_attempt_at=now, **start)
        return (await self._connection.execute(statement)).rowcount

    async def retry_all(self, now: datetime) -> list[UUID]:
        """Make every waiting order due now, as if new; return the services they are for."""
        await self._connection.execute(
            update(pending_orders).values(next_attempt_at=now, rung=0, step=0, tries=0, acked_at=None)
        )
        query = select(pending_orders.c.service_id).where(pending_orders.c.service_id.is_not(None)).distinct()
        return list((await self._connection.execute(query)).scalars())

    async def interrupted(self, now: datetime) -> int:
        """Close the attempts that a restart has cut off, and make their orders due; return how many.

        Whether a CoA among them reached its NAS can't be known: those sessions are no longer sure.
        """
        table = enforcement_attempts.c
        query = select(table.session_id, table.action).where(table.outcome == "sent")
        cut_off = (await self._connection.execute(query)).all()
        if not cut_off:
            return 0
        await self._connection.execute(
            update(enforcement_attempts)
            .where(table.outcome == "sent")
            .values(outcome="failed", answered_at=now, detail=_INTERRUPTED)
        )
        await self.mark_unsure([row.session_id for row in cut_off if row.action != "disconnect"])
        for part in in_parts({row.session_id for row in cut_off}):
            await self._connection.execute(
                update(pending_orders).where(pending_orders.c.session_id.in_(part)).values(next_attempt_at=now)
            )
        return len(cut_off)

    async def observe(self, observations: Sequence[Observation]) -> None:
        """Keep what sessions were seen with."""
        if not observations:
            return
        statement = insert_into(self._connection, observed)
        changed = {name: statement.excluded[name] for name in observed.c.keys() if name != "session_id"}  # noqa: SIM118 - a column collection is no dict
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["session_id"], set_=changed),
            [_observation(seen) for seen in observations],
        )

    async def mark_unsure(self, session_ids: Collection[int]) -> None:
        """Note that an unanswered CoA may have changed these sessions."""
        for part in in_parts(session_ids):
            await self._connection.execute(
                update(observed).where(observed.c.session_id.in_(part)).values(evidence=Evidence.UNSURE.value)
            )

    async def acknowledged(self, session_ids: Collection[int]) -> list[AcknowledgedSession]:
        """Return those of the sessions with an acknowledged rate and an interval metered wholly after that."""
        found: dict[int, AcknowledgedSession] = {}
        newest = usage_slices.alias("newest")
        newest_at = (
            select(func.max(newest.c.start_at))
            .where(newest.c.service_id == observed.c.service_id, newest.c.session_id == observed.c.session_id)
            .correlate(observed)
            .scalar_subquery()
        )
        for part in in_parts(session_ids):
            query = (
                select(
                    observed.c.session_id, observed.c.service_id, observed.c.access, observed.c.profile_key,
                    observed.c.observed_at, observed.c.evidence, desired.c.profile, usage_slices.c.start_at,
                    usage_slices.c.end_at, usage_slices.c.upload_octets, usage_slices.c.download_octets,
                )
                .join(
                    desired,
                    and_(
                        desired.c.service_id == observed.c.service_id,
                        desired.c.profile_key == observed.c.profile_key,
                    ),
                )
                .join(
                    usage_slices,
                    and_(
                        usage_slices.c.service_id == observed.c.service_id,  # by its index
                        usage_slices.c.session_id == observed.c.session_id,
                        usage_slices.c.start_at == newest_at,
                        usage_slices.c.start_at >= observed.c.observed_at,
                    ),
                )
                .where(observed.c.session_id.in_(part), observed.c.evidence.in_(_BY_ORDER))
                .order_by(usage_slices.c.end_at)
            )  # fmt: skip
            for row in await self._connection.execute(query):
                speed = ServiceProfile.from_json(row.profile).speed
                if speed is None:
                    continue
                interval = MeasuredInterval(row.start_at, row.end_at, row.upload_octets, row.download_octets)
                found[row.session_id] = AcknowledgedSession(
                    row.session_id,
                    row.service_id,
                    Access(row.access),
                    row.profile_key,
                    speed,
                    row.observed_at,
                    interval,
                    Evidence(row.evidence),
                )
        return list(found.values())

    async def verify_rates(self, proved: Iterable[AcknowledgedSession], now: datetime) -> None:
        """Note that traffic has shown these sessions at their new rate."""
        for session in proved:
            await self._connection.execute(
                update(observed)
                .where(
                    observed.c.session_id == session.session_id,
                    observed.c.profile_key == session.profile_key,
                    observed.c.evidence == Evidence.ACK.value,
                )
                .values(evidence=Evidence.TRAFFIC.value, observed_at=now)
            )
            table = enforcement_attempts.c
            await self._connection.execute(
                update(enforcement_attempts)
                .where(
                    table.session_id == session.session_id,
                    table.action == "coa",
                    table.outcome == "acked",
                    table.profile_key == session.profile_key,
                )
                .values(outcome="verified", verified_at=now)
            )

    async def close_as_lost(self, session_ids: Collection[int]) -> None:
        """Close sessions that their NAS no longer has, at their last sign of life; a report of one opens it again."""
        for part in in_parts(session_ids):
            await self._connection.execute(
                update(sessions)
                .where(sessions.c.id.in_(part), sessions.c.stopped_at.is_(None))
                .values(state="stale", stopped_at=sessions.c.updated_at, terminate_cause=_LOST)
            )


def _pending_row(order: PendingOrder) -> dict[str, Any]:
    row = asdict(order)
    at = row.pop("at")
    return {
        **row,
        **at,
        "coa_refused": order.at.rung > 0,
        "change": order.change.value if order.change is not None else None,
        "last_error": order.last_error[:200] if order.last_error else None,
    }


def _observation(seen: Observation) -> dict[str, Any]:
    return {**asdict(seen), "access": seen.access.value, "evidence": seen.evidence.value}
