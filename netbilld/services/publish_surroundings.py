"""PublishSurroundings: how this node does and which NAS are heard; retained, and an alert where one turns bad."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from netbilld.ports.broker import Message, Outlet
from netbilld.ports.clock import Clock
from netbilld.services.live_views import LiveDatabase, LiveNas
from netbilld.services.mqtt_messages import CLEARED, encode, health_document, nas_document
from netbilld.services.mqtt_topics import Topics
from netbilld.services.publish_events import PublishEvents


class Orders(Protocol):
    """A NAS's queue of orders."""

    @property
    def waiting(self) -> int: ...
    @property
    def silent(self) -> bool: ...


class PublishSurroundings:
    """Looks every few seconds and publishes what has changed."""

    def __init__(
        self,
        store: LiveDatabase,
        clock: Clock,
        topics: Topics,
        events: PublishEvents,
        *,
        health: Callable[[], Mapping[str, Any]],
        lanes: Callable[[], Mapping[UUID, Orders]],
        silent_after: timedelta,
    ) -> None:
        """Take what to look at; a NAS that was not heard for `silent_after` counts as silent."""
        self._store = store
        self._clock = clock
        self._topics = topics
        self._events = events
        self._health = health
        self._lanes = lanes
        self._silent_after = silent_after
        self._told: dict[str, bytes] = {}
        self._troubles: dict[tuple[str, str], None] = {}
        self._states: dict[UUID, str] = {}

    def begin(self) -> None:
        """Tell everything anew: the broker may have forgotten it."""
        self._told = {}

    async def step_health(self, outlet: Outlet) -> None:
        """Publish what /readyz says, if it says something new.

        Raises:
            BrokerAwayError: the broker has not taken it.
        """
        said = self._health()
        reasons, notices = list(said["reasons"]), list(said["notices"])
        document = health_document(self._topics.node, reasons, notices)
        await self._tell(outlet, {self._topics.node_health: encode(document)})
        troubles = dict.fromkeys([("reason", one) for one in reasons] + [("notice", one) for one in notices])
        now = self._clock.now()
        for kind, text in troubles.keys() - self._troubles.keys():
            self._events.alert(kind, text, now, raised=True)
        for kind, text in self._troubles.keys() - troubles.keys():
            self._events.alert(kind, text, now, raised=False)
        self._troubles = troubles

    async def step_nas(self, outlet: Outlet) -> None:
        """Publish how the NAS do, as far as it has changed.

        Raises:
            BrokerAwayError: the broker has not taken it.
            StoreUnavailableError: the database is away.
        """
        async with self._store.read() as work:
            found = await work.live.all_nas()
        now = self._clock.now()
        lanes = self._lanes()
        wanted: dict[str, bytes] = {}
        for one in found:
            topic = self._topics.nas(one.nas_id, "state")
            if one.is_removed:
                wanted[topic] = CLEARED
                self._states.pop(one.nas_id, None)
                continue
            state = self._state(one, now)
            lane = lanes.get(one.nas_id)
            waiting, is_silent = (lane.waiting, lane.silent) if lane is not None else (0, False)
            wanted[topic] = encode(nas_document(one, state, answers_orders=not is_silent, orders_waiting=waiting))
            before = self._states.get(one.nas_id)
            if before not in {None, state} and "silent" in {before, state}:
                self._events.alert("nas_silent", one.name, now, raised=state == "silent")
            self._states[one.nas_id] = state
        await self._tell(outlet, wanted)

    def _state(self, nas: LiveNas, now: datetime) -> str:
        if nas.last_heard_at is None:
            return "never"
        return "silent" if now - nas.last_heard_at > self._silent_after else "heard"

    async def _tell(self, outlet: Outlet, wanted: Mapping[str, bytes]) -> None:
        news: Sequence[Message] = [
            Message(topic, payload, retain=True)
            for topic, payload in wanted.items()
            if self._told.get(topic) != payload
        ]
        await outlet.publish(news)
        self._told |= wanted
