"""Staff pages about messages: who was told what by which channel, who delivers, and what is said."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.attachments import attach_of
from netbilld.daemon.message_pages import message_parts
from netbilld.daemon.settings import Settings
from netbilld.model.permissions import Role
from netbilld.ports.outbox import Message, MessageKind, MessageState
from netbilld.services.link_staff import LinkStaff
from netbilld.services.login_codes import SEALED, code_place
from netbilld.services.message_fields import EXAMPLES
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, client_of, plain

TEXT = "/messages/texts/edit"


@dataclass
class Desk:
    world: PanelWorld
    browser: Browser

    async def put(self, key: str, kind: MessageKind = MessageKind.REMINDER) -> int:
        person = await self.world.person(f"siti{key}", phone="+6281234567890", email="siti@example.test")
        async with self.world.database.write() as work:
            await work.outbox.add(Message(kind, person.subscriber_id, EXAMPLES[kind], key), NOW)
            return (await work.outbox.listed(most=1))[0].id

    async def messages(self) -> list[MessageState]:
        async with self.world.database.read() as work:
            return [one.state for one in await work.outbox.listed()]


@pytest.fixture
async def desk(database: Database, box: SecretBox) -> AsyncIterator[Desk]:
    world = PanelWorld(database, box)
    await world.plans()
    messengers = {
        "fonnte": {"token": "rahasia-fonnte"},
        "zenziva": {"userkey": "a", "passkey": "rahasia-zenziva"},
        "telegram": {"token": "rahasia-bot", "bot": "isp_bot"},
    }
    settings = Settings(timezone=ZONE, data_dir=Path("var"), messengers=messengers, business_name="Rumah Net")
    async with client_of(world.app(messages=message_parts(settings, database, box))) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ADMIN))
        yield Desk(world, browser)


async def test_a_message_is_found_with_its_words_and_sent_again_by_hand_once(desk: Desk) -> None:
    number = await desk.put("1")
    assert "Rp275.000" in plain(await desk.browser.page(f"/messages/{number}"))
    async with desk.world.database.write() as work:
        await work.outbox.settle(number, MessageState.DEAD, "no such number", NOW)
    assert "no such number" in await desk.browser.page("/messages?state=dead")
    for _ in range(2):
        assert (await desk.browser.send(f"/messages/{number}/retry")).status == 303
    assert await desk.messages() == [MessageState.QUEUED]
    assert (await desk.browser.client.get("/messages/999999")).status == 404


async def test_secrets_of_drivers_are_on_no_page(desk: Desk) -> None:
    page = await desk.browser.page("/messages/drivers")
    assert "fonnte" in page
    assert "rahasia" not in page


async def test_a_code_is_shown_to_nobody(desk: Desk) -> None:
    await desk.put("1")
    async with desk.world.database.write() as work:
        [before] = await work.outbox.listed()
        assert before.subscriber_id is not None
        sealed = b64encode(desk.world.box.seal(b"731942", code_place(before.subscriber_id))).decode()
        context = {SEALED: sealed, "sealed_for": str(before.subscriber_id), "until_at": NOW.isoformat()}
        await work.outbox.add(Message(MessageKind.LOGIN_CODE, before.subscriber_id, context, "c"), NOW)
    page = await desk.browser.page(f"/messages/{before.id + 1}")
    assert "••••••" in page
    assert "731942" not in page


async def test_a_driver_is_switched_off_and_on(desk: Desk) -> None:
    for on, state in (("no", "off"), ("yes", "ok")):
        answer = await desk.browser.send("/messages/drivers", {"driver": "fonnte", "on": on})
        assert answer.status == 303
        async with desk.world.database.read() as work:
            assert (await work.outbox.driver_states())["fonnte"][0] == state
    assert (await desk.browser.send("/messages/drivers", {"driver": "siapa", "on": "no"})).status == 404


async def test_an_unknown_field_is_said_before_it_is_kept_and_nothing_typed_is_lost(desk: Desk) -> None:
    form = {"kind": "reminder", "channel": "sms", "locale": "id", "do": "keep", "body": "Yth. {{ nama }}, bayar ya"}
    answer = await desk.browser.send(TEXT, form)
    page = await answer.text()
    assert answer.status == 422
    assert "nama" in page
    assert "bayar ya" in page
    for broken in ("{% if %}", "{{ name.__class__ }}", "{{ outstanding_minor|money }}", "{{ name|tidak_ada }}", ""):
        assert (await desk.browser.send(TEXT, form | {"body": broken})).status == 422, broken
    async with desk.world.database.read() as work:
        assert not await work.messengers.texts()


async def test_own_words_are_looked_at_kept_tried_and_taken_back(desk: Desk) -> None:
    form = {"kind": "reminder", "channel": "sms", "locale": "id",
            "body": "{{ name }}: {{ outstanding_minor|money(currency) }} jatuh tempo {{ due_on|day }}"}  # fmt: skip
    looked = plain(await (await desk.browser.send(TEXT, form | {"do": "look"})).text())
    assert "Siti Rahmawati: Rp275.000 jatuh tempo 20 Januari 2026" in looked
    assert "1 SMS" in looked
    assert (await desk.browser.send(TEXT, form | {"do": "keep"})).status == 303
    once = {"do": "test", "to": "0812-3456-7890", "once": "a" * 30}
    for _ in range(2):
        assert (await desk.browser.send(TEXT, form | once)).status == 303
    async with desk.world.database.read() as work:
        [test] = await work.outbox.listed()
        assert (test.driver, test.addressee) == ("zenziva", "+6281234567890")
    assert (await desk.browser.send(TEXT, form | once | {"to": "12", "once": "b" * 30})).status == 422
    assert "own" in await desk.browser.page("/messages/texts") or "sendiri" in await desk.browser.page(
        "/messages/texts"
    )
    for _ in range(2):
        assert (await desk.browser.send(TEXT, form | {"do": "ours"})).status == 303
    async with desk.world.database.read() as work:
        assert not await work.messengers.texts()


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_bill_that_can_be_drawn_goes_with_its_message_and_any_other_message_goes_alone(desk: Desk) -> None:
    person = await desk.world.person("siti")
    await desk.world.invoice(person, "INV-2026-000777", 3)
    database, box = desk.world.database, desk.world.box
    settings = Settings(timezone=ZONE, data_dir=Path(mkdtemp()), messengers={"invoice_pdf": True})
    attach = attach_of(settings, database, box)
    assert attach is not None
    bill = await attach(MessageKind.INVOICE_ISSUED, {"number": "INV-2026-000777"}, "id", NOW)
    assert bill is not None
    assert (bill.name, bill.octets[:5]) == ("INV-2026-000777.pdf", b"%PDF-")
    assert await attach(MessageKind.INVOICE_ISSUED, {"number": "INV-2026-999999"}, "id", NOW) is None
    assert await attach(MessageKind.REMINDER, {"number": "INV-2026-000777"}, "id", NOW) is None
    assert attach_of(Settings(timezone=ZONE, data_dir=Path("var")), database, box) is None


async def test_every_text_can_be_opened(desk: Desk) -> None:
    for kind in MessageKind:
        for channel in ("whatsapp", "sms", "email"):
            page = await desk.browser.page(f"{TEXT}?kind={kind.value}&channel={channel}&locale=id")
            assert '<pre class="body">' in page, (kind, channel, "what comes with netbilld can be filled in")
    assert (await desk.browser.client.get(f"{TEXT}?kind=x&channel=sms&locale=id")).status == 404


async def test_a_member_of_the_staff_links_telegram_by_a_code_that_works_once(desk: Desk) -> None:
    page = await (await desk.browser.send("/messages/telegram", {"do": "begin"})).text()
    found = re.search(r"t\.me/isp_bot\?start=([A-Za-z0-9_-]+)", page)
    assert found is not None
    database, clock = desk.world.database, desk.world.clock
    link = LinkStaff(database, desk.world.box, clock)

    async def start(code: str, address: str, key: str) -> None:
        async with database.write() as work:
            body = {"text": f"/start {code}", "address": address}
            await work.messengers.add_event("telegram", "incoming", key, body, clock.now())
        async with database.read() as work:
            [event] = await work.messengers.new_events(clock.now(), 9)
        await link.run(event)

    await start("salah", "666", "1")
    await start(found[1], "5", "2")
    await start(found[1], "666", "3")
    async with database.read() as work:
        [alert] = await work.outbox.listed()
    assert (alert.kind, alert.telegram) == (MessageKind.STAFF_ALERT, "5")
    await desk.browser.send("/messages/telegram", {"do": "end"})
    async with database.read() as work:
        assert alert.staff_id is not None
        chat = await work.messengers.staff_chat(alert.staff_id)
        assert chat is not None
        assert chat.address is None
