"""Changes on a RouterOS router as the lines that a person would type there.

Source: MikroTik's manual, page Scripting (strings and their escapes) and Console.
"""

import re
from collections.abc import Sequence
from typing import Final

from netbilld.enforcement.router_items import RouterOrder, Verb

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:/,_-]*")
_ESCAPED: Final = {ord("\\"): "\\\\", ord('"'): '\\"', ord("$"): "\\$", ord("?"): "\\?"}


def as_typed(order: RouterOrder) -> str:
    """Return an order as one line; what it changes is found by what it is called, not by a number that may pass."""
    words = [str(order.menu).replace("/", " ").strip(), str(order.verb)]
    if order.verb is not Verb.ADD:
        words.append(_found(order.found_by))
    words += [f"{name}={quoted(value)}" for name, value in order.values]
    if order.before_found_by:
        words.append(f"{'destination' if order.verb is Verb.MOVE else 'place-before'}={_found(order.before_found_by)}")
    return "/" + " ".join(words)


def quoted(text: str) -> str:
    """Return a value as it is typed: bare where it is plain, else in quotes with whatever is special escaped."""
    if _PLAIN.fullmatch(text):
        return text
    said = []
    for octet in text.encode():
        if octet in _ESCAPED:
            said.append(_ESCAPED[octet])
        elif 0x20 <= octet < 0x7F:
            said.append(chr(octet))
        else:
            said.append(f"\\{octet:02X}")
    return f'"{"".join(said)}"'


def _found(found_by: Sequence[tuple[str, str]]) -> str:
    return f"[find where {' and '.join(f'{name}={_in_quotes(value)}' for name, value in found_by)}]"


def _in_quotes(text: str) -> str:
    said = quoted(text)
    return said if said.startswith('"') else f'"{said}"'
