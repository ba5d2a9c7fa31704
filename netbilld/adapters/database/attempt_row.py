"""One log-in attempt as a row: values of whatever length and content made fit to be stored."""

import re
from typing import Any, Final

from netbilld.radius.values import lookup_key, normalise_mac, text
from netbilld.services.attempt_buffer import LoginAttempt

ATTEMPT_COLUMNS: Final = (
    "at", "nas_id", "username", "username_key", "service_id", "method", "result", "reason", "latency_us", "mac",
    "detail",
)  # fmt: skip
MAX_INTEGER: Final = 2**31 - 1
NORMAL_MAC: Final = re.compile(rb"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")
_LONGEST_NAME: Final = 253
_LONGEST_MAC: Final = 64
_LONGEST_DETAIL: Final = 200


def attempt_row(attempt: LoginAttempt) -> tuple[Any, ...]:
    """Return the values of `ATTEMPT_COLUMNS`."""
    at, nas_id, user_name, service_id, method, result, reason, latency_us, mac, detail = attempt
    return (
        at,
        nas_id,
        text(user_name)[:_LONGEST_NAME],
        text(lookup_key(user_name))[:_LONGEST_NAME],
        service_id,
        method,
        result,
        str(reason),
        min(latency_us, MAX_INTEGER),
        None if mac is None else _mac(mac),
        None if detail is None else detail.replace("\0", "\ufffd")[:_LONGEST_DETAIL],
    )


def _mac(station: bytes) -> str:
    """Return the address of a station normalised, or what else the NAS calls it, such as an IP address."""
    if NORMAL_MAC.fullmatch(station):
        return station.decode("ascii")
    said = text(station)
    return normalise_mac(said) or said[:_LONGEST_MAC]
