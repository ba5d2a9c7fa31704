"""Meters beside the sessions: cumulative readings of a port, a queue or somebody else's box, and what they moved."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.counters import DeltaKind, Order, Reading, delta

MOST_OCTETS: Final = 2**63 - 1  # that a column holds
PAST_EPOCHS: Final = 8  # remembered: a copy of a reading from one of them counts nothing
KNOWN_MOMENT: Final = "its clock has not moved on"
_HEADROOM_PERCENT: Final = 110  # a port's counters are read a moment before or after its clock
_LEAST_SECONDS: Final = 1.0


class Onset(StrEnum):
    """What is known of the counters of a new epoch."""

    UNKNOWN = "unknown"  # they are only measured from here on
    ZERO = "zero"  # they began at zero since the reading before: all they show has moved since
    CONTINUED = "continued"  # they are the same counters under another number
    RESTARTED = "restarted"  # they began at zero if they are lower now, else they are only measured from here on


class MeterReading(NamedTuple):
    """Cumulative octets of one meter, from the subscriber's point of view.

    Attributes:
        service_id: whose the sender says the meter is; None where only the key tells.
        source: snmp, mqtt or api.
        key: names the series within its source.
        at: when it was read or received, by our clock.
        wide: the counters are of 64 bits.
        clock: the device's own, such as its uptime in ticks or a sequence number; it tells order within an epoch. None
            where the device has none: then a reading that is lower than the one before never counts as a reset.
        epoch: what changes when the counters are no longer the same ones.
        onset: what is known of them when the epoch has changed.
        same_epochs: other names of the epoch, as when another clock tells the order: the counters are the same ones.
        fastest_bps: what the port can carry one way; faster readings are kept apart for a person to decide. None if
            unknown.
        clock_hz: how fast the device's clock goes; None where it tells order and no time.
    """

    service_id: UUID | None
    source: str
    key: str
    at: datetime
    upload_octets: int
    download_octets: int
    wide: bool = True
    clock: int | None = None
    epoch: str = ""
    onset: Onset = Onset.UNKNOWN
    fastest_bps: int | None = None
    same_epochs: tuple[str, ...] = ()
    clock_hz: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter as it is kept: whose it is, and what its last reading was.

    Attributes:
        nas_id: the device it is on; None for meters that speak for themselves.
        is_swapped: the device's input is the subscriber's download.
        upload_octets, download_octets: booked since it was added.
        counter_upload_octets, counter_download_octets: what the next delta is made from; wraps are added in.
        at: of the last reading; None before the first.
        state: what the last reading came to.
    """

    id: int
    service_id: UUID
    nas_id: UUID | None
    source: str
    key: str
    is_allowed: bool
    is_swapped: bool
    created_at: datetime
    upload_octets: int = 0
    download_octets: int = 0
    counter_upload_octets: int = 0
    counter_download_octets: int = 0
    clock: int | None = None
    epoch: str = ""
    past_epochs: tuple[str, ...] = ()
    at: datetime | None = None
    state: str = "waiting"


class MeterLine(NamedTuple):
    """A meter, with a user name of its service and the name of its device."""

    meter: Meter
    username: str
    nas_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDoubt:
    """Octets of a meter that its port can't have carried; usage only once a person says so."""

    id: int
    meter_id: int
    service_id: UUID
    source: str
    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int
    fastest_bps: int
    state: str
    noted_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None


class Took(StrEnum):
    """What became of a reading."""

    COUNTED = "counted"
    BASELINE = "baseline"  # measured from here on
    REPEATED = "repeated"
    STALE = "stale"  # overtaken by a later one, or a copy of an old one
    BACKWARDS = "backwards"  # lower without a reason that may be believed
    DOUBTED = "doubted"  # more than the port can carry: kept apart
    REFUSED = "refused"


class Outcome(NamedTuple):
    """What became of a reading: octets moved since the one before, and why it did not count if it did not.

    `meter_id` is None for a reading of no known meter; `from_at` is the reading before.
    """

    took: Took
    meter_id: int | None = None
    service_id: UUID | None = None
    upload_octets: int = 0
    download_octets: int = 0
    from_at: datetime | None = None
    reason: str = ""


def refused(meter: Meter | None, reading: MeterReading) -> Outcome | None:
    """Return why a reading may not count at all; None if it may."""
    for name, octets in (("upload_octets", reading.upload_octets), ("download_octets", reading.download_octets)):
        if type(octets) is not int or not 0 <= octets <= MOST_OCTETS:
            return Outcome(Took.REFUSED, reason=f"{name} is no number of octets")
    if reading.clock is not None and not 0 <= reading.clock <= MOST_OCTETS:
        return Outcome(Took.REFUSED, reason="the device's clock is no number")
    if meter is None:
        return Outcome(Took.REFUSED, reason="no such meter")
    if reading.service_id is not None and reading.service_id != meter.service_id:
        return Outcome(Took.REFUSED, meter.id, reason="the meter is another service's")
    if not meter.is_allowed:
        return Outcome(Took.REFUSED, meter.id, meter.service_id, reason="the service doesn't allow it")
    return None


