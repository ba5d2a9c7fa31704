"""Writes one snapshot: `python -m netbilld.daemon.take_snapshot`, started by the daemon and out of its way."""

import argparse
import asyncio
import fcntl
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema
from netbilld.adapters.secretbox import read_key_file
from netbilld.adapters.snapshot import unfinished_path, write_snapshot
from netbilld.daemon.beginning import snapshot_path
from netbilld.daemon.policies import standing_policy
from netbilld.daemon.settings import Settings, load_settings
from netbilld.daemon.urgency import step_back
from netbilld.model.errors import NetbilldError
from netbilld.services.initialise import verify_key

STATEMENT_SECONDS: Final = 60.0
_NICE: Final = 10
_SEGMENTS_LEFT: Final = 3  # of the journal, which may lie on the same disk and is worth more


async def take(settings: Settings) -> dict[str, object]:
    """Write what the database says now, and return when it was taken and its size.

    Raises:
        NetbilldError: the database is away or another one's, or the disk is full, or would leave the journal no room.
    """
    path = snapshot_path(settings)
    _require_room(path, _SEGMENTS_LEFT * settings.metering.segment_megabytes * 1024 * 1024)
    box = read_key_file(settings.resolved_key_file)
    database = Database(settings.resolved_database_url, statement_seconds=STATEMENT_SECONDS)
    try:
        await check_schema(database)
        await verify_key(database, box)
        now = SystemClock().now()
        with path.with_name(path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one that a killed daemon had started may go on
            async with database.read() as work:
                octets = await write_snapshot(path, box, work, standing_policy(settings), now, database.place)
    except BlockingIOError:
        raise NetbilldError(f"{path} is being written by another process") from None
    except FileNotFoundError as error:
        raise NetbilldError(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise NetbilldError(f"{path}: {error.strerror or error}", hint="free the disk") from None
    finally:
        await database.close()
    return {"taken_at": now.isoformat(), "octets": octets}


def _require_room(path: Path, left_octets: int) -> None:
    """Refuse before anything is read, where one as large as the last would leave less than `left_octets` free."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise NetbilldError(f"{path}: {error.strerror or error}") from None
    needed = _size(path) + left_octets
    if free + _size(unfinished_path(path)) < needed:  # what one that was killed has left is written over
        raise NetbilldError(
            f"{path}: no room for a snapshot beside what the journal may need: {free >> 20} MiB are free, "
            f"{-(-needed >> 20)} are needed",
            hint="free the disk",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def main() -> int:
    """Take one snapshot and say so; a refusal is one line on stderr."""
    parser = argparse.ArgumentParser(prog="netbilld-take-snapshot")
    parser.add_argument("--config", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the daemon ends us
    step_back(_NICE)
    try:
        sys.stdout.write(json.dumps(asyncio.run(take(load_settings(options.config)))))
    except NetbilldError as error:
        sys.stderr.write(str(error).replace("\n", " "))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
