"""The orders that wait for one NAS: one a session, the newest wish only, the most urgent first."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from uuid import UUID

from netbilld.enforcement.actions import Order
from netbilld.services.order_book import SessionToCheck


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order and the session it is for; `urgent` orders give access back or were asked for by a person."""

    session: SessionToCheck
    order: Order
    urgent: bool

    @property
    def busy_key(self) -> UUID | int:
        """Return what must not be under way twice: the service, or the session where it is nobody's."""
        return self.session.service_id or self.session.session_id


class OrderQueue:
    """Keyed by session; a later `put` replaces the order and keeps its place, unless it has become urgent."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int, int]] = []  # not urgent, turn, session
        self._orders: dict[int, tuple[int, WaitingOrder]] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._orders)

    def put(self, waiting: WaitingOrder) -> None:
        """Add or replace the order of a session."""
        session_id = waiting.session.session_id
        previous = self._orders.get(session_id)
        if previous is not None and previous[1].urgent == waiting.urgent:
            self._orders[session_id] = (previous[0], waiting)
            return
        self._turn += 1
        self._orders[session_id] = (self._turn, waiting)
        heappush(self._heap, (not waiting.urgent, self._turn, session_id))

    def discard(self, session_id: int) -> None:
        """Forget the order of a session, if there is one."""
        self._orders.pop(session_id, None)

    def take(self, limit: int, is_busy: Callable[[UUID | int], bool]) -> list[WaitingOrder]:
        """Return up to `limit` orders for services that are not busy, no two for one service; the rest wait on."""
        taken: list[WaitingOrder] = []
        keys: set[UUID | int] = set()
        held: list[tuple[bool, int, int]] = []
        while self._heap and len(taken) < limit:
            place = heappop(self._heap)
            entry = self._orders.get(place[2])
            if entry is None or entry[0] != place[1]:
                continue  # replaced or forgotten meanwhile
            waiting = entry[1]
            if waiting.busy_key in keys or is_busy(waiting.busy_key):
                held.append(place)
                continue
            keys.add(waiting.busy_key)
            del self._orders[place[2]]
            taken.append(waiting)
        for place in held:
            heappush(self._heap, place)
        return taken
