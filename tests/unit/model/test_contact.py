"""Telephone numbers and e-mail addresses."""

import pytest

from netbilld.model.contact import parse_email, parse_phone
from netbilld.model.errors import InvalidInputError


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("081234567890", "+6281234567890"),
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("62812.3456.7890", "+6281234567890"),
        ("81234567890", "+6281234567890"),
        ("0062 812 3456 7890", "+6281234567890"),
        ("(021) 555-0123", "+62215550123"),
        ("0341 123456", "+62341123456"),
        ("+1 202 555 0143", "+12025550143"),
        ("+65 6123 4567", "+6561234567"),
    ],
)
def test_a_number_is_stored_as_e164_however_it_is_written(written: str, stored: str) -> None:
    """BANG-2.1a: the form validates Indonesian phone numbers."""
    assert parse_phone(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0812",
        "0812345678901234",
        "+6281234",
        "+62 11 1234567",
        "abc",
        "0812x4567890",
        "+0123456789",
        "٠٨١٢٣٤٥٦٧٨٩٠",
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    """BANG-2.1a."""
    with pytest.raises(InvalidInputError, match="phone"):
        parse_phone(written)


@pytest.mark.parametrize("written", ["budi@example.org", "admin@localhost", " a.b+c@sub.example.co.id "])
def test_an_address_loses_only_the_spaces_around_it(written: str) -> None:
    assert parse_email(written) == written.strip()


@pytest.mark.parametrize("written", ["", "budi", "@example.org", "a@b@c", "a b@c.org", "a@", "<a@b.org>", "a@b..org"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match="e-mail"):
        parse_email(written)
