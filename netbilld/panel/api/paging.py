"""Cursors: opaque to a caller, to us the place behind the last row of a page."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from netbilld.panel.api.problem import FieldProblem, Problem, invalid
from netbilld.panel.api.shapes import unstorable

_FARTHEST: Final = 100_000  # rows into a list
_T = TypeVar("_T")


def cursor_of(*place: str | int) -> str:
    """Return a place as a cursor."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Return the place that a cursor stands for; None for the beginning.

    Raises:
        Problem: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise refused_cursor() from None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds) or unstorable(place) is not None:
        raise refused_cursor()
    return place


def offset_of(cursor: str | None) -> int:
    """Return how many rows to pass over, of a list that is paged so.

    Raises:
        Problem: it is none of ours.
    """
    place = place_of(cursor, int)
    if place and not 0 <= place[0] <= _FARTHEST:
        raise refused_cursor()
    return int(place[0]) if place else 0


def offset_cursor(offset: int, shown: Sequence[Any], total: int) -> str | None:
    """Return the cursor of the page after; None where there is none, or it is too far to be asked for."""
    end = offset + len(shown)
    return cursor_of(end) if shown and end < min(total, _FARTHEST) else None


def refused_cursor() -> Problem:
    """Return the refusal of a cursor that is none of ours."""
    return invalid([FieldProblem(field="cursor", code="bad_cursor", message="is not a next_cursor of this list")])


def split(rows: Sequence[_T], limit: int) -> tuple[Sequence[_T], _T | None]:
    """Return a page out of one row more than it has, and its last row where there is more."""
    return (rows[:limit], rows[limit - 1]) if len(rows) > limit else (rows, None)
