"""A report as PDF, to be printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from netbilld.adapters.documents.table_pdf import PaperColumn, table_pdf
from netbilld.model.errors import RefusedError
from netbilld.services.reports.table import NUMBERS, Control, Span, Sums, Table
from netbilld.services.reports.words import Words

ROWS_LIMIT: Final = 20_000  # some 500 pages; they are kept until the last one is drawn
_PORTRAIT_COLUMNS: Final = 6
_WIDEST: Final = 24  # letters of a column; longer texts are wrapped


class ReportPdf:
    """What a terminal shows, on paper: the same rows, sums and word of the ledger."""

    def __init__(self, path: Path, words: Words) -> None:
        self._path, self._words = path, words
        self._rows: list[list[str]] = []

    def begin(self, table: Table, span: Span) -> None:
        """Take note of what it is."""
        self._table, self._span = table, span
        self._shown = [place for place in range(len(table.columns)) if place != table.currency_at]

    def row(self, cells: Sequence[Any]) -> None:
        """Take a row.

        Raises:
            RefusedError: nobody would print so many.
        """
        if len(self._rows) == ROWS_LIMIT:
            raise RefusedError(f"a PDF holds {ROWS_LIMIT:,} rows", hint="take a shorter span, or --format xlsx")
        self._rows.append(self._cells(cells))

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Draw it.

        Raises:
            RefusedError: the file can't be written.
        """
        totals = [self._cells(cells) for cells in sums.cells()] if sums.is_summed else []
        for cells in totals:
            cells[0] = cells[0] or self._words.sum
        said = [
            f"{self._words.ledger(is_equal=one.is_equal)}: "
            f"{self._words.heading(self._table.columns[self._table.keys.index(one.what)])} "
            f"{self._words.money(one.ledger_minor, one.currency)}"
            for one in controls
        ]
        columns = [self._table.columns[place] for place in self._shown]
        octets = table_pdf(
            self._words.title(self._table),
            [self._words.span(self._span), *said],
            [
                PaperColumn(self._words.heading(one), width, "right" if one.holds in NUMBERS else "left")
                for one, width in zip(columns, self._widths([*self._rows, *totals]), strict=True)
            ],
            [*self._rows, *totals[:-1]],
            sums=totals[-1] if totals else (),
            is_landscape=len(columns) > _PORTRAIT_COLUMNS,
        )
        try:
            self._path.write_bytes(octets)
        except OSError as error:
            raise RefusedError(f"{self._path} can't be written: {error.strerror}", code="file_unwritable") from None

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """Return how many letters the columns want."""
        headings = [self._words.heading(self._table.columns[place]) for place in self._shown]
        words = [max(map(len, heading.split()), default=1) for heading in headings]  # headings are wrapped between them
        for row in rows:
            words = [max(width, len(cell)) for width, cell in zip(words, row, strict=True)]
        return [min(width, _WIDEST) + 1 for width in words]

    def _cells(self, cells: Sequence[Any]) -> list[str]:
        at = self._table.currency_at
        currency = "" if at is None else cells[at]
        return [self._words.value(self._table.columns[place], cells[place], currency) for place in self._shown]
