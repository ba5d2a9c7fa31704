"""Reads single values out of a plan file, strictly: the first thing wrong ends it with one line that names it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from netbilld.billing.hours import DAY_MINUTES, WEEK_MINUTES, parse_hours
from netbilld.billing.plan_file.grammar import (
    DURATION,
    HOURS_LIMIT,
    HOURS_LINES_LIMIT,
    KEYS,
    LIST_LIMIT,
    LISTS,
    PRICE_LIMIT_MINOR,
    SECONDS_PER,
)
from netbilld.billing.plan_file.lines import line_of
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import currency_exponent, parse_amount, parse_octets, parse_rate_bps

_T = TypeVar("_T")


class TomlTable:
    """A TOML table and its dotted name; one of several of that name has a number: `happy[2]`."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.values, self.name = values, name

    def path(self, key: str) -> str:
        """Return the dotted name of a key of it."""
        return f"{self.name}.{key}" if self.name else key

    def get(self, key: str) -> Any:
        """Return the key's value, None where it is absent; TOML has no null."""
        return self.values.get(key)


class Reader:
    """The values of one file."""

    def __init__(self, text: str, source_name: str, currency: str) -> None:
        self._text, self._source, self.currency = text, source_name, currency

    # -- tables ------------------------------------------------------------------------------------------------------

    def table(self, table: TomlTable, key: str) -> TomlTable | None:
        """Return a table within one, None where it is absent."""
        return None if table.get(key) is None else self.needed_table(table, key)

    def needed_table(self, table: TomlTable, key: str) -> TomlTable:
        """Return a table within one."""
        value = table.get(key)
        if not isinstance(value, dict):
            said = "is missing" if value is None else f"{shown(value)} is not a table"
            self.refuse(table.path(key), f"{said}; allowed: a table of keys and values")
        return TomlTable(value, table.path(key))

    def tables(self, table: TomlTable, key: str) -> list[TomlTable]:
        """Return the tables of a list, in order; none where it is absent."""
        value = table.get(key)
        if value is None:
            return []
        path = table.path(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            written = f"[[{path}]]" if path in LISTS else f"{key} = [{{ … }}, {{ … }}]"
            self.refuse(path, f"{shown(value)} is not a list of tables; write it as {written}")
        if not 0 < len(value) <= LIST_LIMIT:
            self.refuse(path, f"allowed: 1 to {LIST_LIMIT} of them; leave it out for none")
        return [TomlTable(one, f"{path}[{number}]") for number, one in enumerate(value, 1)]

    # -- texts and numbers ---------------------------------------------------------------------------------------------

    def text(self, table: TomlTable, key: str) -> str:
        """Return a text."""
        value = table.get(key)
        if value is None:
            self.refuse(table.path(key), "is missing", table.name)
        if not isinstance(value, str):
            self.refuse(table.path(key), f"{shown(value)} is not text in quotes")
        return value

    def texts(self, table: TomlTable, key: str) -> list[str]:
        """Return a list of texts."""
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            said = "is missing" if value is None else f"{shown(value)} is not allowed"
            self.refuse(table.path(key), f'{said}; allowed: a list of texts, as ["…", "…"]', table.name)
        return list(value)

    def matching(self, table: TomlTable, key: str, pattern: re.Pattern[str], allowed: str) -> str:
        """Return a text that matches as a whole."""
        value = self.text(table, key)
        if not pattern.fullmatch(value):
            self.refuse(table.path(key), f"{shown(value)} is not allowed; allowed: {allowed}")
        return value

    def name(self, table: TomlTable, key: str = "name") -> str:
        """Return a name that people see."""
        value = self.text(table, key).strip()
        if not 0 < len(value) <= 200 or not value.isprintable():
            self.refuse(table.path(key), "allowed: 1 to 200 characters, on one line")
        return value

    def one_of(self, table: TomlTable, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return one of the words that are allowed."""
        if default is not None and table.get(key) is None:
            return default
        value = self.text(table, key)
        if value not in allowed:
            offered = ", ".join(f'"{word}"' for word in allowed)
            self.refuse(table.path(key), f"{shown(value)} is not allowed; allowed: {offered}")
        return value

    def flag(self, table: TomlTable, key: str) -> bool | None:
        """Return true or false, None where it is absent."""
        value = table.get(key)
        if not isinstance(value, bool | None):
            self.refuse(table.path(key), f"{shown(value)} is not allowed; allowed: true, false")
        return value

    def whole(self, table: TomlTable, key: str, value: Any, least: int, most: int) -> int:
        """Return a whole number between two."""
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            said = "is missing" if value is None else f"{shown(value)} is not allowed"
            self.refuse(table.path(key), f"{said}; allowed: a whole number from {least} to {most}", table.name)
        return value

    # -- units ---------------------------------------------------------------------------------------------------------

    def rate(self, table: TomlTable, key: str) -> int:
        """Return a speed in bit/s."""
        return self._parsed(table, key, str | int, parse_rate_bps)

    def octets(self, table: TomlTable, key: str) -> int:
        """Return a volume in octets."""
        return self._parsed(table, key, str, parse_octets)

    def seconds(self, table: TomlTable, key: str) -> int:
        """Return a time online in seconds, written as "100h" or "30m"."""
        allowed = f'"30m", "100h", up to {HOURS_LIMIT} hours'
        written = self.matching(table, key, DURATION, allowed)
        seconds = int(written[:-1]) * SECONDS_PER[written[-1]]
        if seconds > HOURS_LIMIT * SECONDS_PER["h"]:
            self.refuse(table.path(key), f"{shown(written)} is not allowed; allowed: {allowed}")
        return seconds

    def price(self, table: TomlTable, key: str) -> int:
        """Return a price in minor units."""
        exponent = currency_exponent(self.currency)
        value = table.get(key)
        whole = "a whole number" if exponent == 0 else f"a number with at most {exponent} decimals"
        allowed = f"allowed: {whole} of {self.currency}, 0 or more"
        if value is None:
            self.refuse(table.path(key), f"is missing; {allowed}", table.name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal if exponent else int):
            self.refuse(table.path(key), f"{shown(value)} is not a price; {allowed}")
        try:
            price_minor = parse_amount(str(value), self.currency)
        except InvalidInputError:
            self.refuse(table.path(key), f"{shown(value)} is not a price; {allowed}")
        if not 0 <= price_minor <= PRICE_LIMIT_MINOR:
            self.refuse(table.path(key), f"{shown(value)} is not a price; {allowed}, at most {PRICE_LIMIT_MINOR}")
        return price_minor

    def hours(self, table: TomlTable, key: str, hint: str) -> tuple[list[str], list[list[int]]]:
        """Return lines such as `mon-fri 08:00-17:00` and the spans they say; the whole week is one span of it."""
        lines = self.texts(table, key)
        if not 0 < len(lines) <= HOURS_LINES_LIMIT:
            self.refuse(table.path(key), f"allowed: 1 to {HOURS_LINES_LIMIT} lines; {hint}")
        try:
            spans = parse_hours(lines)
        except InvalidInputError as error:
            self.refuse(table.path(key), str(error))
        return lines, [list(span) for span in spans or ((0, WEEK_MINUTES),)]

    def _parsed(self, table: TomlTable, key: str, kinds: Any, parse: Callable[[Any], _T]) -> _T:
        value = table.get(key)
        if value is None:
            self.refuse(table.path(key), "is missing", table.name)
        if isinstance(value, bool) or not isinstance(value, kinds):
            self.refuse(table.path(key), f'{shown(value)} is not allowed; write it in quotes with its unit, as "20M"')
        try:
            return parse(value)
        except InvalidInputError as error:
            self.refuse(table.path(key), str(error))

    # -- what is wrong -------------------------------------------------------------------------------------------------

    def refuse_unknown(self, values: Mapping[str, Any], name: str = "", kind: str = "") -> None:
        """Before anything else: a key that is spelt wrong must not be told as another one that is missing."""
        for key, value in values.items():
            path = f"{name}.{key}" if name else key
            below = f"{kind}.{key}" if kind else key
            if key not in KEYS[kind]:
                where = f"in [{'[' + kind + ']' if kind in LISTS else kind}]" if kind else "at the top"
                self.refuse(path, f"unknown key; allowed {where}: {', '.join(KEYS[kind])}")
            if below in KEYS:
                for table_name, table in _tables_in(value, path):
                    self.refuse_unknown(table, table_name, below)

    def refuse(self, path: str, problem: str, near: str | None = None) -> NoReturn:
        """End with the line that names file, line, key and problem; `near` is where a missing key would stand."""
        line = line_of(self._text, path) or (line_of(self._text, near) if near else None) or 1
        raise InvalidInputError(f"{self._source}: line {line}: {path}: {problem}", code="bad_plan")


def shown(value: object) -> str:
    """Return a value as it is shown in an error."""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"


def minute_words(minute: int) -> str:
    """Return a minute of the week for people: `sat 06:00`."""
    day, rest = divmod(minute, DAY_MINUTES)
    return f"{('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')[day % 7]} {rest // 60:02d}:{rest % 60:02d}"


def _tables_in(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            if isinstance(one, dict):
                yield f"{path}[{number}]", one
