"""Lines with fixed addresses: what is wanted, what was done for it, what was seen."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.device_clock import DeviceClock
from netbilld.adapters.database.among import among
from netbilld.adapters.database.enforcement_due import DueQueries
from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.tables import (
    Instant,
    desired,
    meters,
    nas,
    services,
    static_attempts,
    static_lines,
    static_routers,
    static_states,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.enforcement.profile import Access
from netbilld.model.errors import RefusedError
from netbilld.services.fixed_addresses import FixedAddress
from netbilld.services.static_book import (
    LineAttempt,
    LineAttemptEnd,
    LineRecord,
    LineState,
    LineToKeep,
    LineView,
    RouterRecord,
    line_key,
)

_LINE: Final = tuple(
    static_lines.c[name] for name in ("id", "service_id", "nas_id", "targets", "created_at", "removed_at")
)
_STATE_NAMES: Final = (
    "access", "profile_key", "observed_at", "agrees", "wanted_key", "attempts", "next_attempt_at", "last_error",
    "notes",
)  # fmt: skip
_STATE: Final = tuple(static_states.c[name].label(f"state_{name}") for name in _STATE_NAMES)
_IN_USE: Final = and_(static_lines.c.removed_at.is_(None), services.c.ended_at.is_(None))
_LONGEST: Final = 300


class StaticLineStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- what is wanted ------------------------------------------------------------------------------------------------

    async def add(self, service_id: UUID, nas_id: UUID, targets: Sequence[str], now: datetime) -> LineRecord:
        """Store a new line.

        Raises:
            RefusedError: the service has one.
        """
        values = {"service_id": service_id, "nas_id": nas_id, "targets": list(targets), "created_at": now}
        try:
            row = (await self._connection.execute(insert(static_lines).values(values).returning(*_LINE))).one()
        except IntegrityError:
            raise RefusedError("the service has a line already", code="line_taken") from None
        return _line(row)

    async def remove(self, line_id: int, at: datetime) -> None:
        """Have a line go from its router."""
        await self._connection.execute(update(static_lines).where(static_lines.c.id == line_id).values(removed_at=at))

    async def of_service(self, service_id: UUID) -> LineRecord | None:
        """Return a service's line."""
        query = select(*_LINE).where(static_lines.c.service_id == service_id, static_lines.c.removed_at.is_(None))
        row = (await self._connection.execute(query)).one_or_none()
        return _line(row) if row is not None else None

    async def leaving(self, service_id: UUID, nas_id: UUID) -> list[int]:
        """Return the lines of a service that are to go from a router and are not known to be gone."""
        query = select(static_lines.c.id).where(
            static_lines.c.service_id == service_id,
            static_lines.c.nas_id == nas_id,
            static_lines.c.removed_at.is_not(None),
            static_lines.c.cleared_at.is_(None),
        )
        return list(await self._connection.scalars(query))

    async def views(self, *, nas_id: UUID | None = None, service_ids: Collection[UUID] | None = None) -> list[LineView]:
        """Return lines in use, by user name; of one router or some services if they are named."""
        query = self._joined().where(_IN_USE)
        if nas_id is not None:
            query = query.where(static_lines.c.nas_id == nas_id)
        if service_ids is not None:
            query = query.where(among(self._connection, static_lines.c.service_id, service_ids))
        views = [
            LineView(
                _line(row),
                row.username or "",
                row.nas_name,
                row.desired_access,
                row.desired_reason,
                row.desired_key,
                row.desired_since_at,
                _state(row),
            )
            for row in await self._connection.execute(query)
        ]
        return sorted(views, key=lambda view: (view.username, view.line.id))

    async def fixed(self) -> list[FixedAddress]:
        """Return the addresses and prefixes of the lines in use, with a user name of each."""
        query = (
            select(static_lines.c.service_id, first_username(static_lines.c.service_id), static_lines.c.targets)
            .join(services, services.c.id == static_lines.c.service_id)
            .where(_IN_USE)
        )
        return [
            FixedAddress(service_id, username or "", target)
            for service_id, username, targets in await self._connection.execute(query)
            for target in targets
        ]

    async def count_on(self, nas_id: UUID) -> int:
        """Return how many lines are in use on a router."""
        query = (
            select(func.count())
            .select_from(static_lines.join(services, services.c.id == static_lines.c.service_id))
            .where(static_lines.c.nas_id == nas_id, _IN_USE)
        )
        return int((await self._connection.scalar(query)) or 0)

    async def abandon(self, nas_id: UUID, at: datetime) -> None:
        """Give up a router's lines without taking them from it: it is removed, or out of reach for good."""
        mine = and_(static_lines.c.nas_id == nas_id, static_lines.c.cleared_at.is_(None))
        service_ids = await self._connection.scalars(select(static_lines.c.service_id).where(mine))
        await self._remove_meters([line_key(nas_id, service_id) for service_id in service_ids], at)
        await self._connection.execute(update(static_lines).where(mine).values(**_over(at)))

    # -- keeping it so -------------------------------------------------------------------------------------------------

    async def routers(self) -> dict[UUID, list[UUID]]:
        """Return, by router, the services that something of is there or should be."""
        query = (
            select(static_lines.c.nas_id, static_lines.c.service_id)
            .join(nas, nas.c.id == static_lines.c.nas_id)
            .where(static_lines.c.cleared_at.is_(None), nas.c.removed_at.is_(None))
        )
        found: dict[UUID, list[UUID]] = {}
        for nas_id, service_id in await self._connection.execute(query):
            found.setdefault(nas_id, []).append(service_id)
        return found

    async def router_names(self, nas_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return what routers are called."""
        query = select(nas.c.id, nas.c.name).where(among(self._connection, nas.c.id, nas_ids))
        return {row.id: row.name for row in await self._connection.execute(query)}

    async def to_keep(self, nas_id: UUID) -> list[LineToKeep]:
        """Return the lines that a router has or should have."""
        query = self._joined().where(static_lines.c.nas_id == nas_id, static_lines.c.cleared_at.is_(None))
        rows = (await self._connection.execute(query.order_by(static_lines.c.id))).all()
        due = await DueQueries(self._connection).desired(row.service_id for row in rows)
        return [
            LineToKeep(
                _line(row),
                row.username or str(row.service_id),
                row.removed_at is not None or row.ended_at is not None,
                due.get(row.service_id),
                _state(row),
            )
            for row in rows
        ]

    async def known_services(self, service_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these services are ours, ended ones too."""
        query = select(services.c.id).where(among(self._connection, services.c.id, service_ids))
        return set(await self._connection.scalars(query))

    async def elsewhere(self, service_ids: Collection[UUID], nas_id: UUID) -> dict[UUID, str]:
        """Return which of these services have a line on another router, and what that is called."""
        query = (
            select(static_lines.c.service_id, nas.c.name)
            .join(nas, nas.c.id == static_lines.c.nas_id)
            .join(services, services.c.id == static_lines.c.service_id)
            .where(
                among(self._connection, static_lines.c.service_id, service_ids),
                static_lines.c.nas_id != nas_id,
                _IN_USE,
            )
        )
        return {row.service_id: row.name for row in await self._connection.execute(query)}

    async def observe(self, states: Sequence[LineState]) -> None:
        """Keep what was seen of lines."""
        if not states:
            return
        statement = insert_into(self._connection, static_states)
        changed = {name: statement.excluded[name] for name in _STATE_NAMES}
        rows = [
            {**asdict(state), "notes": list(state.notes), "last_error": _short(state.last_error)} for state in states
        ]
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["line_id"], set_=changed), rows)

    async def begin_attempts(self, attempts: Sequence[LineAttempt]) -> list[int]:
        """Write down orders before they leave; return their ids in the same order."""
        if not attempts:
            return []
        rows = [{**asdict(attempt), "outcome": "sent"} for attempt in attempts]
        query = insert(static_attempts).returning(static_attempts.c.id, sort_by_parameter_order=True)
        return list(await self._connection.scalars(query, rows))

    async def end_attempts(self, ends: Sequence[LineAttemptEnd]) -> None:
        """Write down what came of orders."""
        if not ends:
            return
        query = (
            update(static_attempts)
            .where(static_attempts.c.id == bindparam("attempt"))
            .values({name: bindparam(f"new_{name}") for name in ("outcome", "ended_at", "verified_at", "detail")})
        )
        rows = [
            {
                "attempt": end.attempt_id,
                "new_outcome": end.outcome,
                "new_ended_at": end.ended_at,
                "new_verified_at": end.verified_at,
                "new_detail": _short(end.detail),
            }
            for end in ends
        ]
        await self._connection.execute(query, rows)

    async def retry_all(self) -> list[UUID]:
        """Make every change that waits for its next try due now; return the services they are for."""
        waits = static_states.c.next_attempt_at.is_not(None)
        query = (
            select(static_lines.c.service_id)
            .join(static_states, static_states.c.line_id == static_lines.c.id)
            .where(waits, static_lines.c.cleared_at.is_(None))
        )
        service_ids = list(await self._connection.scalars(query))
        await self._connection.execute(update(static_states).where(waits).values(next_attempt_at=None))
        return service_ids

    async def interrupted(self, now: datetime) -> int:
        """Close orders that an earlier process left open: what came of them, the next look tells."""
        result = await self._connection.execute(
            update(static_attempts)
            .where(static_attempts.c.outcome == "sent")
            .values(outcome="failed", ended_at=now, detail="cut off by a restart; what holds is read from the router")
        )
        return int(result.rowcount)

    async def clear(self, line_ids: Collection[int], at: datetime) -> None:
        """Note that nothing of these lines is on their routers any more; their meters end with them."""
        wanted = list(line_ids)
        rows = await self._connection.execute(
            select(static_lines.c.nas_id, static_lines.c.service_id).where(static_lines.c.id.in_(wanted))
        )
        await self._remove_meters([line_key(row.nas_id, row.service_id) for row in rows], at)
        await self._connection.execute(update(static_lines).where(static_lines.c.id.in_(wanted)).values(**_over(at)))

    async def _remove_meters(self, keys: Sequence[str], at: datetime) -> None:
        mine = and_(meters.c.source == "api", meters.c.key.in_(keys), meters.c.removed_at.is_(None))
        await self._connection.execute(update(meters).where(mine).values(removed_at=at))

    # -- routers -------------------------------------------------------------------------------------------------------

    async def router(self, nas_id: UUID) -> RouterRecord | None:
        """Return how it goes with a router."""
        row = (
            await self._connection.execute(select(static_routers).where(static_routers.c.nas_id == nas_id))
        ).one_or_none()
        if row is None:
            return None
        clock = None
        if row.clock_at is not None:
            clock = DeviceClock(row.ticks, row.clock_at, row.boots, is_host=True, began=row.began)
        return RouterRecord(
            nas_id,
            row.asked_at,
            row.answered_at,
            row.failures,
            row.trouble,
            tuple(row.notes),
            tuple(row.lists),
            clock,
        )

    async def keep_router(self, router: RouterRecord) -> None:
        """Keep how it goes with a router."""
        clock = router.clock
        values: dict[str, Any] = {
            "asked_at": router.asked_at,
            "answered_at": router.answered_at,
            "failures": router.failures,
            "trouble": _short(router.trouble),
            "notes": list(router.notes),
            "lists": list(router.lists),
            "ticks": clock.ticks if clock else 0,
            "boots": clock.boots if clock else 0,
            "began": clock.began if clock else "",
            "clock_at": clock.at if clock else None,
        }
        statement = insert_into(self._connection, static_routers).values(nas_id=router.nas_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["nas_id"], set_=values))

    async def forget_router(self, nas_id: UUID) -> None:
        """Forget how it goes with a router, and what was seen of its lines there: another one has taken its place."""
        lines = select(static_lines.c.id).where(static_lines.c.nas_id == nas_id)
        await self._connection.execute(delete(static_states).where(static_states.c.line_id.in_(lines)))
        await self._connection.execute(delete(static_routers).where(static_routers.c.nas_id == nas_id))

    async def troubles(self) -> dict[UUID, str]:
        """Return why routers with lines can't be kept, of those that can't."""
        query = (
            select(static_routers.c.nas_id, static_routers.c.trouble)
            .join(nas, nas.c.id == static_routers.c.nas_id)
            .where(static_routers.c.trouble.is_not(None), nas.c.removed_at.is_(None))
        )
        return {row.nas_id: row.trouble for row in await self._connection.execute(query)}

    def _joined(self) -> Select[Any]:
        return select(
            *_LINE,
            services.c.ended_at,
            first_username(static_lines.c.service_id).label("username"),
            nas.c.name.label("nas_name"),
            desired.c.access.label("desired_access"),
            desired.c.reason.label("desired_reason"),
            desired.c.profile_key.label("desired_key"),
            desired.c.since_at.label("desired_since_at"),
            static_states.c.line_id.label("state_line_id"),
            *_STATE,
        ).select_from(
            static_lines.join(services, services.c.id == static_lines.c.service_id)
            .join(nas, nas.c.id == static_lines.c.nas_id)
            .outerjoin(desired, desired.c.service_id == static_lines.c.service_id)
            .outerjoin(static_states, static_states.c.line_id == static_lines.c.id)
        )


def _line(row: Any) -> LineRecord:
    return LineRecord(row.id, row.service_id, row.nas_id, tuple(row.targets), row.created_at, row.removed_at)


def _state(row: Any) -> LineState | None:
    if row.state_line_id is None:
        return None
    said = {name: getattr(row, f"state_{name}") for name in _STATE_NAMES}
    access = Access(said["access"]) if said["access"] is not None else None
    return LineState(row.state_line_id, **{**said, "access": access, "notes": tuple(said["notes"])})


def _over(at: datetime) -> dict[str, Any]:
    return {"cleared_at": at, "removed_at": func.coalesce(static_lines.c.removed_at, literal(at, Instant()))}


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST]
