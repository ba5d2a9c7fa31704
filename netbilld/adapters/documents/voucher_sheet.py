"""Sheets of vouchers: cards on A4 in several sizes, and rolls of 58 and 80 mm for thermal printers.

Tens of thousands are drawn at once, so a QR code is one small picture in the page's own stream, a bit a module.
"""

import io
from dataclasses import dataclass
from typing import Final

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from netbilld.adapters.documents.fonts import FontFiles, Fonts, fonts_for
from netbilld.services.print_vouchers import Layout, PrintedSheet, PrintedVoucher

_QR_MASK: Final = 4  # any is right; trying all eight is most of the time that a code takes
_QUIET: Final = 2  # modules of white around a code, beside the white of the paper
_EDGE: Final = 24.0


@dataclass(frozen=True, slots=True)
class _Grid:
    """Cards on A4."""

    columns: int
    rows: int
    qr: float  # points; 0 for none
    code_size: float
    says_how: bool


_GRIDS: Final = {
    Layout.CARDS: _Grid(3, 8, 56.0, 13.0, says_how=False),
    Layout.LARGE: _Grid(2, 5, 92.0, 19.0, says_how=True),
    Layout.STRIPS: _Grid(5, 17, 0.0, 9.5, says_how=False),
}
_ROLLS: Final = {Layout.THERMAL_58: 58 * mm, Layout.THERMAL_80: 80 * mm}


def voucher_sheet_pdf(sheet: PrintedSheet, files: FontFiles | None = None) -> bytes:
    """Return the sheet as PDF; a roll has one page a voucher, so that the printer cuts between them."""
    said = (sheet.business, sheet.title, sheet.price, sheet.validity, sheet.how, sheet.code_label, sheet.password_label)
    fonts = fonts_for(said, files or FontFiles())
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(fonts.shown(f"{sheet.title} ({len(sheet.vouchers)})"))
    canvas.setAuthor(fonts.shown(sheet.author))
    canvas.setCreator("netbilld")
    drawing = _Drawing(canvas, fonts, sheet)
    if sheet.layout in _ROLLS:
        drawing.roll(_ROLLS[sheet.layout])
    else:
        drawing.cards(_GRIDS[sheet.layout])
    canvas.save()
    return buffer.getvalue()


