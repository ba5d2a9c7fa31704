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
from netbilld.adapters.database.node_connection import ANSWER_SECONDS, connected
from netbilld.model.errors import StoreUnavailableError

NOTICE_OCTETS: Final = 7_900  # a notice holds 8,000
MAX_WAITING: Final = 20_000  # what is beyond is found in the store
EVERYBODY: Final = "*"  # the word for more than can be told: look at everybody
QUIET_SECONDS: Final = 3.0  # after so long without a word it is asked whether the connection still carries any

Take = Callable[[list[str]], Awaitable[None]]


class Topic:
    """One kind of news. What is told are short words without a comma in them.

    Attributes:
        told: words that others were told.
        heard: those that others told.
        lost: those that were too many at once.
        on_loss: called when some were lost, here or by the one who tells them.
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
        """Tell the others of these, soon; where they are too many, to look at everybody."""
        if self._queue(self._to_tell, map(str, words)):
            self._to_tell[EVERYBODY] = None
        self._to_send.set()

    def receive(self, words: Iterable[str]) -> None:
        """Keep what another node tells until it is taken."""
        told = list(words)
        if self._queue(self._to_take, (word for word in told if word != EVERYBODY)) or EVERYBODY in told:
            self.on_loss()
        self._to_act.set()

    async def send(self, connection: Any) -> None:
        """Tell what waits; what could not be told waits on."""
        words, self._to_tell = list(self._to_tell), {}
        told = 0
        try:
            for part in _parts(words):
                await connection.execute("SELECT pg_notify($1, $2)", self.channel, ",".join(part))
                told += len(part)
        finally:
            self.told += told
            if told < len(words):
                newer, self._to_tell = self._to_tell, dict.fromkeys(words[told:])
                self.tell(newer)

    async def take(self) -> None:
        """Act on what was heard.

        Raises:
            StoreUnavailableError: the database is away.
        """
        if self._to_take:
            words, self._to_take = list(self._to_take), {}
            self.heard += len(words)
            await self._take(words)

    def _queue(self, queue: dict[str, None], words: Iterable[str]) -> int:
        lost = 0
        for word in words:
            if len(queue) < MAX_WAITING or word in queue:
                queue[word] = None
            else:
                lost += 1
        self.lost += lost
        return lost


class NodeNews:
    """One connection to a PostgreSQL by which all topics are told and heard.

    Attributes:
        on_gap: called when news may have been missed: nobody listened until now, at the start or after an interruption.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._to_send = asyncio.Event()
        self._to_act = asyncio.Event()
        self._topics: dict[str, Topic] = {}
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
            self.on_gap()
            self._to_send.set()  # for what was to be told meanwhile
            async with asyncio.TaskGroup() as tasks:  # telling must not wait for what follows from hearing
                tasks.create_task(self._act())
                await self._send(connection)
        finally:
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        while True:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._to_send.wait()
            except (
                TimeoutError
            ):  # a firewall that has forgotten the connection drops what others tell, and says nothing
                with _translated():
                    await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
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


def _parts(words: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words, as many at once as a notice holds with commas between them."""
    part: list[str] = []
    octets = 0
    for word in words:
        if octets + len(word) + 1 > NOTICE_OCTETS:
            yield part
            part, octets = [], 0
        part.append(word)
        octets += len(word) + 1
    if part:
        yield part
