"""Amounts in words."""

import pytest

from netbilld.billing.terbilang import in_words, terbilang


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "nol rupiah"),
        (11, "sebelas rupiah"),
        (15, "lima belas rupiah"),
        (21, "dua puluh satu rupiah"),
        (100, "seratus rupiah"),
        (111, "seratus sebelas rupiah"),
        (115, "seratus lima belas rupiah"),
        (1000, "seribu rupiah"),
        (1001, "seribu satu rupiah"),
        (1100, "seribu seratus rupiah"),
        (11000, "sebelas ribu rupiah"),
        (21000, "dua puluh satu ribu rupiah"),
        (101000, "seratus satu ribu rupiah"),
        (111000, "seratus sebelas ribu rupiah"),
        (275000, "dua ratus tujuh puluh lima ribu rupiah"),
        (305250, "tiga ratus lima ribu dua ratus lima puluh rupiah"),
        (1000000, "satu juta rupiah"),
        (1001000, "satu juta seribu rupiah"),
        (1111111, "satu juta seratus sebelas ribu seratus sebelas rupiah"),
        (12345678, "dua belas juta tiga ratus empat puluh lima ribu enam ratus tujuh puluh delapan rupiah"),
        (1000000000, "satu miliar rupiah"),
        (2000001001, "dua miliar seribu satu rupiah"),
        (1000000000000, "satu triliun rupiah"),
    ],
)
def test_terbilang(amount: int, text: str) -> None:
    assert terbilang(amount) == text


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (275_000, "IDR", "id", "Dua ratus tujuh puluh lima ribu rupiah"),
        (275_000, "IDR", "en", "Two hundred seventy-five thousand rupiah"),
        (12_50, "USD", "en", "Twelve US dollars and fifty cents"),
        (12_50, "USD", "id", "Dua belas dolar Amerika Serikat lima puluh sen"),
        (1_019, "JPY", "en", "One thousand nineteen yen"),
        (-5_000, "IDR", "id", "Minus lima ribu rupiah"),
        (0, "IDR", "en", "Zero rupiah"),
    ],
)
def test_other_languages_and_currencies_have_their_words(amount: int, currency: str, locale: str, text: str) -> None:
    assert in_words(amount, currency, locale) == text


def test_a_language_without_words_has_none() -> None:
    assert in_words(1, "THB", "th") is None
