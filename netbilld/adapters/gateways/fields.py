"""Fields of gateways as they come: amounts in several spellings, times with and without zone, proofs in hexadecimal."""

import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from netbilld.ports.gateways import MalformedCallbackError

WIB: Final = timezone(timedelta(hours=7))
LONGEST_REF: Final = 100
_WHOLE: Final = re.compile(r"([0-9]{1,12})(?:\.0+)?")


def amount_of(value: object) -> int | None:
    """Return an amount in whole rupiah: 275000, 275000.0, "275000", "275000.00"; None where there is none.

    Raises:
        MalformedCallbackError: it is no amount, or has a fraction.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise MalformedCallbackError("an amount is no number")
    found = _WHOLE.fullmatch(str(value).strip())
    if found is None:
        raise MalformedCallbackError("an amount is no whole number of rupiah")
    return int(found[1])


def instant_of(value: object) -> datetime | None:
    """Return a moment as gateways write it: ISO 8601, `2026-01-05 15:00:00` in WIB, seconds since 1970; else None."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        if text.isascii() and text.isdigit() and len(text) in {10, 13}:
            return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=WIB)).astimezone(UTC)


def same_proof(given: str, wanted: str) -> bool:
    """Tell whether two proofs are the same, in a time that tells nothing; hexadecimal of either case."""
    return hmac.compare_digest(octets(given.strip().lower()), octets(wanted.lower()))


def same_secret(given: str, wanted: str) -> bool:
    """Tell whether two secrets are the same to the letter, in a time that tells nothing."""
    return hmac.compare_digest(octets(given), octets(wanted))


def octets(text: str) -> bytes:
    """Return what a text is made of; also of half a character, which JSON can say and UTF-8 can't."""
    return text.encode("utf-8", "surrogatepass")


def json_object(body: bytes) -> dict[str, Any]:
    """Return the object that a body is.

    Raises:
        MalformedCallbackError: it is none.
    """
    try:
        found = json.loads(body.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise MalformedCallbackError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise MalformedCallbackError("the body is no JSON object")
    return found


def text_of(fields: Mapping[str, Any], name: str, *, is_needed: bool = False) -> str:
    """Return a field as text; "" where it is not there.

    Raises:
        MalformedCallbackError: it is needed and missing, is no text, or is absurdly long.
    """
    value = fields.get(name)
    if value is None or isinstance(value, dict | list):
        value = ""
    text = str(value)
    if (is_needed and not text) or len(text) > LONGEST_REF or not text.isprintable():
        raise MalformedCallbackError(f"{name} is missing or can't be")
    return text
