"""Sessions as the meter reads and writes them: a few statements for thousands of records, through the driver itself."""

# ruff: noqa: S608 - statements are put together from names of our own; values are always handed over beside them

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.entry import BEGINNING, JournalCursor
from netbilld.accounting.fold import FirstGrant
from netbilld.accounting.session import Session, SessionState
from netbilld.adapters.database.bulk import instant_text, update_rows
from netbilld.adapters.database.driver import (
    FROM_MICROSECONDS,
    ROWS_A_TURN,
    Driver,
    array,
    in_turns,
    instant,
    microseconds,
    shared_id,
)
from netbilld.adapters.database.tables import journal_cursors, nas, sessions
from netbilld.services.aftermath import Aftermath

COLUMNS: Final = Session._fields  # in the table's own names
_FIXED: Final = frozenset(("id", "nas_id", "acct_session_id", "acct_session_key"))
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
_NUMBERS: Final = tuple(name for name in _REPORTED if name not in {"updated_at", "swapped"})
_TOLD: Final = ("state", "updated_at", "swapped", *_NUMBERS)
_CHANGING: Final = tuple(name for name in COLUMNS if name not in _FIXED)
_STATE: Final = COLUMNS.index("state")
_reported_of: Final = itemgetter(*(COLUMNS.index(name) for name in ("id", *_REPORTED)))
_changing_of: Final = itemgetter(*(COLUMNS.index(name) for name in ("id", *_CHANGING)))
_told_of: Final = itemgetter(*(COLUMNS.index(name) for name in ("id", *_TOLD)))
_still_of: Final = itemgetter(*(COLUMNS.index(name) for name in _CHANGING if name not in _TOLD))
_seldom_of: Final = itemgetter(*(COLUMNS.index(name) for name in _CHANGING if name not in _REPORTED))
_STATES: Final = {state.value: state for state in SessionState}
_GRANT_COLUMNS: Final = ("session_id", "service_id", "access", "profile_key", "evidence", "observed_at")
_HORIZON: Final = timedelta(days=7)  # a closed session that old is not looked at for a late record

# Advisory locks of PostgreSQL. Whoever folds records of a NAS holds the lock of its bucket, so that two nodes that hear
# of one session take turns; whoever closes sessions of any NAS holds the gate alone.
_GATE: Final = 0x6E62_6D65_0000
_BUCKETS: Final = 256
# What is looked for is few among many and always found by an index. The planner, whose statistics know nothing yet of
# what a storm has brought, would now and then read all there is for each: hence these, and OFFSET 0, which it can't see
# through.
_HOLD: Final = (
    "SELECT set_config('enable_hashjoin', 'off', TRUE), set_config('enable_mergejoin', 'off', TRUE), "
    "set_config('enable_seqscan', 'off', TRUE), set_config('jit', 'off', TRUE), pg_advisory_xact_lock_shared($1), "
    "(SELECT count(pg_advisory_xact_lock(bucket)) FROM unnest($2::bigint[]) AS bucket)"  # the gate before, and in order
)

