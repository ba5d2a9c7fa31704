"""`netbilld coupon add/list/end`."""

import argparse

from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.output import print_json, print_table
from netbilld.model.periods import local_date
from netbilld.services.coupons import Coupon, ManageCoupons
from netbilld.services.manage_terms import parse_reduction


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|end")
    add = verbs.add_parser("add", help="a coupon; `subscriber set USERNAME --coupon CODE` takes it")
    add.add_argument("code", metavar="CODE")
    add.add_argument("discount", metavar="PERCENT%|AMOUNT", help="taken from the fee each period")
    add.add_argument("--name", metavar="TEXT", help="as it stands on the invoice; default the code")
    add.add_argument("--periods", type=int, metavar="N", help="how long a service has it; default for ever")
    add.add_argument("--from", dest="from_on", type=day, metavar="DATE", help="the first day it may be taken")
    add.add_argument("--until", dest="until_on", type=day, metavar="DATE", help="the last day it may be taken")
    add.add_argument("--uses", type=int, metavar="N", help="how many services may take it")
    add.add_argument("--plan", action="append", default=[], metavar="CODE", help="for this plan; may be given again")
    add_config_option(add)
    listing = verbs.add_parser("list", help="all of them, and how often they were taken")
    add_json_option(listing)
    end = verbs.add_parser("end", help="let nobody take it any more; who has it keeps it")
    end.add_argument("code", metavar="CODE")
    end.add_argument("--on", type=day, metavar="DATE", help="the last day it may be taken; default today")
    add_config_option(end)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "list":
        await _list(context)
        return
    async with context.database() as database:
        manage = ManageCoupons(database)
        if options.action == "add":
            percent, amount = parse_reduction(options.discount, context.settings.currency)
            coupon = Coupon(
                options.code,
                options.name or options.code,
                percent,
                amount,
                options.periods,
                options.from_on,
                options.until_on,
                options.uses,
                tuple(options.plan),
            )
            await manage.add(coupon, context.actor, context.now())
            print(f"coupon {options.code} added")
        else:
            last = options.on or local_date(context.now(), context.settings.timezone)
            await manage.end(options.code, last, context.actor, context.now())
            print(f"coupon {options.code}: until {last}")


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        listed = await work.coupons.listed()
    if context.json_wanted:
        documents = [
            {
                "code": one.code,
                "name": one.name,
                "percent": one.percent_hundredths / 100 if one.percent_hundredths else None,
                "amount": one.amount_minor,
                "periods": one.periods,
                "from": one.from_on,
                "until": one.until_on,
                "uses": one.most_uses,
                "used": one.used,
                "plans": list(one.plans),
            }
            for one in listed
        ]
        print_json(documents, context.settings.timezone)
        return
    rows = [
        [
            one.code,
            one.name,
            _size(one, context.settings.currency),
            one.periods or "",
            one.until_on or "",
            f"{one.used}/{one.most_uses}" if one.most_uses else one.used,
            ", ".join(one.plans),
        ]
        for one in listed
    ]
    print_table(["code", "name", "discount", "periods", "until", "used", "plans"], rows)


def _size(coupon: Coupon, currency: str) -> str:
    if coupon.percent_hundredths is not None:
        return f"{coupon.percent_hundredths / 100:g} %"
    return shown(coupon.amount_minor or 0, currency)
