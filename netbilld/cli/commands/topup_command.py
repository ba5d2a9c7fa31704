"""`netbilld topup add/list`."""

import argparse

from netbilld.cli.cells import octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.money import shown
from netbilld.cli.output import print_json, print_table
from netbilld.daemon.taxes import tax_policy
from netbilld.model.subscriber import unknown_username
from netbilld.services.sell_top_up import FROM_WALLET, SellTopUp, TopUpSold


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list")
    add = verbs.add_parser("add", help="sell a top-up of its plan to a service: from the wallet, or onto the invoice")
    add.add_argument("username", metavar="USERNAME")
    add.add_argument("code", metavar="CODE", help="`netbilld plan show` names those of a plan")
    add_idempotency_option(add)
    add_config_option(add)
    listing = verbs.add_parser("list", help="what a service has bought, newest first")
    listing.add_argument("username", metavar="USERNAME")
    add_json_option(listing)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "list":
        await _list(options.username, context)
        return
    async with context.database() as database:
        selling = SellTopUp(database, tax_policy(context.settings))
        sale = await selling.run(options.username, options.code, context.actor, context.now(), options.idempotency_key)
    await context.nudge()
    price = shown(sale.price_minor, context.settings.currency)
    how = "from the wallet" if sale.paid_from == FROM_WALLET else "on the next invoice"
    print(f"{options.username}: {sale.name}, {price} {how}, counts until {sale.until_on}")


async def _list(username: str, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.subscribers.by_credential_name(username)
        if found is None:
            raise unknown_username(username)
        sold = await work.top_ups.of(found.service.id)
    if context.json_wanted:
        documents = [
            {
                "id": one.id,
                "code": one.code,
                "name": one.name,
                "price": one.price_minor,
                "data_octets": one.data_octets,
                "time_seconds": one.time_seconds,
                "bought_on": one.bought_on,
                "until": one.until_on,
                "paid_from": one.paid_from,
            }
            for one in sold
        ]
        print_json(documents, context.settings.timezone)
        return
    rows = [
        [
            one.bought_on,
            one.code,
            _size(one),
            shown(one.price_minor, found.subscriber.currency),
            one.until_on,
            one.paid_from,
        ]
        for one in sold
    ]
    print_table(["bought on", "code", "adds", "price", "until", "paid from"], rows, right=(3,))


def _size(sold: TopUpSold) -> str:
    return octets(sold.data_octets) if sold.data_octets is not None else f"{(sold.time_seconds or 0) / 3600:g} h"
