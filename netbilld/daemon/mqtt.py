"""MQTT in the running daemon: the connection and its life, what is published, and the meters that speak there."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from netbilld import __version__
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.mqtt.address import broker_address
from netbilld.adapters.mqtt.broker import Broker, BrokerLink
from netbilld.daemon.metering import Metering
from netbilld.daemon.roles import EVERYTHING
from netbilld.daemon.settings import Settings
from netbilld.enforcement.desired import DesiredService
from netbilld.model.errors import BrokerAwayError, StoreUnavailableError
from netbilld.ports.broker import Message
from netbilld.services.entitle import Entitle
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import Batch
from netbilld.services.mqtt_messages import encode, status_document
from netbilld.services.mqtt_topics import Topics, node_word
from netbilld.services.order_news import OrderNews
from netbilld.services.publish_events import PublishEvents
from netbilld.services.publish_state import ROUND_SECONDS, SHORT_ROUND_SECONDS, PublishState
from netbilld.services.publish_surroundings import PublishSurroundings
from netbilld.services.reconcile import Reconcile
from netbilld.services.take_meter_message import TakeMeterMessage

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
SETTLED_SECONDS: Final = 30.0  # a connection that held so long was a good one
IDLE_SECONDS: Final = 0.25  # between looks at what is to be published
STORE_AWAY_SECONDS: Final = 2.0
HEALTH_SECONDS: Final = 5.0
NAS_SECONDS: Final = 10.0
GOODBYE_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.05  # while log-ins are waiting
MOST_PAUSES: Final = 20
logger = logging.getLogger("netbilld.mqtt")
Families = Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]


def topics_of(settings: Settings) -> Topics:
    """Return the topics of this node."""
    return Topics(settings.mqtt.prefix, node_word(settings.node.name), settings.mqtt.home_assistant_prefix)


def broker_of(settings: Settings, *, suffix: str = "", will: Message | None = None) -> Broker | None:
    """Return the broker that is set; None where there is none. `suffix` sets its client apart from the daemon's."""
    mqtt = settings.mqtt
    if mqtt.url is None:
        return None
    return Broker(
        broker_address(mqtt.url.get_secret_value()),
        (mqtt.client_id or f"netbilld-{node_word(settings.node.name)}") + suffix,
        will,
        version=mqtt.version,
        ca=mqtt.ca,
        certificate=mqtt.certificate,
        key=mqtt.key,
    )


class _PacedLink:
    """A link that publishes no faster than a rate, so that a resync takes neither our time nor the broker's."""

    def __init__(self, link: BrokerLink, clock: SystemClock, messages_per_second: int) -> None:
        self._link = link
        self._clock = clock
        self._part = max(1, messages_per_second // 20)
        self._seconds_each = 1 / messages_per_second
        self._free_mono = clock.monotonic()
        self._turn = asyncio.Lock()

    async def publish(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), self._part):
            part = messages[start : start + self._part]
            async with self._turn:
                await asyncio.sleep(max(0.0, self._free_mono - self._clock.monotonic()))
                self._free_mono = max(self._free_mono, self._clock.monotonic()) + len(part) * self._seconds_each
            await self._link.publish(part)


