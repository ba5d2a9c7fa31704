"""`netbilld usage doubts/accept/reject`: octets that can't be true wait for a decision."""

import argparse
from typing import Any

from netbilld.cli.cells import duration, local_time, octets, speed
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.policies import wallet_rules
from netbilld.services.decide_doubts import DecideDoubts, UsageDoubt

ACTIONS = ("doubts", "accept", "reject")


def configure(verbs: Any) -> None:
    """Describe the verbs and their options."""
    listing = verbs.add_parser("doubts", help="reported octets that can't be true, and wait for a decision")
    listing.add_argument("--all", action="store_true", help="those decided as well")
    add_json_option(listing)
    for action, said in (("accept", "count them, in the time they were reported for"), ("reject", "never count them")):
        verb = verbs.add_parser(action, help=said)
        verb.add_argument("id", type=int, metavar="ID", help="of a doubt")
        add_config_option(verb)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "doubts":
        await _list(context, options)
        return
    async with context.database() as database:
        decide = DecideDoubts(database, context.settings.timezone, wallets=wallet_rules(context.settings))
        if options.action == "accept":
            doubt = await decide.accept(options.id, context.actor, context.now())
        else:
            doubt = await decide.reject(options.id, context.actor, context.now())
    await context.nudge()
    moved = f"{octets(doubt.upload_octets)} up and {octets(doubt.download_octets)} down of {doubt.username or 'nobody'}"
    print(
        f"doubt {doubt.id} {options.action}ed: {moved} {'count now' if options.action == 'accept' else 'never count'}"
    )


async def _list(context: Context, options: argparse.Namespace) -> None:
    async with context.database() as database, database.read() as work:
        doubts = await work.doubts.newest(only_open=not options.all)
    if context.json_wanted:
        print_json([_document(doubt) for doubt in doubts], context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [
            doubt.id,
            doubt.username,
            doubt.nas,
            local_time(doubt.end_at, zone),
            octets(doubt.upload_octets),
            octets(doubt.download_octets),
            duration(doubt.seconds),
            speed(doubt.seeming_bps),
            speed(doubt.port_bps),
            doubt.state,
        ]
        for doubt in doubts
    ]
    headings = ("ID", "USERNAME", "NAS", "REPORTED", "UPLOAD", "DOWNLOAD", "IN", "SEEMS", "PORT", "STATE")
    print_table(headings, rows, right=(0, 4, 5, 6, 7, 8))
    if any(doubt.state == "open" for doubt in doubts):
        note("`netbilld usage accept ID` counts one, `netbilld usage reject ID` never does")


def _document(doubt: UsageDoubt) -> dict[str, object]:
    return {
        "id": doubt.id,
        "username": doubt.username,
        "service_id": doubt.service_id,
        "nas": doubt.nas,
        "session_id": doubt.session_id,
        "from": doubt.start_at,
        "to": doubt.end_at,
        "seconds": doubt.seconds,
        "upload_octets": doubt.upload_octets,
        "download_octets": doubt.download_octets,
        "counter_upload_octets": doubt.counter_upload_octets,
        "counter_download_octets": doubt.counter_download_octets,
        "seeming_bps": doubt.seeming_bps,
        "port_bps": doubt.port_bps,
        "state": doubt.state,
        "noted_at": doubt.noted_at,
        "decided_at": doubt.decided_at,
        "decided_by": doubt.decided_by,
    }
