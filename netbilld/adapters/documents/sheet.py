"""Paper: pages of A4 with text, rules, pictures and QR codes; measures are points from the top left corner."""

import io
from pathlib import Path
from typing import Final, Literal

import segno
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from netbilld.adapters.documents.fonts import Fonts
from netbilld.model.errors import InvalidInputError

MARGIN: Final = 42.0
FOOT: Final = 40.0  # kept free at the bottom of a page
_QR_MASK: Final = 4  # any is right; trying all eight is most of the time that a code takes
_LOGO_PIXELS_LIMIT: Final = 20_000_000

Align = Literal["left", "right", "center"]


class Sheet:
    """Pages of one document; `y` is how far down the page is filled."""

    def __init__(self, fonts: Fonts, title: str, author: str, *, is_landscape: bool = False) -> None:
        self.width, self.height = landscape(A4) if is_landscape else A4
        self.fonts = fonts
        self.y = MARGIN
        self.page = 1
        self._buffer = io.BytesIO()
        # the same document is the same octets, whenever it is drawn
        self._canvas = Canvas(self._buffer, pagesize=(self.width, self.height), pageCompression=1, invariant=1)
        self._canvas.setTitle(fonts.shown(title))
        self._canvas.setAuthor(fonts.shown(author))
        self._canvas.setCreator("netbilld")

    @property
    def right(self) -> float:
        """Return where the right margin begins."""
        return float(self.width) - MARGIN

    @property
    def room(self) -> float:
        """Return how much of the page is left above its foot."""
        return float(self.height) - FOOT - self.y

    def new_page(self) -> None:
        """Go on with an empty page."""
        self._canvas.showPage()
        self.page += 1
        self.y = MARGIN

    def new_document(self) -> None:
        """Go on with an empty page that is another document's first."""
        self.new_page()
        self.page = 1

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 9,
        *,
        bold: bool = False,
        align: Align = "left",
        grey: float = 0.0,
    ) -> None:
        """Write one line whose letters stand on `y`."""
        shown = self.fonts.shown(text)
        self._canvas.setFont(self.fonts.bold if bold else self.fonts.regular, size)
        self._canvas.setFillGray(grey)
        draw = {
            "left": self._canvas.drawString,
            "right": self._canvas.drawRightString,
            "center": self._canvas.drawCentredString,
        }[align]
        draw(x, self.height - y, shown)

    def measure(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return how wide a line would be."""
        font = self.fonts.bold if bold else self.fonts.regular
        return float(stringWidth(self.fonts.shown(text), font, size))

    def wrap(self, text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
        """Return a text as lines that fit a width; a word too long for one is cut."""
        lines: list[str] = []
        for paragraph in text.splitlines():
            line = ""
            for word in paragraph.split():
                rest = word
                tried = f"{line} {rest}" if line else rest
                if self.measure(tried, size, bold=bold) <= width:
                    line = tried
                    continue
                if line:
                    lines.append(line)
                while self.measure(rest, size, bold=bold) > width and len(rest) > 1:
                    fit = self._fitting(rest, width, size, bold=bold)
                    lines.append(rest[:fit])
                    rest = rest[fit:]
                line = rest
            lines.append(line)
        return lines

    def _fitting(self, word: str, width: float, size: float, *, bold: bool) -> int:
        fit = 1
        while fit < len(word) and self.measure(word[: fit + 1], size, bold=bold) <= width:
            fit += 1
        return fit

    def rule(self, y: float, x_from: float = MARGIN, x_to: float | None = None, *, grey: float = 0.75) -> None:
        """Draw a thin line across."""
        self._canvas.setStrokeGray(grey)
        self._canvas.setLineWidth(0.6)
        self._canvas.line(x_from, self.height - y, self.right if x_to is None else x_to, self.height - y)

    def box(self, x: float, y: float, width: float, height: float, *, grey: float = 0.95) -> None:
        """Fill a rectangle; `y` is its upper edge."""
        self._canvas.setFillGray(grey)
        self._canvas.rect(x, self.height - y - height, width, height, stroke=0, fill=1)

    def qr(self, x: float, y: float, size: float, text: str) -> None:
        """Draw a QR code with its upper left corner at x, y; runs of dark modules are one rectangle each."""
        matrix = segno.make_qr(text, error="m", mask=_QR_MASK).matrix
        module = size / len(matrix)
        path = self._canvas.beginPath()
        for row, modules in enumerate(matrix):
            start = None
            for column, dark in enumerate((*modules, 0)):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    top = self.height - y - (row + 1) * module
                    path.rect(x + start * module, top, (column - start) * module, module)
                    start = None
        self._canvas.setFillGray(0)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def picture(self, x: float, y: float, path: Path, width: float, height: float) -> float:
        """Draw a PNG or JPEG within a box, as large as it fits; return how wide it came out.

        Raises:
            InvalidInputError: the file is no such picture.
        """
        try:
            reader = ImageReader(str(path))
            pixels = reader.getSize()
            if pixels[0] * pixels[1] > _LOGO_PIXELS_LIMIT:
                raise ValueError("it has too many pixels")  # noqa: TRY301 - said like the library's own refusals
            scale = min(width / pixels[0], height / pixels[1])
            drawn = (pixels[0] * scale, pixels[1] * scale)
            self._canvas.drawImage(reader, x, self.height - y - drawn[1], *drawn, mask="auto")
        except Exception as error:
            raise InvalidInputError(f"{path} can't be shown: {error}", hint="give a PNG or JPEG") from error
        return float(drawn[0])

    def finish(self) -> bytes:
        """Return the file."""
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()
