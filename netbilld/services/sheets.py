"""Tables for further analysis: one description, written as CSV or as an XLSX workbook."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

SheetFormat = Literal["csv", "xlsx"]
CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_EXACT: Final = 10**15  # above it a spreadsheet's numbers are no longer exact
FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; instants are written in local time of `timezone`, octets as whole numbers.

    Cells are texts, whole numbers, days, instants and None.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    timezone: str = "UTC"


def written(sheet: Sheet, kind: SheetFormat) -> bytes:
    """Return the file."""
    return _csv(sheet) if kind == "csv" else _xlsx(sheet)


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180 §2
    writer.writerow(sheet.headings)
    zone = ZoneInfo(sheet.timezone)
    for row in sheet.rows:
        writer.writerow([_word(value, zone) for value in row])
    return text.getvalue().encode()


def _word(value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str) and value.startswith(FORMULA_BEGINS):  # a name somebody chose must not run anything
        return f"'{value}"
    return str(value)


def _xlsx(sheet: Sheet) -> bytes:
    import xlsxwriter  # noqa: PLC0415 - slow to load, and seldom wanted

    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(sheet.title[:31])
    bold = book.add_format({"bold": True, "bottom": 1})
    whole = book.add_format({"num_format": "#,##0"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    zone = ZoneInfo(sheet.timezone)
    widths = [len(heading) for heading in sheet.headings]
    for column, heading in enumerate(sheet.headings):
        page.write_string(0, column, heading, bold)
    for number, row in enumerate(sheet.rows, 1):
        for column, value in enumerate(row):
            widths[column] = max(widths[column], 20 if isinstance(value, datetime) else len(str(value or "")))
            if value is None:
                continue
            if isinstance(value, datetime):
                page.write_datetime(number, column, value.astimezone(zone).replace(tzinfo=None), moment)
            elif isinstance(value, date):
                page.write_datetime(number, column, value, day)
            elif isinstance(value, int) and abs(value) < _EXACT:
                page.write_number(number, column, value, whole)
            else:
                page.write_string(number, column, str(value))
    for column, width in enumerate(widths):
        page.set_column(column, column, min(width * 1.25 + 2, 60))
    page.freeze_panes(1, 0)
    if sheet.rows:
        page.autofilter(0, 0, len(sheet.rows), len(sheet.headings) - 1)
    book.close()
    return output.getvalue()
