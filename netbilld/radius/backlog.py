"""What to do first when requests come faster than they can be answered (RFC 5080 §2.2.3).

Conversations that have begun go first, so that the work already done on them is not lost. New ones wait their turn, and
no more of them are taken than can be answered before their NAS gives up: the newest are dropped, in silence.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from netbilld.radius.server import Source

PATIENCE_SECONDS: Final = 0.6  # a NAS that asks every 300 ms and three times more gives up after 1.2 s
GIVEN_UP_SECONDS: Final = 3.0  # when a NAS has sent its last copy
MAX_BEGUN: Final = 8192
LEAST_NEW: Final = 32  # whatever one of them costs
_SMOOTHING: Final = 1 / 4

_Waiting = tuple[bytes, Source, float]


class Backlog:
    """Datagrams of one socket taken out of the kernel's queue, which knows no difference between them.

    Args:
        handle: works on a datagram, given when it was taken.
        has_begun: tells whether a datagram goes on with what was begun, or is a copy of a request worked on already.
        drop: told of each datagram that is thrown away.
        monotonic: the clock.
        repeated: told of each copy of what waits already.
    """

    def __init__(
        self,
        handle: Callable[[bytes, Source, float], None],
        has_begun: Callable[[bytes, Source], bool],
        drop: Callable[[bytes, Source], None],
        monotonic: Callable[[], float],
        repeated: Callable[[bytes, Source], object] | None = None,
    ) -> None:
        self._handle = handle
        self._has_begun = has_begun
        self._drop = drop
        self._monotonic = monotonic
        self._repeated = repeated
        self._begun: deque[_Waiting] = deque()
        self._new: deque[_Waiting] = deque()
        self._waiting: set[tuple[Source, bytes]] = set()  # source, identifier and authenticator of the new ones
        self._cost_seconds = 0.0
        self._ended_mono: float | None = None  # when the last turn did, with something left to do
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._begun) + len(self._new)

    def expect(self, cost_seconds: float) -> None:
        """Begin with what one datagram has cost of late."""
        self._cost_seconds = cost_seconds

    def take(self, datagram: bytes, source: Source) -> None:
        """Queue a datagram, or drop it."""
        now_mono = self._monotonic()
        if self._has_begun(datagram, source):
            if len(self._begun) < MAX_BEGUN:
                self._begun.append((datagram, source, now_mono))
                return
        else:
            key = (source, datagram[1:2] + datagram[4:20])
            if key in self._waiting:
                if self._repeated is not None:
                    self._repeated(datagram, source)
                return
            if len(self._new) < LEAST_NEW or (len(self) + 1) * self._cost_seconds <= PATIENCE_SECONDS:
                self._waiting.add(key)
                self._new.append((datagram, source, now_mono))
                return
        self.dropped += 1
        self._drop(datagram, source)

    def work(self, seconds: float) -> None:
        """Work on what waits for so long, the begun first and of each kind the oldest first.

        What one costs includes what went on between the turns: as long as that does, what waits has to wait for it too.
        """
        began_mono = now_mono = self._monotonic()
        counted_from_mono = began_mono if self._ended_mono is None else self._ended_mono
        handled = 0
        while now_mono - began_mono < seconds and (self._begun or self._new):
            if self._begun:
                datagram, source, taken_mono = self._begun.popleft()
            else:
                datagram, source, taken_mono = self._new.popleft()
                self._waiting.discard((source, datagram[1:2] + datagram[4:20]))
            if now_mono - taken_mono > GIVEN_UP_SECONDS:
                self.dropped += 1
                self._drop(datagram, source)
                continue
            self._handle(datagram, source, taken_mono)
            handled += 1
            now_mono = self._monotonic()
        if handled:
            self._cost_seconds += ((now_mono - counted_from_mono) / handled - self._cost_seconds) * _SMOOTHING
        self._ended_mono = now_mono if self else None
