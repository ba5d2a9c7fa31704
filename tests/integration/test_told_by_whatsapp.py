"""What is told in real time by WhatsApp: every step of a complaint, a new plan, a new price."""

from datetime import time
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.model.contact import parse_phone
from netbilld.ports.messages import Channel
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.message_fields import example
from netbilld.services.message_texts import OwnText
from netbilld.services.route_messages import Pace, SendingPolicy, Way
from netbilld.services.send_messages import SendMessages
from tests.clock import StandingClock
from tests.complaint_world import HOUR, ZONE, ComplaintWorld
from tests.integration.mail_room import Recorder, templates

BUDI, TONO = parse_phone("0812-0000-0001"), parse_phone("0812-0000-0002")


class Phone(Recorder):
    channel = "whatsapp"


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_every_change_of_a_complaint_reaches_whatsapp_at_once_also_at_night(
    database: Database, tmp_path: Path
) -> None:
    """KAMIL-10: every state change of a complaint notifies the customer; assignment notifies the technician."""
    world = ComplaintWorld(database, tmp_path)
    budi, tono = await world.subscriber(), await world.staff()
    async with database.write() as work:
        await work.subscribers.update(budi.id, {"phone": BUDI})
        await work.staff.update(tono.id, {"phone": TONO})
    world.now += 13 * HOUR  # 23.00 in Jakarta
    phone, clock = Phone(), StandingClock(world.now)

    async def sleep(_: float) -> None: ...

    policy = SendingPolicy(ZONE, "id", "ISP", None, time(20), time(7), "isp.test")
    send = SendMessages(database, [Way("wa", phone, Pace(0.0))], templates(), policy, clock, sleep)

    async def told(step: Any) -> list[tuple[str, str]]:
        await step
        before = len(phone.sent)
        while await send.run():
            pass
        return sorted((one.to, one.subject) for one in phone.sent[before:])

    handle = world.services.handle
    number = await world.complain(budi)
    while await send.run():
        pass
    assert [one.to for one in phone.sent] == [BUDI], "that it was received"
    assert [to for to, _ in await told(handle.assign(number, tono.email, world.doing()))] == [BUDI, TONO]
    for step in (
        handle.start(number, world.doing()),
        handle.resolve(number, "Kabel diganti", world.doing()),
        handle.reopen(number, "Masih mati", world.own(budi), owner=budi.id),
        handle.resolve(number, "Konektor diganti", world.doing()),
        handle.close(number, world.own(budi), owner=budi.id),
    ):
        [(to, subject)] = await told(step)
        assert to == BUDI
        assert number in subject
    assert {one.state for one in await world.messages()} == {MessageState.SENT}
    assert {one.channel for one in await world.messages()} == {"whatsapp"}


def test_a_new_plan_is_told_with_the_old_one_the_new_one_and_its_day() -> None:
    """BANG-2.6e: the words; that a change of plan enqueues it is test_terms's."""
    for locale, day in (("id", "1 Februari 2026"), ("en", "1 February 2026")):
        _, text = templates().render(
            MessageKind.PLAN_CHANGED, locale, example(MessageKind.PLAN_CHANGED), Channel.WHATSAPP.value
        )
        assert all(word in text for word in ("Rumah 10", "Rumah 20", day)), text


def test_a_new_price_is_told_with_the_old_one_the_new_one_and_its_day() -> None:
    """BANG-2.6f: the words; that those concerned are listed, and told so many days ahead, is test_plan_versions's."""
    for locale, day in (("id", "1 Februari 2026"), ("en", "1 February 2026")):
        _, text = templates().render(
            MessageKind.PRICE_CHANGED, locale, example(MessageKind.PRICE_CHANGED), Channel.WHATSAPP.value
        )
        assert all(word in text for word in ("Rumah 20", "Rp250.000", "Rp275.000", day)), text


@pytest.mark.parametrize("channel", ["whatsapp", "sms", "email"])
def test_a_value_that_looks_like_a_template_stays_what_it_is(channel: str) -> None:
    own = OwnText(MessageKind.REMINDER, channel, "id", "{{ name }}", "Yth. {{ name }}, {{ number }}")
    bad = example(MessageKind.REMINDER) | {"name": "{{ 7*7 }}{% for x in y %}", "number": "{{ name }}"}
    words = templates()
    for _ in range(2):
        subject, text = words.render(MessageKind.REMINDER, "id", bad, channel)
        assert "49" not in subject + text
        words.use({own.key: own})
    assert text.startswith("Yth. {{ 7*7 }}{% for x in y %}, {{ name }}")
