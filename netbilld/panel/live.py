"""Server-sent events: pages that move without a reload.

What is shown is read from the store at most once in a topic's period, by whoever asks first, and shared by all who look
at the same; when nobody looks, nothing is read. There is no queue: a client that does not keep up misses steps, and one
that does not read at all is dropped.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import StoreUnavailableError
from netbilld.panel.parts import PANEL, Store, Work
from netbilld.panel.visit import VISIT, page_context
from netbilld.ports.clock import SteadyClock

logger = logging.getLogger("netbilld.panel")
TICK_SECONDS: Final = 1.0
REDRAW_SECONDS: Final = 10.0  # relative times move on even when nothing changes
HEARTBEAT_SECONDS: Final = 15.0
SLOWEST_WRITE_SECONDS: Final = 5.0
MOST_LISTENERS: Final = 200
MOST_OF_ONE: Final = 40  # of these for one person: tabs left open in one browser are no reason to leave others without
_MOST_TOPICS: Final = 500
PARTS_AT_ONCE: Final = 4  # of one page; each takes a connection to the database, of which there are eight
NO_DATA: Final = "data:\n"

Read = Callable[[Work], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page that moves.

    Attributes:
        event: what the page listens for.
        topic: equal topics show the same.
        read: reads what is shown.
        template: draws it, as `shown`.
        period_seconds: how old it may be.
        spare_seconds: how much older it may be for the one who finds it so, while it is read anew for the next: for
            what takes long to read.
    """

    event: str
    topic: Hashable
    read: Read
    template: str
    period_seconds: float = TICK_SECONDS
    spare_seconds: float = 0.0


class _Topic:
    __slots__ = ("changes", "lock", "read_mono", "reading", "value", "version")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.reading: asyncio.Task[None] | None = None  # for the next who asks
        self.changes = 0
        self.version = 0
        self.read_mono = float("-inf")
        self.value: Any = None


