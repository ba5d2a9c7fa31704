"""What is retained at the broker follows the database, on both databases: coalesced, bounded, cleared when it is over."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas, services
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import BrokerAwayError
from netbilld.ports.broker import Message
from netbilld.services import publish_events, publish_state
from netbilld.services.mqtt_topics import Topics
from netbilld.services.order_news import OrderNews
from netbilld.services.publish_events import PublishEvents
from netbilld.services.publish_state import PublishState
from netbilld.services.publish_surroundings import PublishSurroundings
from tests import mqtt_schemas
from tests.clock import SteppedClock
from tests.enforcement_world import NOW, World


class Outlet:
    """A broker in memory, which holds every message against its schema."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.messages: list[Message] = []
        self.is_away = False

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self.is_away:
                raise BrokerAwayError("away")
            self.messages.append(message)
            prefix = message.topic.partition("/")[0]
            mqtt_schemas.check(message.topic, message.payload, prefix=prefix, home_assistant="ha")
            if message.retain and message.payload:
                self.retained[message.topic] = message.payload
            elif message.retain:
                self.retained.pop(message.topic, None)

    def count(self) -> int:
        found, self.messages = len(self.messages), []
        return found


class Shop:
    def __init__(
        self,
        database: Database,
        world: World,
        prefix: str = "isp",
        home_assistant: str | None = None,
        *,
        is_only_node: bool = True,
    ) -> None:
        self.world, self.clock, self.outlet = world, SteppedClock(NOW), Outlet()
        self.topics = Topics(prefix, "n1", home_assistant)
        self.state = PublishState(
            database, self.clock, self.topics, every_seconds=5, version="1", is_only_node=is_only_node
        )
        self.events = PublishEvents(database, self.clock, self.topics)

    async def work(self) -> None:
        while await self.state.step(self.outlet) or await self.events.step(self.outlet):
            pass

    async def begin(self) -> None:
        self.state.begin()
        await self.work()

    def told(self, service_id: UUID, what: str) -> dict[str, object]:
        found = json.loads(self.outlet.retained[self.topics.service(service_id, what)])
        assert isinstance(found, dict)
        return found


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


async def test_whatever_happens_in_between_a_service_is_published_once_in_a_while_and_as_it_is_then(
    database: Database, world: World
) -> None:
    service_id = await world.add_service("budi")
    shop = Shop(database, world)
    await shop.begin()
    assert shop.outlet.count() == 2
    assert shop.told(service_id, "usage")["counted_octets"] == 0
    for octets in (1000, 2000, 3000):
        await world.forget_usage(service_id)
        await world.use(service_id, octets)
        shop.state.changed([service_id])
        await shop.work()
    assert shop.outlet.count() == 0
    shop.clock.pass_time(seconds=5)
    await shop.work()
    assert shop.outlet.count() == 1  # its state is the same
    assert shop.told(service_id, "usage")["counted_octets"] == 3000
    shop.state.changed([service_id, service_id])
    shop.state.changed([service_id], urgent=True)  # decided on: not in five seconds, and whatever it was told before
    await shop.work()
    assert shop.outlet.count() == 2
    assert shop.state.waiting == 0


async def test_a_session_is_retained_while_it_is_open_whoever_was_away_when_it_ended(
    database: Database, world: World
) -> None:
    service_id = await world.add_service("budi/+#")  # a name is never part of a topic
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    shop = Shop(database, world)
    session_id = await world.log_in(nas_id, service_id, "budi", with_class=False)
    await shop.begin()
    topic = shop.topics.session(service_id, session_id)
    assert json.loads(shop.outlet.retained[topic])["session_id"] == session_id
    assert shop.told(service_id, "state")["online"] is True
    await world.log_out(session_id)
    after = Shop(database, world)  # a restart: nothing is known in memory
    after.outlet = shop.outlet
    await after.begin()
    assert topic not in after.outlet.retained
    assert after.told(service_id, "state")["online"] is False
    after.outlet.count()
    again = Shop(database, world)
    again.outlet = shop.outlet
    await again.begin()
    assert topic not in {message.topic for message in again.outlet.messages}  # cleared once


