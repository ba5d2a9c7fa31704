"""`netbilld migrate`: brings the schema up to date, forward only."""

import argparse

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema, current_version, newest_version, upgrade
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.output import print_json
from netbilld.daemon.control import call
from netbilld.model.errors import NetbilldError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add_json_option(parser)
    parser.add_argument("--check", action="store_true", help="only tell; exit 1 where there is something to do")


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Migrate, or tell whether there is anything to do."""
    database = Database(context.settings.resolved_database_url)
    try:
        return await (_check(database, options.json) if options.check else _migrate(database, context, options.json))
    finally:
        await database.close()


async def _check(database: Database, json_wanted: bool) -> int | None:
    try:
        await check_schema(database)
    except NetbilldError as error:
        if not json_wanted or error.code not in {"schema_older", "schema_newer", "schema_missing"}:
            raise
        current = None if error.code == "schema_missing" else await current_version(database)
        print_json({"current": current, "newest": newest_version(), "up_to_date": False, "code": error.code})
        return REFUSED
    if json_wanted:
        print_json({"current": newest_version(), "newest": newest_version(), "up_to_date": True, "code": "ok"})
    else:
        print(f"schema version {newest_version()}: up to date")
    return None


async def _migrate(database: Database, context: Context, json_wanted: bool) -> None:
    try:
        await check_schema(database)
        steps = []
    except NetbilldError as error:
        if error.code != "schema_older":
            raise
        if await call(context.settings.data_dir, {"verb": "status"}) is not None:
            raise NetbilldError(
                "the daemon of this data directory is running", hint="stop it, then run `netbilld migrate` again"
            ) from None
        steps = await upgrade(database)
    if json_wanted:
        print_json({"current": newest_version(), "steps": steps})
    elif steps:
        print(f"schema brought to version {newest_version()} ({len(steps)} steps)")
    else:
        print(f"schema version {newest_version()}: nothing to do")
