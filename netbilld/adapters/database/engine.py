"""One database, SQLite or PostgreSQL: short write transactions, consistent reads, driver errors translated."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from netbilld.adapters.database.driver import is_in_trouble
from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.model.errors import InvalidInputError, StoreUnavailableError

SQLITE_BUSY_TIMEOUT_MS: Final = 10_000
POSTGRESQL_CONNECT_SECONDS: Final = 10
READERS: Final = 4
# PostgreSQL manual, 20.3.2 and 20.11.1: how soon it finds out that we are gone, and rolls back what we were at
_WHEN_SILENT: Final = {
    "idle_in_transaction_session_timeout": "10s",
    "tcp_user_timeout": "10s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


class Database:
    """Hands out units of work.

    On SQLite one connection writes, with immediate transactions, and a few read, so that a page never waits for the
    meter; on PostgreSQL one pool does both.
    """

    def __init__(self, url: str, *, statement_seconds: float | None = None, name: str = "netbilld") -> None:
        """Prepare, connect to nothing yet.

        Args:
            url: which database.
            statement_seconds: longest that a PostgreSQL may take over one statement, after which its connection is
                given up: a server that hangs says nothing at all. None waits for ever, as a migration may have to.
                PostgreSQL gives us up likewise: what a process that hangs had locked, others would wait for.
            name: what PostgreSQL calls our connections.
        """
        try:
            self.url: Final = make_url(url)
        except ArgumentError:
            raise InvalidInputError(
                "database_url is not a URL",
                hint="write sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASS@HOST/NAME",
            ) from None
        if self.url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
            raise InvalidInputError(
                f"database_url: driver {self.url.drivername!r} is not supported; "
                "allowed: sqlite+aiosqlite:///FILE, postgresql+asyncpg://…"
            )
        self.is_sqlite: Final = self.url.drivername.startswith("sqlite")
        self._connections: WeakSet[Any] = WeakSet()
        self._closed_because: str | None = None
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, writer=True)
            self._reader = _sqlite_engine(self.url, writer=False)
        else:
            self._writer = self._reader = create_async_engine(
                self.url,
                pool_size=8,
                max_overflow=8,
                pool_pre_ping=True,
                pool_recycle=1800,
                hide_parameters=True,
                connect_args={
                    "timeout": POSTGRESQL_CONNECT_SECONDS,
                    "command_timeout": statement_seconds,
                    # our queries are short and many: to compile one would cost more than it saves, in each process
                    "server_settings": {
                        "application_name": name,
                        "jit": "off",
                        **(_WHEN_SILENT if statement_seconds else {}),
                    },
                },
            )
            self._know_connections(self._writer)

    @property
    def place(self) -> str:
        """Return where it is, without who asks and by which password."""
        return str(self.url.set(username=None, password=None).render_as_string(hide_password=True))

    @property
    def engine(self) -> AsyncEngine:
        """Return the engine that writes; for migrations and bulk paths."""
        return self._writer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        """Give a unit of work whose changes are committed together, or not at all if the block raises.

        Raises:
            StoreUnavailableError: the database can't be reached or is locked for longer than the busy timeout.
        """
        with _translated(is_remote=not self.is_sqlite):
            self._refuse_if_closed()
            async with self._writer.begin() as connection, _hung_connections_given_up(connection):
                yield UnitOfWork(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        """Give a unit of work that sees one consistent state and keeps nothing."""
        with _translated(is_remote=not self.is_sqlite):
            self._refuse_if_closed()
            async with self._reader.connect() as connection, _hung_connections_given_up(connection):
                if not self.is_sqlite:
                    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                yield UnitOfWork(connection)

    def abandon(self) -> None:
        """Break off whatever waits for PostgreSQL and let nothing begin again: the end must not wait for a server."""
        self.close_for_all("the database is being closed")
        for connection in list(self._connections):
            connection.terminate()

    def close_for_all(self, because: str) -> None:
        """Refuse every unit of work from now on, as while the database is away."""
        self._closed_because = because

    def open_for_all(self) -> None:
        """Hand out units of work again."""
        self._closed_because = None

    def _refuse_if_closed(self) -> None:
        if self._closed_because is not None:
            raise StoreUnavailableError(self._closed_because)

    def _know_connections(self, engine: AsyncEngine) -> None:
        @event.listens_for(engine.sync_engine, "connect")
        def connected(connection: Any, _record: object) -> None:
            self._connections.add(connection.driver_connection)

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()


def sqlite_url(path: Path) -> str:
    """Return the URL of an embedded database file."""
    return str(URL.create("sqlite+aiosqlite", database=str(path)))


@asynccontextmanager
async def _hung_connections_given_up(connection: AsyncConnection) -> AsyncIterator[None]:
    """After a timeout drop the connection: a rollback on it would wait for the same silent server."""
    try:
        yield
    except TimeoutError:
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is not None and hasattr(driver, "terminate"):
            driver.terminate()
        raise


class _translated:  # noqa: N801 - reads as a word in `with _translated():`
    """Turn a driver's connection trouble into StoreUnavailableError; leave everything else alone."""

    def __init__(self, *, is_remote: bool) -> None:
        self._is_remote = is_remote

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeoutError):
            raise StoreUnavailableError("the database is too busy: no connection has become free") from error
        if isinstance(error, OperationalError | InterfaceError) or (
            isinstance(error, DBAPIError) and (error.connection_invalidated or is_in_trouble(error.orig))
        ):
            reason = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
            raise StoreUnavailableError(f"the database does not answer: {reason}") from error
        if isinstance(error, TimeoutError):
            raise StoreUnavailableError("the database does not answer in time") from error
        # of a server that is down, the socket file is gone too; a file of ours that is missing is another matter
        if isinstance(error, OSError) and (
            self._is_remote or not isinstance(error, FileNotFoundError | PermissionError)
        ):
            raise StoreUnavailableError(f"the database can't be reached: {error}") from error


def _sqlite_engine(url: URL, *, writer: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writer else READERS,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # the driver's own implicit BEGIN would be deferred: we say when and how a transaction begins
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536" if writer else "cache_size=-16384",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def sqlite_version() -> str:
    """Return the version of the SQLite library in use."""
    return sqlite3.sqlite_version
