"""`netbilld payment add/list/receipt`."""

import argparse
from typing import Any

from netbilld.adapters.database.payments import ListedPayment
from netbilld.cli.commands.document_files import configure_receipt, receipt
from netbilld.cli.context import Context
from netbilld.cli.main import add_idempotency_option, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.model.errors import RefusedError
from netbilld.model.units import parse_amount
from netbilld.services.receive_payment import AlreadyReceived, PaymentReceipt, ReceivePayment


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|receipt")
    add = verbs.add_parser("add", help="record a payment: oldest invoices first, the rest to the wallet")
    add.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the subscriber number")
    add.add_argument("amount", metavar="AMOUNT", help="in the currency of the settings, such as 200000")
    add.add_argument("--method", required=True, metavar="cash|transfer|…")
    add.add_argument("--reference", metavar="R", help="unique within the method")
    add.add_argument("--on", type=day, metavar="D", help="day it was received; default today")
    add_json_option(add)
    add_idempotency_option(add)
    listing = verbs.add_parser("list", help="payments, newest first")
    listing.add_argument("--username", metavar="U", help="only of this subscriber (any user name, or the number)")
    listing.add_argument("--from", dest="from_on", type=day, metavar="D")
    listing.add_argument("--to", dest="to_on", type=day, metavar="D")
    listing.add_argument("--limit", type=count, metavar="N")
    add_json_option(listing)
    configure_receipt(verbs)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "receipt":
        await receipt(options, context)
    else:
        await (_add if options.action == "add" else _list)(options, context)


async def _add(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    amount_minor = parse_amount(options.amount, settings.currency)
    async with context.database() as database:
        outcome = await ReceivePayment(database, timezone=settings.timezone).run(
            options.username,
            amount_minor,
            currency=settings.currency,
            method=options.method,
            reference=options.reference,
            received_on=options.on,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    if isinstance(outcome, AlreadyReceived):
        earlier = outcome.payment
        raise RefusedError(
            f"{earlier.method} {earlier.reference}: this payment of {shown(earlier.amount_minor, earlier.currency)} "
            f"received on {earlier.received_on} is recorded, by {earlier.actor}",
            hint="nothing was done",
            code="already_received",
        )
    await context.nudge()
    if options.json:
        print_json(_receipt(outcome))
    else:
        _print_receipt(outcome)


def _receipt(receipt: PaymentReceipt) -> dict[str, Any]:
    return {
        "id": receipt.payment_id,
        "subscriber_no": receipt.subscriber_no,
        "subscriber_name": receipt.subscriber_name,
        "amount": receipt.amount_minor,
        "currency": receipt.currency,
        "method": receipt.method,
        "reference": receipt.reference,
        "received_on": receipt.received_on,
        "allocations": [{"invoice": number, "amount": amount} for number, amount in receipt.allocations],
        "to_wallet": receipt.to_wallet_minor,
        "renewed_until": receipt.renewed_until,
        "wallet": receipt.wallet_minor,
        "outstanding": receipt.outstanding_minor,
    }


def _print_receipt(receipt: PaymentReceipt) -> None:
    currency = receipt.currency
    fields: dict[str, Any] = {
        "received": f"{shown(receipt.amount_minor, currency)} by {receipt.method}",
        "from": f"{receipt.subscriber_no}  {receipt.subscriber_name}",
    }
    for number, amount_minor in receipt.allocations:
        fields[number] = shown(amount_minor, currency)
    if receipt.to_wallet_minor:
        fields["to wallet"] = shown(receipt.to_wallet_minor, currency)
    if receipt.renewed_until:
        fields["renewed until"] = ", ".join(receipt.renewed_until)
    fields["wallet"] = shown(receipt.wallet_minor, currency)
    fields["outstanding"] = shown(receipt.outstanding_minor, currency)
    print_fields(fields)


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        listed = await work.payments.listed(
            subscriber_id=payer.id if payer else None,
            from_on=options.from_on,
            to_on=options.to_on,
            limit=options.limit,
        )
    if options.json:
        print_json([_document(one) for one in listed], context.settings.timezone)
        return
    rows = [
        [
            one.payment.received_on,
            one.subscriber_no,
            one.subscriber_name,
            one.payment.method,
            one.payment.reference,
            shown(one.payment.amount_minor, one.payment.currency),
            one.payment.actor,
        ]
        for one in listed
    ]
    print_table(["received", "subscriber", "name", "method", "reference", "amount", "by"], rows, right=(5,))


def _document(one: ListedPayment) -> dict[str, Any]:
    return {
        "id": one.payment.id,
        "subscriber_no": one.subscriber_no,
        "subscriber_name": one.subscriber_name,
        "amount": one.payment.amount_minor,
        "currency": one.payment.currency,
        "method": one.payment.method,
        "reference": one.payment.reference,
        "received_on": one.payment.received_on,
        "recorded_at": one.payment.recorded_at,
        "actor": one.payment.actor,
        "allocations": [{"invoice": number, "amount": amount} for number, amount in one.allocations],
        "to_wallet": one.to_wallet_minor,
    }
