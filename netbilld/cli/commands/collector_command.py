"""`netbilld collector …`: who takes cash, what they hold, and what they hand over."""

import argparse
from typing import Any

from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.model.errors import NotFoundError
from netbilld.model.periods import local_date
from netbilld.model.units import parse_amount
from netbilld.services.areas import EVERYWHERE, parse_areas
from netbilld.services.collector_conduct import Conduct, Month, look_at
from netbilld.services.keep_collectors import Collector, Handover, KeepCollectors, collector_name


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|show|route|set|handover|handovers")
    add = verbs.add_parser("add", help="make somebody known who takes cash")
    add.add_argument("name", metavar="NAME", help="one word, as `payment add --collector` takes it")
    add.add_argument("--name", dest="full_name", metavar="TEXT", help="in full")
    add.add_argument("--staff", metavar="WHO", help="e-mail or user they record cash as: it is on their account then")
    add_config_option(add)
    add_json_option(verbs.add_parser("list", help="what each holds, and took since the last hand-over"))
    show = verbs.add_parser(
        "show", help="the months of one: taken, told late, reversed, missing; receipts that never came"
    )
    show.add_argument("name", metavar="NAME")
    add_json_option(show)
    route = verbs.add_parser("route", help="whom to visit: who owes what is due by now or within three days")
    route.add_argument("--area", action="append", default=[], metavar="PATH", help="only there; may be repeated")
    add_json_option(route)
    change = verbs.add_parser("set", help="let somebody take cash, or no more")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--active", required=True, choices=("yes", "no"))
    add_config_option(change)
    handover = verbs.add_parser(
        "handover",
        help="setoran: cash counted and handed over",
        description="A difference stays on the collector's account until handed over too, or booked with a reason.",
    )
    handover.add_argument("name", metavar="NAME")
    handover.add_argument("amount", metavar="AMOUNT", help="as counted")
    handover.add_argument("--to", default="cash", metavar="METHOD", help="the cash that it goes to; default cash")
    handover.add_argument("--signed-by", default="", metavar="WHO", help="the name that the collector signs with")
    handover.add_argument("--book-difference", metavar="WHY", help="book what is missing or too much; nothing is left")
    add_json_option(handover)
    add_idempotency_option(handover)
    handovers = verbs.add_parser("handovers", help="what was handed over, newest first")
    handovers.add_argument("--name", metavar="NAME")
    handovers.add_argument("--limit", type=count, metavar="N")
    add_json_option(handovers)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    verbs = {
        "add": _add,
        "list": _list,
        "show": _show,
        "route": _route,
        "set": _set,
        "handover": _handover,
        "handovers": _handovers,
    }
    await verbs[options.action](options, context)


