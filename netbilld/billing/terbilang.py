"""Amounts in words, as receipts have them: Indonesian *terbilang*, and English."""

from typing import Final

from netbilld.model.units import currency_exponent

LIMIT: Final = 10**15
_DIGITS: Final = (
    "",
    "satu",
    "dua",
    "tiga",
    "empat",
    "lima",
    "enam",
    "tujuh",
    "delapan",
    "sembilan",
    "sepuluh",
    "sebelas",
)
_GROUPS: Final = ((10**12, "triliun"), (10**9, "miliar"), (10**6, "juta"), (10**3, "ribu"))
_TO_NINETEEN: Final = (
    "",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ENGLISH_GROUPS: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
# currency: (its name, its hundredth) in words of each language
_CURRENCIES: Final = {
    "id": {
        "IDR": ("rupiah", ""),
        "USD": ("dolar Amerika Serikat", "sen"),
        "EUR": ("euro", "sen"),
        "MYR": ("ringgit", "sen"),
        "SGD": ("dolar Singapura", "sen"),
        "PHP": ("peso", "sentimo"),
        "THB": ("baht", "satang"),
        "JPY": ("yen", ""),
        "VND": ("dong", ""),
    },
    "en": {
        "IDR": ("rupiah", ""),
        "USD": ("US dollars", "cents"),
        "EUR": ("euros", "cents"),
        "MYR": ("ringgit", "sen"),
        "SGD": ("Singapore dollars", "cents"),
        "PHP": ("pesos", "centavos"),
        "THB": ("baht", "satang"),
        "JPY": ("yen", ""),
        "VND": ("dong", ""),
    },
}


def terbilang(amount_minor: int, currency: str = "IDR") -> str:
    """Return an amount in Indonesian words: `dua ratus tujuh puluh lima ribu rupiah`.

    Raises:
        ValueError: it is 10¹⁵ units or more.
    """
    return _amount(amount_minor, currency, "id")


def in_words(amount_minor: int, currency: str, locale: str) -> str | None:
    """Return an amount in words of a language, its first letter a capital; None for a language without any here."""
    language = locale.partition("_")[0]
    if language not in _CURRENCIES:
        return None
    text = _amount(amount_minor, currency, language)
    return text[0].upper() + text[1:]


def _amount(amount_minor: int, currency: str, language: str) -> str:
    whole, rest = divmod(abs(amount_minor), 10 ** currency_exponent(currency))
    if whole >= LIMIT:
        raise ValueError(f"{amount_minor} is more than there are words for")
    say = _indonesian if language == "id" else _english
    zero = "nol" if language == "id" else "zero"
    name, part_name = _CURRENCIES[language].get(currency, (currency, "/100"))
    text = f"{say(whole) or zero} {name}"
    if rest:
        text += f" {say(rest)} {part_name}" if language == "id" else f" and {say(rest)} {part_name}"
    return f"minus {text}" if amount_minor < 0 else text


def _indonesian(number: int) -> str:
    """Return a number in words, nothing for 0; a group of thousands that is 1 is `seribu` wherever it stands."""
    parts: list[str] = []
    rest = number
    for size, name in _GROUPS:
        count, rest = divmod(rest, size)
        if count == 1 and size == 1000:
            parts.append("seribu")
        elif count:
            parts.append(f"{_hundreds(count)} {name}")
    if rest:
        parts.append(_hundreds(rest))
    return " ".join(parts)


def _hundreds(number: int) -> str:
    """Return 1 to 999 in words."""
    hundreds, rest = divmod(number, 100)
    parts = [] if not hundreds else ["seratus" if hundreds == 1 else f"{_DIGITS[hundreds]} ratus"]
    if rest >= 20:
        tens, rest = divmod(rest, 10)
        parts.append(f"{_DIGITS[tens]} puluh")
    elif rest >= 12:
        parts.append(f"{_DIGITS[rest - 10]} belas")
        rest = 0
    if rest:
        parts.append(_DIGITS[rest])
    return " ".join(parts)


def _english(number: int) -> str:
    parts: list[str] = []
    rest = number
    for size, name in _ENGLISH_GROUPS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{_english_hundreds(count)} {name}")
    if rest:
        parts.append(_english_hundreds(rest))
    return " ".join(parts)


def _english_hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{_TO_NINETEEN[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        parts.append(_TENS[tens] + (f"-{_TO_NINETEEN[ones]}" if ones else ""))
    elif rest:
        parts.append(_TO_NINETEEN[rest])
    return " ".join(parts)
