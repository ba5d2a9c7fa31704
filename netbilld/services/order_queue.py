"""The orders that wait for one NAS: one a session, the newest wish only, the most urgent first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from uuid import UUID

from netbilld.enforcement.actions import Order, Via
from netbilld.enforcement.ladder import START, Change, Position, Rung, door_of, ends_session
from netbilld.services.order_book import SessionToCheck


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order and the session it is for; `urgent` orders give access back or were asked for by a person."""

    session: SessionToCheck
    order: Order
    urgent: bool
    at: Position = START
    change: Change | None = None
    rungs: tuple[Rung, ...] = ()

    @property
    def busy_key(self) -> UUID | int:
        """Return what must not be under way twice: the service, or the session where it is nobody's."""
        return self.session.service_id or self.session.session_id

    @property
    def cuts(self) -> bool:
        return ends_session(self.order)

    @property
    def by_radius(self) -> bool:
        return door_of(self.order) is Via.RADIUS


Kind = tuple[bool, bool]  # whether it cuts, and whether it goes by RADIUS: what a NAS's pace and silence tell apart
_Place = tuple[bool, int, int]  # not urgent, turn, session


class OrderQueue:
    """Keyed by session; a later `put` replaces the order and keeps its place, unless it has become urgent."""

    def __init__(self) -> None:
        self._heaps: dict[Kind, list[_Place]] = {}
        self._orders: dict[int, tuple[int, WaitingOrder]] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[WaitingOrder]:
        return (waiting for _, waiting in self._orders.values())

    def put(self, waiting: WaitingOrder) -> None:
        """Add or replace the order of a session."""
        session_id = waiting.session.session_id
        previous = self._orders.get(session_id)
        if previous is not None and previous[1].urgent == waiting.urgent and _kind(previous[1]) == _kind(waiting):
            self._orders[session_id] = (previous[0], waiting)
            return
        turn = previous[0] if previous is not None and previous[1].urgent == waiting.urgent else self._next_turn()
        self._orders[session_id] = (turn, waiting)
        heappush(self._heaps.setdefault(_kind(waiting), []), (not waiting.urgent, turn, session_id))

    def discard(self, session_id: int) -> None:
        """Forget the order of a session, if there is one."""
        self._orders.pop(session_id, None)

    def first(self, kind: Kind) -> WaitingOrder | None:
        """Return the order of a kind whose turn is next."""
        heap = self._heaps.get(kind, [])
        while heap and not self._holds(heap[0], kind):
            heappop(heap)
        return self._orders[heap[0][2]][1] if heap else None

    def kinds(self) -> list[Kind]:
        """Return the kinds of the orders that wait."""
        return [kind for kind in self._heaps if self.first(kind) is not None]

    def take(
        self,
        limit: int,
        is_busy: Callable[[UUID | int], bool],
        may_leave: Callable[[WaitingOrder], bool] = lambda _waiting: True,
    ) -> list[WaitingOrder]:
        """Return up to `limit` orders for services that are not busy, no two for one service; the rest wait on.

        Args:
            limit: the most orders.
            is_busy: whether an order for this service is under way.
            may_leave: whether an order's time has come; after the first no, no other of its kind is asked about.
        """
        taken: list[WaitingOrder] = []
        keys: set[UUID | int] = set()
        held: list[tuple[Kind, _Place]] = []
        open_kinds = set(self._heaps)
        while len(taken) < limit:
            places = [(heap[0], kind) for kind in open_kinds if self.first(kind) and (heap := self._heaps[kind])]
            if not places:
                break
            place, kind = min(places)
            waiting = self._orders[place[2]][1]
            if waiting.busy_key in keys or is_busy(waiting.busy_key):
                held.append((kind, heappop(self._heaps[kind])))
            elif not may_leave(waiting):
                open_kinds.discard(kind)
            else:
                heappop(self._heaps[kind])
                keys.add(waiting.busy_key)
                del self._orders[place[2]]
                taken.append(waiting)
        for kind, place in held:
            heappush(self._heaps[kind], place)
        return taken

    def _holds(self, place: _Place, kind: Kind) -> bool:
        """Tell whether a place is still its order's; one that was replaced or forgotten is not."""
        entry = self._orders.get(place[2])
        return entry is not None and entry[0] == place[1] and _kind(entry[1]) == kind

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn


def _kind(waiting: WaitingOrder) -> Kind:
    return waiting.cuts, waiting.by_radius
