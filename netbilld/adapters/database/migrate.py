"""Brings a schema up to date, forward only, and tells whether it is."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from netbilld.adapters.database.engine import Database
from netbilld.model.errors import NetbilldError

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Return the schema version this program is written for."""
    head = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    assert head is not None, "the program ships its migrations"  # noqa: S101
    return head


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
    current, newest = await current_version(database), newest_version()
    if current == newest:
        return
    if current is None:
        raise NetbilldError("the database has no netbilld schema", hint="run `netbilld init`", code="schema_missing")
    known = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
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


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _steps_after(current: str | None) -> list[str]:
    scripts = ScriptDirectory(str(_SCRIPTS))
    try:
        return [script.revision for script in reversed(list(scripts.iterate_revisions("head", current or "base")))]
    except Exception as error:
        raise NetbilldError(
            f"the database schema is version {current}, which this program does not know",
            hint="install the netbilld release that wrote it, or a later one",
            code="schema_newer",
        ) from error


def _run(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