class Mqtt:
    """Everything of the daemon that concerns the broker.

    Attributes:
        is_connected: the broker has taken us.
        takes_meters: tells whether what meters say is ours to book; every node hears it, one does.
        trouble: why it has not, in one line; empty while it has.
        connections: how often it did, since the start.
        published: messages that the broker has acknowledged.
    """

    def __init__(self, settings: Settings, broker: Broker, database: Database, clock: SystemClock) -> None:
        """Compose it; it is silent before its loops run."""
        self._settings = settings.mqtt
        self._broker = broker
        self._clock = clock
        self._silent_after = timedelta(minutes=settings.metering.stale_minutes)
        self._database = database
        self.topics: Final = topics_of(settings)
        self.state: Final = PublishState(
            database,
            clock,
            self.topics,
            every_seconds=settings.mqtt.usage_seconds,
            version=__version__,
            is_only_node=database.is_sqlite,
            round_seconds=ROUND_SECONDS if settings.node.roles == EVERYTHING else SHORT_ROUND_SECONDS,
        )
        self.events: Final = PublishEvents(database, clock, self.topics)
        self.surroundings: PublishSurroundings | None = None
        self.meters: TakeMeterMessage | None = None
        self._makes_way: Callable[[], bool] | None = None
        self.takes_meters: Callable[[], bool] = lambda: True
        self.is_connected = False
        self.trouble = ""
        self.connections = 0

    # -- what happens elsewhere in the daemon ----------------------------------------------------------------------

    def connect(
        self, metering: Metering, entitle: Entitle, reconcile: Reconcile, readings: MeterReadings | None
    ) -> None:
        """Say where the news comes from, and who takes what meters say."""
        before = metering.on_batch

        def follow(batch: Batch) -> None:
            if before is not None:
                before(batch)
            self._follow(batch)

        metering.on_batch = follow
        entitle.on_changed = self._due
        reconcile.on_orders = self._orders
        self._reconcile = reconcile
        self._makes_way = metering.makes_way
        if readings is not None:
            self.meters = TakeMeterMessage(
                readings,
                self._clock,
                self.topics,
                fastest_bps=self._settings.meter_fastest,
            )
            readings.on_booked = self._follow

    def watch(self, health: Callable[[], Any]) -> None:
        """Say what tells how this node does."""
        self.surroundings = PublishSurroundings(
            self._database,
            self._clock,
            self.topics,
            self.events,
            health=health,
            lanes=self._reconcile.lanes,
            silent_after=self._silent_after,
        )

    def changed(self, service_ids: Iterable[UUID]) -> None:
        """Take that something about these services is no longer what it was."""
        self.state.changed(service_ids, urgent=True)

    def _follow(self, batch: Batch) -> None:
        began, ended = set(batch.new_session_ids), set(batch.ended_session_ids)
        for session in batch.sessions:
            if session.id in began:
                self.events.session(session, began=True)
            if session.id in ended:
                self.events.session(session, began=False)
            self.state.changed((session.service_id,), urgent=session.id in began or session.id in ended)
        self.state.changed(batch.touched_service_ids)

    def _due(self, changed: Sequence[DesiredService]) -> None:
        self.events.due(changed)
        self.state.changed((one.service_id for one in changed), urgent=True)

    def _orders(self, news: Sequence[OrderNews]) -> None:
        self.events.orders(news)
        self.state.changed((one.service_id for one in news), urgent=True)

    # -- the connection --------------------------------------------------------------------------------------------

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""
        return {"MQTT": self.run}

    async def run(self) -> None:
        """Be connected, for ever; a broker that is away is asked again, at growing distances."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            began_mono = self._clock.monotonic()
            try:
                async with self._broker.connect() as link:
                    await self._serve(link)
            except* BrokerAwayError as errors:
                self._is_away(errors)
            finally:
                self.is_connected = False
                self.state.end()
            if self._clock.monotonic() - began_mono > SETTLED_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause_seconds * (0.5 + secrets.randbelow(1000) / 1000))
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _is_away(self, errors: BaseException) -> None:
        while isinstance(errors, BaseExceptionGroup):
            errors = errors.exceptions[0]
        said = str(errors)
        if said != self.trouble:
            self.trouble = said
            logger.warning("the MQTT broker is away: %s", said, extra={"event": "mqtt_away"})

    async def _serve(self, link: BrokerLink) -> None:
        status = self.topics.node_status
        await link.publish([self._status("online")])
        if self.meters is not None:
            await link.subscribe(self.topics.meters)
        self.is_connected, self.trouble = True, ""
        self.connections += 1
        logger.info("connected to the MQTT broker at %s", self._broker.address, extra={"event": "mqtt_connected"})
        self.state.begin()
        paced = _PacedLink(link, self._clock, self._settings.messages_per_second)
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self._receive(link), name="MQTT incoming")
                work.create_task(self._repeat(IDLE_SECONDS, partial(self.state.step, paced)), name="MQTT state")
                work.create_task(self._repeat(IDLE_SECONDS, partial(self.events.step, paced)), name="MQTT events")
                if self.meters is not None:
                    work.create_task(self._repeat(IDLE_SECONDS, partial(self.meters.step, paced)), name="MQTT meters")
                if self.surroundings is not None:
                    self.surroundings.begin()
                    for seconds, step in (
                        (HEALTH_SECONDS, self.surroundings.step_health),
                        (NAS_SECONDS, self.surroundings.step_nas),
                    ):
                        work.create_task(self._repeat(seconds, partial(step, paced)), name="MQTT surroundings")
        except asyncio.CancelledError:
            with suppress(BrokerAwayError, TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await link.publish([Message(status, self._status("offline").payload, retain=True)])
            raise

    def _status(self, state: str) -> Message:
        return status_message(self.topics, state)

    async def _receive(self, link: BrokerLink) -> None:
        async for message in link.incoming():
            if self.meters is not None and self.takes_meters():
                self.meters.take(message)

    async def _repeat(self, seconds: float, step: Callable[[], Awaitable[bool | None]]) -> None:
        """Repeat a step: at once while it says that more can be done, and in a while when the database is away."""
        while True:
            try:
                goes_on = await step()
            except StoreUnavailableError:
                await asyncio.sleep(STORE_AWAY_SECONDS)
                continue
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
            await asyncio.sleep(0 if goes_on else seconds)
            for _ in range(MOST_PAUSES):
                if self._makes_way is None or not self._makes_way():
                    break
                await asyncio.sleep(PAUSE_SECONDS)

    # -- what is told of it ----------------------------------------------------------------------------------------

    def families(self) -> Families:
        """Yield what `/metrics` says: name, kind, help, samples."""
        prefix, counter, gauge = "netbilld_mqtt_", "counter", "gauge"
        yield prefix + "connected", gauge, "1 while the broker has taken us.", [("", int(self.is_connected))]
        yield prefix + "connections_total", counter, "Times it did.", [("", self.connections)]
        yield (
            prefix + "published_total",
            counter,
            "Messages the broker has acknowledged.",
            [('{what="state"}', self.state.published), ('{what="event"}', self.events.published)],
        )
        yield (
            prefix + "unchanged_total",
            counter,
            "Retained messages left unsent, the broker having the same.",
            [("", self.state.unchanged)],
        )
        yield (
            prefix + "dropped_total",
            counter,
            "Events that made room for newer ones while the broker was away.",
            [("", self.events.lost)],
        )
        yield (
            prefix + "waiting",
            gauge,
            "Services and events that wait to be published, readings that wait to be booked.",
            [
                ('{what="state"}', self.state.waiting),
                ('{what="event"}', self.events.waiting),
                ('{what="reading"}', self.meters.waiting if self.meters is not None else 0),
            ],
        )
        if self.meters is not None:
            yield (
                prefix + "readings_total",
                counter,
                "Readings of meters that were in order.",
                [("", self.meters.accepted)],
            )
            yield prefix + "metered_octets_total", counter, "Octets they moved.", [("", self.meters.octets)]
            yield (
                prefix + "refused_total",
                counter,
                "Messages of meters that did not count, by reason.",
                [(f'{{reason="{reason.value}"}}', count) for reason, count in sorted(self.meters.refused.items())],
            )

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it; nothing is served by the broker, so it is never a reason."""
        return [f"MQTT: {self.trouble}"] if self.trouble else []


def status_message(topics: Topics, state: str) -> Message:
    """Return what tells whether this node is there."""
    return Message(topics.node_status, encode(status_document(topics.node, state, __version__)), retain=True)


def mqtt_of(settings: Settings, database: Database, clock: SystemClock) -> Mqtt | None:
    """Return the daemon's MQTT; None where no broker is set."""
    broker = broker_of(settings, will=status_message(topics_of(settings), "offline"))
    return None if broker is None else Mqtt(settings, broker, database, clock)
