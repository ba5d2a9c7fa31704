"""`netbilld allowance share/unshare/list`."""

import argparse
from uuid import UUID

from netbilld.cli.cells import octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.services.share_allowance import ShareAllowance, Shared, SharedKind


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="share|unshare|list")
    share = verbs.add_parser("share", help="let services of a subscriber use one allowance together")
    share.add_argument("name", metavar="NAME", help="of the shared allowance; made where there is none")
    share.add_argument("usernames", nargs="+", metavar="USERNAME")
    share.add_argument("--kind", choices=[kind.value for kind in SharedKind], default=SharedKind.HOUSEHOLD.value)
    share.add_argument("--data", metavar="VOLUME", help="as 300GB; default what the plans include, together")
    add_config_option(share)
    unshare = verbs.add_parser("unshare", help="let a service have its plan's own allowance again")
    unshare.add_argument("username", metavar="USERNAME")
    add_config_option(unshare)
    listing = verbs.add_parser("list", help="all of them, and who shares them")
    add_json_option(listing)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "list":
        await _list(context)
        return
    async with context.database() as database:
        manage = ShareAllowance(database)
        if options.action == "share":
            shared = await manage.share(
                options.name, options.usernames, options.kind, options.data, context.actor, context.now()
            )
            said = f"allowance {shared.name}: shared by {len(shared.service_ids)} services"
        else:
            name = await manage.unshare(options.username, context.actor, context.now())
            said = f"{options.username}: shares {name} no longer"
    await context.nudge()
    print(said)


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        listed = await work.shared.listed()
        names: dict[UUID, str] = {}
        for one in listed:
            for credential in await work.services.credentials_of(*one.service_ids):
                names.setdefault(credential.service_id, credential.name)

    def members(one: Shared) -> list[str]:
        return [names.get(service_id, str(service_id)) for service_id in one.service_ids]

    if context.json_wanted:
        documents = [
            {"name": one.name, "kind": one.kind, "data_octets": one.data_octets, "usernames": members(one)}
            for one in listed
        ]
        print_json(documents, context.settings.timezone)
        return
    rows = [
        [one.name, one.kind, octets(one.data_octets) if one.data_octets else "the plans'", ", ".join(members(one))]
        for one in listed
    ]
    print_table(["name", "kind", "data", "usernames"], rows)
