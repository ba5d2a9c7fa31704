"""What others' JSON holds, taken as what it should be, whatever it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from netbilld.ports.messenger_hooks import LONGEST_TEXT

_MILLISECONDS_FROM: Final = 10**11  # as seconds that would be the year 5138
_LAST_SECOND: Final = 2**33
_RIGHT_ANGLE: Final = 90


def mapped(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> Sequence[Any]:
    """Return a list; an empty one where it is none."""
    return value if isinstance(value, list) else ()


def text(value: Any) -> str:
    """Return a text or a number as text; an empty one of anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return "".join(sign for sign in str(value)[:LONGEST_TEXT] if sign != "\0" and not "\ud800" <= sign <= "\udfff")


def number(value: Any) -> int | None:
    """Return a whole number, also where it comes as text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 18:
        return int(value)
    return None


def moment(value: Any, otherwise: datetime) -> datetime:
    """Return an instant from seconds, milliseconds or ISO 8601."""
    seconds = number(value)
    if seconds is not None:
        if seconds >= _MILLISECONDS_FROM:
            seconds //= 1000
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST_SECOND else otherwise
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return otherwise
        return found.astimezone(UTC) if found.tzinfo is not None else otherwise
    return otherwise


def place(latitude: Any, longitude: Any) -> tuple[float, float] | None:
    """Return a place on earth, in degrees; None where it is none."""
    try:
        north, east = float(latitude), float(longitude)
    except (TypeError, ValueError, OverflowError):
        return None
    return (north, east) if abs(north) <= _RIGHT_ANGLE and abs(east) <= 2 * _RIGHT_ANGLE else None  # no NaN either


def is_true(value: Any) -> bool:
    """Tell whether something means yes, as true, "true" or 1."""
    return value is True or (not isinstance(value, bool) and text(value).casefold() in {"true", "1"})
