"""`netbilld promise add/list/withdraw`."""

import argparse

from netbilld.cli.commands.dunning_command import manage_of
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.output import print_json, print_table
from netbilld.model.periods import local_date


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|withdraw")
    add = verbs.add_parser("add", help="take a promise to pay: access is back, or stays, until that day is over")
    add.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the number")
    add.add_argument("--until", type=day, required=True, metavar="D", help="the last day to pay")
    add.add_argument("--reason", default="", metavar="WORDS")
    add_config_option(add)
    listing = verbs.add_parser("list", help="promises that are not over, the next to fall due first")
    listing.add_argument("--all", action="store_true", help="those that are over too")
    add_json_option(listing)
    withdraw = verbs.add_parser("withdraw", help="take a promise back")
    withdraw.add_argument("username", metavar="USERNAME")
    add_config_option(withdraw)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "list":
        await _list(options, context)
        return
    async with context.database() as database:
        manage = manage_of(context, database)
        if options.action == "add":
            subscriber = await manage.promise(
                options.username, options.until, options.reason, context.actor, context.now()
            )
            said = f"{subscriber.number} {subscriber.name} promises to pay by {options.until}"
        else:
            subscriber = await manage.end_promise(options.username, context.actor, context.now())
            said = f"{subscriber.number} {subscriber.name}: promise taken back"
    await context.nudge()
    print(said)


async def _list(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    today = local_date(context.now(), settings.timezone)
    async with context.database() as database, database.read() as work:
        found = await work.dunning_terms.promises(from_on=None if options.all else today)
    if options.json:
        documents = [
            {
                "subscriber_no": one.subscriber_no,
                "name": one.subscriber_name,
                "until": one.until_on,
                "outstanding": one.outstanding_minor,
                "reason": one.reason,
                "by": one.actor,
                "made_at": one.created_at,
                "ended_at": one.ended_at,
            }
            for one in found
        ]
        print_json(documents, settings.timezone)
        return
    rows = [
        [
            one.until_on,
            one.subscriber_no,
            one.subscriber_name,
            shown(one.outstanding_minor, settings.currency),
            one.actor,
        ]
        for one in found
    ]
    print_table(["until", "subscriber", "name", "outstanding", "taken by"], rows, right=(3,))
