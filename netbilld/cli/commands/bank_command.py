"""`netbilld bank …`: statements of the bank, imported and matched with invoices."""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from netbilld.billing.bank_mapping import PRESETS
from netbilld.billing.bank_matching import Proposal
from netbilld.billing.bank_statement import BadRow
from netbilld.cli.commands.payment_changes import print_reversal
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.money_in import print_receipt, receipt_document
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.taxes import payment_taxes
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.import_bank_statement import ImportBankStatement, ImportedStatement
from netbilld.services.match_bank_rows import AutoMatch, MatchBankRows, RowStatus, StoredRow

_LARGEST_FILE: Final = 50_000_000  # octets; a statement of a year has a few
_MAPPING: Final = (
    "TOML. Columns by their headings (several that may be with | between) or, with header = false, by number from 1: "
    'account = "bca1"; date, text (a list), amount or credit and debit, direction, reference, balance; '
    'date_formats = ["%d/%m/%Y"]; decimal = "." or ","; delimiter = "auto", "comma", "semicolon" or "tab"; encoding; '
    "credit_words, debit_words: marks of what came in and went out; ignored: how rows begin that are no transactions; "
    'method = "transfer". The same name again replaces it, and one of a preset\'s name comes before that.'
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="import|list|match|ignore|…")
    bringing = verbs.add_parser(
        "import",
        help="what came in by a statement, as a CSV file",
        description="Good rows go in, once however many files they are in; bad ones are written to the report with "
        "line and reason. What went out is left out. Rows whose amount is an invoice's own are matched at once.",
    )
    bringing.add_argument("file", type=Path, metavar="FILE.csv")
    bringing.add_argument("--mapping", required=True, metavar="NAME", help=f"one of {', '.join(PRESETS)}, or your own")
    bringing.add_argument("--dry-run", action="store_true", help="only tell")
    bringing.add_argument("--report", type=Path, metavar="FILE", help="default FILE.rejected.csv")
    add_json_option(bringing)
    listing = verbs.add_parser("list", help="rows that wait for a match, with who they may be from")
    listing.add_argument("--all", action="store_true", help="matched and ignored ones as well")
    listing.add_argument("--limit", type=count, metavar="N")
    add_json_option(listing)
    match = verbs.add_parser("match", help="a row is a payment: as proposed, where that is sure, or as said")
    match.add_argument("row", type=count, metavar="ROW")
    match.add_argument("--to", metavar="USERNAME", help="from this subscriber")
    match.add_argument("--invoice", metavar="N", help="for this invoice")
    match.add_argument("--payment", metavar="P", help="it is this payment, which is on record")
    add_json_option(match)
    ignore = verbs.add_parser("ignore", help="a row is no subscriber's payment")
    undo = verbs.add_parser("undo", help="take back what was decided on a row; a payment made of it is reversed")
    for verb in (ignore, undo):
        verb.add_argument("row", type=count, metavar="ROW")
        verb.add_argument("--why", required=True, metavar="TEXT")
        add_json_option(verb)
    mapping = verbs.add_parser("mapping", help="say how a bank writes its files", description=_MAPPING)
    mapping.add_argument("name", metavar="NAME")
    mapping.add_argument("file", type=Path, metavar="FILE.toml")
    add_json_option(mapping)
    add_json_option(verbs.add_parser("mappings", help="how files may be written: presets and your own"))


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run the verb."""
    verbs = {
        "import": _import,
        "list": _list,
        "match": _match,
        "ignore": _ignore,
        "undo": _undo,
        "mapping": _mapping,
        "mappings": _mappings,
    }
    return await verbs[options.action](options, context)


async def _import(options: argparse.Namespace, context: Context) -> int | None:
    settings = context.settings
    bad: list[BadRow] = []
    async with context.database() as database:
        importing = ImportBankStatement(
            database,
            database,
            timezone=settings.timezone,
            currency=settings.currency,
            auto=AutoMatch(settings.payments.auto_match),
            taxes=payment_taxes(settings),
        )
        how = await importing.mapping(options.mapping)
        done = await importing.run(
            _lines(options.file, how.encoding),
            options.mapping,
            file_name=options.file.name,
            reject=bad.append,
            actor=context.actor,
            now=context.now(),
            dry_run=options.dry_run,
        )
    report = options.report or options.file.with_suffix(".rejected.csv")
    if bad:
        _write_report(report, bad)
    if done.matched:
        await context.nudge()
    _tell(done, bad, report, options)
    return REFUSED if done.rejected and done.rejected == done.rows else None


def _lines(path: Path, encoding: str) -> list[str]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidInputError(f"{path}: larger than {_LARGEST_FILE} octets: is it a statement?")
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            return file.readlines()
    except LookupError:
        raise InvalidInputError(f"encoding {encoding!r} is not known") from None
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file") from None
    except OSError as error:
        raise InvalidInputError(f"{path}: can't be read: {error.strerror}") from None


def _write_report(path: Path, bad: Sequence[BadRow]) -> None:
    try:
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "reason"])
            writer.writerows([row.line, row.reason, *row.cells] for row in bad)
    except OSError as error:
        raise RefusedError(
            f"{path}: the report of rejected rows can't be written: {error.strerror}",
            hint="name another with --report; the good rows are in",
        ) from None


def _tell(done: ImportedStatement, bad: Sequence[BadRow], report: Path, options: argparse.Namespace) -> None:
    if options.json:
        document = {
            "rows": done.rows,
            "imported": done.imported,
            "known": done.known,
            "outgoing": done.outgoing,
            "rejected": done.rejected,
            "matched": [_matched(one.row_id, one.reason, one.receipt) for one in done.matched],
            "dry_run": options.dry_run,
            "report": str(report) if bad else None,
        }
        print_json(document)
    else:
        word = "would go in" if options.dry_run else "imported"
        print(
            f"{done.rows} rows: {done.imported} {word}, {done.known} on record already, {done.outgoing} went out, "
            f"{len(done.matched)} matched"
        )
    if bad:
        note(f"{len(bad)} rows rejected, see {report}; the first: {options.file}: line {bad[0].line}: {bad[0].reason}")
    if done.is_tolerant and options.dry_run:
        note(f"mapping {options.mapping} was written from memory: compare the figures with the statement first")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        async with database.read() as work:
            rows = await work.bank.listed(None if options.all else RowStatus.OPEN, options.limit)
        waiting = [row for row in rows if row.status is RowStatus.OPEN]
        proposed = await MatchBankRows(database, timezone=context.settings.timezone).proposals(waiting, context.now())
    if options.json:
        print_json([_document(row, proposed.get(row.id, ())) for row in rows], context.settings.timezone)
        return
    table = [
        [
            row.id,
            row.booked_on,
            shown(row.amount_minor, row.currency),
            row.whole_text[:60],
            _proposals(proposed[row.id]) if row.id in proposed else f"{row.status.value}: {row.reason}",
        ]
        for row in rows
    ]
    print_table(["row", "day", "amount", "text", "from"], table, right=(0, 2))


def _proposals(proposed: Sequence[Proposal]) -> str:
    said = [
        f"{one.subscriber_no} {one.subscriber_name} {one.invoice or ''} ({one.reason.name.lower()}"
        f"{', sure' if one.is_sure else ''})"
        for one in proposed[:2]
    ]
    more = f" and {len(proposed) - 2} more" if len(proposed) > 2 else ""
    return "; ".join(" ".join(one.split()) for one in said) + more or "?"


def _document(row: StoredRow, proposed: Sequence[Proposal]) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": row.account,
        "booked_on": row.booked_on,
        "amount": row.amount_minor,
        "currency": row.currency,
        "text": row.text,
        "reference": row.reference,
        "file": row.file_name,
        "line": row.line,
        "imported_at": row.imported_at,
        "status": row.status.value,
        "payment_id": row.payment_id,
        "reason": row.reason,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by,
        "proposals": [
            {
                "reason": one.reason.name.lower(),
                "sure": one.is_sure,
                "subscriber_no": one.subscriber_no,
                "subscriber_name": one.subscriber_name,
                "invoice": one.invoice,
                "payment_id": one.payment_id,
            }
            for one in proposed
        ],
    }


async def _match(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        settings = context.settings
        matching = MatchBankRows(database, timezone=settings.timezone, taxes=payment_taxes(settings))
        done = await matching.match(
            options.row,
            to=options.to,
            invoice=options.invoice,
            payment=options.payment,
            actor=context.actor,
            now=context.now(),
        )
    await context.nudge()
    if options.json:
        print_json(_matched(done.row_id, done.reason, done.receipt) | {"payment_id": done.payment_id})
    elif done.receipt is not None:
        print_receipt(done.receipt)
    else:
        print(f"row {done.row_id} is payment {done.payment_id}")


def _matched(row_id: int, reason: str, receipt: Any) -> dict[str, Any]:
    return {"row": row_id, "reason": reason, "payment": receipt_document(receipt) if receipt else None}


async def _ignore(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        row = await MatchBankRows(database, timezone=context.settings.timezone).ignore(
            options.row, because=options.why, actor=context.actor, now=context.now()
        )
    if options.json:
        print_json(_document(row, ()), context.settings.timezone)
    else:
        print(f"row {row.id} ignored")


async def _undo(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        settings = context.settings
        matching = MatchBankRows(database, timezone=settings.timezone, numbering=settings.billing.numbering())
        reversal = await matching.undo(options.row, because=options.why, actor=context.actor, now=context.now())
    await context.nudge()
    if reversal is not None:
        print_reversal(reversal, json_wanted=options.json)
    elif options.json:
        print_json({"row": options.row, "status": RowStatus.OPEN.value})
    else:
        print(f"row {options.row} is open again")


async def _mapping(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    text = "".join(_lines(options.file, "utf-8-sig"))
    async with context.database() as database:
        importing = ImportBankStatement(
            database, database, timezone=settings.timezone, currency=settings.currency, auto=AutoMatch.OFF
        )
        mapping = await importing.add_mapping(
            options.name, text, str(options.file), actor=context.actor, now=context.now()
        )
    if options.json:
        print_json({"name": options.name, "account": mapping.account})
    else:
        print(f"mapping {options.name} kept, for account {mapping.account}")


async def _mappings(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        own = await work.bank.mappings()
    both: dict[str, Any] = {**PRESETS, **own}
    if options.json:
        print_json([{"name": name, "preset": name not in own, "definition": both[name]} for name in sorted(both)])
        return
    rows = [
        [
            name,
            both[name]["account"],
            "" if name in own else "preset, from memory: try --dry-run" if both[name].get("is_tolerant") else "preset",
        ]
        for name in sorted(both)
    ]
    print_table(["name", "account", ""], rows)
