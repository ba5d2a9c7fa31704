"""`netbilld init`: data directory, key, schema, first staff user; safe to repeat."""

import argparse
import os
from pathlib import Path

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema, current_version, newest_version, upgrade
from netbilld.adapters.secretbox import create_key_file, read_key_file
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.errors import NetbilldError
from netbilld.services.initialise import FirstStaff, add_first_staff, key_is_tied, tie_key


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add_config_option(parser)
    parser.add_argument("--admin-email", metavar="EMAIL", help="of the first staff user; default admin@localhost")
    add_secret_option(parser, "admin-password", "password of the first staff user; without one, a one-time password")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Make what is missing and say what is there."""
    settings = context.settings
    password = await read_secret(options, "admin-password", None)
    previous = os.umask(0o077)  # the database and the key are nobody else's to read
    try:
        _make_directory(settings.data_dir)
        database = Database(settings.resolved_database_url)
        try:
            await _make_schema(database)
            await _make_key(database, settings.resolved_key_file)
            first = await _make_staff(database, context, options.admin_email, password)
        finally:
            await database.close()
    finally:
        os.umask(previous)
    if first is not None and first.password is not None:
        print(f"one-time password  {first.password}   (shown only now; choose your own at the first sign-in)")
    print("ready: `netbilld serve` starts the daemon")


def _make_directory(data_dir: Path) -> None:
    if data_dir.is_dir():
        print(f"data directory     {data_dir.absolute()} exists")
        return
    try:
        data_dir.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise NetbilldError(
            f"data_dir {data_dir.absolute()} can't be made: {error.strerror}",
            hint="choose another, or make it yourself",
        ) from None
    print(f"data directory     {data_dir.absolute()} made")


async def _make_schema(database: Database) -> None:
    if await current_version(database) is None:
        await upgrade(database)
        print(f"schema             version {newest_version()} made")
        return
    await check_schema(database)
    print(f"schema             version {newest_version()} exists")


async def _make_key(database: Database, path: Path) -> None:
    exists = path.exists()  # noqa: ASYNC240 - one command, nobody waits
    if not exists and await key_is_tied(database):
        raise NetbilldError(
            f"secret_key_file {path} is missing, and this database was sealed with it",
            hint="restore it from the backup; a new key would open nothing",
            code="no_key",
        )
    try:
        create_key_file(path)
    except OSError as error:
        raise NetbilldError(f"secret_key_file {path} can't be made: {error.strerror}", code="no_key") from None
    await tie_key(database, read_key_file(path))
    print(f"key                {path.absolute()} {'exists' if exists else 'made: keep a copy apart from the database'}")  # noqa: ASYNC240 - as above


async def _make_staff(
    database: Database, context: Context, email: str | None, password: str | None
) -> FirstStaff | None:
    from netbilld.adapters.passwords import Argon2Passwords  # noqa: PLC0415 - a repeated init needs none

    first = await add_first_staff(
        database, Argon2Passwords(), context.actor, context.now(), entropy, email=email, password=password
    )
    print("staff              exists" if first is None else f"staff              {first.email} made, role admin")
    return first
