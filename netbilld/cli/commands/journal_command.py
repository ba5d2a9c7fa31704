"""`netbilld journal status/show/replay`: the accounting journal of this node, or of one that is dead."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.accounting.entry import BEGINNING, JournalCursor, JournalEntry
from netbilld.accounting.record import AccountingRecord
from netbilld.adapters.journal import StoredJournal
from netbilld.adapters.journal.layout import RECORD_HEADER_OCTETS
from netbilld.cli.cells import duration, local_time, octets, printable
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.daemon.policies import wallet_rules
from netbilld.model.errors import InvalidInputError, StoreUnavailableError
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import decode
from netbilld.services.meter_usage import MeterUsage
from netbilld.services.replay_journal import ReplayJournal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 100
_RECORDS_A_NOTE: Final = 50_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="status|show|replay")
    status = verbs.add_parser("status", help="how much there is, and how much of it is not applied")
    _add_directory(status)
    add_json_option(status)
    show = verbs.add_parser("show", help="the records as they were received, the newest last")
    _add_directory(show)
    show.add_argument("--username", metavar="U", help="whose User-Name is this, in any letter case")
    show.add_argument("--nas", metavar="NAME", help="of this NAS; its id where the database is away")
    show.add_argument("--session", metavar="ID", help="with this Acct-Session-Id")
    show.add_argument("--from", dest="from_at", metavar="T", help="received at or after, such as 2026-11-22T08:00")
    show.add_argument("--to", dest="to_at", metavar="T", help="received before")
    show.add_argument("--limit", type=int, default=_SHOWN, metavar="N", help=f"the last N of them; default {_SHOWN}")
    add_json_option(show)
    replay = verbs.add_parser("replay", help="apply what is left of the journal of a node that is dead")
    replay.add_argument("directory", type=Path, metavar="DIR", help="its journal directory, or its data_dir")
    add_json_option(replay)


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="another one than this node's")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    directory = options.directory or context.settings.data_dir.absolute() / "journal"
    with closing(StoredJournal(directory)) as journal:
        if options.action == "status":
            await _status(context, journal)
        elif options.action == "show":
            await _show(context, journal, options)
        else:
            await _replay(context, journal)


# -- status ------------------------------------------------------------------------------------------------------------


async def _status(context: Context, journal: StoredJournal) -> None:
    applied, is_known, trouble = await _applied(context, journal)
    first = next(journal.entries(), None)
    last = journal.last_entry()
    records = waiting_octets = 0
    oldest: JournalEntry | None = None
    for entry in journal.entries(applied or BEGINNING):
        oldest = oldest or entry
        records += 1
        waiting_octets += RECORD_HEADER_OCTETS + len(entry.datagram)
    oldest_at = None if oldest is None else _received_at(oldest)
    oldest_seconds = 0 if oldest_at is None else max(0, int((context.now() - oldest_at).total_seconds()))
    document = {
        "directory": str(journal.directory),
        "identity": journal.identity,
        "in_use": journal.is_in_use,
        "segments": len(journal.segments),
        "octets": journal.octets,
        "max_octets": context.settings.metering.journal_megabytes * 1024 * 1024,
        "first_at": None if first is None else _received_at(first),
        "last_at": None if last is None else _received_at(last),
        "database": "there" if trouble is None else "away",
        "applied_is_known": is_known,
        "applied": None
        if applied is None
        else {"segment": applied.segment, "position": applied.position, "sequence": applied.sequence},
        "unapplied_records": records,
        "unapplied_octets": waiting_octets,
        "oldest_unapplied_at": oldest_at,
        "oldest_unapplied_seconds": oldest_seconds,
        "unreadable_octets": journal.skipped_octets,
        "missing_segments": journal.missing_segments,
    }
    if context.json_wanted:
        print_json(document, context.settings.timezone)
        return
    zone = context.settings.timezone
    waits = f"{records} records, {octets(waiting_octets)}" + (
        f", up to {duration(oldest_seconds)} old" if records else ""
    )
    print_fields(
        {
            "directory": journal.directory,
            "identity": journal.identity,
            "in use": "yes" if document["in_use"] else "no",
            "on disk": f"{len(journal.segments)} segments, {octets(journal.octets)}",
            "records": f"{_time(first, zone)} to {_time(last, zone)}",
            "not applied": waits if is_known else f"at most {waits}; {trouble}",
            "unreadable": f"{journal.skipped_octets} octets, {journal.missing_segments} segments missing",
        }
    )


async def _applied(context: Context, journal: StoredJournal) -> tuple[JournalCursor | None, bool, str | None]:
    """Return how far it is applied, whether that is the database's own word, and why not."""
    try:
        async with context.database() as database, database.read() as work:
            cursor, _ = await work.sessions.applied(journal.identity)
    except StoreUnavailableError as error:
        return journal.applied_hint, False, str(error)
    return cursor, True, None


# -- show --------------------------------------------------------------------------------------------------------------


