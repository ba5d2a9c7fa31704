"""32-bit counters whose reports come out of order: an overtaken one may prove a wrap that nobody had seen.

Between two readings less than 2³² apart the difference modulo 2³² is what has moved. A reading that comes late, between
two that are known, so adds either nothing or one whole wrap.
"""

from typing import Final, NamedTuple

MOST_READINGS: Final = 32  # the newest of a session; what comes later still is passed over
_BEGIN: Final = (0, 0, 0)  # of every session: its counters begin at zero


class Wrapped(NamedTuple):
    """Octets that a late reading proves, and the seconds between its neighbours."""

    upload_octets: int
    download_octets: int
    seconds: int


def remember(kept: str, seconds: int, upload_octets: int, download_octets: int, *, is_first: bool) -> str:
    """Return a session's readings with one more; nothing is remembered of the time before the first one known.

    Args:
        kept: what this returned before, empty for none.
        seconds: how long the session had lasted.
        upload_octets: as its counter showed.
        download_octets: likewise.
        is_first: nothing was counted before it, so that what came before it is that its counters began at zero.
    """
    readings = _read(kept)
    if any(known[0] == seconds for known in readings) or (readings and seconds < readings[0][0]):
        return kept
    readings = sorted([*(readings or ([_BEGIN] if is_first else [])), (seconds, upload_octets, download_octets)])
    return " ".join(f"{at},{up},{down}" for at, up, down in readings[-MOST_READINGS:])


def wrapped(kept: str, seconds: int, upload_octets: int, download_octets: int, wrap_octets: int) -> Wrapped:
    """Return what a reading proves that came after later ones; nothing where its neighbours are not known any more."""
    readings = _read(kept)
    before = max((known for known in readings if known[0] <= seconds), default=None)
    after = min((known for known in readings if known[0] > seconds), default=None)
    if before is None or after is None or before[0] == seconds:
        return Wrapped(0, 0, 0)
    up, down = (
        (now - was) % wrap_octets + (then - now) % wrap_octets - (then - was) % wrap_octets
        for was, now, then in ((before[1], upload_octets, after[1]), (before[2], download_octets, after[2]))
    )
    return Wrapped(up, down, after[0] - before[0])


def _read(kept: str) -> list[tuple[int, int, int]]:
    readings = []
    for reading in kept.split():
        at, up, down = reading.split(",")
        readings.append((int(at), int(up), int(down)))
    return readings
