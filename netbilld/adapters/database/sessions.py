"""Sessions: as the meter reads and writes them in bulk, and as people look at them."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.entry import BEGINNING, JournalCursor
from netbilld.accounting.fold import FirstGrant
from netbilld.accounting.session import JOURNAL_BITS, Session, SessionState
from netbilld.adapters.database.bulk import insert_rows, update_rows
from netbilld.adapters.database.tables import Instant, credentials, journal_cursors, nas, observed, sessions
from netbilld.enforcement.session_limit import HeldSession
from netbilld.radius.location import normalise_port

_COLUMNS: Final = tuple(field.name for field in fields(Session))
_FIXED: Final = frozenset(("id", "nas_id", "acct_session_id", "acct_session_key"))
_CHANGING: Final = tuple(name for name in _COLUMNS if name not in _FIXED)
# What every report changes; no index holds any of it, so that an update touches nothing but the row.
_REPORTED: Final = (
    "updated_at",
    "session_seconds",
    "interval_seconds",
    "upload_octets",
    "download_octets",
    "counter_upload_octets",
    "counter_download_octets",
    "swapped",
    "upload_bps",
    "download_bps",
)
_all_of: Final = attrgetter(*_COLUMNS)
_reported_of: Final = attrgetter("id", *_REPORTED)
_changing_of: Final = attrgetter("id", *_CHANGING)
_seldom_of: Final = attrgetter(*(name for name in _CHANGING if name not in _REPORTED))
_SELECT: Final = select(*(sessions.c[name] for name in _COLUMNS))
_OPEN: Final = (SessionState.STARTING, SessionState.LIVE, SessionState.LATE)
_GRANT_COLUMNS: Final = ("session_id", "service_id", "access", "profile_key", "evidence", "observed_at")
_HORIZON: Final = timedelta(days=7)  # a closed session that old is not looked at for a late record
_BATCH: Final = 5_000

# Row-value IN makes SQLite scan the table and PostgreSQL plan for longer than it reads: join what is wanted instead.
_IDENTITIES: Final = f"""
    SELECT {", ".join(f"sessions.{name}" for name in _COLUMNS)}
    FROM {{wanted}} JOIN sessions ON sessions.nas_id = {{nas_id}} AND sessions.acct_session_key = {{key}}
    WHERE sessions.stopped_at IS NULL OR sessions.updated_at >= :since
    ORDER BY sessions.id"""  # noqa: S608 - names of our own
_TYPED: Final = tuple(sessions.c[name] for name in _COLUMNS)
_SINCE: Final = bindparam("since", type_=Instant)
_IDENTITIES_SQLITE: Final = (
    text(
        _IDENTITIES.format(
            wanted="json_each(:wanted) AS wanted CROSS",  # CROSS: the wanted ones lead, each found by the index
            nas_id="json_extract(wanted.value, '$[0]')",
            key="json_extract(wanted.value, '$[1]')",
        )
    )
    .bindparams(_SINCE)
    .columns(*_TYPED)
)
_IDENTITIES_POSTGRESQL: Final = (
    text(
        _IDENTITIES.format(
            wanted="unnest(CAST(:nas_ids AS uuid[]), CAST(:keys AS text[])) AS wanted (nas_id, key)",
            nas_id="wanted.nas_id",
            key="wanted.key",
        )
        + " FOR UPDATE OF sessions"
    )
    .bindparams(_SINCE)
    .columns(*_TYPED)
)

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


class SessionStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- the meter ----------------------------------------------------------------------------------------------------

    async def cursor(self, journal: UUID, now: datetime) -> tuple[int, JournalCursor]:
        """Return a journal's number and how far it is applied, locked for this transaction; a new one is entered."""
        query = select(journal_cursors).where(journal_cursors.c.journal == str(journal)).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            return int(row.number), JournalCursor(row.segment, row.position, row.sequence)
        number = int((await self._connection.scalar(select(func.max(journal_cursors.c.number) + 1))) or 0)
        await self._connection.execute(
            insert(journal_cursors).values(
                journal=str(journal), number=number, segment=0, position=0, sequence=0, applied_at=now
            )
        )
        return number, BEGINNING

    async def applied(self, journal: UUID) -> tuple[JournalCursor, bool]:
        """Return how far a journal is applied, and whether another one has been applied here before it."""
        query = select(journal_cursors).where(journal_cursors.c.journal == str(journal))
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            return JournalCursor(row.segment, row.position, row.sequence), False
        others = await self._connection.scalar(select(func.count()).select_from(journal_cursors))
        return BEGINNING, bool(others)

    async def advance(self, journal: UUID, cursor: JournalCursor, now: datetime) -> None:
        """Note how far a journal is applied."""
        await self._connection.execute(
            update(journal_cursors)
            .where(journal_cursors.c.journal == str(journal))
            .values(segment=cursor.segment, position=cursor.position, sequence=cursor.sequence, applied_at=now)
        )

    async def known_nas(self, nas_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these NAS that are in the books, removed ones too."""
        rows = await self._connection.scalars(select(nas.c.id).where(nas.c.id.in_(nas_ids)))
        return set(rows)

    async def with_identity(self, identities: Collection[tuple[UUID, str]], event_at: datetime) -> list[Session]:
        """Return sessions with one of these NAS and folded ids that a record of `event_at` or later may mean."""
        sqlite = self._connection.dialect.name == "sqlite"
        wanted = list(identities)
        values: dict[str, Any] = {"since": event_at - _HORIZON}
        if sqlite:
            values["wanted"] = json.dumps([(nas_id.hex, key) for nas_id, key in wanted])
        else:
            values |= {"nas_ids": [nas_id for nas_id, _ in wanted], "keys": [key for _, key in wanted]}
        query = _IDENTITIES_SQLITE if sqlite else _IDENTITIES_POSTGRESQL
        return [_session(row) for row in (await self._connection.execute(query, values)).all()]

    async def open_at(
        self, stations: Collection[tuple[UUID, str]], addresses: Collection[tuple[UUID, str]]
    ) -> list[Session]:
        """Return open sessions of these NAS and MACs, or NAS and addresses."""
        found: list[Session] = []
        for some in _batches(list(stations)):
            at_station = tuple_(sessions.c.nas_id, sessions.c.mac).in_(some)
            found += await self._sessions(_SELECT.where(at_station, sessions.c.stopped_at.is_(None)))
        for some in _batches(list(addresses)):
            at_address = sessions.c.framed_ip.in_([address for _, address in some])
            wanted = set(some)
            held = await self._sessions(
                _SELECT.where(at_address, sessions.c.state.in_(_OPEN), sessions.c.stopped_at.is_(None))
            )
            found += [session for session in held if (session.nas_id, session.framed_ip) in wanted]
        return found

    async def open_on(self, nas_ids: Collection[UUID]) -> list[Session]:
        """Return every open session of these NAS."""
        return await self._sessions(_SELECT.where(sessions.c.nas_id.in_(nas_ids), sessions.c.stopped_at.is_(None)))

    async def insert(self, new: Sequence[Session]) -> None:
        """Store new sessions."""
        await insert_rows(self._connection, sessions, _COLUMNS, [_all_of(session) for session in new])

    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None:
        """Store sessions as they are now, given as they were and as they are."""
        reported, more = [], []
        for was, now in changed:
            if _seldom_of(was) == _seldom_of(now):
                reported.append(_reported_of(now))
            else:
                more.append(_changing_of(now))
        await update_rows(self._connection, sessions, "id", _REPORTED, reported)
        await update_rows(self._connection, sessions, "id", _CHANGING, more)

    async def granted(self, grants: Iterable[FirstGrant]) -> None:
        """Note what sessions were given at log-in, as the first thing observed of them."""
        rows = [
            (grant.session_id, grant.service_id, grant.access, grant.profile_key, "login", grant.observed_at)
            for grant in grants
        ]
        await insert_rows(self._connection, observed, _GRANT_COLUMNS, rows, "ON CONFLICT (session_id) DO NOTHING")

    async def services_named(self, name_keys: Collection[str]) -> dict[str, UUID]:
        """Return, by folded user name, the service a credential of that name opens."""
        found: dict[str, UUID] = {}
        for some in _batches(list(name_keys)):
            query = select(credentials.c.name_key, credentials.c.service_id).where(credentials.c.name_key.in_(some))
            found.update({row.name_key: row.service_id for row in await self._connection.execute(query)})
        return found

    async def silent_since(self, before: datetime, limit: int, after: Session | None = None) -> list[Session]:
        """Return open sessions that have said nothing since `before`, longest silent first, going on `after` one."""
        conditions = [sessions.c.stopped_at.is_(None), sessions.c.state.in_(_OPEN), sessions.c.updated_at < before]
        if after is not None:
            conditions.append(tuple_(sessions.c.updated_at, sessions.c.id) > tuple_(after.updated_at, after.id))
        query = _SELECT.where(*conditions).order_by(sessions.c.updated_at, sessions.c.id).limit(limit)
        rows = (await self._connection.execute(query.with_for_update(skip_locked=True))).all()
        return [_session(row) for row in rows]

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

    async def _sessions(self, query: Select[Any]) -> list[Session]:
        rows = (await self._connection.execute(query.order_by(sessions.c.id).with_for_update())).all()
        return [_session(row) for row in rows]

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


def _session(row: Iterable[Any]) -> Session:
    values = list(row)
    values[_STATE_AT] = SessionState(values[_STATE_AT])
    return Session(*values)


def _held(row: Iterable[Any]) -> HeldSession:
    held = HeldSession(*row)
    if held.nas_port is not None:
        held.nas_port = normalise_port(held.nas_port)
    return held


_STATE_AT: Final = _COLUMNS.index("state")


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
