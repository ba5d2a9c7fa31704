"""More arrives than can be answered, by a simulated clock (RFC 5080 §2.2.3)."""

import heapq
from itertools import count

from netbilld.radius import backlog as limits
from netbilld.radius.attributes import STATE, USER_NAME
from netbilld.radius.backlog import Backlog
from netbilld.radius.codes import Code
from netbilld.radius.server import DropReason, Source
from tests.radius_requests import SOURCE, access_request, client, received, server

COST_SECONDS = 0.005
STEPS = 4  # of a conversation: one new request and three that go on
RETRY_SECONDS = 1.0


class Storm:
    """A server that needs so long for a datagram, and devices that all begin at once."""

    def __init__(self, cost_seconds: float = COST_SECONDS) -> None:
        self.now = 0.0
        self.cost_seconds = cost_seconds
        self.events: list[tuple[float, int, bytes]] = []  # when a datagram arrives, and which
        self.number = count()
        self.worked: list[tuple[float, bytes]] = []
        self.dropped: list[bytes] = []
        self.done: dict[int, float] = {}
        self.begun: dict[int, float] = {}
        self.repeated: list[bytes] = []
        self.backlog = Backlog(
            self.handle,
            lambda datagram, _source: datagram[0] > 0,
            self.drop,
            lambda: self.now,
            lambda datagram, _source: self.repeated.append(datagram),
        )
        self.backlog.expect(cost_seconds)

    def send(self, device: int, step: int, at: float) -> None:
        datagram = bytes((step, device >> 8, 0, device & 0xFF)) + device.to_bytes(16, "big")
        heapq.heappush(self.events, (at, next(self.number), datagram))

    def handle(self, datagram: bytes, _source: Source, _arrived_mono: float) -> None:
        self.now += self.cost_seconds
        step, device = datagram[0], datagram[1] << 8 | datagram[3]
        self.worked.append((self.now, datagram))
        if step == 0:
            self.begun[device] = self.now
        if step == STEPS - 1:
            self.done[device] = self.now
        else:
            self.send(device, step + 1, self.now + 0.01)

    def drop(self, datagram: bytes, _source: Source) -> None:
        self.dropped.append(datagram)

    def run(self, until: float) -> None:
        while self.now < until:
            while self.events and self.events[0][0] <= self.now:
                self.backlog.take(heapq.heappop(self.events)[2], SOURCE)
            if self.backlog:
                self.backlog.work(0.02)
            elif self.events:
                self.now = max(self.now, self.events[0][0])
            else:
                return


def test_every_conversation_that_has_begun_comes_to_its_end_in_time() -> None:
    storm = Storm()
    for device in range(3_000):  # fifteen seconds of work if all were taken
        storm.send(device, 0, device / 3_000)
    storm.run(60)
    assert storm.begun.keys() == storm.done.keys()
    assert storm.dropped
    assert {datagram[0] for datagram in storm.dropped} == {0}
    assert len(storm.begun) + len(storm.dropped) == 3_000
    # once begun, a conversation needs little more than its own time
    assert max(storm.done[device] - at for device, at in storm.begun.items()) < 1.0
    # and the server was never idle for want of what it had dropped
    assert storm.now < len(storm.worked) * COST_SECONDS * 1.2 + 1


def test_the_newest_are_dropped_first_and_the_oldest_answered_first() -> None:
    storm = Storm()
    for device in range(1_000):
        storm.send(device, STEPS - 1 if device % 10 == 0 else 0, 0.0)
    while storm.events:
        storm.backlog.take(heapq.heappop(storm.events)[2], SOURCE)
    room = int(limits.PATIENCE_SECONDS / COST_SECONDS)
    assert len(storm.backlog) >= room
    kept = {one.datagram for one in storm.backlog._new}
    assert max(datagram[4:] for datagram in kept) < min(datagram[4:] for datagram in storm.dropped)
    storm.backlog.work(60)
    steps = [datagram[0] for _at, datagram in storm.worked]
    assert steps == sorted(steps, reverse=True)  # what goes on, then what is new
    new = [datagram for _at, datagram in storm.worked if datagram[0] == 0]
    assert new == sorted(new, key=lambda datagram: datagram[4:])
    assert storm.backlog.dropped == len(storm.dropped)


def test_a_copy_of_what_waits_already_takes_no_place() -> None:
    storm = Storm()
    for _ in range(3):
        for device in range(20):
            storm.send(device, 0, 0.0)
    storm.run(5)
    assert len(storm.begun) == 20
    assert not storm.dropped
    assert len(storm.repeated) == 40, "they are counted"


def test_what_its_nas_has_given_up_is_not_worked_on() -> None:
    storm = Storm()
    storm.send(1, 0, 0.0)
    storm.backlog.take(heapq.heappop(storm.events)[2], SOURCE)
    storm.now = limits.GIVEN_UP_SECONDS + 0.1
    storm.backlog.work(1)
    assert not storm.worked
    assert len(storm.dropped) == 1


