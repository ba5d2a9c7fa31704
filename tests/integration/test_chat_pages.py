"""Staff read what subscribers write and are answered, and answer from there; strangers stand apart."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.clock import entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.message_pages import message_parts
from netbilld.daemon.settings import Settings
from netbilld.model.permissions import Role
from netbilld.ports.outbox import MessageKind
from netbilld.services.answer_chats import AnswerChats
from netbilld.services.chat_answers import Answers
from netbilld.services.follow_messengers import FollowMessengers
from netbilld.services.show_account import ShowAccount
from tests.clock import StandingClock
from tests.complaint_world import complaint_services
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, Person, client_of, plain

ONE_DATABASE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
BUDI, STRANGER = "6281234567890", "6289999999999"


@dataclass
class Desk:
    world: PanelWorld
    browser: Browser
    budi: Person
    answers: AnswerChats
    clock: StandingClock
    told: int = 0

    async def write(self, text: str, sender: str = BUDI, **more: Any) -> int:
        """Have somebody write to the provider; return the number of the chat's page."""
        self.told += 1
        database, clock = self.world.database, self.clock
        clock.pass_time(minutes=3)
        body = {"address": sender, "phone": f"+{sender}", "name": "Bud", "text": text, "kind": "text", **more}
        async with database.write() as work:
            await work.messengers.add_event("fonnte", "incoming", str(self.told), body, clock.now())

        async def nothing(_: Any) -> None: ...

        await FollowMessengers(database, clock, self.answers.run, nothing).run()
        async with database.read() as work:
            chat = await work.messengers.chat("fonnte", sender)
        assert chat is not None
        assert chat.last_event_id is not None
        return chat.last_event_id

    async def answered(self) -> list[tuple[str | None, Any]]:
        async with self.world.database.read() as work:
            found = await work.outbox.listed()
        return [(one.addressee, one.context["text"]) for one in found if one.context.get("by")]


@pytest.fixture
async def desk(database: Database, box: SecretBox, tmp_path: Path) -> AsyncIterator[Desk]:
    world = PanelWorld(database, box)
    await world.plans()
    budi = await world.person("budi@rumahnet", phone=f"+{BUDI}")
    settings = Settings(timezone=ZONE, data_dir=Path("var"), messengers={"fonnte": {"token": "rahasia-fonnte"}})

    async def fetch(driver: str, media: str) -> bytes | None:
        del driver, media
        return None

    files = complaint_services(database, tmp_path).file
    answers = AnswerChats(
        database, Answers(database, ShowAccount(database), files, fetch, ZONE), box, entropy, world.clock, "Rumah Net"
    )
    async with client_of(world.app(messages=message_parts(settings, database, box))) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ADMIN))
        assert isinstance(world.clock, StandingClock)
        yield Desk(world, browser, budi, answers, world.clock)


async def test_what_nobody_answered_waits_for_a_person_who_answers_once(desk: Desk) -> None:
    await desk.write("TAGIHAN")
    assert "Bud" not in await desk.browser.page("/chats"), "the machine has answered it"
    number = await desk.write("minggu depan saya pindah rumah, bisa dibantu?")
    page = await desk.browser.page("/chats")
    assert f"/chats/{number}" in page
    assert "pindah rumah" in page
    chat = plain(await desk.browser.page(f"/chats/{number}"))
    assert "pindah rumah" in chat
    assert "Tidak ada tagihan" in chat, "what the machine said is there as well"
    once = {"text": "Bisa, kami telepon sore ini.", "once": "a" * 30}
    for _ in range(2):
        assert (await desk.browser.send(f"/chats/{number}/answer", once)).status == 303
    assert await desk.answered() == [(BUDI, "Bisa, kami telepon sore ini.")]
    assert "pindah rumah" not in await desk.browser.page("/chats")
    assert "kami telepon sore ini" in await desk.browser.page(f"/chats/{number}")
    async with desk.world.database.read() as work:
        before = len(await work.outbox.listed())
    again = await desk.write("oke ditunggu ya")
    async with desk.world.database.read() as work:
        assert len(await work.outbox.listed()) == before, "no machine talks into a conversation with a person"
    assert f"/chats/{again}" in await desk.browser.page("/chats")
    assert (await desk.browser.send(f"/chats/{again}/settle")).status == 303
    assert f"/chats/{again}" not in await desk.browser.page("/chats")


