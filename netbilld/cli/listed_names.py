"""Verbs over a list of names that plans' prices may name: customer groups by code, areas by path."""

import argparse
from typing import Final

from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.services.manage_groups import ManageGroups

_KEYS: Final = {"group": "code", "area": "path"}


def configure_names(parser: argparse.ArgumentParser, kind: str, what: str) -> None:
    """Describe add, list and remove for one kind of them; `what` says what one is."""
    metavar = _KEYS[kind].upper()
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|remove")
    add = verbs.add_parser("add", help=what)
    add.add_argument("code", metavar=metavar)
    add.add_argument("--name", metavar="TEXT")
    add_config_option(add)
    listing = verbs.add_parser("list", help="all of them, and how many subscribers are in each")
    add_json_option(listing)
    remove = verbs.add_parser("remove", help="take one off the list; plans and subscribers keep what they say")
    remove.add_argument("code", metavar=metavar)
    add_config_option(remove)


async def run_names(options: argparse.Namespace, context: Context, kind: str) -> None:
    """Run the verb."""
    if options.action == "list":
        await _list(context, kind)
        return
    async with context.database() as database:
        manage = ManageGroups(database)
        if options.action == "add":
            written = await manage.add(kind, options.code, options.name, context.actor, context.now())
            print(f"{kind} {written} added")
        else:
            await manage.remove(kind, options.code, context.actor, context.now())
            print(f"{kind} {options.code} removed")


async def _list(context: Context, kind: str) -> None:
    async with context.database() as database, database.read() as work:
        listed = await (work.groups.groups() if kind == "group" else work.groups.areas())
    key = _KEYS[kind]
    if context.json_wanted:
        documents = [{key: one.code, "name": one.name, "subscribers": one.subscribers} for one in listed]
        print_json(documents, context.settings.timezone)
        return
    print_table([key, "name", "subscribers"], [[one.code, one.name, one.subscribers] for one in listed], right=(2,))
