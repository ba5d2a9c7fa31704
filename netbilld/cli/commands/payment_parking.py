"""`netbilld payment park/parked/release/return/code/codes`: money without a name, and amounts that are one."""

import argparse
from datetime import timedelta
from typing import Any

from netbilld.billing.payment_code import PaymentCode
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_idempotency_option, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.money_in import add_choice_options, choices, print_receipt, receipt_document
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.taxes import payment_taxes
from netbilld.model.units import parse_amount
from netbilld.services.issue_payment_code import CodePolicy, IssuePaymentCode
from netbilld.services.park_payments import ParkPayments, listed


def configure(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Describe the verbs and their options."""
    park = verbs.add_parser("park", help="money came in that nobody is known for, or that can't be right")
    park.add_argument("amount", metavar="AMOUNT")
    park.add_argument("--method", required=True, metavar="cash|transfer|…")
    park.add_argument("--reference", metavar="R", help="unique within the method")
    park.add_argument("--on", type=day, metavar="D", help="day it was received; default today")
    park.add_argument("--why", required=True, metavar="TEXT", help="the sender, and why it waits")
    add_json_option(park)
    add_idempotency_option(park)
    parked = verbs.add_parser("parked", help="money that waits for a person to say whose it is")
    parked.add_argument("--all", action="store_true", help="what was decided on as well")
    add_json_option(parked)
    release = verbs.add_parser("release", help="give parked money to a subscriber")
    release.add_argument("parked", metavar="ID", help="or how it begins")
    release.add_argument("--to", required=True, metavar="USERNAME")
    add_choice_options(release)
    add_json_option(release)
    back = verbs.add_parser("return", help="parked money goes back to its sender")
    back.add_argument("parked", metavar="ID", help="or how it begins")
    back.add_argument("--why", required=True, metavar="TEXT")
    add_json_option(back)
    code = verbs.add_parser(
        "code",
        help="kode unik: an amount by which a transfer for this invoice is known",
        description="What is open and 1 to 999 on top, which becomes credit in the wallet when it is paid. The same "
        "again gives the same amount as long as it fits.",
    )
    code.add_argument("invoice", metavar="INVOICE")
    code.add_argument("--days", type=count, metavar="N", help="it is this invoice's for so long")
    code.add_argument("--new", action="store_true", help="another amount than it has")
    add_json_option(code)
    add_json_option(verbs.add_parser("codes", help="amounts that are one invoice's now"))


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    verbs = {
        "park": _park,
        "parked": _parked,
        "release": _release,
        "return": _return,
        "code": _code,
        "codes": _codes,
    }
    await verbs[options.action](options, context)


async def _park(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        parked = await ParkPayments(database, timezone=settings.timezone, currency=settings.currency).park(
            parse_amount(options.amount, settings.currency),
            method=options.method,
            reference=options.reference,
            received_on=options.on,
            text=options.why,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    if options.json:
        print_json(listed(parked), settings.timezone)
    else:
        print(f"{shown(parked.amount_minor, parked.currency)} parked as {parked.id}")


async def _parked(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.parked.listed(waiting_only=not options.all)
    if options.json:
        print_json([listed(one) for one in found], context.settings.timezone)
        return
    rows = [
        [
            one.id.hex[:8],
            one.received_on,
            one.method,
            one.reference,
            shown(one.amount_minor, one.currency),
            one.text,
            "" if one.status == "parked" else f"{one.status}: {one.reason}",
        ]
        for one in found
    ]
    print_table(["id", "received", "method", "reference", "amount", "what", ""], rows, right=(4,))


async def _release(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        parking = ParkPayments(
            database, timezone=settings.timezone, currency=settings.currency, taxes=payment_taxes(settings)
        )
        receipt = await parking.release(
            options.parked,
            options.to,
            chosen=choices(options, settings.currency),
            only=options.only,
            actor=context.actor,
            now=context.now(),
        )
    await context.nudge()
    if options.json:
        print_json(receipt_document(receipt))
    else:
        print_receipt(receipt)


async def _return(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        done = await ParkPayments(database, timezone=settings.timezone, currency=settings.currency).give_back(
            options.parked, because=options.why, actor=context.actor, now=context.now()
        )
    if options.json:
        print_json(listed(done), settings.timezone)
    else:
        print(f"{shown(done.amount_minor, done.currency)} returned by {done.method}")


async def _code(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    valid = timedelta(days=options.days or settings.payments.code_days)
    async with context.database() as database:
        code = await IssuePaymentCode(database, CodePolicy(timedelta(days=settings.payments.code_days))).run(
            options.invoice, actor=context.actor, now=context.now(), valid=valid, renew=options.new
        )
    if options.json:
        print_json(_document(code), settings.timezone)
        return
    fields = {
        "invoice": code.invoice_number,
        "to transfer": shown(code.amount_minor, code.currency),
        "of this the code": shown(code.code, code.currency),
        "until": local_time(code.expires_at, settings.timezone),
    }
    print_fields(fields)


async def _codes(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.payment_codes.listed(context.now())
    timezone = context.settings.timezone
    if options.json:
        print_json([_document(one) for one in found], timezone)
        return
    rows = [
        [one.invoice_number, shown(one.amount_minor, one.currency), one.code, local_time(one.expires_at, timezone)]
        for one in found
    ]
    print_table(["invoice", "amount", "code", "until"], rows, right=(1, 2))


def _document(code: PaymentCode) -> dict[str, Any]:
    return {
        "invoice": code.invoice_number,
        "code": code.code,
        "amount": code.amount_minor,
        "currency": code.currency,
        "created_at": code.created_at,
        "expires_at": code.expires_at,
    }
