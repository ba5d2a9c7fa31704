"""`netbilld nas add/list/show/set/replace/remove/login`."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from netbilld.accounting.counting import COUNTER_UNITS, IPV6_PLACES
from netbilld.cli.cells import local_time
from netbilld.cli.commands import nas_hotspot, nas_login, nas_options, nas_script, nas_snmp
from netbilld.cli.context import Context
from netbilld.cli.dropped_packets import dropped_packets
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.cli.plan_checks import plan_warnings
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.enforcement.vendors import VENDORS, vendor_or_any
from netbilld.enforcement.vendors.words import capability_words
from netbilld.model.errors import InvalidInputError
from netbilld.model.nas import DEFAULT_PORT_BPS, Nas, api_url_place, shares_order_port
from netbilld.services.manage_nas import (
    REQUIREMENTS,
    SWITCHES,
    WALLS,
    Kept,
    ManageNas,
    NasFields,
    masked_api_url,
    unknown_nas,
)
from netbilld.services.overshoot import NasReading
from netbilld.services.poll_devices import is_polled
from netbilld.services.replace_nas import ReplaceNas

_UNREACHED: Final = {"api_only": "orders by API only", "not_reachable": "not reachable for orders"}
_LISTED: Final = ("name", "address", "vendor", "coa_port", "open_sessions")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="add|list|show|set|replace|remove|login|script|options|hotspot"
    )
    add = verbs.add_parser("add", help="make a NAS known")
    add.add_argument("name", metavar="NAME")
    add.add_argument("address", metavar="ADDRESS[/PREFIX]", help="where its packets come from; the longest prefix wins")
    _add_fields(add)
    listing = verbs.add_parser("list", help="all of them")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one of them")
    show.add_argument("name", metavar="NAME")
    add_json_option(show)
    change = verbs.add_parser("set", help="change one")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--name", dest="new_name", metavar="NAME", help="rename it")
    change.add_argument("--address", metavar="ADDRESS[/PREFIX]")
    _add_fields(change)
    change.add_argument(
        "--no-portal-source", action="store_true", help="recognise nobody by address on this NAS any more"
    )
    change.add_argument(
        "--forget-message-authenticator",
        action="store_true",
        help="with `auto`: it need not send Message-Authenticator until it does again",
    )
    swap = verbs.add_parser("replace", help="another router in its place: services, locks and history stay")
    swap.add_argument("name", metavar="NAME")
    swap.add_argument("--address", metavar="ADDRESS[/PREFIX]", required=True, help="of the new router")
    _add_fields(swap)
    remove = verbs.add_parser("remove", help="take one out of service; its sessions stay on record")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="although sessions are open on it")
    add_config_option(remove)
    nas_login.configure(verbs.add_parser("login", help="who may log in to the routers themselves"))
    nas_script.configure(verbs.add_parser("script", help="the lines that make it work with netbilld"))
    nas_hotspot.configure(
        verbs.add_parser("hotspot", help="a hotspot's own pages, so that people log in on the portal")
    )
    nas_options.configure(verbs.add_parser("options", help="how DHCP servers and routers tell devices of the portal"))


def _add_fields(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    add_secret_option(parser, "secret", "the RADIUS secret shared with it")
    parser.add_argument(
        "--identifier",
        metavar="NAME",
        help="what it says as NAS-Identifier (RouterOS: /system identity) where several share its address; '' for none",
    )
    parser.add_argument("--vendor", metavar="|".join(sorted(VENDORS)), help="default mikrotik")
    parser.add_argument(
        "--coa-port", type=int, metavar="PORT", help="where it takes CoA and Disconnect; default its vendor's"
    )
    parser.add_argument(
        "--coa-event-timestamp",
        choices=SWITCHES,
        help="orders say when they were made, and one that comes late is dropped; default auto, what suits its vendor",
    )
    parser.add_argument(
        "--coa-message-authenticator", choices=SWITCHES, help="orders are signed by it too; default auto"
    )
    parser.add_argument(
        "--wall-by",
        metavar="|".join(WALLS),
        help="how it holds walled subscribers; default what suits its vendor: `nas show` tells",
    )
    parser.add_argument("--api-url", metavar="URL", help="of its own API, such as https://USER:PASSWORD@10.0.0.1")
    nas_snmp.add_snmp_options(parser)
    parser.add_argument(
        "--portal-source",
        action="append",
        metavar="PREFIX",
        help="where portal requests of its subscribers come from; may be repeated",
    )
    parser.add_argument(
        "--radsec-name",
        metavar="NAME|FINGERPRINT",
        help="what its RadSec certificate must be for, wherever it calls from; * for any at its address; '' for none",
    )
    parser.add_argument("--require-message-authenticator", choices=REQUIREMENTS, help="default auto")
    parser.add_argument(
        "--hold-limits",
        action=argparse.BooleanOptionalAction,
        help="it is told at a log-in what octets and time are left, and ends the session itself; the default",
    )
    parser.add_argument(
        "--swap-octets",
        action=argparse.BooleanOptionalAction,
        help="it reports upload as download; counts from the next report on",
    )
    parser.add_argument(
        "--counter-unit",
        metavar="|".join(COUNTER_UNITS),
        help="what its counters count in; kB is 1000, KiB 1024 octets; counts from the next report on",
    )
    parser.add_argument(
        "--ipv6-octets",
        choices=IPV6_PLACES,
        help="inside of its counters (default), or beside them in attributes of Juniper or Huawei",
    )
    parser.add_argument(
        "--port-speed",
        metavar="SPEED",
        help="what one subscriber's port can carry, such as 1G; faster counters wait for a decision; default 10G, ''",
    )
    parser.add_argument(
        "--coa-pace", metavar="N", help="the most CoA orders a second; 0 for no limit, '' for what the settings say"
    )
    parser.add_argument("--disconnect-pace", metavar="N", help="the most Disconnects a second, likewise")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "login":
        await nas_login.run(options, context)
    elif options.action == "script":
        await nas_script.run(options, context)
    elif options.action == "options":
        await nas_options.run(options, context)
    elif options.action == "hotspot":
        await nas_hotspot.run(options, context)
    elif options.action == "list":
        await _list(context)
    elif options.action == "show":
        await _show(context, options.name)
    elif options.action == "remove":
        async with context.database() as database:
            manage = ManageNas(database, context.box)
            left = await manage.remove(options.name, context.actor, context.now(), force=options.force)
        await context.nudge()
        stay = f"; {left} open sessions stay until they fall silent, and no order reaches them" if left else ""
        print(f"NAS {options.name} removed{stay}")
    else:
        await _keep(options, context)


async def _keep(options: argparse.Namespace, context: Context) -> None:
    adding, replacing = options.action == "add", options.action == "replace"
    shares = adding and bool(options.identifier)  # and may have the secret of the others at its address
    secret = await read_secret(options, "secret", "RADIUS secret" if adding and not shares else None)
    if adding and secret is None and not shares:
        raise InvalidInputError("a NAS needs a secret", hint="use --secret-stdin, --secret, or a terminal")
    portal_sources = options.portal_source
    if getattr(options, "no_portal_source", False):
        portal_sources = []
    fields = NasFields(
        name=options.name if adding else getattr(options, "new_name", None),
        address=options.address,
        secret=secret,
        vendor=options.vendor,
        coa_port=options.coa_port,
        require_message_authenticator=options.require_message_authenticator,
        swap_octets=options.swap_octets,
        holds_limits=options.hold_limits,
        counter_unit=options.counter_unit,
        ipv6_octets=options.ipv6_octets,
        port_speed=options.port_speed,
        coa_pace=options.coa_pace,
        disconnect_pace=options.disconnect_pace,
        coa_event_timestamp=options.coa_event_timestamp,
        coa_message_authenticator=options.coa_message_authenticator,
        portal_sources=portal_sources,
        api_url=options.api_url,
        snmp_community=await read_secret(options, "snmp-community", None),
        snmp=await nas_snmp.read_snmp_fields(options),
        radsec_name=options.radsec_name,
        wall_by=options.wall_by,
        told_by=options.identifier,
        forget_message_authenticator=getattr(options, "forget_message_authenticator", False),
    )
    if replacing:
        await _replace(options.name, fields, context)
        return
    async with context.database() as database:
        manage = ManageNas(database, context.box)
        kept: Kept
        if adding:
            kept = await manage.add(fields, context.actor, context.now())
        else:
            kept = await manage.set(options.name, fields, context.actor, context.now())
        fits = await plan_warnings(database, nas_name=kept.nas.name) if adding or "vendor" in kept.changed else []
    await context.nudge()
    for warning in (*kept.warnings, *(f"{where}: {why}" for where, why in fits)):
        note(f"warning: {warning}")
    if adding:
        print(f"NAS {kept.nas.name} added: {kept.nas.address}, {kept.nas.vendor}, CoA port {kept.nas.coa_port}")
    else:
        said = ", ".join(
            column.removesuffix("_sealed").replace("_", " ") for column in kept.changed if column != "name_key"
        )
        print(f"NAS {kept.nas.name}: {said} changed" if said else f"NAS {kept.nas.name}: nothing to change")


async def _replace(name: str, fields: NasFields, context: Context) -> None:
    async with context.database() as database:
        replaced = await ReplaceNas(database, context.box).handle(name, fields, context.actor, context.now())
    await context.nudge()
    for warning in replaced.warnings:
        note(f"warning: {warning}")
    nas = replaced.nas
    print(f"NAS {nas.name} replaced: {nas.address}, {replaced.ended_sessions} sessions of the old router ended")


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        known = await work.nas.all()
        documents = [_document(nas, known, context, await work.nas.open_sessions(nas.id)) for nas in known]
    if context.json_wanted:
        print_json(documents, context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [
            *(document[column] for column in _LISTED),
            local_time(document["last_heard_at"], zone),
            document["told_by"] or "",
            _UNREACHED.get(document["orders"], ""),
        ]
        for document in documents
    ]
    headings = ["NAME", "ADDRESS", "VENDOR", "COA", "SESSIONS", "LAST HEARD", "IDENTIFIER", ""]
    if not any(document["told_by"] for document in documents):
        headings, rows = headings[:-2], [row[:-2] for row in rows]
    print_table(headings, rows, right=(3, 4))


async def _show(context: Context, name: str) -> None:
    async with context.database() as database, database.read() as work:
        nas = await work.nas.by_name(name)
        if nas is None:
            raise unknown_nas(name)
        document = _document(nas, await work.nas.all(), context, await work.nas.open_sessions(nas.id))
        document["readings"] = _readings((await work.crossings.readings()).get(nas.id))
        document["device"] = nas_snmp.device_document(await work.devices.state(nas.id))
    document["dropped_packets"] = await dropped_packets(context.settings.data_dir, nas.name)
    if context.json_wanted:
        print_json(document, context.settings.timezone)
    else:
        zone = context.settings.timezone
        instants = {name: local_time(value, zone) for name, value in document.items() if name.endswith("_at")}
        known = vendor_or_any(nas.vendor)
        shown = {**document, **instants, "portal_sources": ", ".join(document["portal_sources"])}
        shown |= {"vendor": f"{nas.vendor} ({known.title})", "wall_by": nas.wall_by or "default"}
        shown |= shown.pop("capabilities")
        del shown["vendor_notes"]
        dropped = shown.pop("dropped_packets")
        device, readings = shown.pop("device"), shown.pop("readings")
        if readings is not None:
            shown["read near a limit"] = readings["error"] or f"every {readings['interval_seconds']:g} s"
        print_fields(shown)
        for line in nas_snmp.device_lines(device, zone):
            print(line)
        for line in dropped or ():
            when = local_time(datetime.fromisoformat(line["last_at"]), zone)
            print(f"! {line['count']} packets dropped: {line['reason']}, from {line['source']}, last {when}")
        for line in known.notes:
            print(f"* {line}")


def _orders(nas: Nas, known: Sequence[Nas], api_url: str | None) -> str:
    """Return whether orders find the NAS: over RADIUS, or else over its API."""
    if not shares_order_port(nas, known):
        return "reachable"
    return "api_only" if api_url is not None and api_url.startswith("api") else "not_reachable"


def _readings(reading: NasReading | None) -> dict[str, Any] | None:
    """Return how reading it near a limit goes: the seconds from one reading to the next, and what failed last."""
    if reading is None:
        return None
    milliseconds = reading.interval_milliseconds
    return {"interval_seconds": None if milliseconds is None else milliseconds / 1000, "error": reading.error}


def _document(nas: Nas, known: Sequence[Nas], context: Context, open_sessions: int) -> dict[str, Any]:
    """Return what may be shown of a NAS: never its secrets, only whether they are there."""
    api_url = None
    if nas.api_url_sealed is not None:
        api_url = masked_api_url(context.box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())
    return {
        "id": nas.id,
        "name": nas.name,
        "address": nas.address,
        "vendor": nas.vendor,
        "coa_port": nas.coa_port,
        "coa_event_timestamp": nas.coa_event_timestamp or "auto",
        "coa_message_authenticator": nas.coa_message_authenticator or "auto",
        "require_message_authenticator": nas.require_message_authenticator,
        "seen_message_authenticator_at": nas.seen_message_authenticator_at,
        "swap_octets": nas.swap_octets,
        "holds_limits": nas.holds_limits,
        "counter_unit": nas.counter_unit,
        "ipv6_octets": nas.ipv6_octets,
        "port_bps": nas.port_bps or DEFAULT_PORT_BPS,
        "clock_off_seconds": nas.clock_off_seconds,
        "portal_sources": list(nas.portal_sources),
        "reported_ip": nas.reported_ip,
        "identifier": nas.identifier,
        "told_by": nas.told_by or None,
        "orders": _orders(nas, known, api_url),
        "api_url": api_url,
        "snmp": is_polled(nas),
        "snmp_version": None if not is_polled(nas) else "3" if nas.snmp_user_sealed is not None else "2c",
        "snmp_address": nas.snmp_address,
        "snmp_port": nas.snmp_port,
        "snmp_uplink": nas.snmp_uplink,
        "radsec_name": nas.radsec_name,
        "wall_by": nas.wall_by,
        "coa_per_second": nas.coa_per_second,
        "disconnects_per_second": nas.disconnects_per_second,
        "capabilities": capability_words(vendor_or_any(nas.vendor), nas.wall_by),
        "vendor_notes": list(vendor_or_any(nas.vendor).notes),
        "open_sessions": open_sessions,
        "created_at": nas.created_at,
        "last_heard_at": nas.last_heard_at,
    }
