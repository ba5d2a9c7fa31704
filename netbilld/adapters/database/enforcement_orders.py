"""Orders to NAS: which sessions differ from what is due, what was sent, what came of it, what was seen."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    desired,
    enforcement_attempts,
    nas,
    observed,
    pending_orders,
    sessions,
    usage_slices,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.evidence import MeasuredInterval
from netbilld.enforcement.ladder import GONE, Change, Position
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.order_form import OrderForm, switch
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.order_book import (
    AcknowledgedSession,
    Alert,
    AttemptEnd,
    LastAttempt,
    NasRecord,
    NewAttempt,
    Observation,
    PendingOrder,
    SessionToCheck,
)

_IDS_A_QUERY: Final = 10_000
_SESSIONS_A_TURN: Final = 128
_LOST: Final = "lost"
_BY_ORDER: Final = (Evidence.ACK.value, Evidence.TRAFFIC.value)  # a NAS that lies may do so after a quiet hour
_INTERRUPTED: Final = "interrupted by a restart"

_other = nas.alias("other_nas")
# as model/nas.py has it
_shares_order_port = (
    select(_other.c.id)
    .where(
        _other.c.address == nas.c.address,
        _other.c.removed_at.is_(None),
        _other.c.id != nas.c.id,
        _other.c.coa_port == nas.c.coa_port,
        _other.c.radsec_name.is_(None),
        nas.c.radsec_name.is_(None),
        or_(nas.c.address.like("%.%/32"), nas.c.address.like("%/128")),
    )
    .exists()
)
_joined = (
    sessions.join(nas, nas.c.id == sessions.c.nas_id)
    .outerjoin(desired, desired.c.service_id == sessions.c.service_id)
    .outerjoin(observed, observed.c.session_id == sessions.c.id)
    .outerjoin(pending_orders, pending_orders.c.session_id == sessions.c.id)
)
_to_check = (
    select(
        sessions.c.id.label("session_id"),
        sessions.c.service_id,
        sessions.c.username,
        sessions.c.acct_session_id,
        sessions.c.framed_ip,
        sessions.c.nas_source,
        sessions.c.mac,
        sessions.c.is_local,
        sessions.c.started_at,
        sessions.c.disconnect_requested_at,
        sessions.c.updated_at.label("heard_at"),
        nas.c.id.label("nas_id"),
        nas.c.name.label("nas_name"),
        nas.c.address,
        nas.c.vendor,
        nas.c.coa_port,
        nas.c.wall_by,
        nas.c.reported_ip,
        nas.c.secret_sealed,
        nas.c.removed_at,
        nas.c.api_url_sealed.is_not(None).label("has_api"),
        nas.c.coa_per_second,
        nas.c.disconnects_per_second,
        _shares_order_port.label("shares_order_port"),
        nas.c.coa_event_timestamp,
        nas.c.coa_message_authenticator,
        nas.c.clock_off_seconds,
        desired.c.access,
        desired.c.reason,
        desired.c.profile,
        desired.c.profile_key,
        desired.c.cause,
        desired.c.since_at,
        desired.c.until_at,
        observed.c.access.label("observed_access"),
        observed.c.profile_key.label("observed_key"),
        observed.c.evidence,
        pending_orders.c.profile_key.label("pending_key"),
        pending_orders.c.attempts,
        pending_orders.c.next_attempt_at,
        pending_orders.c.last_error,
        pending_orders.c.rung,
        pending_orders.c.step,
        pending_orders.c.tries,
        pending_orders.c.change,
        pending_orders.c.acked_at,
        pending_orders.c.alerted_at,
    )
    .select_from(_joined)
    .where(sessions.c.stopped_at.is_(None))
    .order_by(sessions.c.id)
)
_differs = or_(
    sessions.c.disconnect_requested_at.is_not(None),
    pending_orders.c.session_id.is_not(None),
    and_(
        desired.c.service_id.is_not(None),
        or_(
            observed.c.session_id.is_(None),
            observed.c.profile_key != desired.c.profile_key,
            observed.c.evidence == Evidence.UNSURE.value,
        ),
    ),
)


class OrderQueries:
    """Sessions to look at, orders under way, attempts and observations."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sessions_of(self, service_ids: Collection[UUID], session_ids: Collection[int]) -> list[SessionToCheck]:
        """Return the open ones of these sessions, and the open sessions of these services."""
        found: dict[int, SessionToCheck] = {}
        for services_part in _parts(service_ids):
            for session in await self._check(sessions.c.service_id.in_(services_part)):
                found[session.session_id] = session
        for sessions_part in _parts(session_ids):
            for session in await self._check(sessions.c.id.in_(sessions_part)):
                found[session.session_id] = session
        return list(found.values())

    async def sessions_with_due_orders(self, now: datetime) -> list[SessionToCheck]:
        """Return the open sessions whose order is to be tried again by now."""
        return await self._check(pending_orders.c.next_attempt_at <= now)

    async def sessions_that_differ(self) -> list[SessionToCheck]:
        """Return every open session that is not, or not surely, as it is due."""
        return await self._check(_differs)

    async def _check(self, condition: ColumnElement[bool]) -> list[SessionToCheck]:
        # some at a time, for RADIUS shares this loop: they are found first, and then read
        wanted = select(sessions.c.id).select_from(_joined).where(sessions.c.stopped_at.is_(None), condition)
        ids = sorted((await self._connection.execute(wanted)).scalars())
        profiles: dict[str, ServiceProfile] = {}
        found: list[SessionToCheck] = []
        for start in range(0, len(ids), _SESSIONS_A_TURN):
            part = ids[start : start + _SESSIONS_A_TURN]
            rows = (await self._connection.execute(_to_check.where(sessions.c.id.in_(part)))).mappings()
            found += [_session(row, profiles) for row in rows]
        return found

    async def ended_with_orders(self) -> list[int]:
        """Return the sessions that have ended while an order was under way: it has become needless."""
        query = select(pending_orders.c.session_id).join(sessions).where(sessions.c.stopped_at.is_not(None))
        return list((await self._connection.execute(query)).scalars())

    async def next_attempt_at(self, now: datetime) -> datetime | None:
        """Return when, after now, the next order is to be tried again."""
        waiting = pending_orders.c.next_attempt_at
        found: datetime | None = await self._connection.scalar(select(func.min(waiting)).where(waiting > now))
        return found

    async def still_open(self, session_ids: Collection[int]) -> set[int]:
        """Return those of the sessions that have not ended."""
        found: set[int] = set()
        for part in _parts(session_ids):
            query = select(sessions.c.id).where(sessions.c.id.in_(part), sessions.c.stopped_at.is_(None))
            found.update((await self._connection.execute(query)).scalars())
        return found

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
        for part in _parts(session_ids):
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
        for part in _parts(session_ids):
            said = select(table.session_id).where(
                table.session_id.in_(part), table.outcome == "verified", table.error_cause == GONE
            )
            found.update((await self._connection.execute(said)).scalars())
        return found

    async def verify_attempts(self, session_ids: Collection[int], now: datetime) -> set[int]:
        """Note that what was acknowledged of these sessions was seen; return those of which that was news."""
        table = enforcement_attempts.c
        found: set[int] = set()
        for part in _parts(session_ids):
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

    async def settle(self, session_ids: Collection[int], now: datetime) -> Sequence[tuple[int, UUID | None]]:
        """Forget the orders of sessions that have ended; a Disconnect that was answered is thereby seen.

        Returns:
            the sessions whose Disconnect that was, and whose they were.
        """
        await self.drop_pending(session_ids)
        table = enforcement_attempts.c
        seen: dict[int, UUID | None] = {}
        for part in _parts(session_ids):
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
        for part in _parts(session_ids):
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
        for part in _parts({row.session_id for row in cut_off}):
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
        for part in _parts(session_ids):
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
        for part in _parts(session_ids):
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
        for part in _parts(session_ids):
            await self._connection.execute(
                update(sessions)
                .where(sessions.c.id.in_(part), sessions.c.stopped_at.is_(None))
                .values(state="stale", stopped_at=sessions.c.updated_at, terminate_cause=_LOST)
            )


