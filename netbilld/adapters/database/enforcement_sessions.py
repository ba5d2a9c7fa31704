"""Sessions that orders may be for: open ones, with what is due, what was seen, and the order that waits."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    desired,
    nas,
    observed,
    pending_orders,
    sessions,
)
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.ladder import Change, Position
from netbilld.enforcement.observed import Evidence, ObservedService
from netbilld.enforcement.order_form import OrderForm, switch
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.order_book import (
    NasRecord,
    PendingOrder,
    SessionToCheck,
)

_SESSIONS_A_TURN: Final = 128
IDS_A_QUERY: Final = 10_000

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
        sessions.c.ipv6_prefix,
        sessions.c.delegated_prefix,
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


class SessionsToCheck:
    """Finds them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sessions_of(self, service_ids: Collection[UUID], session_ids: Collection[int]) -> list[SessionToCheck]:
        """Return the open ones of these sessions, and the open sessions of these services."""
        found: dict[int, SessionToCheck] = {}
        for services_part in in_parts(service_ids):
            for session in await self._check(sessions.c.service_id.in_(services_part)):
                found[session.session_id] = session
        for sessions_part in in_parts(session_ids):
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
        for part in in_parts(session_ids):
            query = select(sessions.c.id).where(sessions.c.id.in_(part), sessions.c.stopped_at.is_(None))
            found.update((await self._connection.execute(query)).scalars())
        return found


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
        has_ipv6=row["ipv6_prefix"] is not None or row["delegated_prefix"] is not None,
        heard_at=row["heard_at"],
        is_local=row["is_local"],
    )


def in_parts(ids: Collection[Any]) -> list[list[Any]]:
    """Return named ids as many at a time as either database takes in one statement."""
    wanted = list(ids)
    return [wanted[start : start + IDS_A_QUERY] for start in range(0, len(wanted), IDS_A_QUERY)]
