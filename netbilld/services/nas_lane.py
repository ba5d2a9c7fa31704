"""One NAS as orders see it: what waits for it, what is under way, and whether and how fast it may be asked."""

import asyncio
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.enforcement.breaker import Breaker
from netbilld.enforcement.pace import Pace, PaceLimits
from netbilld.services.nas_control import Outcome
from netbilld.services.order_book import NasRecord, PendingOrder
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.order_queue import OrderQueue, WaitingOrder

ORDERS_UNDER_WAY: Final = 16  # at one NAS
URGENT_BESIDES: Final = 4  # those that give access back find room among as many others


@dataclass(slots=True)
class Sent:
    """An order under way; `woke` when its answer was the first after a silence."""

    waiting: WaitingOrder
    attempt_id: int
    pending: PendingOrder
    taken_mono: float
    outcome: Outcome | None = None
    answered_at: datetime | None = None
    woke: bool = False


@dataclass(frozen=True, slots=True)
class NasOrders:
    """A NAS's queue as it is shown.

    Attributes:
        waiting, under_way: orders.
        silent: its last order was left unanswered.
        window_seconds: how long it takes until all that waits has left, at the pace of now; None while it is silent.
        pace_percent: what is left of its full pace.
    """

    waiting: int
    under_way: int
    silent: bool
    window_seconds: float | None = 0.0
    pace_percent: int = 100


class Lane:
    """A NAS's queue, its pace, its circuit breaker, and the orders that have ended and are not written down yet."""

    def __init__(self, policy: ReconcilePolicy, now_mono: Callable[[], float], jitter: Callable[[], float]) -> None:
        self.queue = OrderQueue()
        self.pace = Pace(policy.pace)
        self.breaker = Breaker(policy.probe)
        self.under_way = 0
        self.by_radius = 0  # of those
        self.running = False
        self.is_held = False  # what waits is for services that other NAS have orders for
        self.changed = asyncio.Event()
        self.ended: list[Sent] = []
        self.recording = asyncio.Lock()
        self._default = policy.pace
        self._now_mono = now_mono
        self._jitter = jitter

    def set_pace(self, nas: NasRecord) -> None:
        """Go by the pace of the NAS's own settings where it has one."""
        coa, cuts = nas.coa_per_second, nas.disconnects_per_second
        limits = PaceLimits(
            self._default.coa_per_second if coa is None else coa,
            self._default.disconnects_per_second if cuts is None else cuts,
        )
        if limits != self.pace.limits:
            self.pace.limits = limits

    def take(self, busy: Container[UUID | int]) -> list[WaitingOrder]:
        """Return the orders that leave now."""
        now = self._now_mono()
        room = self.pace.room(ORDERS_UNDER_WAY, now)
        leaving: Counter[bool] = Counter()  # by whether they go by RADIUS

        def may_leave(waiting: WaitingOrder) -> bool:
            by_radius = waiting.by_radius
            if by_radius and self.breaker.is_silent:
                if self.by_radius + leaving[True] or self.breaker.wait_seconds(now) > 0:
                    return False
            elif self.under_way + leaving.total() >= room + (URGENT_BESIDES if waiting.urgent else 0):
                return False
            if not self.pace.take(cuts=waiting.cuts, urgent=waiting.urgent, now=now):
                return False
            leaving[by_radius] += 1
            return True

        taken = self.queue.take(ORDERS_UNDER_WAY, busy.__contains__, may_leave)
        self.under_way += len(taken)
        self.by_radius += sum(waiting.by_radius for waiting in taken)
        return taken

    def wait_seconds(self) -> float | None:
        """Return how long until time alone lets an order leave; None where nothing waits for time."""
        now = self._now_mono()
        waits: list[float] = []
        for kind in self.queue.kinds():
            waiting = self.queue.first(kind)
            assert waiting is not None  # noqa: S101 - there are some of its kind
            pause = self.pace.wait_seconds(cuts=waiting.cuts, urgent=waiting.urgent, now=now)
            if waiting.by_radius:
                pause = max(pause, self.breaker.wait_seconds(now))
            if pause > 0:
                waits.append(pause)
        return min(waits, default=None)

    def release(self, waiting: WaitingOrder, taken_mono: float | None = None) -> None:
        """Give back the room of an order that has ended; `taken_mono` is when it took it, None where it never left."""
        if taken_mono is not None:
            self.pace.spent(self._now_mono() - taken_mono)
        self.under_way -= 1
        self.by_radius -= waiting.by_radius
        self.changed.set()

    def answered(self, seconds: float) -> bool:
        """Take notice of an answer on the CoA port; return whether the NAS had been silent."""
        now = self._now_mono()
        was_silent = self.breaker.answered()
        if was_silent:
            self.pace.recovered(now)
        else:
            self.pace.answered(seconds, now)
        return was_silent

    def unanswered(self) -> None:
        """Take notice of an order on the CoA port that was left unanswered."""
        now = self._now_mono()
        if not self.breaker.is_silent:
            self.pace.unanswered(now)
        self.breaker.unanswered(now, self._jitter())

    def heard(self) -> None:
        """Ask at once: the NAS is there, or its settings have changed."""
        self.breaker.heard()
        self.changed.set()

    def forget(self) -> None:
        """Drop what only lives while a run does; the database knows what is open."""
        self.queue, self.under_way, self.by_radius, self.running, self.ended = OrderQueue(), 0, 0, False, []

    def shown(self) -> NasOrders:
        """Return the queue as it is shown."""
        now = self._now_mono()
        silent = self.breaker.is_silent
        cuts = sum(waiting.cuts for waiting in self.queue)
        window = None
        if not silent or not len(self.queue):
            window = self.pace.window_seconds(coa=len(self.queue) - cuts, cuts=cuts, at_once=ORDERS_UNDER_WAY, now=now)
        percent = round(self.pace.share(now) * 100)
        return NasOrders(len(self.queue), self.under_way, silent, window, percent)
