"""`netbilld ledger close/reopen/months/chart/export`: months of the books, and what an accountant is given."""

import argparse
import csv
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from netbilld.adapters.database.closings import JournalRow
from netbilld.billing.account_map import COLUMNS, AccountMap, account_map, sort_of
from netbilld.billing.chart import CHART, Side
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.cli.sheets import write_sheet
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.units import currency_exponent
from netbilld.services.close_books import CloseBooks
from netbilld.services.sheets import Sheet

VERBS: Final = ("close", "reopen", "months", "chart", "export")
_MAP_LIMIT_OCTETS: Final = 4 * 1024 * 1024
_HEADINGS: Final = (
    "entry",
    "line",
    "day",
    "at",
    "kind",
    "document",
    "document_id",
    "memo",
    "by",
    "account",
    "number",
    "name",
    "debit",
    "credit",
    "currency",
)
_SUMS: Final = ("day", "kind", "account", "number", "name", "debit", "credit", "currency")


def configure(verbs: Any) -> None:
    """Describe the verbs and their options."""
    close = verbs.add_parser("close", help="close a month: nothing is booked in it any more")
    close.add_argument("month", metavar="YYYY-MM")
    reopen = verbs.add_parser("reopen", help="open the last closed month again")
    reopen.add_argument("month", metavar="YYYY-MM")
    reopen.add_argument("--why", required=True, metavar="TEXT", help="what the trail says")
    months = verbs.add_parser("months", help="which months were closed, and opened again, by whom")
    chart = verbs.add_parser("chart", help="the accounts, and how the accountant calls them")
    _add_map(chart)
    chart.add_argument("--csv", action="store_true", help="a beginning for the accountant's map: account,number,name")
    export = verbs.add_parser("export", help="the general journal for an accountant")
    export.add_argument("--from", dest="from_on", type=day, metavar="D", help="first day booked")
    export.add_argument("--to", dest="to_on", type=day, metavar="D", help="last day booked")
    export.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    export.add_argument("--output", type=Path, metavar="FILE", help="default standard output")
    export.add_argument(
        "--daily", action="store_true", help="sums by day, kind and account, subscribers' accounts in one"
    )
    _add_map(export)
    for verb in (close, reopen, months, chart, export):
        add_json_option(verb)


def _add_map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--map",
        type=Path,
        metavar="FILE.csv",
        help="the accountant's chart: account,number,name; wallet:* for all such",
    )


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "chart":
        await _chart(options, context)
    elif options.action == "export":
        await _export(options, context)
    elif options.action == "months":
        await _months(context)
    else:
        await _turn(options, context)


async def _turn(options: argparse.Namespace, context: Context) -> None:
    now, actor = context.now(), context.actor
    async with context.database() as database:
        books = CloseBooks(database, timezone=context.settings.timezone)
        if options.action == "close":
            result = await books.close(options.month, actor=actor, now=now)
        else:
            result = await books.reopen(options.month, why=options.why, actor=actor, now=now)
    if context.json_wanted:
        print_json(dict(result))
    else:
        print_fields({"month": result["month"], "closed until": result["closed_until"] or "nothing is closed"})


