"""How our accounts are called by an accountant: number and name for each, or for all of a sort."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET
from netbilld.model.errors import InvalidInputError

COLUMNS: Final = ("account", "number", "name")
OF_PERSONS: Final = frozenset({RECEIVABLE, WALLET, DEPOSITS, "collector"})


@dataclass(frozen=True, slots=True)
class MappedAccount:
    """An accountant's account: of one code of ours, or of all that begin like `wallet:*`."""

    pattern: str
    number: str
    name: str


class AccountMap:
    """Finds the accountant's account of a code: the code itself before a sort, a longer beginning before a shorter."""

    def __init__(self, mapped: Iterable[MappedAccount] = ()) -> None:
        self._exact: dict[str, MappedAccount] = {}
        self._sorts: dict[str, MappedAccount] = {}
        for one in mapped:
            if one.pattern.endswith("*"):
                self._sorts[one.pattern[:-1]] = one
            else:
                self._exact[one.pattern] = one

    def of(self, code: str) -> MappedAccount | None:
        """Return the accountant's account; None where the map has none."""
        if code in self._exact:
            return self._exact[code]
        fitting = [begins for begins in self._sorts if code.startswith(begins)]
        return self._sorts[max(fitting, key=len)] if fitting else None


def account_map(rows: Sequence[Sequence[str]], source: str) -> AccountMap:
    """Return the map that a table says: account, number and name, with that heading.

    Raises:
        InvalidInputError: a column or a value is missing, or an account stands twice.
    """
    if not rows or tuple(cell.strip().lower() for cell in rows[0][: len(COLUMNS)]) != COLUMNS:
        raise InvalidInputError(
            f"{source}: the first line is account,number,name", hint="`netbilld ledger chart --csv` writes a beginning"
        )
    mapped: dict[str, MappedAccount] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        pattern, number, name = ([cell.strip() for cell in row] + ["", "", ""])[: len(COLUMNS)]
        if not pattern or not number:
            raise InvalidInputError(f"{source}, line {line}: an account and its number are needed")
        if "*" in pattern[:-1]:
            raise InvalidInputError(f"{source}, line {line}: {pattern!r} may have a * at its end alone")
        if pattern in mapped:
            raise InvalidInputError(f"{source}, line {line}: {pattern} stands twice")
        mapped[pattern] = MappedAccount(pattern, number, name)
    return AccountMap(mapped.values())


def sort_of(code: str) -> str:
    """Return a code as accountants keep it: those of persons in one, `wallet:*`, and any other as it is."""
    word = code.partition(":")[0]
    return f"{word}:*" if word in OF_PERSONS else code
