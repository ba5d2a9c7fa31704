"""How documents write money, figures and days, in any locale that Babel knows and any currency of ours."""

from datetime import date
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal, get_currency_symbol

from netbilld.model.units import currency_exponent

_SYMBOLS: Final = {"IDR": "Rp", "USD": "US$", "MYR": "RM", "SGD": "S$"}
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class DocumentWriter:
    """Writes for one locale."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def money(self, amount_minor: int, currency: str) -> str:
        """Return `Rp275.000`, `US$12.50`, `-Rp5.000`; decimals as the currency has them."""
        exponent = currency_exponent(currency)
        whole, rest = divmod(abs(amount_minor), 10**exponent)
        text = format_decimal(whole, locale=self.locale)
        if exponent:
            mark = format_decimal("0.5", format="0.0", locale=self.locale)[1:2]
            text = f"{text}{mark}{rest:0{exponent}d}"
        symbol = _SYMBOLS.get(currency) or get_currency_symbol(currency, self.locale)
        gap = "\N{NO-BREAK SPACE}" if len(symbol) > 2 and symbol[-1] in _LETTERS else ""
        return f"{'-' if amount_minor < 0 else ''}{symbol}{gap}{text}"

    def number(self, value: int) -> str:
        """Return a whole number with its thousands marked."""
        return str(format_decimal(value, locale=self.locale))

    def part(self, numerator: int, denominator: int) -> str:
        """Return a quotient with at most three decimals: `12,345`."""
        thousandths = (2 * 1000 * numerator + denominator) // (2 * denominator)
        return str(format_decimal(f"{thousandths / 1000:.3f}", format="#,##0.###", locale=self.locale))

    def day(self, on: date) -> str:
        """Return `5 Januari 2026`; in other locales than Indonesian as they write it in full."""
        if self.locale.partition("_")[0] in {"id", "en"}:
            return str(format_date(on, "d MMMM y", locale=self.locale))
        return str(format_date(on, "long", locale=self.locale))
