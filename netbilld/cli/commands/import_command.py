"""`netbilld import subscribers FILE.csv`, and `import routeros NAME` (import_router.py)."""

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from netbilld.cli.commands import import_router
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.output import note, print_json
from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.services.import_rows import COLUMNS, REPORT_COLUMNS, CsvRow, CsvTable
from netbilld.services.import_subscribers import ImportSubscribers, Summary
from netbilld.services.new_service import Defaults

_BAR_WIDTH = 30
_DESCRIPTION = (
    f"Columns: {', '.join(COLUMNS)}; username and plan are needed, a password unless the user name is a MAC address. "
    "UTF-8, separated by comma, semicolon or tab. opening_balance: a positive amount is credit and goes to the wallet, "
    "a negative one is owed and becomes an invoice. installed_on in the past: fees begin on the next billing day; "
    "active_until: after that day; neither: today. A subscriber_no that is known adds a service to that subscriber, "
    "whose name the row must give. Good rows go in; bad ones are written to the report with line and reason, which can "
    "be mended and imported as it is. Exit code 1 only where no row went in."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="subscribers|routeros")
    subscribers = verbs.add_parser(
        "subscribers",
        help="subscribers with their services, from a CSV file",
        description=_DESCRIPTION,
    )
    subscribers.add_argument("file", type=Path, metavar="FILE.csv")
    subscribers.add_argument("--dry-run", action="store_true", help="only tell what would go in")
    subscribers.add_argument("--report", type=Path, metavar="FILE", help="default FILE.rejected.csv")
    add_json_option(subscribers)
    import_router.configure(verbs.add_parser("routeros", help="a router's own accounts, over its API"))


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Import one file, or one router."""
    if options.action == "routeros":
        return await import_router.run(options, context)
    settings = context.settings
    rows, numbers = _survey(options.file)
    report = _Report(options.report or options.file.with_suffix(".rejected.csv"))
    bar = _Bar(rows)
    async with context.database() as database:
        importing = ImportSubscribers(
            database,
            context.box,
            Defaults(settings.currency, settings.timezone),
            due_days=settings.billing.due_days,
            numbering=settings.billing.numbering(),
        )
        with _table(options.file) as table:
            report.header = table.header
            try:
                summary = await importing.run(
                    table,
                    context.actor,
                    context.now(),
                    file_name=options.file.name,
                    reserved_numbers=numbers,
                    reject=report.reject,
                    progress=bar.show,
                    dry_run=options.dry_run,
                )
            except NetbilldError:
                note(f"stopped: {bar.done} of {rows} rows were dealt with; run it again, none goes in twice")
                raise
            finally:
                bar.close()
                report.close()
    if not options.dry_run:
        await context.nudge()
    return _tell(summary, report, options)


def _tell(summary: Summary, report: "_Report", options: argparse.Namespace) -> int | None:
    word = "would go in" if options.dry_run else "imported"
    if options.json:
        document = {
            "rows": summary.rows,
            "imported": summary.imported,
            "rejected": summary.rejected,
            "dry_run": options.dry_run,
            "report": str(report.path) if summary.rejected else None,
        }
        print_json(document)
    else:
        print(f"{summary.imported} of {summary.rows} rows {word}")
    if summary.rejected:
        note(f"{summary.rejected} rows rejected, see {report.path}; the first: {options.file}: line {report.first}")
    return REFUSED if summary.rejected and not summary.imported else None


@contextmanager
def _table(path: Path) -> Iterator[CsvTable]:
    try:
        # what is not UTF-8 rejects its row, not the file
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield CsvTable(file, str(path))
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InvalidInputError(f"{path}: can't be read: {error.strerror}") from None


def _survey(path: Path) -> tuple[int, set[str]]:
    """Return how many rows the file has and every subscriber number it gives; a broken file is refused here."""
    rows, numbers = 0, set()
    with _table(path) as table:
        at = table.header.index("subscriber_no") if "subscriber_no" in table.header else None
        for row in table:
            rows += 1
            if at is not None and at < len(row.cells):
                numbers.add(row.cells[at].strip())
    return rows, numbers


class _Report:
    """The rejected rows, with line and reason in front; only its owner may read it, for passwords are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: tuple[str, ...] = ()
        self.first = ""
        self._file: TextIO | None = None

    def reject(self, row: CsvRow, reason: str) -> None:
        """Write one row down."""
        if self._file is None:
            self.first = f"{row.line}: {reason}"
            self._file = self._open()
            self._write([*REPORT_COLUMNS, *(name for name in self.header if name not in REPORT_COLUMNS)])
        named = zip(self.header, row.cells, strict=False)
        cells = [cell for name, cell in named if name not in REPORT_COLUMNS] + list(row.cells[len(self.header) :])
        self._write([str(row.line), reason, *cells])

    def _open(self) -> TextIO:
        try:
            self.path.unlink(missing_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise NetbilldError(
                f"{self.path}: the report of rejected rows can't be written: {error.strerror}",
                hint="name another with --report",
            ) from None
        return os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="")

    def _write(self, cells: list[str]) -> None:
        assert self._file is not None  # noqa: S101 - opened by the only caller
        csv.writer(self._file).writerow(cells)

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()


class _Bar:
    """A bar on a terminal's standard error; silent elsewhere."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._shown = sys.stderr.isatty() and rows > 0
        self.done = 0

    def show(self, done: int) -> None:
        """Draw it."""
        self.done = done
        if self._shown:
            filled = _BAR_WIDTH * done // self._rows
            bar = "█" * filled + "·" * (_BAR_WIDTH - filled)
            print(f"\r{bar} {done}/{self._rows}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave its line."""
        if self._shown:
            print(file=sys.stderr)
