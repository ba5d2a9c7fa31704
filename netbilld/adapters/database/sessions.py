"""Sessions: as people and other programs look at them; how the meter reads and writes them is beside this."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update

from netbilld.accounting.session import JOURNAL_BITS, Session, SessionState
from netbilld.adapters.database.address_holders import Network, holder_ids
from netbilld.adapters.database.metered_sessions import COLUMNS, MeteredSessions, session_of_row
from netbilld.adapters.database.tables import journal_cursors, nas, sessions
from netbilld.enforcement.session_limit import HeldSession
from netbilld.radius.location import normalise_port

_SELECT: Final = select(*(sessions.c[name] for name in COLUMNS))
_OPEN: Final = (SessionState.STARTING, SessionState.LIVE, SessionState.LATE)
_BATCH: Final = 5_000

# in the order of HeldSession
_HELD: Final = (
    "id",
    "service_id",
    "nas_id",
    "mac",
    "nas_port_id",
    "started_at",
    "updated_at",
    "interval_seconds",
    "disconnect_requested_at",
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as people and other programs see it; octets from the subscriber's point of view, rates in bit/s."""

    id: int
    username: str
    service_id: UUID | None
    nas_id: UUID
    nas: str
    acct_session_id: str
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    nas_port_id: str | None
    nas_source: str | None
    state: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    session_seconds: int
    upload_octets: int
    download_octets: int
    upload_bps: int
    download_bps: int
    disconnect_requested_at: datetime | None
    disconnect_requested_by: str | None
    is_local: bool


_LINE: Final = tuple(field.name for field in fields(SessionLine) if field.name != "nas")


@dataclass(frozen=True, slots=True)
class SessionAtAddress:
    """An open session that holds an address, and where its NAS says portal requests may come from."""

    session_id: int
    service_id: UUID | None
    username: str
    nas_id: UUID
    nas: str
    portal_sources: tuple[str, ...]


