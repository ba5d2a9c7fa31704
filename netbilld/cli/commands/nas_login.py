"""`netbilld nas login add/list/remove`: accounts for the routers' own prompt."""

import argparse

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.errors import InvalidInputError
from netbilld.services.manage_router_logins import ManageRouterLogins


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="login_action", required=True, metavar="add|list|remove")
    add = verbs.add_parser("add", help="let somebody log in to routers")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--group", required=True, metavar="GROUP", help="RouterOS: full, write, read …; Cisco: 1 to 15")
    add.add_argument("--nas", metavar="NAS", help="on this one only; default on every one")
    add_secret_option(add, "password", "what the account logs in with; no subscriber's")
    add_config_option(add)
    add_json_option(verbs.add_parser("list", help="all of them"))
    remove = verbs.add_parser("remove", help="forget one")
    remove.add_argument("name", metavar="NAME")
    add_config_option(remove)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.login_action == "list":
        async with context.database() as database, database.read() as work:
            await _list(context, work)
        return
    if options.login_action == "add":
        password = await read_secret(options, "password", "password of the router account")
        if password is None:
            raise InvalidInputError(
                "a router account needs a password", hint="use --password-stdin, --password, or a terminal"
            )
        async with context.database() as database:
            manage = ManageRouterLogins(database, context.box)
            added = await manage.add(options.name, password, options.group, options.nas, context.actor, context.now())
        said = f"router account {added.name} added: group {added.router_group} on {added.nas_name or 'every NAS'}"
    else:
        async with context.database() as database:
            await ManageRouterLogins(database, context.box).remove(options.name, context.actor, context.now())
        said = f"router account {options.name} removed"
    await context.nudge()
    print(said)


async def _list(context: Context, work: UnitOfWork) -> None:
    logins = await work.router_logins.all()
    if context.json_wanted:
        documents = [
            {"name": one.name, "group": one.router_group, "nas": one.nas_name, "created_at": one.created_at}
            for one in logins
        ]
        print_json(documents, context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [one.name, one.router_group, one.nas_name or "every NAS", local_time(one.created_at, zone)] for one in logins
    ]
    print_table(("NAME", "GROUP", "NAS", "ADDED"), rows)
