"""The CHAP of a hotspot's log-in page, as RouterOS has it: what its pages print, and what the browser sends back.

`$(chap-id)` is one octet and `$(chap-challenge)` sixteen, printed as octal escapes that are meant for a script's
string; `response = MD5(chap-id + password + chap-challenge)` in lower-case hexadecimal (MikroTik's manual, HotSpot
customisation). The router puts them into CHAP-Password and CHAP-Challenge (RFC 2865 §5.3, §5.40), which is why the
clear text is needed.
"""

import hashlib
import re
from typing import Final

CHALLENGE_OCTETS: Final = 16
_ESCAPED: Final = re.compile(r"\\([0-7]{3})|\\(.)|([^\\])", re.DOTALL)


def read_octets(written: str, length: int) -> bytes | None:
    """Return the octets that a page printed, escaped or as they are; None where it is not just so many."""
    found = bytearray()
    at = 0
    while at < len(written):
        part = _ESCAPED.match(written, at)
        if part is None:
            return None
        at = part.end()
        octal, escaped, plain = part.groups()
        value = int(octal, 8) if octal else ord(escaped or plain)
        if value > 0xFF or len(found) >= length:
            return None
        found.append(value)
    return bytes(found) if len(found) == length else None


def hotspot_response(chap_id: bytes, password: str, challenge: bytes) -> str:
    """Return what the router takes instead of the password."""
    # MD5 is what the protocol has
    return hashlib.md5(chap_id + password.encode() + challenge, usedforsecurity=False).hexdigest()
