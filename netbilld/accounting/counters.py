"""What a pair of cumulative counters has moved between two readings; shared by RADIUS and SNMP."""

from enum import StrEnum
from typing import Final, NamedTuple

WRAP: Final = 1 << 32


class Order(StrEnum):
    """How a reading stands to the one before it, by the device's own clock."""

    NEWER = "newer"  # its session time or uptime has grown
    UNKNOWN = "unknown"  # no clock to tell by, or the same moment
    OLDER = "older"  # it was overtaken on the way


class DeltaKind(StrEnum):
    FORWARD = "forward"
    REPEAT = "repeat"
    WRAP = "wrap"  # a 32-bit counter passed 2³²
    RESET = "reset"  # the counters began again from zero
    BACKWARDS = "backwards"  # lower without a reason that may be believed: nothing moved


class Reading(NamedTuple):
    """Cumulative octets as a device says them.

    `wide` when they can't have wrapped at 32 bits; `unit_octets` is what one step of the device's counter stands for.
    """

    upload_octets: int
    download_octets: int
    wide: bool
    unit_octets: int = 1


class Delta(NamedTuple):
    """Octets moved, and the counters to measure the next reading by (64 bits, wraps added in)."""

    upload_octets: int
    download_octets: int
    counter_upload_octets: int
    counter_download_octets: int
    kind: DeltaKind


def delta(counter_upload_octets: int, counter_download_octets: int, reading: Reading, order: Order) -> Delta:
    """Return what has moved since the counters were as given; never negative, never more than a reading can prove.

    A 32-bit counter that is lower although the device's clock moved on has wrapped, once. A 64-bit pair that is lower
    in both directions, and far lower in one, has begun again from zero, and what it shows has moved since; a pair that
    is slightly lower is a glitch of the device and counts nothing until it passes the old mark. A reading that was
    overtaken, or whose order can't be told, only counts by what it is higher.

    A 32-bit pair that falls to zero in both directions says nothing rather than having wrapped to exactly there twice.
    """
    before_up, before_down = counter_upload_octets, counter_download_octets
    up, down = reading.upload_octets, reading.download_octets
    if not reading.wide and order is Order.NEWER and (up or down):
        wrap = WRAP * reading.unit_octets
        gone_up, gone_down = (up - before_up) % wrap, (down - before_down) % wrap
        kind = DeltaKind.WRAP if up < before_up or down < before_down else DeltaKind.FORWARD
        if not gone_up and not gone_down:
            kind = DeltaKind.REPEAT
        return Delta(gone_up, gone_down, before_up + gone_up, before_down + gone_down, kind)
    far_lower = up <= before_up and down <= before_down and (2 * up < before_up or 2 * down < before_down)
    if reading.wide and order is Order.NEWER and far_lower:
        return Delta(up, down, up, down, DeltaKind.RESET)
    gone_up, gone_down = max(0, up - before_up), max(0, down - before_down)
    if gone_up or gone_down:
        kind = DeltaKind.FORWARD
    else:
        kind = DeltaKind.REPEAT if (up, down) == (before_up, before_down) else DeltaKind.BACKWARDS
    return Delta(gone_up, gone_down, before_up + gone_up, before_down + gone_down, kind)
