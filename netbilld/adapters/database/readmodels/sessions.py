"""Open sessions, as lists show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from netbilld.adapters.database.address_holders import Network, holder_ids
from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.queries import Queries, like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import desired, nas, observed, services, sessions, subscribers
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.readmodels import PAGE_LENGTH, SessionLine, SessionPage


class SessionQueries(Queries):
    """Sessions by the partial index of open ones, or by service."""

    async def session_lines(self, text: str, offset: int, areas: Areas = EVERYWHERE) -> SessionPage:
        """Return a page of open sessions by user name; `text` narrows by name, number, address, MAC or NAS.

        Those that are nobody's are in no area.
        """
        condition = and_(sessions.c.stopped_at.is_(None), _matching(text), in_areas(areas))
        joined: Any = _joined() if text.strip() or areas.is_limited else sessions
        total = await self._number(select(func.count()).select_from(joined).where(condition))
        # the page is picked by its keys alone: what is shown is looked up for fifty rows, not for all
        order = (sessions.c.username, sessions.c.id)
        picked = select(sessions.c.id).select_from(joined).where(condition).order_by(*order).limit(PAGE_LENGTH)
        query = session_columns().where(sessions.c.id.in_(picked.offset(offset))).order_by(*order)
        return SessionPage([SessionLine(**row) for row in await self._rows(query)], total)

    async def sessions_that_held(self, network: Network, at: datetime | None, limit: int) -> Sequence[SessionLine]:
        """Return the sessions that held an address or prefix, at a moment or at any time, newest first."""
        ids = await holder_ids(self._connection, network, at, limit)
        return await self._sessions_where(sessions.c.id.in_(ids), limit)

    async def _sessions_where(self, condition: ColumnElement[bool], limit: int) -> Sequence[SessionLine]:
        query = session_columns().where(condition).order_by(sessions.c.started_at.desc(), sessions.c.id).limit(limit)
        return [SessionLine(**row) for row in await self._rows(query)]


def _joined() -> Any:
    return (
        sessions.join(nas, nas.c.id == sessions.c.nas_id)
        .outerjoin(services, services.c.id == sessions.c.service_id)
        .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
        .outerjoin(desired, desired.c.service_id == sessions.c.service_id)
        .outerjoin(observed, observed.c.session_id == sessions.c.id)
    )


def session_columns() -> Select[Any]:
    """Return a query of sessions with the columns of SessionLine."""
    return select(
        sessions.c.id,
        subscribers.c.number.label("subscriber_no"),
        subscribers.c.name,
        sessions.c.username,
        nas.c.name.label("nas"),
        sessions.c.framed_ip,
        sessions.c.mac,
        sessions.c.acct_session_id,
        sessions.c.state,
        sessions.c.started_at,
        sessions.c.updated_at,
        sessions.c.stopped_at,
        sessions.c.terminate_cause,
        sessions.c.upload_octets,
        sessions.c.download_octets,
        sessions.c.upload_bps,
        sessions.c.download_bps,
        desired.c.access.label("due_access"),
        observed.c.access.label("seen_access"),
        sessions.c.disconnect_requested_at,
        sessions.c.is_local,
    ).select_from(_joined())


def _matching(text: str) -> ColumnElement[bool]:
    wanted = text.strip()
    if not wanted:
        return true()
    needle = like(wanted.lower())
    return or_(
        func.lower(sessions.c.username).like(needle, escape="\\"),
        func.lower(subscribers.c.name).like(needle, escape="\\"),
        func.lower(nas.c.name).like(needle, escape="\\"),
        subscribers.c.number == wanted,
        sessions.c.framed_ip == wanted,
        func.lower(sessions.c.mac).in_([wanted.lower(), credential_key(wanted), credential_key(wanted).lower()]),
    )