_SELECT: Final = f"SELECT {', '.join(f'sessions.{name}' for name in COLUMNS)} "
_IDENTITIES: Final = {
    False: _SELECT
    + """FROM unnest($1::uuid[], $2::text[]) AS wanted (nas_id, key)
        CROSS JOIN LATERAL (SELECT * FROM sessions AS there
          WHERE there.nas_id = wanted.nas_id AND there.acct_session_key = wanted.key OFFSET 0) AS sessions
        WHERE sessions.stopped_at IS NULL OR sessions.updated_at >= $3""",
    True: _SELECT  # CROSS: the wanted ones lead, each found by the index
    + """FROM json_each(?1) AS wanted CROSS JOIN sessions
        ON sessions.nas_id = json_extract(wanted.value, '$[0]')
        AND sessions.acct_session_key = json_extract(wanted.value, '$[1]')
        WHERE sessions.stopped_at IS NULL OR sessions.updated_at >= ?2""",
}
_OPEN_AT: Final = {
    False: _SELECT
    + """FROM sessions WHERE sessions.id = ANY (ARRAY(
        SELECT found.id FROM unnest($1::uuid[], $2::text[]) AS wanted (nas_id, mac)
          CROSS JOIN LATERAL (SELECT there.id FROM sessions AS there
            WHERE there.nas_id = wanted.nas_id AND there.mac = wanted.mac AND there.stopped_at IS NULL OFFSET 0
          ) AS found
        UNION
        SELECT found.id FROM unnest($3::text[]) AS wanted (address)
          CROSS JOIN LATERAL (SELECT there.id FROM sessions AS there
            WHERE there.framed_ip = wanted.address AND there.stopped_at IS NULL OFFSET 0) AS found))""",
    True: _SELECT
    + """FROM sessions WHERE sessions.id IN (
        SELECT there.id FROM json_each(?1) AS wanted CROSS JOIN sessions AS there
          ON there.nas_id = json_extract(wanted.value, '$[0]') AND there.mac = json_extract(wanted.value, '$[1]')
          WHERE there.stopped_at IS NULL
        UNION
        SELECT there.id FROM json_each(?2) AS wanted CROSS JOIN sessions AS there
          ON there.framed_ip = wanted.value WHERE there.stopped_at IS NULL)""",
}
_OPEN_ON: Final = {
    False: _SELECT + "FROM sessions WHERE sessions.nas_id = ANY ($1::uuid[]) AND sessions.stopped_at IS NULL",
    True: _SELECT
    + """FROM sessions WHERE sessions.nas_id IN (SELECT value FROM json_each(?1)) AND sessions.stopped_at IS NULL""",
}
_NAMED: Final = {
    False: "SELECT name_key, service_id FROM credentials WHERE name_key = ANY ($1::text[])",
    True: "SELECT name_key, service_id FROM credentials WHERE name_key IN (SELECT value FROM json_each(?1))",
}
_DIFFERING: Final = """
    SELECT sessions.id FROM {wanted} JOIN sessions ON sessions.id = wanted.{id}
      LEFT JOIN desired ON desired.service_id = sessions.service_id
      LEFT JOIN observed ON observed.session_id = sessions.id
    WHERE sessions.stopped_at IS NULL AND (sessions.disconnect_requested_at IS NOT NULL OR (
      desired.service_id IS NOT NULL AND (observed.session_id IS NULL
      OR observed.profile_key <> desired.profile_key OR observed.evidence = 'unsure')))"""
_DIFFERING_OF: Final = {
    False: _DIFFERING.format(wanted="unnest($1::text::bigint[]) AS wanted (id)", id="id"),
    True: _DIFFERING.format(wanted="json_each(?1) AS wanted CROSS", id="value"),
}
_ORDERED: Final = {
    False: "SELECT session_id FROM pending_orders WHERE session_id = ANY ($1::text::bigint[]) LIMIT 1",
    True: "SELECT session_id FROM pending_orders WHERE session_id IN (SELECT value FROM json_each(?1)) LIMIT 1",
}
_ACKNOWLEDGED: Final = {
    False: "SELECT session_id FROM observed WHERE session_id = ANY ($1::text::bigint[])"
    " AND evidence IN ('ack', 'traffic')",
    True: "SELECT session_id FROM observed WHERE session_id IN (SELECT value FROM json_each(?1))"
    " AND evidence IN ('ack', 'traffic')",
}
# Of sessions that were read: what a report changes, and the state, which the first one changes too.
_AS_TOLD: Final = (
    "UPDATE sessions SET state = new.state, "
    f"updated_at = {FROM_MICROSECONDS.format('new.updated_us')}, swapped = new.swapped <> 0, "
    + ", ".join(f"{name} = new.{name}" for name in _NUMBERS)
    + " FROM unnest($1::text::bigint[], $2::text::text[], "
    + ", ".join(f"${number}::text::bigint[]" for number in range(3, 5 + len(_NUMBERS)))
    + f") AS new (id, state, updated_us, swapped, {', '.join(_NUMBERS)}) WHERE sessions.id = new.id"
)
# Of sessions that were not read: each is as it was last written, or the statement changes too few rows.
_EXPECTED: Final = ("was_at", "was_octets", "was_counted")
_AS_EXPECTED: Final = (
    "sessions.updated_at = {was_at} AND sessions.upload_octets + sessions.download_octets = {was_octets} "
    "AND sessions.counter_upload_octets + sessions.counter_download_octets = {was_counted} "
    "AND sessions.state = 'live'"  # and so it is open; to say that would lead a planner to the indexes of open ones
)
_MOVE: Final = {
    False: "UPDATE sessions SET "
    + ", ".join(f"{name} = new.{name}" for name in _REPORTED)
    + " FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], "
    + "$7::bigint[], $8::bigint[], $9::boolean[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::bigint[], "
    + f"$14::bigint[]) AS new (id, {', '.join((*_REPORTED, *_EXPECTED))}) WHERE sessions.id = new.id AND "
    + _AS_EXPECTED.format(**{name: f"new.{name}" for name in _EXPECTED}),
    True: "UPDATE sessions SET "
    + ", ".join(f"{name} = ?{number}" for number, name in enumerate(_REPORTED, 2))
    + " WHERE id = ?1 AND "
    + _AS_EXPECTED.format(**{name: f"?{number}" for number, name in enumerate(_EXPECTED, 2 + len(_REPORTED))}),
}

