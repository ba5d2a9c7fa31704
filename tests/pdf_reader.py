"""Reads PDF files with PDFium and their QR codes with ZXing: neither shares code with what draws them."""

from dataclasses import dataclass

import pypdfium2
import zxingcpp

_SCALE = 2.0  # 144 dots an inch, as a telephone sees it


@dataclass(frozen=True)
class ReadPdf:
    pages: tuple[str, ...]
    codes: tuple[str, ...]  # QR
    edges: tuple[float, float]  # leftmost and rightmost point of any text

    @property
    def text(self) -> str:
        return "\n".join(self.pages)


def read_pdf(octets: bytes) -> ReadPdf:
    document = pypdfium2.PdfDocument(octets)
    try:
        pages, codes, edges = [], [], list[float]()
        for page in document:
            textpage = page.get_textpage()
            text = textpage.get_text_range()
            for index in range(textpage.count_rects()):
                left, _bottom, right, _top = textpage.get_rect(index)
                edges += [left, right]
            pages.append(text.replace("\r\n", "\n").replace("\xa0", " "))
            codes += [found.text for found in zxingcpp.read_barcodes(page.render(scale=_SCALE).to_pil())]
        return ReadPdf(tuple(pages), tuple(codes), (min(edges), max(edges)))
    finally:
        document.close()
