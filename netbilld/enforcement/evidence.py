"""When traffic proves that a new rate holds, and when it proves that it does not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from netbilld.billing.plan import Speed

# Queues let a little through above their rate: bucket sizes, and headers the accounting counts and the queue does not.
TOLERANCE_PERCENT = 10
# What is held against a NAS must be beyond doubt: a report is made a moment before it arrives, a queue may let its
# bucket through at once, and a NAS takes a moment between its answer and the deed.
CLEARLY_PERCENT: Final = 25
SETTLING_SECONDS: Final = 2.0
LEAST_SECONDS: Final = 5.0
BUCKET_SECONDS: Final = 10.0  # at its rate; the largest bucket that RouterOS offers


@dataclass(frozen=True, slots=True)
class MeasuredInterval:
    """Octets between two accounting packets of one session."""

    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int

    @property
    def seconds(self) -> float:
        return (self.end_at - self.start_at).total_seconds()


def traffic_proves(speed: Speed, acked_at: datetime, interval: MeasuredInterval, *, raised: bool = False) -> bool:
    """Tell whether an interval shows a session at its new rate.

    It must lie wholly after the acknowledgement, have traffic, and stay within 110 % of the rate in both directions.
    A rate that was raised is shown only by traffic of at least half of it: less would have passed before as well.
    """
    if interval.start_at < acked_at or interval.upload_octets + interval.download_octets <= 0:
        return False
    seconds = interval.seconds
    if seconds <= 0:
        return False
    if raised and not (
        interval.upload_octets * 16 >= speed.up_bps * seconds
        or interval.download_octets * 16 >= speed.down_bps * seconds
    ):
        return False
    return _within(interval.upload_octets, speed.up_bps, seconds) and _within(
        interval.download_octets, speed.down_bps, seconds
    )


def traffic_disproves(speed: Speed, acked_at: datetime, interval: MeasuredInterval) -> bool:
    """Tell whether an interval shows that a session is not held to its rate, whatever its NAS has answered.

    It must begin after the NAS has had time to do as it said, last some seconds, and hold clearly more in one direction
    than the rate, its bursts and a full bucket allow.
    """
    seconds = interval.seconds
    if (interval.start_at - acked_at).total_seconds() < SETTLING_SECONDS or seconds < LEAST_SECONDS:
        return False
    burst = speed.burst
    up_bps, down_bps = speed.up_bps, speed.down_bps
    burst_up_bits = burst_down_bits = 0
    if burst is not None:
        # on average a queue with bursts lets the higher of rate and threshold through, and one burst besides
        up_bps, down_bps = max(up_bps, burst.threshold_up_bps), max(down_bps, burst.threshold_down_bps)
        burst_up_bits, burst_down_bits = burst.up_bps * burst.seconds, burst.down_bps * burst.seconds
    return _beyond(interval.upload_octets, up_bps, seconds, burst_up_bits) or _beyond(
        interval.download_octets, down_bps, seconds, burst_down_bits
    )


def _within(octets: int, rate_bps: int, seconds: float) -> bool:
    return octets * 8 * 100 <= rate_bps * (100 + TOLERANCE_PERCENT) * seconds


def _beyond(octets: int, rate_bps: int, seconds: float, burst_bits: int) -> bool:
    # a rate of 0 is no limit
    allowed_bits = rate_bps * (seconds + SETTLING_SECONDS + BUCKET_SECONDS) + burst_bits
    return rate_bps > 0 and octets * 8 * 100 > allowed_bits * (100 + CLEARLY_PERCENT)
