"""What people ask of lines with fixed addresses: how they stand, beside services that have sessions."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.static_lines import StaticLineStore
from netbilld.adapters.database.tables import (
    desired,
    nas,
    services,
    static_lines,
    static_routers,
    static_states,
    subscribers,
)
from netbilld.services.raise_alerts import AlertKind, AlertPolicy, Trouble
from netbilld.services.readmodels import LinesOfNas, Mismatch

if TYPE_CHECKING:
    from netbilld.adapters.database.enforcement_status import EnforcementStatus

_LEAST_TRIES: Final = 2  # one answer may get lost
_MOST_TROUBLES: Final = 20_000


class StaticStatus:
    """Reads for the command line and the panel."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def overlay(self, found: dict[UUID, "EnforcementStatus"], service_ids: Collection[UUID] | None) -> None:
        """Say of services with a line how that stands, unless a session of theirs is not as it should be."""
        store = StaticLineStore(self._connection)
        views = await store.views(service_ids=service_ids)
        troubles = await store.troubles() if views else {}
        for view in views:
            status, state = found.get(view.line.service_id), view.state
            if status is None or not status.agrees:
                continue
            if state is None:
                error = troubles.get(view.line.nas_id)
                found[view.line.service_id] = replace(status, agrees=False, last_error=error, is_line=True)
                continue
            found[view.line.service_id] = replace(
                status,
                observed=state.access.value if state.access is not None else None,
                evidence="api",
                observed_at=state.observed_at,
                agrees=view.agrees,
                attempts=state.attempts,
                last_error=state.last_error or (None if view.agrees else troubles.get(view.line.nas_id)),
                next_attempt_at=state.next_attempt_at,
                is_line=True,
            )

    async def waiting(self) -> int:
        """Return how many lines are not as they are due."""
        joined = static_lines.join(services, services.c.id == static_lines.c.service_id)
        joined = joined.join(desired, desired.c.service_id == static_lines.c.service_id)
        joined = joined.outerjoin(static_states, static_states.c.line_id == static_lines.c.id)
        query = select(func.count()).select_from(joined).where(_differs())
        return int((await self._connection.scalar(query)) or 0)

    async def mismatches(self, limit: int) -> Sequence[Mismatch]:
        """Return lines that are not as they are due, the oldest case first."""
        return [
            Mismatch(
                None,
                line["service_id"],
                line["subscriber_no"],
                line["name"],
                line["username"] or "",
                line["nas"],
                line["due_access"],
                line["due_reason"],
                line["since_at"],
                line["seen_access"],
                "api",
                line["attempts"],
                line["next_attempt_at"],
                line["last_error"],
            )
            for line in await self._differing(limit)
        ]

    async def _differing(self, limit: int) -> Sequence[RowMapping]:
        query = (
            select(
                static_lines.c.id,
                static_lines.c.service_id,
                static_lines.c.nas_id,
                static_lines.c.created_at,
                static_states.c.last_error.label("line_error"),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                first_username(static_lines.c.service_id).label("username"),
                nas.c.name.label("nas"),
                desired.c.access.label("due_access"),
                desired.c.reason.label("due_reason"),
                desired.c.since_at,
                static_states.c.access.label("seen_access"),
                func.coalesce(static_states.c.attempts, 0).label("attempts"),
                static_states.c.next_attempt_at,
                func.coalesce(static_states.c.last_error, static_routers.c.trouble).label("last_error"),
            )
            .select_from(
                static_lines.join(services, services.c.id == static_lines.c.service_id)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .join(nas, nas.c.id == static_lines.c.nas_id)
                .join(desired, desired.c.service_id == static_lines.c.service_id)
                .outerjoin(static_states, static_states.c.line_id == static_lines.c.id)
                .outerjoin(static_routers, static_routers.c.nas_id == static_lines.c.nas_id)
            )
            .where(_differs())
            .order_by(desired.c.since_at, static_lines.c.id)
            .limit(limit)
        )
        return (await self._connection.execute(query)).mappings().all()

    async def troubles(self, policy: AlertPolicy, now: datetime) -> list[Trouble]:
        """Return the routers whose lines can't be kept, and the lines that are not as they are due and should be."""
        away = (
            select(static_routers.c.nas_id, nas.c.name, static_routers.c.trouble)
            .join(nas, nas.c.id == static_routers.c.nas_id)
            .where(
                static_routers.c.trouble.is_not(None),
                static_routers.c.failures >= _LEAST_TRIES,
                nas.c.removed_at.is_(None),
                static_routers.c.nas_id.in_(select(static_lines.c.nas_id).where(static_lines.c.cleared_at.is_(None))),
            )
        )
        found = [
            Trouble(
                AlertKind.NO_ORDERS,
                f"no_orders:lines:{row.nas_id}",
                row.nas_id,
                row.name,
                f"its static subscribers can't be kept: {row.trouble}",
            )
            for row in await self._connection.execute(away)
        ]
        patience = timedelta(seconds=policy.done_seconds)
        for line in await self._differing(_MOST_TROUBLES):
            if not line["line_error"] and now - max(line["since_at"], line["created_at"]) < patience:
                continue
            error = line["last_error"] or "no effect was seen"
            found.append(
                Trouble(
                    AlertKind.NOT_DONE,
                    f"not_done:line:{line['id']}",
                    line["nas_id"],
                    line["nas"],
                    f"{line['due_access']}: {error}",
                    line["service_id"],
                    line["username"] or str(line["service_id"]),
                )
            )
        return found

    async def of_nas(self, nas_id: UUID) -> LinesOfNas | None:
        """Return how a router's lines stand; None where it has none."""
        views = await StaticLineStore(self._connection).views(nas_id=nas_id)
        if not views:
            return None
        router = await StaticLineStore(self._connection).router(nas_id)
        return LinesOfNas(
            lines=len(views),
            differ=sum(not view.agrees for view in views),
            read_at=router.answered_at if router is not None else None,
            trouble=router.trouble if router is not None else None,
            notes=[
                *(router.notes if router is not None else ()),
                *(
                    f"{view.username}: {words}"
                    for view in views
                    if view.state is not None
                    for words in (*view.state.notes, *((view.state.last_error,) if view.state.last_error else ()))
                ),
            ],
        )


def _differs() -> ColumnElement[bool]:
    return and_(
        static_lines.c.removed_at.is_(None),
        services.c.ended_at.is_(None),
        or_(
            static_states.c.line_id.is_(None),
            static_states.c.agrees.is_(False),
            static_states.c.profile_key != desired.c.profile_key,
        ),
    )
