"""Reports as files for the panel: CSV, XLSX and PDF, written by a thread while others are served."""

import asyncio
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from netbilld.model.errors import RefusedError
from netbilld.services.reports.table import Control, Span, Sums, Table, Writer
from netbilld.services.reports.words import Locale, Words
from netbilld.services.reports.workbook import WorkbookWriter
from netbilld.services.reports.writers import CsvWriter

ROWS_LIMIT: Final = {"csv": 200_000, "xlsx": 200_000, "pdf": 5_000}  # they are kept until the file is written
_AT_ONCE: Final = 2


class ReportFiles:
    """Writes what a report has found; few at once."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._places = asyncio.Semaphore(_AT_ONCE)

    def most_rows(self, kind: str) -> int:
        """Return how many rows a file of that kind may have."""
        return ROWS_LIMIT[kind]

    async def written(
        self,
        kind: str,
        locale: Locale,
        table: Table,
        span: Span,
        rows: Sequence[Sequence[Any]],
        sums: Sums,
        controls: Sequence[Control],
    ) -> bytes:
        """Return a report as csv, xlsx or pdf."""
        async with self._places:
            return await asyncio.to_thread(self._write, kind, locale, table, span, rows, sums, controls)

    def _write(
        self,
        kind: str,
        locale: Locale,
        table: Table,
        span: Span,
        rows: Sequence[Sequence[Any]],
        sums: Sums,
        controls: Sequence[Control],
    ) -> bytes:
        words = Words(locale, self._timezone)
        if kind == "csv":
            out = io.StringIO(newline="")
            _fill(CsvWriter(out, self._timezone), table, span, rows, sums, controls)
            return out.getvalue().encode()
        with tempfile.TemporaryDirectory(prefix="netbilld-report-") as directory:
            path = Path(directory) / f"report.{kind}"
            _fill(_writer(kind, path, words, self._timezone), table, span, rows, sums, controls)
            return path.read_bytes()


def _writer(kind: str, path: Path, words: Words, timezone: str) -> Writer:
    if kind == "xlsx":
        return WorkbookWriter(path, words, timezone)
    if kind == "pdf":
        from netbilld.adapters.documents.report_pdf import ReportPdf  # noqa: PLC0415 - slow to load, and seldom wanted

        return ReportPdf(path, words)
    raise RefusedError(f"no report is written as {kind!r}")


def _fill(
    writer: Writer,
    table: Table,
    span: Span,
    rows: Sequence[Sequence[Any]],
    sums: Sums,
    controls: Sequence[Control],
) -> None:
    writer.begin(table, span)
    for row in rows:
        writer.row(row)
    writer.end(sums, controls)
