"""Alerts: what should have come about and has not, found on record and kept there."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.static_status import StaticStatus
from netbilld.adapters.database.tables import (
    alerts,
    desired,
    effects,
    enforcement_attempts,
    nas,
    observed,
    pending_orders,
    sessions,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.raise_alerts import Alert, AlertKind, AlertPolicy, Trouble

MOST_SHOWN: Final = 1_000
_MOST_TROUBLES: Final = 20_000
_LEAST_TRIES: Final = 2  # the first order may just be under way
_ANSWERED: Final = ("acked", "nacked", "verified")
_UNANSWERED: Final = ("timed_out", "failed")
_REMEMBERED: Final = timedelta(days=2)  # of orders; a NAS that has left them unanswered for longer is tried meanwhile


class AlertStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def troubles(self, policy: AlertPolicy, now: datetime) -> list[Trouble]:
        """Return all that is wrong now."""
        mute = await self._without_orders(policy, now)
        return [
            *mute.values(),
            *await self._not_done(policy, now, mute),
            *await self._not_back(policy, now),
            *await StaticStatus(self._connection).troubles(policy, now),
        ]

    async def _without_orders(self, policy: AlertPolicy, now: datetime) -> dict[UUID, Trouble]:
        """Return the NAS that orders wait for and that have answered none for a while."""
        waiting = (
            select(sessions.c.nas_id, nas.c.name, func.count().label("waiting"))
            .select_from(pending_orders.join(sessions).join(nas, nas.c.id == sessions.c.nas_id))
            .where(sessions.c.stopped_at.is_(None), nas.c.removed_at.is_(None), pending_orders.c.attempts > 0)
            .group_by(sessions.c.nas_id, nas.c.name)
        )
        found: dict[UUID, Trouble] = {}
        made = enforcement_attempts.c
        for nas_id, name, _waiting in (await self._connection.execute(waiting)).all():
            of_nas = and_(made.nas_id == nas_id, made.sent_at >= now - _REMEMBERED)
            answered_at = await self._connection.scalar(
                select(func.max(made.sent_at)).where(of_nas, made.outcome.in_(_ANSWERED))
            )
            unanswered = and_(of_nas, made.outcome.in_(_UNANSWERED))
            if answered_at is not None:
                unanswered = and_(unanswered, made.sent_at > answered_at)
            since_at, count = (
                await self._connection.execute(select(func.min(made.sent_at), func.count()).where(unanswered))
            ).one()
            if count < _LEAST_TRIES or since_at > now - timedelta(seconds=policy.silent_seconds):
                continue
            last = select(made.detail).where(unanswered).order_by(made.sent_at.desc(), made.id.desc()).limit(1)
            reason = await self._connection.scalar(last) or "no answer"
            found[nas_id] = Trouble(AlertKind.NO_ORDERS, f"no_orders:{nas_id}", nas_id, name, reason)
        return found

    async def _not_done(self, policy: AlertPolicy, now: datetime, mute: Collection[UUID]) -> list[Trouble]:
        """Return the sessions that are not as they are due although what could be tried was."""
        due_since = func.coalesce(sessions.c.disconnect_requested_at, desired.c.since_at)
        order = pending_orders.c
        tried: ColumnElement[bool] = order.attempts >= _LEAST_TRIES
        if mute:
            tried = or_(tried, sessions.c.nas_id.in_(list(mute)))
        # the ladder is at its end, or no order can be sent at all
        is_stuck = or_(order.alerted_at.is_not(None), and_(order.attempts == 0, order.last_error.is_not(None)))
        query = (
            select(
                sessions.c.id, sessions.c.service_id, sessions.c.username, sessions.c.nas_id,
                nas.c.name.label("nas"), order.last_error, desired.c.access,
            )
            .select_from(
                pending_orders.join(sessions)
                .join(nas, nas.c.id == sessions.c.nas_id)
                .outerjoin(desired, desired.c.service_id == sessions.c.service_id)
            )
            .where(
                sessions.c.stopped_at.is_(None),
                or_(is_stuck, and_(tried, due_since <= now - timedelta(seconds=policy.done_seconds))),
            )
            .order_by(sessions.c.id)
            .limit(_MOST_TROUBLES)
        )  # fmt: skip
        found = []
        for row in await self._connection.execute(query):
            reason = row.last_error or ("its NAS answers no order" if row.nas_id in mute else "no effect was seen")
            wanted = f"{row.access}: " if row.access else ""
            found.append(
                Trouble(
                    AlertKind.NOT_DONE,
                    f"not_done:{row.id}",
                    row.nas_id,
                    row.nas,
                    (wanted + reason)[:200],
                    row.service_id,
                    row.username,
                )
            )
        return found

    async def _not_back(self, policy: AlertPolicy, now: datetime) -> list[Trouble]:
        """Return the services whose session was ended to give access back, and that have had none since."""
        table = effects.c
        has_session = (
            select(sessions.c.id)
            .join(observed, observed.c.session_id == sessions.c.id)
            .where(sessions.c.service_id == table.service_id, sessions.c.stopped_at.is_(None))
            .exists()
        )
        query = (
            select(table.service_id, table.nas_id, nas.c.name, first_username(table.service_id).label("username"))
            .join(nas, nas.c.id == table.nas_id)
            .where(
                table.ending.is_(None),
                table.is_return.is_(True),
                table.gone_at <= now - timedelta(seconds=policy.return_seconds),
                ~has_session,
            )
            .order_by(table.id)
            .limit(_MOST_TROUBLES)
        )
        seconds = f"{policy.return_seconds:g} s"
        return [
            Trouble(
                AlertKind.NOT_BACK,
                f"not_back:{row.service_id}",
                row.nas_id,
                row.name,
                f"its session was ended to restore it, and no log-in came for {seconds}",
                row.service_id,
                row.username or str(row.service_id),
            )
            for row in await self._connection.execute(query)
        ]

    async def open(self) -> list[Alert]:
        """Return the alerts that last, the newest first."""
        return await self._alerts(_shown().where(alerts.c.cleared_at.is_(None)).limit(_MOST_TROUBLES))

    async def newest(self, limit: int) -> list[Alert]:
        """Return the newest alerts, cleared ones too."""
        return await self._alerts(_shown().limit(limit))

    async def _alerts(self, query: Select[Any]) -> list[Alert]:
        return [
            Alert(
                row.id,
                Trouble(
                    AlertKind(row.kind), row.subject, row.nas_id, row.nas, row.reason, row.service_id, row.username
                ),
                row.raised_at,
                row.cleared_at,
            )
            for row in await self._connection.execute(query)
        ]

    async def add(self, troubles: Sequence[Trouble], now: datetime) -> None:
        """Keep troubles; one that is on record already stays as it was."""
        if not troubles:
            return
        statement = insert_into(self._connection, alerts).on_conflict_do_nothing()
        rows = [
            {
                "kind": trouble.kind.value,
                "subject": trouble.subject,
                "service_id": trouble.service_id,
                "nas_id": trouble.nas_id,
                "reason": trouble.reason[:200],
                "raised_at": now,
            }
            for trouble in troubles
        ]
        await self._connection.execute(statement, rows)

    async def clear(self, alert_ids: Collection[int], now: datetime) -> None:
        """Note that these are mended."""
        ids = list(alert_ids)
        for start in range(0, len(ids), MOST_SHOWN):
            await self._connection.execute(
                update(alerts).where(alerts.c.id.in_(ids[start : start + MOST_SHOWN])).values(cleared_at=now)
            )

    async def prune(self, before_at: datetime) -> int:
        """Let go of those that were cleared before then; return how many."""
        done = await self._connection.execute(delete(alerts).where(alerts.c.cleared_at < before_at))
        return done.rowcount


def _shown() -> Select[Any]:
    return (
        select(alerts, nas.c.name.label("nas"), first_username(alerts.c.service_id).label("username"))
        .join(nas, nas.c.id == alerts.c.nas_id)
        .order_by(alerts.c.raised_at.desc(), alerts.c.id.desc())
    )