@ONE_DATABASE
async def test_those_at_the_desk_are_told_once_that_somebody_asks_for_a_person(desk: Desk) -> None:
    await desk.world.staff(Role.SERVICE)
    await desk.write("CS", STRANGER)
    await desk.write("CS")
    await desk.write("admin tolong")
    async with desk.world.database.read() as work:
        told = [one for one in await work.outbox.listed() if one.kind is MessageKind.STAFF_ALERT]
    assert [one.context["text"] for one in told] == ["CS"]
    assert desk.budi.number in told[0].context["title"]


async def test_a_subscribers_page_has_both_sides_and_strangers_stand_apart(desk: Desk) -> None:
    await desk.write("CS")
    stranger = await desk.write("berapa harga pasang baru?", STRANGER)
    person = plain(await desk.browser.page(f"/subscribers/{desk.budi.number}/chats"))
    assert "CS" in person
    assert "pasang baru" not in person
    unknown = await desk.browser.page("/chats?which=unknown")
    assert STRANGER in unknown
    assert BUDI not in unknown
    known = await desk.browser.page("/chats?which=known")
    assert desk.budi.number in known
    assert STRANGER not in known
    assert (await desk.browser.client.get("/subscribers/999999/chats")).status == 404
    warned = await desk.browser.page(f"/chats/{stranger}")
    assert re.search(r'<p class="notice" role="note">', warned)


@ONE_DATABASE
async def test_pages_of_a_chat_and_of_the_list_leave_nothing_out_between_them(desk: Desk) -> None:
    number = await desk.write("kata-00")
    async with desk.world.database.write() as work:
        first = await work.messengers.chat("fonnte", BUDI)
        assert first is not None
        for count in range(1, 60):
            at = desk.clock.now() + timedelta(milliseconds=70 * count)
            body = {"address": BUDI, "phone": f"+{BUDI}", "name": "Bud", "text": f"kata-{count:02}", "kind": "text"}
            await work.messengers.add_event("fonnte", "incoming", f"more-{count}", body, at)
            other = replace(
                first, address=f"62899{count:02}", person_id=None, last_text=f"kata-{count:02}", heard_at=at
            )
            await work.messengers.put_chat(other)
    for path in (f"/chats/{number}", f"/subscribers/{desk.budi.number}/chats", "/chats?which=all"):
        if path.startswith("/subscribers"):
            async with desk.world.database.write() as work:
                every = update(tables.messenger_events).values(subscriber_id=desk.budi.subscriber_id)
                await work.connection.execute(every)
        newest = await desk.browser.page(path)
        older = re.search(r'href="([^"]+before=[^"]+)" rel="(?:prev|next)"', newest)
        assert older is not None
        seen = set(re.findall(r"kata-\d\d", newest + await desk.browser.page(unescape(older[1]))))
        assert len(seen) == 60, path


@ONE_DATABASE
async def test_staff_say_by_which_channel_somebody_is_reached_first(desk: Desk) -> None:
    there = f"/subscribers/{desk.budi.number}"
    for _ in range(2):
        assert (await desk.browser.send(there + "/channels", {"first": "whatsapp"})).status == 303
    assert '<option value="whatsapp" selected>' in await desk.browser.page(there + "/chats")
    assert (await desk.browser.send(there + "/channels", {"first": "merpati"})).status == 404
    async with desk.world.database.read() as work:
        changes = await work.changes.about("subscriber", str(desk.budi.subscriber_id))
    assert [one.action for one in changes].count("message.prefer") == 1


@ONE_DATABASE
async def test_whatever_they_write_is_words_on_the_page(desk: Desk) -> None:
    number = await desk.write("<script>alert(1)</script> {{ 7*7 }} \u202egnol", name="<b>x</b>")
    page = await desk.browser.page(f"/chats/{number}")
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page
    assert "<b>x</b>" not in page
    answer = await desk.browser.send(f"/chats/{number}/answer", {"text": "{{ business_name }}", "once": "b" * 30})
    assert answer.status == 303
    assert (await desk.answered())[0][1] == "{{ business_name }}"


