"""The dynamic simple queue a MikroTik makes from Mikrotik-Rate-Limit."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_RATE = re.compile(r"(\d{1,12})([kM]?)", re.ASCII)
_SCALE = {"": 1, "k": 1_000, "M": 1_000_000}  # decimal, as the router counts


class RateLimitSyntaxError(ValueError):
    """The text is not a Mikrotik-Rate-Limit."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """One direction of a queue; a rate of 0 means unlimited, a burst of 0 means none."""

    rate_bps: int
    burst_bps: int = 0
    threshold_bps: int = 0
    burst_seconds: int = 1
    min_bps: int = 0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A parsed Mikrotik-Rate-Limit. Its rx is what the router receives, so the subscriber's upload stands first."""

    upload: QueueLimit
    download: QueueLimit
    priority: int = 8


UNLIMITED = RateLimit(QueueLimit(0), QueueLimit(0))


def parse_rate_limit(text: str) -> RateLimit:
    """Return the limits the text asks for; an empty text asks for none.

    Raises:
        RateLimitSyntaxError: the text does not follow MikroTik's grammar.
    """
    fields = text.split()
    if not fields:
        return UNLIMITED
    if len(fields) > 6:
        raise RateLimitSyntaxError(f"{text!r} has more than six fields")
    rate = _pair(fields[0], _rate)
    burst = _pair(fields[1], _rate) if len(fields) > 1 else (0, 0)
    threshold = _pair(fields[2], _rate) if len(fields) > 2 else rate
    seconds = _pair(fields[3], _whole) if len(fields) > 3 else (1, 1)
    priority = _whole(fields[4]) if len(fields) > 4 else 8
    minimum = _pair(fields[5], _rate) if len(fields) > 5 else rate
    if not 1 <= priority <= 8:
        raise RateLimitSyntaxError(f"{text!r}: priority is not between 1 and 8")
    if any(high and low > high for low, high in zip(minimum, rate, strict=True)):
        raise RateLimitSyntaxError(f"{text!r} guarantees more than its own rate")
    upload, download = (
        QueueLimit(rate[side], burst[side], threshold[side], seconds[side] or 1, minimum[side]) for side in (0, 1)
    )
    return RateLimit(upload, download, priority)


def _pair(field: str, read: Callable[[str], int]) -> tuple[int, int]:
    received, slash, sent = field.partition("/")
    return read(received), read(sent) if slash else read(received)


def _rate(text: str) -> int:
    match = _RATE.fullmatch(text)
    if match is None:
        raise RateLimitSyntaxError(f"{text!r} is not a rate")
    return int(match[1]) * _SCALE[match[2]]


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise RateLimitSyntaxError(f"{text!r} is not a whole number")
    return int(text)


class Shaper:
    """One direction of one queue: how much of the wish passes in a tick.

    The burst rule is the router's: burst speed as long as the average over burst-time stays under the threshold.
    """

    def __init__(self, limit: QueueLimit) -> None:
        self.limit = limit
        self._bits_left_over = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._recent_milliseconds = 0
        self._recent_bits = 0

    def pass_octets(self, demand_bps: int, milliseconds: int) -> int:
        """Return the octets that pass; what is less than an octet is carried to the next tick."""
        rate_bps = min(demand_bps, self._allowed_bps()) if self.limit.rate_bps else demand_bps
        milli_bits = rate_bps * milliseconds + self._bits_left_over
        octets, self._bits_left_over = divmod(milli_bits, 8_000)
        self._remember(octets * 8, milliseconds)
        return octets

    def _allowed_bps(self) -> int:
        limit = self.limit
        if limit.burst_bps <= limit.rate_bps:
            return limit.rate_bps
        average_bps = self._recent_bits // limit.burst_seconds
        return limit.burst_bps if average_bps < limit.threshold_bps else limit.rate_bps

    def _remember(self, bits: int, milliseconds: int) -> None:
        if not self.limit.burst_bps:
            return
        self._recent.append((milliseconds, bits))
        self._recent_milliseconds += milliseconds
        self._recent_bits += bits
        while self._recent and self._recent_milliseconds - self._recent[0][0] >= self.limit.burst_seconds * 1_000:
            gone_milliseconds, gone_bits = self._recent.popleft()
            self._recent_milliseconds -= gone_milliseconds
            self._recent_bits -= gone_bits
