"""PublishEvents: tells what happened, once and in order; what is too much while the broker is away is counted."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.enforcement.desired import DesiredService
from netbilld.ports.broker import Message, Outlet
from netbilld.ports.clock import Clock
from netbilld.services.live_views import LiveDatabase
from netbilld.services.mqtt_messages import (
    alert_document,
    due_document,
    encode,
    order_document,
    session_event_document,
)
from netbilld.services.mqtt_topics import Topics
from netbilld.services.order_news import OrderNews

MAX_WAITING: Final = 10_000  # the oldest go first
EVENTS_A_STEP: Final = 100


class _Event(NamedTuple):
    """Something for a service's topic; of an order whose service is not known yet, only the news."""

    service_id: UUID | None
    document: dict[str, Any] | None
    news: OrderNews | None
    topic: str | None


class PublishEvents:
    """Takes what happened at no cost, and publishes it in its own time.

    Attributes:
        published: events acknowledged.
        lost: those that made room for newer ones.
    """

    def __init__(self, store: LiveDatabase, clock: Clock, topics: Topics) -> None:
        self._store = store
        self._clock = clock
        self._topics = topics
        self._waiting: deque[_Event] = deque()
        self.published = self.lost = 0

    @property
    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def due(self, changed: Sequence[DesiredService]) -> None:
        """Take that services are due something else."""
        now = self._clock.now()
        for one in changed:
            if one.cause != "start":  # it may have been so for long
                self._add(_Event(one.service_id, due_document(one, now), None, None))

    def orders(self, news: Sequence[OrderNews]) -> None:
        """Take steps of orders."""
        for one in news:
            self._add(_Event(one.service_id, None, one, None))

    def session(self, session: Session, *, began: bool) -> None:
        """Take that a session began or ended; one of nobody is nobody's business."""
        if session.service_id is not None:
            self._add(_Event(session.service_id, session_event_document(session, began=began), None, None))

    def alert(
        self,
        alert: str,
        text: str,
        at: datetime,
        *,
        raised: bool,
        service_id: UUID | None = None,
        nas_id: UUID | None = None,
    ) -> None:
        """Take that something went wrong, or is well again; and with which service and NAS, where it is one."""
        document = alert_document(
            self._topics.node, alert, text, at, raised=raised, service_id=service_id, nas_id=nas_id
        )
        self._add(_Event(None, document, None, self._topics.alert))

    def _add(self, event: _Event) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(event)

    async def step(self, outlet: Outlet) -> bool:
        """Publish some of what waits; tell whether there was any.

        Raises:
            BrokerAwayError: the broker has not taken it; it waits on.
            StoreUnavailableError: the database is away; it waits on.
        """
        taken = [self._waiting.popleft() for _ in range(min(EVENTS_A_STEP, len(self._waiting)))]
        if not taken:
            return False
        try:
            await outlet.publish(await self._messages(taken))
        except BaseException:
            room = MAX_WAITING - len(self._waiting)
            self.lost += max(0, len(taken) - room)
            self._waiting.extendleft(reversed(taken[max(0, len(taken) - room) :]))
            raise
        self.published += len(taken)
        return True

    async def _messages(self, events: Sequence[_Event]) -> list[Message]:
        nameless = [one.news.session_id for one in events if one.news is not None and one.service_id is None]
        service_of: Mapping[int, UUID] = {}
        if nameless:
            async with self._store.read() as work:
                service_of = await work.live.of_sessions(nameless)
        messages = []
        for event in events:
            service_id, document, news, topic = event
            if news is not None:
                service_id = service_id or service_of.get(news.session_id)
                document = order_document(news, service_id) if service_id is not None else None
            if topic is None and service_id is not None:
                topic = self._topics.service(service_id, "event")
            if topic is not None and document is not None:
                messages.append(Message(topic, encode(document), retain=False))
        return messages
