"""How far a session may run past its limit before anybody knows, and how often it is read so that it is not far.

What a session has moved is known when it is reported. Between two reports it can move as much as its line carries, so
that its overshoot is bounded by line rate × interval, and by what passes until the order has reached the NAS.
"""

from typing import Final

_BITS: Final = 8
_HASTE: Final = 2  # read again when half the least time to the edge has passed


def bound_octets(line_rate_bps: int, interval_seconds: float, round_trip_seconds: float) -> int:
    """Return the octets that may pass beyond a limit, rounded up.

    Args:
        line_rate_bps: what the line carries in the directions that count.
        interval_seconds: between two readings.
        round_trip_seconds: from a reading to the order it leads to having its effect.
    """
    return -int(-line_rate_bps * (interval_seconds + round_trip_seconds) // _BITS)


def seconds_to_edge(left_octets: int, line_rate_bps: int) -> float:
    """Return the least time in which what is left can be used up; infinite on a line that carries nothing."""
    if left_octets <= 0:
        return 0.0
    return left_octets * _BITS / line_rate_bps if line_rate_bps > 0 else float("inf")


def within_octets(line_rate_bps: int, seconds: float) -> int:
    """Return how much can be used up within so long: whoever has no more left is near."""
    return int(line_rate_bps * seconds // _BITS)


def is_near(left_octets: int, line_rate_bps: int, interval_seconds: float) -> bool:
    """Tell whether what is left can be used up before the next report."""
    return left_octets <= within_octets(line_rate_bps, interval_seconds)


def next_reading_seconds(left_octets: int, line_rate_bps: int, shortest_seconds: float) -> float:
    """Return when to read a session again that is near its limit.

    Half the least time to the edge, but no sooner than `shortest_seconds`: readings get denser towards the edge, and
    are as dense as they get when it is passed.
    """
    return max(shortest_seconds, seconds_to_edge(left_octets, line_rate_bps) / _HASTE)