def test_however_dear_a_few_are_always_taken() -> None:
    storm = Storm(cost_seconds=10.0)
    for device in range(100):
        storm.send(device, 0, 0.0)
    while storm.events:
        storm.backlog.take(heapq.heappop(storm.events)[2], SOURCE)
    assert len(storm.backlog) == limits.LEAST_NEW


RHYTHM = 0.3
TRIES = 4


class Outstanding(Storm):
    """NAS with so many requests outstanding, each sent again by a rhythm, and given up a while after the last copy."""

    def __init__(self, cost_seconds: float, outstanding: int, devices: int) -> None:
        super().__init__(cost_seconds)
        self.left = devices
        self.first: dict[int, float] = {}
        self.answered: dict[int, float] = {}
        self.failed: list[int] = []
        self.next_device = count()
        for _ in range(outstanding):
            self.ask()

    def ask(self) -> None:
        if self.left:
            self.left -= 1
            device = next(self.next_device)
            self.first[device] = self.now
            for tried in range(TRIES + 1):  # the last one stands for giving up
                heapq.heappush(
                    self.events,
                    (self.now + tried * RHYTHM, next(self.number), bytes((0, tried)) + device.to_bytes(18, "big")),
                )

    def handle(self, datagram: bytes, _source: Source, _arrived_mono: float) -> None:
        self.now += self.cost_seconds
        device = int.from_bytes(datagram[4:20], "big")
        if device in self.failed:
            self.worked.append((self.now, datagram))  # for nobody
        elif device not in self.answered:
            self.answered[device] = self.now - self.first[device]
            self.ask()

    def take(self, datagram: bytes) -> None:
        tried, device = datagram[1], int.from_bytes(datagram[2:20], "big")
        if device in self.answered:
            return
        if tried == TRIES:
            self.failed.append(device)
            self.ask()
        else:
            self.backlog.take(bytes((0, 0, 0, 0)) + device.to_bytes(16, "big"), SOURCE)

    def run(self, until: float) -> None:
        while self.now < until and (self.events or self.backlog):
            while self.events and self.events[0][0] <= self.now:
                self.take(heapq.heappop(self.events)[2])
            if self.backlog:
                self.backlog.work(0.02)
            elif self.events:
                self.now = max(self.now, self.events[0][0])


def test_whoever_is_turned_away_keeps_the_place_of_the_first_copy() -> None:
    """A second of work asked for at once, and again as soon as it is done: nobody is turned away three times."""
    storm = Outstanding(cost_seconds=0.002, outstanding=480, devices=2_000)
    storm.run(60)
    assert storm.dropped, "more than there is patience for"
    assert not storm.failed
    assert len(storm.answered) == 2_000
    assert max(storm.answered.values()) < 1.1  # what is asked at once takes 0.96 s, in whatever order


def test_whom_nobody_waits_for_costs_little_even_when_far_too_much_arrives() -> None:
    """Three seconds of work outstanding: most must fail, but what is worked on is worked on in time."""
    storm = Outstanding(cost_seconds=0.002, outstanding=1_500, devices=6_000)
    storm.run(60)
    assert storm.failed
    assert len(storm.answered) + len(storm.failed) == 6_000
    assert len(storm.worked) < len(storm.answered) / 8
    assert len(storm.answered) * 0.002 > 0.85 * storm.now


def test_a_processor_that_is_shared_with_others_is_not_spent_on_dropping_alone() -> None:
    """By the clock a turn is over as soon as another process has had the processor; by the work done it is not."""
    now, worked, handled = 0.0, 0.0, 0

    def handle(_datagram: bytes, _source: Source, _arrived_mono: float) -> None:
        nonlocal now, worked, handled
        now += 0.01
        worked += 0.001
        handled += 1

    backlog = Backlog(
        handle, lambda _datagram, _source: True, lambda _datagram, _source: None, lambda: now, None, lambda: worked
    )
    for number in range(100):
        backlog.take(number.to_bytes(20, "big"), SOURCE)
    backlog.work(0.02)
    assert handled == 20


def test_what_goes_on_is_told_by_its_state_or_by_being_known() -> None:
    radius = server()
    new = access_request([(USER_NAME, b"nemo")])
    goes_on = access_request([(USER_NAME, b"nemo"), (STATE, b"16 octets of state")], identifier=8)
    assert not radius.has_begun(new, SOURCE)
    assert radius.has_begun(goes_on, SOURCE)
    assert not radius.has_begun(goes_on, ("203.0.113.1", 1))
    request = received(radius, new)
    assert radius.has_begun(new, SOURCE)
    radius.respond(request, Code.ACCESS_REJECT)
    assert radius.has_begun(new, SOURCE)
    for damaged in (b"", new[:19], new[:21], new[:20] + b"\x01\0", new[:20] + b"\x01"):
        radius.has_begun(damaged, SOURCE)


def test_what_is_dropped_is_counted_with_its_nas() -> None:
    radius = server("auth", client(name="pop7"))
    drop = radius.overloaded(access_request([(USER_NAME, b"nemo")]), SOURCE)
    assert radius.drops[DropReason.OVERLOADED] == 1
    assert drop.client is not None
    assert drop.client.name == "pop7"
