"""Ports of the demo: the usual ones, or the next free ones."""

import socket
from collections.abc import Iterator
from typing import Literal

from netbilld.model.errors import NetbilldError

_LONGEST_SEARCH = 200


class Ports:
    """Hands out ports of a loopback address, none of them twice."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._taken: set[tuple[str, int]] = set()

    def free(self, wanted: int, kind: Literal["tcp", "udp"], host: str | None = None) -> int:
        """Return `wanted`, or the next port above that nobody uses.

        Raises:
            NetbilldError: there is none for a long way.
        """
        for port in _upwards(wanted):
            if (kind, port) not in self._taken and _is_free(host or self._host, port, kind):
                self._taken.add((kind, port))
                return port
        raise NetbilldError(f"no free {kind.upper()} port from {wanted} on", code="port_in_use")


def _upwards(wanted: int) -> Iterator[int]:
    return iter(range(wanted, min(wanted + _LONGEST_SEARCH, 65_536)))


def _is_free(host: str, port: int, kind: Literal["tcp", "udp"]) -> bool:
    with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
        if kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