async def _show(context: Context, journal: StoredJournal, options: argparse.Namespace) -> None:
    zone = context.settings.timezone
    from_at, to_at = _instant(options.from_at, "--from", zone), _instant(options.to_at, "--to", zone)
    names = await _nas_names(context)
    wanted = [nas_id for nas_id, name in names.items() if options.nas in {name, str(nas_id)}] if options.nas else None
    if options.nas and not wanted:
        wanted = [_as_id(options.nas)]
    found: list[tuple[JournalEntry, AccountingRecord]] = []
    for entry, record in _records(journal):
        if (
            (wanted is not None and entry.nas_id not in wanted)
            or (from_at is not None and record.received_at < from_at)
            or (to_at is not None and record.received_at >= to_at)
            or (options.username is not None and record.username.casefold() != options.username.casefold())
            or (options.session is not None and record.acct_session_id != options.session)
        ):
            continue
        found.append((entry, record))
        if len(found) >= 2 * max(1, options.limit):
            del found[: -options.limit]
    found = found[-options.limit :] if options.limit > 0 else []
    if context.json_wanted:
        print_json([_document(entry, record, names) for entry, record in found], zone)
        return
    print_table(
        ["RECORD", "RECEIVED", "NAS", "KIND", "USERNAME", "SESSION", "UPLOAD", "DOWNLOAD", "SECONDS"],
        [
            [
                entry.sequence,
                local_time(record.received_at, zone),
                names.get(entry.nas_id, entry.nas_id),
                record.kind.name.lower(),
                printable(record.username),
                printable(record.acct_session_id),
                record.upload_octets,
                record.download_octets,
                record.session_seconds,
            ]
            for entry, record in found
        ],
        right=(0, 6, 7, 8),
    )


def _records(journal: StoredJournal) -> Iterator[tuple[JournalEntry, AccountingRecord]]:
    for entry in journal.entries():
        try:
            packet = decode(entry.datagram)
        except MalformedPacket:  # it was read once before it was kept; `status` counts what is damaged
            continue
        yield entry, AccountingRecord.from_packet(packet, entry.nas_id, entry.flags, _received_at(entry), entry.source)


def _document(entry: JournalEntry, record: AccountingRecord, names: dict[UUID, str]) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "received_at": record.received_at.isoformat(timespec="microseconds"),
        "event_at": record.event_at,
        "nas_id": entry.nas_id,
        "nas": names.get(entry.nas_id),
        "source": entry.source,
        "flags": entry.flags,
        "kind": record.kind.name.lower(),
        "username": record.username,
        "acct_session_id": record.acct_session_id,
        "framed_ip": record.framed_ip,
        "mac": record.mac,
        "upload_octets": record.upload_octets,
        "download_octets": record.download_octets,
        "session_seconds": record.session_seconds,
        "datagram": entry.datagram.hex(),
    }


async def _nas_names(context: Context) -> dict[UUID, str]:
    try:
        async with context.database() as database, database.read() as work:
            return {nas.id: nas.name for nas in await work.nas.all()}
    except StoreUnavailableError as error:
        note(f"NAS are shown by their ids: {error}")
        return {}


def _as_id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise InvalidInputError(f"no NAS is called {name!r}", hint="see `netbilld nas list`") from None


def _instant(written: str | None, option: str, timezone: str) -> datetime | None:
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise InvalidInputError(f"{option}: {written!r} is no moment; write for example 2026-11-22T08:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(timezone))


def _time(entry: JournalEntry | None, timezone: str) -> str:
    return local_time(None if entry is None else _received_at(entry), timezone)


def _received_at(entry: JournalEntry) -> datetime:
    return _EPOCH + timedelta(microseconds=entry.received_us)


# -- replay ------------------------------------------------------------------------------------------------------------


async def _replay(context: Context, journal: StoredJournal) -> None:
    journal.hold()
    noted = 0

    def progress(records: int) -> None:
        nonlocal noted
        if records - noted >= _RECORDS_A_NOTE:
            noted = records
            note(f"{records} records applied")

    async with context.database() as database:
        meter = MeterUsage(
            database,
            journal,
            context.clock,
            context.settings.timezone,
            keeps_records=context.settings.metering.raw_records,
            wallets=wallet_rules(context.settings),
        )
        replay = ReplayJournal(database, meter, context.clock, journal.identity)
        done = await replay.handle(context.actor, progress)
    await context.nudge()
    document = {
        "directory": str(journal.directory),
        "identity": journal.identity,
        "records": done.records,
        "services": done.services,
        "new_sessions": done.new_sessions,
        "unknown_nas": done.unknown_nas,
        "parked": done.parked,
        "unreadable_octets": journal.skipped_octets,
        "missing_segments": journal.missing_segments,
    }
    if context.json_wanted:
        print_json(document, context.settings.timezone)
    elif not done.records:
        print("nothing was left to apply")
    else:
        print(f"{done.records} records applied; {done.services} services, {done.new_sessions} new sessions")
    for problem in _problems(journal, done.unknown_nas, done.parked):
        note(problem)


def _problems(journal: StoredJournal, unknown_nas: int, parked: int) -> Iterator[str]:
    if unknown_nas:
        yield f"{unknown_nas} records are of NAS this database does not know: is it another provider's journal?"
    if parked:
        yield f"{parked} records could not be metered and are left in the journal"
    if journal.skipped_octets or journal.missing_segments:
        yield f"{journal.skipped_octets} octets could not be read, {journal.missing_segments} segments are missing"
