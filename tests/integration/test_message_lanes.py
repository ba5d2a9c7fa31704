"""One outbox over several channels: the first that a person has and wants, the next where one can't, each told once."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.messengers.fonnte import Fonnte
from netbilld.model.delivery import Reached, Told
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.ports.messages import Attachment, Delivery, Driver, Handed, Outgoing
from netbilld.ports.messenger_hooks import Progress
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.follow_messengers import FollowMessengers
from netbilld.services.route_messages import Pace, SendingPolicy, Way
from netbilld.services.send_messages import WITH_DOCUMENT, SendMessages
from tests.clock import StandingClock
from tests.integration.mail_room import templates
from tests.integration.message_house import MORNING, House, Phone
from tests.integration.money_world import ACTOR, ZONE, at, plan_file
from tests.messengers import messenger

ONE_DATABASE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@pytest.fixture
async def house(database: Database) -> House:
    house = House(database)
    await house.world.plan(plan_file())
    return house


async def test_each_is_told_by_the_first_channel_they_have_and_want(house: House) -> None:
    both = await house.person("dua", "+6281200000001", "dua@example.test")
    fixed = await house.person("kabel", "+62215550123", "kabel@example.test")
    chooser = await house.person("pilih", "+6281200000003", "pilih@example.test")
    stopped = await house.person("henti", "+6281200000004", "henti@example.test")
    async with house.database.write() as work:
        await work.messengers.prefer(chooser, ["email", "whatsapp"], ACTOR.name, MORNING)
        await work.messengers.stop(stopped, ["whatsapp"], ACTOR.name, MORNING)
    for number, who in enumerate((both, fixed, chooser, stopped)):
        await house.put(who, str(number))
    await house.put(stopped, "code", MessageKind.LOGIN_CODE)
    await house.all_sent()
    assert [one.channel for one in await house.messages()] == ["whatsapp", "email", "email", "sms", "whatsapp"]
    assert [one.driver for one in await house.messages()] == ["wa", "email", "email", "sms", "wa"]
    assert [one.cost_minor for one in await house.messages()] == [100, 0, 0, 350, 100]
    house.email.answers = [Handed(Delivery.NEVER, "no such mailbox")]
    await house.put(chooser, "again")
    await house.all_sent()
    assert (await house.messages())[-1].channel == "whatsapp", "what comes first is not all there is"


@ONE_DATABASE
async def test_a_document_goes_by_who_carries_documents_and_others_have_the_link(house: House) -> None:
    asked: list[MessageKind] = []

    async def attach(kind: MessageKind, context: Any, locale: str, now: datetime) -> Attachment | None:
        del locale, now
        asked.append(kind)
        return Attachment(f"{context['number']}.pdf", b"%PDF")

    ways = (Way("wa", house.whatsapp, Pace(0.1), carries_documents=True), Way("sms", house.sms, Pace(0.1)))
    house.send = house.sender(*ways, attach=attach)
    who = await house.person("siti", "+6281200000001")
    await house.put(who, "1", MessageKind.INVOICE_ISSUED)
    other = await house.person("tini", "+6281200000002")
    house.whatsapp.refused = ("+6281200000002",)
    await house.put(other, "2", MessageKind.INVOICE_ISSUED)
    await house.all_sent()
    assert [one.attachment.name for one in house.whatsapp.sent if one.attachment] == ["INV/2026/01/00123.pdf"]
    assert [one.attachment for one in house.sms.sent] == [None]
    assert "https://bayar.isp.test" in house.sms.sent[0].text
    assert set(asked) == {MessageKind.INVOICE_ISSUED}


@ONE_DATABASE
async def test_a_document_that_is_never_taken_leaves_the_words_to_go_alone(house: House) -> None:
    async def attach(kind: MessageKind, context: Any, locale: str, now: datetime) -> Attachment | None:
        del kind, context, locale, now
        return Attachment("bill.pdf", b"%PDF")

    tried: list[Attachment | None] = []

    class Clumsy(Phone):
        async def send(self, message: Outgoing) -> Handed:
            tried.append(message.attachment)
            if message.attachment is not None:
                return Handed(Delivery.LATER, "500 media")
            return await super().send(message)

    phone = Clumsy("whatsapp")
    house.send = house.sender(Way("wa", phone, Pace(0.1), carries_documents=True), attach=attach)
    await house.put(await house.person("siti", "+6281200000001"), "1", MessageKind.INVOICE_ISSUED)
    for _ in range(WITH_DOCUMENT + 1):
        await house.all_sent()
        house.clock.pass_time(minutes=90)
    assert [one is None for one in tried] == [False] * WITH_DOCUMENT + [True]
    assert [one.to for one in phone.sent] == ["+6281200000001"]


async def test_who_can_not_be_reached_by_one_channel_is_told_by_the_next_and_once(house: House) -> None:
    who = await house.person("siti", "+6281200000001", "siti@example.test")
    house.whatsapp.refused = house.sms.refused = ("+6281200000001",)
    await house.put(who, "1")
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.channel, message.passed) == (MessageState.SENT, "email", ("wa", "sms"))
    assert (len(house.whatsapp.sent), len(house.sms.sent), len(house.email.sent)) == (0, 0, 1)
    await house.put(await house.person("tini", "+6281200000001"), "2")
    await house.all_sent()
    assert [(one.state, one.said) for one in await house.messages()][1] == (MessageState.DEAD, "no such number")


async def test_a_messenger_that_tells_of_a_failure_later_lets_the_next_channel_have_it(house: House) -> None:
    who = await house.person("siti", "+6281200000001", "siti@example.test")
    await house.put(who, "1")
    await house.all_sent()
    await house.heard(Progress("whatsapp-1:failed", "whatsapp-1", Told(Reached.NOWHERE, failed=True), "131026"))
    await house.all_sent()
    [message] = await house.messages()
    assert (message.channel, message.passed, message.state) == ("sms", ("wa",), MessageState.SENT)
    assert message.cost_minor == 450


async def test_what_is_told_of_a_message_only_moves_it_on(house: House) -> None:
    """KAMIL-11: the delivery result is stored with the message."""
    who = await house.person("siti", "+6281200000001")
    await house.put(who, "1")
    await house.all_sent()
    for word, reached in (("read", Reached.READ), ("sent", Reached.SENT), ("read", Reached.READ)):
        await house.heard(Progress(f"whatsapp-1:{word}", "whatsapp-1", Told(reached)))
    await house.heard(Progress("whatsapp-1:failed", "whatsapp-1", Told(Reached.NOWHERE, failed=True)))
    [message] = await house.messages()
    assert (message.reached, message.state) == (Reached.READ, MessageState.SENT)
    await house.heard(Progress("x:read", "another-1", Told(Reached.READ)))
    house.clock.pass_time(minutes=11)
    await house.heard(Progress("y:read", "another-2", Told(Reached.READ)))
    async with house.database.read() as work:
        assert await work.messengers.waiting_events() == 1, "what is of no message of ours is let go after a while"


async def test_news_that_come_before_the_answer_find_the_message_by_our_own_name_for_it(house: House) -> None:
    who = await house.person("siti", "+6281200000001")
    await house.put(who, "1")

    class Fast(Phone):
        async def send(self, message: Outgoing) -> Handed:
            news = Progress("wamid.1:delivered", "wamid.1", Told(Reached.DELIVERED), reference=message.reference)
            await house.heard(news)
            return Handed(Delivery.UNSURE, "the answer was lost")

    house.send = house.sender(Way("wa", Fast("whatsapp"), Pace(0.1)))
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.reached) == (MessageState.SENT, Reached.DELIVERED)


async def test_a_log_in_that_is_refused_stops_its_driver_tells_the_staff_and_others_go_on(house: House) -> None:
    admin = uuid4()
    async with house.database.write() as work:
        await work.staff.add(Staff(id=admin, email="ani@isp.test", email_key=email_key("ani@isp.test"), name="Ani",
            password_hash="x", role=Role.ADMIN, active=True, must_change_password=False, locale=None, created_at=MORNING))  # fmt: skip
    who = await house.person("siti", "+6281200000001", "siti@example.test")
    await house.put(who, "1")
    house.whatsapp.answers = [Handed(Delivery.PAUSE, "token invalid", log_in=True)] * 9
    await house.all_sent()
    assert house.send.trouble == "wa: token invalid"
    await house.all_sent()
    assert [(one.kind, one.channel) for one in await house.messages() if one.state is MessageState.SENT] == [
        (MessageKind.STAFF_ALERT, "email")
    ]
    await house.put(who, "code", MessageKind.LOGIN_CODE)
    await house.all_sent()
    await house.all_sent()
    assert house.sms.sent[-1].text.startswith("042042"), "who stands at the door does not wait"
    for _ in range(3):
        house.clock.pass_time(minutes=16)
        await house.all_sent()
        await house.all_sent()
    waited = next(one for one in await house.messages() if one.dedupe_key == "1")
    assert (waited.state, waited.channel) == (MessageState.SENT, "sms"), "after half an hour nobody waits for it"
    async with house.database.write() as work:
        await work.outbox.put_driver_state("wa", "ok", "", ACTOR.name, house.clock.now())
    house.whatsapp.answers = []
    await house.put(who, "2")
    await house.all_sent()
    assert (await house.messages())[-1].channel == "whatsapp"
    assert house.send.trouble is None


async def test_a_driver_that_the_staff_switch_off_gets_nothing(house: House) -> None:
    who = await house.person("siti", "+6281200000001")
    async with house.database.write() as work:
        await work.outbox.put_driver_state("wa", "off", "pindah nomor", ACTOR.name, MORNING)
    await house.put(who, "1")
    await house.all_sent()
    assert (await house.messages())[0].channel == "sms"


@ONE_DATABASE
async def test_a_telephone_that_comes_and_goes_does_not_undo_what_the_staff_want(house: House) -> None:
    async def nothing(_: Any) -> None: ...

    async def state_after(*news: bool) -> str:
        async with house.database.write() as work:
            for connected in news:
                key, body = f"{connected}:{house.clock.now()}", {"connected": connected, "said": "phone"}
                await work.messengers.add_event("wa", "device", key, body, house.clock.now())
        await FollowMessengers(house.database, house.clock, nothing, nothing).run()
        house.clock.pass_time(seconds=1)
        async with house.database.read() as work:
            return (await work.outbox.driver_states())["wa"][0]

    assert [await state_after(False), await state_after(True)] == ["paused", "ok"]
    async with house.database.write() as work:
        await work.outbox.put_driver_state("wa", "off", "pindah nomor", ACTOR.name, house.clock.now())
    assert [await state_after(False), await state_after(True)] == ["off", "off"]


async def test_a_failure_that_comes_before_the_answer_waits_for_it_and_the_next_channel_tells_them(
    house: House,
) -> None:
    who = await house.person("siti", "+6281200000001", "siti@example.test")
    await house.put(who, "1")

    class Fast(Phone):
        async def send(self, message: Outgoing) -> Handed:
            told = Told(Reached.NOWHERE, failed=True)
            await house.heard(Progress("w:failed", "whatsapp-1", told, reference=message.reference))
            return await super().send(message)

    house.send = house.sender(Way("wa", Fast("whatsapp"), Pace(0.1)), Way("sms", house.sms, Pace(0.1)))
    await house.all_sent()
    house.clock.pass_time(seconds=21)

    async def nothing(_: Any) -> None: ...

    await FollowMessengers(house.database, house.clock, nothing, nothing).run()
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.driver, message.passed) == (MessageState.SENT, "sms", ("wa",))


async def test_one_person_is_not_written_to_in_a_row_nor_too_often_within_a_day(house: House) -> None:
    who = await house.person("siti", "+6281200000001")
    house.send = house.sender(Way("wa", house.whatsapp, Pace(0.1, recipient_seconds=60, recipient_a_day=3)))
    for number in range(5):
        await house.put(who, str(number))
    told = []
    for _ in range(6):
        await house.all_sent()
        told.append(len(house.whatsapp.sent))
        house.clock.pass_time(minutes=61)
    assert told == [1, 2, 3, 3, 3, 3]
    house.clock.pass_time(hours=20)
    await house.all_sent()
    assert len(house.whatsapp.sent) == 4


async def test_a_slow_lane_keeps_nobody_elses_messages_and_codes_go_first(house: House) -> None:
    many = [await house.person(f"s{number}", f"+62812000001{number:02}") for number in range(12)]
    for number, who in enumerate(many):
        await house.put(who, str(number))
    await house.put(await house.person("surel", None, "surel@example.test"), "mail")
    house.send = house.sender(pace=Pace(3.0, 9.0))
    await house.send.run()
    assert (len(house.whatsapp.sent), len(house.email.sent)) == (4, 1), "four times three seconds are a turn"
    await house.put(many[-1], "code", MessageKind.LOGIN_CODE)
    await house.send.run()
    assert "042042" in house.whatsapp.sent[4].text


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["claim", "send", "settle"])
async def test_killed_between_any_two_steps_nobody_is_told_twice_but_a_code_comes(house: House, step: str) -> None:
    who = await house.person("siti", "+6281200000001")
    await house.put(who, "1")
    await house.put(who, "code", MessageKind.LOGIN_CODE, until=MORNING + timedelta(minutes=5))

    class Dying(Phone):
        async def send(self, message: Outgoing) -> Handed:
            if step == "send":
                raise Killed
            await super().send(message)
            raise Killed

    if step == "claim":
        for message in await house.messages():
            async with house.database.write() as work:
                await work.outbox.give("wa", [message.id])
                await work.outbox.claim(message.id, "whatsapp", "+6281200000001", "<x>", house.clock.now())
    else:
        for _ in range(2):
            with pytest.raises(Killed):
                await house.sender(Way("wa", Dying("whatsapp"), Pace(0.1))).run()
    house.clock.pass_time(seconds=61)
    house.send = house.sender()
    await house.all_sent()
    assert [one.state for one in await house.messages()] == [MessageState.SENDING, MessageState.SENT]
    house.clock.pass_time(minutes=10)
    await house.all_sent()
    assert [one.state for one in await house.messages()] == [MessageState.MAYBE_SENT, MessageState.SENT]
    assert len(house.whatsapp.sent) == 1


class Clocked:
    """A driver whose messages are counted by when they left."""

    def __init__(self, driver: Driver, clock: StandingClock, told: list[tuple[str, datetime]]) -> None:
        self.driver, self.clock, self.told, self.channel = driver, clock, told, driver.channel

    async def send(self, message: Outgoing) -> Handed:
        handed = await self.driver.send(message)
        if handed.delivery in {Delivery.ACCEPTED, Delivery.UNSURE}:
            self.told.append((message.to, self.clock.now()))
        return handed

    async def rest(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize("count", [120, pytest.param(5_000, marks=pytest.mark.soak)])
async def test_notices_through_a_messenger_that_fails_one_time_in_ten(house: House, count: int) -> None:
    """Each is told once, on one channel, at the set pace and not at night; INCA-38: paced sending."""
    numbers = [f"+62812{number:07}" for number in range(count)]
    told: list[tuple[str, datetime]] = []

    async def sleep(seconds: float) -> None:
        house.clock.pass_time(seconds=seconds)

    async with messenger("fonnte") as there:
        for place in range(0, count, 10):
            there.ways[numbers[place][1:]] = ("refuse", "once:503", "hang_up", "once:429:9")[place // 10 % 4]
        policy = SendingPolicy(ZONE, "id", "ISP", None, time(20), time(7), "isp.test")
        ways = (
            Way("fonnte", Clocked(Fonnte("token-0001", there.url), house.clock, told), Pace(3.0, 10.0)),
            Way("sms", Clocked(house.sms, house.clock, told), Pace(0.0)),
        )
        send = SendMessages(house.database, ways, templates(), policy, house.clock, sleep, lambda: 0.5)
        for place, number in enumerate(numbers):
            await house.put(await house.person(f"p{place}", number), f"i:{place}", MessageKind.INVOICE_ISSUED)
        house.clock.at = at(date(2026, 1, 5), 19) + timedelta(minutes=55)
        while True:
            if await send.run():
                continue
            waiting = [
                one.next_at for one in await house.messages() if one.state in {MessageState.QUEUED, MessageState.FAILED}
            ]
            if not waiting:
                break
            house.clock.at = max(house.clock.now() + timedelta(seconds=5), min(waiting))
        taken = there.told() + Counter(one.to[1:] for one in house.sms.sent)
    assert taken == Counter(number[1:] for number in numbers), "each once"
    assert Counter(number for number, _ in told) == Counter(numbers), "on one channel"
    local = [moment.astimezone(ZoneInfo(ZONE)) for _, moment in told]
    assert all(7 <= moment.hour < 20 for moment in local)
    assert {moment.day for moment in local} >= {5, 6}, "the night lay between"
    by_messenger = sorted(moment for number, moment in told if there.told()[number[1:]])
    assert all((then - now).total_seconds() >= 3 for now, then in pairwise(by_messenger)), "at its pace"
    states = Counter(one.state for one in await house.messages())
    unsure = sum(1 for way in there.ways.values() if way == "hang_up")
    assert states == {MessageState.SENT: count - unsure, MessageState.MAYBE_SENT: unsure}
