"""A report as an XLSX workbook, row after row to disk."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from netbilld.model.errors import RefusedError
from netbilld.model.units import currency_exponent
from netbilld.services.reports.table import CURRENCY, NUMBERS, Column, Control, Holds, Span, Sums, Table
from netbilld.services.reports.words import Words

ROWS_LIMIT: Final = 1_000_000  # of the 1,048,576 a sheet may have
_EXACT: Final = 10**15  # above it a spreadsheet's numbers are no longer exact
_WIDTHS: Final = {
    Holds.TEXT: 22,
    Holds.DAY: 12,
    Holds.MONTH: 10,
    Holds.INSTANT: 20,
    Holds.MONEY: 16,
    Holds.COUNT: 12,
    Holds.OCTETS: 20,
    Holds.PERCENT: 10,
    Holds.TENTHS: 10,
}


class WorkbookWriter:
    """Numbers stay numbers, money in whole units of the currency; nothing is taken for a formula or a link."""

    def __init__(self, path: Path, words: Words, timezone: str) -> None:
        self._path, self._words, self._zone = path, words, ZoneInfo(timezone)

    def begin(self, table: Table, span: Span) -> None:
        """Open the book; its head says what it is."""
        import xlsxwriter  # noqa: PLC0415 - slow to load, and seldom wanted

        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._page = self._book.add_worksheet(table.report[:31])
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._table, self._line = table, 3
        self._formats: dict[tuple[str, bool], Any] = {}
        for place, column in enumerate(table.columns):
            self._page.set_column(place, place, _WIDTHS[column.holds])
        self._page.write_string(0, 0, f"{self._words.title(table)}, {self._words.span(span)}", self._bold)
        for place, heading in enumerate(self._words.headings(table)):
            self._page.write_string(2, place, heading, self._bold)
        self._page.freeze_panes(3, 0)

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row.

        Raises:
            RefusedError: a sheet can't hold so many.
        """
        if self._line > ROWS_LIMIT:
            raise RefusedError(f"a workbook holds {ROWS_LIMIT:,} rows", hint="take a shorter span, or --format csv")
        self._write(cells, is_bold=False)

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Write the sums and what the ledger says of them, and close the book."""
        if self._line > 3:
            self._page.autofilter(2, 0, self._line - 1, len(self._table.columns) - 1)
        if sums.is_summed:
            for cells in sums.cells():
                self._write(cells, is_bold=True)
        for control in controls:
            self._line += 1
            column = self._table.columns[self._table.keys.index(control.what)]
            said = f"{self._words.ledger(is_equal=control.is_equal)}: {self._words.heading(column)} "
            self._page.write_string(self._line, 0, said + self._words.money(control.ledger_minor, control.currency))
        self._book.close()

    def _write(self, cells: Sequence[Any], *, is_bold: bool) -> None:
        at = self._table.currency_at
        currency = "" if at is None else cells[at]
        for place, (column, cell) in enumerate(zip(self._table.columns, cells, strict=True)):
            if cell is not None:
                self._cell(place, column, cell, currency, is_bold=is_bold)
            elif is_bold and place == 0:
                self._page.write_string(self._line, 0, self._words.sum, self._bold)
        self._line += 1

    def _cell(self, place: int, column: Column, cell: Any, currency: str, *, is_bold: bool) -> None:
        if isinstance(cell, datetime):
            at = cell.astimezone(self._zone).replace(tzinfo=None)
            self._page.write_datetime(self._line, place, at, self._format("yyyy-mm-dd hh:mm:ss", is_bold=is_bold))
        elif isinstance(cell, date):
            form = "yyyy-mm" if column.holds is Holds.MONTH else "yyyy-mm-dd"
            self._page.write_datetime(self._line, place, cell, self._format(form, is_bold=is_bold))
        elif column.holds in NUMBERS and abs(cell) < _EXACT:
            places = _places(column.holds, currency)
            form = "#,##0" + ("." + "0" * places if places else "")
            self._page.write_number(self._line, place, cell / 10**places, self._format(form, is_bold=is_bold))
        else:
            text = str(cell) if column.key == CURRENCY else self._words.value(column, cell, currency)
            self._page.write_string(self._line, place, text)

    def _format(self, form: str, *, is_bold: bool) -> Any:
        made = self._formats.get((form, is_bold))
        if made is None:
            made = self._formats[form, is_bold] = self._book.add_format(
                {"num_format": form, **({"bold": True, "top": 1} if is_bold else {})}
            )
        return made


def _places(holds: Holds, currency: str) -> int:
    return {Holds.MONEY: currency_exponent(currency) if currency else 0, Holds.PERCENT: 2, Holds.TENTHS: 1}.get(
        holds, 0
    )
