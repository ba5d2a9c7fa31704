"""Time-based one-time passwords (RFC 6238) as generators on telephones make them: SHA-1, six digits, 30 seconds."""

import hashlib
import hmac
from base64 import b32encode
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

SECRET_OCTETS: Final = 20  # RFC 4226 section 4, R6: 160 bits are recommended
STEP_SECONDS: Final = 30
DIGITS: Final = 6
STEPS_OFF: Final = 1  # RFC 6238 section 5.2: how far a telephone's clock may be off, either way


def step_at(now: datetime) -> int:
    """Return the number of the time step of an instant."""
    return int(now.timestamp()) // STEP_SECONDS


def code_of(secret: bytes, step: int) -> str:
    """Return the six digits of a step (RFC 4226 section 5.3, RFC 6238 section 4.2)."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, code: str, now: datetime, last_step: int) -> int | None:
    """Return the step that a code is of, None where it is of none that counts.

    A step up to `last_step` counts no more: of each a code is taken once (RFC 6238 section 5.2). The same work is done
    whichever matches.
    """
    typed, current = digits_of(code), step_at(now)
    found = None
    for step in range(current - STEPS_OFF, current + STEPS_OFF + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), typed.encode()) and step > last_step:
            found = step
    return found


def digits_of(code: str) -> str:
    """Return a code as it is compared, without the spaces that people type."""
    return "".join(code.split())


def secret_text(secret: bytes) -> str:
    """Return a secret as it is typed into a generator: base32 without padding."""
    return b32encode(secret).decode().rstrip("=")


def key_uri(secret: bytes, account: str, issuer: str) -> str:
    """Return what the QR code of a secret says, in the key URI format that generators read."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    values = {"secret": secret_text(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"
