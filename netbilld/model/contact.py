"""How a person is reached: telephone numbers in E.164, e-mail addresses."""

import re
from enum import StrEnum
from typing import Final

from netbilld.model.errors import InvalidInputError

_SEPARATORS: Final = re.compile(r"[\s().\-/]+")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}\Z")
# Indonesia's national numbers after +62: mobiles begin with 8 and have 9 to 12 digits, landlines have an area code of
# two or three digits and a number of five to eight (the numbering plan of 2018).
_INDONESIAN: Final = re.compile(r"(?:8\d{8,11}|[2-79]\d{7,10})\Z")
_MOBILE: Final = re.compile(r"\+628[1-9]\d{6,11}\Z")
_NUMBERED_HOSTS: Final = frozenset(("s.whatsapp.net", "c.us"))
_EMAIL: Final = re.compile(
    r"[^\s@<>\",;:\\()\[\]]{1,64}@(?:[^\s@.<>\",;:\\()\[\]]{1,63}\.)*[^\s@.<>\",;:\\()\[\]]{1,63}\Z"
)


def parse_phone(text: str) -> str:
    """Return a number as E.164: Indonesian ones as written at home (`0812-3456-7890`), any other with `+`."""
    compact = _SEPARATORS.sub("", text.strip())
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    if compact.startswith("0"):
        compact = "+62" + compact[1:]
    elif compact.startswith("62") or re.match(r"8\d", compact):
        compact = "+" + compact if compact.startswith("62") else "+62" + compact
    if compact.startswith("+620"):  # `+62 (0)812…`
        compact = "+62" + compact[4:]
    national = compact.removeprefix("+62")
    indonesian = compact.startswith("+62")
    if not (compact.isascii() and _E164.match(compact)) or (indonesian and not _INDONESIAN.match(national)):
        raise InvalidInputError(
            f"phone {text.strip()!r} is no telephone number",
            hint="write 0812…, 021… or +<country code>…",
            code="phone_invalid",
        )
    return compact


class Line(StrEnum):
    """What an Indonesian number leads to."""

    MOBILE = "mobile"
    FIXED = "fixed"  # takes neither SMS nor WhatsApp
    ABROAD = "abroad"


def line_of(phone: str) -> Line:
    """Return what a number in E.164 leads to."""
    if not phone.startswith("+62"):
        return Line.ABROAD
    return Line.MOBILE if _MOBILE.match(phone) else Line.FIXED


def phone_of_sender(sender: str) -> str | None:
    """Return the number in E.164 behind what a messenger calls a sender; None where it does not say.

    `6281234567890:12@s.whatsapp.net` is somebody's second device; `…@lid` and other ids hide the number.
    """
    name, at, host = sender.strip().partition("@")
    if at and host.casefold() not in _NUMBERED_HOSTS:
        return None
    digits = name.partition(":")[0]
    try:
        phone = parse_phone(digits)
    except InvalidInputError:
        digits = digits.lstrip("+")
        if not (at and digits.isascii() and digits.isdigit()):
            return None
        phone = "+" + digits
    return phone if _E164.match(phone) and line_of(phone) is not Line.FIXED else None


def parse_email(text: str) -> str:
    """Return an e-mail address without the spaces around it; whether mail arrives there is another question."""
    address = text.strip()
    if len(address) > 200 or not _EMAIL.match(address):
        raise InvalidInputError(
            f"e-mail {address[:60]!r} is no address", hint="write name@example.org", code="email_invalid"
        )
    return address
