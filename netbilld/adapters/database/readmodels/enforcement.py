"""Orders to NAS and what is still different, as lists show them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.static_status import StaticStatus
from netbilld.adapters.database.tables import (
    desired,
    enforcement_attempts,
    nas,
    observed,
    pending_orders,
    services,
    sessions,
    subscribers,
)
from netbilld.services.readmodels import Attempt, Mismatch


class EnforcementQueries(Queries):
    """The newest orders, and sessions whose observed profile is not the desired one."""

    async def attempts(self, limit: int) -> Sequence[Attempt]:
        """Return the newest orders, newest first."""
        return await self._attempts_where(true(), enforcement_attempts.c.id.desc(), limit)

    async def subscriber_attempts(self, number: str, limit: int) -> Sequence[Attempt]:
        """Return the newest orders about a subscriber's services, newest first."""
        mine = (
            select(services.c.id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(subscribers.c.number == number)
        )
        return await self._attempts_where(
            enforcement_attempts.c.service_id.in_(mine), enforcement_attempts.c.sent_at.desc(), limit
        )

    async def _attempts_where(
        self, condition: ColumnElement[bool], order: ColumnElement[Any], limit: int
    ) -> Sequence[Attempt]:
        query = attempt_columns().where(condition).order_by(order, enforcement_attempts.c.id.desc()).limit(limit)
        return [Attempt(**row) for row in await self._rows(query)]

    async def waiting_orders(self) -> int:
        """Return how many sessions have an order under way."""
        orders = await self._number(select(func.count()).select_from(pending_orders))
        return orders + await StaticStatus(self._connection).waiting()

    async def mismatches(self, limit: int) -> Sequence[Mismatch]:
        """Return open sessions with an order under way, or not known to be as they should be; the oldest case first."""
        # found by the two tables that say so, and only then looked up
        differing = (
            select(observed.c.session_id)
            .join(desired, desired.c.service_id == observed.c.service_id)
            .where(observed.c.profile_key != desired.c.profile_key)
        )
        query = (
            select(
                sessions.c.id.label("session_id"),
                sessions.c.service_id,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                sessions.c.username,
                nas.c.name.label("nas"),
                desired.c.access.label("due_access"),
                desired.c.reason.label("due_reason"),
                desired.c.since_at,
                observed.c.access.label("seen_access"),
                observed.c.evidence,
                func.coalesce(pending_orders.c.attempts, 0).label("attempts"),
                pending_orders.c.next_attempt_at,
                pending_orders.c.last_error,
            )
            .select_from(
                sessions.join(desired, desired.c.service_id == sessions.c.service_id)
                .join(services, services.c.id == sessions.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .join(nas, nas.c.id == sessions.c.nas_id)
                .outerjoin(observed, observed.c.session_id == sessions.c.id)
                .outerjoin(pending_orders, pending_orders.c.session_id == sessions.c.id)
            )
            .where(
                sessions.c.stopped_at.is_(None),
                sessions.c.id.in_(select(pending_orders.c.session_id).union(differing)),
            )
            .order_by(desired.c.since_at, sessions.c.id)
            .limit(limit)
        )
        found = [Mismatch(**row) for row in await self._rows(query)]
        found += await StaticStatus(self._connection).mismatches(limit)
        return sorted(found, key=lambda one: one.since_at)[:limit]


def attempt_columns() -> Select[Any]:
    """Return a query of orders with the columns of Attempt."""
    made = enforcement_attempts.c
    came_back = (
        select(func.min(observed.c.observed_at))
        .where(
            made.action == "disconnect",
            observed.c.service_id == made.service_id,
            observed.c.profile_key == made.profile_key,
            observed.c.session_id != made.session_id,
            observed.c.observed_at >= made.sent_at,
        )
        .scalar_subquery()
    )
    return select(
        made.id,
        subscribers.c.number.label("subscriber_no"),
        subscribers.c.name,
        sessions.c.username,
        nas.c.name.label("nas"),
        made.session_id,
        made.action,
        made.access,
        made.reason,
        made.outcome,
        made.due_at,
        made.sent_at,
        made.answered_at,
        made.verified_at,
        came_back.label("returned_at"),
        made.disproved_at,
        made.error_cause,
        made.detail,
    ).select_from(
        enforcement_attempts.join(sessions, sessions.c.id == made.session_id)
        .join(nas, nas.c.id == made.nas_id)
        .outerjoin(services, services.c.id == made.service_id)
        .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
    )
