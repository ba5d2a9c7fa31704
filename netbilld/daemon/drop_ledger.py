"""Who was answered with silence, and why: by source, and by the name that was asked for; bounded, newest kept.

`netbilld explain` reads it: a wrong secret leaves no log-in attempt behind, only packets that are dropped.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from netbilld.radius.attributes import NAS_IDENTIFIER, NAS_IP_ADDRESS, USER_NAME
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import decode
from netbilld.radius.server import Drop, DropReason
from netbilld.radius.values import lookup_key, text

MAX_SOURCES: Final = 1_000
MAX_NAMES: Final = 2_000
_IPV4_OCTETS: Final = 4
NAMES_A_SECOND: Final = 200  # packets that are read once more for the name in them; forged ones must cost little
# a retransmission of what is still worked on is no fault
_IGNORED: Final = frozenset((DropReason.DUPLICATE_IN_PROGRESS,))
_NAMED: Final = frozenset(
    (
        DropReason.UNKNOWN_CLIENT,
        DropReason.UNKNOWN_IDENTIFIER,
        DropReason.BAD_AUTHENTICATOR,
        DropReason.BAD_MESSAGE_AUTHENTICATOR,
        DropReason.MESSAGE_AUTHENTICATOR_MISSING,
        DropReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
    )
)


@dataclass(slots=True)
class _Line:
    reason: str
    source: str
    nas: str | None
    port: str
    count: int
    last_at: datetime
    detail: str = ""
    # what the newest packet of a stranger says of itself
    identifier: str | None = None
    nas_ip: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "source": self.source,
            "nas": self.nas,
            "port": self.port,
            "count": self.count,
            "last_at": self.last_at.isoformat(),
            "detail": self.detail,
            "identifier": self.identifier,
            "nas_ip": self.nas_ip,
        }


class DropLedger:
    """Counts drops by (reason, source, port), and by (reason, name) where the packet says a name.

    The NAS-Identifier that is no NAS's is told apart too: each is another router.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[tuple[str, str, str, str], _Line] = OrderedDict()
        self._names: OrderedDict[tuple[str, bytes], _Line] = OrderedDict()
        self._second = 0
        self._read_in_second = 0

    def note(self, drop: Drop, datagram: bytes, port: str, now: datetime, now_mono: float) -> None:
        """Count one drop."""
        if drop.reason in _IGNORED:
            return
        host = drop.source[0]
        nas = drop.client.name if drop.client is not None else None
        called = drop.detail if drop.reason is DropReason.UNKNOWN_IDENTIFIER else ""
        line = self._count(self._sources, (drop.reason, host, port, called), drop, nas, port, now, MAX_SOURCES)
        if drop.reason in _NAMED and self._may_read(now_mono):
            try:
                said = decode(datagram).attributes
            except MalformedPacket:
                return
            if drop.reason == DropReason.UNKNOWN_CLIENT:
                line.identifier, line.nas_ip = _who(said)
            name = said.get(USER_NAME)
            if name:
                self._count(self._names, (drop.reason, lookup_key(name)), drop, nas, port, now, MAX_NAMES)

    def read(self, names: Iterable[str], nas: str | None) -> dict[str, Any]:
        """Return the lines of these names and of a NAS; without a NAS those of every source."""
        keys = {lookup_key(name.encode("utf-8", "surrogateescape")) for name in names}
        named = [line for (_reason, key), line in self._names.items() if key in keys or _bare(key) in keys]
        sources = [line for line in self._sources.values() if nas is None or line.nas == nas or line.nas is None]
        return {
            "names": [line.as_json() for line in named],
            "sources": [line.as_json() for line in sorted(sources, key=lambda line: line.last_at, reverse=True)[:100]],
        }

    def _may_read(self, now_mono: float) -> bool:
        if int(now_mono) != self._second:
            self._second, self._read_in_second = int(now_mono), 0
        self._read_in_second += 1
        return self._read_in_second <= NAMES_A_SECOND

    @staticmethod
    def _count(
        lines: "OrderedDict[Any, _Line]",
        key: object,
        drop: Drop,
        nas: str | None,
        port: str,
        now: datetime,
        most: int,
    ) -> _Line:
        line = lines.get(key)
        if line is None:
            if len(lines) >= most:
                lines.popitem(last=False)
            line = lines[key] = _Line(str(drop.reason), drop.source[0], nas, port, 1, now, drop.detail)
            return line
        line.count += 1
        line.last_at = now
        line.source, line.nas, line.detail = drop.source[0], nas, drop.detail
        lines.move_to_end(key)
        return line


def _who(said: Mapping[int, bytes]) -> tuple[str | None, str | None]:
    """Return the name and address that a packet says are its NAS's."""
    identifier, address = said.get(NAS_IDENTIFIER), said.get(NAS_IP_ADDRESS)
    readable = address if address is not None and len(address) == _IPV4_OCTETS else None
    return text(identifier) if identifier else None, ".".join(map(str, readable)) if readable else None


def _bare(key: bytes) -> bytes:
    """Return a name without its realm, as it would be looked up next."""
    return key.rpartition(b"\\")[2].partition(b"@")[0]
