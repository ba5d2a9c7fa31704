"""What people ask of enforcement: what is due and seen of each service."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.static_status import StaticStatus
from netbilld.adapters.database.tables import (
    credentials,
    desired,
    observed,
    pending_orders,
    sessions,
)
from netbilld.radius.values import lookup_key


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
    is_line: bool = False  # what was seen is of a line that a router holds without a session


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
        await StaticStatus(self._connection).overlay(found, None if username is None else list(found))
        return sorted(found.values(), key=lambda line: (line.username, str(line.service_id)))
