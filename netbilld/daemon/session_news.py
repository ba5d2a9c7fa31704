"""What nodes on one PostgreSQL tell each other of sessions, so that a limit holds over all of them at once.

It is a hint, told after the meter's own transaction and by a connection of its own: it costs accounting nothing, and
what gets lost is found by the look at the store that goes on every few seconds.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import asyncpg

from netbilld.adapters.database.engine import Database
from netbilld.daemon.feed import connected
from netbilld.model.errors import StoreUnavailableError

CHANNEL: Final = "netbilld_sessions"
IDS_A_NOTICE: Final = 350  # of up to 19 digits each: a notice holds 8,000 octets
MAX_WAITING: Final = 20_000  # what is beyond is found in the store
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class SessionNews:
    """Tells other nodes which sessions have begun or ended, and hears the same of them.

    Args:
        database: a PostgreSQL.
        look_at: called with the numbers of sessions that other nodes tell of.

    Attributes:
        told: sessions that others were told of.
        heard: those that others told of.
        lost: those that were too many at once.
    """

    def __init__(self, database: Database, look_at: Callable[[Collection[int]], Awaitable[None]]) -> None:
        self._database = database
        self._look_at = look_at
        self._to_tell: dict[int, None] = {}
        self._to_look_at: dict[int, None] = {}
        self._something = asyncio.Event()
        self.told = self.heard = self.lost = 0

    def tell(self, session_ids: Collection[int]) -> None:
        """Tell the others of these, soon."""
        self._queue(self._to_tell, session_ids)

    async def run(self) -> None:
        """Listen and tell, for ever.

        Raises:
            StoreUnavailableError: the database is away.
        """
        # A notice needs no place on disk before it goes out.
        connection = await connected(self._database, synchronous_commit="off")
        try:
            connection.add_termination_listener(lambda _connection: self._something.set())
            await connection.add_listener(CHANNEL, self._take)
            while True:
                await self._something.wait()
                self._something.clear()
                if connection.is_closed():
                    raise StoreUnavailableError("the database has hung up")
                await self._send(connection)
                if self._to_look_at:
                    session_ids, self._to_look_at = list(self._to_look_at), {}
                    self.heard += len(session_ids)
                    await self._look_at(session_ids)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailableError(f"the database does not answer: {error}") from error
        finally:
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        session_ids, self._to_tell = list(self._to_tell), {}
        for at in range(0, len(session_ids), IDS_A_NOTICE):
            payload = ",".join(str(one) for one in session_ids[at : at + IDS_A_NOTICE])
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        self.told += len(session_ids)

    def _take(self, connection: Any, process_id: int, channel: str, payload: str) -> None:
        del channel
        if process_id == connection.get_server_pid():
            return  # our own
        session_ids = [int(one) for one in payload.split(",") if _NUMBER.fullmatch(one)]
        self._queue(self._to_look_at, session_ids)

    def _queue(self, queue: dict[int, None], session_ids: Collection[int]) -> None:
        for session_id in session_ids:
            if len(queue) < MAX_WAITING:
                queue[session_id] = None
            else:
                self.lost += 1
        self._something.set()
