"""The other end of a simulated NAS's control socket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from netbilld.model.errors import RefusedError

_ANSWER_LIMIT_OCTETS = 1 << 26


class ControlClient:
    """Asks one question after another; see `control` for the commands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Self]:
        """Connect for the length of the block.

        Raises:
            OSError: nobody listens there.
        """
        reader, writer = await asyncio.open_unix_connection(path, limit=_ANSWER_LIMIT_OCTETS)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Return the result of one command.

        Raises:
            RefusedError: the NAS refused, in its words.
            ConnectionError: the NAS is gone.
        """
        async with self._turn:
            self._writer.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the simulated NAS is gone")
        answer = json.loads(line)
        if not answer["ok"]:
            raise RefusedError(answer["error"])
        return answer["result"]
