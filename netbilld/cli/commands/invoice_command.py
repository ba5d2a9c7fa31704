"""`netbilld invoice run/list/show/pdf`, and the verbs of invoice_changes."""

import argparse
from datetime import date, timedelta

from netbilld.adapters.database.invoices import NEAR_DUE_DAYS, ListedInvoice
from netbilld.billing.invoice import InvoiceStatus
from netbilld.cli.commands import invoice_changes, invoice_explain, invoice_run, invoice_shown
from netbilld.cli.commands.document_files import configure_pdf, pdf
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_json, print_table
from netbilld.model.periods import local_date

_ISSUED = [status.value for status in InvoiceStatus if status is not InvoiceStatus.DRAFT]


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="VERB")
    invoice_run.configure(verbs)
    listing = verbs.add_parser("list", help="issued invoices, newest first")
    listing.add_argument("--username", metavar="U", help="only of this subscriber (any user name, or the number)")
    listing.add_argument("--status", choices=_ISSUED)
    listing.add_argument("--drafts", action="store_true", help="only what is not issued yet")
    late = listing.add_mutually_exclusive_group()
    late.add_argument("--overdue", action="store_true", help="only with an unpaid part past its due date")
    late.add_argument("--near-due", action="store_true", help="only with an unpaid part due today or within 7 days")
    listing.add_argument("--limit", type=count, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one invoice, credit note or draft")
    show.add_argument("number", metavar="NUMBER", help="or the id of a draft, or how that begins")
    add_json_option(show)
    invoice_explain.configure(verbs)
    configure_pdf(verbs)
    invoice_changes.configure(verbs)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run the verb."""
    if options.action in invoice_run.VERBS:
        return await invoice_run.run(options, context)
    if options.action == invoice_explain.VERB:
        return await invoice_explain.run(options, context)
    if options.action in invoice_changes.VERBS:
        await invoice_changes.run(options, context)
    elif options.action == "pdf":
        await pdf(options, context)
    elif options.action == "list":
        await (invoice_shown.drafts if options.drafts else _list)(options, context)
    else:
        await invoice_shown.show(options.number, context)
    return None


async def _list(options: argparse.Namespace, context: Context) -> None:
    today = local_date(context.now(), context.settings.timezone)
    statuses = [InvoiceStatus(options.status)] if options.status else []
    only_unpaid = options.overdue or options.near_due
    if only_unpaid:
        unpaid = [InvoiceStatus.ISSUED, InvoiceStatus.PART_PAID]
        statuses = [status for status in unpaid if not statuses or status in statuses]
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        listed = await work.invoices.listed(
            subscriber_id=payer.id if payer else None,
            statuses=statuses,
            due_from=today if options.near_due else None,
            due_before=_due_before(options, today),
            limit=options.limit,
        )
        if only_unpaid and not statuses:
            listed = []  # what is paid is never overdue
    if options.json:
        print_json(
            [
                {
                    "number": one.number,
                    "kind": one.kind.value,
                    "subscriber_no": one.subscriber_no,
                    "subscriber_name": one.subscriber_name,
                    "status": one.status.value,
                    "overdue": one.overdue(today),
                    "days_late": one.days_late(today),
                    "near_due": one.near_due(today),
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
            _status(one, today),
            one.due_on,
            shown(one.total_minor, one.currency),
            shown(one.outstanding_minor, one.currency),
        ]
        for one in listed
    ]
    print_table(["number", "subscriber", "name", "status", "due", "total", "outstanding"], rows, right=(5, 6))


def _due_before(options: argparse.Namespace, today: date) -> date | None:
    if options.near_due:
        return today + timedelta(days=NEAR_DUE_DAYS + 1)
    return today if options.overdue else None


def _status(one: ListedInvoice, today: date) -> str:
    if days := one.days_late(today):
        return f"{one.status.value}, overdue {days} d"
    return f"{one.status.value}, near due" if one.near_due(today) else one.status.value
