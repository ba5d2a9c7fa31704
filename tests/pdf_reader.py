"""Reads PDF files with PDFium and their QR codes with ZXing: neither shares code with what draws them."""

from dataclasses import dataclass

import pypdfium2
import zxingcpp

_SCALE = 2.0  # 144 dots an inch, as a telephone sees it


@dataclass(frozen=True)
class ReadPdf:
    pages: tuple[str, ...]
    codes: tuple[str, ...]  # QR

    @property
    def text(self) -> str:
        return "\n".join(self.pages)


def read_pdf(octets: bytes) -> ReadPdf:
    document = pypdfium2.PdfDocument(octets)
    try:
        pages, codes = [], []
        for page in document:
            text = page.get_textpage().get_text_range()
            pages.append(text.replace("\r\n", "\n").replace("\xa0", " "))
            codes += [found.text for found in zxingcpp.read_barcodes(page.render(scale=_SCALE).to_pil())]
        return ReadPdf(tuple(pages), tuple(codes))
    finally:
        document.close()
