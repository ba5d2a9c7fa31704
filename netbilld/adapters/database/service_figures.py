"""What the check of delivered against billed looks at, as the database finds it."""

from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    billing_states,
    credentials,
    meters,
    plan_versions,
    service_terms,
    services,
    sessions,
    static_lines,
    subscribers,
)
from netbilld.billing.plan import Timing
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.service_checks import ServiceFigures

NAMED: Final = 100
_ACTIVE: Final = services.c.status == "active"
_LATE: Final = timedelta(days=1)  # a run is missed by then, and not only still to come


async def service_figures(connection: AsyncConnection, today: date) -> ServiceFigures:
    """Return the figures of one moment; run it in a read transaction."""
    plans = {
        row.id: plan_from_definition(row.definition)
        for row in await connection.execute(select(plan_versions.c.id, plan_versions.c.definition))
    }
    by_invoice = [key for key, plan in plans.items() if plan.timing is Timing.POSTPAID]
    begun = and_(_ACTIVE, services.c.activated_on <= today)
    own = service_terms.alias("own")
    newest = select(func.max(own.c.from_on)).where(own.c.service_id == services.c.id, own.c.from_on <= today)
    is_free = exists().where(
        service_terms.c.service_id == services.c.id,
        service_terms.c.from_on == newest.correlate(services).scalar_subquery(),
        service_terms.c.free,
    )
    free_plans = services.c.plan_version_id.in_([key for key, plan in plans.items() if plan.free])
    reached = or_(
        *(exists().where(table.c.service_id == services.c.id) for table in (credentials, static_lines, meters))
    )
    state = billing_states.c
    looked_at = exists().where(
        state.service_id == services.c.id, or_(state.next_on.is_(None), state.next_on > today - _LATE)
    )
    in_use = exists().where(sessions.c.service_id == services.c.id, sessions.c.stopped_at.is_(None))
    return ServiceFigures(
        active=await _count(connection, begun),
        free=await _count(connection, and_(begun, or_(is_free, free_plans))),
        without_access=await _named(connection, and_(begun, ~reached)),
        unbilled=await _named(
            connection,
            and_(
                _ACTIVE, services.c.activated_on < today - _LATE, services.c.plan_version_id.in_(by_invoice), ~looked_at
            ),
        ),
        in_use_after_end=await _named(connection, and_(services.c.status == "ended", in_use)),
    )


async def _count(connection: AsyncConnection, wanted: ColumnElement[bool]) -> int:
    return int(await connection.scalar(select(func.count()).select_from(services).where(wanted)) or 0)


async def _named(connection: AsyncConnection, wanted: ColumnElement[bool]) -> tuple[str, ...]:
    name: Any = (
        select(func.min(credentials.c.name))
        .where(credentials.c.service_id == services.c.id)
        .correlate(services)
        .scalar_subquery()
    )
    query = (
        select(subscribers.c.number, name.label("name"))
        .join(services, services.c.subscriber_id == subscribers.c.id)
        .where(wanted)
        .order_by(subscribers.c.number, services.c.id)
        .limit(NAMED)
    )
    return tuple(f"{row.number} {row.name or ''}".rstrip() for row in await connection.execute(query))
