"""A device's own clock, unwrapped, and which counters of it belong together.

A device tells hundredths of a second since it began, modulo 2³² (RFC 2578 §7.1.8: 497 days).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from netbilld.accounting.reading import Onset

TICKS_A_SECOND: Final = 100
_MODULUS: Final = 1 << 32
_TICK: Final = timedelta(milliseconds=10)
_DRIFT: Final = 50  # a clock that is wrong by a fiftieth is still that clock
_SLACK_TICKS: Final = 60 * TICKS_A_SECOND


class DeviceClock(NamedTuple):
    """What a device's clock was at an instant of ours.

    Attributes:
        ticks: since it began, wraps added in.
        boots: how often it was seen to have begun again.
        is_host: it counts since the device was switched on, and not only since its agent was.
        began: names this run of it; a new one for each beginning.
    """

    ticks: int
    at: datetime
    boots: int
    is_host: bool
    began: str


def first(raw_ticks: int, at: datetime, *, is_host: bool) -> DeviceClock:
    """Return the clock of a device that is read for the first time."""
    return DeviceClock(raw_ticks, at, 0, is_host, _run(0, raw_ticks))


def tick(before: DeviceClock, raw_ticks: int, at: datetime, *, is_host: bool) -> tuple[DeviceClock, Onset | None]:
    """Return the clock now, and what that says of the device's counters if it has begun again; None if it runs on.

    A clock that is behind what it should be, and ahead of what it was, may have stood still or begun again long ago:
    counters that are not lower then go on. Where our own clock was set back, only the device's tells what is later.
    """
    if is_host is not before.is_host:
        return _begun(before, raw_ticks, at, is_host=is_host), Onset.UNKNOWN
    elapsed = max(0, (at - before.at) // _TICK)
    wraps, last = divmod(before.ticks, _MODULUS)
    if at < before.at and raw_ticks >= last:
        return before._replace(ticks=wraps * _MODULUS + raw_ticks, at=at), None
    tolerance = _SLACK_TICKS + elapsed // _DRIFT
    ahead = (raw_ticks - (last + elapsed)) % _MODULUS
    if ahead > _MODULUS // 2:
        ahead -= _MODULUS
    if abs(ahead) <= tolerance and (raw_ticks >= last or last + elapsed + tolerance >= _MODULUS):
        wrapped = wraps + (last + elapsed + ahead) // _MODULUS
        return before._replace(ticks=wrapped * _MODULUS + raw_ticks, at=at), None
    if raw_ticks >= last:
        return _begun(before, raw_ticks, at, is_host=is_host), Onset.CONTINUED
    return _begun(before, raw_ticks, at, is_host=is_host), Onset.ZERO if is_host else Onset.RESTARTED


def epoch_of(
    before: str,
    clock: DeviceClock,
    begun: Onset | None,
    index: str,
    discontinuity: int,
    *,
    wide: bool,
    is_dynamic: bool,
    names: Mapping[str, str],
) -> tuple[str, Onset]:
    """Return the epoch of a port's counters, and what is known of them should that have changed.

    Args:
        before: the epoch of the reading before; empty for none.
        clock: the device's.
        begun: what its clock says of its counters, as `tick` told.
        index: the port's number now.
        discontinuity: when the device last lost count of it.
        wide: 64 bits.
        is_dynamic: it is made anew for each session, so that another number means new counters.
        names: of other ports by number, as far as they were looked at: a number that is theirs now was not renumbered.
    """
    width = "w" if wide else "n"
    run, old_width, old_index, old_discontinuity = _parts(before)
    if (run, old_width, old_index, old_discontinuity) == (clock.began, width, index, str(discontinuity)):
        return before, Onset.CONTINUED
    epoch = f"{clock.began}/{width}/{index}/{discontinuity}/{clock.ticks}"
    if width != old_width:
        return epoch, Onset.UNKNOWN
    if run != clock.began:
        return epoch, begun if begun is not None else Onset.RESTARTED
    if index != old_index:
        if old_index in names:
            return epoch, Onset.UNKNOWN
        return epoch, Onset.ZERO if is_dynamic else Onset.CONTINUED
    return epoch, Onset.UNKNOWN


def index_in(epoch: str) -> str | None:
    """Return under which number a port was last read."""
    return _parts(epoch)[2] or None


def _parts(epoch: str) -> tuple[str, str, str, str]:
    parts = epoch.split("/")
    return (parts[0], parts[1], parts[2], parts[3]) if len(parts) == 5 else ("", "", "", "")


def _begun(before: DeviceClock, raw_ticks: int, at: datetime, *, is_host: bool) -> DeviceClock:
    boots = before.boots + 1
    return DeviceClock(raw_ticks, at, boots, is_host, _run(boots, raw_ticks))


def _run(boots: int, ticks: int) -> str:
    return f"{boots}-{ticks}"
