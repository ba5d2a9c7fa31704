"""`netbilld invoice run/list/show/pdf`."""

import argparse
from typing import Any

from netbilld.adapters.database.invoices import InvoiceDocument, ListedInvoice
from netbilld.billing.invoice import InvoiceStatus
from netbilld.cli.commands import invoice_explain, invoice_run
from netbilld.cli.commands.document_files import configure_pdf, pdf
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.model.errors import NotFoundError
from netbilld.model.periods import local_date

_ISSUED = [status.value for status in InvoiceStatus if status is not InvoiceStatus.DRAFT]


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="run|parked|allow|list|show|explain|pdf")
    invoice_run.configure(verbs)
    listing = verbs.add_parser("list", help="issued invoices, newest first")
    listing.add_argument("--username", metavar="U", help="only of this subscriber (any user name, or the number)")
    listing.add_argument("--status", choices=_ISSUED)
    listing.add_argument("--overdue", action="store_true", help="only with an unpaid part past its due date")
    listing.add_argument("--limit", type=count, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one invoice")
    show.add_argument("number", metavar="NUMBER")
    add_json_option(show)
    invoice_explain.configure(verbs)
    configure_pdf(verbs)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run the verb."""
    if options.action in invoice_run.VERBS:
        return await invoice_run.run(options, context)
    if options.action == invoice_explain.VERB:
        return await invoice_explain.run(options, context)
    if options.action == "pdf":
        await pdf(options, context)
    elif options.action == "list":
        await _list(options, context)
    else:
        await _show(options.number, context)
    return None


async def _list(options: argparse.Namespace, context: Context) -> None:
    today = local_date(context.now(), context.settings.timezone)
    statuses = [InvoiceStatus(options.status)] if options.status else []
    if options.overdue:
        unpaid = [InvoiceStatus.ISSUED, InvoiceStatus.PART_PAID]
        statuses = [status for status in unpaid if not statuses or status in statuses]
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        listed = await work.invoices.listed(
            subscriber_id=payer.id if payer else None,
            statuses=statuses,
            due_before=today if options.overdue else None,
            limit=options.limit,
        )
        if options.overdue and not statuses:
            listed = []  # what is paid is never overdue
    if options.json:
        print_json(
            [
                {
                    "number": one.number,
                    "subscriber_no": one.subscriber_no,
                    "subscriber_name": one.subscriber_name,
                    "status": one.status.value,
                    "overdue": one.overdue(today),
                    "issued_on": one.issued_on,
                    "due_on": one.due_on,
                    "period": {"start": one.period_start_on, "end": one.period_end_on},
                    "currency": one.currency,
                    "total": one.total_minor,
                    "paid": one.paid_minor,
                    "outstanding": one.outstanding_minor,
                }
                for one in listed
            ]
        )
        return
    rows = [
        [
            one.number,
            one.subscriber_no,
            one.subscriber_name,
            _status(one, overdue=one.overdue(today)),
            one.due_on,
            shown(one.total_minor, one.currency),
            shown(one.outstanding_minor, one.currency),
        ]
        for one in listed
    ]
    print_table(["number", "subscriber", "name", "status", "due", "total", "outstanding"], rows, right=(5, 6))


def _status(one: ListedInvoice, *, overdue: bool) -> str:
    return f"{one.status.value}, overdue" if overdue else one.status.value


async def _show(number: str, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.invoices.by_number(number)
    if found is None:
        raise NotFoundError(f"no invoice {number!r}", hint="`netbilld invoice list` shows them")
    today = local_date(context.now(), found.invoice.timezone)
    if context.json_wanted:
        print_json(document(found) | {"overdue": found.invoice.overdue(today)})
        return
    invoice = found.invoice
    currency = invoice.currency
    print_fields(
        {
            "invoice": invoice.number,
            "subscriber": f"{found.payer.number}  {found.subscriber_name}",
            "status": f"{invoice.status.value}{', overdue' if invoice.overdue(today) else ''}",
            "issued": invoice.issued_on,
            "due": invoice.due_on,
            "period": f"{invoice.period_start_on} until {invoice.period_end_on} ({invoice.timezone})",
        }
    )
    print()
    rows = [
        [
            line.text,
            line.quantity,
            f"{shown(line.unit_price_minor, currency)}{f' per {line.per}' if line.per != 1 else ''}",
            shown(line.amount_minor, currency),
        ]
        for line in invoice.lines
    ]
    print_table(["line", "quantity", "price", "amount"], rows, right=(1, 2, 3))
    print()
    amounts = {"tax": invoice.tax_minor, "total": invoice.total_minor, "paid": invoice.paid_minor}
    amounts["outstanding"] = invoice.outstanding_minor
    print_fields({name: shown(amount_minor, currency) for name, amount_minor in amounts.items()})


def document(found: InvoiceDocument) -> dict[str, Any]:
    """Return the JSON of an issued invoice."""
    invoice = found.invoice
    return {
        "number": invoice.number,
        "subscriber_no": found.payer.number,
        "subscriber_name": found.subscriber_name,
        "status": invoice.status.value,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "period": {"start": invoice.period_start_on, "end": invoice.period_end_on},
        "timezone": invoice.timezone,
        "currency": invoice.currency,
        "lines": [
            {
                "kind": line.kind.value,
                "text": line.text,
                "service_id": line.service_id,
                "quantity": line.quantity,
                "unit_price": line.unit_price_minor,
                "per": line.per,
                "amount": line.amount_minor,
            }
            for line in invoice.lines
        ],
        "tax": invoice.tax_minor,
        "total": invoice.total_minor,
        "paid": invoice.paid_minor,
        "outstanding": invoice.outstanding_minor,
    }
