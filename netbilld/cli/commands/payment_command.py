"""`netbilld payment …`: money that comes in, is put to invoices, bounces or goes back."""

import argparse
from typing import Any

from netbilld.adapters.database.payments import ListedPayment
from netbilld.billing.payment import PaymentStatus, Withheld
from netbilld.billing.receipt import Receipt, paid_word
from netbilld.cli.commands import payment_changes, payment_parking
from netbilld.cli.commands.document_files import configure_receipt, receipt
from netbilld.cli.context import Context
from netbilld.cli.main import add_idempotency_option, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.money_in import add_choice_options, choices, print_receipt, receipt_document
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.policies import plausibility
from netbilld.daemon.taxes import payment_taxes
from netbilld.model.errors import RefusedError
from netbilld.model.units import parse_amount
from netbilld.services.keep_collectors import collector_name
from netbilld.services.receive_payment import AlreadyReceived, ReceivePayment, WithheldPart


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|show|receipt|…")
    add = verbs.add_parser("add", help="record a payment: oldest invoices first, the rest to the wallet")
    add.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the subscriber number")
    add.add_argument("amount", metavar="AMOUNT", help="in the currency of the settings, such as 200000")
    add.add_argument("--method", required=True, metavar="cash|transfer|…")
    add.add_argument("--reference", metavar="R", help="unique within the method")
    add.add_argument("--on", type=day, metavar="D", help="day it was received; default today")
    add_choice_options(add)
    add.add_argument("--collector", metavar="NAME", help="who took it, and holds it until it is handed over")
    add.add_argument("--pph23", action="append", metavar="PROOF[:AMOUNT]", help="income tax kept back, by its proof")
    add.add_argument("--ppn-withheld", action="append", metavar="PROOF[:AMOUNT]", help="PPN kept back, likewise")
    add.add_argument("--yes", action="store_true", help="an amount above the plausible is right")
    add.add_argument("--note", default="", metavar="TEXT")
    add_json_option(add)
    add_idempotency_option(add)
    listing = verbs.add_parser("list", help="payments, newest first")
    listing.add_argument("--username", metavar="U", help="only of this subscriber (any user name, or the number)")
    listing.add_argument("--from", dest="from_on", type=day, metavar="D")
    listing.add_argument("--to", dest="to_on", type=day, metavar="D")
    listing.add_argument("--limit", type=count, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="a payment, and what has become of the invoices it went to")
    show.add_argument("payment", metavar="PAYMENT", help="its id or receipt number")
    add_json_option(show)
    configure_receipt(verbs)
    payment_changes.configure(verbs)
    payment_parking.configure(verbs)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    own = {"add": _add, "list": _list, "show": _show, "receipt": receipt}.get(options.action)
    if own is not None:
        await own(options, context)
    elif options.action in payment_changes.VERBS:
        await payment_changes.run(options, context)
    else:
        await payment_parking.run(options, context)


async def _add(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    amount_minor = parse_amount(options.amount, settings.currency)
    withheld = [
        _withheld(kind, text, settings.currency)
        for kind, texts in ((Withheld.PPH23, options.pph23), (Withheld.PPN, options.ppn_withheld))
        for text in texts or ()
    ]
    async with context.database() as database:
        receiving = ReceivePayment(
            database,
            timezone=settings.timezone,
            plausibility=plausibility(settings),
            taxes=payment_taxes(settings),
        )
        outcome = await receiving.run(
            options.username,
            amount_minor,
            currency=settings.currency,
            method=options.method,
            reference=options.reference,
            received_on=options.on,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
            chosen=choices(options, settings.currency),
            rest_to_wallet=options.only,
            collector=collector_name(options.collector) if options.collector else None,
            withheld=withheld,
            is_meant=options.yes,
            note=options.note,
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
        print_json(receipt_document(outcome))
    else:
        print_receipt(outcome)


def _withheld(kind: Withheld, text: str, currency: str) -> WithheldPart:
    proof, _, amount = text.rpartition(":") if ":" in text else (text, "", "")
    return WithheldPart(kind, proof, parse_amount(amount, currency) if amount else None)


async def _show(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        paid = await work.payments.receipt(options.payment)
    locale = context.settings.locale
    if options.json:
        print_json(_shown_receipt(paid, locale), context.settings.timezone)
        return
    currency = paid.currency
    fields: dict[str, Any] = {
        "receipt": paid.number + ("  REVERSED" if paid.status is PaymentStatus.REVERSED else ""),
        "from": f"{paid.subscriber_no}  {paid.subscriber_name}",
        "received": f"{shown(paid.amount_minor, currency)} by {paid.method} on {paid.received_on}",
        "by": paid.collector or paid.actor,
    }
    if paid.reference:
        fields["reference"] = paid.reference
    for kept in paid.withheld:
        fields[f"{kept.method} {kept.proof}"] = shown(kept.amount_minor, currency)
    for line in paid.lines:
        fields[line.number] = f"{shown(line.amount_minor, currency)}  {paid_word(line.status, locale)}"
    if paid.to_wallet_minor:
        fields["to wallet"] = shown(paid.to_wallet_minor, currency)
    print_fields(fields)


def _shown_receipt(receipt: Receipt, locale: str) -> dict[str, Any]:
    return {
        "receipt_no": receipt.number,
        "id": receipt.payment_id,
        "status": receipt.status.value,
        "subscriber_no": receipt.subscriber_no,
        "subscriber_name": receipt.subscriber_name,
        "amount": receipt.amount_minor,
        "currency": receipt.currency,
        "method": receipt.method,
        "reference": receipt.reference,
        "collector": receipt.collector,
        "received_on": receipt.received_on,
        "recorded_at": receipt.recorded_at,
        "actor": receipt.actor,
        "note": receipt.note,
        "allocations": [
            {
                "invoice": line.number,
                "amount": line.amount_minor,
                "status": line.status.value,
                "word": paid_word(line.status, locale),
                "outstanding": line.outstanding_minor,
            }
            for line in receipt.lines
        ],
        "withheld": [
            {"kind": kept.method, "proof": kept.proof, "amount": kept.amount_minor} for kept in receipt.withheld
        ],
        "to_wallet": receipt.to_wallet_minor,
    }


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
            one.payment.receipt_no,
            one.subscriber_no,
            one.subscriber_name,
            one.payment.method,
            one.payment.reference,
            shown(one.payment.amount_minor, one.payment.currency),
            one.payment.collector or one.payment.actor,
            "reversed" if one.payment.status is PaymentStatus.REVERSED else "",
        ]
        for one in listed
    ]
    headings = ["received", "receipt", "subscriber", "name", "method", "reference", "amount", "by", ""]
    print_table(headings, rows, right=(6,))


def _document(one: ListedPayment) -> dict[str, Any]:
    payment = one.payment
    return {
        "id": payment.id,
        "receipt_no": payment.receipt_no,
        "status": payment.status.value,
        "subscriber_no": one.subscriber_no,
        "subscriber_name": one.subscriber_name,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "method": payment.method,
        "reference": payment.reference,
        "collector": payment.collector,
        "received_on": payment.received_on,
        "recorded_at": payment.recorded_at,
        "actor": payment.actor,
        "note": payment.note,
        "part_of": payment.part_of,
        "moved_from": payment.moved_from,
        "reversed_at": payment.reversed_at,
        "reversed_by": payment.reversed_by,
        "reversed_because": payment.reversed_because,
        "allocations": [{"invoice": number, "amount": amount} for number, amount in one.allocations],
        "to_wallet": one.to_wallet_minor,
    }
