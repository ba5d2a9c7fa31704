"""The connection by which a node is there: it holds the locks of its duties, and PostgreSQL lets go of them with it.

A lock of a session lasts as long as its connection. A process that dies closes it; one that hangs, or whose network is
cut, says nothing, and PostgreSQL ends what has been idle for `idle_session_timeout` (manual, 20.11.1; from 14 on).
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

import asyncpg

from netbilld.adapters.database.engine import Database
from netbilld.model.errors import StoreUnavailableError

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 3.0  # what is asked takes a millisecond
IDLE_SECONDS: Final = 7.0  # silence after which PostgreSQL ends the connection, and with it the locks
_LOCKS: Final = 0x6E62_6C64_0000
_STUCK_SECONDS: Final = 2.0
# Of the session that is to be ended when its client is silent: idle or in a transaction, or taking no answer.
_LIMITS: Final = {
    "idle_session_timeout": f"{IDLE_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
    "tcp_user_timeout": f"{IDLE_SECONDS:.0f}s",
    "synchronous_commit": "off",  # that a node was there a moment ago need not outlive a power cut
}
# What a URL may say to SQLAlchemy's own dialect; the driver knows nothing of it.
_OF_SQLALCHEMY: Final = {
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "async_fallback",
    "async_creator_fn",
}


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node tells of itself; see `NodeLine`."""

    roles: str
    leads: str
    clock_ahead_ms: int
    hearing_since: datetime | None
    journal_octets: int


@dataclass(frozen=True, slots=True)
class Presence:
    """Who a node is: the identity of its journal, its name for people, and for its connections to PostgreSQL."""

    id: UUID
    name: str
    connections: str
    version: str


async def connected(database: Database, **server_settings: str) -> Any:
    """Return a connection of its own to PostgreSQL, the driver's.

    Raises:
        StoreUnavailableError: the database is away.
    """
    options = database.engine.dialect.create_connect_args(database.url)[1]
    options = {name: value for name, value in options.items() if name not in _OF_SQLALCHEMY}
    options |= {
        "timeout": CONNECT_SECONDS,
        "command_timeout": CONNECT_SECONDS,
        "server_settings": server_settings,
    }
    try:
        return await asyncpg.connect(**options)
    except (OSError, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(f"the database can't be reached: {error}") from error


class NodeConnection:
    """A node's presence; every method raises StoreUnavailableError when the database does not answer at once.

    Attributes:
        lets_go: PostgreSQL will end this connection when it has been silent for IDLE_SECONDS.
    """

    def __init__(self, connection: Any, node: Presence, *, lets_go: bool) -> None:
        self._connection = connection
        self._node = node
        self.lets_go: Final = lets_go

    @classmethod
    async def open(cls, database: Database, node: Presence) -> Self:
        """Connect, and be ended by PostgreSQL when silent."""
        connection = await connected(database, application_name=node.connections)
        lets_go = True
        for setting, value in _LIMITS.items():
            try:
                await connection.execute("SELECT set_config($1, $2, FALSE)", setting, value)
            except asyncpg.PostgresError as error:
                lets_go &= setting != "idle_session_timeout"
                if not isinstance(error, asyncpg.UndefinedObjectError | asyncpg.InvalidParameterValueError):
                    connection.terminate()
                    raise StoreUnavailableError(f"the database does not answer: {error}") from error
        return cls(connection, node, lets_go=lets_go)

    def close(self) -> None:
        """Let go of everything; nothing is under way that would be missed."""
        self._connection.terminate()

    async def ask(self, wanted: Sequence[int], had: Collection[int]) -> tuple[datetime, set[int]]:
        """Return the database's time, and the numbers of the duties whose locks are ours now.

        Args:
            wanted: duties whose lock to take where nobody has it.
            had: those that are ours already.
        """
        keys = [_LOCKS + number for number in wanted]
        query = """SELECT clock_timestamp() AS now, ARRAY(
            SELECT key FROM unnest($1::bigint[]) AS key WHERE pg_try_advisory_lock(key)) AS got"""
        row = await self._fetch(query, keys)
        told_at: datetime = row["now"]
        return told_at.astimezone(UTC), {*had, *(key - _LOCKS for key in row["got"])}

    async def let_go(self, number: int) -> None:
        """Give back a duty's lock."""
        await self._fetch("SELECT pg_advisory_unlock($1)", _LOCKS + number)

    async def begin_term(self, duty: str) -> int:
        """Return the number of the term that begins now: from here on nobody can prove an earlier one.

        Whoever had the duty may hang within a transaction that it proved its term in: its connections that have done
        nothing for a while are ended first.
        """
        await self._fetch(
            """SELECT count(pg_terminate_backend(stuck.pid)) FROM pg_stat_activity AS stuck
               JOIN duty_terms ON stuck.application_name = duty_terms.connections
               WHERE duty_terms.duty = $1 AND duty_terms.node_id <> $2 AND stuck.state LIKE 'idle in transaction%'
               AND stuck.state_change < now() - make_interval(secs => $3)""",
            duty,
            self._node.id,
            _STUCK_SECONDS,
        )
        row = await self._fetch(
            """INSERT INTO duty_terms (duty, node_id, connections, term, since_at) VALUES ($1, $2, $3, 1, now())
               ON CONFLICT (duty) DO UPDATE SET node_id = $2, connections = $3, term = duty_terms.term + 1,
                 since_at = now()
               RETURNING term""",
            duty,
            self._node.id,
            self._node.connections,
        )
        return int(row["term"])

    async def claim(self) -> bool:
        """Take the lock of our journal's identity; False where another connection has it.

        A journal's records are applied by their numbers. Two that were copied from one have the same numbers for
        different records: what either has applied, the other would leave out.
        """
        key = int.from_bytes(self._node.id.bytes[8:], signed=True)
        row = await self._fetch("SELECT pg_try_advisory_lock($1) AS ours", key)
        return bool(row["ours"])

    async def arrive(self) -> None:
        """Be listed as here from now on."""
        await self._fetch(
            """INSERT INTO nodes (id, name, roles, leads, version, started_at, seen_at, ended, clock_ahead_ms,
                                  hearing_since, journal_octets)
               VALUES ($1, $2, '', '', $3, now(), now(), FALSE, 0, NULL, 0)
               ON CONFLICT (id) DO UPDATE SET name = $2, version = $3, started_at = now(), seen_at = now(),
                 ended = FALSE, leads = '', hearing_since = NULL
               RETURNING id""",
            self._node.id,
            self._node.name,
            self._node.version,
        )

    async def tell(self, state: NodeState) -> None:
        """Say how we are."""
        await self._fetch(
            """UPDATE nodes SET roles = $2, leads = $3, clock_ahead_ms = $4, hearing_since = $5, journal_octets = $6,
                 seen_at = clock_timestamp(), ended = FALSE WHERE id = $1""",
            self._node.id,
            state.roles,
            state.leads,
            state.clock_ahead_ms,
            state.hearing_since,
            state.journal_octets,
        )

    async def leave(self) -> None:
        """Say good-bye: what we led is free at once."""
        await self._fetch("UPDATE nodes SET ended = TRUE, leads = '' WHERE id = $1", self._node.id)

    async def _fetch(self, query: str, *values: Any) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._connection.fetchrow(query, *values)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            said = str(error) or "it takes too long"
            raise StoreUnavailableError(f"the database does not answer: {said}") from error
