"""What people ask of enforcement: what is due and seen of each service, and how it came about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    credentials,
    desired,
    enforcement_attempts,
    observed,
    pending_orders,
    sessions,
)
from netbilld.radius.values import lookup_key

What = Literal["due", "sent", "acked", "nacked", "timed_out", "failed", "seen", "disproved"]


@dataclass(frozen=True, slots=True)
class EnforcementStatus:
    """One service: what is due, and what its session was last seen with (None: no session, or nothing known).

    `attempts`, `last_error` and `next_attempt_at` are of the order under way; `agrees` is False while one is needed,
    and as long as its effect was not seen: what the NAS alone says of it is `acknowledged`.
    """

    username: str
    service_id: UUID
    desired: str
    reason: str
    since: datetime
    observed: str | None
    evidence: str | None
    observed_at: datetime | None
    attempts: int
    last_error: str | None
    next_attempt_at: datetime | None
    session_id: int | None
    agrees: bool
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One step of a service's way from due to seen.

    `action` is coa, disconnect, enter_list or leave_list; `evidence` of what was seen: login, traffic, or `gone` for a
    session that ended.
    """

    at: datetime
    what: What
    access: str
    reason: str | None
    action: str | None
    session_id: int | None
    evidence: str | None = None
    error_cause: int | None = None
    detail: str | None = None


class StatusQueries:
    """Reads for the command line and the panel."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def status(self, username: str | None = None) -> list[EnforcementStatus]:
        """Return every service's state by name, or that of the service a name logs in to (empty: no such name)."""
        names = select(credentials.c.service_id, credentials.c.name).order_by(
            credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key
        )
        query = (
            select(
                desired.c.service_id, desired.c.access, desired.c.reason, desired.c.profile_key, desired.c.since_at,
                sessions.c.id.label("session_id"), observed.c.access.label("seen_access"),
                observed.c.profile_key.label("seen_key"), observed.c.evidence, observed.c.observed_at,
                pending_orders.c.attempts, pending_orders.c.last_error, pending_orders.c.next_attempt_at,
            )
            .select_from(
                desired.outerjoin(
                    sessions,
                    and_(sessions.c.service_id == desired.c.service_id, sessions.c.stopped_at.is_(None)),
                )
                .outerjoin(observed, observed.c.session_id == sessions.c.id)
                .outerjoin(pending_orders, pending_orders.c.session_id == sessions.c.id)
            )
            .order_by(sessions.c.id)
        )  # fmt: skip
        if username is not None:
            key = lookup_key(username.encode()).decode()
            service_id = await self._connection.scalar(
                select(credentials.c.service_id).where(credentials.c.name_key == key)
            )
            if service_id is None:
                return []
            names = names.where(credentials.c.service_id == service_id)
            query = query.where(desired.c.service_id == service_id)
        first_names: dict[UUID, str] = {}
        for service, name in await self._connection.execute(names):
            first_names.setdefault(service, name)
        found: dict[UUID, EnforcementStatus] = {}
        for row in await self._connection.execute(query):
            offline = row.session_id is None
            line = EnforcementStatus(
                username=first_names.get(row.service_id, ""),
                service_id=row.service_id,
                desired=row.access,
                reason=row.reason,
                since=row.since_at,
                observed=row.seen_access,
                evidence=row.evidence,
                observed_at=row.observed_at,
                attempts=row.attempts or 0,
                last_error=row.last_error,
                next_attempt_at=row.next_attempt_at,
                session_id=row.session_id,
                agrees=offline or (row.seen_key == row.profile_key and row.evidence not in ("unsure", "ack")),
                acknowledged=not offline and row.seen_key == row.profile_key and row.evidence == "ack",
            )
            previous = found.get(row.service_id)
            if previous is None or previous.agrees:  # of several sessions the newest, unless another one disagrees
                found[row.service_id] = line
        return sorted(found.values(), key=lambda line: (line.username, str(line.service_id)))

    async def timeline(self, service_id: UUID, limit: int = 50) -> list[TimelineEvent]:
        """Return the newest steps of a service's enforcement, newest first."""
        events: set[TimelineEvent] = set()
        due = (await self._connection.execute(select(desired).where(desired.c.service_id == service_id))).first()
        if due is not None:
            events.add(TimelineEvent(due.since_at, "due", due.access, due.reason, None, None))
        table = enforcement_attempts.c
        attempts = (
            select(enforcement_attempts)
            .where(table.service_id == service_id)
            .order_by(table.sent_at.desc(), table.id.desc())
            .limit(limit)
        )
        for row in await self._connection.execute(attempts):
            about = (row.access, row.reason, row.action, row.session_id)
            events.add(TimelineEvent(row.due_at, "due", row.access, row.reason, None, None))
            events.add(TimelineEvent(row.sent_at, "sent", *about))
            if row.answered_at is not None:
                answer: What = row.outcome
                if row.outcome in ("verified", "disproved"):
                    answer = "acked" if row.error_cause is None else "nacked"
                detail = None if row.disproved_at is not None else row.detail
                events.add(TimelineEvent(row.answered_at, answer, *about, error_cause=row.error_cause, detail=detail))
            if row.disproved_at is not None:
                events.add(TimelineEvent(row.disproved_at, "disproved", *about, detail=row.detail))
            if row.verified_at is not None:
                evidence = "gone" if row.action == "disconnect" else "traffic"
                events.add(TimelineEvent(row.verified_at, "seen", *about, evidence=evidence))
        logins = (
            select(observed)
            .where(observed.c.service_id == service_id, observed.c.evidence == "login")
            .order_by(observed.c.observed_at.desc())
            .limit(limit)
        )
        for row in await self._connection.execute(logins):
            events.add(TimelineEvent(row.observed_at, "seen", row.access, None, None, row.session_id, evidence="login"))
        return _newest_first(events)[:limit]


_STEPS: tuple[What, ...] = ("due", "sent", "failed", "timed_out", "nacked", "acked", "seen", "disproved")


def _newest_first(events: Iterable[TimelineEvent]) -> list[TimelineEvent]:
    """Return events by time; of the same instant, the later step of an order comes first."""
    return sorted(events, key=lambda event: (event.at, _STEPS.index(event.what)), reverse=True)
