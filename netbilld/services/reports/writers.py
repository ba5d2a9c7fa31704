"""A report as lines on a terminal, as CSV and as JSON; each takes row after row and keeps none but for its widths."""

import csv
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

from netbilld.services.reports.table import NUMBERS, Column, Control, Holds, Span, Sums, Table
from netbilld.services.reports.words import Words
from netbilld.services.sheets import FORMULA_BEGINS

_LOOKED_AT: Final = 500  # rows whose widths decide those of the columns
_WIDEST: Final = 40
_GAP: Final = "  "


class TableWriter:
    """Aligned columns. Currencies stand beside the money and have no column of their own."""

    def __init__(self, out: TextIO, words: Words) -> None:
        self._out, self._words = out, words
        self._waiting: list[list[str]] | None = []
        self._widths: list[int] = []

    def begin(self, table: Table, span: Span) -> None:
        """Say what it is."""
        self._table = table
        self._shown = [place for place in range(len(table.columns)) if place != table.currency_at]
        self._out.write(f"{self._words.title(table)}, {self._words.span(span)}\n\n")

    def row(self, cells: Sequence[Any]) -> None:
        """Take a row."""
        self._take(self._words_of(cells))

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Write the sums, and what the ledger says of them."""
        if sums.is_summed:
            for cells in sums.cells():
                self._take(self._sum_words(cells))
        self._let_go()
        for control in controls:
            column = self._table.columns[self._table.keys.index(control.what)]
            word = self._words.ledger(is_equal=control.is_equal)
            amount = self._words.money(control.ledger_minor, control.currency)
            self._out.write(f"{word}: {self._words.heading(column)} {amount}\n")

    def _words_of(self, cells: Sequence[Any]) -> list[str]:
        at = self._table.currency_at
        currency = "" if at is None else cells[at]
        columns = self._table.columns
        return [printable(self._words.value(columns[place], cells[place], currency)) for place in self._shown]

    def _sum_words(self, cells: Sequence[Any]) -> list[str]:
        words = self._words_of(cells)
        if not words[0]:
            words[0] = self._words.sum
        return words

    def _take(self, words: list[str]) -> None:
        if self._waiting is None:
            self._write(words)
            return
        self._waiting.append(words)
        if len(self._waiting) == _LOOKED_AT:
            self._let_go()

    def _let_go(self) -> None:
        if self._waiting is None:
            return
        columns = [self._table.columns[place] for place in self._shown]
        rows = [[self._words.heading(column) for column in columns], *self._waiting]
        self._widths = [min(max(len(row[place]) for row in rows), _WIDEST) for place in range(len(columns))]
        self._waiting = None
        for row in rows:
            self._write(row)

    def _write(self, words: list[str]) -> None:
        columns = [self._table.columns[place] for place in self._shown]
        cells = [
            word.rjust(width) if column.holds in NUMBERS else word.ljust(width)
            for word, width, column in zip(words, self._widths, columns, strict=True)
        ]
        self._out.write(_GAP.join(cells).rstrip() + "\n")


class CsvWriter:
    """Stable names over plain values (RFC 4180): money in minor units, octets whole, instants in local time.

    The sums are left out: whoever sums a column would count twice.
    """

    def __init__(self, out: TextIO, timezone: str) -> None:
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._zone = ZoneInfo(timezone)

    def begin(self, table: Table, span: Span) -> None:  # noqa: ARG002 - the file holds rows only
        """Write the names of the columns."""
        self._columns = table.columns
        self._writer.writerow(table.keys)

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row."""
        self._writer.writerow([self._word(column, cell) for column, cell in zip(self._columns, cells, strict=True)])

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Nothing more."""

    def _word(self, column: Column, cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, datetime):
            return cell.astimezone(self._zone).isoformat(sep=" ", timespec="seconds")
        if column.holds is Holds.MONTH:
            return f"{cell:%Y-%m}"
        if column.holds in {Holds.PERCENT, Holds.TENTHS}:
            return decimal(cell, 2 if column.holds is Holds.PERCENT else 1)
        if isinstance(cell, str) and cell.startswith(FORMULA_BEGINS):  # a name somebody chose must not run anything
            return f"'{cell}"
        return str(cell)


class JsonWriter:
    """One JSON document, written as the rows come."""

    def __init__(self, out: TextIO, timezone: str) -> None:
        self._out, self._zone, self._rows = out, ZoneInfo(timezone), 0

    def begin(self, table: Table, span: Span) -> None:
        """Write what it is."""
        self._columns, self._table = table.columns, table
        head = {
            "report": table.report,
            "by": table.by,
            "from": span.from_on.isoformat(),
            "to": span.to_on.isoformat(),
            "timezone": span.timezone,
        }
        self._out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [')

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row."""
        self._out.write(",\n  " if self._rows else "\n  ")
        self._rows += 1
        self._out.write(json.dumps(self._named(cells), ensure_ascii=False))

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Write the sums, and what the ledger says of them."""
        totals = [
            {
                column.key: cell
                for column, cell in zip(self._columns, cells, strict=True)
                if column.is_summed or cell is not None
            }
            for cells in (sums.cells() if sums.is_summed else ())
        ]
        ledger = [
            {
                "what": control.what,
                "currency": control.currency,
                "report": control.report_minor,
                "ledger": control.ledger_minor,
                "equal": control.is_equal,
            }
            for control in controls
        ]
        tail = f'"totals": {json.dumps(totals)}, "ledger": {json.dumps(ledger)}'
        self._out.write(("\n" if self._rows else "") + f"], {tail}}}\n")

    def _named(self, cells: Sequence[Any]) -> dict[str, Any]:
        return {column.key: self._value(column, cell) for column, cell in zip(self._columns, cells, strict=True)}

    def _value(self, column: Column, cell: Any) -> Any:
        if cell is None:
            return None
        if isinstance(cell, datetime):
            return cell.astimezone(self._zone).isoformat(timespec="seconds")
        if column.holds is Holds.MONTH:
            return f"{cell:%Y-%m}"
        if isinstance(cell, date):
            return cell.isoformat()
        if column.holds in {Holds.PERCENT, Holds.TENTHS}:
            return float(decimal(cell, 2 if column.holds is Holds.PERCENT else 1))
        return cell


def decimal(number: int, places: int) -> str:
    """Return hundredths or tenths as a decimal number with a dot."""
    whole, rest = divmod(abs(number), 10**places)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{places}}"


def printable(text: str) -> str:
    """Return a text without what could move a terminal's cursor, and no wider than a column may be."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"
