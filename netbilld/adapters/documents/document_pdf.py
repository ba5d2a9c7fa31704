"""Invoices, credit notes and receipts as PDF: one page of A4 where it fits, more where a company has many lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netbilld.adapters.documents.fonts import FontFiles, fonts_for
from netbilld.adapters.documents.sheet import FOOT, MARGIN, Sheet
from netbilld.services.printed_document import PrintedDocument, PrintedLine, PrintedSum

_LOGO: Final = (150.0, 46.0)
_QR: Final = 74.0
_PAY_QR: Final = 104.0  # a QRIS code has three times the text: its modules are to be half a millimetre
_TEXT: Final = 9.0
_LEADING: Final = 12.0
_QUANTITY_WIDTH: Final = 72.0
_PRICE_WIDTH: Final = 92.0
_AMOUNT_WIDTH: Final = 92.0
_SUMS_WIDTH: Final = 250.0


def document_pdf(document: PrintedDocument, files: FontFiles | None = None) -> bytes:
    """Return a document as PDF; the same document gives the same octets.

    Raises:
        InvalidInputError: its logo or a font can't be read.
    """
    return documents_pdf([document], files)


def documents_pdf(documents: Sequence[PrintedDocument], files: FontFiles | None = None) -> bytes:
    """Return some documents as one PDF, each beginning on a page of its own; at least one.

    Raises:
        InvalidInputError: a logo or a font can't be read.
    """
    fonts = fonts_for([text for one in documents for text in one.texts()], files or FontFiles())
    first = documents[0]
    sheet = Sheet(fonts, f"{first.title} {first.number}", first.head.name)
    for place, document in enumerate(documents):
        if place:
            sheet.new_document()
        _Drawing(sheet, document).draw()
    return sheet.finish()


@dataclass(slots=True)
class _Drawing:
    sheet: Sheet
    document: PrintedDocument

    def draw(self) -> None:
        self._head()
        self._parties()
        self._table()
        self._end()
        self._foot()

    def _head(self) -> None:
        sheet, document, head = self.sheet, self.document, self.document.head
        top = sheet.y
        left = MARGIN
        if head.logo is not None:
            left += sheet.picture(MARGIN, top, head.logo, *_LOGO) + 12
        y = top + 13
        sheet.text(left, y, head.name, 14, bold=True)
        for line in (document.carried_by, *head.address, head.contact):
            for part in sheet.wrap(line, sheet.right - left - 190, 8) if line else ():
                y += 10.5
                sheet.text(left, y, part, 8, grey=0.35)
        if head.tax_id:
            y += 10.5
            sheet.text(left, y, f"NPWP {head.tax_id}", 8, grey=0.35)
        sheet.text(sheet.right, top + 16, document.title.upper(), 18, bold=True, align="right")
        sheet.text(sheet.right, top + 31, document.number, 10, align="right")
        if document.mark:
            sheet.text(sheet.right, top + 48, document.mark.upper(), 11, bold=True, align="right", grey=0.35)
        sheet.y = max(y + 12, top + _LOGO[1] + 8, top + 56)
        sheet.rule(sheet.y, grey=0.3)
        sheet.y += 6

    def _parties(self) -> None:
        sheet, document = self.sheet, self.document
        top = sheet.y + 12
        label_x, value_x = 322.0, 402.0
        sheet.text(MARGIN, top, document.to_label, 8, grey=0.45)
        y = top
        for index, line in enumerate(document.to):
            for part in sheet.wrap(line, label_x - MARGIN - 16, 10 if index == 0 else _TEXT, bold=index == 0):
                y += 12.5
                sheet.text(MARGIN, y, part, 10 if index == 0 else _TEXT, bold=index == 0)
        facts_y = top
        for label, value in document.facts:
            sheet.text(label_x, facts_y, label, 8.5, grey=0.45)
            for part in sheet.wrap(value, sheet.right - value_x, _TEXT):
                sheet.text(value_x, facts_y, part, _TEXT)
                facts_y += _LEADING
        sheet.y = max(y + 14, facts_y + 4)

    def _table(self) -> None:
        self._headings()
        for group in self.document.groups:
            if group.heading:
                self._keep(3 * _LEADING)
                self.sheet.y += _LEADING + 2
                self.sheet.text(MARGIN, self.sheet.y, group.heading, _TEXT, bold=True)
                self.sheet.text(self.sheet.right - 4, self.sheet.y, group.amount, _TEXT, bold=True, align="right")
                self.sheet.y += 2
            for line in group.lines:
                self._line(line)
        self.sheet.rule(self.sheet.y + 6, grey=0.3)
        self.sheet.y += 8

    def _headings(self) -> None:
        sheet = self.sheet
        sheet.box(MARGIN, sheet.y, sheet.right - MARGIN, 17)
        y = sheet.y + 11.5
        text, quantity, price, amount = self.document.columns
        sheet.text(MARGIN + 4, y, text, 8.5, bold=True)
        sheet.text(sheet.right - _AMOUNT_WIDTH - _PRICE_WIDTH, y, quantity, 8.5, bold=True, align="right")
        sheet.text(sheet.right - _AMOUNT_WIDTH, y, price, 8.5, bold=True, align="right")
        sheet.text(sheet.right - 4, y, amount, 8.5, bold=True, align="right")
        sheet.y += 18

    def _line(self, line: PrintedLine) -> None:
        sheet = self.sheet
        width = sheet.right - MARGIN - _AMOUNT_WIDTH - 12
        if line.quantity or line.price:
            width -= _PRICE_WIDTH + _QUANTITY_WIDTH
        parts = sheet.wrap(line.text, width, _TEXT)
        self._keep(_LEADING * len(parts) + 4)
        first = sheet.y + _LEADING + 1
        sheet.text(sheet.right - _AMOUNT_WIDTH - _PRICE_WIDTH, first, line.quantity, _TEXT, align="right")
        sheet.text(sheet.right - _AMOUNT_WIDTH, first, line.price, _TEXT, align="right")
        sheet.text(sheet.right - 4, first, line.amount, _TEXT, align="right")
        for index, part in enumerate(parts):
            sheet.text(MARGIN + 4, first + _LEADING * index, part, _TEXT)
        sheet.y += _LEADING * max(1, len(parts)) + 2

    def _end(self) -> None:
        """Draw what belongs together below the table: sums to the right, payment and code to the left, words."""
        sheet, document = self.sheet, self.document
        left_width = sheet.right - MARGIN - _SUMS_WIDTH - 20
        pay = [part for line in document.pay for part in sheet.wrap(line, left_width, _TEXT)]
        sums_height = sum(_sum_height(one) for one in document.sums) + 8
        left_height = (14 if document.pay_label else 0) + _LEADING * len(pay)
        words = self._words()
        notes = [part for note in document.notes for part in sheet.wrap(note, sheet.right - MARGIN, 8.5)]
        below = _LEADING * len(words) + 11 * len(notes) + self._codes_height + 24
        self._keep(max(sums_height, left_height) + below, headings=False)
        top = sheet.y
        for one in document.sums:
            self._sum(one)
        sums_end, sheet.y = sheet.y, top
        if document.pay_label:
            sheet.y += 14
            sheet.text(MARGIN, sheet.y, document.pay_label, 8.5, grey=0.45)
        for part in pay:
            sheet.y += _LEADING
            sheet.text(MARGIN, sheet.y, part, _TEXT)
        sheet.y = max(sheet.y, sums_end) + 8
        for index, part in enumerate(words):
            sheet.y += _LEADING
            sheet.text(MARGIN, sheet.y, part, _TEXT, bold=index == 0 and not document.words)
        for note in notes:
            sheet.y += 11
            sheet.text(MARGIN, sheet.y, note, 8.5, grey=0.25)
        self._code()

    def _words(self) -> list[str]:
        if self.document.words is None:
            return []
        label, text = self.document.words
        return self.sheet.wrap(f"{label}: {text}", self.sheet.right - MARGIN, _TEXT)

    def _sum(self, one: PrintedSum) -> None:
        sheet = self.sheet
        size = 11.0 if one.strong else _TEXT
        sheet.y += _sum_height(one)
        grey = 0.4 if one.aside else 0.0
        sheet.text(sheet.right - _SUMS_WIDTH, sheet.y, one.label, size, bold=one.strong, grey=grey)
        sheet.text(sheet.right - 4, sheet.y, one.amount, size, bold=one.strong, align="right", grey=grey)

    def _code(self) -> None:
        sheet, document = self.sheet, self.document
        sheet.y += 14
        x, right = MARGIN, sheet.right
        if document.pay_qr:
            right -= _PAY_QR + 12
            sheet.qr(sheet.right - _PAY_QR, sheet.y, _PAY_QR, document.pay_qr)
            sheet.text(sheet.right, sheet.y + _PAY_QR + 11, document.pay_qr_text, _TEXT, bold=True, align="right")
        if document.verify_url:
            sheet.qr(MARGIN, sheet.y, _QR, document.verify_url)
            x += _QR + 12
        y = sheet.y + 12
        for part in sheet.wrap(document.verify_text, right - x, 8) if document.verify_text else ():
            sheet.text(x, y, part, 8, grey=0.35)
            y += 11
        sheet.text(x, y, document.code, 8.5)
        sheet.y += self._codes_height

    @property
    def _codes_height(self) -> float:
        if self.document.pay_qr:
            return _PAY_QR + 12
        return _QR if self.document.verify_url else 26.0

    def _keep(self, height: float, *, headings: bool = True) -> None:
        """Go on with a new page unless so much still fits on this one."""
        if self.sheet.room >= height or self.sheet.y <= MARGIN + 40:
            return
        self._foot()
        self.sheet.new_page()
        self.sheet.text(MARGIN, self.sheet.y, f"{self.document.title} {self.document.number}", _TEXT, bold=True)
        self.sheet.y += 10
        if headings:
            self._headings()

    def _foot(self) -> None:
        sheet, document = self.sheet, self.document
        y = sheet.height - FOOT + 18
        if document.head.footer:
            sheet.text(MARGIN, y, document.head.footer[:140], 7.5, grey=0.45)
        if sheet.page > 1 or len(document.groups) > 1:
            sheet.text(sheet.right, y, document.page_text.format(page=sheet.page), 7.5, align="right", grey=0.45)


def _sum_height(one: PrintedSum) -> float:
    return 17.0 if one.strong else 13.0
