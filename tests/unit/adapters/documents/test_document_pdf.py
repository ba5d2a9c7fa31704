"""PDF of documents, read back with PDFium and ZXing."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4

from netbilld.adapters.documents.document_pdf import document_pdf
from netbilld.adapters.documents.fonts import HELVETICA, FontFiles, fonts_for
from netbilld.adapters.documents.renderer import rendered
from netbilld.adapters.documents.table_pdf import PaperColumn, table_pdf
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.qris import LARGEST_AMOUNT, dynamic_qris, read_qris
from netbilld.model.errors import InvalidInputError
from netbilld.services.print_invoice import ExactTransfer
from tests.builders.documents import HEAD, NUMBER, PKP, STATIC_QRIS, invoice, line, page
from tests.pdf_reader import read_pdf

USUAL = page(invoice(line(275_000, tax_code="ppn", inclusive=False), policy=PKP))


def test_an_invoice_is_one_page_with_everything_on_it_and_a_code_that_can_be_read() -> None:
    """MDI-6."""
    paper = read_pdf(document_pdf(USUAL))
    assert len(paper.pages) == 1
    shown = " ".join(paper.text.upper().split())
    assert not [text for text in USUAL.texts() if text.upper() not in shown and text != USUAL.page_text]
    assert paper.codes == (USUAL.verify_url,)


def test_an_invoice_carries_the_qris_code_of_its_provider_with_what_is_open() -> None:
    """BANG-2.4b."""
    issued = invoice(line(275_000))
    exact = ExactTransfer(275_123, date(2026, 1, 12))
    with_qris = page(issued, replace(HEAD, qris=STATIC_QRIS), exact=exact)
    paper = read_pdf(document_pdf(with_qris))
    assert set(paper.codes) == {with_qris.verify_url, dynamic_qris(STATIC_QRIS, 275_123, NUMBER)}
    assert "QRIS Rp275.123" in paper.text
    plain = page(issued, replace(HEAD, qris=STATIC_QRIS))
    assert read_qris(plain.pay_qr).amount_minor == 275_000
    settled = replace(issued, paid_minor=275_000, status=InvoiceStatus.PAID)
    too_much = invoice(line(LARGEST_AMOUNT + 1))
    assert not [one for one in (settled, too_much) if page(one, replace(HEAD, qris=STATIC_QRIS)).pay_qr]


def test_the_same_document_is_the_same_file() -> None:
    assert document_pdf(USUAL) == document_pdf(USUAL)


def test_a_company_with_a_hundred_lines_has_pages_that_lose_nothing() -> None:
    lines = [line(1_000 + index, f"Cabang nomor {index:03}", site=f"Kota {index // 25}") for index in range(100)]
    paper = read_pdf(document_pdf(page(invoice(*lines))))
    assert 2 <= len(paper.pages) <= 4
    for index in range(100):
        assert paper.text.count(f"Cabang nomor {index:03}") == 1
    assert all(NUMBER in text for text in paper.pages)
    assert len(paper.codes) == 1
    assert "Halaman 2" in paper.pages[1]


def test_long_names_and_addresses_wrap_and_nothing_runs_off_the_page() -> None:
    word = "Antidisestablishmentarianism" * 8
    buyer = {"name": f"PT {word}", "address": "\n".join([f"Jl. {word} No. {index}" for index in range(4)])}
    paper = read_pdf(document_pdf(page(invoice(line(1, word)), buyer=buyer)))
    assert "".join(paper.text.split()).count(word) == 5  # the line's own is parted by its figures
    assert 40 <= paper.edges[0] <= paper.edges[1] <= A4[0] - 40


@pytest.mark.parametrize(
    "name", ["Žofie Łukasz", "Nguyễn Thị Hà", "Ελένη", "陳大文", "سيتي", "🙂 Budi", "a\x00b\ud800c"]
)
def test_names_in_any_script_break_nothing(name: str) -> None:
    paper = read_pdf(document_pdf(page(invoice(line(275_000)), buyer={"name": name, "address": "Jl. 1"})))
    assert "Rp275.000" in paper.text


def test_without_a_font_for_them_letters_lose_their_accents_and_others_are_a_question_mark() -> None:
    assert HELVETICA.shown("Žofie Łukasz é Rp1 陳") == "Žofie ?ukasz é Rp1 ?"
    assert HELVETICA.shown("Nguyễn") == "Nguyen"


def test_a_font_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_text("no font")
    with pytest.raises(InvalidInputError, match="is no TrueType font"):
        fonts_for(["陳"], FontFiles(tmp_path / "font.ttf"))
    assert fonts_for(["Budi é €"], FontFiles(tmp_path / "font.ttf")) is HELVETICA


def test_a_logo_is_shown_and_one_that_can_not_be_is_refused_by_name(tmp_path: Path) -> None:
    Image.new("RGBA", (300, 80), (10, 120, 200, 128)).save(tmp_path / "logo.png")
    with_logo = replace(USUAL, head=replace(HEAD, logo=tmp_path / "logo.png"))
    assert read_pdf(document_pdf(with_logo)).codes == (USUAL.verify_url,)
    (tmp_path / "logo.png").write_text("not a picture")
    with pytest.raises(InvalidInputError, match=r"logo\.png can't be shown"):
        document_pdf(with_logo)


def test_what_was_drawn_is_kept_and_drawn_again_where_that_can_not_be_read(tmp_path: Path) -> None:
    first = rendered(USUAL, FontFiles(), tmp_path / "pdf")
    [kept] = (tmp_path / "pdf").glob("*.pdf")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"from the file")
    assert rendered(USUAL, FontFiles(), tmp_path / "pdf") == b"from the file"
    assert rendered(replace(USUAL, mark="Lunas"), FontFiles(), tmp_path / "pdf") != first
    (tmp_path / "file").write_text("in the way")
    assert rendered(USUAL, FontFiles(), tmp_path / "file" / "pdf") == first


def test_what_was_drawn_long_ago_is_let_go_of_once_a_day(tmp_path: Path) -> None:
    old, young = tmp_path / "old.pdf", tmp_path / "young.pdf"
    for path, days in ((old, 31), (young, 29)):
        path.write_bytes(b"")
        at = tmp_path.stat().st_mtime - days * 86_400
        os.utime(path, (at, at))
    rendered(USUAL, FontFiles(), tmp_path)
    assert (old.exists(), young.exists()) == (False, True)
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    rendered(replace(USUAL, mark="Lunas"), FontFiles(), tmp_path)
    assert old.exists()  # looked at again tomorrow
    os.utime(tmp_path / ".swept", (0, 0))
    rendered(replace(USUAL, mark="lunas"), FontFiles(), tmp_path)
    assert not old.exists()


def test_a_table_of_many_rows_repeats_its_headings_and_keeps_every_row() -> None:
    """ICON-11."""
    columns = [PaperColumn("Nomor", 2), PaperColumn("Nama", 3), PaperColumn("Total", 1, "right")]
    rows = [(f"INV-{index:04}", "Siti " * (index % 30), f"{index}.000") for index in range(200)]
    paper = read_pdf(table_pdf("Tagihan", ["Januari 2026"], columns, rows, sums=("Jumlah", "", "9"), foot="hash 1234"))
    assert len(paper.pages) > 3
    assert all("Nomor" in text and "hash 1234" in text for text in paper.pages)
    assert all(f"INV-{index:04}" in paper.text for index in range(200))
    assert "Jumlah" in paper.pages[-1]