def _session(row: RowMapping, profiles: dict[str, ServiceProfile]) -> SessionToCheck:
    wanted = seen = waiting = None
    if row["profile_key"] is not None:
        profile = profiles.get(row["profile_key"])
        if profile is None:
            profile = profiles[row["profile_key"]] = ServiceProfile.from_json(row["profile"])
        wanted = DesiredService(
            row["service_id"], Access(row["access"]), row["reason"], profile, row["profile_key"], row["cause"],
            row["since_at"], row["until_at"],
        )  # fmt: skip
    if row["observed_key"] is not None:
        seen = ObservedService(Access(row["observed_access"]), row["observed_key"], Evidence(row["evidence"]))
    if row["pending_key"] is not None:
        waiting = PendingOrder(
            row["session_id"], row["service_id"], row["pending_key"], row["attempts"], row["next_attempt_at"],
            row["last_error"], Position(row["rung"], row["step"], row["tries"]),
            Change(row["change"]) if row["change"] else None, row["acked_at"], row["alerted_at"],
        )  # fmt: skip
    secret = b"" if row["removed_at"] is not None else row["secret_sealed"]
    return SessionToCheck(
        session_id=row["session_id"],
        service_id=row["service_id"],
        username=row["username"],
        acct_session_id=row["acct_session_id"],
        framed_ip=row["framed_ip"],
        nas_source=row["nas_source"],
        started_at=row["started_at"],
        disconnect_requested_at=row["disconnect_requested_at"],
        nas=NasRecord(
            row["nas_id"],
            row["nas_name"],
            row["address"],
            row["vendor"],
            row["coa_port"],
            row["reported_ip"],
            secret,
            row["wall_by"],
            bool(row["has_api"]),
            row["coa_per_second"],
            row["disconnects_per_second"],
            bool(row["shares_order_port"]),
            OrderForm(
                switch(row["coa_event_timestamp"]), switch(row["coa_message_authenticator"]), row["clock_off_seconds"]
            ),
        ),
        desired=wanted,
        observed=seen,
        pending=waiting,
        mac=row["mac"],
        heard_at=row["heard_at"],
        is_local=row["is_local"],
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


def _parts(ids: Collection[Any]) -> list[list[Any]]:
    wanted = list(ids)
    return [wanted[start : start + _IDS_A_QUERY] for start in range(0, len(wanted), _IDS_A_QUERY)]
