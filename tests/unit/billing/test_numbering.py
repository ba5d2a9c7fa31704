"""Numbers of documents: how they are written, when they are counted anew, and what may not be a format."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.invoice import DocumentKind
from netbilld.billing.numbering import DEFAULT, ROMAN, NumberFormat, Numbering, Restart, file_name
from netbilld.model.errors import InvalidInputError

DAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("text", "number", "restart"),
    [
        ("INV-{YYYY}{MM}-{seq:06}", "INV-202601-000012", Restart.MONTHLY),
        ("INV/{YYYY}/{MM}/{seq:05}", "INV/2026/01/00012", Restart.MONTHLY),
        ("{seq:03}/INV/ISP-ABC/{roman}/{YYYY}", "012/INV/ISP-ABC/I/2026", Restart.MONTHLY),
        ("F{YY}-{seq}", "F26-12", Restart.YEARLY),
        ("{seq:08}", "00000012", Restart.NEVER),
    ],
)
def test_a_format_says_how_numbers_look_and_when_they_are_counted_anew(
    text: str, number: str, restart: Restart
) -> None:
    form = NumberFormat(text)
    assert (form.number(DAY, 12), form.restart) == (number, restart)


def test_roman_months_are_those_of_formal_letters() -> None:
    """specs: [vector] Roman 1-12."""
    form = NumberFormat("{seq}/{roman}/{YYYY}")
    assert [form.number(date(2026, month, 1), 1).split("/")[1] for month in range(1, 13)] == list(ROMAN)
    assert ROMAN == ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("INV-{YYYY}", "needs {seq} once"),
        ("{seq}-{seq}", "needs {seq} once"),
        ("INV-{MM}-{seq}", "needs the year too"),
        ("INV-{DD}-{seq}", "allowed: capital letters"),
        ("inv-{seq}", "allowed: capital letters"),
        ("INV {seq}", "allowed: capital letters"),
        ("INV{-{seq}", "allowed: capital letters"),
        ("X" * 34 + "{seq}", "longer than 40"),
    ],
)
def test_a_format_that_can_not_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        NumberFormat(text)


def test_each_kind_of_document_has_a_series_of_its_own() -> None:
    yearly = Numbering(credit_note=NumberFormat("NK-{YYYY}-{seq:04}"))
    assert yearly.series(DocumentKind.INVOICE, DAY) == "invoice:202601"
    assert yearly.series(DocumentKind.CREDIT_NOTE, DAY) == "credit_note:2026"
    assert yearly.number(DocumentKind.CREDIT_NOTE, DAY, 7) == "NK-2026-0007"
    assert DEFAULT.number(DocumentKind.CREDIT_NOTE, DAY, 7) == "CN-202601-000007"
    with pytest.raises(InvalidInputError, match="could bear an invoice's number"):
        Numbering(NumberFormat("A{seq:03}"), NumberFormat("A{seq:04}"))


def test_a_number_with_slashes_has_none_in_a_file_name() -> None:
    assert file_name("012/INV/I/2026") == "012-INV-I-2026"


formats = st.sampled_from(
    ["INV-{YYYY}{MM}-{seq:06}", "{seq}{roman}{YYYY}", "{YYYY}{seq}", "{seq}", "{seq}{YY}", "{seq}{MM}{YY}"]
)
days = st.dates(date(2020, 1, 1), date(2099, 12, 31))


@given(formats, days, days, st.integers(1, 10**6), st.integers(1, 10**6))
def test_two_documents_never_bear_one_number(text: str, one: date, two: date, first: int, second: int) -> None:
    numbering = Numbering(NumberFormat(text))
    kind = DocumentKind.INVOICE
    same = (numbering.series(kind, one), first) == (numbering.series(kind, two), second)
    assert (numbering.number(kind, one, first) == numbering.number(kind, two, second)) is same
