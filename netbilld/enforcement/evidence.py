"""When traffic proves that a new rate holds."""

from dataclasses import dataclass
from datetime import datetime

from netbilld.billing.plan import Speed

# Queues let a little through above their rate: bucket sizes, and headers the accounting counts and the queue does not.
TOLERANCE_PERCENT = 10


@dataclass(frozen=True, slots=True)
class MeasuredInterval:
    """Octets between two accounting packets of one session."""

    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int


def traffic_proves(speed: Speed, acked_at: datetime, interval: MeasuredInterval) -> bool:
    """Tell whether an interval shows a session at its new rate.

    It must lie wholly after the acknowledgement, have traffic, and stay within 110 % of the rate in both directions.
    """
    if interval.start_at < acked_at or interval.upload_octets + interval.download_octets <= 0:
        return False
    seconds = (interval.end_at - interval.start_at).total_seconds()
    if seconds <= 0:
        return False
    return _within(interval.upload_octets, speed.up_bps, seconds) and _within(
        interval.download_octets, speed.down_bps, seconds
    )


def _within(octets: int, rate_bps: int, seconds: float) -> bool:
    return octets * 8 * 100 <= rate_bps * (100 + TOLERANCE_PERCENT) * seconds
