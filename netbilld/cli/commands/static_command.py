"""`netbilld static add/list/remove/diff`: subscribers without RADIUS, held and metered by a queue of their router."""

import argparse
import secrets
from typing import Any

from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_static import RouterosStatic
from netbilld.cli.cells import local_time, octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.policies import line_terms
from netbilld.enforcement.router_lines import as_typed
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import RefusedError
from netbilld.model.nas import api_url_place
from netbilld.ports.static_router import RouterAwayError
from netbilld.services.compare_lines import Compared, CompareLines
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.manage_static_lines import ManageStaticLines
from netbilld.services.static_book import LineView, line_key


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|remove|diff")
    add = verbs.add_parser(
        "add",
        help="hold a service by a simple queue of a RouterOS router, and meter it by what that counts",
        description="For subscribers with a fixed address and no RADIUS. The daemon makes the queue and, while the "
        "service is walled or blocked, its entry on an address list; whatever on the router is not marked as ours "
        "stays as it is.",
    )
    add.add_argument("username", metavar="USERNAME")
    add.add_argument("--nas", metavar="NAME", required=True, help="the router, whose API is set: `netbilld nas set`")
    add.add_argument(
        "--address",
        metavar="A[/LEN]",
        action="append",
        required=True,
        help="its address or prefix, IPv4 or IPv6; may be given several times",
    )
    add.add_argument(
        "--force", action="store_true", help="although RADIUS meters sessions of it: that is other traffic"
    )
    add_config_option(add)
    listed = verbs.add_parser("list", help="all of them: what each is due and what its router was last seen with")
    listed.add_argument("--nas", metavar="NAME", help="only those of one router")
    add_json_option(listed)
    remove = verbs.add_parser("remove", help="take a line off its router; what it has metered stays")
    remove.add_argument("username", metavar="USERNAME")
    add_config_option(remove)
    diff = verbs.add_parser(
        "diff",
        help="read a router and show what would be changed there, as lines to type; nothing is changed",
    )
    diff.add_argument("nas", metavar="NAME")
    add_json_option(diff)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "add":
            await _add(options, context)
        case "remove":
            await _remove(options, context)
        case "diff":
            await _diff(options, context)
        case _:
            await _list(options, context)


async def _add(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        manage = ManageStaticLines(database, context.box)
        added = await manage.add(
            options.username, options.nas, options.address, context.actor, context.now(), force=options.force
        )
    await context.nudge()
    if added.metered_by is not None:
        note(f"it is metered by meter {added.metered_by} already: its queue is kept and not counted")
    print(f"{options.username} is held by a queue of NAS {added.nas.name}: {', '.join(added.line.targets)}")


async def _remove(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        line = await ManageStaticLines(database, context.box).remove(options.username, context.actor, context.now())
    await context.nudge()
    print(f"the line of {options.username} goes from its router: {', '.join(line.targets)}")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        nas_id = None
        if options.nas is not None:
            nas = await work.nas.by_name(options.nas)
            if nas is None:
                raise unknown_nas(options.nas)
            nas_id = nas.id
        views = await work.static_lines.views(nas_id=nas_id)
        troubles = await work.static_lines.troubles()
        meters = {meter.key: meter for meter in await work.meters.in_use(source="api")}
    documents = []
    for view in views:
        meter = meters.get(line_key(view.line.nas_id, view.line.service_id))
        counted = (meter.upload_octets, meter.download_octets) if meter is not None else None
        documents.append(_document(view, troubles.get(view.line.nas_id), counted))
    zone = context.settings.timezone
    if context.json_wanted:
        print_json(documents, zone)
        return
    rows = [
        [
            one["username"],
            one["nas"],
            ", ".join(one["targets"]),
            one["desired"],
            one["reason"],
            one["observed"] or "nothing",
            "yes" if one["agrees"] else "no",
            octets(one["download_octets"]) if one["download_octets"] is not None else None,
            local_time(one["observed_at"], zone),
            one["last_error"],
        ]
        for one in documents
    ]
    headings = (
        "USERNAME",
        "NAS",
        "ADDRESS",
        "DESIRED",
        "REASON",
        "OBSERVED",
        "AGREES",
        "DOWNLOAD",
        "READ",
        "LAST ERROR",
    )
    print_table(headings, rows, right=(7,))
    for one in documents:
        for words in one["notes"]:
            note(f"{one['username']}: {words}")


def _document(view: LineView, trouble: str | None, counted: tuple[int, int] | None) -> dict[str, Any]:
    state = view.state
    return {
        "username": view.username,
        "service_id": view.line.service_id,
        "nas": view.nas,
        "targets": list(view.line.targets),
        "desired": view.desired,
        "reason": view.reason,
        "since": view.since_at,
        "observed": state.access if state is not None else None,
        "evidence": "api" if state is not None else None,
        "observed_at": state.observed_at if state is not None else None,
        "agrees": view.agrees,
        "attempts": state.attempts if state is not None else 0,
        "next_attempt_at": state.next_attempt_at if state is not None else None,
        "last_error": (state.last_error if state is not None else None) or (None if view.agrees else trouble),
        "notes": list(state.notes) if state is not None else [],
        "upload_octets": counted[0] if counted is not None else None,
        "download_octets": counted[1] if counted is not None else None,
        "created_at": view.line.created_at,
    }


async def _diff(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        async with database.read() as work:
            nas = await work.nas.by_name(options.nas)
        if nas is None:
            raise unknown_nas(options.nas)
        sealed = nas.api_url_sealed
        address = parse_api_address(context.box.open(sealed, api_url_place(nas.id)).decode()) if sealed else None
        if address is None:
            raise RefusedError(
                f"NAS {nas.name} has no API of RouterOS's own",
                hint=f"`netbilld nas set {nas.name} --api-url api-ssl://USER:PASSWORD@HOST` says where it is",
                code="no_api",
            )
        connection = RouterosConnection(
            address,
            timeout_seconds=settings.metering.api_timeout_seconds,
            monotonic=context.clock.monotonic,
            jitter=lambda: secrets.randbelow(1000) / 1000,
        )
        try:
            routers = RouterosStatic(lambda: {nas.id: connection}, context.now)
            compared = await CompareLines(database, routers, line_terms(settings)).run(nas.id)
        except RouterAwayError as error:
            raise RefusedError(f"NAS {nas.name}: {error}", code="router_away") from None
        finally:
            connection.close()
    _show(compared, context)


def _show(compared: Compared, context: Context) -> None:
    if context.json_wanted:
        document = {
            "lines": compared.lines,
            "differ": compared.differ,
            "commands": [as_typed(order) for order in compared.orders],
            "obstacles": list(compared.obstacles),
            "notes": list(compared.notes),
        }
        print_json(document, context.settings.timezone)
        return
    for order in compared.orders:
        print(as_typed(order))
    for words in (*compared.obstacles, *compared.notes):
        note(words)
    note(f"{compared.lines} lines, {compared.differ} of them differ" if compared.lines else "it has no lines")