async def _add(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        keep = KeepCollectors(database, timezone=settings.timezone, currency=settings.currency)
        await keep.add(options.name, options.full_name, staff=options.staff, actor=context.actor, now=context.now())
    print(f"collector {collector_name(options.name)} added")


async def _set(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        keep = KeepCollectors(database, timezone=settings.timezone, currency=settings.currency)
        await keep.set_active(options.name, options.active == "yes", actor=context.actor, now=context.now())
    print(f"collector {collector_name(options.name)} takes {'money' if options.active == 'yes' else 'no more money'}")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.collectors.all()
    currency, timezone = context.settings.currency, context.settings.timezone
    if options.json:
        print_json([_collector_document(one, currency) for one in found], timezone)
        return
    rows = [
        [
            one.name,
            one.full_name,
            "" if one.status == "active" else one.status,
            one.payments,
            shown(one.held_minor, one.currency or currency),
            local_time(one.handed_over_at, timezone),
        ]
        for one in found
    ]
    print_table(["name", "in full", "", "payments since", "holds", "last hand-over"], rows, right=(3, 4))


async def _show(options: argparse.Namespace, context: Context) -> None:
    name, timezone, currency = collector_name(options.name), context.settings.timezone, context.settings.currency
    async with context.database() as database, database.read() as work:
        found = await work.collectors.named(name)
        if found is None:
            raise NotFoundError(f"no collector {name!r}", hint="`netbilld collector list` shows them")
        conduct = (await look_at(work.conduct, context.now(), timezone, name)).get(name, Conduct())
    currency = found.currency or currency
    if options.json:
        document = {
            **_collector_document(found, currency),
            "months": [_month_document(one) for one in conduct.months],
            "missing_receipts": list(conduct.missing),
            "late": [
                {
                    "payment_id": one.payment_id,
                    "receipt_no": one.receipt_no,
                    "amount": one.amount_minor,
                    "received_on": one.received_on,
                    "recorded_at": one.recorded_at,
                    "days": one.days,
                }
                for one in conduct.late
            ],
        }
        print_json(document, timezone)
        return
    print_fields(
        {
            "collector": f"{found.name} ({found.full_name})",
            "status": found.status,
            "holds": shown(found.held_minor, currency),
            "last hand-over": local_time(found.handed_over_at, timezone),
            "receipts missing": ", ".join(conduct.missing) or "none",
        }
    )
    rows = [
        [
            f"{one.month:%Y-%m}",
            one.receipts,
            shown(one.taken_minor, currency),
            f"{one.late} ({one.most_days} d)" if one.late else "",
            one.reversed or "",
            one.handovers,
            shown(one.short_minor, currency) if one.short_minor else "",
            shown(one.over_minor, currency) if one.over_minor else "",
        ]
        for one in conduct.months
    ]
    if rows:
        print()
        headings = ["month", "receipts", "taken", "late", "reversed", "hand-overs", "missing", "over"]
        print_table(headings, rows, right=tuple(range(1, 8)))


async def _route(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    today = local_date(context.now(), settings.timezone)
    async with context.database() as database, database.read() as work:
        areas = await work.whereabouts.areas(parse_areas(options.area)) if options.area else EVERYWHERE
        stops = await work.collectors.route(areas, today)
    if options.json:
        documents = [
            {
                "subscriber_no": one.number,
                "name": one.name,
                "phone": one.phone,
                "address": one.address,
                "area": one.area,
                "outstanding": one.owed_minor,
                "currency": one.currency,
                "due_on": one.due_on,
                "invoices": one.invoices,
            }
            for one in stops
        ]
        print_json(documents, settings.timezone)
        return
    rows = [
        [one.area, one.address, one.name, one.number, one.phone, one.due_on, shown(one.owed_minor, one.currency)]
        for one in stops
    ]
    print_table(["area", "address", "name", "number", "phone", "due", "owes"], rows, right=(6,))


def _collector_document(one: Collector, currency: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "full_name": one.full_name,
        "staff": one.staff,
        "status": one.status,
        "held": one.held_minor,
        "currency": one.currency or currency,
        "payments": one.payments,
        "handed_over_at": one.handed_over_at,
    }


def _month_document(one: Month) -> dict[str, Any]:
    return {
        "month": f"{one.month:%Y-%m}",
        "receipts": one.receipts,
        "taken": one.taken_minor,
        "late": one.late,
        "late_amount": one.late_minor,
        "most_days": one.most_days,
        "reversed": one.reversed,
        "reversed_amount": one.reversed_minor,
        "handovers": one.handovers,
        "short": one.short_minor,
        "over": one.over_minor,
    }


async def _handover(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        done = await KeepCollectors(database, timezone=settings.timezone, currency=settings.currency).hand_over(
            options.name,
            parse_amount(options.amount, settings.currency),
            method=options.to,
            book_difference=options.book_difference,
            signed_by=options.signed_by,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    if options.json:
        print_json(_document(done), settings.timezone)
        return
    fields = {
        "collector": done.collector,
        "held by the books": shown(done.held_minor, done.currency),
        "counted": shown(done.counted_minor, done.currency),
        "difference": shown(done.difference_minor, done.currency),
        "booked": shown(done.booked_minor, done.currency),
        "holds now": shown(done.left_minor, done.currency),
    }
    print_fields(fields)


async def _handovers(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        name = collector_name(options.name) if options.name else None
        found = await work.collectors.handovers(name, options.limit)
    if options.json:
        print_json([_document(one) for one in found], context.settings.timezone)
        return
    rows = [
        [
            one.handed_on,
            one.collector,
            *(shown(minor, one.currency) for minor in (one.held_minor, one.counted_minor, one.booked_minor)),
            one.actor,
            one.reason,
        ]
        for one in found
    ]
    print_table(["day", "collector", "held", "counted", "booked", "by", "why"], rows, right=(2, 3, 4))


def _document(one: Handover) -> dict[str, Any]:
    return {
        "id": one.id,
        "collector": one.collector,
        "currency": one.currency,
        "held": one.held_minor,
        "counted": one.counted_minor,
        "difference": one.difference_minor,
        "booked": one.booked_minor,
        "left": one.left_minor,
        "method": one.method,
        "handed_on": one.handed_on,
        "recorded_at": one.recorded_at,
        "actor": one.actor,
        "reason": one.reason,
    }
