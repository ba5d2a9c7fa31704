"""`netbilld invoice show`: one document with its lines, and the list of drafts."""

import argparse
from collections.abc import Mapping
from typing import Any

from netbilld.adapters.database.invoices import InvoiceDocument
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.stamp_duty import stamp_duty_minor
from netbilld.billing.withholding import withheld_of
from netbilld.billing.write_off import WRITE_OFF
from netbilld.cli.context import Context
from netbilld.cli.money import shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.taxes import stamp_duty_rules
from netbilld.model.periods import local_date
from netbilld.services.correct_invoice import CREDIT_NOTE, found_one

_NAMES = {DocumentKind.INVOICE: "invoice", DocumentKind.CREDIT_NOTE: "credit note"}


async def show(reference: str, context: Context) -> None:
    """Print one document: an invoice or credit note by its number, a draft by its id."""
    async with context.database() as database, database.read() as work:
        seen = found_one(await work.corrections.found(reference), reference)
        (found,) = await work.invoices.by_ids([seen.invoice.id])
        invoice = found.invoice
        settled = (await work.corrections.settled_by_documents([invoice.id])).get(invoice.id, {})
        credits_number = await work.corrections.number_of(invoice.credits_id) if invoice.credits_id else None
        notes = await work.corrections.notes_of(invoice.id)
        around = (await work.documents.surroundings([invoice.id], context.now()))[invoice.id]
        state = (await work.tax_invoices.states([invoice.id])).get(invoice.id)
    today = local_date(context.now(), invoice.timezone)
    told = document(found, settled) | {
        "overdue": invoice.overdue(today),
        "credits": credits_number,
        "credit_notes": [note.number for note in notes],
        "coretax_status": state.status if state else None,
        "nsfp": around.nsfp,
        **_duties(invoice, around.stamp_serial, context),
    }
    if context.json_wanted:
        print_json(told)
        return
    _print(found, told)


async def drafts(options: argparse.Namespace, context: Context) -> None:
    """Print what is not issued yet."""
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        listed = await work.corrections.drafts(payer.id if payer else None)
    if options.json:
        print_json([document(one, {}) for one in listed])
        return
    rows = [
        [
            one.invoice.id,
            one.payer.number,
            one.subscriber_name,
            len(one.invoice.lines),
            shown(one.invoice.total_minor, one.invoice.currency),
        ]
        for one in listed
    ]
    print_table(["draft", "subscriber", "name", "lines", "total"], rows, right=(3, 4))


def _duties(invoice: Invoice, serial: str | None, context: Context) -> dict[str, Any]:
    """Return whether a document needs a stamp, and what its buyer keeps for the tax office."""
    rules = stamp_duty_rules(context.settings)
    priced_minor = sum(line.gross_minor for line in invoice.lines if line.kind is not LineKind.STAMP_DUTY)
    on = invoice.issued_on or local_date(context.now(), invoice.timezone)
    kept = withheld_of(invoice, context.settings.tax.pph23)
    return {
        "needs_meterai": stamp_duty_minor(priced_minor, invoice.currency, on, rules) > 0,
        "meterai": serial,
        "withholds": {"pph23": kept.pph23_minor, "ppn": kept.ppn_minor},
    }


def document(found: InvoiceDocument, settled: Mapping[str, int]) -> dict[str, Any]:
    """Return the JSON of a document.

    Args:
        found: with its lines.
        settled: what credit notes and write-offs have settled of it; the rest of what is settled is paid.
    """
    invoice = found.invoice
    credited_minor, lost_minor = settled.get(CREDIT_NOTE, 0), settled.get(WRITE_OFF, 0)
    return {
        "id": invoice.id,
        "kind": invoice.kind.value,
        "number": invoice.number,
        "subscriber_no": found.payer.number,
        "subscriber_name": found.subscriber_name,
        "status": invoice.status.value,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "period": {"start": invoice.period_start_on, "end": invoice.period_end_on},
        "timezone": invoice.timezone,
        "currency": invoice.currency,
        "lines": [_line(position, line) for position, line in enumerate(invoice.lines, 1)],
        "tax": invoice.tax_minor,
        "total": invoice.total_minor,
        "paid": invoice.paid_minor - credited_minor - lost_minor,
        "credited": credited_minor,
        "written_off": lost_minor,
        "outstanding": invoice.outstanding_minor,
        "buyer": dict(invoice.buyer),
        "note": invoice.note,
    }


def _line(position: int, line: InvoiceLine) -> dict[str, Any]:
    return {
        "line": position,
        "kind": line.kind.value,
        "text": line.text,
        "service_id": line.service_id,
        "site": line.site,
        "from": line.from_on,
        "until": line.until_on,
        "quantity": line.quantity,
        "unit_price": line.unit_price_minor,
        "per": line.per,
        "amount": line.amount_minor,
        "net": line.net_minor,
        "tax_code": line.tax_code,
        "tax": line.tax_minor,
        "tax_inclusive": line.inclusive,
        "account": line.revenue,
        "details": dict(line.details),
    }


def _print(found: InvoiceDocument, told: Mapping[str, Any]) -> None:
    invoice = found.invoice
    currency = invoice.currency
    print_fields(
        {
            _NAMES[invoice.kind]: invoice.number or f"draft {invoice.id}",
            "subscriber": f"{found.payer.number}  {found.subscriber_name}",
            "status": f"{invoice.status.value}{', overdue' if told['overdue'] else ''}",
            "issued": invoice.issued_on,
            "due": invoice.due_on,
            "period": f"{invoice.period_start_on} until {invoice.period_end_on} ({invoice.timezone})",
        }
        | ({"credits": told["credits"]} if told["credits"] else {})
        | ({"credited by": ", ".join(told["credit_notes"])} if told["credit_notes"] else {})
        | ({"note": invoice.note} if invoice.note else {})
    )
    print()
    rows = [
        [
            position,
            line.text,
            line.quantity,
            f"{shown(line.unit_price_minor, currency)}{f' per {line.per}' if line.per != 1 else ''}",
            shown(line.amount_minor, currency),
            shown(line.tax_minor, currency) if line.tax_minor else "",
        ]
        for position, line in enumerate(invoice.lines, 1)
    ]
    print_table(["", "line", "quantity", "price", "amount", "tax"], rows, right=(0, 2, 3, 4, 5))
    print()
    names = ["tax", "total"]
    if invoice.status is not InvoiceStatus.DRAFT:
        names += ["paid", *(name for name in ("credited", "written_off") if told[name]), "outstanding"]
    print_fields({name.replace("_", " "): shown(told[name], currency) for name in names})
