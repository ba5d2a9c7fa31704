"""Money, octets and bit rates: how they are written, and the one statement of each currency's exponent."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from netbilld.model.errors import InvalidInputError

# ISO 4217's currencies by their decimals. It gives IDR two; nobody has used sen for decades, so a rupiah is the minor
# unit here.
_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF IDR ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
        "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR "
        "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCY_EXPONENTS: Final = {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}

_VOLUME_UNITS: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_RATE_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_QUANTITY: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*\Z")


def currency_exponent(currency: str) -> int:
    """Return how many decimals an amount of `currency` has; an unknown currency is refused."""
    try:
        return CURRENCY_EXPONENTS[currency]
    except KeyError:
        raise InvalidInputError(f"currency {currency!r} is not known; write its code, such as IDR or USD") from None


def parse_amount(text: str | int, currency: str) -> int:
    """Return minor units of a whole or decimal amount as a person writes it (`200000`, `Rp200.000`, `12.50` USD).

    With exponent 0 a dot or comma is a thousands mark and must stand before groups of three digits.
    """
    exponent = currency_exponent(currency)
    raw = str(text).strip()
    cleaned = raw.removeprefix("Rp").strip() if currency == "IDR" else raw
    if exponent == 0 and re.fullmatch(r"-?\d{1,3}(?:[.,]\d{3})+", cleaned):
        cleaned = cleaned.replace(".", "").replace(",", "")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        raise InvalidInputError(f"amount {raw!r} is not a number") from None
    decimals = amount.as_tuple().exponent
    scaled = amount.scaleb(exponent) if amount.is_finite() else amount
    # `200.00` rupiah may have been meant as anything: refused, not guessed
    if not isinstance(decimals, int) or -decimals > exponent or abs(scaled) >= 10**15:
        raise InvalidInputError(f"amount {raw!r}: {currency} takes at most {exponent} decimals and 15 digits")
    return int(scaled)


def written_amount(amount_minor: int, currency: str) -> str:
    """Return an amount as parse_amount takes it: `200000`, `12.50` USD."""
    return str(Decimal(amount_minor).scaleb(-currency_exponent(currency)))


def parse_octets(text: str) -> int:
    """Return octets of a volume such as `300GB` (10⁹) or `5GiB` (2³⁰)."""
    match = _QUANTITY.match(text)
    unit = match.group(2).upper() if match else ""
    if not match or unit not in _VOLUME_UNITS:
        raise InvalidInputError(f"volume {text!r}: write a number and a unit MB, GB, TB (10⁶…) or MiB, GiB, TiB (2²⁰…)")
    octets = Decimal(match.group(1)) * _VOLUME_UNITS[unit]
    if octets != octets.to_integral_value() or octets >= 2**63:
        raise InvalidInputError(f"volume {text!r} is not a whole number of octets below 2⁶³")
    return int(octets)


def parse_rate_bps(text: str | int) -> int:
    """Return bit/s of a speed such as `20M` (10⁶), `512k` or `1G`."""
    match = _QUANTITY.match(str(text))
    unit = match.group(2).upper() if match else "?"
    if not match or unit not in _RATE_UNITS:
        raise InvalidInputError(f"speed {text!r}: write a number and k, M or G (10³…), in bit/s")
    rate = Decimal(match.group(1)) * _RATE_UNITS[unit]
    if rate != rate.to_integral_value() or not 0 < rate < 10**13:
        raise InvalidInputError(f"speed {text!r} is not a whole number of bit/s between 1 and 10 T")
    return int(rate)


def half_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded half up, for numerator ≥ 0 and denominator > 0."""
    return (2 * numerator + denominator) // (2 * denominator)
