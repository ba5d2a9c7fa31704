"""`netbilld payment allocate/reverse/move/refund`: what becomes of money that is recorded."""

import argparse
from dataclasses import asdict
from typing import Any, Final

from netbilld.adapters.database.engine import Database
from netbilld.cli.context import Context
from netbilld.cli.main import add_idempotency_option, add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.money_in import add_choice_options, choices, print_receipt, receipt_document
from netbilld.cli.output import print_fields, print_json
from netbilld.daemon.taxes import payment_taxes
from netbilld.model.units import parse_amount
from netbilld.services.allocate_wallet import Allocated, AllocateWallet
from netbilld.services.keep_collectors import collector_name
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import Reversal, ReversePayment

VERBS: Final = ("allocate", "reverse", "move", "refund")


def configure(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Describe the verbs and their options."""
    allocate = verbs.add_parser("allocate", help="settle open invoices from the wallet: oldest due first, or as chosen")
    allocate.add_argument("username", metavar="USERNAME")
    add_choice_options(allocate)
    allocate.add_argument("--payment", metavar="P", help="take this payment off what it has settled, and put it here")
    reverse = verbs.add_parser(
        "reverse",
        help="a payment bounced: its invoices are owed again",
        description="What it put into the wallet is taken out. Where that is spent, invoices that the wallet has "
        "settled are owed again, and what was spent otherwise becomes an invoice that is due at once.",
    )
    reverse.add_argument("payment", metavar="PAYMENT", help="its id or receipt number")
    reverse.add_argument("--on", type=day, metavar="D", help="day the money went back; default today")
    move = verbs.add_parser("move", help="a payment was another subscriber's: reversed here, received there")
    move.add_argument("payment", metavar="PAYMENT", help="its id or receipt number")
    move.add_argument("--to", required=True, metavar="USERNAME")
    refund = verbs.add_parser("refund", help="credit paid back out of the wallet")
    refund.add_argument("username", metavar="USERNAME")
    refund.add_argument("amount", metavar="AMOUNT|all")
    refund.add_argument("--method", required=True, metavar="cash|transfer|…")
    refund.add_argument("--reference", metavar="R", help="unique within the method")
    refund.add_argument("--collector", metavar="NAME", help="out of whose cash")
    refund.add_argument("--on", type=day, metavar="D", help="day it was paid; default today")
    for verb in (reverse, move, refund):
        verb.add_argument("--why", required=True, metavar="TEXT")
    for verb in (allocate, reverse, move, refund):
        add_json_option(verb)
        add_idempotency_option(verb)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    run_verb = {"allocate": _allocate, "reverse": _reverse, "move": _move, "refund": _refund}[options.action]
    await run_verb(options, context)
    await context.nudge()


async def _allocate(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        done = await AllocateWallet(database, timezone=settings.timezone).run(
            options.username,
            actor=context.actor,
            now=context.now(),
            chosen=choices(options, settings.currency),
            only_chosen=options.only,
            payment=options.payment,
            idempotency_key=options.idempotency_key,
        )
    if options.json:
        print_json(_allocated(done))
        return
    fields = {f"{number} again": shown(int(amount), done.currency) for number, amount in done.reopened}
    fields |= {str(number): shown(int(amount), done.currency) for number, amount in done.allocations}
    print_fields(fields | _left(done.wallet_minor, done.outstanding_minor, done.currency))


def _allocated(done: Allocated) -> dict[str, Any]:
    return {
        "subscriber_no": done.subscriber_no,
        "currency": done.currency,
        "allocations": [{"invoice": number, "amount": amount} for number, amount in done.allocations],
        "reopened": [{"invoice": number, "amount": amount} for number, amount in done.reopened],
        "wallet": done.wallet_minor,
        "outstanding": done.outstanding_minor,
    }


async def _reverse(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        done = await _reversing(database, context).run(
            options.payment,
            because=options.why,
            on=options.on,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    print_reversal(done, json_wanted=options.json)


def _reversing(database: Database, context: Context) -> ReversePayment:
    settings = context.settings
    return ReversePayment(
        database,
        timezone=settings.timezone,
        numbering=settings.billing.numbering(),
        taxes=payment_taxes(settings),
    )


async def _move(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        done = await _reversing(database, context).move(
            options.payment,
            options.to,
            because=options.why,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    print_reversal(done, json_wanted=options.json)


def print_reversal(done: Reversal, *, json_wanted: bool) -> None:
    """Print what a reversal did."""
    if json_wanted:
        document = {
            "id": done.payment_id,
            "subscriber_no": done.subscriber_no,
            "amount": done.amount_minor,
            "currency": done.currency,
            "reopened": [{"invoice": number, "amount": amount} for number, amount in done.reopened],
            "from_wallet": done.taken_minor,
            "billed": {"invoice": done.billed, "amount": done.billed_minor} if done.billed else None,
            "allocations": [{"invoice": number, "amount": amount} for number, amount in done.applied],
            "wallet": done.wallet_minor,
            "outstanding": done.outstanding_minor,
            "moved_to": receipt_document(done.moved_to) if done.moved_to else None,
        }
        print_json(document)
        return
    currency = done.currency
    fields: dict[str, Any] = {"reversed": f"{shown(done.amount_minor, currency)} of {done.subscriber_no}"}
    fields |= {f"{number} open again": shown(int(amount), currency) for number, amount in done.reopened}
    if done.taken_minor:
        fields["out of the wallet"] = shown(done.taken_minor, currency)
    if done.billed:
        fields[f"{done.billed} for what was spent"] = f"{shown(done.billed_minor, currency)}, due at once"
    fields |= {f"{number} from wallet": shown(int(amount), currency) for number, amount in done.applied}
    print_fields(fields | _left(done.wallet_minor, done.outstanding_minor, currency))
    if done.moved_to is not None:
        print()
        print_receipt(done.moved_to)


async def _refund(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    amount_minor = None if options.amount == "all" else parse_amount(options.amount, settings.currency)
    async with context.database() as database:
        done = await RefundWallet(database, timezone=settings.timezone).run(
            options.username,
            amount_minor,
            method=options.method,
            reference=options.reference,
            collector=collector_name(options.collector) if options.collector else None,
            because=options.why,
            paid_on=options.on,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    if options.json:
        document = {name.removesuffix("_minor"): value for name, value in asdict(done).items()}
        print_json({"id": document.pop("refund_id"), **document})
        return
    fields = {
        "refunded": f"{shown(done.amount_minor, done.currency)} by {done.method}",
        "to": f"{done.subscriber_no}  {done.subscriber_name}",
    }
    print_fields(fields | _left(done.wallet_minor, done.outstanding_minor, done.currency))


def _left(wallet_minor: int, outstanding_minor: int, currency: str) -> dict[str, Any]:
    return {"wallet": shown(wallet_minor, currency), "outstanding": shown(outstanding_minor, currency)}
