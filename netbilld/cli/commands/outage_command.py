"""`netbilld outage list/declare/end`."""

import argparse
from datetime import timedelta

from netbilld.cli.cells import local_time, printable
from netbilld.cli.commands.complaint_shown import outage_document
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import count
from netbilld.cli.output import print_json, print_table
from netbilld.daemon.complaints import complaint_parts
from netbilld.services.complaint_steps import Doing
from netbilld.services.declare_outages import NewOutage


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="list|declare|end")
    listing = verbs.add_parser("list", help="those that are running, and NAS that have fallen silent")
    listing.add_argument("--all", action="store_true", help="those that are over too")
    add_json_option(listing)
    declare = verbs.add_parser("declare", help="tell everybody it is about, once; their complaints are gathered")
    declare.add_argument("text", metavar="TEXT", help="what is down; subscribers read it")
    where = declare.add_mutually_exclusive_group(required=True)
    where.add_argument("--area", metavar="PATH", help="with what is below it")
    where.add_argument("--nas", metavar="NAME")
    declare.add_argument("--began-minutes", type=count, default=0, metavar="N", help="how long ago; default now")
    declare.add_argument("--expected-minutes", type=count, metavar="N", help="how long it may still take")
    declare.add_argument("--dry-run", action="store_true", help="only say how many it is about")
    declare.add_argument("--idempotency-key", metavar="KEY", help="the same key again tells nobody")
    add_json_option(declare)
    end = verbs.add_parser("end", help="it is over: its complaints are resolved, everybody is told once")
    end.add_argument("number", metavar="NUMBER")
    end.add_argument("text", metavar="TEXT", help="what it was; subscribers read it")
    add_config_option(end)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "list":
            await _list(options, context)
        case "declare":
            await _declare(options, context)
        case _:
            async with context.database() as database:
                outages = complaint_parts(context.settings, database).outages
                ended = await outages.end(options.number, options.text, Doing(context.actor, context.now()))
            await context.nudge()
            print(f"{ended.number} is over: {ended.told} told, {len(ended.resolved)} complaints resolved")


async def _declare(options: argparse.Namespace, context: Context) -> None:
    now = context.now()
    began_at = now - timedelta(minutes=options.began_minutes)
    expected = options.expected_minutes
    async with context.database() as database:
        outages = complaint_parts(context.settings, database).outages
        if options.dry_run:
            affected = await outages.affected(options.area, options.nas, began_at)
            if options.json:
                print_json({"subscribers": affected})
            else:
                print(f"{affected} subscribers would be told")
            return
        key = f"cli:outage:{options.idempotency_key}" if options.idempotency_key else None
        expected_at = now + timedelta(minutes=expected) if expected is not None else None
        new = NewOutage(options.text, began_at, options.area, options.nas, expected_at)
        declared = await outages.declare(new, Doing(context.actor, now, key=key))
    await context.nudge()
    if options.json:
        document = {"number": declared.number, "subscribers": declared.subscribers, "new": declared.is_new}
        print_json(document | {"complaints": list(declared.complaints)})
    else:
        print(f"{declared.number}: {declared.subscribers} told, {len(declared.complaints)} complaints gathered")


async def _list(options: argparse.Namespace, context: Context) -> None:
    zone = context.settings.timezone
    async with context.database() as database, database.read() as work:
        found = list(await work.complaint_views.outages(running=True))
        if options.all:
            found += await work.complaint_views.outages(running=False)
        suspects = await work.complaint_views.suspects()
    if options.json:
        silent = [{"nas": one.nas, "since": one.since_at, "subscribers": one.subscribers} for one in suspects]
        print_json({"outages": [outage_document(one) for one in found], "silent_nas": silent}, zone)
        return
    rows = [
        [
            one.outage.number,
            one.nas or one.outage.area,
            local_time(one.outage.began_at, zone),
            local_time(one.outage.ended_at, zone),
            one.subscribers,
            one.complaints,
            printable(one.outage.text),
        ]
        for one in found
    ]
    print_table(["number", "where", "since", "over", "subscribers", "complaints", "text"], rows, right=(4, 5))
    for one in suspects:
        since = local_time(one.since_at, zone)
        print(f"{one.nas} has been silent since {since}: `netbilld outage declare` tells its {one.subscribers}")
