"""What to do first when requests come faster than they can be answered (RFC 5080 §2.2.3).

Conversations that have begun go first, so that the work already done on them is not lost. New ones wait their turn in
the order in which their NAS began to ask. No more of them wait than can be answered before the NAS gives up: the newest
are turned away, in silence. Who is turned away asks again soon with the very same packet, and then has the place that
its first copy would have had; else chance would decide who is turned away three times.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from netbilld.radius.server import Source

PATIENCE_SECONDS: Final = 0.8  # a NAS that asks every 300 ms and three times more gives up after 1.2 s
GIVEN_UP_SECONDS: Final = 3.0  # when a NAS that has asked once will have asked again, or never does
RETRY_SECONDS: Final = 0.3  # no NAS asks more often
MAX_BEGUN: Final = 8192
MAX_TURNED_AWAY: Final = 32_768  # of which it is remembered when they first asked
LEAST_NEW: Final = 32  # whatever one of them costs
LONGEST_TURN: Final = 20  # times the work that a turn is for, by the clock
_FADING: Final = 31 / 32  # of what is known of the cost, with each turn

Key = tuple[Source, bytes]  # source, and the identifier and authenticator of a request


class _Waiting:
    """A request that waits: its first copy, and when that and the last one came."""

    __slots__ = ("copies", "datagram", "first_mono", "key", "last_mono", "source")

    def __init__(self, datagram: bytes, source: Source, key: Key, first_mono: float, now_mono: float) -> None:
        self.datagram = datagram
        self.source = source
        self.key = key
        self.first_mono = first_mono
        self.last_mono = now_mono
        self.copies = 1 if now_mono > first_mono else 0  # at least; those turned away were not counted

    def __lt__(self, other: "_Waiting") -> bool:
        return self.first_mono < other.first_mono

    def is_given_up(self, now_mono: float) -> bool:
        """Tell whether its NAS no longer waits: by the rhythm in which it has asked, the next copy is overdue."""
        silent_seconds = now_mono - self.last_mono
        if silent_seconds <= 2 * RETRY_SECONDS:
            return False
        if self.copies == 0:
            return silent_seconds > GIVEN_UP_SECONDS
        return silent_seconds > 2 * (self.last_mono - self.first_mono) / self.copies


class Backlog:
    """Datagrams of one socket taken out of the kernel's queue, which knows no difference between them.

    Args:
        handle: works on a datagram, given when its first copy was taken.
        has_begun: tells whether a datagram goes on with what was begun, or is a copy of a request worked on already.
        drop: told of each datagram that is thrown away.
        monotonic: the clock.
        repeated: told of each copy of what waits already.
        worked: seconds of work done by this thread so far; by it the length of a turn is measured. A process that is
            kept off the processor for most of a turn would else spend all it gets on taking datagrams in.
    """

    def __init__(
        self,
        handle: Callable[[bytes, Source, float], None],
        has_begun: Callable[[bytes, Source], bool],
        drop: Callable[[bytes, Source], None],
        monotonic: Callable[[], float],
        repeated: Callable[[bytes, Source], object] | None = None,
        worked: Callable[[], float] | None = None,
    ) -> None:
        self._handle = handle
        self._has_begun = has_begun
        self._drop = drop
        self._monotonic = monotonic
        self._repeated = repeated
        self._worked = worked or monotonic
        self._begun: deque[_Waiting] = deque()
        self._new: deque[_Waiting] = deque()  # in the order of their first copies
        self._returned: list[_Waiting] = []  # a heap of those that had been turned away, which are older
        self._waiting: dict[Key, _Waiting] = {}  # both
        self._turned_away: dict[Key, float] = {}  # when they asked first
        self._cost_seconds = 0.0
        self._spent_seconds = 0.0  # and on how many, of late
        self._spent_on = 0.0
        self._ended_mono: float | None = None  # when the last turn did, with something left to do
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._begun) + len(self._waiting)

    def expect(self, cost_seconds: float) -> None:
        """Begin with what one datagram has cost of late."""
        self._cost_seconds = cost_seconds
        self._spent_seconds = self._spent_on = 0.0

    def take(self, datagram: bytes, source: Source) -> None:
        """Queue a datagram, or turn it or a newer one away."""
        now_mono = self._monotonic()
        key = (source, datagram[1:2] + datagram[4:20])
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.last_mono = now_mono
            waiting.copies += 1
            if self._repeated is not None:
                self._repeated(datagram, source)
            return
        if self._has_begun(datagram, source):
            if len(self._begun) < MAX_BEGUN:
                self._begun.append(_Waiting(datagram, source, key, now_mono, now_mono))
            else:
                self._lose(datagram, source)
            return
        first_mono = self._turned_away.pop(key, now_mono)
        is_new = now_mono - first_mono > GIVEN_UP_SECONDS or first_mono == now_mono
        has_room = (
            len(self._waiting) < LEAST_NEW
            or (len(self._begun) + len(self._waiting) + 1) * self._cost_seconds <= PATIENCE_SECONDS
        )
        if is_new:
            one = _Waiting(datagram, source, key, now_mono, now_mono)
            if has_room:
                self._waiting[key] = one
                self._new.append(one)
            else:
                self._turn_away(one)
            return
        one = _Waiting(datagram, source, key, first_mono, now_mono)
        if not has_room:
            if not self._new or self._new[-1].first_mono <= first_mono:
                self._turn_away(one)
                return
            newest = self._new.pop()
            del self._waiting[newest.key]
            self._turn_away(newest)
        self._waiting[key] = one
        heappush(self._returned, one)

    def work(self, seconds: float) -> None:
        """Work on what waits for so long, the begun first, then who has waited longest.

        What one costs includes what went on between the turns: as long as that does, what waits has to wait for it too.
        """
        now_mono = self._monotonic()
        counted_from_mono = now_mono if self._ended_mono is None else self._ended_mono
        until, until_mono = self._worked() + seconds, now_mono + seconds * LONGEST_TURN
        handled = 0
        while (self._begun or self._waiting) and self._worked() < until and now_mono < until_mono:
            one = self._next()
            now_mono = self._monotonic()
            if one.is_given_up(now_mono):
                self._lose(one.datagram, one.source)
                continue
            self._handle(one.datagram, one.source, one.first_mono)
            handled += 1
        now_mono = self._monotonic()
        if handled:
            self._spent_seconds = self._spent_seconds * _FADING + now_mono - counted_from_mono
            self._spent_on = self._spent_on * _FADING + handled
            self._cost_seconds = self._spent_seconds / self._spent_on
        self._ended_mono = now_mono if self else None

    def _next(self) -> _Waiting:
        if self._begun:
            return self._begun.popleft()
        if self._returned and (not self._new or self._returned[0] < self._new[0]):
            one = heappop(self._returned)
        else:
            one = self._new.popleft()
        del self._waiting[one.key]
        return one

    def _turn_away(self, one: _Waiting) -> None:
        """Drop a request, and remember since when it asks."""
        turned_away = self._turned_away
        if len(turned_away) >= MAX_TURNED_AWAY:
            del turned_away[next(iter(turned_away))]
        turned_away[one.key] = one.first_mono
        self._lose(one.datagram, one.source)

    def _lose(self, datagram: bytes, source: Source) -> None:
        self.dropped += 1
        self._drop(datagram, source)
