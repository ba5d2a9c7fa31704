"""`netbilld ledger check/statement`, and the verbs of ledger_books."""

import argparse
from collections.abc import Sequence

from netbilld.billing.books import CheckResult, check_books
from netbilld.billing.chart import Side
from netbilld.billing.service_checks import check_services
from netbilld.cli.commands import charges_explain, ledger_books
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_json, print_table
from netbilld.model.periods import local_date


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="prove that the books hold; exit 1 where they do not")
    add_json_option(check)
    services = verbs.add_parser("services", help="is every active service billed or free, and every billed one usable?")
    add_json_option(services)
    statement = verbs.add_parser("statement", help="what was posted to an account, oldest first")
    statement.add_argument("account", metavar="ACCOUNT", help="such as wallet:100001, receivable:100001, cash:cash")
    statement.add_argument("--limit", type=count, metavar="N", help="only the newest so many")
    add_json_option(statement)
    charges_explain.configure_entry(verbs)
    ledger_books.configure(verbs)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run the verb."""
    if options.action == "check":
        return await _check(context)
    if options.action == charges_explain.VERB:
        return await charges_explain.explain_entry(options, context)
    if options.action == "services":
        return await _services(context)
    if options.action in ledger_books.VERBS:
        await ledger_books.run(options, context)
        return None
    await _statement(options.account, options.limit, context)
    return None


async def _check(context: Context) -> int | None:
    async with context.database() as database, database.read() as work:
        results = check_books(await work.ledger.figures())
    return _told(results, context)


async def _services(context: Context) -> int | None:
    today = local_date(context.now(), context.settings.timezone)
    async with context.database() as database, database.read() as work:
        results = check_services(await work.closings.service_figures(today))
    return _told(results, context)


def _told(results: Sequence[CheckResult], context: Context) -> int | None:
    ok = all(result.ok for result in results)
    if context.json_wanted:
        checks = [{"name": result.name, "ok": result.ok, "detail": result.detail} for result in results]
        print_json({"ok": ok, "checks": checks})
    else:
        rows = [["ok" if result.ok else "WRONG", result.name, result.detail] for result in results]
        print_table(["", "check", "detail"], rows)
    return None if ok else REFUSED


async def _statement(code: str, limit: int | None, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        statement = await work.ledger.statement(code, limit)
    if context.json_wanted:
        print_json(
            {
                "account": statement.code,
                "kind": statement.kind.value,
                "currency": statement.currency,
                "balance": statement.balance_minor,
                "lines": [
                    {
                        "entry": line.entry_id,
                        "at": line.at,
                        "booked_on": line.booked_on,
                        "kind": line.kind,
                        "document": line.document,
                        "document_id": line.document_id,
                        "memo": line.memo,
                        "actor": line.actor,
                        "side": line.side.value,
                        "amount": line.amount_minor,
                        "balance": line.balance_minor,
                    }
                    for line in statement.lines
                ],
            },
            context.settings.timezone,
        )
        return
    rows = [
        [
            line.booked_on,
            line.memo,
            shown(line.amount_minor, statement.currency) if line.side is Side.DEBIT else "",
            shown(line.amount_minor, statement.currency) if line.side is Side.CREDIT else "",
            shown(line.balance_minor, statement.currency),
        ]
        for line in statement.lines
    ]
    print_table(["day", "what", "debit", "credit", "balance"], rows, right=(2, 3, 4))
