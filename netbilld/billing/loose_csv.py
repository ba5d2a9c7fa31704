"""CSV as banks and gateways give it: a heading somewhere, any delimiter, amounts in their own spelling."""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from netbilld.model.errors import InvalidInputError
from netbilld.model.units import currency_exponent

SEARCHED: Final = 60  # lines before the headings
_TALLEST: Final = 10  # lines of one row, whose quoted text may go on
_UNFINISHED: Final = "unexpected end of data"
_AMOUNT_LIMIT_MINOR: Final = 10**15


class LooseCsv:
    """The records of a file."""

    def __init__(self, lines: Sequence[str], delimiter: str = "") -> None:
        """Take lines, and what stands between cells; empty takes what is likely."""
        self._lines = lines
        self._delimiter = delimiter or self._likely_delimiter()

    def records(self, first: int = 0) -> Iterator[tuple[int, tuple[str, ...] | str]]:
        """Yield line and cells of each record from a line on; in the place of cells, what is wrong with its quotes."""
        at = first
        while at < len(self._lines):
            for size in range(1, _TALLEST + 1):
                try:
                    records = list(csv.reader(self._lines[at : at + size], delimiter=self._delimiter, strict=True))
                except csv.Error as error:
                    if _UNFINISHED in str(error) and at + size < len(self._lines):
                        continue
                    yield at + 1, f"not valid CSV: {error}"
                    at += 1
                    break
                yield at + 1, tuple(records[0]) if records else ()
                at += size
                break
            else:
                yield at + 1, "a quote that does not end"
                at += 1

    def columns(
        self, named: Mapping[str, str], is_enough: Callable[[Collection[str]], bool]
    ) -> tuple[dict[str, int], int] | None:
        """Return where the columns are that a line of headings names, and the line after it; None where none does.

        Args:
            named: headings by key, several that may be with `|` between, without regard to case.
            is_enough: tells whether a line that names these keys is the one.
        """
        for line, cells in self.records():
            if isinstance(cells, str):
                continue
            headings = [" ".join(cell.casefold().split()) for cell in cells]
            found = {key: at for key, name in named.items() if name and (at := _at(name, headings)) is not None}
            if is_enough(found.keys()):
                return found, line
            if line > SEARCHED:
                break
        return None

    def _likely_delimiter(self) -> str:
        head = "".join(self._lines[:SEARCHED])
        return max(",;\t", key=head.count)


def written_minor(text: str, decimal: str, currency: str) -> tuple[int, str]:
    """Return an amount as it is written, in minor units and with its sign, and the mark that stood with it.

    Args:
        text: such as `Rp 1.250.000,00`, `(2,675)` or `150.000 CR`.
        decimal: the mark before decimals; the other one stands between thousands.
        currency: of it.

    Raises:
        InvalidInputError: it is none, has more decimals than the currency, or is absurd.
    """
    between = "," if decimal == "." else "."
    cleaned = text.upper().replace("RP", "").replace("IDR", "").replace("\N{NO-BREAK SPACE}", " ").strip()
    found = re.fullmatch(
        rf"(?P<open>\()?(?P<sign>[+-])?\s*(?P<whole>\d{{1,3}}(?:{re.escape(between)}\d{{3}})+|\d+)"
        rf"(?:{re.escape(decimal)}(?P<rest>\d+))?(?P<close>\))?\s*(?P<back>[+-])?\s*(?P<mark>[A-Z]+)?",
        cleaned,
    )
    if not found or bool(found["open"]) != bool(found["close"]):
        raise InvalidInputError(f"amount {text[:40]!r} is not a number as this mapping has them")
    exponent, rest = currency_exponent(currency), found["rest"] or ""
    if rest[exponent:].strip("0"):
        raise InvalidInputError(f"amount {text[:40]!r}: {currency} has {exponent} decimals")
    scaled = int(found["whole"].replace(between, "")) * 10**exponent
    minor = scaled + int((rest[:exponent] or "0").ljust(exponent, "0") or "0")
    if minor >= _AMOUNT_LIMIT_MINOR:
        raise InvalidInputError(f"amount {text[:40]!r} is absurd")
    is_below = "-" in {found["sign"], found["back"]} or bool(found["open"])
    return -minor if is_below else minor, found["mark"] or ""


def _at(names: str, headings: Sequence[str]) -> int | None:
    for name in names.split("|"):
        wanted = " ".join(name.casefold().split())
        if wanted in headings:
            return headings.index(wanted)
    return None