@ONE_DATABASE
async def test_an_answer_that_is_none_is_refused_and_nothing_typed_is_lost(desk: Desk) -> None:
    number = await desk.write("CS")
    for text in ("", " \u200b ", "x" * 3_001):
        answer = await desk.browser.send(f"/chats/{number}/answer", {"text": text, "once": "c" * 30})
        assert answer.status == 422, text[:9]
        assert text[:3_000].strip() in await answer.text()
    assert await desk.answered() == []
    for path in ("/chats/424242", "/live/chats/424242"):
        assert (await desk.browser.client.get(path)).status == 404
    for what in ("answer", "settle", "forget"):
        sent = await desk.browser.send(f"/chats/424242/{what}", {"text": "x", "once": "d" * 30})
        assert sent.status == 404


@ONE_DATABASE
async def test_who_a_code_has_shown_somebody_to_be_is_forgotten_when_the_telephone_changes_hands(desk: Desk) -> None:
    await desk.write("halo", STRANGER)
    async with desk.world.database.write() as work:
        chat = await work.messengers.chat("fonnte", STRANGER)
        assert chat is not None
        [budi] = await work.messengers.people_with_phone(f"+{BUDI}")
        known = NOW + timedelta(days=100)
        await work.messengers.put_chat(replace(chat, subscriber_id=budi.id, known_until_at=known))
    number = await desk.write("TAGIHAN", STRANGER)
    assert desk.budi.number in await desk.browser.page("/chats?which=known")
    assert (await desk.browser.send(f"/chats/{number}/forget")).status == 303
    desk.clock.pass_time(minutes=11)
    await desk.write("saldo", STRANGER)
    async with desk.world.database.read() as work:
        last = (await work.outbox.listed())[0]
        forgotten = await work.changes.about("chat", str(number))
    assert (last.kind, last.context["topic"], last.subscriber_id) == (MessageKind.REPLY, "ask_number", None)
    assert [one.action for one in forgotten] == ["chat.forget"]


@ONE_DATABASE
async def test_who_showed_a_code_long_ago_is_a_stranger_to_the_staff_as_well(desk: Desk) -> None:
    await desk.write("halo", STRANGER)
    async with desk.world.database.write() as work:
        chat = await work.messengers.chat("fonnte", STRANGER)
        assert chat is not None
        [budi] = await work.messengers.people_with_phone(f"+{BUDI}")
        until = desk.clock.now() + timedelta(minutes=4)
        await work.messengers.put_chat(replace(chat, subscriber_id=budi.id, known_until_at=until))
    await desk.write("TAGIHAN", STRANGER)
    assert desk.budi.number in await desk.browser.page("/chats?which=known")
    number = await desk.write("saldo", STRANGER)  # the code holds no longer
    assert desk.budi.number not in await desk.browser.page("/chats?which=known")
    page = await desk.browser.page(f"/chats/{number}")
    assert re.search(r'<p class="notice" role="note">', page)
    assert f"/subscribers/{desk.budi.number}" not in page


async def test_what_is_old_is_forgotten_as_the_settings_say(desk: Desk) -> None:
    number = await desk.write("CS")
    later = desk.clock.now() + timedelta(days=91)
    async with desk.world.database.write() as work:
        assert await work.messengers.prune_events(later - timedelta(days=90), later) == 1
    assert (await desk.browser.client.get(f"/chats/{number}")).status == 404
    async with desk.world.database.read() as work:
        assert await work.chat_views.lines("all", None, 9) == []
        assert await work.messengers.chat("fonnte", BUDI) is None


@ONE_DATABASE
async def test_who_sees_no_money_sees_no_chats(desk: Desk) -> None:
    """BANG-2.7e: answers hold amounts."""
    await desk.browser.sign_in(await desk.world.staff(Role.TECHNICAL))
    assert (await desk.browser.client.get("/chats", allow_redirects=False)).status == 403
