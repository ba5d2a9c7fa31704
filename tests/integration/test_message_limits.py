"""How often, how late, how dear and by whom at last: the edges of what the outbox does with a message."""

from datetime import date, timedelta

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import Progress
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.chat_records import Chat
from netbilld.services.message_lane import FIRST_PAUSE, LONGEST_PAUSE
from netbilld.services.route_messages import Pace, Way
from netbilld.services.send_messages import WINDOW
from tests.integration.message_house import MORNING, House, Phone
from tests.integration.money_world import ACTOR, at, plan_file


@pytest.fixture
async def house(database: Database) -> House:
    house = House(database)
    await house.world.plan(plan_file())
    return house


async def test_who_says_stop_after_their_message_was_given_to_a_driver_gets_it_by_another(house: House) -> None:
    who = await house.person("siti", "+6281200000001")
    await house.put(who, "1")
    async with house.database.write() as work:
        [message] = await work.outbox.listed()
        await work.outbox.give("wa", [message.id])
        await work.messengers.stop(who, ["whatsapp"], ACTOR.name, MORNING)
    await house.all_sent()
    assert [one.channel for one in await house.messages()] == ["sms"]
    assert house.whatsapp.sent == []


async def test_a_code_whose_fate_is_not_known_is_sent_three_times_at_most(house: House) -> None:
    await house.put(await house.person("siti", "+6281200000001"), "code", MessageKind.LOGIN_CODE)
    house.whatsapp.answers = [Handed(Delivery.UNSURE, "the answer was lost")] * 9
    await house.all_sent()
    assert len(house.whatsapp.answers) == 9 - 3
    assert [one.state for one in await house.messages()] == [MessageState.MAYBE_SENT]


@pytest.mark.parametrize(("ago", "in_conversation"), [(WINDOW - timedelta(minutes=1), True), (WINDOW, False)])
async def test_words_of_our_own_go_only_to_who_has_written_within_the_window(
    house: House, ago: timedelta, *, in_conversation: bool
) -> None:
    who = await house.person("siti", "+6281200000001")
    heard_at = MORNING - ago
    async with house.database.write() as work:
        await work.messengers.put_chat(Chat("wa", "6281200000001", "Siti", heard_at, heard_at))
    house.send = house.sender(Way("wa", house.whatsapp, Pace(0.1), asks_approval=True))
    await house.put(who, "1")
    await house.all_sent()
    assert [one.in_conversation for one in house.whatsapp.sent] == [in_conversation]


def test_what_waits_in_the_night_waits_for_the_morning_that_comes_next(house: House) -> None:
    policy = house.send._policy
    morning = at(date(2026, 1, 6), 7)
    for moment in (
        at(date(2026, 1, 5), 20),
        at(date(2026, 1, 5), 23),
        at(date(2026, 1, 6), 0),
        at(date(2026, 1, 6), 6),
    ):
        assert policy.quiet_until(MessageKind.REMINDER, moment) == morning
        assert policy.quiet_until(MessageKind.LOGIN_CODE, moment) is None
    assert policy.quiet_until(MessageKind.REMINDER, morning) is None


def test_an_sms_costs_what_its_parts_cost_and_another_message_one_price() -> None:
    sms, whatsapp = (Way("x", Phone(channel), Pace(0.1), cost_minor=350) for channel in ("sms", "whatsapp"))
    assert [sms.cost_of("a" * count) for count in (160, 161, 307)] == [350, 700, 1_050]
    assert whatsapp.cost_of("a" * 307) == 350


async def test_a_messenger_that_says_when_to_come_again_is_left_alone_until_then(house: House) -> None:
    await house.put(await house.person("siti", "+6281200000001"), "1")
    house.whatsapp.answers = [Handed(Delivery.LATER, "not today", 86_400.0)]
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.next_at) == (MessageState.FAILED, MORNING + timedelta(days=1))


async def test_a_driver_that_stays_away_is_tried_less_and_less_often(house: House) -> None:
    house.send = house.sender(Way("wa", house.whatsapp, Pace(0.1)))
    house.whatsapp.answers = [Handed(Delivery.PAUSE, "no telephone")] * 9
    await house.put(await house.person("siti", "+6281200000001"), "1")
    pauses = []
    for _ in range(6):
        await house.all_sent()
        until = house.send.lanes["wa"].paused_until
        assert until is not None
        pauses.append(until - house.clock.now())
        house.clock.at = until
    assert pauses == [*(FIRST_PAUSE * 2**count for count in range(5)), LONGEST_PAUSE]


async def test_news_of_a_message_count_only_from_the_messenger_that_has_it(house: House) -> None:
    """Whoever may report deliveries of SMS without a signature can't have messages of others sent anew."""
    await house.put(await house.person("siti", "+6281200000001", "siti@example.test"), "1")
    await house.all_sent()
    [sent] = await house.messages()
    failed = Progress("x:failed", "another", Told(Reached.NOWHERE, failed=True), reference=f"outbox:{sent.id}")
    await house.heard(failed, driver="sms")
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.channel, message.passed) == (MessageState.SENT, "whatsapp", ())


async def test_what_failed_too_late_to_matter_goes_by_no_other_channel(house: House) -> None:
    who = await house.person("siti", "+6281200000001", "siti@example.test")
    await house.put(who, "1", until=MORNING + timedelta(minutes=5))
    await house.all_sent()
    house.clock.pass_time(minutes=6)
    await house.heard(Progress("whatsapp-1:failed", "whatsapp-1", Told(Reached.NOWHERE, failed=True), "131026"))
    await house.all_sent()
    [message] = await house.messages()
    assert (message.state, message.passed) == (MessageState.DEAD, ())
    assert house.sms.sent == []


async def test_who_pays_while_their_reminder_waits_its_turn_is_not_reminded(house: House) -> None:
    """MDI-7: a turn takes seconds; what was true at its beginning is asked again in the claim."""
    debtor = await house.world.person("siti", activated_on=date(2026, 1, 1))
    await house.world.bill(date(2026, 1, 1))
    async with house.database.write() as work:
        await work.subscribers.update(debtor.subscriber_id, {"phone": "+6281200000001"})
        [invoice] = await work.invoices.open_of(debtor.subscriber_id)
        [bill] = await work.outbox.listed()
        await work.outbox.settle(bill.id, MessageState.SENT, "", MORNING)

    class Paid(Phone):
        async def send(self, message: Outgoing) -> Handed:
            if not self.sent:
                await house.world.pay(debtor, 1_000_000, date(2026, 1, 5))
            return await super().send(message)

    phone = Paid("whatsapp")
    house.send = house.sender(Way("wa", phone, Pace(0.1)))
    await house.put(await house.person("tini", "+6281200000002"), "first")
    await house.put(debtor.subscriber_id, "second", while_open=invoice.id)
    await house.send.run()
    assert [one.to for one in phone.sent] == ["+6281200000002"]
