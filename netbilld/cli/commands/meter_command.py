"""`netbilld meter add/list/show/remove/doubts/accept/reject`: meters beside the sessions."""

import argparse
from typing import Any, Final

from netbilld.accounting.reading import MeterLine
from netbilld.accounting.series import series_of
from netbilld.cli.cells import local_time, octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.policies import wallet_rules
from netbilld.model.errors import NotFoundError
from netbilld.services.manage_meters import ManageMeters

_NUMBER: Final = "NUMBER"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|show|remove|doubts|accept|reject")
    add = verbs.add_parser(
        "add",
        help="meter a service by a port of a device, or let it be metered by readings handed in",
        description="For services without RADIUS accounting: dedicated lines, static addresses, kiosks. It counts from "
        "its first reading on.",
    )
    add.add_argument("username", metavar="USERNAME")
    add.add_argument("--nas", metavar="NAME", help="the device, which SNMP is set for: `netbilld nas set`")
    what = add.add_mutually_exclusive_group(required=True)
    what.add_argument("--interface", metavar="NAME", help="an interface by its name, such as ether5; '<pppoe-budi>'")
    what.add_argument("--alias", metavar="TEXT", help="an interface by its comment")
    what.add_argument("--queue", metavar="NAME", help="a RouterOS simple queue")
    what.add_argument("--mqtt", action="store_true", help="readings published for this service")
    add.add_argument("--key", metavar="TEXT", help="with --mqtt: what its topic ends in; default the service's id")
    add.add_argument(
        "--swap", action="store_true", help="what the port takes in is what the subscriber receives, as on an uplink"
    )
    add.add_argument(
        "--force", action="store_true", help="although RADIUS meters sessions of it: that is other traffic"
    )
    add_config_option(add)
    add_json_option(verbs.add_parser("list", help="all of them"))
    show = verbs.add_parser("show", help="one of them")
    show.add_argument("number", type=int, metavar=_NUMBER)
    add_json_option(show)
    remove = verbs.add_parser("remove", help="meter by it no more; what it has metered stays")
    remove.add_argument("number", type=int, metavar=_NUMBER)
    add_config_option(remove)
    doubts = verbs.add_parser("doubts", help="octets faster than their port can be: not billed until a person decides")
    doubts.add_argument("--all", action="store_true", help="also what was decided")
    add_json_option(doubts)
    for name, summary in (("accept", "bill octets in doubt"), ("reject", "never bill them")):
        decide = verbs.add_parser(name, help=summary)
        decide.add_argument("number", type=int, metavar=_NUMBER, help="as `meter doubts` has it")
        add_config_option(decide)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "list":
        await _list(context)
    elif options.action == "show":
        await _show(context, options.number)
    elif options.action == "doubts":
        await _doubts(context, everything=options.all)
    else:
        await _change(options, context)
        await context.nudge()


async def _change(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        manage = ManageMeters(database, context.settings.timezone, wallets=wallet_rules(context.settings))
        actor, now = context.actor, context.now()
        if options.action == "remove":
            meter = await manage.remove(options.number, actor, now)
            print(f"meter {meter.id} removed; what it has metered stays")
        elif options.action in {"accept", "reject"}:
            doubt = await manage.decide(options.number, actor, now, accept=options.action == "accept")
            said = octets(doubt.upload_octets + doubt.download_octets)
            print(f"{said} of meter {doubt.meter_id} {doubt.state}")
        elif options.mqtt:
            meter = await manage.allow(options.username, "mqtt", actor, now, key=options.key, force=options.force)
            print(
                f"meter {meter.id} added: {options.username} is metered by readings over MQTT; its key is {meter.key}"
            )
        else:
            if options.nas is None:
                raise NotFoundError("which device?", hint="name it with --nas; `netbilld nas list` shows them")
            kind = next(kind for kind in ("interface", "alias", "queue") if getattr(options, kind) is not None)
            name = getattr(options, kind)
            meter = await manage.add_port(
                options.username, options.nas, kind, name, actor, now, swapped=options.swap, force=options.force
            )
            print(f"meter {meter.id} added: {options.username} is metered by {kind} {name} of NAS {options.nas}")


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        documents = [_document(line) for line in await work.meters.lines()]
    zone = context.settings.timezone
    if context.json_wanted:
        print_json(documents, zone)
        return
    rows = [
        [
            one["number"],
            one["username"],
            one["source"],
            one["nas"],
            one["port"] or one["key"],
            octets(one["upload_octets"]),
            octets(one["download_octets"]),
            one["state"],
            local_time(one["read_at"], zone),
        ]
        for one in documents
    ]
    headings = ("NUMBER", "USERNAME", "SOURCE", "NAS", "BY", "UPLOAD", "DOWNLOAD", "STATE", "READ")
    print_table(headings, rows, right=(0, 5, 6))


async def _show(context: Context, number: int) -> None:
    async with context.database() as database, database.read() as work:
        found = [line for line in await work.meters.lines() if line.meter.id == number]
    if not found:
        raise NotFoundError(f"no meter has the number {number}", hint="`netbilld meter list` shows them")
    document = _document(found[0])
    zone = context.settings.timezone
    if context.json_wanted:
        print_json(document, zone)
        return
    instants = {name: local_time(value, zone) for name, value in document.items() if name.endswith("_at")}
    print_fields({**document, **instants})


async def _doubts(context: Context, *, everything: bool) -> None:
    async with context.database() as database, database.read() as work:
        doubts = await work.meters.doubts(None if everything else "open")
        names = {line.meter.id: line for line in await work.meters.lines()}
    zone = context.settings.timezone
    documents = [
        {
            "number": doubt.id,
            "meter": doubt.meter_id,
            "username": names[doubt.meter_id].username if doubt.meter_id in names else None,
            "from": doubt.start_at,
            "to": doubt.end_at,
            "upload_octets": doubt.upload_octets,
            "download_octets": doubt.download_octets,
            "port_bps": doubt.fastest_bps,
            "state": doubt.state,
            "decided_by": doubt.decided_by,
        }
        for doubt in doubts
    ]
    if context.json_wanted:
        print_json(documents, zone)
        return
    rows = [
        [
            doubt.id,
            doubt.meter_id,
            names[doubt.meter_id].username if doubt.meter_id in names else "",
            local_time(doubt.start_at, zone),
            local_time(doubt.end_at, zone),
            octets(doubt.upload_octets),
            octets(doubt.download_octets),
            doubt.state,
        ]
        for doubt in doubts
    ]
    print_table(("NUMBER", "METER", "USERNAME", "FROM", "TO", "UPLOAD", "DOWNLOAD", "STATE"), rows, right=(0, 1, 5, 6))


def _document(line: MeterLine) -> dict[str, Any]:
    meter = line.meter
    series = series_of(meter.key) if meter.source == "snmp" else None
    return {
        "number": meter.id,
        "username": line.username,
        "service_id": meter.service_id,
        "source": meter.source,
        "nas": line.nas_name,
        "kind": series.kind if series else None,
        "port": series.name if series else None,
        "key": meter.key,
        "swap": meter.is_swapped,
        "upload_octets": meter.upload_octets,
        "download_octets": meter.download_octets,
        "state": meter.state,
        "read_at": meter.at,
        "created_at": meter.created_at,
    }
