"""What nodes on one PostgreSQL tell each other at once: sessions, what is due, what is used, what is to be ordered.

It is a hint, told after the transaction it is about and by a connection of its own: it costs accounting nothing, and
what gets lost is found in the store, by looks that go on or that follow an interruption.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import connected
from netbilld.model.errors import StoreUnavailableError

NOTICE_OCTETS: Final = 7_900  # a notice holds 8,000
MAX_WAITING: Final = 20_000  # what is beyond is found in the store

Take = Callable[[list[str]], Awaitable[None]]


class Topic:
    """One kind of news. What is told are short words without a comma in them.

    Attributes:
        told: words that others were told.
        heard: those that others told.
        lost: those that were too many at once.
        on_loss: called when some were lost.
    """

    def __init__(self, name: str, take: Take, to_send: asyncio.Event, to_act: asyncio.Event) -> None:
        self.name: Final = name
        self.channel: Final = f"netbilld_{name}"
        self.told = self.heard = self.lost = 0
        self.on_loss: Callable[[], None] = lambda: None
        self._take = take
        self._to_send = to_send
        self._to_act = to_act
        self._to_tell: dict[str, None] = {}
        self._to_take: dict[str, None] = {}

    def tell(self, words: Iterable[str | int]) -> None:
        """Tell the others of these, soon."""
        self._queue(self._to_tell, map(str, words))
        self._to_send.set()

    def receive(self, words: Iterable[str]) -> None:
        """Keep what another node tells until it is taken."""
        self._queue(self._to_take, words)
        self._to_act.set()

    async def send(self, connection: Any) -> None:
        """Tell what waits."""
        words, self._to_tell = list(self._to_tell), {}
        for payload in _payloads(words):
            await connection.execute("SELECT pg_notify($1, $2)", self.channel, payload)
        self.told += len(words)

    async def take(self) -> None:
        """Act on what was heard.

        Raises:
            StoreUnavailableError: the database is away.
        """
        if self._to_take:
            words, self._to_take = list(self._to_take), {}
            self.heard += len(words)
            await self._take(words)

    def _queue(self, queue: dict[str, None], words: Iterable[str]) -> None:
        lost = 0
        for word in words:
            if len(queue) < MAX_WAITING:
                queue[word] = None
            else:
                lost += 1
        if lost:
            self.lost += lost
            self.on_loss()


class NodeNews:
    """One connection to a PostgreSQL by which all topics are told and heard.

    Attributes:
        on_gap: called when news may have been missed: the connection was lost and is there again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._to_send = asyncio.Event()
        self._to_act = asyncio.Event()
        self._topics: dict[str, Topic] = {}
        self._was_connected = False
        self.on_gap: Callable[[], None] = lambda: None

    def topic(self, name: str, take: Take) -> Topic:
        """Return a new kind of news; `take` is called with what others tell."""
        topic = Topic(name, take, self._to_send, self._to_act)
        self._topics[topic.channel] = topic
        return topic

    def session_topic(self, look_at: Callable[[Collection[int]], Awaitable[None]]) -> Topic:
        """Return news of sessions that have begun or ended, by their numbers."""

        async def take(words: list[str]) -> None:
            await look_at([int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19])

        return self.topic("sessions", take)

    @property
    def topics(self) -> Collection[Topic]:
        return self._topics.values()

    async def run(self) -> None:
        """Listen and tell, for ever.

        Raises:
            StoreUnavailableError: the database is away.
        """
        # A notice needs no place on disk before it goes out.
        connection = await connected(self._database, synchronous_commit="off", tcp_user_timeout="10s")
        try:
            connection.add_termination_listener(lambda _connection: self._to_send.set())
            with _translated():
                for channel in self._topics:
                    await connection.add_listener(channel, self._receive)
            if self._was_connected:
                self.on_gap()
            self._was_connected = True
            self._to_send.set()  # for what was to be told meanwhile
            async with asyncio.TaskGroup() as tasks:  # telling must not wait for what follows from hearing
                tasks.create_task(self._act())
                await self._send(connection)
        finally:
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            if connection.is_closed():
                raise StoreUnavailableError("the database has hung up")
            with _translated():
                for topic in self._topics.values():
                    await topic.send(connection)

    async def _act(self) -> None:
        while True:
            await self._to_act.wait()
            self._to_act.clear()
            try:
                for topic in self._topics.values():
                    await topic.take()
            except BaseException:
                self.on_gap()  # what was being taken
                raise

    def _receive(self, connection: Any, process_id: int, channel: str, payload: str) -> None:
        if process_id != connection.get_server_pid():  # not our own
            self._topics[channel].receive(payload.split(","))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailableError(f"the database does not answer: {error}") from error


def _payloads(words: Iterable[str]) -> Iterator[str]:
    """Yield the words with commas between them, as many as a notice holds."""
    part: list[str] = []
    octets = 0
    for word in words:
        if octets + len(word) + 1 > NOTICE_OCTETS:
            yield ",".join(part)
            part, octets = [], 0
        part.append(word)
        octets += len(word) + 1
    if part:
        yield ",".join(part)
