"""Speeds in the units and attributes that several vendors share."""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.radius.attributes import (
    WISPR_BANDWIDTH_MAX_DOWN,
    WISPR_BANDWIDTH_MAX_UP,
    WISPR_BANDWIDTH_MIN_DOWN,
    WISPR_BANDWIDTH_MIN_UP,
)
from netbilld.radius.values import encode_integer

WORD_BPS: Final = 2**32 - 1  # what 32 bits can say


def bits(rate_bps: int) -> bytes:
    """Return bit/s in 32 bits; a faster rate than 4.29 Gbit/s is said as that."""
    return encode_integer(min(rate_bps, WORD_BPS))


def kilobits(rate_bps: int) -> bytes:
    """Return kbit/s in 32 bits, rounded up: 0 would be no limit."""
    return encode_integer(min(-(-rate_bps // 1_000), WORD_BPS))


def rate_word(rate_bps: int, kilo: str = "k", mega: str = "M") -> str:
    """Return a rate with a letter where it is whole in that unit, else plain bit/s."""
    if rate_bps and rate_bps % 1_000_000 == 0:
        return f"{rate_bps // 1_000_000}{mega}"
    if rate_bps and rate_bps % 1_000 == 0:
        return f"{rate_bps // 1_000}{kilo}"
    return str(rate_bps)


def wispr_bandwidth(speed: Speed) -> list[tuple[int, bytes]]:
    """Return the WISPr bandwidths: bit/s, up is what the client sends."""
    rates = [
        (WISPR_BANDWIDTH_MAX_UP, speed.up_bps),
        (WISPR_BANDWIDTH_MAX_DOWN, speed.down_bps),
        (WISPR_BANDWIDTH_MIN_UP, speed.minimum_up_bps),
        (WISPR_BANDWIDTH_MIN_DOWN, speed.minimum_down_bps),
    ]
    return [(key, bits(rate)) for key, rate in rates if rate is not None]
