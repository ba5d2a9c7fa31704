"""`netbilld session list/disconnect`."""

import argparse
from collections.abc import Sequence
from typing import Final

from netbilld.adapters.database.sessions import SessionLine
from netbilld.cli.cells import duration, local_time, octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.control import call
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.moments import parse_moment, parse_network
from netbilld.model.subscriber import unknown_username

_HOLDERS: Final = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="list|disconnect")
    listing = verbs.add_parser("list", help="live sessions, newest first")
    listing.add_argument("--username", metavar="U", help="of the service this name logs in to")
    listing.add_argument("--all", action="store_true", help="history as well")
    listing.add_argument("--address", metavar="A", help="those that held this address or prefix, history as well")
    listing.add_argument("--at", metavar="T", help="at this moment, such as '2026-11-30 21:15'; with --address")
    listing.add_argument("--limit", type=int, metavar="N", help="at most so many")
    add_json_option(listing)
    disconnect = verbs.add_parser("disconnect", help="order the NAS to end a session")
    disconnect.add_argument("id", type=int, metavar="ID")
    add_config_option(disconnect)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "list":
        await _list(context, options)
    else:
        await _disconnect(context, options.id)


async def _list(context: Context, options: argparse.Namespace) -> None:
    if options.address is not None:
        await _list_holders(context, options)
        return
    if options.at is not None:
        raise InvalidInputError("--at asks who held an address at that time", hint="name it with --address")
    async with context.database() as database, database.read() as work:
        found = await work.subscribers.by_credential_name(options.username) if options.username else None
        lines = await work.sessions.list_sessions(
            username=options.username if found is None else None,
            service_id=found.service.id if found else None,
            open_only=not options.all,
            limit=options.limit,
        )
    if options.username and found is None and not lines:
        raise unknown_username(options.username)
    _print(context, lines)


async def _list_holders(context: Context, options: argparse.Namespace) -> None:
    """Show who held an address; the session's user name is what the NAS said then."""
    network = parse_network(options.address)
    at = parse_moment("--at", options.at, context.settings.timezone) if options.at is not None else None
    async with context.database() as database, database.read() as work:
        lines = await work.sessions.that_held(network, at, options.limit or _HOLDERS)
        if options.username is not None:
            found = await work.subscribers.by_credential_name(options.username)
            wanted = options.username.casefold()
            lines = [
                line
                for line in lines
                if line.username.casefold() == wanted or (found is not None and line.service_id == found.service.id)
            ]
    _print(context, lines)


def _print(context: Context, lines: Sequence[SessionLine]) -> None:
    if context.json_wanted:
        print_json([_document(line) for line in lines], context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [
            line.id,
            line.username,
            line.nas,
            line.framed_ip or line.delegated_prefix or line.ipv6_prefix,
            f"{line.state}, local" if line.is_local else line.state,
            local_time(line.started_at, zone),
            local_time(line.stopped_at, zone),
            duration(line.session_seconds),
            octets(line.upload_octets),
            octets(line.download_octets),
            line.terminate_cause,
        ]
        for line in lines
    ]
    headings = (
        "ID",
        "USERNAME",
        "NAS",
        "ADDRESS",
        "STATE",
        "STARTED",
        "STOPPED",
        "TIME",
        "UPLOAD",
        "DOWNLOAD",
        "ENDED BY",
    )
    print_table(headings, rows, right=(0, 7, 8, 9))


def _document(line: SessionLine) -> dict[str, object]:
    """Return a session as the contract shows it: input is the upload, output the download (RFC 2866 §5.3, §5.4)."""
    return {
        "id": line.id,
        "username": line.username,
        "service_id": line.service_id,
        "nas": line.nas,
        "acct_session_id": line.acct_session_id,
        "framed_ip": line.framed_ip,
        "mac": line.mac,
        "state": line.state,
        "started_at": line.started_at,
        "updated_at": line.updated_at,
        "stopped_at": line.stopped_at,
        "terminate_cause": line.terminate_cause,
        "input_octets": line.upload_octets,
        "output_octets": line.download_octets,
        "session_time": line.session_seconds,
        "ipv6_prefix": line.ipv6_prefix,
        "delegated_prefix": line.delegated_prefix,
        "local": line.is_local,
    }


async def _disconnect(context: Context, session_id: int) -> None:
    now = context.now()
    async with context.database() as database, database.write() as work:
        line = await work.sessions.get(session_id)
        if line is None:
            raise NotFoundError(f"no session has the id {session_id}", hint="`netbilld session list` shows them")
        if not await work.sessions.request_disconnect(session_id, context.actor.name, now):
            raise RefusedError(f"session {session_id} of {line.username} is over", code="session_over")
        details = {
            "service_ids": [str(line.service_id)] if line.service_id else [],
            "username": line.username,
            "nas": line.nas,
        }
        await work.changes.record(context.actor, now, "session.disconnect", "session", session_id, details)
    if await call(context.settings.data_dir, {"verb": "nudge"}, timeout_seconds=2) is None:
        note("no daemon answers here; the order goes out as soon as one runs")
    print(f"session {session_id} of {line.username}: disconnect ordered")
