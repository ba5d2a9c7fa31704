"""Messages between the daemon and its workers: one JSON line each, over a socket pair that both were born with."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

from netbilld.radius.access import Decision, Method

LINE_LIMIT_OCTETS: Final = 8 * 1024 * 1024
Message = dict[str, Any]


class Channel:
    """One end of the pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> "Channel":
        """Return the channel over a connected socket, which it then owns."""
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=LINE_LIMIT_OCTETS))

    def send(self, message: Message) -> None:
        """Send without waiting; what the other end no longer hears is lost, as is what it would have done with it."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the other end says until it is gone."""
        while True:
            try:
                line = await self._reader.readline()
            except (ConnectionError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def pack(octets: bytes) -> str:
    """Return octets as JSON carries them."""
    return base64.b64encode(octets).decode("ascii")


def unpack(text: str) -> bytes:
    """Return the octets of `pack`."""
    return base64.b64decode(text)


def pack_decision(decision: Decision) -> Message:
    """Return a decision as JSON carries it."""
    return {
        "code": decision.code,
        "attributes": pack(decision.attributes),
        "reason": decision.reason,
        "method": decision.method,
        "detail": decision.detail,
    }


def unpack_decision(message: Message) -> Decision:
    """Return the decision of `pack_decision`."""
    method: Method = message["method"]
    return Decision(message["code"], unpack(message["attributes"]), message["reason"], method, detail=message["detail"])