class _Drawing:
    def __init__(self, canvas: Canvas, fonts: Fonts, sheet: PrintedSheet) -> None:
        self._canvas, self._fonts, self._sheet = canvas, fonts, sheet
        shown = fonts.shown
        self._business, self._title, self._price = shown(sheet.business), shown(sheet.title), shown(sheet.price)
        self._wrapped: dict[tuple[str, float, float], list[str]] = {}

    # -- A4 ------------------------------------------------------------------------------------------------------------

    def cards(self, grid: _Grid) -> None:
        width, height = (A4[0] - 2 * _EDGE) / grid.columns, (A4[1] - 2 * _EDGE) / grid.rows
        a_page = grid.columns * grid.rows
        for index, voucher in enumerate(self._sheet.vouchers):
            at = index % a_page
            if at == 0 and index:
                self._canvas.showPage()
            row, column = divmod(at, grid.columns)
            self._card(grid, voucher, _EDGE + column * width, A4[1] - _EDGE - row * height, width, height)
        self._canvas.showPage()

    def _card(self, grid: _Grid, voucher: PrintedVoucher, left: float, top: float, width: float, height: float) -> None:
        canvas = self._canvas
        canvas.setLineWidth(0.4)
        canvas.setStrokeGray(0.7)
        canvas.setDash(2, 2)  # where to cut
        canvas.rect(left, top - height, width, height, stroke=1, fill=0)
        canvas.setDash()
        pad = 5.0 if not grid.qr else 7.0
        x, room = left + pad, width - 2 * pad
        small = 6.0 if not grid.says_how else 8.0
        if not grid.qr:
            self._text(x, top - 11, self._fit(self._title, room - 34, small), small, bold=True)
            self._text(left + width - pad, top - 11, self._price, small, align="right")
            self._text(left + width / 2, top - height + 17, voucher.code, grid.code_size, bold=True, align="center")
            said = voucher.serial if voucher.password is None else f"{self._sheet.password_label} {voucher.password}"
            self._text(left + width / 2, top - height + 7, said, 5.5, align="center", grey=0.35)
            return
        self._text(x, top - pad - small, self._fit(self._business, room - 60, small + 1), small + 1, bold=True)
        self._text(left + width - pad, top - pad - small, self._price, small + 2, bold=True, align="right")
        self._text(x, top - pad - 2.2 * small - 1, self._fit(self._title, room, small), small, grey=0.3)
        text_room = room - grid.qr - 6
        self._qr(left + width - pad - grid.qr, top - height + pad, grid.qr, voucher.qr)
        middle = top - height / 2 - (2 if voucher.password is None else -6)
        self._text(x, middle + grid.code_size * 0.72, self._sheet.code_label, small - 0.5, grey=0.4)
        self._text(x, middle - grid.code_size * 0.3, voucher.code, self._size(voucher.code, text_room, grid.code_size))
        y = middle - grid.code_size * 0.3
        if voucher.password is not None:
            y -= small * 1.7
            said = f"{self._sheet.password_label} {voucher.password}"
            self._text(x, y, said, small + 2, bold=True)
        y -= small * 1.5
        for line in self._lines(self._sheet.validity, text_room, small - 0.5):
            self._text(x, y, line, small - 0.5, grey=0.3)
            y -= small * 1.15
        if grid.says_how:
            for line in self._lines(self._sheet.how, text_room, small - 1):
                self._text(x, y, line, small - 1, grey=0.3)
                y -= small
        self._text(x, top - height + pad - 1.5, voucher.serial, 5.0, grey=0.5)

    # -- rolls ---------------------------------------------------------------------------------------------------------

    def roll(self, width: float) -> None:
        canvas, sheet = self._canvas, self._sheet
        pad = 3 * mm
        room = width - 2 * pad
        middle = width / 2
        qr = min(room, 38 * mm)
        how = self._lines(sheet.how, room, 7)
        validity = self._lines(sheet.validity, room, 7.5)
        has_password = any(voucher.password is not None for voucher in sheet.vouchers)
        height = 82 + qr + 9 * (len(how) + len(validity)) + (20 if has_password else 0) + 4 * mm
        for voucher in sheet.vouchers:
            canvas.setPageSize((width, height))
            y = height - 14
            self._text(middle, y, self._fit(self._business, room, 10), 10, bold=True, align="center")
            y -= 12
            self._text(middle, y, self._fit(f"{self._title}  {self._price}", room, 8.5), 8.5, align="center")
            y -= 6 + qr
            self._qr(middle - qr / 2, y, qr, voucher.qr)
            y -= 20
            size = self._size(voucher.code, room, 17)
            self._text(middle, y, voucher.code, size, bold=True, align="center")
            if voucher.password is not None:
                y -= 17
                said = f"{sheet.password_label} {voucher.password}"
                self._text(middle, y, said, 12, bold=True, align="center")
            y -= 12
            for line in validity:
                self._text(middle, y, line, 7.5, align="center")
                y -= 9
            for line in how:
                self._text(middle, y, line, 7, align="center")
                y -= 9
            self._text(middle, 3 * mm, voucher.serial, 6.5, align="center")
            canvas.showPage()

    # -- what both draw with -------------------------------------------------------------------------------------------

    def _text(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, align: str = "left", grey: float = 0.0
    ) -> None:
        canvas = self._canvas
        canvas.setFont(self._fonts.bold if bold else self._fonts.regular, size)
        canvas.setFillGray(grey)
        if align == "left":
            canvas.drawString(x, y, text)
        elif align == "right":
            canvas.drawRightString(x, y, text)
        else:
            canvas.drawCentredString(x, y, text)

    def _size(self, text: str, room: float, size: float) -> float:
        width = stringWidth(text, self._fonts.bold, size)
        return size if width <= room else size * room / width

    def _fit(self, text: str, room: float, size: float) -> str:
        """Return as much of a text as fits a line."""
        return next(iter(self._lines(text, room, size)), "")

    def _lines(self, text: str, room: float, size: float) -> list[str]:
        key = (text, room, size)
        found = self._wrapped.get(key)
        if found is None:
            found, line = [], ""
            for word in self._fonts.shown(text).split():
                tried = f"{line} {word}".strip()
                if line and stringWidth(tried, self._fonts.bold, size) > room:
                    found.append(line)
                    tried = word
                line = tried
            if line:
                found.append(line)
            self._wrapped[key] = found
        return found

    def _qr(self, x: float, y: float, size: float, text: str) -> None:
        """Draw a QR code with its lower left corner at x, y."""
        matrix = segno.make_qr(text, error="m", mask=_QR_MASK).matrix
        modules = len(matrix)
        white = [0] * (modules + 2 * _QUIET)
        rows = [white] * _QUIET + [[0] * _QUIET + [*row] + [0] * _QUIET for row in matrix] + [white] * _QUIET
        side = len(rows)
        octets = -(-side // 8)
        spare = octets * 8 - side
        bits = "".join(
            f"{int(''.join('0' if dark else '1' for dark in row) + '1' * spare, 2):0{octets * 2}x}" for row in rows
        )
        self._canvas.addLiteral(
            f"q {size:.2f} 0 0 {size:.2f} {x:.2f} {y:.2f} cm "
            f"BI /W {side} /H {side} /CS /G /BPC 1 /F /AHx ID {bits}> EI Q"
        )
