"""What every command works with: settings, database, key, clock, and who is typing."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema
from netbilld.adapters.secretbox import SecretBox, read_key_file
from netbilld.daemon.control import nudge
from netbilld.daemon.settings import Settings, load_settings
from netbilld.model.actor import Actor


class Context:
    """The surroundings of one command; opens things only when they are used."""

    def __init__(self, *, config: Path | None, json_wanted: bool) -> None:
        self.config = config
        self.json_wanted = json_wanted
        self.clock = SystemClock()

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.config)

    @cached_property
    def box(self) -> SecretBox:
        return read_key_file(self.settings.resolved_key_file)

    @cached_property
    def actor(self) -> Actor:
        try:
            return Actor(getpass.getuser(), "cli")
        except (KeyError, OSError):  # a user id without a name, as in a container
            return Actor("unknown", "cli")

    def now(self) -> datetime:
        """Return the current instant."""
        return self.clock.now()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Give the database, after its schema was found to be this program's."""
        database = Database(self.settings.resolved_database_url)
        try:
            await check_schema(database)
            yield database
        finally:
            await database.close()

    async def nudge(self) -> None:
        """Tell a running daemon to look at what has changed; without one, nothing happens."""
        await nudge(self.settings.data_dir)
