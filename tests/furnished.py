"""A database that is filled once, so that each test begins with a copy of it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from netbilld.adapters.database.engine import Database, sqlite_url


@asynccontextmanager
async def opened_copy(file: Path, place: Path) -> AsyncIterator[Database]:
    """Give the SQLite database `place`/netbilld.db, a copy of `file`, which nobody has open."""
    shutil.copyfile(file, place / file.name)
    database = Database(sqlite_url(place / file.name))
    try:
        yield database
    finally:
        await database.close()
