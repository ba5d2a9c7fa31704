"""`netbilld report NAME`: what was billed, paid, earned, owed, used; as a table, CSV, JSON, XLSX or PDF."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from netbilld.cli.context import Context
from netbilld.cli.main import DONE, REFUSED, add_json_option
from netbilld.cli.money import day
from netbilld.cli.output import note, print_json, print_table
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services.reports.catalogue import REPORTS, report_named
from netbilld.services.reports.make import MakeReport
from netbilld.services.reports.table import Writer
from netbilld.services.reports.words import Words
from netbilld.services.reports.workbook import WorkbookWriter
from netbilld.services.reports.writers import CsvWriter, JsonWriter, TableWriter

_LIST = "list"
_FORMATS = ("table", "csv", "xlsx", "pdf", "json")
_FILES = ("xlsx", "pdf")  # that no terminal can show


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verb's options."""
    parser.add_argument(
        "name", metavar="NAME", help=f"{', '.join(REPORTS)}; `list` says what each can be told apart by"
    )
    parser.add_argument("--by", metavar="WORD", help="by what rows are told apart, such as plan or method")
    parser.add_argument("--from", dest="from_on", type=day, metavar="D", help="first local day")
    parser.add_argument("--to", dest="to_on", type=day, metavar="D", help="last local day, included; default today")
    parser.add_argument("--format", choices=_FORMATS, default="table")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to write it; xlsx and pdf need one")
    parser.add_argument("--lang", choices=("id", "en"), help="of headings; default is the `locale` setting")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> int:
    """Write one report; exit 1 where its sums are not the ledger's."""
    if options.name == _LIST:
        _list(json_wanted=options.json)
        return DONE
    kind = "json" if options.json else options.format
    if kind in _FILES and options.output is None:
        raise InvalidInputError(f"--format {kind} needs a file", hint=f"add --output {options.name}.{kind}")
    settings = context.settings
    report = report_named(options.name)
    table = report.table(options.by)
    today = local_date(context.now(), settings.timezone)
    span = report.span(options.from_on, options.to_on, today, settings.timezone)
    words = Words(options.lang or settings.locale, settings.timezone)
    async with context.database() as database:
        with _written(options.output if kind not in _FILES else None) as out:
            writer = _writer(kind, options.output, out, words, settings.timezone)
            made = await MakeReport(database).run(table, span, writer, _progress())
    if sys.stderr.isatty() and options.output is not None:
        note(f"{made.sums.rows} rows in {options.output}")
    if not made.is_equal:
        note("netbilld: a sum is not what the ledger says; look at `netbilld ledger check`")
        return REFUSED
    return DONE


def _writer(kind: str, path: Path | None, out: TextIO, words: Words, timezone: str) -> Writer:
    if kind == "csv":
        return CsvWriter(out, timezone)
    if kind == "json":
        return JsonWriter(out, timezone)
    if kind == "xlsx" and path is not None:
        return WorkbookWriter(path, words, timezone)
    if kind == "pdf" and path is not None:
        from netbilld.adapters.documents.report_pdf import ReportPdf  # noqa: PLC0415 - slow to load, and seldom wanted

        return ReportPdf(path, words)
    return TableWriter(out, words)


@contextmanager
def _written(path: Path | None) -> Iterator[TextIO]:
    """Give the file, or standard output."""
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as out:
            yield out
    except OSError as error:
        raise RefusedError(f"{path} can't be written: {error.strerror}", code="file_unwritable") from None


def _progress() -> Callable[[int], None]:
    if not sys.stderr.isatty() or sys.stdout.isatty():  # rows that pass by are progress enough
        return lambda _rows: None
    return lambda rows: print(f"\r{rows} rows", end="", file=sys.stderr, flush=True)


def _list(*, json_wanted: bool) -> None:
    known = [(report.name, [table.by for table in report.tables]) for report in REPORTS.values()]
    if json_wanted:
        print_json([{"name": name, "by": by} for name, by in known])
        return
    print_table(("NAME", "BY"), [(name, ", ".join(by)) for name, by in known])
