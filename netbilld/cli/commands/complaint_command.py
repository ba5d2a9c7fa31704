"""`netbilld complaint list/show/add/assign/start/note/resolve/close/reopen/report/category`."""

import argparse
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from netbilld.cli.cells import local_time, printable
from netbilld.cli.commands.complaint_shown import file_document, line_document, shown_minutes
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import count, day
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.complaints import complaint_parts
from netbilld.model.complaint import Category
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.complaint_report import BY, report
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import FILTERS, Wanted
from netbilld.services.file_complaint import NewComplaint
from netbilld.services.find_subscriber import find_subscriber

_VERBS: Final = "list|show|add|assign|start|note|resolve|close|reopen|report|category"
_ON_ONE: Final = {
    "assign": "give it to a member of the staff, who is told",
    "start": "whoever has it is at it",
    "note": "add words to it",
    "resolve": "say what was done; the subscriber reads it",
    "close": "close what was resolved",
    "reopen": "it is not over after all",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar=_VERBS)
    listing = verbs.add_parser("list", help="open ones, the most urgent first")
    listing.add_argument("--state", choices=FILTERS, default="open", help="late: past a target; default open")
    listing.add_argument("--category", default="", metavar="CODE")
    listing.add_argument("--search", default="", metavar="TEXT", help="number, name, phone or words")
    listing.add_argument("--limit", type=count, default=100, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one with everything that happened")
    show.add_argument("number", metavar="NUMBER")
    add_json_option(show)
    add = verbs.add_parser("add", help="take one in; the subscriber is sent its number")
    add.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the number")
    add.add_argument("text", metavar="TEXT")
    add.add_argument("--category", required=True, metavar="CODE", help="`complaint category list` shows them")
    add.add_argument("--photo", type=Path, action="append", default=[], metavar="FILE", help="JPEG, PNG or WebP")
    add.add_argument("--idempotency-key", metavar="KEY", help="the same key again adds nothing")
    add_json_option(add)
    for verb, said in _ON_ONE.items():
        one = verbs.add_parser(verb, help=said)
        one.add_argument("number", metavar="NUMBER")
        if verb == "assign":
            one.add_argument("email", metavar="E-MAIL")
        if verb in {"note", "resolve", "reopen"}:
            one.add_argument("text", metavar="TEXT")
        if verb == "note":
            one.add_argument("--public", action="store_true", help="the subscriber reads it and is told")
        add_config_option(one)
    measured = verbs.add_parser("report", help="first response and resolution against their targets")
    measured.add_argument("--by", choices=BY, default="category")
    measured.add_argument("--from", dest="from_on", type=day, metavar="D", help="default the first of this month")
    measured.add_argument("--to", dest="to_on", type=day, metavar="D", help="the last day; default today")
    add_json_option(measured)
    _configure_categories(verbs.add_parser("category", help="what complaints may be about, and their targets"))


def _configure_categories(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="list|set")
    add_json_option(verbs.add_parser("list", help="all of them"))
    change = verbs.add_parser("set", help="add one, or change what is named")
    change.add_argument("code", metavar="CODE")
    change.add_argument("--name", metavar="WORDS", help="in Indonesian")
    change.add_argument("--name-en", metavar="WORDS")
    change.add_argument("--response-minutes", type=count, metavar="N")
    change.add_argument("--resolution-minutes", type=count, metavar="N")
    change.add_argument("--outage-explains", choices=("yes", "no"))
    change.add_argument("--active", choices=("yes", "no"))
    change.add_argument("--position", type=count, metavar="N")
    add_config_option(change)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "list":
            await _list(options, context)
        case "show":
            await _show(options, context)
        case "add":
            await _add(options, context)
        case "report":
            await _report(options, context)
        case "category":
            await _category(options, context)
        case _:
            await _act(options, context)


async def _list(options: argparse.Namespace, context: Context) -> None:
    now, zone = context.now(), context.settings.timezone
    wanted = Wanted(options.state, category=options.category, text=options.search, most=options.limit)
    async with context.database() as database, database.read() as work:
        found = await work.complaint_views.lines(wanted, now)
    if options.json:
        print_json([line_document(line, now) for line in found.lines], zone)
        return
    rows = [
        [
            line.number,
            line.category,
            printable(line.subscriber_name),
            line.area,
            line.state.value,
            line.assignee,
            local_time(line.opened_at, zone),
            local_time(line.resolve_by, zone),
            line.late(now),
        ]
        for line in found.lines
    ]
    headings = ["number", "category", "subscriber", "area", "state", "assignee", "made", "due", "late"]
    print_table(headings, rows)


async def _show(options: argparse.Namespace, context: Context) -> None:
    zone = context.settings.timezone
    async with context.database() as database, database.read() as work:
        file = await work.complaint_views.file(options.number)
    if file is None:
        raise NotFoundError(f"no complaint {options.number!r}", hint="`netbilld complaint list` shows them")
    document = file_document(file, context.now())
    if options.json:
        print_json(document, zone)
        return
    print_fields({name: value for name, value in document.items() if name != "steps"})
    for step in file.steps:
        words = [step.kind if step.state is None else step.state, step.assignee or "", printable(step.text or "")]
        print(f"{local_time(step.at, zone)}  {'  '.join(word for word in words if word)}  ({printable(step.actor)})")


async def _add(options: argparse.Namespace, context: Context) -> None:
    photos = [_photo(path) for path in options.photo]
    async with context.database() as database:
        async with database.write() as work:
            subscriber = await find_subscriber(work, options.username)
            found = await work.subscribers.by_credential_name(options.username)
        key = f"cli:complaint:{options.idempotency_key}" if options.idempotency_key else None
        new = NewComplaint(options.category, options.text, "staff", found.service.id if found else None, photos)
        doing = Doing(context.actor, context.now(), key=key)
        filed = await complaint_parts(context.settings, database).file.run(subscriber.id, new, doing)
    await context.nudge()
    if options.json:
        print_json({"number": filed.number, "new": filed.is_new})
    else:
        print(f"{filed.number}{'' if filed.is_new else ' was taken in before'}")


def _photo(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: can't be read: {error.strerror}") from None


async def _act(options: argparse.Namespace, context: Context) -> None:
    number = options.number
    async with context.database() as database:
        parts = complaint_parts(context.settings, database)
        doing = Doing(context.actor, context.now(), reopen_days=parts.reopen_days)
        match options.action:
            case "assign":
                await parts.handle.assign(number, options.email, doing)
            case "start":
                await parts.handle.start(number, doing)
            case "note":
                await parts.handle.note(number, options.text, doing, public=options.public)
            case "resolve":
                await parts.handle.resolve(number, options.text, doing)
            case "close":
                await parts.handle.close(number, doing)
            case _:
                await parts.handle.reopen(number, options.text, doing)
    await context.nudge()
    print(f"{number}: {options.action}")


async def _report(options: argparse.Namespace, context: Context) -> None:
    now, zone = context.now(), context.settings.timezone
    today = local_date(now, zone)
    since_on = options.from_on or today.replace(day=1)
    until_on = (options.to_on or today) + timedelta(days=1)
    async with context.database() as database, database.read() as work:
        since_at, until_at = local_midnight(since_on, zone), local_midnight(until_on, zone)
        measured = await work.complaint_views.measured(since_at, until_at)
    lines = report(measured, options.by, now, zone)
    if options.json:
        print_json([asdict(line) for line in lines])
        return
    rows = [
        [
            line.name or "-",
            line.opened,
            line.resolved,
            shown_minutes(line.response_median),
            f"{line.responses_in_time}/{line.responses_in_time + line.responses_late}",
            shown_minutes(line.resolution_median),
            f"{line.resolutions_in_time}/{line.resolutions_in_time + line.resolutions_late}",
            line.reopened,
        ]
        for line in lines
    ]
    headings = [options.by, "made", "resolved", "response", "in time", "resolution", "in time", "reopened"]
    print_table(headings, rows, right=(1, 2, 3, 4, 5, 6, 7))


async def _category(options: argparse.Namespace, context: Context) -> None:
    if options.what == "set":
        await _set_category(options, context)
        return
    async with context.database() as database, database.read() as work:
        categories = await work.complaints.categories()
    if options.json:
        print_json([asdict(one) for one in categories])
        return
    rows = [
        [
            one.code,
            one.name,
            one.name_en,
            shown_minutes(one.first_response_minutes),
            shown_minutes(one.resolution_minutes),
            "yes" if one.about_line else "no",
            "yes" if one.active else "no",
        ]
        for one in categories
    ]
    print_table(["code", "name", "in English", "response", "resolution", "outage explains", "active"], rows)


async def _set_category(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        async with database.read() as work:
            known = await work.complaints.category(options.code)
        base = known or Category(options.code, options.code, options.code, 240, 2880, False, 99, True)
        wanted: dict[str, Any] = {
            "name": options.name,
            "name_en": options.name_en,
            "first_response_minutes": options.response_minutes,
            "resolution_minutes": options.resolution_minutes,
            "about_line": options.outage_explains and options.outage_explains == "yes",
            "active": options.active and options.active == "yes",
            "position": options.position,
        }
        changed = replace(base, **{name: value for name, value in wanted.items() if value is not None})
        manage = complaint_parts(context.settings, database).categories
        await manage.put(changed, Doing(context.actor, context.now()))
    print(f"{changed.code}: {changed.name}")
