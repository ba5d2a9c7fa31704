"""Messages to subscribers: each once, withdrawn when it is no longer true, whatever happens to sender and server."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import outbox
from netbilld.adapters.message_templates import LOCALES
from netbilld.adapters.smtp.driver import MailServer as At
from netbilld.adapters.smtp.driver import Security, SmtpDriver
from netbilld.adapters.smtp.letter import Sender
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.messages import Delivery, Handed, Outgoing
from netbilld.ports.outbox import Message, MessageKind, MessageState
from netbilld.services.manage_messages import ManageMessages
from netbilld.services.message_fields import EXAMPLES
from netbilld.services.route_messages import SendingPolicy
from netbilld.services.send_messages import SendMessages
from tests.clock import StandingClock
from tests.integration.mail_room import Recorder, templates, way
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file
from tests.mail_server import MailServer, mail_server

MORNING = at(date(2026, 1, 5), 9)
COMPLAINT = {"number": "K00001", "category": "Internet mati total", "category_en": "No internet at all"}
CONTEXTS: dict[MessageKind, dict[str, Any]] = {
    MessageKind.INVOICE_ISSUED: {
        "number": "INV/2026/01/00001", "total_minor": 275_000, "outstanding_minor": 275_000, "due_on": "2026-01-20",
        "period_start_on": "2026-01-01", "period_end_on": "2026-01-31",
    },
    MessageKind.CREDIT_NOTE_ISSUED: {"number": "CN/2026/01/00001", "total_minor": 5_000, "credits": "INV/2026/01/00001"},
    MessageKind.PAYMENT_RECEIVED: {
        "amount_minor": 275_000, "method": "cash", "reference": None, "received_on": "2026-01-05",
        "numbers": ["INV/2026/01/00001"], "outstanding_minor": 0,
    },
    MessageKind.PAYMENT_REVERSED: {
        "amount_minor": 275_000, "method": "transfer", "reference": "BCA-1", "reason": "ditolak bank",
        "outstanding_minor": 275_000,
    },
    MessageKind.REMINDER: {
        "number": "INV/2026/01/00001", "outstanding_minor": 275_000, "due_on": "2026-01-20", "days": -3,
    },
    MessageKind.ISOLIR_WARNING: {
        "numbers": ["INV/2026/01/00001"], "overdue_minor": 275_000, "isolir_at": "2026-01-21T00:30:00+07:00",
    },
    MessageKind.ISOLIR: {"numbers": ["INV/2026/01/00001"], "overdue_minor": 275_000},
    MessageKind.RESTORED: {"outstanding_minor": 10_000},
    MessageKind.PROMISE: {"until_on": "2026-01-25", "overdue_minor": 275_000},
    MessageKind.LATE_FEE: {"number": "INV/2026/01/00001", "amount_minor": 13_750},
    MessageKind.TERMINATION: {"numbers": ["INV/2026/01/00001"], "overdue_minor": 275_000},
    MessageKind.PLAN_CHANGED: {"old_plan": "Rumah 10", "new_plan": "Rumah 20", "from_on": "2026-02-01"},
    MessageKind.PRICE_CHANGED: {"plan": "Rumah 20", "old_minor": 1, "new_minor": 2, "from_on": "2026-02-01"},
    MessageKind.THRESHOLD: {
        "username": "siti", "percent": 80, "used_octets": 240_000_000_000, "limit_octets": 300_000_000_000,
        "unit": "data",
        "resets_on": "2026-02-01",
    },
    MessageKind.CREDIT_LOW: {"wallet_minor": 4_000},
    MessageKind.CHARGE_FAILED: {
        "number": "INV/2026/01/00123", "outstanding_minor": 275_000, "due_on": "2026-01-20", "account": "0812•••7890",
    },
    MessageKind.EXPIRES: {"plan": "Rumah 20", "paid_until_on": "2026-01-31", "price_minor": 1, "wallet_minor": 0},
    MessageKind.ANNOUNCEMENT: {"title": "Libur Lebaran", "text": "Kantor tutup sampai Senin."},
    MessageKind.COMPLAINT_RECEIVED: COMPLAINT | {"respond_by": "2026-01-20T03:00:00+00:00", "outage": ""},
    MessageKind.COMPLAINT_STATE: COMPLAINT | {"state": "resolved", "note": "Kabel diganti.", "assignee": "", "reopen_days": 7},
    MessageKind.COMPLAINT_NOTE: COMPLAINT | {"note": "Teknisi datang besok."},
    MessageKind.COMPLAINT_ASSIGNED: COMPLAINT | {
        "about": "Budi", "address": "Jalan Melati 7", "phone": "", "text": "mati", "resolve_by": "2026-01-20T03:00:00+00:00",
    },
    MessageKind.OUTAGE_DECLARED: {
        "number": "G00001", "text": "kabel putus", "began_at": "2026-01-20T03:00:00+00:00", "expected_at": None,
    },
    MessageKind.OUTAGE_ENDED: {
        "number": "G00001", "text": "kabel disambung", "began_at": "2026-01-20T03:00:00+00:00",
        "ended_at": "2026-01-20T05:00:00+00:00",
    },
    MessageKind.CONTACT_CHANGED: {"at": "2026-01-20T02:05:00+00:00", "has_new_email": True, "has_new_phone": False},
    MessageKind.LOGIN_CODE: {"code": "042042", "until_at": "2026-01-20T09:05:00+07:00"},
    MessageKind.CHAT_CODE: {"code": "042042", "until_at": "2026-01-20T09:05:00+07:00"},
    MessageKind.REPLY: dict(EXAMPLES[MessageKind.REPLY]) | {"topic": "", "text": "Siti 100001 belum ada."},
    MessageKind.STAFF_ALERT: {"title": "NAS Siti", "text": "Siti 100001 diam"},
}  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


class Office:
    """A provider with two subscribers, and a sender whose clock a test moves."""

    def __init__(self, database: Database) -> None:
        self.database, self.world = database, World(database)
        self.clock = StandingClock(MORNING)
        self.recorder = Recorder()
        self.slept: list[float] = []
        self.send = self.sender(self.recorder)

    def sender(self, *drivers: Any, per_minute: int = 60) -> SendMessages:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        policy = SendingPolicy(ZONE, "id", "ISP Contoh", "https://bayar.isp.test", time(20), time(7), "isp.test")
        return SendMessages(
            self.database, [way(driver, per_minute) for driver in drivers], templates(), policy, self.clock, sleep
        )

    async def person(self, name: str, email: str | None = None) -> Person:
        who = await self.world.person(name, activated_on=date(2026, 1, 1))
        async with self.database.write() as work:
            await work.subscribers.update(who.subscriber_id, {"email": email})
        return who

    async def put(self, who: Person, kind: MessageKind = MessageKind.REMINDER, key: str = "1", **more: Any) -> bool:
        message = Message(kind, who.subscriber_id, CONTEXTS[kind], key, **more)
        async with self.database.write() as work:
            return await work.outbox.add(message, self.clock.now())

    async def all_sent(self) -> None:
        while await self.send.run():
            pass

    async def states(self) -> list[MessageState]:
        async with self.database.read() as work:
            return [message.state for message in reversed(await work.outbox.listed())]

    async def said(self) -> list[str | None]:
        async with self.database.read() as work:
            return [message.said for message in reversed(await work.outbox.listed())]


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.world.plan(plan_file())
    return office


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_has_words_in_every_language(kind: MessageKind, locale: str) -> None:
    known = {
        "name": "Siti", "subscriber_no": "100001", "currency": "IDR", "business_name": "ISP Contoh",
        "portal_url": "https://bayar.isp.test",
    }  # fmt: skip
    subject, text = templates().render(kind, locale, CONTEXTS[kind] | known)
    assert subject
    assert "\n" not in subject
    assert {"Siti", "100001"} <= set(text.replace(",", " ").replace(".", " ").split())
    assert "{" not in text + subject


def test_a_reminder_says_amount_and_day_as_the_language_writes_them() -> None:
    known = {"name": "Siti", "subscriber_no": "1", "currency": "IDR", "business_name": "ISP", "portal_url": None}
    subject, text = templates().render(MessageKind.REMINDER, "id", CONTEXTS[MessageKind.REMINDER] | known)
    assert subject == "Tagihan INV/2026/01/00001 jatuh tempo 20 Januari 2026"
    assert "sebesar Rp275.000 jatuh tempo 20 Januari 2026" in text
    warned = templates().render(MessageKind.ISOLIR_WARNING, "id", CONTEXTS[MessageKind.ISOLIR_WARNING] | known)
    assert "Rabu, 21 Januari 2026 00.30" in warned[0] or "Rabu, 21 Januari 2026 00:30" in warned[0]


def test_an_allowance_of_time_is_told_in_hours() -> None:
    known = {"name": "Siti", "subscriber_no": "1", "currency": "IDR", "business_name": "ISP", "portal_url": None}
    context = CONTEXTS[MessageKind.THRESHOLD] | known | {"unit": "time", "used_octets": 90_000, "limit_octets": 180_000}
    assert "25 jam dari 50 jam" in templates().render(MessageKind.THRESHOLD, "id", context)[1]
    assert "25 h of 50 h" in templates().render(MessageKind.THRESHOLD, "en", context)[1]


def test_texts_of_the_provider_go_before_ours_and_can_not_reach_the_system(tmp_path: Path) -> None:
    (tmp_path / "id").mkdir()
    (tmp_path / "id" / "restored.txt").write_text("Halo {{ name }}\nSudah nyala.\n")
    own = templates(tmp_path)
    assert own.render(MessageKind.RESTORED, "id", {"name": "Siti"}) == ("Halo Siti", "Sudah nyala.\n")
    (tmp_path / "id" / "restored.txt").write_text("{{ name.__class__.__mro__ }}")
    with pytest.raises(InvalidInputError, match=r"message template id/restored\.txt"):
        own.render(MessageKind.RESTORED, "id", {"name": "Siti"})


async def test_a_message_is_made_once_under_its_key_and_sent_once(office: Office) -> None:
    """KAMIL-9: invoice, reminder, payment, suspension and restoration each enqueue one message from a template."""
    siti = await office.person("siti", "siti@example.test")
    kinds = (
        MessageKind.INVOICE_ISSUED, MessageKind.PAYMENT_RECEIVED, MessageKind.RESTORED, MessageKind.REMINDER,
    )  # fmt: skip
    for _ in range(2):
        assert [await office.put(siti, kind, kind.value) for kind in kinds] == [_ == 0] * 4
    await office.all_sent()
    await office.all_sent()
    assert [message.to for message in office.recorder.sent] == ["siti@example.test"] * 4
    assert len({message.message_id for message in office.recorder.sent}) == 4
    assert await office.states() == [MessageState.SENT] * 4


async def test_many_are_put_in_at_once_and_those_that_are_there_stay(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    many = [
        Message(MessageKind.REMINDER, siti.subscriber_id, CONTEXTS[MessageKind.REMINDER], f"r:{number}")
        for number in range(2_500)
    ]
    async with office.database.write() as work:
        assert await work.outbox.add_many(many[:1_000], MORNING) == 1_000
        assert await work.outbox.add_many(many, MORNING) == 1_500


async def test_at_night_only_what_answers_somebody_goes_out(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    office.clock.at = at(date(2026, 1, 5), 22)
    await office.put(siti, MessageKind.REMINDER, "r")
    await office.put(siti, MessageKind.RESTORED, "b")
    await office.all_sent()
    assert [message.subject for message in office.recorder.sent] == ["Layanan Anda aktif kembali"]
    office.clock.at = at(date(2026, 1, 6), 7) - timedelta(seconds=1)
    await office.all_sent()
    assert len(office.recorder.sent) == 1
    office.clock.at = at(date(2026, 1, 6), 7)
    await office.all_sent()
    assert len(office.recorder.sent) == 2


async def test_sending_keeps_its_pace(office: Office) -> None:
    """INCA-38: paced."""
    siti = await office.person("siti", "siti@example.test")
    for number in range(5):
        await office.put(siti, key=str(number))
    await office.all_sent()
    assert office.slept == [1.0] * 5


async def test_a_paid_invoice_is_not_reminded_of_any_more(office: Office) -> None:
    """MDI-7: none after payment, also of what was queued before it."""
    siti = await office.person("siti", "siti@example.test")
    await office.world.bill(date(2026, 1, 1))
    async with office.database.read() as work:
        (invoice,) = await work.invoices.open_of(siti.subscriber_id)
    await office.put(siti, MessageKind.REMINDER, "r", while_open=invoice.id)
    await office.put(siti, MessageKind.ISOLIR, "i")
    await office.world.pay(siti, 1_000_000, date(2026, 1, 5))
    office.clock.pass_time(minutes=90)
    await office.all_sent()
    assert not [one for one in office.recorder.sent if "Tagihan" in one.subject or "diisolir" in one.subject]
    assert (await office.states())[1:3] == [MessageState.WITHDRAWN] * 2  # the first tells of the invoice


async def test_who_wants_no_reminders_gets_none_but_what_concerns_the_contract(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    await ManageMessages(office.database).choose("siti", reminders=False, actor=ACTOR, now=MORNING)
    await office.put(siti, MessageKind.REMINDER, "r")
    await office.put(siti, MessageKind.INVOICE_ISSUED, "i")
    await office.all_sent()
    assert await office.states() == [MessageState.WITHDRAWN, MessageState.SENT]
    await ManageMessages(office.database).choose("siti", reminders=True, actor=ACTOR, now=MORNING)
    await office.put(siti, MessageKind.REMINDER, "r2")
    await office.all_sent()
    assert (await office.states())[-1] is MessageState.SENT


async def test_without_an_address_it_is_given_up_and_says_so(office: Office) -> None:
    await office.put(await office.person("siti"))
    await office.all_sent()
    assert (await office.states(), await office.said()) == ([MessageState.DEAD], ["there is no address to send it to"])


async def test_what_failed_is_tried_again_later_and_what_was_refused_is_not(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    await office.put(siti, key="later")
    await office.put(siti, key="never")
    office.recorder.answers = [
        Handed(Delivery.LATER, "451 later", 300.0),
        Handed(Delivery.NEVER, "550 no such user"),
    ]
    await office.all_sent()
    assert await office.states() == [MessageState.FAILED, MessageState.DEAD]
    office.clock.pass_time(seconds=299)
    await office.all_sent()
    assert not office.recorder.sent
    office.clock.pass_time(seconds=2)
    await office.all_sent()
    assert await office.states() == [MessageState.SENT, MessageState.DEAD]


async def test_while_the_server_is_away_everything_waits_and_nothing_is_lost(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    for number in range(3):
        await office.put(siti, key=str(number))
    office.recorder.answers = [Handed(Delivery.PAUSE, "connection refused")] * 2
    await office.all_sent()
    assert office.send.trouble == "connection refused"
    assert sorted(await office.states()) == [MessageState.FAILED, MessageState.QUEUED, MessageState.QUEUED]
    await office.all_sent()
    assert len(office.recorder.answers) == 1, "nobody asks again at once"
    office.clock.pass_time(seconds=31)
    await office.all_sent()
    office.clock.pass_time(seconds=61)
    await office.all_sent()
    assert len(office.recorder.sent) == 3
    assert not office.send.trouble


async def test_what_comes_too_late_is_not_sent(office: Office) -> None:
    await office.put(await office.person("siti", "siti@example.test"))
    office.clock.pass_time(hours=73)
    await office.all_sent()
    assert await office.states() == [MessageState.DEAD]
    assert not office.recorder.sent


class _Dying(Recorder):
    def __init__(self, before: bool) -> None:
        super().__init__()
        self.before = before

    async def send(self, message: Outgoing) -> Handed:
        if not self.before:
            await super().send(message)
        raise Killed


@pytest.mark.parametrize("before", [True, False])
async def test_killed_while_sending_it_may_have_been_sent_and_is_not_sent_again(office: Office, before: bool) -> None:
    siti = await office.person("siti", "siti@example.test")
    await office.put(siti, key="1")
    await office.put(siti, key="2")
    dying = _Dying(before)
    with pytest.raises(Killed):
        await office.sender(dying).run()
    await office.all_sent()
    assert await office.states() == [MessageState.SENDING, MessageState.SENT]
    office.clock.pass_time(minutes=11)
    await office.all_sent()
    assert await office.states() == [MessageState.MAYBE_SENT, MessageState.SENT]
    assert len(dying.sent) + len(office.recorder.sent) == (1 if before else 2)
    await ManageMessages(office.database).retry(1, ACTOR, office.clock.now())
    await office.all_sent()
    assert await office.states() == [MessageState.SENT, MessageState.SENT]
    again = [one for one in (*dying.sent, *office.recorder.sent) if one.message_id.startswith("<1.")]
    assert len({one.message_id for one in again}) == 1, "a mailbox can tell that it has it already"


async def test_two_senders_at_once_send_each_message_once(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    for number in range(6):
        await office.put(siti, key=str(number))
    other = Recorder()
    async with office.database.read() as work:
        seen: Sequence[Any] = await work.outbox.due(office.clock.now(), 50)
    await office.sender(other).run()
    for message in seen:  # as one who had looked before the other began
        await office.send._one(office.send.lanes["email"], message)
    assert len(other.sent) + len(office.recorder.sent) == 6


async def test_only_what_was_not_sent_can_be_sent_again(office: Office) -> None:
    await office.put(await office.person("siti", "siti@example.test"))
    manage = ManageMessages(office.database)
    with pytest.raises(RefusedError, match="message 1 is queued"):
        await manage.retry(1, ACTOR, MORNING)
    await office.all_sent()
    with pytest.raises(RefusedError, match="message 1 is sent"):
        await manage.retry(1, ACTOR, MORNING)
    with pytest.raises(NotFoundError, match="no message 2"):
        await manage.retry(2, ACTOR, MORNING)


async def test_a_broken_text_waits_to_be_mended(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    async with office.database.write() as work:
        await work.outbox.add(Message(MessageKind.REMINDER, siti.subscriber_id, {}, "x"), MORNING)
    await office.all_sent()
    assert await office.states() == [MessageState.FAILED]
    assert "message template id/reminder.txt" in str((await office.said())[0])


async def test_from_the_outbox_to_the_mailbox(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    budi = await office.person("budi", "budi@example.test")
    async with mail_server(MailServer(ways={"budi": "550 5.1.1 unknown"})) as server:
        smtp = SmtpDriver(
            At("127.0.0.1", server.port, Security.NONE), Sender("tagihan@isp.test", "ISP"), office.clock.now
        )
        office.send = office.sender(smtp)
        await office.put(siti, key="1")
        await office.put(budi, key="2")
        try:
            await office.all_sent()
        finally:
            smtp.close()
    assert [to for _, to, _ in server.taken] == ["siti@example.test"]
    assert await office.states() == [MessageState.SENT, MessageState.DEAD]
    assert await office.said() == ["250 queued as 4711", "RCPT: 550 5.1.1 unknown"]


async def test_the_figures_count_by_state_and_tell_how_long_the_oldest_waits(office: Office) -> None:
    siti = await office.person("siti", "siti@example.test")
    await office.put(siti, key="1")
    await office.all_sent()
    await office.put(siti, key="2")
    office.clock.pass_time(seconds=40)
    async with office.database.read() as work:
        states, oldest_seconds = await work.outbox.figures(office.clock.now())
    assert (dict(states), oldest_seconds) == ({"sent": 1, "queued": 1}, 40.0)


def test_a_window_of_quiet_may_lie_within_a_day_or_be_none() -> None:
    def policy(begin: time, end: time) -> SendingPolicy:
        return SendingPolicy("UTC", "id", "ISP", None, begin, end, "isp.test")

    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert policy(time(11), time(13)).quiet_until(MessageKind.REMINDER, noon) == noon.replace(hour=13)
    assert policy(time(13), time(11)).quiet_until(MessageKind.REMINDER, noon) is None
    assert policy(time(12), time(12)).quiet_until(MessageKind.REMINDER, noon) is None


@pytest.mark.parametrize(
    ("left_minor", "said"),
    [
        (0, {"id": "dan lunas dari saldo Anda", "en": "paid from your credit: there is nothing left to pay."}),
        (75_000, {"id": "sisanya Rp75.000 jatuh tempo", "en": "please pay the other Rp75.000 by 20 January 2026."}),
        (275_000, {"id": "dan jatuh tempo 20 Januari 2026.", "en": "please pay it by 20 January 2026."}),
    ],
)
def test_an_invoice_is_announced_with_what_is_left_to_pay(left_minor: int, said: dict[str, str]) -> None:
    context = CONTEXTS[MessageKind.INVOICE_ISSUED] | {"outstanding_minor": left_minor}
    known = {
        "name": "Siti", "subscriber_no": "100001", "currency": "IDR", "business_name": "ISP",
        "portal_url": "https://bayar.isp.test",
    }  # fmt: skip
    for locale, words in said.items():
        subject, text = templates().render(MessageKind.INVOICE_ISSUED, locale, context | known)
        assert words in text
        assert (("lunas" in subject or "paid" in subject), "bayar di " in text or "pay it at" in text) == (
            not left_minor,
            bool(left_minor),
        )
        old = {
            name: value for name, value in context.items() if name != "outstanding_minor"
        }  # queued before it was said
        assert "2026" in templates().render(MessageKind.INVOICE_ISSUED, locale, old | known)[1]


async def test_the_run_says_what_the_wallet_has_left_of_an_invoice(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file())
    who = await world.person("kaya", activated_on=date(2026, 1, 1))
    await world.pay(who, 200_000, date(2026, 1, 1))
    await world.bill(date(2026, 1, 1))
    async with database.read() as work:
        query = select(outbox.c.context).where(outbox.c.kind == "invoice_issued")
        [context] = (await work.connection.scalars(query)).all()
    assert (context["total_minor"], context["outstanding_minor"]) == (200_000, 0)
