"""Amounts as a person reads them on a terminal, and days as they type them."""

import argparse
from datetime import date

from netbilld.model.units import currency_exponent


def shown(amount_minor: int, currency: str) -> str:
    """Return `Rp200.000` for rupiah, `USD 12.50` for others."""
    sign, exponent = "-" if amount_minor < 0 else "", currency_exponent(currency)
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    if currency == "IDR":
        return f"{sign}Rp{whole:,}".replace(",", ".")
    return f"{sign}{currency} {whole:,}" + (f".{rest:0{exponent}}" if exponent else "")


def day(text: str) -> date:
    """Return the day of an option's YYYY-MM-DD; for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day, write YYYY-MM-DD") from None


def count(text: str) -> int:
    """Return an option's whole number of 1 or more; for argparse."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
