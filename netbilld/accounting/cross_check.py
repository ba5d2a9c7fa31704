"""Two meters of one traffic: what a NAS's interfaces counted in an hour, beside what its sessions were said to move."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from netbilld.accounting.counters import Order, Reading, delta
from netbilld.accounting.usage import hour_of

# RouterOS names a session's interface <pppoe-budi>; Linux and accel-ppp number theirs
_SESSION: Final = re.compile(r"<(?:pppoe|l2tp|pptp|sstp|ovpn|ppp|hotspot)-.+>|(?:ppp|ipoe|l2tp|pptp)\d+", re.DOTALL)
_HOUR: Final = timedelta(hours=1)
HOUR_SECONDS: Final = 3600
LEAST_SECONDS: Final = 2700  # an hour that was read for less says nothing
_MOST_OCTETS: Final = 2**50  # between two readings of a device: 2.5 Tbit/s for an hour
_LONGEST_GAP: Final = timedelta(hours=1)  # between two readings: what moved in a longer one is no hour's


class Verdict(StrEnum):
    OPEN = "open"  # the hour goes on, or accounting may still tell of it
    AGREES = "agrees"
    MISSING = "missing"  # accounting lacks what the interfaces carried
    BEYOND = "beyond"  # accounting tells of more than the interfaces carried: they are not all of its traffic
    INCOMPLETE = "incomplete"  # the interfaces were not read for long enough


class Counted(NamedTuple):
    """Counters of one interface."""

    in_octets: int
    out_octets: int


class Snapshot(NamedTuple):
    """The interfaces of a device that carry its subscribers' traffic, by name and number."""

    at: datetime
    ports: dict[tuple[str, str], Counted]


class HourPart(NamedTuple):
    """What moved in a part of a local hour, from the subscribers' point of view."""

    hour_at: datetime
    seconds: int
    upload_octets: int
    download_octets: int


def is_session(name: str) -> bool:
    """Tell whether an interface is there for one session."""
    return _SESSION.fullmatch(name) is not None


def snapshot(ports: Iterable[tuple[str, str, int, int]], at: datetime, uplink: str | None) -> Snapshot:
    """Return the interfaces that count, of (name, number, octets in, octets out): the uplink, or every session's."""
    return Snapshot(
        at,
        {
            (name, index): Counted(into, out)
            for name, index, into, out in ports
            if (name == uplink if uplink is not None else is_session(name))
        },
    )


def moved(before: Snapshot, after: Snapshot, *, is_uplink: bool) -> tuple[int, int]:
    """Return upload and download between two snapshots.

    An interface that is new carries a session that began since, so all it shows has moved; an uplink that is new is
    only measured from here on. What a session moved between the last reading and its end is not known. A counter that
    shows more than any device can carry is left out.
    """
    into = out = 0
    for key, now in after.ports.items():
        then = before.ports.get(key)
        if then is None:
            if is_uplink:
                continue
            then = Counted(0, 0)
        gone = delta(then.in_octets, then.out_octets, Reading(now.in_octets, now.out_octets, wide=True), Order.NEWER)
        if max(into + gone.upload_octets, out + gone.download_octets) <= _MOST_OCTETS:
            into, out = into + gone.upload_octets, out + gone.download_octets
    return (out, into) if is_uplink else (into, out)


def by_hour(from_at: datetime, to_at: datetime, upload: int, download: int, timezone: str) -> list[HourPart]:
    """Return what moved, by local hour and in proportion to time; nothing for a span that is too long or none."""
    if not timedelta(0) < to_at - from_at <= _LONGEST_GAP:
        return []
    first, last = hour_of(from_at, timezone), hour_of(to_at, timezone)
    if first == last:
        return [HourPart(first, round((to_at - from_at).total_seconds()), upload, download)]
    share = Fraction((last - from_at) // timedelta(microseconds=1), (to_at - from_at) // timedelta(microseconds=1))
    up, down = int(upload * share), int(download * share)
    return [
        HourPart(first, round((last - from_at).total_seconds()), up, down),
        HourPart(last, round((to_at - last).total_seconds()), upload - up, download - down),
    ]


def judge_hour(
    device_octets: int, told_octets: int, read_seconds: int, *, percent: int, least_octets: int
) -> tuple[Verdict, int]:
    """Return how an hour compares, and how many octets accounting lacks.

    Args:
        device_octets: that the interfaces carried while they were read.
        told_octets: that accounting tells of the whole hour; taken in proportion where less of it was read.
        read_seconds: of the hour.
        percent: what may differ, since the two count at different moments.
        least_octets: that are worth a word.
    """
    if read_seconds < LEAST_SECONDS:
        return Verdict.INCOMPLETE, 0
    told = told_octets * min(read_seconds, HOUR_SECONDS) // HOUR_SECONDS
    lacking = device_octets - told
    if lacking > 0 and lacking >= least_octets and lacking * 100 > percent * device_octets:
        return Verdict.MISSING, lacking
    if -lacking >= max(1, least_octets) and -lacking * 100 > percent * told:
        return Verdict.BEYOND, 0
    return Verdict.AGREES, 0


def risk_minor(missing_octets: int, prices: Iterable[tuple[Fraction, int]]) -> int:
    """Return what missing octets are worth, rounded half up.

    Args:
        missing_octets: that were not metered.
        prices: minor units an octet, and how many sessions were sold at it.
    """
    total, sessions = Fraction(0), 0
    for price, count in prices:
        total, sessions = total + price * count, sessions + count
    return int(missing_octets * total / sessions + Fraction(1, 2)) if sessions else 0
