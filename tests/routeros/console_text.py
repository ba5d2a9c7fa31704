"""The text of a script, read sign by sign: words, quoted values, groups in brackets."""

import re
from collections.abc import Callable, Mapping
from typing import Final

_BARE_ENDS: Final = frozenset(" \t\r\n;]})")
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_NAME: Final = re.compile(r"[\w.-]+")
_ARGUMENT: Final = re.compile(r"([A-Za-z.][\w.-]*)=")
_OPERATOR: Final = re.compile(r"!=|<=|>=|&&|\|\||[=<>~]")
_WORD_OPERATOR: Final = re.compile(r"!=|<=|>=|&&|\|\||[=<>~+.]|-(?=\s)|(?:and|or)\b")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "_": " "}


class ScriptError(Exception):
    """A line that the router does not understand or refuses."""


class Text:
    """Where a script is read.

    Args:
        script: the text; lines that end in a backslash go on.
        outer: what it was taken out of, so that an error names the right line.
    """

    def __init__(self, script: str, outer: "Text | None" = None) -> None:
        self.at = 0
        self._text = script if outer is not None else re.sub(r"\\\r?\n[ \t]*", " ", script)
        self._first_line = 1 if outer is None else outer.line_of(max(0, outer.at - len(script) - 1))

    def line_of(self, at: int) -> int:
        return self._first_line + self._text.count("\n", 0, at)

    def excerpt(self, at: int) -> str:
        return self._text[at : at + 100].partition("\n")[0]

    def peek(self) -> str:
        return self._text[self.at : self.at + 1]

    def skip(self, count: int) -> None:
        self.at += count

    def take(self, sign: str) -> bool:
        if self._text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def take_word(self, word: str) -> bool:
        if re.compile(rf"{word}(?![\w.=-])").match(self._text, self.at):
            self.at += len(word)
            return True
        return False

    def spaces(self) -> None:
        while self.peek() in {" ", "\t"}:
            self.at += 1

    def to_statement(self) -> bool:
        """Go to the next statement; False where there is none."""
        while self.peek() and self.peek() in " \t\r\n;#":
            if self.peek() == "#":
                end = self._text.find("\n", self.at)
                self.at = len(self._text) if end < 0 else end
            else:
                self.at += 1
        return bool(self.peek())

    def end_of_statement(self) -> None:
        self.spaces()
        if self.peek() and self.peek() not in "\r\n;":
            raise ScriptError(f"line {self.line_of(self.at)}: expected end of command: {self.excerpt(self.at)}")

    def to_argument(self) -> bool:
        """Go to the next word of this statement; False at its end."""
        self.spaces()
        return bool(self.peek()) and self.peek() not in "\r\n;"

    def rest_of_command(self) -> None:
        while self.peek() and self.peek() not in "\r\n;":
            self.at += 1

    def word_ahead(self) -> str:
        """Return the path or verb that comes next, without taking it."""
        match = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9/-]*").match(self._text, self.at)
        if match is None or self._text.startswith("=", match.end()):
            return ""
        return match[0]

    def name(self) -> str:
        match = _NAME.match(self._text, self.at)
        if match is None:
            raise ScriptError(f"line {self.line_of(self.at)}: expected a name: {self.excerpt(self.at)}")
        self.at = match.end()
        return match[0]

    def argument_name(self) -> str | None:
        """Take `name=` and return the name; None where a value alone comes next."""
        match = _ARGUMENT.match(self._text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[1]

    def operator(self, *, words: bool = False) -> str | None:
        match = (_WORD_OPERATOR if words else _OPERATOR).match(self._text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def bare(self) -> str:
        start = self.at
        while self.peek() and self.peek() not in _BARE_ENDS:
            self.at += 1
        if self.at == start and self.peek() in {"]", "}", ")"}:
            raise ScriptError(f"line {self.line_of(start)}: unexpected {self.excerpt(start)}")
        found = self._text[start : self.at]
        if '"' in found or "$" in found or "\\" in found:
            raise ScriptError(f"line {self.line_of(start)}: {found} wants quotation marks")
        return found

    def variable(self, variables: Mapping[str, str]) -> str:
        self.take("$")
        name = self.name()
        if name not in variables:
            raise ScriptError(f"line {self.line_of(self.at)}: ${name} is not known")
        return variables[name]

    def quoted(self, variables: Mapping[str, str], substitute: Callable[[str], str]) -> str:
        """Take a value in quotation marks: escapes, variables and `$[…]` in it are what they stand for."""
        start = self.at
        self.take('"')
        found: list[str] = []
        while (sign := self.peek()) != '"':
            if not sign:
                raise ScriptError(f"line {self.line_of(start)}: quotation marks are not closed: {self.excerpt(start)}")
            if sign == "\\":
                found.append(self._escape())
            elif sign == "$":
                if self._text.startswith("$[", self.at):
                    self.at += 1
                    found.append(substitute(self.group("[", "]")))
                elif self._text.startswith("$(", self.at):
                    raise ScriptError(f"line {self.line_of(start)}: $( ) is not understood here")
                else:
                    found.append(self.variable(variables))
            else:
                found.append(sign)
                self.at += 1
        self.take('"')
        return "".join(found)

    def _escape(self) -> str:
        self.at += 1
        sign = self.peek()
        pair = self._text[self.at : self.at + 2]
        if re.fullmatch(r"[0-9A-F]{2}", pair):
            self.at += 2
            return chr(int(pair, 16))
        self.at += 1
        if sign in '"\\$?':
            return sign
        if sign in _ESCAPES:
            return _ESCAPES[sign]
        raise ScriptError(f"line {self.line_of(self.at)}: \\{sign} is no escape")

    def block(self) -> str:
        return self.group("{", "}")

    def group(self, opening: str, closing: str) -> str:
        """Take what stands between brackets, whatever is quoted or nested in it."""
        start = self.at
        if not self.take(opening):
            raise ScriptError(f"line {self.line_of(start)}: expected {opening}: {self.excerpt(start)}")
        depth, is_quoted, inner = 1, False, self.at
        while depth:
            sign = self.peek()
            if not sign:
                raise ScriptError(f"line {self.line_of(start)}: {opening} is not closed: {self.excerpt(start)}")
            if sign == "\\":
                self.at += 1
            elif sign == '"':
                is_quoted = not is_quoted
            elif not is_quoted:
                depth += (sign in _CLOSING) - (sign in _CLOSING.values())
            self.at += 1
        found = self._text[inner : self.at - 1]
        if self._text[self.at - 1] != closing:
            raise ScriptError(f"line {self.line_of(start)}: {opening} is closed by {self._text[self.at - 1]}")
        return found
