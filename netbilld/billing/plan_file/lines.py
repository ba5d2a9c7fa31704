"""Where a key stands in a TOML file, for the line that says what is wrong with it."""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]")
_ASSIGNMENT: Final = re.compile(r"\s*([^=#]+?)\s*=")
_NUMBERED: Final = re.compile(r"\[\d+\]\Z")


def line_of(text: str, path: str) -> int | None:
    """Return the line (from 1) on which a key stands; of a key in an inline table, the line of the table's own key.

    The tables of `[[happy]]` are numbered from 1: `happy[2].hours`.
    """
    wanted = path.split(".")
    table: list[str] = []
    counts: dict[str, int] = {}
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = found = _keys(header[2])
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], 0) + 1
                table = found = [*table[:-1], f"{table[-1]}[{counts[header[2]]}]"]
        elif assignment := _ASSIGNMENT.match(line):
            found = table + _keys(assignment[1])
        else:
            continue
        if _leads_to(found, wanted) and (best is None or len(found) > best[0]):
            best = len(found), number
    return best[1] if best else None


def _leads_to(found: list[str], wanted: list[str]) -> bool:
    """Tell whether a key is the one wanted or holds it; a list that is written in one has no numbers."""
    if len(found) > len(wanted):
        return False
    return all(key == other or key == _NUMBERED.sub("", other) for key, other in zip(found, wanted, strict=False))


def _keys(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