class Between(Outlet):
    """Publishes to a broker, after what happens on another node first."""

    def __init__(self, broker: Outlet, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.retained = broker.retained
        self._happens: Callable[[], Awaitable[None]] | None = happens

    async def publish(self, messages: Sequence[Message]) -> None:
        happens, self._happens = self._happens, None
        if happens is not None:
            await happens()
        await super().publish(messages)


async def test_a_session_that_another_node_ends_and_clears_while_we_tell_of_it_is_not_retained(
    database: Database, world: World
) -> None:
    service_id = await world.add_service("budi")
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    session_id = await world.log_in(nas_id, service_id, "budi", with_class=False)
    ours, theirs = (Shop(database, world, is_only_node=False) for _ in range(2))
    theirs.outlet = ours.outlet
    await theirs.begin()
    topic = ours.topics.session(service_id, session_id)
    assert topic in ours.outlet.retained

    async def ends() -> None:
        await world.log_out(session_id)
        theirs.state.changed([service_id], urgent=True)
        await theirs.work()
        assert topic not in theirs.outlet.retained

    ours.state.begin()
    between = Between(ours.outlet, ends)
    while await ours.state.step(between):
        pass
    told = [message.payload for message in between.messages if message.topic == topic]
    assert [bool(payload) for payload in told] == [True, False]
    assert topic not in ours.outlet.retained


async def test_what_another_node_has_cleared_is_not_remembered_and_told_again_when_it_comes_back(
    database: Database, world: World
) -> None:
    service_id = await world.add_service("budi")
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    ours, theirs = (Shop(database, world, is_only_node=False) for _ in range(2))
    theirs.outlet = ours.outlet
    session_id = await world.log_in(nas_id, service_id, "budi", with_class=False)
    await ours.begin()
    await theirs.begin()
    topic = ours.topics.session(service_id, session_id)
    remembered = ours.state.remembered
    async with database.write() as work:
        await work.live.drop_retained([topic])  # as the other node does, when it clears
    ours.outlet.retained.pop(topic)
    ours.clock.pass_time(seconds=60)
    ours.state.changed([service_id])
    await ours.work()
    assert topic in ours.outlet.retained  # it is open, so that it was cleared for a time only
    await world.log_out(session_id)
    theirs.state.changed([service_id], urgent=True)
    await theirs.work()
    assert topic not in ours.outlet.retained
    ours.clock.pass_time(seconds=publish_state.ROUND_SECONDS)
    await ours.work()
    assert ours.state.remembered == remembered - 1


async def test_a_service_that_ended_another_prefix_and_discovery_switched_off_leave_nothing(
    database: Database, world: World
) -> None:
    service_id = await world.add_service("budi")
    other_id = await world.add_service("wati")
    shop = Shop(database, world, home_assistant="ha")
    await shop.begin()
    assert len(shop.outlet.retained) == 6
    async with database.write() as work:
        await work.connection.execute(
            services.update().where(services.c.id == service_id).values(status="ended", ended_at=NOW)
        )
    after = Shop(database, world, prefix="other")
    after.outlet = shop.outlet
    await after.begin()
    assert set(after.outlet.retained) == {after.topics.service(other_id, what) for what in ("state", "usage")}


async def test_a_broker_that_goes_away_in_the_middle_misses_nothing(database: Database, world: World) -> None:
    service_id = await world.add_service("budi")
    shop = Shop(database, world)
    await shop.begin()
    await world.use(service_id, 7)
    shop.clock.pass_time(seconds=60)
    shop.state.changed([service_id])
    shop.events.orders([OrderNews("sent", NOW, 7, service_id, "coa")])
    shop.outlet.is_away = True
    for step in (shop.state.step, shop.events.step):
        with pytest.raises(BrokerAwayError):
            await step(shop.outlet)
    assert (shop.state.waiting, shop.events.waiting) == (1, 1)
    shop.outlet.is_away = False
    await shop.work()
    assert shop.told(service_id, "usage")["counted_octets"] == 7
    assert (shop.state.waiting, shop.events.waiting, shop.events.lost) == (0, 0, 0)


async def test_what_waits_is_bounded_and_what_does_not_fit_is_found_in_the_database(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_state, "MAX_NOTED", 2)
    monkeypatch.setattr(publish_events, "MAX_WAITING", 3)
    found = [await world.add_service(f"user{number}") for number in range(5)]
    shop = Shop(database, world)
    await shop.begin()
    shop.clock.pass_time(seconds=60)
    for service_id in found:
        await world.use(service_id, 9)
    shop.state.changed(found)
    assert shop.state.waiting == 2
    await shop.work()
    assert {shop.told(service_id, "usage")["counted_octets"] for service_id in found} == {9}
    shop.events.orders([OrderNews("sent", NOW, number, found[0], "coa") for number in range(5)])
    assert (shop.events.waiting, shop.events.lost) == (3, 2)
    shop.outlet.count()
    await shop.work()
    assert [json.loads(message.payload)["session_id"] for message in shop.outlet.messages] == [2, 3, 4]


async def test_while_the_broker_is_away_nothing_is_kept_but_events(database: Database, world: World) -> None:
    shop = Shop(database, world)
    shop.state.changed([await world.add_service("budi")])
    assert shop.state.waiting == 0


async def test_an_order_seen_when_its_session_is_over_is_told_to_whose_it_was(database: Database, world: World) -> None:
    service_id = await world.add_service("budi")
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    session_id = await world.log_in(nas_id, service_id, "budi", with_class=False)
    shop = Shop(database, world)
    news = [OrderNews("seen", NOW, one, None, "disconnect") for one in (session_id, session_id + 1)]
    shop.events.orders(news)
    await shop.events.step(shop.outlet)
    assert [message.topic for message in shop.outlet.messages] == [shop.topics.service(service_id, "event")]


async def test_nas_and_health_are_published_when_they_change_and_an_alert_goes_with_it(
    database: Database, world: World
) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    shop = Shop(database, world)
    notices: list[str] = []
    surroundings = PublishSurroundings(
        database,
        shop.clock,
        shop.topics,
        shop.events,
        health=lambda: {"reasons": [], "notices": notices},
        lanes=dict,
        silent_after=timedelta(minutes=15),
    )

    async def look() -> str:
        await surroundings.step_health(shop.outlet)
        await surroundings.step_nas(shop.outlet)
        await shop.events.step(shop.outlet)
        return str(json.loads(shop.outlet.retained[shop.topics.nas(nas_id, "state")])["state"])

    assert await look() == "never"
    async with database.write() as work:
        await work.connection.execute(nas.update().values(last_heard_at=NOW))
    assert await look() == "heard"
    shop.outlet.count()
    assert await look() == "heard"
    assert shop.outlet.count() == 0
    shop.clock.pass_time(seconds=1000)
    notices.append("the change feed: away")
    assert await look() == "silent"
    alerts = [json.loads(message.payload) for message in shop.outlet.messages if message.topic == shop.topics.alert]
    assert {(one["alert"], one["event"]) for one in alerts} == {("nas_silent", "raised"), ("notice", "raised")}
    async with database.write() as work:
        await work.connection.execute(nas.update().values(removed_at=NOW))
    notices.clear()
    await surroundings.step_nas(shop.outlet)
    assert shop.topics.nas(nas_id, "state") not in shop.outlet.retained
