"""Histories of a little network, and what a meter must make of them: what was true, what was sent, what arrived."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from netbilld.accounting.counting import counting, counting_of_reading, unit_octets
from tests.accounting_packets import T0, datagram

INTERIM_SECONDS = 300
LEAST_GAP_SECONDS = 300  # between sessions of one user with one id: what a router needs to boot
GIB4 = 1 << 32


@dataclass(frozen=True)
class Habits:
    """How a NAS counts and speaks."""

    nas_id: UUID
    flags: int
    gigawords: bool
    dated: str  # delay: it says how long a report waited; stamp: when it happened; none: it sends at once
    ids: int  # so many Acct-Session-Ids it has, then they come again; 0 for one a port
    says_on: bool

    @property
    def unit(self) -> int:
        return unit_octets(self.flags)


@dataclass
class Truth:
    """A session as it was, and the newest of its reports that has arrived."""

    habits: Habits
    user: str
    session_id: str
    mac: str
    address: str
    begun: int
    reports: list[tuple[str, int, int, int]] = field(default_factory=list)  # status, second, upload, download
    arrived: tuple[int, int, int] = (-1, 0, 0)  # second, upload, download
    stopped: bool = False
    heard: list[tuple[float, int, int, int]] = field(default_factory=list)  # first arrival, second, upload, download

    def told(self, second: int, upload: int, download: int) -> None:
        self.arrived = max(self.arrived, (second, upload, download))


@dataclass(frozen=True)
class Packet:
    """A packet on its way."""

    at: float  # seconds after T0
    nas_id: UUID
    flags: int
    octets: bytes

    @property
    def received_at(self) -> datetime:
        return T0 + timedelta(seconds=self.at)


@dataclass
class History:
    """Packets in the order they arrive, and the sessions they tell of."""

    sessions: list[Truth]
    packets: list[Packet]

    def due(self) -> dict[str, tuple[int, int]]:
        """Return upload and download by user name: of every session what the newest report that arrived has said."""
        sums: dict[str, tuple[int, int]] = {}
        for session in self.sessions:
            up, down = sums.get(session.user, (0, 0))
            sums[session.user] = up + session.arrived[1], down + session.arrived[2]
        return sums

    def true(self) -> dict[str, tuple[int, int]]:
        """Return what every session really moved, as its NAS counts."""
        sums: dict[str, tuple[int, int]] = {}
        for session in self.sessions:
            _, _, more_up, more_down = session.reports[-1]
            up, down = sums.get(session.user, (0, 0))
            sums[session.user] = up + more_up, down + more_down
        return sums


@dataclass(frozen=True)
class Troubles:
    """What may happen on the way.

    Attributes:
        lost: of a hundred interims and Starts, so many never arrive.
        silent_ends: sessions may end without a last word, or their last word is lost.
        readings: we read counters ourselves in between, and a little too much at times.
    """

    lost: int = 30
    silent_ends: bool = False
    readings: bool = True


def history(seed: int, troubles: Troubles, nases: int = 2, users: int = 3) -> History:
    """Return the history of a seed."""
    random = Random(seed)
    sessions: list[Truth] = []
    packets: list[Packet] = []
    for number in range(random.randint(1, nases)):
        _live_on(random, _habits(random, number), troubles, users, sessions, packets)
    packets.sort(key=lambda packet: packet.at)
    return History(sessions, packets)


def _habits(random: Random, number: int) -> Habits:
    unit = random.choice(("octets", "octets", "kB", "KiB"))
    return Habits(
        UUID(int=0xA0 + number),
        counting(random.random() < 0.3, unit, "inside"),
        random.random() < 0.7,
        random.choice(("delay", "delay", "stamp", "none")),
        random.choice((0, 1, 2, 5)),
        random.random() < 0.5,
    )


def _live_on(
    random: Random,
    habits: Habits,
    troubles: Troubles,
    users: int,
    sessions: list[Truth],
    packets: list[Packet],
) -> None:
    """Let a NAS boot a few times; between boots users come and go."""
    boot_at, begun_sessions = 0, 0
    before: dict[tuple[str, str], Truth] = {}
    for _ in range(random.randint(1, 3)):
        ends_at = boot_at + random.randint(600, 6 * 3600)
        if habits.says_on:
            _send(
                random,
                habits,
                packets,
                boot_at,
                datagram("on", session_id=None, user=None, mac=None, ip=None, **_date(habits, boot_at, 0)),
            )
        for user in range(users):
            at = boot_at + random.randint(20, 900)
            while at < ends_at - 60 and random.random() < 0.8:
                # ids go round; those of one user's neighbouring sessions are the same on a NAS with few of them
                session_id = f"81{begun_sessions % habits.ids if habits.ids else user:06x}"
                begun_sessions += 1
                length = min(random.choice((5, 40, 700, 4000, 12_000)) + random.randint(0, 200), ends_at - at)
                truth = Truth(habits, f"user{user}", session_id, f"AA:BB:CC:00:00:{user:02X}", f"10.0.0.{user + 1}", at)
                cut_off = troubles.silent_ends and random.random() < 0.4
                _report(random, truth, length, cut_off=cut_off)
                _deliver(random, truth, troubles, packets, before.get((truth.user, session_id)))
                before[truth.user, session_id] = truth
                sessions.append(truth)
                at += length + random.randint(LEAST_GAP_SECONDS, 1800)
        boot_at = ends_at + random.randint(60, 600)


def _report(random: Random, truth: Truth, length: int, *, cut_off: bool) -> None:
    """Make the reports that the NAS makes: counters in its own unit, cumulative."""
    unit = truth.habits.unit
    most = (
        random.choice((0, 1500, 10**6, GIB4 - 1))
        if not truth.habits.gigawords
        else random.choice((0, 1500, (1 << 36) // unit))
    )
    up = down = second = 0
    truth.reports.append(("start", 0, 0, 0))
    while second < length:
        step = min(INTERIM_SECONDS, length - second)
        second += step
        up += random.randint(0, most) * unit
        down += random.randint(0, most) * unit
        truth.reports.append(("stop" if second == length and not cut_off else "interim", second, up, down))
    truth.stopped = not cut_off


def _deliver(random: Random, truth: Truth, troubles: Troubles, packets: list[Packet], before: Truth | None) -> None:
    """Put the session's packets on their way: some lost, some twice, some late, in any order.

    The same user on the same id of a NAS that dates its reports itself, without a Start, while nobody has heard that the
    session before is over, or of the session before at all: nothing would tell that from a NAS whose clock was set. So
    its Starts come at once.
    """
    habits = truth.habits
    last = len(truth.reports) - 1
    survives = [random.randrange(100) >= troubles.lost for _ in truth.reports]
    hurries = habits.dated == "stamp"
    survives[0] = survives[0] or hurries
    survives[last] = not troubles.silent_ends or random.random() < 0.7
    if not habits.gigawords:
        _keep_within_a_wrap(truth, survives)
    for number, (status, second, up, down) in enumerate(truth.reports):
        if not survives[number]:
            continue
        event_at = truth.begun + second
        arrives: list[float] = []
        delays = _delays(random, habits, hurries=hurries and not second)
        for delay in delays:
            what: dict[str, Any] = {}
            if status != "start":
                input_, output = (down, up) if habits.flags & 1 else (up, down)
                what = {
                    "up": input_ // habits.unit,
                    "down": output // habits.unit,
                    "seconds": second,
                    "gigawords": habits.gigawords,
                }
                if not habits.gigawords:
                    what |= {"up": what["up"] % GIB4, "down": what["down"] % GIB4}
            if status == "stop":
                what["cause"] = 1
            octets = datagram(
                status,
                session_id=truth.session_id,
                user=truth.user,
                mac=truth.mac,
                ip=truth.address,
                **what,
                **_date(habits, event_at, delay),
            )
            arrives.append(event_at + delay + random.random())
            packets.append(Packet(arrives[-1], habits.nas_id, habits.flags, octets))
        if status != "start":
            truth.told(second, up, down)
            truth.heard.append((min(arrives), second, up, down))
    if not habits.gigawords:
        _say_nothing(random, truth, packets)
        if before is not None and habits.dated == "none":
            _repeat_the_one_before(truth, before, packets)
    if troubles.readings and truth.stopped and survives[last]:
        _read(random, truth, packets)


def _keep_within_a_wrap(truth: Truth, survives: list[bool]) -> None:
    """Let nothing be lost that a 32-bit counter needs: less than 2³² steps between what survives."""
    before = (0, 0)
    for number, (_, _, up, down) in enumerate(truth.reports[:-1]):
        following = truth.reports[number + 1]
        if max(following[2] - before[0], following[3] - before[1]) >= GIB4 * truth.habits.unit:
            survives[number] = True
        if survives[number]:
            before = up, down


def _delays(random: Random, habits: Habits, *, hurries: bool) -> list[float]:
    """Return how late each copy of a report comes."""
    late = (0, 0, 1, 7, 90, 1200, 7200) if habits.dated != "none" else (0, 0, 1, 4)
    copies = [float(random.choice(late)) for _ in range(random.choice((1, 1, 2, 3)))]
    if hurries:
        copies[0] = 0.0
    return copies


def _say_nothing(random: Random, truth: Truth, packets: list[Packet]) -> None:
    """Let an interim with two zeros be overtaken now and then: some NAS send them while they have no counters at hand."""
    for at, second, _, _ in truth.heard:
        if second <= 10 or random.random() < 0.8:
            continue
        late = random.choice((1, 60, 1200)) if truth.habits.dated != "none" else 1
        arrives = at + late
        packets.append(_narrow_report(truth, arrives, second - 7, (0, 0), arrives - truth.begun - second + 7))


def _repeat_the_one_before(truth: Truth, before: Truth, packets: list[Packet]) -> None:
    """Let copies of the session before arrive in this one, not saying how late they are, nor looking like its own."""
    for _, second, up, down in before.heard:
        for at, reached, more_up, more_down in truth.heard:
            begun = at + 1 - second
            if reached > second and more_up >= up and more_down >= down and begun - truth.begun > 70 + second / 1000:
                shown = up // truth.habits.unit % GIB4, down // truth.habits.unit % GIB4
                packets.append(_narrow_report(truth, at + 1, second, shown, 0))
                break


def _narrow_report(truth: Truth, arrives: float, second: int, shown: tuple[int, int], delay: float) -> Packet:
    """Return a report of 32-bit counters, upload and download as shown, dated as its NAS dates them."""
    up, down = reversed(shown) if truth.habits.flags & 1 else shown
    octets = datagram(
        "interim",
        session_id=truth.session_id,
        user=truth.user,
        mac=truth.mac,
        ip=truth.address,
        up=up,
        down=down,
        seconds=second,
        gigawords=False,
        **_date(truth.habits, truth.begun + second, delay),
    )
    return Packet(arrives, truth.habits.nas_id, truth.habits.flags, octets)


def _date(habits: Habits, event_at: float, delay: float) -> dict[str, Any]:
    if habits.dated == "delay":
        return {"delay": int(delay)}
    if habits.dated == "stamp":
        return {"timestamp": int((T0 + timedelta(seconds=event_at)).timestamp())}
    return {"delay": 0}


def _send(random: Random, habits: Habits, packets: list[Packet], at: int, octets: bytes) -> None:
    packets.extend(
        Packet(at + random.random(), habits.nas_id, habits.flags, octets) for _ in range(random.randint(1, 2))
    )


def _read(random: Random, truth: Truth, packets: list[Packet]) -> None:
    """Read the session's counters at times, and now and then more than its NAS will ever say."""
    for status, second, up, down in truth.reports[1:]:
        if random.random() < 0.3:
            too_much = random.choice((0, 0, 0, 5000))
            at = truth.begun + second - (0 if status == "interim" else 1)
            octets = datagram(
                "interim",
                session_id=truth.session_id,
                user=truth.user,
                mac=truth.mac,
                ip=truth.address,
                up=up + too_much,
                down=down + too_much,
                seconds=max(0, second),
                delay=0,
            )
            flags = counting_of_reading(random.choice(("api", "snmp")))
            packets.append(Packet(at + random.random() * 30, truth.habits.nas_id, flags, octets))