class LiveFeed:
    """Shares readings among listeners."""

    def __init__(self, store: Store, clock: SteadyClock) -> None:
        self._store = store
        self._clock = clock
        self._topics: dict[Hashable, _Topic] = {}
        self.closing = asyncio.Event()
        self.by_person: Final[Counter[UUID]] = Counter()  # who listens, how often
        self.readings = 0

    @property
    def listeners(self) -> int:
        """Return how many streams are open."""
        return self.by_person.total()

    def has_room_for(self, person_id: UUID) -> bool:
        """Tell whether somebody may open one more."""
        return self.listeners < MOST_LISTENERS and self.by_person[person_id] < MOST_OF_ONE

    async def latest(self, part: Part) -> tuple[int, Any]:
        """Return a version and what is shown; the version grows when that changes.

        Raises:
            StoreUnavailableError: the database is away.
        """
        topic = self._topic(part.topic)
        age_seconds = self._clock.monotonic() - topic.read_mono
        if part.period_seconds <= age_seconds < part.period_seconds + part.spare_seconds:
            if topic.reading is None or topic.reading.done():
                reading = self._read_beside(topic, part)
                topic.reading = asyncio.create_task(reading)  # noqa: TID251 - it says itself what went wrong
            return topic.version, topic.value
        await self._read(topic, part)
        return topic.version, topic.value

    async def _read(self, topic: _Topic, part: Part) -> None:
        async with topic.lock:
            if self._clock.monotonic() - topic.read_mono < part.period_seconds:
                return
            changes = topic.changes
            async with self._store.read() as work:
                value = await part.read(work)
            self.readings += 1
            topic.read_mono = self._clock.monotonic() if changes == topic.changes else float("-inf")
            if topic.version == 0 or value != topic.value:
                topic.version += 1
                topic.value = value

    async def _read_beside(self, topic: _Topic, part: Part) -> None:
        try:
            await self._read(topic, part)
        except StoreUnavailableError:
            return  # who asks when nothing is left to spare is told of it
        except Exception:
            logger.exception("reading %r failed", part.topic, extra={"event": "live_reading_failed"})

    async def close(self) -> None:
        """Have every stream end, and let nothing be read any more."""
        self.closing.set()
        reading = [topic.reading for topic in self._topics.values() if topic.reading is not None]
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def show(self, parts: Sequence[Part]) -> dict[str, Any]:
        """Return what is shown of each part, by event; a few are read side by side, as a page waits for all of them.

        Raises:
            StoreUnavailableError: the database is away.
        """
        places = asyncio.Semaphore(PARTS_AT_ONCE)

        async def read(part: Part) -> Any:
            async with places:
                return (await self.latest(part))[1]

        shown = await asyncio.gather(*map(read, parts))
        return {part.event: value for part, value in zip(parts, shown, strict=True)}

    def outdated(self, part: Part) -> None:
        """Have a part read anew by whoever asks next: what it shows was just changed here."""
        if part.topic in self._topics:
            self._topics[part.topic].read_mono = float("-inf")
            self._topics[part.topic].changes += 1  # what is being read at this moment may be of before

    def _topic(self, key: Hashable) -> _Topic:
        if key not in self._topics and len(self._topics) >= _MOST_TOPICS:
            idle = sorted(self._topics, key=lambda known: self._topics[known].read_mono)
            for known in idle[: _MOST_TOPICS // 2]:
                if not self._topics[known].lock.locked():
                    del self._topics[known]
        return self._topics.setdefault(key, _Topic())


LIVE: Final = web.AppKey("live", LiveFeed)


async def close_streams(app: web.Application) -> None:
    """Let every stream end when the server shuts down."""
    await app[LIVE].close()


async def stream(request: web.Request, parts: Sequence[Part]) -> web.StreamResponse:
    """Answer with events, one a part whenever it changes, until the client leaves or is signed out."""
    feed, panel, visit = request.app[LIVE], request.app[PANEL], request[VISIT]
    person_id = visit.person.id
    if not feed.has_room_for(person_id) or feed.closing.is_set():
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "10"})
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    monotonic = panel.parts.clock.monotonic
    sent: dict[str, int] = {}
    drawn_mono = said_mono = checked_mono = monotonic()
    feed.by_person[person_id] += 1
    try:
        while not feed.closing.is_set():
            now_mono = monotonic()
            if now_mono - checked_mono >= HEARTBEAT_SECONDS:
                checked_mono = now_mono
                if not await _still_signed_in(request):
                    break
            redraw = now_mono - drawn_mono >= REDRAW_SECONDS
            drawn_mono = now_mono if redraw else drawn_mono
            chunks = []
            for part in parts:
                version, shown = await feed.latest(part)
                if redraw or sent.get(part.event) != version:
                    sent[part.event] = version
                    context = page_context(request) | {"shown": shown, "now": panel.parts.clock.now()}
                    chunks.append(_event(part.event, panel.renderer.text(visit.locale, part.template, context)))
            if not chunks and now_mono - said_mono >= HEARTBEAT_SECONDS:
                chunks.append(b": \n\n")
            if chunks:
                said_mono = now_mono
                async with asyncio.timeout(SLOWEST_WRITE_SECONDS):
                    await response.write(b"".join(chunks))
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await feed.closing.wait()
            except TimeoutError:
                continue
    except (TimeoutError, ConnectionResetError, StoreUnavailableError):
        pass  # the browser connects again by itself, and finds the page or the fault
    finally:
        feed.by_person[person_id] -= 1
        if not feed.by_person[person_id]:
            del feed.by_person[person_id]
    return response


async def _still_signed_in(request: web.Request) -> bool:
    login, panel = request[VISIT].login, request.app[PANEL]
    if login is None:
        return False
    async with panel.parts.database.read() as work:
        found = await work.logins.find_staff(login.token_hash, panel.parts.clock.now())
    if found is None:
        return False
    now, then = found[1], request[VISIT].person
    return now.role is then.role and now.areas == then.areas


def _event(name: str, html: str) -> bytes:
    """Return one event; every line of its data carries the field's name (HTML standard, server-sent events)."""
    data = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: {name}\n{data or NO_DATA}\n".encode()
