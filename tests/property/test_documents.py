"""What holds of documents whatever they say."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.adapters.documents.document_pdf import document_pdf
from netbilld.adapters.documents.fonts import HELVETICA
from netbilld.adapters.documents.sheet import Sheet
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.document_codes import CodedFacts, document_code, is_genuine, split_code
from tests.builders.documents import invoice, line, page

BOX = SecretBox(bytes(range(32)))
FACTS = st.builds(
    CodedFacts,
    st.sampled_from(("invoice", "credit_note", "receipt")),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/.", min_size=1, max_size=40),
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.sampled_from(("IDR", "USD")),
    st.integers(0, 10**12),
)


@given(st.text(st.characters(codec="cp1252", exclude_categories=("Cc", "Zl", "Zp")), max_size=300), st.integers(8, 200))
def test_wrapped_text_loses_no_letter_and_fits(text: str, width: int) -> None:
    sheet = Sheet(HELVETICA, "", "")
    lines = sheet.wrap(text, width, 9)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(sheet.measure(one, 9) <= width or len(one) == 1 for one in lines)


@settings(max_examples=40)
@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=40), max_size=4))
def test_any_text_gives_a_document(name: str, address: str, texts: list[str]) -> None:
    document = page(invoice(*(line(1, text) for text in texts)), buyer={"name": name, "address": address})
    assert document_pdf(document).startswith(b"%PDF-")


@given(FACTS, FACTS)
def test_a_code_is_of_its_own_document_and_of_no_other(facts: CodedFacts, other: CodedFacts) -> None:
    parts = split_code(document_code(BOX, facts))
    assert parts is not None
    number, mark = parts
    assert number == facts.number
    assert is_genuine(BOX, facts, mark)
    assert is_genuine(BOX, other, mark) == (other == facts)
    assert not is_genuine(SecretBox(bytes(32)), facts, mark)


@given(st.text(max_size=120))
def test_garbage_is_no_code(text: str) -> None:
    parts = split_code(text)
    if parts is not None:
        number, mark = parts
        assert not is_genuine(BOX, CodedFacts("invoice", number, date(2026, 1, 1), "IDR", 1), mark)