class SessionStore(MeteredSessions):
    """Queries of one transaction."""

    # -- silence -------------------------------------------------------------------------------------------------------

    async def silent_since(self, before: datetime, limit: int, after: Session | None = None) -> list[Session]:
        """Return open sessions that have said nothing since `before`, longest silent first, going on `after` one.

        The meter, on whatever node, waits with those it has records of until this transaction ends.
        """
        await self.hold_all()
        conditions = [sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN), sessions.c.updated_at < before]
        if after is not None:
            conditions.append(tuple_(sessions.c.updated_at, sessions.c.id) > tuple_(after.updated_at, after.id))
        query = _SELECT.where(*conditions).order_by(sessions.c.updated_at, sessions.c.id).limit(limit)
        rows = (await self._connection.execute(query.with_for_update(skip_locked=True))).all()
        return [session_of_row(row) for row in rows]

    # -- the limit of sessions at once ---------------------------------------------------------------------------------

    async def nas_ids(self) -> list[UUID]:
        """Return every NAS that may have sessions, removed ones too."""
        return list(await self._connection.scalars(select(nas.c.id).order_by(nas.c.id)))

    async def held_on(self, nas_id: UUID, but_journal: int | None = None) -> list[HeldSession]:
        """Return the open sessions of services on a NAS; without those that the journal of that number has opened."""
        query = select(*(sessions.c[name] for name in _HELD)).where(
            sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None)
        )
        if but_journal is not None:
            first = but_journal << JOURNAL_BITS
            query = query.where((sessions.c.id < first) | (sessions.c.id >= first + (1 << JOURNAL_BITS)))
        return [_held(row) for row in await self._connection.execute(query)]

    async def held(self, session_ids: Collection[int]) -> list[HeldSession]:
        """Return those of these sessions that are open and a service's."""
        found: list[HeldSession] = []
        for some in _batches(list(session_ids)):
            query = select(*(sessions.c[name] for name in _HELD)).where(
                sessions.c.id.in_(some), sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None)
            )
            found += [_held(row) for row in await self._connection.execute(query)]
        return found

    async def stations(self, limit: int) -> list[tuple[str, str]]:
        """Return user name and MAC of open sessions of services, the newest first."""
        query = (
            select(sessions.c.username, sessions.c.mac)
            .where(sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None), sessions.c.mac.is_not(None))
            .order_by(sessions.c.id.desc())
            .limit(limit)
        )
        return [(row.username, row.mac) for row in await self._connection.execute(query)]

    async def journals(self, journal: UUID, since: datetime) -> tuple[int | None, bool]:
        """Return a journal's number, and whether another node has applied its own since that moment."""
        number, others = None, False
        table = journal_cursors.c
        for row in await self._connection.execute(select(table.journal, table.number, table.applied_at)):
            if row.journal == str(journal):
                number = int(row.number)
            else:
                others = others or row.applied_at >= since
        return number, others

    # -- people -------------------------------------------------------------------------------------------------------

    async def list_sessions(
        self,
        *,
        username: str | None = None,
        service_id: UUID | None = None,
        nas_id: UUID | None = None,
        open_only: bool = True,
        limit: int | None = None,
    ) -> list[SessionLine]:
        """Return sessions, newest first; `username` in any letter case is the one the NAS said."""
        conditions: list[ColumnElement[bool]] = []
        if open_only:
            conditions += [sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN)]
        if username is not None:
            conditions.append(func.lower(sessions.c.username) == username.lower())
        if service_id is not None:
            conditions.append(sessions.c.service_id == service_id)
        if nas_id is not None:
            conditions.append(sessions.c.nas_id == nas_id)
        order = (sessions.c.started_at.desc(), sessions.c.id.desc())
        query = _line_query().where(*conditions).order_by(*order).limit(limit)
        return [_line(row) for row in (await self._connection.execute(query)).mappings()]

    async def that_held(self, network: Network, at: datetime | None, limit: int) -> list[SessionLine]:
        """Return the sessions that held an address or prefix, at a moment or at any time, newest first."""
        ids = await holder_ids(self._connection, network, at, limit)
        query = _line_query().where(sessions.c.id.in_(ids))
        order = (sessions.c.started_at.desc(), sessions.c.id.desc())
        return [_line(row) for row in (await self._connection.execute(query.order_by(*order))).mappings()]

    async def get(self, session_id: int) -> SessionLine | None:
        """Return one session."""
        query = _line_query().where(sessions.c.id == session_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return _line(row) if row else None

    async def open_of_services(self, service_ids: Collection[UUID]) -> dict[UUID, list[SessionLine]]:
        """Return the open sessions of each of these services."""
        found: dict[UUID, list[SessionLine]] = {}
        for some in _batches(list(service_ids)):
            query = _line_query().where(sessions.c.service_id.in_(some), sessions.c.stopped_at.is_(None))
            for row in (await self._connection.execute(query.order_by(sessions.c.id))).mappings():
                found.setdefault(row["service_id"], []).append(_line(row))
        return found

    async def request_disconnect(self, session_id: int, by: str, at: datetime) -> bool:
        """Ask that an open session be disconnected; False if it is not open. Asking again changes nothing."""
        asked = await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.stopped_at.is_(None))
            .values(
                disconnect_requested_at=func.coalesce(sessions.c.disconnect_requested_at, at),
                disconnect_requested_by=func.coalesce(sessions.c.disconnect_requested_by, by[:200]),
            )
        )
        return asked.rowcount == 1

    async def by_framed_ip(self, framed_ip: str) -> list[SessionAtAddress]:
        """Return the open sessions that hold an address: several where two sites use the same range."""
        query = (
            select(
                sessions.c.id,
                sessions.c.service_id,
                sessions.c.username,
                sessions.c.nas_id,
                nas.c.name,
                nas.c.portal_sources,
            )
            .join(nas, nas.c.id == sessions.c.nas_id)
            .where(sessions.c.framed_ip == framed_ip, sessions.c.state.in_(_OPEN), sessions.c.stopped_at.is_(None))
            .order_by(sessions.c.id)
        )
        return [
            SessionAtAddress(row.id, row.service_id, row.username, row.nas_id, row.name, tuple(row.portal_sources))
            for row in await self._connection.execute(query)
        ]

    async def open_count(self) -> int:
        """Return how many sessions are open."""
        query = select(func.count()).where(sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN))
        return int((await self._connection.scalar(query)) or 0)


def _held(row: Iterable[Any]) -> HeldSession:
    held = HeldSession(*row)
    if held.nas_port is not None:
        held.nas_port = normalise_port(held.nas_port)
    return held


def _line_query() -> Select[Any]:
    return select(*(sessions.c[name] for name in _LINE), nas.c.name.label("nas")).join(
        nas, nas.c.id == sessions.c.nas_id
    )


def _line(row: Mapping[Any, Any]) -> SessionLine:
    return SessionLine(**row)


def _batches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield runs that fit into one statement of either database (their limit is 32,766 values)."""
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
