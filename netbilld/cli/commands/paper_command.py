"""`netbilld paper list/show/print/handover/received/returned`."""

import argparse
from pathlib import Path
from typing import Any

from netbilld.adapters.database.paper import PaperInvoice
from netbilld.adapters.documents.proofs import LARGEST_OCTETS, ProofFiles
from netbilld.billing.paper import NOT_ARRIVED, PaperState
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.services.manage_paper import ManagePaper


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="list|show|print|handover|received|returned")
    listing = verbs.add_parser("list", help="paper invoices with their delivery and payment side by side")
    listing.add_argument("--state", choices=[state.value for state in PaperState])
    listing.add_argument("--not-received", action="store_true", help="all that have not arrived")
    listing.add_argument("--username", metavar="U", help="only of this subscriber (any user name, or the number)")
    listing.add_argument("--limit", type=count, default=1_000, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="the way of one, step by step")
    show.add_argument("number", metavar="NUMBER")
    add_json_option(show)
    printed = verbs.add_parser("print", help="it was printed; `netbilld invoice pdf` makes the file")
    printed.add_argument("numbers", nargs="+", metavar="NUMBER")
    add_config_option(printed)
    handover = verbs.add_parser("handover", help="a courier has it")
    handover.add_argument("number", metavar="NUMBER")
    handover.add_argument("--courier", required=True, metavar="WHO")
    handover.add_argument("--tracking", metavar="N", help="the courier's number for it")
    add_config_option(handover)
    received = verbs.add_parser("received", help="it has arrived")
    received.add_argument("number", metavar="NUMBER")
    received.add_argument("--receiver", required=True, metavar="WHO")
    _add_end(received)
    returned = verbs.add_parser("returned", help="it came back")
    returned.add_argument("number", metavar="NUMBER")
    _add_end(returned)


def _add_end(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--on", type=day, metavar="D", help="default today")
    parser.add_argument("--proof", type=Path, metavar="FILE", help="a photo or scan: PNG, JPEG or PDF")
    add_config_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "list":
            await _list(options, context)
        case "show":
            await _show(options, context)
        case _:
            await _move(options, context)


async def _move(options: argparse.Namespace, context: Context) -> None:
    actor, now = context.actor, context.now()
    proofs = ProofFiles(context.settings.data_dir / "documents" / "proofs")
    proof = _proof(options.proof) if getattr(options, "proof", None) else None
    async with context.database() as database:
        manage = ManagePaper(database, proofs, context.settings.timezone)
        match options.action:
            case "print":
                for number in options.numbers:
                    await manage.printed(number, actor, now)
                    print(f"{number} is printed")
            case "handover":
                await manage.handed_over(options.number, options.courier, options.tracking, actor, now)
                print(f"{options.number} is with {options.courier}")
            case "received":
                await manage.received(options.number, options.receiver, options.on, proof, actor, now)
                print(f"{options.number} was received by {options.receiver}")
            case _:
                await manage.returned(options.number, options.on, proof, actor, now)
                print(f"{options.number} came back")
    await context.nudge()


def _proof(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise InvalidInputError(f"{path}: can't be read: {error.strerror}") from None


async def _list(options: argparse.Namespace, context: Context) -> None:
    states = NOT_ARRIVED if options.not_received else (PaperState(options.state),) if options.state else ()
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        found = await work.paper.listed(states=states, subscriber_id=payer.id if payer else None, most=options.limit)
    if options.json:
        print_json([_document(one) for one in found])
        return
    rows = [
        [
            one.number,
            one.subscriber_name,
            one.state.value,
            one.courier,
            one.tracking_number,
            one.handed_on,
            one.received_on or one.returned_on,
            one.receiver,
            one.status,
            shown(one.outstanding_minor, one.currency),
        ]
        for one in found
    ]
    headings = ["invoice", "recipient", "delivery", "courier", "tracking", "sent", "ended", "receiver", "payment"]
    print_table([*headings, "outstanding"], rows, right=(9,))


async def _show(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        invoice = await work.invoices.by_number(options.number)
        paper = await work.paper.of(invoice.invoice.id) if invoice is not None else None
        if invoice is None or paper is None:
            raise NotFoundError(f"{options.number} was not printed", hint="`netbilld paper print` says that it was")
        steps = await work.paper.steps(paper.invoice_id)
    zone = context.settings.timezone
    if options.json:
        said = [{"state": step.state.value, "at": step.at, "by": step.actor, "details": step.details} for step in steps]
        print_json({**_document(paper), "steps": said}, zone)
        return
    print_fields(_document(paper))
    for step in steps:
        print(f"{local_time(step.at, zone)}  {step.state.value}  {step.actor}")


def _document(one: PaperInvoice) -> dict[str, Any]:
    return {
        "number": one.number,
        "subscriber_no": one.subscriber_no,
        "name": one.subscriber_name,
        "address": one.address,
        "state": one.state.value,
        "courier": one.courier,
        "tracking_number": one.tracking_number,
        "printed_on": one.printed_on,
        "handed_on": one.handed_on,
        "received_on": one.received_on,
        "returned_on": one.returned_on,
        "receiver": one.receiver,
        "proof": one.proof,
        "due_on": one.due_on,
        "status": one.status,
        "total": one.total_minor,
        "outstanding": one.outstanding_minor,
        "currency": one.currency,
    }
