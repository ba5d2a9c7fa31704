"""The daemon's control socket: the command line says «something changed» instead of waiting for the next poll."""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

SOCKET_NAME: Final = "control.sock"
_MAX_REQUEST_OCTETS: Final = 65_536
_MAX_ANSWER_OCTETS: Final = 8 * 1024 * 1024  # what all processes have to say together
_LONGEST_PATH: Final = 100  # sun_path holds 108
logger = logging.getLogger("netbilld.control")

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def socket_path(data_dir: Path) -> Path:
    """Return where the daemon of that data directory listens."""
    return data_dir.absolute() / SOCKET_NAME


class ControlServer:
    """Answers one JSON line with one JSON line; only the daemon's own user may connect."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A path too long for a socket is said once; changes are then found by polling."""
        if len(str(self._path)) > _LONGEST_PATH:
            logger.warning("control socket path %s is too long; changes are found by polling", self._path)
            return
        with suppress(FileNotFoundError):
            self._path.unlink()
        previous = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_MAX_REQUEST_OCTETS)
        finally:
            os.umask(previous)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            with suppress(FileNotFoundError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                line = await reader.readline()
            request = json.loads(line) if line else {}
            answer = await self._handler(request if isinstance(request, dict) else {})
        except (ValueError, TimeoutError) as error:
            answer = {"ok": False, "error": str(error)}
        except (ConnectionError, asyncio.CancelledError):  # the other side has gone, or the daemon goes: nobody asks
            writer.close()
            return
        with suppress(ConnectionError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


async def call(data_dir: Path, request: dict[str, Any], timeout_seconds: float = 5) -> dict[str, Any] | None:
    """Return the running daemon's answer, or None where none runs or it does not answer in time."""
    path = socket_path(data_dir)
    if len(str(path)) > _LONGEST_PATH:
        return None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_unix_connection(path, limit=_MAX_ANSWER_OCTETS)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    answer = json.loads(line) if line else None
    return answer if isinstance(answer, dict) else None


async def nudge(data_dir: Path) -> None:
    """Tell a running daemon that the database has changed."""
    await call(data_dir, {"verb": "nudge"}, timeout_seconds=2)
