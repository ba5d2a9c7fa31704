"""How long a text is as SMS: what the receiver's alphabet holds, and in how many parts it is sent (3GPP TS 23.038)."""

from dataclasses import dataclass
from typing import Final

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_DOUBLE: Final = frozenset("^{}\\[]~|€\f")  # an escape, and the sign
_ALONE: Final = {True: 160, False: 70}
_JOINED: Final = {True: 153, False: 67}  # a header takes the rest
_ONE_UNIT_MOST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class SmsSize:
    """A text as SMS; `units` are septets of GSM-7, or of UCS-2 where the text has other signs."""

    is_gsm: bool
    units: int
    parts: int


def sms_size(text: str) -> SmsSize:
    """Return what sending a text takes; a sign of two units is never torn in two."""
    is_gsm = all(sign in _GSM or sign in _DOUBLE for sign in text)
    if is_gsm:
        widths = [2 if sign in _DOUBLE else 1 for sign in text]
    else:
        widths = [2 if ord(sign) > _ONE_UNIT_MOST else 1 for sign in text]
    units = sum(widths)
    if units <= _ALONE[is_gsm]:
        return SmsSize(is_gsm, units, 1)
    parts, room = 1, _JOINED[is_gsm]
    for width in widths:
        if width > room:
            parts, room = parts + 1, _JOINED[is_gsm]
        room -= width
    return SmsSize(is_gsm, units, parts)
