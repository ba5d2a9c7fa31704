"""A router's console: lines of RouterOS's own language, typed or imported, carried out on its menus (manual, page Scripting).

What the printed configuration of a provider needs: menus and commands with quoted values, `[find …]`, `:if`, `:do`,
`:local`, `:foreach`, `:put`. What is not understood is an error that names the line.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tests.routeros.console_text import ScriptError, Text
from tests.routeros.store import Item, Row, Store, Table, TrapError
from tests.routeros.values import boolean

Result = str | list[str]

_VERBS: Final = frozenset(
    [
        "add",
        "set",
        "remove",
        "enable",
        "disable",
        "move",
        "unset",
        "print",
        "find",
        "get",
        "export",
        "comment",
        "reset-counters",
        "monitor",
        "reset",
        "edit",
    ]
)
_OPERATORS: Final[dict[str, Callable[[str, str], bool | str]]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: _number(one) < _number(other),
    ">": lambda one, other: _number(one) > _number(other),
    "<=": lambda one, other: _number(one) <= _number(other),
    ">=": lambda one, other: _number(one) >= _number(other),
    "~": lambda one, other: re.search(other, one) is not None,
    "+": lambda one, other: str(_number(one) + _number(other)),
    "-": lambda one, other: str(_number(one) - _number(other)),
    ".": lambda one, other: one + other,
    "&&": lambda one, other: _true(one) and _true(other),
    "and": lambda one, other: _true(one) and _true(other),
    "||": lambda one, other: _true(one) or _true(other),
    "or": lambda one, other: _true(one) or _true(other),
}  # fmt: skip
_LOOSEST_FIRST: Final = (("||", "or"), ("&&", "and"), ("=", "!=", "<=", ">=", "<", ">", "~"), ("+", "-", "."))


class Terminal:
    """What a person with all rights types.

    Attributes:
        printed: what `:put` and `:log` said.
    """

    def __init__(self, store: Store, changed: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._changed = changed
        self._menu = ""  # what a command in brackets begins in
        self.printed: list[str] = []

    def feed(self, script: str) -> None:
        """Carry out a script, line by line.

        Raises:
            ScriptError: something is not understood or refused; what stood before it has been done.
        """
        self._run(Text(script), {}, "")
        self._changed()

    def _run(self, text: Text, variables: dict[str, str], context: str) -> None:
        while text.to_statement():
            start = text.at
            try:
                context = self._statement(text, variables, context)
            except (TrapError, re.error) as error:
                raise ScriptError(f"line {text.line_of(start)}: {error}: {text.excerpt(start)}") from None
            text.end_of_statement()

    # -- statements ----------------------------------------------------------------------------------------------------

    def _statement(self, text: Text, variables: dict[str, str], context: str) -> str:
        """Carry out one statement and return the menu that the next one begins in."""
        self._menu = context
        if text.peek() == ":":
            self._control(text, variables, context)
            return context
        if text.peek() == "{":
            self._run(Text(text.block(), text), dict(variables), context)
            return context
        path, verb = self._menu_and_verb(text, context)
        if verb is None:
            if text.peek() == "{":
                self._run(Text(text.block(), text), dict(variables), path)
                return context
            return path
        self._command(text, variables, path, verb)
        return context

    def _menu_and_verb(self, text: Text, context: str) -> tuple[str, str | None]:
        path = context
        if text.peek() == "/":
            path = ""
        while True:
            text.spaces()
            word = text.word_ahead()
            if not word:
                return path, None
            if word.startswith("/"):
                path = ""
            parts = [part for part in word.split("/") if part]
            if parts and parts[-1] in _VERBS and path + "".join(f"/{part}" for part in parts) not in self._store.tables:
                text.skip(len(word))
                path += "".join(f"/{part}" for part in parts[:-1])
                self._known(path)
                return path, parts[-1]
            step = "".join(f"/{part}" for part in parts)
            if not any(known == path + step or known.startswith(path + step + "/") for known in self._store.tables):
                raise TrapError(f"bad command name {word}")
            text.skip(len(word))
            path += step

    def _known(self, path: str) -> None:
        if path not in self._store.tables:
            raise TrapError(f"bad command name {path.rpartition('/')[2]}")

    def _command(self, text: Text, variables: dict[str, str], path: str, verb: str) -> Result:
        table = self._store[path]
        self._menu = path
        if verb == "find":
            return self._find(text, variables, table)
        if verb in {"print", "export", "monitor"}:
            text.rest_of_command()
            return ""
        free, said = self._arguments(text, variables)
        if verb == "get":
            return self._get(table, free)
        if verb == "add":
            before = said.pop("place-before", None)
            if free:
                raise TrapError(f"unexpected {free[0]}")
            return table.add(_texts(said), place_before=_first(before)).id
        if table.menu.single:
            if verb != "set":
                raise TrapError(f"bad command name {verb}")
            table.set(table.only, _texts(said))
            return ""
        for item in self._chosen(table, free, said):
            self._change(table, verb, item, said, free)
        return ""

    def _chosen(self, table: Table, free: list[Result], said: dict[str, Result]) -> list[Item]:
        named: Result | None = said.pop("numbers", None)
        if named is None:
            if not free:
                raise TrapError("missing value(s) of argument(s) numbers")
            named = free.pop(0)
        references = named if isinstance(named, list) else [part for part in named.split(",") if part]
        found = []
        for reference in references:
            if reference.isdecimal() and not any(item.get("name") == reference for item in table.items):
                if int(reference) >= len(table.items):
                    raise TrapError("no such item")
                found.append(table.items[int(reference)])
            else:
                found.append(table.find(reference))
        return found

    def _change(self, table: Table, verb: str, item: Item, said: dict[str, Result], free: list[Result]) -> None:
        if verb == "set":
            table.set(item, _texts({name: value for name, value in said.items() if name != "place-before"}))
        elif verb == "remove":
            table.remove(item)
        elif verb in {"enable", "disable"}:
            table.set(item, {"disabled": "no" if verb == "enable" else "yes"})
        elif verb == "comment":
            table.set(item, {"comment": _text(said.get("comment", ""))})
        elif verb == "move":
            table.move(item, _first(said.get("destination") or (free[0] if free else None)))
        elif verb == "unset":
            table.unset(item, _text(free[0]))
        elif verb != "reset-counters":
            raise TrapError(f"bad command name {verb}")

    def _arguments(self, text: Text, variables: dict[str, str]) -> tuple[list[Result], dict[str, Result]]:
        free: list[Result] = []
        said: dict[str, Result] = {}
        while text.to_argument():
            name = text.argument_name()
            if name is None:
                free.append(self._value(text, variables))
            elif name in said:
                raise TrapError(f"{name} is said twice")
            else:
                said[name] = self._value(text, variables)
        return free, said

    def _get(self, table: Table, free: list[Result]) -> str:
        names = list(free)
        item = table.only if table.menu.single else self._chosen(table, names, {})[0]
        if not names:
            raise TrapError("missing value(s) of argument(s) value-name")
        return table.row(item).get(_text(names[0]), "")

    def _find(self, text: Text, variables: dict[str, str], table: Table) -> list[str]:
        conditions: list[Callable[[Row], bool]] = []
        while text.to_argument():
            if text.take_word("where") or text.take_word("and"):
                continue
            conditions.append(self._condition(text, variables, table))
        return [item.id for item, row in table.rows() if all(holds(row) for holds in conditions)]

    def _condition(self, text: Text, variables: dict[str, str], table: Table) -> Callable[[Row], bool]:
        if text.peek() == "(":
            inner = Text(text.group("(", ")"), text)
            return self._any_of(inner, variables, table)
        is_not = text.take("!")
        name = text.name()
        known = {
            *table.menu.shown.split(),
            *(word.partition("=")[0].partition("@")[0] for word in table.menu.settable.split()),
        }
        if name not in known | {"dynamic", "disabled", "invalid", ".id"}:
            raise TrapError(f"bad parameter {name}")
        operator = text.operator()
        if operator is None:
            return lambda row: (row.get(name, "false") != "false") != is_not
        value = _as_printed(_text(self._value(text, variables)), table, name)
        compare = _OPERATORS[operator]
        return lambda row: bool(compare(row.get(name, ""), value)) != is_not

    def _any_of(self, text: Text, variables: dict[str, str], table: Table) -> Callable[[Row], bool]:
        groups: list[list[Callable[[Row], bool]]] = [[]]
        while text.to_argument():
            if text.take_word("or") or text.take("||"):
                groups.append([])
            elif not (text.take_word("and") or text.take("&&")):
                groups[-1].append(self._condition(text, variables, table))
        return lambda row: any(all(holds(row) for holds in group) for group in groups)

    # -- control -------------------------------------------------------------------------------------------------------

    def _control(self, text: Text, variables: dict[str, str], context: str) -> None:
        text.take(":")
        word = text.name()
        if word == "if":
            text.spaces()
            holds = _true(self._expression(Text(text.group("(", ")"), text), variables))
            blocks = self._blocks(text)
            if "do" not in blocks:
                raise TrapError(":if without do={}")
            chosen = blocks["do"] if holds else blocks.get("else")
            if chosen is not None:
                self._run(Text(chosen, text), variables, context)
        elif word == "do":
            text.spaces()
            body, blocks = text.block(), self._blocks(text)
            try:
                self._run(Text(body, text), variables, context)
            except ScriptError:
                if "on-error" not in blocks:
                    raise
                self._run(Text(blocks["on-error"], text), variables, context)
        elif word in {"local", "global", "set"}:
            text.spaces()
            name = text.name()
            text.spaces()
            variables[name] = _text(self._value(text, variables)) if text.to_argument() else ""
        elif word == "foreach":
            self._foreach(text, variables, context)
        elif word in {"put", "log", "error", "delay"}:
            free, _ = self._arguments(text, variables)
            if word == "error":
                raise TrapError(" ".join(map(_text, free)))
            if word != "delay":
                self.printed.append(" ".join(map(_text, free)))
        else:
            raise TrapError(f"bad command name :{word}")

    def _foreach(self, text: Text, variables: dict[str, str], context: str) -> None:
        text.spaces()
        name = text.name()
        text.spaces()
        if text.argument_name() != "in":
            raise TrapError(":foreach without in=")
        values = self._value(text, variables)
        body = self._blocks(text).get("do", "")
        for value in values if isinstance(values, list) else [part for part in values.split(";") if part]:
            self._run(Text(body, text), {**variables, name: value}, context)

    def _blocks(self, text: Text) -> dict[str, str]:
        found = {}
        while text.to_argument():
            name = text.argument_name()
            if name not in {"do", "else", "on-error"} or text.peek() != "{":
                raise TrapError(f"unexpected {text.excerpt(text.at)}")
            found[name] = text.block()
        return found

    # -- values --------------------------------------------------------------------------------------------------------

    def _value(self, text: Text, variables: dict[str, str]) -> Result:
        sign = text.peek()
        if sign == '"':
            return text.quoted(variables, lambda inner: _text(self._substitution(Text(inner, text), variables)))
        if sign == "[":
            return self._substitution(Text(text.group("[", "]"), text), variables)
        if sign == "(":
            return self._expression(Text(text.group("(", ")"), text), variables)
        if sign == "{":
            return text.block()
        if sign == "$":
            return text.variable(variables)
        return text.bare()

    def _substitution(self, text: Text, variables: dict[str, str]) -> Result:
        """Carry out what stands in brackets and return what it gives."""
        text.to_statement()
        if text.take(":"):
            word = text.name()
            text.spaces()
            if word in {"len", "tostr", "tonum", "pick"}:
                value = self._value(text, variables)
                if word == "pick":
                    text.spaces()
                    place = int(_text(self._value(text, variables)))
                    return value[place : place + 1]
                return str(len(value)) if word == "len" else value
            raise TrapError(f"bad command name :{word}")
        menu = self._menu
        path, verb = self._menu_and_verb(text, menu)
        if verb is None:
            raise TrapError("expected a command")
        try:
            return self._command(text, variables, path, verb)
        finally:
            self._menu = menu

    def _expression(self, text: Text, variables: dict[str, str]) -> str:
        parts: list[str] = []
        while text.to_argument():
            if (operator := text.operator(words=True)) is not None:
                parts.append("\0" + operator)
            elif text.take("!"):
                parts.append("\0!")
            else:
                value = self._value(text, variables)
                parts.append(";".join(value) if isinstance(value, list) else value)
        return _reduced(parts)


def _reduced(parts: list[str]) -> str:
    """Return what an expression of values and operators (each with a NUL before it) comes to."""
    for level in _LOOSEST_FIRST:
        for place in range(len(parts) - 1, -1, -1):
            if parts[place][:1] == "\0" and parts[place][1:] in level:
                found = _OPERATORS[parts[place][1:]](_reduced(parts[:place]), _reduced(parts[place + 1 :]))
                return found if isinstance(found, str) else "true" if found else "false"
    if parts and parts[0] == "\0!":
        return "false" if _true(_reduced(parts[1:])) else "true"
    return parts[0] if parts else ""


def _true(value: str) -> bool:
    try:
        return boolean(value) == "true"
    except ValueError:
        raise TrapError(f"{value!r} is neither true nor false") from None


def _number(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise TrapError(f"{value!r} is no number") from None


def _as_printed(text: str, table: Table, name: str) -> str:
    """Return a value as the menu prints it: `disabled=no` finds what is printed as false."""
    kind = table.menu.kinds.get(name)
    if kind is None:
        return {"yes": "true", "no": "false"}.get(text, text) if name in {"dynamic", "invalid", "radius"} else text
    try:
        return kind(text)
    except ValueError:
        return text


def _text(value: Result) -> str:
    return ",".join(value) if isinstance(value, list) else value


def _texts(said: Mapping[str, Result]) -> dict[str, str]:
    return {name: _text(value) for name, value in said.items()}


def _first(value: Result | None) -> str | None:
    """Return the entry to stand before; none where `[find …]` found nothing."""
    if isinstance(value, list):
        return value[0] if value else None
    return value