_ELAPSED: Final = "greatest(new.session_seconds - sessions.session_seconds, 1)"
# One that was late meanwhile is live again: its counters stand where they stood.
_STEP_ON_SQLITE: Final = (
    _MOVE[True]
    .replace("sessions.state = 'live'", "sessions.state IN ('live', 'late')")
    .replace(" SET ", " SET state = 'live', ")
)
_STEP: Final = f"""
    UPDATE sessions SET state = 'live', updated_at = {FROM_MICROSECONDS.format("new.updated_us")},
      session_seconds = new.session_seconds,
      interval_seconds = {_ELAPSED},
      upload_octets = sessions.upload_octets + new.up, download_octets = sessions.download_octets + new.down,
      counter_upload_octets = sessions.counter_upload_octets + new.up,
      counter_download_octets = sessions.counter_download_octets + new.down,
      upload_bps = new.up * 8 / {_ELAPSED}, download_bps = new.down * 8 / {_ELAPSED}
    FROM unnest({", ".join(f"${number}::text::bigint[]" for number in range(1, 9))})
      AS new (id, updated_us, session_seconds, up, down, was_us, was_octets, was_counted)
    WHERE sessions.id = new.id AND sessions.updated_at = {FROM_MICROSECONDS.format("new.was_us")}
      AND sessions.upload_octets + sessions.download_octets = new.was_octets
      AND sessions.counter_upload_octets + sessions.counter_download_octets = new.was_counted
      AND sessions.state IN ('live', 'late')"""


