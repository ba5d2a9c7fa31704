"""Live packets of one subscriber, for `netbilld radius trace`: kept raw while somebody asks, decoded when read.

What is kept is bounded; a watch that nobody reads any more ends by itself.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.adapters.nas.coa import Direction, OrderTrace
from netbilld.enforcement.actions import SessionHandle
from netbilld.radius.attributes import USER_NAME
from netbilld.radius.debug import dump
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import Packet, decode
from netbilld.radius.server import Drop, Replay, Request, Source
from netbilld.radius.values import lookup_key
from netbilld.services.nas_control import NasTarget

MAX_WATCHES: Final = 4
MAX_KEPT: Final = 500
MAX_OPEN: Final = 1_000
MAX_SECONDS: Final = 3_600.0
UNREAD_SECONDS: Final = 10.0  # after which a watch nobody reads is given up
ANSWER_OCTETS: Final = 40_000  # of one answer over the control socket
_LONGEST_DUMP: Final = 12_000


@dataclass(slots=True)
class _Event:
    at: datetime
    port: str
    direction: Direction
    peer: str
    nas: str | None
    note: str
    datagram: bytes = field(repr=False)


class _Watch:
    """One reader: whom it watches, and what was seen since it last read."""

    def __init__(self, key: bytes, service_id: UUID | None, nas: str | None, ends_mono: float, now_mono: float) -> None:
        self.key = key
        self.service_id = service_id
        self.nas = nas
        self.ends_mono = ends_mono
        self.read_mono = now_mono
        self.kept: deque[_Event] = deque(maxlen=MAX_KEPT)
        self.lost = 0
        self.open: OrderedDict[tuple[Source, int], None] = OrderedDict()

    def is_of(self, key: bytes, service_id: UUID | None) -> bool:
        """Tell whether a name, or the service it leads to, is the one watched."""
        return key == self.key or (service_id is not None and service_id == self.service_id)

    def keep(self, event: _Event) -> None:
        if len(self.kept) == MAX_KEPT:
            self.lost += 1
        self.kept.append(event)

    def expect(self, source: Source, identifier: int) -> None:
        if len(self.open) >= MAX_OPEN:
            self.open.popitem(last=False)
        self.open[source, identifier] = None


class Sender(Protocol):
    """Sends orders, and shows them while it has somebody to show them to."""

    trace: OrderTrace | None


class PacketTrace:
    """The watches under way; the RADIUS ports hold it only while there are any.

    Args:
        service_of: tells which service a name on the wire leads to, None for nobody's.
        now: the clock.
        monotonic: seconds that never step back.
        changed: called with True before the first watch begins, with False after the last has ended.
    """

    def __init__(
        self,
        service_of: Callable[[bytes], UUID | None],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        changed: Callable[[bool], None],
    ) -> None:
        self._service_of = service_of
        self._now = now
        self._monotonic = monotonic
        self._changed = changed
        self._senders: tuple[Sender, ...] = ()
        self._watches: dict[int, _Watch] = {}
        self._last = 0

    def take_along(self, *senders: Sender) -> None:
        """Show the orders that these send, too."""
        self._senders = senders

    # -- from the ports ------------------------------------------------------------------------------------------------

    def saw(
        self, port: str, datagram: bytes, source: Source, outcome: Request | Replay | Drop, reply: bytes | None
    ) -> None:
        """Take note of a datagram, what it was taken for, and the reply that goes out at once, if one does."""
        packet: Packet | None
        if isinstance(outcome, Request):
            packet = outcome.packet
        else:
            try:
                packet = decode(datagram)
            except MalformedPacket:
                packet = None
        name = packet.attributes.get(USER_NAME) if packet is not None else None
        nas = outcome.client.name if outcome.client is not None else None
        note = ""
        if isinstance(outcome, Drop):
            note = f"dropped: {outcome.reason}" + (f" ({outcome.detail})" if outcome.detail else "")
        elif isinstance(outcome, Replay):
            note = "retransmission, answered with the same bytes"
        key = lookup_key(name) if name is not None else None
        service_id = self._service_of(name) if name is not None else None
        for watch in self._current():
            if watch.nas is not None and watch.nas != nas:
                continue
            if not self._wanted(watch, key, service_id, outcome):
                continue
            watch.keep(_Event(self._now(), port, "in", source[0], nas, note, datagram))
            if reply is not None:
                watch.keep(_Event(self._now(), port, "out", source[0], nas, "", reply))
            elif isinstance(outcome, Request):
                watch.expect(source, datagram[1])

    def answered(self, port: str, request: Request, reply: bytes) -> None:
        """Take note of a reply that went out later."""
        for watch in self._current():
            key = (request.source, request.packet.identifier)
            if key in watch.open:
                del watch.open[key]
                watch.keep(_Event(self._now(), port, "out", request.source[0], request.client.name, "", reply))

    def order(
        self, port: str, direction: Direction, nas: NasTarget, session: SessionHandle, datagram: bytes, note: str
    ) -> None:
        """Take note of an order to a NAS about a session, or of the NAS's answer."""
        user_name = session.username.encode("utf-8", "surrogateescape")
        key, service_id = lookup_key(user_name), self._service_of(user_name)
        for watch in self._current():
            if watch.nas in {None, nas.name} and watch.is_of(key, service_id):
                watch.keep(_Event(self._now(), port, direction, nas.host, nas.name, note, datagram))

    def _wanted(
        self, watch: _Watch, key: bytes | None, service_id: UUID | None, outcome: Request | Replay | Drop
    ) -> bool:
        if key is not None:
            return watch.is_of(key, service_id)
        # what can't be read is nobody's: shown to whoever watches that very NAS
        return watch.nas is not None and isinstance(outcome, Drop)

    def _current(self) -> list[_Watch]:
        now_mono = self._monotonic()
        ended = [
            number
            for number, watch in self._watches.items()
            if now_mono >= watch.ends_mono or now_mono - watch.read_mono >= UNREAD_SECONDS
        ]
        for number in ended:
            self._end(number)
        return list(self._watches.values())

    # -- from the control socket ---------------------------------------------------------------------------------------

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `start`, `read` and `stop`.

        A `start` may say how the watch is to be called, in `watch`; a `read` may say in `start` how to begin the watch
        if it is not known here.
        """
        self._current()
        match request.get("do"):
            case "start":
                return self._start(request)
            case "read":
                begin = request.get("start")
                if isinstance(begin, dict) and request.get("watch") not in self._watches:
                    self._start({**begin, "watch": request.get("watch")})
                return self._read(request.get("watch"))
            case "stop":
                self._end(request.get("watch"))
                return {"ok": True}
        return {"ok": False, "error": "a trace is started, read or stopped"}

    def is_watching(self, number: int) -> bool:
        """Tell whether a watch is still under way."""
        return number in self._watches

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        name, nas, seconds = request.get("username"), request.get("nas"), request.get("seconds")
        if not isinstance(name, str) or not name or not isinstance(seconds, int | float):
            return {"ok": False, "error": "a trace needs a user name and seconds"}
        if len(self._watches) >= MAX_WATCHES:
            return {"ok": False, "error": f"{MAX_WATCHES} traces are under way already; wait until one ends"}
        raw = name.encode("utf-8", "surrogateescape")
        now_mono = self._monotonic()
        if not self._watches:
            self._change(watched=True)
        number = self._number(request.get("watch"))
        self._watches[number] = _Watch(
            lookup_key(raw),
            self._service_of(raw),
            nas if isinstance(nas, str) else None,
            now_mono + min(max(0.0, float(seconds)), MAX_SECONDS) + UNREAD_SECONDS,  # its reader ends it in time
            now_mono,
        )
        return {"ok": True, "watch": number}

    def _number(self, wanted: object) -> int:
        """Return what a new watch is called: as another process calls it, else as none was called before."""
        if isinstance(wanted, int) and wanted not in self._watches:
            return wanted
        self._last += 1
        return self._last

    def _read(self, number: object) -> dict[str, Any]:
        watch = self._watches.get(number) if isinstance(number, int) else None
        if watch is None:
            return {"ok": True, "events": [], "over": True}
        watch.read_mono = self._monotonic()
        events: list[dict[str, Any]] = []
        octets = 0
        while watch.kept and octets < ANSWER_OCTETS:
            event = watch.kept.popleft()
            shown = dump(event.datagram)[:_LONGEST_DUMP]
            octets += len(shown) * 2
            events.append(
                {
                    "at": event.at.isoformat(timespec="milliseconds"),
                    "port": event.port,
                    "direction": event.direction,
                    "peer": event.peer,
                    "nas": event.nas,
                    "note": event.note,
                    "packet": shown,
                }
            )
        lost, watch.lost = watch.lost, 0
        return {"ok": True, "events": events, "lost": lost, "over": False}

    def _end(self, number: object) -> None:
        if isinstance(number, int) and self._watches.pop(number, None) is not None and not self._watches:
            self._change(watched=False)

    def _change(self, *, watched: bool) -> None:
        self._changed(watched)
        for sender in self._senders:
            sender.trace = self if watched else None
