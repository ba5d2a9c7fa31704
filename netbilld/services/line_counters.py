"""From the counters of lines' queues to readings of their meters."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from netbilld.accounting.device_clock import TICKS_A_SECOND, DeviceClock, epoch_of, first, tick
from netbilld.accounting.reading import Meter, MeterReading, Onset
from netbilld.ports.static_router import RouterState
from netbilld.services.static_book import line_key


def clock_of(before: DeviceClock | None, state: RouterState) -> tuple[DeviceClock | None, Onset | None]:
    """Return a router's clock now, and what that says of its counters if it has begun again."""
    if state.uptime_seconds is None:
        return before, None
    ticks = state.uptime_seconds * TICKS_A_SECOND
    if before is None:
        return first(ticks, state.at, is_host=True), None
    return tick(before, ticks, state.at, is_host=True)


def line_readings(
    nas_id: UUID,
    meters: Sequence[Meter],
    counters: Mapping[UUID, tuple[str, tuple[int, int]]],
    state: RouterState,
    clock: DeviceClock | None,
    begun: Onset | None,
) -> list[MeterReading]:
    """Return what the lines' queues have counted.

    Args:
        nas_id: whose queues.
        meters: of this router, in use.
        counters: by service, its queue's number and what that has counted, upload and download.
        state: when they were read.
        clock: the router's; without one nothing can be told of counters that fall.
        begun: what the clock says of its counters.
    """
    if clock is None:
        return []
    readings = []
    for meter in meters:
        found = counters.get(meter.service_id)
        if found is None or meter.key != line_key(nas_id, meter.service_id):
            continue
        queue_id, (upload, download) = found
        # a queue has a number of its own for as long as it is there: another one counts from zero
        epoch, onset = epoch_of(meter.epoch, clock, begun, queue_id, 0, wide=True, is_dynamic=True, names={})
        if meter.is_swapped:
            upload, download = download, upload
        readings.append(
            MeterReading(
                meter.service_id,
                meter.source,
                meter.key,
                state.at,
                upload,
                download,
                True,
                clock.ticks,
                epoch,
                onset,
                clock_hz=TICKS_A_SECOND,
            )
        )
    return readings
