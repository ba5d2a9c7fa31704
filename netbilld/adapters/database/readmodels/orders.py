"""Alerts, a NAS's orders and how services came to be what they are, as pages show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select

from netbilld.adapters.database.effects import EffectStore
from netbilld.adapters.database.enforcement_history import HistoryStore
from netbilld.adapters.database.queries import Queries, first_username
from netbilld.adapters.database.tables import (
    alerts,
    desired,
    enforcement_attempts,
    nas,
    pending_orders,
    services,
    sessions,
    subscribers,
)
from netbilld.enforcement.effect_figures import Timed
from netbilld.services.enforcement_history import ServiceChange
from netbilld.services.order_views import AlertLine, AlertsShown, DriftLine, NasOrdersShown, OrderFailure

_MOST_FAILURES: Final = 12
_MOST_ALERTS: Final = 12
_MOST_DRIFTS: Final = 12
_FAILED: Final = ("nacked", "timed_out", "failed")


class OrderViewQueries(Queries):
    """Reads about orders that did not help, and about those that did."""

    async def alert_lines(self, limit: int) -> AlertsShown:
        """Return the newest alerts that last; those of NAS before those of services."""
        rows = await self._rows(_alert_lines().limit(limit))
        lasting = select(func.count()).select_from(alerts).where(alerts.c.cleared_at.is_(None))
        return AlertsShown([AlertLine(**row) for row in rows], await self._number(lasting))

    async def nas_orders(self, nas_id: UUID, since_at: datetime) -> NasOrdersShown:
        """Return how a NAS's orders do, with what went wrong since then."""
        due_since = func.coalesce(sessions.c.disconnect_requested_at, desired.c.since_at)
        waiting = (
            select(func.count().label("waiting"), func.min(due_since).label("oldest_at"))
            .select_from(
                pending_orders.join(sessions).outerjoin(desired, desired.c.service_id == sessions.c.service_id)
            )
            .where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None))
        )
        made = enforcement_attempts.c
        failures = (
            select(
                made.action,
                made.outcome,
                made.error_cause,
                made.detail,
                func.count().label("count"),
                func.max(made.sent_at).label("last_at"),
            )
            .where(made.nas_id == nas_id, made.sent_at >= since_at, made.outcome.in_(_FAILED))
            .group_by(made.action, made.outcome, made.error_cause, made.detail)
            .order_by(func.max(made.sent_at).desc())
            .limit(_MOST_FAILURES)
        )
        found = await self._row(waiting)
        assert found is not None, "an aggregate has one row"  # noqa: S101
        of_nas = _alert_lines().where(alerts.c.nas_id == nas_id).limit(_MOST_ALERTS)
        return NasOrdersShown(
            found["waiting"],
            found["oldest_at"],
            [OrderFailure(**row) for row in await self._rows(failures)],
            await self._drifts(nas_id, since_at),
            [AlertLine(**row) for row in await self._rows(of_nas)],
        )

    async def _drifts(self, nas_id: UUID, since_at: datetime) -> list[DriftLine]:
        made, later = enforcement_attempts.c, enforcement_attempts.alias()
        mended_at = (
            select(func.min(later.c.verified_at))
            .where(
                later.c.session_id == made.session_id,
                later.c.profile_key == made.profile_key,
                later.c.verified_at >= made.disproved_at,
            )
            .scalar_subquery()
        )
        query = (
            select(
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                sessions.c.username,
                made.detail.label("words"),
                made.disproved_at.label("at"),
                mended_at.label("mended_at"),
            )
            .select_from(
                enforcement_attempts.join(sessions, sessions.c.id == made.session_id)
                .outerjoin(services, services.c.id == made.service_id)
                .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
            )
            .where(made.nas_id == nas_id, made.sent_at >= since_at, made.disproved_at.is_not(None))
            .order_by(made.disproved_at.desc())
            .limit(_MOST_DRIFTS)
        )
        return [DriftLine(**row) for row in await self._rows(query)]

    async def service_changes(self, number: str, limit: int) -> Sequence[ServiceChange]:
        """Return the newest changes of what a subscriber's services were due, the newest first."""
        mine = (
            select(services.c.id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(subscribers.c.number == number)
        )
        service_ids = [row["id"] for row in await self._rows(mine)]
        return await HistoryStore(self._connection).of_services(service_ids, limit) if service_ids else []

    async def timed_effects(self, since_at: datetime, limit: int) -> Sequence[Timed]:
        """Return the changes that were seen since then, the newest first."""
        return await EffectStore(self._connection).seen_since(since_at, limit)


def _alert_lines() -> Select[Any]:
    return (
        select(
            alerts.c.kind,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name,
            first_username(alerts.c.service_id).label("username"),
            nas.c.name.label("nas"),
            alerts.c.reason,
            alerts.c.raised_at,
        )
        .select_from(
            alerts.join(nas, nas.c.id == alerts.c.nas_id)
            .outerjoin(services, services.c.id == alerts.c.service_id)
            .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
        )
        .where(alerts.c.cleared_at.is_(None))
        .order_by(alerts.c.service_id.is_not(None), alerts.c.raised_at.desc(), alerts.c.id.desc())
    )
