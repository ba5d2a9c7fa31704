"""Meters beside the sessions: whatever is copied, overtaken, lost, wrapped or begun again, what is booked was moved."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.accounting.reading import Meter, MeterReading, Onset, Took, judge
from tests.accounting_packets import T0

G = 2**32
SERVICE = UUID(int=5)
STEP = 2**30  # so that a few lost readings between two that arrive move less than a 32-bit counter holds


def new_meter(*, is_swapped: bool = False) -> Meter:
    return Meter(
        id=1,
        service_id=SERVICE,
        nas_id=None,
        source="snmp",
        key="port",
        is_allowed=True,
        is_swapped=is_swapped,
        created_at=T0,
    )


@dataclass
class Device:
    """Counts truly, and says what it counts as a device of its kind does."""

    wide: bool
    up: int
    down: int
    seconds: int = 0
    began_at_seconds: int = 0
    epoch: int = 0
    onset: Onset = Onset.UNKNOWN
    said: list[MeterReading] = field(default_factory=list)

    def move(self, up: int, down: int) -> None:
        self.up, self.down, self.seconds = self.up + up, self.down + down, self.seconds + 60

    def begin_again(self, onset: Onset) -> None:
        self.epoch, self.onset, self.began_at_seconds = self.epoch + 1, onset, self.seconds
        if onset is not Onset.CONTINUED:
            self.up = self.down = 0

    def read(self) -> MeterReading:
        self.seconds += 1
        width = G if not self.wide else 2**63
        reading = MeterReading(
            SERVICE,
            "snmp",
            "port",
            T0 + timedelta(seconds=self.seconds),
            self.up % width,
            self.down % width,
            self.wide,
            self.seconds - self.began_at_seconds,
            str(self.epoch),
            self.onset,
        )
        self.said.append(reading)
        return reading


_MOVES = st.tuples(st.just("move"), st.integers(0, STEP), st.integers(0, STEP))
_READS = st.tuples(st.just("read"), st.booleans(), st.just(0))
_COPIES = st.tuples(st.just("copy"), st.integers(0, 1000), st.just(0))
_RESETS = st.tuples(st.just("reset"), st.sampled_from([Onset.UNKNOWN, Onset.ZERO]), st.just(0))
_RENUMBERINGS = st.tuples(st.just("reset"), st.just(Onset.CONTINUED), st.just(0))


@given(
    st.booleans(),
    st.tuples(st.integers(0, 2 * G), st.integers(0, 2 * G)),
    st.lists(st.one_of(_MOVES, _MOVES, _READS, _READS, _COPIES, _RESETS, _RENUMBERINGS), max_size=40),
)
@settings(max_examples=1500)
def test_what_is_booked_is_what_moved_between_the_readings_that_arrived(
    wide: bool, begun: tuple[int, int], steps: list[tuple[str, object, object]]
) -> None:
    """Issue 4, counters: wraps count, copies and overtaken readings don't, a reset from zero counts whole."""
    device, meter = Device(wide, *begun), new_meter()
    booked_up = booked_down = true_up = true_down = 0
    arrived: MeterReading | None = None
    mark_up, mark_down = 0, 0
    unread_up = unread_down = 0
    pending = Onset.CONTINUED
    for what, first, second in steps:
        if what == "move":
            assert isinstance(first, int)
            assert isinstance(second, int)
            if not wide and (unread_up + first >= G // 2 or unread_down + second >= G // 2):
                continue  # a 32-bit counter that wraps unseen, or nearly so, proves nothing
            device.move(first, second)
            unread_up, unread_down = unread_up + first, unread_down + second
            continue
        if what == "reset":
            assert isinstance(first, Onset)
            if not wide and first is Onset.CONTINUED:
                continue  # a 32-bit counter under another number can't be told from one that began again
            device.begin_again(first)
            order = [Onset.CONTINUED, Onset.ZERO, Onset.UNKNOWN]
            pending = max(pending, first, key=order.index)
            device.onset = pending
            if first is not Onset.CONTINUED:
                mark_up = mark_down = unread_up = unread_down = 0
            continue
        if what == "copy":
            if not device.said or arrived is None:
                continue
            assert isinstance(first, int)
            old = [one for one in device.said if one.at <= arrived.at]
            if not old:
                continue
            meter, came = judge(meter, old[first % len(old)])
            assert came.upload_octets == came.download_octets == 0
            continue
        reading = device.read()
        if not first:
            continue  # lost on the way
        was_first = arrived is None
        meter, came = judge(meter, reading)
        arrived = reading
        if came.took is Took.COUNTED:
            booked_up += came.upload_octets
            booked_down += came.download_octets
        if (
            not was_first
            and pending is not Onset.UNKNOWN
            and not (not wide and not reading.upload_octets and not reading.download_octets)
        ):
            true_up, true_down = true_up + device.up - mark_up, true_down + device.down - mark_down
            mark_up, mark_down = device.up, device.down
        elif was_first or pending is Onset.UNKNOWN:
            mark_up, mark_down = device.up, device.down
        unread_up, unread_down = device.up - mark_up, device.down - mark_down
        pending = Onset.CONTINUED
    assert (booked_up, booked_down) == (true_up, true_down)
    assert (meter.upload_octets, meter.download_octets) == (true_up, true_down)


@given(st.integers(0, 10 * G), st.integers(1, 3600), st.sampled_from([10_000_000, 1_000_000_000]))
def test_what_is_faster_than_the_port_is_kept_apart_and_the_next_reading_counts(
    octets: int, seconds: int, fastest_bps: int
) -> None:
    """Issue 4, bad input: counters that can't be true are not billed until a person decides."""
    first = MeterReading(None, "snmp", "port", T0, 0, 0, True, 0, "a", fastest_bps=fastest_bps)
    meter, _ = judge(new_meter(), first)
    later = first._replace(at=T0 + timedelta(seconds=seconds), clock=seconds, download_octets=octets)
    meter, came = judge(meter, later)
    possible = octets * 8 <= fastest_bps * 1.1 * (seconds + 1)
    assert came.took is (Took.REPEATED if not octets else Took.COUNTED if possible else Took.DOUBTED)
    assert meter.download_octets == (octets if possible else 0)
    after = later._replace(at=later.at + timedelta(seconds=60), clock=seconds + 60, download_octets=octets + 7)
    meter, came = judge(meter, after)
    assert (came.took, came.download_octets) == (Took.COUNTED, 7)
