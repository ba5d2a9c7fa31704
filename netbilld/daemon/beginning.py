"""A start with or without a database: from the snapshot while a database server is away, and joining it afterwards."""

import asyncio
import gc
import logging
from datetime import timedelta
from pathlib import Path
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema
from netbilld.adapters.journal import Journal
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snapshot import Snapshot, read_snapshot
from netbilld.adapters.snapshot.contents import FILE_NAME
from netbilld.daemon.feed import ChangeFeed
from netbilld.daemon.patience import STATEMENT_SECONDS
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.initialise import verify_key

START_SECONDS: Final = 5.0  # a database that says nothing for so long at the start is away
_SERVICES_A_TURN: Final = 2_000
_NOT_JOINED: Final = "the database was away at the start and is not joined yet"
logger = logging.getLogger("netbilld.daemon")


def snapshot_path(settings: Settings) -> Path:
    """Return where this node's snapshot lies."""
    return settings.data_dir.absolute() / FILE_NAME


async def look_for_database(
    settings: Settings, database: Database, box: SecretBox, clock: SystemClock
) -> Snapshot | None:
    """Return None where the database is there and right, and the snapshot to start with where its server is away.

    The database is closed then for everything that would work with it, until `meet`.

    Raises:
        StoreUnavailableError: it is away, and no snapshot can be used.
        NetbilldError: the schema or the key is not the one that is needed.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            await check_schema(database)
            await verify_key(database, box)
    except (StoreUnavailableError, TimeoutError) as error:
        if database.is_sqlite:
            raise
        reason = str(error) or "the database does not answer in time"
    else:
        return None
    try:
        snapshot = read_snapshot(snapshot_path(settings), box, database.place)
        oldest_at = clock.now() - timedelta(hours=settings.outage.snapshot_max_hours)
        if snapshot.taken_at < oldest_at:
            raise NetbilldError(  # noqa: TRY301 - it is told as all else that makes a snapshot useless
                f"the snapshot is of {snapshot.taken_at:%Y-%m-%d %H:%M} UTC: older than outage.snapshot_max_hours"
            )
    except NetbilldError as error:
        raise StoreUnavailableError(f"{reason}; {error}", hint="start the database") from None
    logger.warning(
        "%s: netbilld starts from the snapshot of %s, with %d services",
        reason,
        snapshot.taken_at.isoformat(timespec="seconds"),
        len(snapshot.facts),
        extra={"event": "snapshot_start"},
    )
    database.close_for_all(_NOT_JOINED)
    return snapshot


async def restore_access(directory: AccessDirectory, snapshot: Snapshot, box: SecretBox) -> None:
    """Fill the access directory from a snapshot; what it holds stays, so the collector need not walk it."""
    gc.collect()
    gc.disable()
    try:
        for count, facts in enumerate(snapshot.facts, 1):
            directory.put(facts, snapshot.taken_at)
            if count % _SERVICES_A_TURN == 0:
                await asyncio.sleep(0)
        for count, credential in enumerate(snapshot.credentials, 1):
            directory.add_credential(credential.service_id, credential, box)
            if count % _SERVICES_A_TURN == 0:
                await asyncio.sleep(0)
    finally:
        gc.freeze()
        gc.enable()


async def meet(
    settings: Settings,
    database: Database,
    box: SecretBox,
    feed: ChangeFeed,
    journal: Journal | None,
    clock: SystemClock,
) -> None:
    """See that the database that was away is back and the right one, and open it for everything that works with it.

    Raises:
        StoreUnavailableError: it is still away.
        NetbilldError: its schema or key is not the one that is needed, or the journal can't be written; what is
            answered from the snapshot goes on.
    """
    probe = Database(settings.resolved_database_url, statement_seconds=STATEMENT_SECONDS)
    try:
        await check_schema(probe)
        await verify_key(probe, box)
        if journal is not None:
            await _rejoin(journal, probe, clock)
        await feed.start_after_newest(probe)
    finally:
        await probe.close()
    database.open_for_all()


async def _rejoin(journal: Journal, database: Database, clock: SystemClock) -> None:
    """See that a journal at work and the database belong together."""
    async with database.read() as work:
        applied, _ = await work.sessions.applied(journal.identity)
    go_on_at = await journal.rejoin(applied)
    if go_on_at is not None:
        async with database.write() as work:
            await work.sessions.advance(journal.identity, go_on_at, clock.now())
        logger.error(
            "the accounting journal in %s began before what the database has applied of it: an old copy was put back, "
            "or the disk had lost its end. What was taken since the start is written again and metered",
            journal.directory,
            extra={"event": "journal_older"},
        )
