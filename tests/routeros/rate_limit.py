"""Mikrotik-Rate-Limit as the router turns it into a simple queue (manual, page RADIUS).

`rx/tx [burst [threshold [time [priority [minimum]]]]]`: what the router receives, the subscriber's upload, stands first.
"""

import re
from typing import Final

_RATE: Final = re.compile(r"(\d+)([kM]?)")
_SCALE: Final = {"": 1, "k": 1000, "M": 1_000_000}


class RateLimitError(ValueError):
    """The words are no rate limit."""


def queue_values(text: str) -> dict[str, str] | None:
    """Return what the queue is set to; None where there is no queue: an empty text, or no limit in either direction."""
    fields = text.split()
    if not fields:
        return None
    if len(fields) > 6:
        raise RateLimitError(text)
    rates = _pair(fields[0])
    burst = _pair(fields[1]) if len(fields) > 1 else ("0", "0")
    threshold = _pair(fields[2]) if len(fields) > 2 else (rates if len(fields) > 1 else ("0", "0"))
    times = _whole_pair(fields[3]) if len(fields) > 3 else (("1", "1") if len(fields) > 1 else ("0", "0"))
    priority = fields[4] if len(fields) > 4 else "8"
    if priority not in set("12345678"):
        raise RateLimitError(text)
    minimum = _pair(fields[5]) if len(fields) > 5 else rates
    if any(int(most) and int(least) > int(most) for least, most in zip(minimum, rates, strict=True)):
        raise RateLimitError(text)
    if rates == ("0", "0"):
        return None
    return {
        "max-limit": "/".join(rates),
        "limit-at": "/".join(minimum),
        "burst-limit": "/".join(burst),
        "burst-threshold": "/".join(threshold),
        "burst-time": "/".join(f"{each}s" for each in times),
        "priority": f"{priority}/{priority}",
    }


def _pair(text: str) -> tuple[str, str]:
    up, slash, down = text.partition("/")
    return _rate(up), _rate(down) if slash else _rate(up)


def _rate(text: str) -> str:
    match = _RATE.fullmatch(text)
    if match is None:
        raise RateLimitError(text)
    return str(int(match[1]) * _SCALE[match[2]])


def _whole_pair(text: str) -> tuple[str, str]:
    up, slash, down = text.partition("/")
    if not up.isdecimal() or (slash and not down.isdecimal()):
        raise RateLimitError(text)
    return up, down if slash else up