def judge(meter: Meter, reading: MeterReading) -> tuple[Meter, Outcome]:
    """Return the meter after a reading, and what that came to; the same reading again changes nothing.

    A reading of another epoch begins anew, or counts whole where its counters are known to have begun at zero.
    """
    came = Outcome(Took.BASELINE, meter.id, meter.service_id, from_at=meter.at)
    if meter.at is None:
        return _started(meter, reading), came._replace(reason="first")
    is_new_epoch = reading.epoch != meter.epoch
    is_renamed = is_new_epoch and meter.epoch in reading.same_epochs
    order = _order(meter, reading)
    if order is Order.OLDER or (is_new_epoch and not is_renamed and reading.epoch in meter.past_epochs):
        return meter, came._replace(took=Took.STALE)
    before_up, before_down = meter.counter_upload_octets, meter.counter_download_octets
    if is_new_epoch:
        onset = Onset.CONTINUED if is_renamed else reading.onset
        if onset is Onset.RESTARTED:
            is_lower = reading.upload_octets <= before_up and reading.download_octets <= before_down
            onset = Onset.ZERO if is_lower else Onset.UNKNOWN
        if onset is Onset.UNKNOWN:
            return _started(meter, reading), came._replace(reason="the counters are other ones")
        if onset is Onset.ZERO:
            before_up = before_down = 0
    cumulative = Reading(reading.upload_octets, reading.download_octets, reading.wide)
    moved = delta(before_up, before_down, cumulative, Order.NEWER if is_new_epoch else order)
    after = replace(
        _started(meter, reading),
        counter_upload_octets=moved.counter_upload_octets,
        counter_download_octets=moved.counter_download_octets,
    )
    came = came._replace(upload_octets=moved.upload_octets, download_octets=moved.download_octets)
    if not moved.upload_octets and not moved.download_octets:
        took = Took.BACKWARDS if moved.kind is DeltaKind.BACKWARDS else Took.REPEATED
        if order is Order.UNKNOWN and reading.clock is not None:  # the very moment that is known already
            return meter, came._replace(took=took, reason=KNOWN_MOMENT)
        return replace(after, state=str(took)), came._replace(took=took)
    if _is_too_much(meter, reading, max(moved.upload_octets, moved.download_octets)):
        return replace(after, state=str(Took.DOUBTED)), came._replace(
            took=Took.DOUBTED, reason="faster than the port can be"
        )
    after = replace(
        after,
        upload_octets=meter.upload_octets + moved.upload_octets,
        download_octets=meter.download_octets + moved.download_octets,
        state=str(Took.COUNTED),
    )
    return after, came._replace(took=Took.COUNTED)


def _order(meter: Meter, reading: MeterReading) -> Order:
    """Return how a reading stands to the last one; across epochs only our own clock can tell."""
    assert meter.at is not None  # noqa: S101 - asked before
    if reading.epoch == meter.epoch and reading.clock is not None and meter.clock is not None:
        if reading.clock == meter.clock:
            return Order.UNKNOWN
        return Order.NEWER if reading.clock > meter.clock else Order.OLDER
    if reading.epoch != meter.epoch:
        return Order.NEWER if reading.at > meter.at else Order.OLDER
    return Order.OLDER if reading.at < meter.at else Order.UNKNOWN


def _started(meter: Meter, reading: MeterReading) -> Meter:
    """Return the meter measured from this reading on."""
    past = meter.past_epochs
    if meter.at is not None and reading.epoch != meter.epoch:
        past = (*(one for one in past if one != meter.epoch), meter.epoch)[-PAST_EPOCHS:]
    return replace(
        meter,
        counter_upload_octets=reading.upload_octets,
        counter_download_octets=reading.download_octets,
        clock=reading.clock,
        epoch=reading.epoch,
        past_epochs=past,
        at=reading.at if meter.at is None else max(meter.at, reading.at),
        state=str(Took.BASELINE),
    )


def _is_too_much(meter: Meter, reading: MeterReading, octets: int) -> bool:
    if reading.fastest_bps is None or meter.at is None:
        return False
    seconds = (reading.at - meter.at).total_seconds()
    if reading.clock_hz and reading.epoch == meter.epoch and reading.clock is not None and meter.clock is not None:
        seconds = max(seconds, (reading.clock - meter.clock) / reading.clock_hz)  # ours may have been set back
    seconds = max(seconds, _LEAST_SECONDS) + _LEAST_SECONDS
    return octets * 8 * 100 > reading.fastest_bps * _HEADROOM_PERCENT * seconds
