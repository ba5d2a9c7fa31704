"""Brings a schema up to date, forward only, and tells whether it is.

Every command asks for the version and hardly one migrates: Alembic, slow to load, is loaded only to migrate.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import SCHEMA_VERSION
from netbilld.model.errors import NetbilldError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Return the schema version this program is written for."""
    return SCHEMA_VERSION


async def current_version(database: Database) -> str | None:
    """Return the version of the database's schema; None where there is none yet."""
    async with database.read() as work:
        return await work.connection.run_sync(_current)


async def upgrade(database: Database) -> list[str]:
    """Bring the schema to the newest version, in one transaction; return the steps taken, oldest first."""
    async with database.write() as work:
        if not database.is_sqlite:  # two nodes started at once: the second waits, then finds nothing to do
            await work.connection.execute(text("SELECT pg_advisory_xact_lock(7266545)"))
        before = await work.connection.run_sync(_current)
        pending = _steps_after(before)
        if pending:
            await work.connection.run_sync(_run)
        return pending


async def check_schema(database: Database) -> None:
    """Do nothing where the schema is as new as the program.

    Raises:
        NetbilldError: it is missing, older or newer; with what to do.
    """
    current, newest = None if _has_no_file(database) else await current_version(database), newest_version()
    if current == newest:
        return
    if current is None:
        raise NetbilldError("the database has no netbilld schema", hint="run `netbilld init`", code="schema_missing")
    known = {script.revision for script in _scripts().walk_revisions()}
    if current in known:
        raise NetbilldError(
            f"the database schema is version {current}, this program needs {newest}",
            hint="back up, then run `netbilld migrate`",
            code="schema_older",
        )
    raise NetbilldError(
        f"the database schema is version {current}, newer than this program's {newest}",
        hint="install the netbilld release that wrote it, or a later one",
        code="schema_newer",
    )


def _has_no_file(database: Database) -> bool:
    return database.is_sqlite and not Path(database.url.database or "").exists()


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see the module's docstring

    return ScriptDirectory(str(_SCRIPTS))


def _steps_after(current: str | None) -> list[str]:
    if current == SCHEMA_VERSION:
        return []
    try:
        return [script.revision for script in reversed(list(_scripts().iterate_revisions("head", current or "base")))]
    except Exception as error:
        raise NetbilldError(
            f"the database schema is version {current}, which this program does not know",
            hint="install the netbilld release that wrote it, or a later one",
            code="schema_newer",
        ) from error


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415 - see the module's docstring

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