async def _months(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        closings = await work.closings.closings()
    if context.json_wanted:
        told = [
            {
                "month": one.month,
                "closed": one.reopened_at is None,
                "closed_at": one.closed_at,
                "closed_by": one.closed_by,
                "reopened_at": one.reopened_at,
                "reopened_by": one.reopened_by,
                "why": one.why,
            }
            for one in closings
        ]
        print_json(told, context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [
            one.month,
            "closed" if one.reopened_at is None else "opened again",
            local_time(one.closed_at, zone),
            one.closed_by,
            local_time(one.reopened_at, zone),
            one.reopened_by,
            one.why,
        ]
        for one in closings
    ]
    print_table(["month", "state", "closed", "by", "opened again", "by", "why"], rows)


async def _chart(options: argparse.Namespace, context: Context) -> None:
    mapped = _map(options.map)
    async with context.database() as database, database.read() as work:
        balances = await work.closings.balances()
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in balances:
        sums[sort_of(one.code), one.kind.value, one.currency] += one.balance_minor
    found = sorted(sums.items(), key=lambda item: (_place(item[0][0]), item[0]))
    unmapped = [code for (code, _, _), _ in found if options.map and mapped.of(code) is None]
    if options.csv:
        rows = [[code, *_called(mapped, code)] for (code, _, _), _ in found]
        write_sheet(Sheet("chart", COLUMNS, rows), "csv", None)
    elif options.json:
        told = []
        for (code, kind, currency), balance in found:
            number, name = _called(mapped, code)
            told.append(
                {
                    "account": code,
                    "kind": kind,
                    "number": number,
                    "name": name,
                    "currency": currency,
                    "balance": balance,
                }
            )
        print_json(told)
    else:
        rows = [
            [code, kind, *_called(mapped, code), shown(balance, currency)] for (code, kind, currency), balance in found
        ]
        print_table(["account", "kind", "number", "name", "balance"], rows, right=(4,))
    _warn(unmapped, options.map)


async def _export(options: argparse.Namespace, context: Context) -> None:
    if options.from_on and options.to_on and options.to_on < options.from_on:
        raise InvalidInputError("--to lies before --from")
    mapped = _map(options.map)
    until_on = options.to_on + timedelta(days=1) if options.to_on else None
    async with context.database() as database, database.read() as work:
        journal = [row async for row in work.closings.journal(options.from_on, until_on)]
    unmapped = sorted({sort_of(row.account) for row in journal if options.map and mapped.of(row.account) is None})
    headings = _SUMS if options.daily else _HEADINGS
    rows = _daily(journal, mapped) if options.daily else [_row(row, mapped) for row in journal]
    if options.json:
        print_json([dict(zip(headings, row, strict=True)) for row in rows], context.settings.timezone)
    else:
        written = [[*row[:-3], *(_plain(amount, row[-1]) for amount in row[-3:-1]), row[-1]] for row in rows]
        write_sheet(Sheet("journal", headings, written, context.settings.timezone), options.format, options.output)
    _warn(unmapped, options.map)


def _row(row: JournalRow, mapped: AccountMap) -> list[Any]:
    debit = row.amount_minor if row.side is Side.DEBIT else None
    credit = row.amount_minor if row.side is Side.CREDIT else None
    said = [row.entry_id, row.line, row.booked_on, row.at, row.kind, row.document, row.document_id, row.memo, row.actor]
    return [*said, row.account, *_called(mapped, row.account), debit, credit, row.currency]


def _daily(journal: list[JournalRow], mapped: AccountMap) -> list[list[Any]]:
    sums: dict[tuple[date, str, str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in journal:
        number, name = _called(mapped, row.account)
        key = (row.booked_on, row.kind, sort_of(row.account), number, name, row.currency)
        sums[key][row.side is Side.CREDIT] += row.amount_minor
    return [
        [on, kind, account, number, name, debit or None, credit or None, currency]
        for (on, kind, account, number, name, currency), (debit, credit) in sorted(sums.items())
    ]


def _called(mapped: AccountMap, code: str) -> tuple[str, str]:
    found = mapped.of(code)
    if found is not None:
        return found.number, found.name
    name = next((line.name for line in CHART if line.covers(code.removesuffix(":*"))), "")
    return "", name


def _place(code: str) -> int:
    return next((at for at, line in enumerate(CHART) if line.covers(code.removesuffix(":*"))), len(CHART))


def _plain(amount_minor: int | None, currency: str) -> int | str | None:
    """Return an amount as a spreadsheet reads it: rupiah whole, other currencies with their decimals."""
    exponent = currency_exponent(currency)
    if amount_minor is None or exponent == 0:
        return amount_minor
    whole, rest = divmod(amount_minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}}"


def _map(path: Path | None) -> AccountMap:
    if path is None:
        return AccountMap()
    try:
        if path.stat().st_size > _MAP_LIMIT_OCTETS:
            raise InvalidInputError(f"{path} is longer than {_MAP_LIMIT_OCTETS} octets")
        with path.open(newline="", encoding="utf-8-sig") as opened:
            return account_map(list(csv.reader(opened)), str(path))
    except OSError as error:
        raise RefusedError(f"{path} can't be read: {error.strerror}", code="file_unreadable") from None
    except (UnicodeDecodeError, csv.Error):
        raise InvalidInputError(f"{path} is no CSV in UTF-8") from None


def _warn(unmapped: list[str], path: Path | None) -> None:
    if unmapped:
        note(f"netbilld: {path} says nothing of {', '.join(unmapped[:10])}{' …' if len(unmapped) > 10 else ''}")
