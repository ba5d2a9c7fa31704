"""`netbilld invoice add|edit|issue|discard|credit|void|write-off`: documents by hand, corrections of issued ones."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from netbilld.billing.credit_note import Asked
from netbilld.billing.manual_line import manual_line
from netbilld.cli.context import Context
from netbilld.cli.main import add_idempotency_option, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_fields, print_json
from netbilld.daemon.taxes import tax_policy
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import parse_amount
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.manual_invoices import ManualInvoices

VERBS: Final = ("add", "edit", "issue", "discard", "credit", "void", "write-off")
_MONEY: Final = frozenset(
    {"tax", "total", "paid", "outstanding", "from_wallet", "to_wallet", "invoice_outstanding", "written_off"}
)


def configure(verbs: Any) -> None:
    """Describe the verbs and their options."""
    add = verbs.add_parser("add", help="make an invoice by hand, or a draft")
    add.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the subscriber number")
    _add_lines(add)
    add.add_argument("--note", default="", metavar="TEXT")
    add.add_argument("--draft", action="store_true", help="keep it open: it gets its number when it is issued")
    _add_due(add)
    edit = verbs.add_parser("edit", help="change a draft; what is issued is corrected by `credit` or `void`")
    edit.add_argument("draft", metavar="DRAFT", help="its id, or how that begins")
    _add_lines(edit)
    edit.add_argument("--remove-line", action="append", type=count, default=[], metavar="N", help="take line N away")
    edit.add_argument("--note", metavar="TEXT")
    issue = verbs.add_parser("issue", help="issue a draft: it gets its number, its tax and its entry in the books")
    issue.add_argument("draft", metavar="DRAFT")
    _add_due(issue)
    discard = verbs.add_parser("discard", help="give up a draft")
    discard.add_argument("draft", metavar="DRAFT")
    credit = verbs.add_parser("credit", help="give back a part of an issued invoice by a credit note")
    credit.add_argument("number", metavar="NUMBER")
    credit.add_argument("--line", action="append", type=count, default=[], metavar="N", help="which; default all")
    credit.add_argument(
        "--amount", action="append", default=[], metavar="A", help="how much of it, tax included; default what is left"
    )
    void = verbs.add_parser("void", help="take an issued invoice back whole, by a credit note; its number stays")
    void.add_argument("number", metavar="NUMBER")
    write_off = verbs.add_parser("write-off", help="give up what is owed on an invoice, as a loss")
    write_off.add_argument("number", metavar="NUMBER")
    write_off.add_argument("--amount", metavar="A", help="default all that is owed on it")
    write_off.add_argument("--take-back", action="store_true", help="what was given up is owed again")
    for verb in (credit, void, write_off):
        verb.add_argument("--why", required=True, metavar="TEXT", help="what the document and the trail say")
    for verb in (add, edit, issue, discard, credit, void, write_off):
        add_json_option(verb)
    for verb in (add, issue, credit, void, write_off):
        add_idempotency_option(verb)


def _add_lines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="text=…,amount=…",
        help="a line; also quantity=, price=, tax=ppn, inclusive=no, revenue=WORD|deposit|late_fee|discount",
    )


def _add_due(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--due-days", type=int, metavar="N", help="until it is due; default billing.due_days")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    async with context.database() as database:
        settings = context.settings
        if options.action in {"credit", "void", "write-off"}:
            correcting = CorrectInvoice(database, numbering=settings.billing.numbering(), timezone=settings.timezone)
            result = await _correct(options, context, correcting)
        else:
            manual = ManualInvoices(
                database,
                numbering=settings.billing.numbering(),
                taxes=tax_policy(settings),
                due_days=settings.billing.due_days,
                timezone=settings.timezone,
            )
            result = await _write(options, context, manual)
    await context.nudge()
    if options.json:
        print_json(dict(result))
    else:
        _print(result)


async def _correct(options: argparse.Namespace, context: Context, correcting: CorrectInvoice) -> Mapping[str, Any]:
    currency, now, actor = context.settings.currency, context.now(), context.actor
    if options.action == "write-off" and options.take_back:
        if options.amount is not None:
            raise InvalidInputError("--take-back is for all that was written off: leave --amount out")
        return await correcting.take_write_off_back(
            options.number, why=options.why, actor=actor, now=now, idempotency_key=options.idempotency_key
        )
    if options.action == "write-off":
        amount_minor = parse_amount(options.amount, currency) if options.amount is not None else None
        return await correcting.write_off(
            options.number,
            amount_minor,
            why=options.why,
            actor=actor,
            now=now,
            idempotency_key=options.idempotency_key,
        )
    return await correcting.credit(
        options.number,
        [] if options.action == "void" else _asked(options, currency),
        why=options.why,
        actor=actor,
        now=now,
        idempotency_key=options.idempotency_key,
    )


def _asked(options: argparse.Namespace, currency: str) -> list[Asked]:
    amounts = [parse_amount(amount, currency) for amount in options.amount]
    if len(amounts) > len(options.line):
        raise InvalidInputError("--amount says how much of a line: name that by --line", hint="--line 1 --amount 50000")
    if amounts and len(amounts) != len(options.line):
        raise InvalidInputError("give each --line its --amount, or none an amount")
    if not amounts:
        return [Asked(position) for position in options.line]
    return [Asked(position, amount) for position, amount in zip(options.line, amounts, strict=True)]


async def _write(options: argparse.Namespace, context: Context, manual: ManualInvoices) -> Mapping[str, Any]:
    now, actor = context.now(), context.actor
    due_days = getattr(options, "due_days", None)
    if due_days is not None and not 0 <= due_days <= 365:
        raise InvalidInputError("--due-days is from 0 to 365")
    if options.action == "discard":
        return await manual.discard(options.draft, actor=actor, now=now)
    if options.action == "issue":
        return await manual.issue(
            options.draft, due_days=due_days, actor=actor, now=now, idempotency_key=options.idempotency_key
        )
    lines = [manual_line(written, context.settings.currency) for written in options.line]
    if options.action == "edit":
        return await manual.edit(
            options.draft, add=lines, remove=options.remove_line, note=options.note, actor=actor, now=now
        )
    return await manual.add(
        options.username,
        lines,
        note=options.note,
        is_draft=options.draft,
        due_days=due_days,
        actor=actor,
        now=now,
        idempotency_key=options.idempotency_key,
    )


def _print(result: Mapping[str, Any]) -> None:
    currency = result["currency"]
    print_fields(
        {
            name.replace("_", " "): shown(value, currency) if name in _MONEY else value
            for name, value in result.items()
            if value is not None and name != "currency"
        }
    )
