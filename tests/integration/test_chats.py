"""People write back: who is known gets their own answers, nobody else learns anything, and machines get none."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import time
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.messengers.fonnte import FonnteHook
from netbilld.adapters.messengers.signatures import hex_sha256
from netbilld.adapters.messengers.whatsapp_cloud import CloudHook
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.messenger_drivers import HookOf
from netbilld.ports.outbox import MessageKind
from netbilld.services import answer_chats
from netbilld.services.answer_chats import AnswerChats
from netbilld.services.chat_answers import Answers
from netbilld.services.chat_words import Wish, understand
from netbilld.services.file_complaint import FileComplaint
from netbilld.services.follow_messengers import FollowMessengers
from netbilld.services.link_staff import LinkStaff
from netbilld.services.login_codes import opened_context
from netbilld.services.route_messages import Pace, SendingPolicy, Way
from netbilld.services.send_messages import SendMessages
from netbilld.services.show_account import ShowAccount
from netbilld.services.take_messenger_news import HookDesk
from tests.clock import StandingClock
from tests.complaint_world import complaint_services, picture
from tests.integration.mail_room import Recorder, templates
from tests.portal_world import NOW, World

SECRET: Final = "rahasia-jalan-0001"
META: Final = "meta-app-secret-TEST-0001"
BUDI: Final = "6281234567890"
ONE_DATABASE: Final = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
_NEVER_QUIET: Final = (time(0), time(0))


class Phone(Recorder):
    channel = "whatsapp"


class Line:
    """A provider that people write to by Fonnte."""

    def __init__(self, world: World, files: FileComplaint) -> None:
        self.world, self.database = world, world.database
        self.clock = StandingClock(NOW)
        self.phone, self.pictures = Phone(), dict[str, bytes]()
        self.sent = 0

        async def fetch(driver: str, media: str) -> bytes | None:
            del driver
            return self.pictures.get(media)

        async def sleep(seconds: float) -> None: ...

        hooks = {"fonnte": HookOf(FonnteHook(), SECRET), "whatsapp_cloud": HookOf(CloudHook(META, "kata"), SECRET)}
        self.desk = HookDesk(self.database, hooks)
        answers = Answers(self.database, ShowAccount(self.database), files, fetch, "Asia/Jakarta")
        box = world.box
        answer = AnswerChats(self.database, answers, box, entropy, self.clock, "Desa Net")
        self.follow = FollowMessengers(
            self.database, self.clock, answer.run, LinkStaff(self.database, box, self.clock).run
        )
        policy = SendingPolicy("Asia/Jakarta", "id", "Desa Net", "https://bayar.test", *_NEVER_QUIET, "isp.test")
        self.texts = templates()
        self.texts._opens = lambda context: opened_context(box, context)
        self.send = SendMessages(
            self.database, [Way("fonnte", self.phone, Pace(0.0))], self.texts, policy, self.clock, sleep
        )

    async def write(self, text: str, sender: str = BUDI, **more: Any) -> list[str]:
        """Write something to the provider; return what comes back to whom wrote."""
        self.sent += 1
        body = {"device": "6281200000001", "sender": sender, "message": text, "inboxid": self.sent, **more}
        async with (
            self.world.portal(messengers=self.desk) as url,
            ClientSession() as client,
            client.post(f"{url}/hook/wa/fonnte/{SECRET}", json=body) as answer,
        ):
            assert (answer.status, await answer.text()) == (200, '{"status":true}')
        before = len(self.phone.sent)
        await self.follow.run()
        while await self.send.run():
            pass
        return [one.text for one in self.phone.sent[before:] if one.to.lstrip("+") == sender]


@pytest.fixture
async def line(database: Database, box: SecretBox, tmp_path: Path) -> Line:
    world = World(database, box)
    await world.person("budi@desa", phone=f"+{BUDI}")
    return Line(world, complaint_services(database, tmp_path).file)


async def test_who_is_known_by_their_number_asks_for_bill_usage_and_how_to_pay(line: Line) -> None:
    [bill] = await line.write("Tagihan")
    assert "Tidak ada tagihan" in bill or "Jumlah" in bill
    [balance] = await line.write("SALDO")
    assert "Rumah 20 Mbps" in balance
    [pay] = await line.write("bayar")
    assert "https://bayar.test" in pay
    [menu] = await line.write("menu")
    assert "LAPOR" in menu


async def test_a_report_becomes_a_complaint_with_its_number_and_photo_and_is_acknowledged_once(line: Line) -> None:
    line.pictures["https://x.test/p.jpg"] = picture()
    [answer] = await line.write("LAPOR internet mati sejak pagi", url="https://x.test/p.jpg", extension="jpg")
    assert "K00001" in answer
    async with line.database.read() as work:
        [one] = await work.complaint_views.of_subscriber((await work.messengers.people_with_phone(f"+{BUDI}"))[0].id, 9)
        file = await work.complaint_views.file(one.number)
    assert file is not None
    assert (file.complaint.category, file.complaint.text, file.complaint.via) == (
        "mati",
        "internet mati sejak pagi",
        "whatsapp",
    )
    assert len(file.photos) == 1
    assert sum("K00001" in sent.text for sent in line.phone.sent) == 1
    [status] = await line.write("status")
    assert "K00001" in status
    line.clock.pass_time(minutes=11)
    [plain] = await line.write("halo min, wifi saya lemot banget dari kemarin")
    assert "K00002" in plain


async def test_a_stranger_learns_nothing_about_anybody_until_a_code_comes_back(line: Line) -> None:
    stranger, number = "6289999999999", await _number(line)
    answers = []
    for text in ("TAGIHAN", "999999999", number):
        answers.append(await line.write(text, stranger))
        line.clock.pass_time(minutes=11)
    assert answers[0][0].startswith("Nomor ini belum kami kenal")
    assert answers[1] == answers[2], "whether there is such a subscriber shows nowhere"
    async with line.database.read() as work:
        codes = [one for one in await work.outbox.listed() if one.kind is MessageKind.CHAT_CODE]
    assert [one.phone for one in codes] == [f"+{BUDI}"], "it goes to the number on record"
    code = opened_context(line.world.box, codes[0].context)["code"]
    assert code not in json.dumps(dict(codes[0].context))
    line.clock.pass_time(seconds=-60 * 11)
    [wrong] = await line.write("000000" if code != "000000" else "111111", stranger)
    assert "tidak benar" in wrong
    [right] = await line.write(code, stranger)
    assert "mengenal Anda" in right
    [bill] = await line.write("TAGIHAN", stranger)
    assert "Budi" in bill or number in bill


async def test_codes_can_not_be_guessed_nor_sent_without_end(line: Line) -> None:
    stranger, number = "6289999999999", await _number(line)
    await line.write(number, stranger)
    for guess in range(6):
        [said] = await line.write(f"{guess:06}", stranger)
        line.clock.pass_time(seconds=1)
    assert "kode sudah dikirim" in said, "after five tries it is no code any more"
    for other in ("62899999990", "62899999991"):
        for _ in range(4):
            line.clock.pass_time(minutes=3)
            [said] = await line.write(number, f"{other}00")
        assert "terlalu banyak percobaan" in said, "of one who asks the fourth time within a day"
    async with line.database.read() as work:
        codes = [one for one in await work.outbox.listed(most=500) if one.kind is MessageKind.CHAT_CODE]
    assert len(codes) == 5


async def test_a_telephone_of_two_households_is_nobodys(line: Line) -> None:
    await line.world.person("tuti@desa", phone=f"+{BUDI}")
    [answer] = await line.write("TAGIHAN")
    assert answer.startswith("Nomor ini belum kami kenal")


async def test_who_showed_a_code_long_ago_shows_one_again(line: Line) -> None:
    stranger = "6289999999999"
    await line.write(await _number(line), stranger)
    async with line.database.read() as work:
        [sent] = [one for one in await work.outbox.listed() if one.kind is MessageKind.CHAT_CODE]
    [right] = await line.write(str(opened_context(line.world.box, sent.context)["code"]), stranger)
    assert "mengenal Anda" in right
    for days, is_known in ((179, True), (2, False)):
        line.clock.pass_time(days=days)
        line.world.now = line.clock.now()
        [answer] = await line.write("TAGIHAN", stranger)
        assert answer.startswith("Nomor ini belum kami kenal") is not is_known


async def test_nobody_is_answered_the_day_after(line: Line) -> None:
    line.clock.pass_time(hours=7)  # what comes is dated by the portal's clock, which stands
    assert await line.write("TAGIHAN") == []


async def test_a_flood_of_numbers_that_nobody_knows_is_not_answered_without_end(line: Line, monkeypatch: Any) -> None:
    monkeypatch.setattr(answer_chats, "MOST_STRANGERS", 3)
    answers = [await line.write("halo", f"62877000000{number}") for number in range(5)]
    assert [len(said) for said in answers] == [1, 1, 1, 0, 0]
    assert await line.write("TAGIHAN") != [], "subscribers have their answers all the same"
    assert await line.write(await _number(line), "628770000009") != [], "and so has who says who they are"
    line.clock.pass_time(minutes=61)
    assert len(await line.write("halo", "628770000008")) == 1


async def test_stop_closes_the_channel_and_start_opens_it(line: Line) -> None:
    await line.write("STOP")
    async with line.database.read() as work:
        [person] = await work.messengers.people_with_phone(f"+{BUDI}")
        assert await work.messengers.stopped(person.id) == frozenset({"whatsapp"})
    await line.write("mulai")
    async with line.database.read() as work:
        assert await work.messengers.stopped(person.id) == frozenset()


async def test_machines_and_copies_are_not_answered(line: Line) -> None:
    [menu] = await line.write("???")
    assert await line.write("apa ya") == [], "what may be written is said once in ten minutes"
    assert await line.write(menu) == [], "our own words"
    assert await line.write("TAGIHAN") != []
    assert await line.write("tagihan") == [], "the same again"
    line.clock.pass_time(minutes=10)
    answered = 0
    for round_ in range(20):
        answered += len(await line.write(("TAGIHAN", "SALDO")[round_ % 2]))
    assert answered == 12
    before = len(line.phone.sent)
    line.sent -= 1
    await line.write("BAYAR")  # with the id of the one before
    assert len(line.phone.sent) == before


@ONE_DATABASE
async def test_what_nobody_foresaw_keeps_nobody_else_from_an_answer(line: Line, monkeypatch: Any) -> None:
    answers: Callable[..., Any] = AnswerChats._of_person

    async def fails(self: AnswerChats, event: Any, *rest: Any) -> Any:
        if "aneh" in event.body["text"]:
            raise ZeroDivisionError
        return await answers(self, event, *rest)

    monkeypatch.setattr(AnswerChats, "_of_person", fails)
    assert await line.write("menu yang aneh") == []
    assert await line.write("TAGIHAN") != []
    for _ in range(6):
        line.clock.pass_time(minutes=2, seconds=1)
        await line.follow.run()
    async with line.database.read() as work:
        assert await work.messengers.waiting_events() == 0, "it is let go after a while, and its log has it"


@ONE_DATABASE
async def test_a_photo_that_comes_before_its_words_goes_with_the_report(line: Line) -> None:
    line.pictures["https://x.test/p.jpg"] = picture()
    [asks] = await line.write("", url="https://x.test/p.jpg", extension="jpg")
    assert "LAPOR" in asks
    [answer] = await line.write("lampu LOS merah")
    assert "K00001" in answer
    [other] = await line.write("LAPOR wifi lemot")
    assert "K00002" in other
    async with line.database.read() as work:
        files = [await work.complaint_views.file(number) for number in ("K00001", "K00002")]
    assert [len(file.photos) for file in files if file is not None] == [1, 0]
    await line.write("", url="https://x.test/p.jpg", extension="jpg")
    line.clock.pass_time(minutes=11)
    await line.write("LAPOR internet mati")
    async with line.database.read() as work:
        late = await work.complaint_views.file("K00003")
    assert late is not None
    assert not late.photos, "who sends a picture and writes of something much later means something else"


@ONE_DATABASE
async def test_a_picture_that_is_none_or_is_too_large_costs_nobody_their_report(line: Line) -> None:
    for number, octets in enumerate((b"GIF89a not one", picture()[:200], b"\xff\xd8" + b"0" * 11_000_000), start=1):
        line.pictures[f"https://x.test/{number}.jpg"] = octets
        [answer] = await line.write(
            f"LAPOR internet mati {number}", url=f"https://x.test/{number}.jpg", extension="jpg"
        )
        assert f"K0000{number}" in answer
        async with line.database.read() as work:
            file = await work.complaint_views.file(f"K0000{number}")
        assert file is not None
        assert not file.photos


@ONE_DATABASE
async def test_two_photos_are_two_things(line: Line) -> None:
    for name in ("a", "b"):
        line.pictures[f"https://x.test/{name}.jpg"] = picture()
        said = await line.write("", url=f"https://x.test/{name}.jpg", extension="jpg")
        assert said != [], "a second photo is not the first again"


async def test_killed_between_taking_a_report_and_answering_it_there_is_one_complaint(
    line: Line, monkeypatch: Any
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    answer: Callable[..., Any] = AnswerChats._send

    async def dies(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(AnswerChats, "_send", dies)
    with pytest.raises(Killed):
        await line.write("LAPOR internet mati")
    monkeypatch.setattr(AnswerChats, "_send", answer)
    await line.follow.run()
    while await line.send.run():
        pass
    assert sum("K00001" in one.text for one in line.phone.sent) == 1
    assert not any("K00002" in one.text for one in line.phone.sent)


async def test_the_door_of_webhooks(line: Line) -> None:
    body = json.dumps({"object": "x", "entry": []}).encode()
    signed = {"X-Hub-Signature-256": "sha256=" + hex_sha256(META.encode(), body)}
    async with line.world.portal(messengers=line.desk) as url, ClientSession() as client:

        async def status(method: str, path: str, **more: Any) -> int:
            async with client.request(method, f"{url}{path}", **more) as answer:
                return answer.status

        meta = f"/hook/wa/whatsapp_cloud/{SECRET}"
        assert await status("POST", meta, data=body, headers=signed) == 200
        assert await status("POST", meta, data=body + b" ", headers=signed) == 403
        assert await status("POST", "/hook/wa/whatsapp_cloud/another-secret-1", data=body, headers=signed) == 404
        assert await status("POST", f"/hook/wa/wablas/{SECRET}", data=body) == 404
        assert await status("POST", meta, data=b"x" * 300_000, headers=signed) == 413
        assert (
            await status("POST", f"/hook/wa/fonnte/{SECRET}", data=b"{", headers={"Content-Type": "application/json"})
            == 400
        )
        challenge = "?hub.mode=subscribe&hub.verify_token=kata&hub.challenge=1234509876"
        async with client.get(f"{url}{meta}{challenge}") as answer:
            assert (answer.status, await answer.text()) == (200, "1234509876")
        assert await status("GET", meta + challenge.replace("kata", "lain")) == 403

        async def too_much() -> AsyncIterator[bytes]:
            for _ in range(80):  # without having said how much it will be
                yield b"x" * 4096

        assert await status("POST", meta, data=too_much(), headers=signed) == 413
    assert line.desk.counts == {
        ("whatsapp_cloud", "taken"): 1, ("whatsapp_cloud", "refused"): 2, ("whatsapp_cloud", "unknown"): 1,
        ("?", "unknown"): 1, ("fonnte", "refused"): 1,
    }  # fmt: skip
    async with line.database.read() as work:
        assert await work.messengers.waiting_events() == 0


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("TAGIHAN", Wish.BILL), ("cek tagihan saya", Wish.BILL), ("Berapa tagihan saya bulan ini?", Wish.BILL),
        ("saldo", Wish.BALANCE), ("sisa kuota berapa ya", Wish.BALANCE), ("Bayar", Wish.PAY), ("cara bayar gimana", Wish.PAY),
        ("LAPOR: internet mati", Wish.REPORT), ("internet saya mati dari semalam", Wish.REPORT),
        ("lampu LOS merah", Wish.REPORT), ("STATUS", Wish.STATUS), ("stop", Wish.STOP), ("*MENU*", Wish.MENU),
        ("100023", Wish.NUMBER), ("terima kasih", Wish.UNKNOWN), ("", Wish.UNKNOWN), ("😀", Wish.UNKNOWN),
        ("stop dulu ya internetnya saya mau pindah rumah bulan depan", Wish.UNKNOWN),
    ],
)  # fmt: skip
def test_words_and_plain_words_are_understood(text: str, wish: Wish) -> None:
    assert understand(text).wish is wish


async def _number(line: Line) -> str:
    async with line.database.read() as work:
        return (await work.messengers.people_with_phone(f"+{BUDI}"))[0].number
