"""RouterOS's console: how a value is written so that it arrives as it is.

Source: MikroTik's manual, page Scripting. Inside of quotation marks a backslash and two hexadecimal digits stand for an
octet; `$` would begin a variable and `?` ask the console for help.
"""

import re
from ipaddress import ip_address
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9_.:/,!-]+")
_ESCAPED: Final = frozenset(b'"\\$?')


def quoted(text: str) -> str:
    """Return a value in quotation marks."""
    said = []
    for octet in text.encode("utf-8", "surrogateescape"):
        if octet in _ESCAPED:
            said.append(f"\\{chr(octet)}")
        elif 0x20 <= octet < 0x7F:
            said.append(chr(octet))
        else:
            said.append(f"\\{octet:02X}")
    return f'"{"".join(said)}"'


def value(text: str) -> str:
    """Return a value as it may stand behind an equals sign: bare where it can be."""
    return text if _BARE.fullmatch(text) else quoted(text)


def words(**values: str | None) -> str:
    """Return `name=value` words; an underscore in a name is a hyphen, and None is left out."""
    return " ".join(
        f"{name.rstrip('_').replace('_', '-')}={value(text)}" for name, text in values.items() if text is not None
    )


def host_prefix(address: str) -> str:
    """Return an address as a network of that one host."""
    return f"{address}/{32 if ip_address(address).version == 4 else 128}"


def found(menu: str, condition: str) -> str:
    """Return an expression for the items of a menu that meet a condition."""
    return f"[{menu} find where {condition}]"


def unless_there(menu: str, condition: str, added: str) -> str:
    """Return a line that adds an item unless there is one that meets the condition."""
    return f":if ([:len {found(menu, condition)}] = 0) do={{{menu} add {added}}}"


def to_the_top(menu: str, condition: str) -> str:
    """Return a line that moves an item before all others that are not dynamic; those can't be passed."""
    first, ours = f"[:pick {found(menu, 'dynamic=no')} 0]", found(menu, condition)
    return f":if ({first} != [:pick {ours} 0]) do={{{menu} move {ours} destination={first}}}"


def before_first(menu: str, condition: str, moved: str) -> str:
    """Return a line that moves the items `moved` before the first that meets a condition, if there is one."""
    first = found(menu, condition)
    return f":if ([:len {first}] > 0) do={{{menu} move {found(menu, moved)} destination=[:pick {first} 0]}}"


def duration(seconds: int) -> str:
    """Return a duration as RouterOS says it."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m" if not rest and minutes else f"{seconds}s"
