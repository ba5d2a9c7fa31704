"""A table as PDF: headings on every page, numbers to the right, a line under each row, pages numbered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netbilld.adapters.documents.fonts import FontFiles, fonts_for
from netbilld.adapters.documents.sheet import MARGIN, Align, Sheet

_SIZE: Final = 8.0
_LEADING: Final = 10.0
_GAP: Final = 6.0
_FONT_SAMPLE: Final = 2_000  # rows looked at for letters that Helvetica has not


@dataclass(frozen=True, slots=True)
class PaperColumn:
    """A column; widths are shares of the page."""

    heading: str
    share: float = 1.0
    align: Align = "left"


def table_pdf(
    title: str,
    subtitle: Sequence[str],
    columns: Sequence[PaperColumn],
    rows: Iterable[Sequence[str]],
    *,
    sums: Sequence[str] = (),
    foot: str = "",
    author: str = "netbilld",
    files: FontFiles | None = None,
    is_landscape: bool = False,
) -> bytes:
    """Return the table as PDF.

    Args:
        title: in large letters on the first page.
        subtitle: lines below it, such as the period.
        columns: what the rows consist of.
        rows: as text, already written in the reader's language.
        sums: a last row, bold; empty for none.
        foot: at the bottom of every page, such as a hash.
        author: of the file.
        files: fonts for other scripts than Latin.
        is_landscape: the long side lies.
    """
    kept = list(rows)
    sample = [title, foot, *subtitle, *(column.heading for column in columns)]
    sample += [cell for row in (*kept[:_FONT_SAMPLE], sums) for cell in row]
    sheet = Sheet(fonts_for(sample, files or FontFiles()), title, author, is_landscape=is_landscape)
    sheet.y += 8
    sheet.text(MARGIN, sheet.y, title, 15, bold=True)
    for line in subtitle:
        sheet.y += 13
        sheet.text(MARGIN, sheet.y, line, 9, grey=0.35)
    sheet.y += 16
    page = _TablePage(sheet, columns, foot)
    page.headings()
    for row in kept:
        page.row(row)
    if sums:
        page.row(sums, bold=True)
    page.foot()
    return sheet.finish()


class _TablePage:
    def __init__(self, sheet: Sheet, columns: Sequence[PaperColumn], foot: str) -> None:
        self._sheet, self._columns, self._foot = sheet, columns, foot
        whole = sum(column.share for column in columns)
        room = sheet.right - MARGIN - _GAP * (len(columns) - 1)
        self._widths = [room * column.share / whole for column in columns]

    def headings(self) -> None:
        self._cells([column.heading for column in self._columns], bold=True)
        self._sheet.rule(self._sheet.y + 3, grey=0.3)
        self._sheet.y += 6

    def row(self, cells: Sequence[str], *, bold: bool = False) -> None:
        self._cells(cells, bold=bold)
        self._sheet.rule(self._sheet.y + 3)
        self._sheet.y += 4

    def foot(self) -> None:
        sheet = self._sheet
        y = sheet.height - 24
        sheet.text(MARGIN, y, self._foot, 7, grey=0.4)
        sheet.text(sheet.right, y, str(sheet.page), 7, align="right", grey=0.4)

    def _cells(self, cells: Sequence[str], *, bold: bool) -> None:
        sheet = self._sheet
        wrapped = [
            sheet.wrap(cell, width, _SIZE, bold=bold) if cell else []
            for cell, width in zip(cells, self._widths, strict=True)
        ]
        height = _LEADING * max([1, *map(len, wrapped)])
        if sheet.room < height + 6 and sheet.y > MARGIN * 2:
            self.foot()
            sheet.new_page()
            sheet.y += 8
            self.headings()
        x = MARGIN
        for column, width, lines in zip(self._columns, self._widths, wrapped, strict=True):
            at = {"left": x, "right": x + width, "center": x + width / 2}[column.align]
            for index, line in enumerate(lines, 1):
                sheet.text(at, sheet.y + _LEADING * index, line, _SIZE, bold=bold, align=column.align)
            x += width + _GAP
        sheet.y += height