class MeteredSessions:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._driver = Driver(connection)

    # -- the journal's place -------------------------------------------------------------------------------------------

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

    # -- what a batch may concern --------------------------------------------------------------------------------------

    async def known_nas(self, nas_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these NAS that are in the books, removed ones too."""
        rows = await self._connection.scalars(select(nas.c.id).where(nas.c.id.in_(nas_ids)))
        return set(rows)

    async def hold(self, nas_ids: Collection[UUID]) -> None:
        """Let nobody else change sessions of these NAS before this transaction ends.

        On SQLite, who writes is alone anyway.
        """
        if self._driver.is_sqlite:
            return
        buckets = sorted({_GATE + 1 + nas_id.int % _BUCKETS for nas_id in nas_ids})
        await self._driver.fetch(_HOLD, _GATE, buckets)

    async def hold_all(self) -> None:
        """Let nobody else change sessions of any NAS before this transaction ends."""
        if not self._driver.is_sqlite:
            await self._driver.fetch("SELECT pg_advisory_xact_lock($1)", _GATE)

    async def with_identity(self, identities: Collection[tuple[UUID, str]], event_at: datetime) -> list[Session]:
        """Return sessions with one of these NAS and folded ids that a record of `event_at` or later may mean."""
        since = event_at - _HORIZON
        if self._driver.is_sqlite:
            return await self._sessions(_IDENTITIES[True], _pairs(identities), instant_text(since))
        return await self._sessions(_IDENTITIES[False], *_columns(identities), since)

    async def open_at(
        self, stations: Collection[tuple[UUID, str]], addresses: Collection[tuple[UUID, str]]
    ) -> list[Session]:
        """Return open sessions of these NAS and MACs, or NAS and addresses."""
        # by address alone: told the NAS too, a planner may read all of that NAS's sessions for each address
        anywhere = list({address for _, address in addresses})
        if self._driver.is_sqlite:
            found = await self._sessions(_OPEN_AT[True], _pairs(stations), json.dumps(anywhere))
        else:
            found = await self._sessions(_OPEN_AT[False], *_columns(stations), anywhere)
        return [
            session
            for session in found
            if (session.nas_id, session.mac) in stations or (session.nas_id, session.framed_ip) in addresses
        ]

    async def open_on(self, nas_ids: Collection[UUID]) -> list[Session]:
        """Return every open session of these NAS."""
        return await self._sessions(_OPEN_ON[self._driver.is_sqlite], self._ids(nas_ids))

    async def services_named(self, name_keys: Collection[str]) -> dict[str, UUID]:
        """Return, by folded user name, the service a credential of that name opens."""
        if self._driver.is_sqlite:
            rows = await self._driver.fetch(_NAMED[True], json.dumps(list(name_keys)))
            return {name_key: UUID(service_id) for name_key, service_id in rows}
        return {row[0]: row[1] for row in await self._driver.fetch(_NAMED[False], list(name_keys))}

    # -- what a batch has made -----------------------------------------------------------------------------------------

    async def insert(self, new: Sequence[Session]) -> None:
        """Store new sessions."""
        await self._driver.append("sessions", COLUMNS, new)

    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None:
        """Store sessions as they are now, given as they were and as they are."""
        told, more = [], []
        for number, (was, now) in enumerate(changed):
            if number % ROWS_A_TURN == 0:
                await asyncio.sleep(0)
            if _still_of(was) == _still_of(now):
                told.append(_told_of(now))
            else:
                more.append(_changing_of(now))
        if told and not self._driver.is_sqlite:
            ids, states, instants, swapped, *numbers = zip(*told, strict=True)
            columns = (ids, states, map(microseconds, instants), map(int, swapped), *numbers)
            await self._driver.execute(_AS_TOLD, *[array(column) for column in columns])
        else:
            await update_rows(self._connection, sessions, "id", _TOLD, told)
        await update_rows(self._connection, sessions, "id", _CHANGING, more)

    async def move(
        self, stepped: Sequence[tuple[Session, Session]], advanced: Sequence[tuple[Session, Session]]
    ) -> bool:
        """Store what reports have moved, of sessions given as they were last written and as they are.

        Args:
            stepped: one report on: counters, octets and time have moved alike.
            advanced: any other.

        Returns:
            False if one of them is no longer as given; the transaction is then to be given up.
        """
        if stepped and self._driver.is_sqlite:
            converted = [_moved_in_sqlite(row) for row in _rows_moved(stepped)]
            if await self._driver.execute_many(_STEP_ON_SQLITE, converted) != len(converted):
                return False
        elif stepped:
            rows = [
                (
                    was.id,
                    microseconds(now.updated_at),
                    now.session_seconds,
                    now.upload_octets - was.upload_octets,
                    now.download_octets - was.download_octets,
                    microseconds(was.updated_at),
                    was.upload_octets + was.download_octets,
                    was.counter_upload_octets + was.counter_download_octets,
                )
                for was, now in stepped
            ]
            await asyncio.sleep(0)
            columns = [array(column) for column in zip(*rows, strict=True)]
            await asyncio.sleep(0)
            if await self._driver.execute(_STEP, *columns) != len(rows):
                return False
        return await self._advance(advanced)

    async def _advance(self, advanced: Sequence[tuple[Session, Session]]) -> bool:
        if not advanced:
            return True
        if any(_seldom_of(was) != _seldom_of(now) for was, now in advanced):
            return False
        rows = _rows_moved(advanced)
        if self._driver.is_sqlite:
            changed = await self._driver.execute_many(_MOVE[True], [_moved_in_sqlite(row) for row in rows])
        else:
            changed = await self._driver.execute(_MOVE[False], *[list(column) for column in zip(*rows, strict=True)])
        return changed == len(rows)

    async def granted(self, grants: Iterable[FirstGrant]) -> None:
        """Note what sessions were given at log-in, as the first thing observed of them."""
        rows = [
            (grant.session_id, grant.service_id, grant.access, grant.profile_key, "login", grant.observed_at)
            for grant in grants
        ]
        await self._driver.append("observed", _GRANT_COLUMNS, rows)

    # -- what follows --------------------------------------------------------------------------------------------------

    async def aftermath(self, new: Collection[int], ended: Collection[int], metered: Collection[int]) -> Aftermath:
        """Return what is to be looked at after a batch that has begun, ended and metered these sessions."""
        return Aftermath(
            await self._numbers(_DIFFERING_OF, new),
            bool(await self._numbers(_ORDERED, ended)),
            await self._numbers(_ACKNOWLEDGED, metered),
        )

    async def _numbers(self, queries: Mapping[bool, str], ids: Collection[int]) -> list[int]:
        if not ids:
            return []
        is_sqlite = self._driver.is_sqlite
        rows = await self._driver.fetch(queries[is_sqlite], json.dumps(list(ids)) if is_sqlite else array(ids))
        return [row[0] for row in rows]

    # -- within --------------------------------------------------------------------------------------------------------

    async def _sessions(self, query: str, *values: Any) -> list[Session]:
        rows = await self._driver.fetch(query, *values)
        return await in_turns(rows, _of_sqlite if self._driver.is_sqlite else session_of_row)

    def _ids(self, ids: Collection[UUID]) -> object:
        return json.dumps([one.hex for one in ids]) if self._driver.is_sqlite else list(ids)


def _columns(pairs: Collection[tuple[UUID, str]]) -> tuple[list[UUID], list[str]]:
    return [nas_id for nas_id, _ in pairs], [value for _, value in pairs]


def _pairs(pairs: Collection[tuple[UUID, str]]) -> str:
    return json.dumps([(nas_id.hex, value) for nas_id, value in pairs])


def _rows_moved(moved: Sequence[tuple[Session, Session]]) -> list[tuple[Any, ...]]:
    """Return what was reported of sessions, and after it what is expected of them as they are stored."""
    return [
        (
            *_reported_of(now),
            was.updated_at,
            was.upload_octets + was.download_octets,
            was.counter_upload_octets + was.counter_download_octets,
        )
        for was, now in moved
    ]


def _moved_in_sqlite(row: tuple[Any, ...]) -> tuple[Any, ...]:
    values = list(row)
    for at in _MOVED_INSTANTS:
        values[at] = instant_text(values[at])
    return tuple(values)


def session_of_row(row: Iterable[Any]) -> Session:
    """Return the session in a row of `COLUMNS` whose values have their types."""
    values = list(row)
    values[_STATE] = _STATES[values[_STATE]]
    return Session._make(values)


def _of_sqlite(row: Any) -> Session:
    values = list(row)
    values[1] = shared_id(values[1])
    if values[2] is not None:
        values[2] = UUID(values[2])
    values[_STATE] = _STATES[values[_STATE]]
    for at in _INSTANTS:
        values[at] = instant(values[at])
    for at in _FLAGS:
        values[at] = bool(values[at])
    return Session._make(values)


_INSTANTS: Final = tuple(COLUMNS.index(name) for name in ("started_at", "updated_at", "stopped_at"))
_FLAGS: Final = (COLUMNS.index("swapped"), COLUMNS.index("is_local"))
_MOVED_INSTANTS: Final = (1 + _REPORTED.index("updated_at"), 1 + len(_REPORTED))
