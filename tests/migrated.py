"""The newest schema in an SQLite file, with nothing in it: made once in a process, and copied by whoever begins there."""

import asyncio
import atexit
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade

NAME = "netbilld.db"  # as in a data directory


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema; in a thread, since whoever asks may have an event loop."""

    async def run() -> None:
        opened = Database(url)
        await upgrade(opened)
        await opened.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


@cache
def migrated_file() -> Path:
    """Return the file to copy."""
    place = Path(mkdtemp(prefix="netbilld-template-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    migrate(sqlite_url(place / NAME))
    return place / NAME


def make_data_directory(data_dir: Path) -> None:
    """Make a data directory where `netbilld init` finds a schema; to make one takes longer than most tests."""
    data_dir.mkdir(mode=0o700, parents=True)
    shutil.copyfile(migrated_file(), data_dir / NAME)
    (data_dir / NAME).chmod(0o600)
