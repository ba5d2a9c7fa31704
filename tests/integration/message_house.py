"""A provider with three channels, whose messages go out when a test says so."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any
from uuid import UUID

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.outbox import StoredMessage
from netbilld.ports.messages import Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import Progress
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.follow_messengers import FollowMessengers
from netbilld.services.message_fields import EXAMPLES
from netbilld.services.route_messages import Pace, SendingPolicy, Way
from netbilld.services.send_messages import Attach, SendMessages
from netbilld.services.take_messenger_news import progress_body
from tests.clock import StandingClock
from tests.integration.mail_room import Recorder, templates
from tests.integration.money_world import ZONE, World, at

MORNING = at(date(2026, 1, 5), 9)


class Phone(Recorder):
    """A driver of another channel; `refused` are those whom it can't reach."""

    def __init__(self, channel: str, *refused: str) -> None:
        super().__init__()
        self.channel, self.refused = channel, refused
        self.numbers = 0

    async def send(self, message: Outgoing) -> Handed:
        if message.to in self.refused:
            return Handed(Delivery.NEVER, "no such number")
        handed = await super().send(message)
        self.numbers += 1
        if handed.delivery is not Delivery.ACCEPTED:
            return handed
        return Handed(Delivery.ACCEPTED, "ok", provider_id=f"{self.channel}-{self.numbers}")


class House:
    """A provider with three channels."""

    def __init__(self, database: Database) -> None:
        self.database, self.world = database, World(database)
        self.clock = StandingClock(MORNING)
        self.whatsapp, self.sms, self.email = Phone("whatsapp"), Phone("sms"), Phone("email")
        self.slept: list[float] = []
        self.send = self.sender()

    def sender(self, *ways: Way, pace: Pace = Pace(1.0), attach: Attach | None = None) -> SendMessages:  # noqa: B008 - it is frozen
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        policy = SendingPolicy(ZONE, "id", "ISP Contoh", "https://bayar.isp.test", time(20), time(7), "isp.test")
        usual = (
            Way("wa", self.whatsapp, pace, cost_minor=100),
            Way("sms", self.sms, Pace(0.1), cost_minor=350),
            Way("email", self.email, Pace(0.1)),
        )
        return SendMessages(self.database, ways or usual, templates(), policy, self.clock, sleep, attach=attach)

    async def person(self, name: str, phone: str | None, email: str | None = None) -> UUID:
        who = await self.world.person(name, activated_on=date(2026, 1, 1))
        async with self.database.write() as work:
            await work.subscribers.update(who.subscriber_id, {"email": email, "phone": phone})
        return who.subscriber_id

    async def put(self, who: UUID, key: str, kind: MessageKind = MessageKind.REMINDER, **more: Any) -> None:
        async with self.database.write() as work:
            await work.outbox.add(Message(kind, who, EXAMPLES[kind], key, **more), self.clock.now())

    async def all_sent(self) -> None:
        while await self.send.run():
            pass

    async def messages(self) -> Sequence[StoredMessage]:
        async with self.database.read() as work:
            return list(reversed(await work.outbox.listed(most=10_000)))

    async def heard(self, progress: Progress, driver: str = "wa") -> None:
        async def nothing(_: Any) -> None: ...

        async with self.database.write() as work:
            body = progress_body(progress)
            await work.messengers.add_event(driver, "progress", progress.key, body, self.clock.now())
        await FollowMessengers(self.database, self.clock, nothing, nothing).run()
