"""What the verbs of payments share: which invoices are meant, and what a payment did."""

import argparse
from typing import Any

from netbilld.billing.allocation import Choice
from netbilld.cli.money import shown
from netbilld.cli.output import print_fields
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import parse_amount
from netbilld.services.receive_payment import PaymentReceipt


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Give a verb the choice of invoices."""
    parser.add_argument(
        "--invoice", action="append", metavar="N[:AMOUNT]", help="this one first; may be given several times"
    )
    parser.add_argument("--only", action="store_true", help="no other invoice; what is left is credit in the wallet")


def choices(options: argparse.Namespace, currency: str) -> list[Choice]:
    """Return the invoices that --invoice names.

    Raises:
        InvalidInputError: an amount is none.
    """
    chosen = []
    for text in options.invoice or ():
        number, _, amount = text.partition(":")
        chosen.append(Choice(number.strip(), parse_amount(amount, currency) if amount else None))
    if options.only and not chosen:
        raise InvalidInputError("--only wants an --invoice")
    return chosen


def receipt_document(receipt: PaymentReceipt) -> dict[str, Any]:
    """Return what a payment did, for --json."""
    return {
        "id": receipt.payment_id,
        "receipt_no": receipt.receipt_no,
        "subscriber_no": receipt.subscriber_no,
        "subscriber_name": receipt.subscriber_name,
        "amount": receipt.amount_minor,
        "currency": receipt.currency,
        "method": receipt.method,
        "reference": receipt.reference,
        "collector": receipt.collector,
        "received_on": receipt.received_on,
        "allocations": [{"invoice": number, "amount": amount} for number, amount in receipt.allocations],
        "withheld": [{"kind": kind, "proof": proof, "amount": amount} for kind, proof, amount in receipt.withheld],
        "to_wallet": receipt.to_wallet_minor,
        "renewed_until": receipt.renewed_until,
        "wallet": receipt.wallet_minor,
        "outstanding": receipt.outstanding_minor,
    }


def print_receipt(receipt: PaymentReceipt) -> None:
    """Print what a payment did."""
    currency = receipt.currency
    taken_by = f", taken by {receipt.collector}" if receipt.collector else ""
    fields: dict[str, Any] = {
        "received": f"{shown(receipt.amount_minor, currency)} by {receipt.method}{taken_by}",
        "from": f"{receipt.subscriber_no}  {receipt.subscriber_name}",
    }
    if receipt.receipt_no:
        fields["receipt"] = receipt.receipt_no
    for kind, proof, amount_minor in receipt.withheld:
        fields[f"{kind} {proof}"] = shown(amount_minor, currency)
    for number, amount_minor in receipt.allocations:
        became = {"paid": "  Lunas", "part_paid": "  Dibayar sebagian"}.get(receipt.statuses.get(number, ""), "")
        fields[number] = shown(amount_minor, currency) + became
    if receipt.to_wallet_minor:
        fields["to wallet"] = shown(receipt.to_wallet_minor, currency)
    if receipt.renewed_until:
        fields["renewed until"] = ", ".join(receipt.renewed_until)
    fields["wallet"] = shown(receipt.wallet_minor, currency)
    fields["outstanding"] = shown(receipt.outstanding_minor, currency)
    print_fields(fields)
