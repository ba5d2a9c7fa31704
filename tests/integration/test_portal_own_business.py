"""What subscribers do about themselves: profile, consents, their data, requests; and that it is only about themselves."""

import dataclasses
import io
import json
import re
import zipfile
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.numbering import DEFAULT
from netbilld.enforcement.explain import Explanation
from netbilld.model.actor import Actor
from netbilld.panel.portal.routes import PORTAL_ROUTES, Open, PortalRoute
from netbilld.ports.outbox import MessageKind
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.login_codes import opened_context
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from netbilld.services.own_requests import OwnRequests
from tests.portal_client import browser, csrf_of, read, send, sign_in, signed_in
from tests.portal_own_world import QUOTA, TOP_UP, add_person, add_plan, at, bill, pay, plan_file
from tests.portal_world import Person, World

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
OWN = tuple(route for route in PORTAL_ROUTES if route.open_to is Open.SIGNED_IN)
STAFF = Actor("ani@desa.example", "127.0.0.1")


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    made = World(database, box)
    await add_plan(made, plan_file("HOME20", 200_000))
    await add_plan(made, plan_file("HOME50", 350_000, more=QUOTA + TOP_UP))
    return made


async def budi(world: World, **told: Any) -> Person:
    return await add_person(world, "budi@desa", "HOME20", **{"email": "budi@example.net", **told})


async def person_row(world: World, person: Person) -> tuple[str | None, str | None, str | None]:
    async with world.database.read() as work:
        found = await work.subscribers.by_id(person.subscriber_id)
    assert found is not None
    return found.phone, found.email, found.locale


async def changes_of(world: World, action: str) -> list[tuple[str, str]]:
    async with world.database.read() as work:
        query = select(tables.changes.c.actor, tables.changes.c.origin).where(tables.changes.c.action == action)
        return [(row.actor, row.origin) for row in await work.connection.execute(query)]


# -- profile -----------------------------------------------------------------------------------------------------------


async def test_phone_mail_and_language_are_changed_and_audited(world: World) -> None:
    person = await budi(world)
    async with world.portal() as url, signed_in(url, person) as client:
        status, page = await send(
            client,
            url,
            "/akun/profil",
            "/akun/profil",
            phone="0812-9876-5432",
            email="b@example.net",
            locale="en",
            proof_password=person.password,
        )
        assert (status, "Profil disimpan" in page) == (200, True)
    assert await person_row(world, person) == ("+6281298765432", "b@example.net", "en")
    assert await changes_of(world, "subscriber.set") == [(f"subscriber {person.number}", "127.0.0.1")]
    assert world.nudges == 1


async def told(world: World, kind: MessageKind) -> list[Any]:
    async with world.database.read() as work:
        return [message for message in await work.outbox.listed() if message.kind is kind]


async def test_who_finds_the_pages_open_does_not_take_the_account_over(world: World) -> None:
    """One-time codes go where the profile says: it says something else only for who proves to be the subscriber."""
    person = await budi(world, phone="+6281234567890")
    stolen = {"phone": "+6281234567890", "email": "maling@example.net", "locale": "id"}
    async with world.portal() as url, signed_in(url, person) as client:
        for proof in ({}, {"proof_password": "tebakan"}, {"proof_password": "123456"}):
            for wanted in (
                stolen,
                stolen | {"email": "budi@example.net", "phone": "081399998888"},
                stolen | {"email": ""},
            ):
                status, page = await send(client, url, "/akun/profil", "/akun/profil", **wanted, **proof)
                assert (status, 'id="wrong-' in page) == (422, True)
                world.now += timedelta(minutes=70)
        assert (await send(client, url, "/akun/profil", "/akun/profil", **stolen | {"email": "budi@example.net"}))[
            0
        ] == 200
        statuses = [
            (await send(client, url, "/akun/profil", "/akun/profil", **stolen, proof_password=f"{at:06d}"))[0]
            for at in range(8)
        ]
        assert set(statuses) == {422}
        status, page = await send(client, url, "/akun/profil", "/akun/profil", **stolen, proof_password=person.password)
        assert (status, "Terlalu banyak percobaan" in page) == (422, True)
    assert (await person_row(world, person))[:2] == ("+6281234567890", "budi@example.net")
    assert await told(world, MessageKind.CONTACT_CHANGED) == []


async def test_a_code_sent_to_the_old_address_changes_it_and_the_old_address_is_told(
    world: World, box: SecretBox
) -> None:
    person = await budi(world, phone="+6281234567890")
    typed = {"phone": "+6281234567890", "email": "baru@example.net", "locale": "id"}
    async with world.portal() as url, signed_in(url, person) as client:
        status, page = await send(client, url, "/akun/profil", "/akun/profil/kode", **typed)
        assert (status, 'value="baru@example.net"' in page, "Kode sedang dikirim" in page) == (200, True, True)
        (sent,) = await told(world, MessageKind.LOGIN_CODE)
        assert sent.email == "budi@example.net"
        code = opened_context(box, sent.context)["code"]
        status, page = await send(client, url, "/akun/profil", "/akun/profil", **typed, proof_password=code)
        assert (status, "Profil disimpan" in page) == (200, True)
        again = typed | {"email": "lagi@example.net"}
        assert (await send(client, url, "/akun/profil", "/akun/profil", **again, proof_password=code))[0] == 422
    assert (await person_row(world, person))[1] == "baru@example.net"
    (notice,) = await told(world, MessageKind.CONTACT_CHANGED)
    assert (notice.email, notice.phone) == ("budi@example.net", None)
    assert "baru@example.net" not in json.dumps(dict(notice.context))


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(world: World) -> None:
    person = await budi(world)
    async with world.portal() as url, signed_in(url, person) as client:
        for field, values in (
            ("phone", {"phone": "tidak ada", "email": "b@example.net"}),
            ("email", {"phone": "081298765432", "email": "tidak ada"}),
            ("email", {"phone": "081298765432", "email": SCRIPT}),
        ):
            status, page = await send(client, url, "/akun/profil", "/akun/profil", locale="en", **values)
            assert status == 422
            assert f'id="wrong-{field}"' in page
            assert "<script>alert" not in page
            for value in values.values():
                assert value in page.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"').replace(
                    "&#39;", "'"
                )
    assert (await person_row(world, person))[1] == "budi@example.net"


async def test_a_new_password_needs_the_old_one_and_ends_other_log_ins(world: World) -> None:
    person = await budi(world)
    second = await add_person(world, "budi2@desa", "HOME20", of=person.number)
    async with world.portal() as url, signed_in(url, person) as client, browser() as other:
        status, page = await sign_in(other, url, person.username, person.password)
        assert status == 200
        chosen = {"csrf": csrf_of(page), "service": str(second.service_id)}
        async with other.post(url + "/akun/layanan", data=chosen, allow_redirects=False) as answer:
            assert answer.status == 303  # it looks at another service by now, and is theirs all the same
        for wrong, said in (
            (
                {"present_password": "salah", "new_password": "kuda-poni-7", "repeated_password": "kuda-poni-7"},
                "tidak benar",
            ),
            (
                {"present_password": person.password, "new_password": "pendek", "repeated_password": "pendek"},
                "minimal 8",
            ),
            (
                {"present_password": person.password, "new_password": "kuda-poni-7", "repeated_password": "kuda"},
                "tidak sama",
            ),
            ({"present_password": person.password, "new_password": "é" * 100, "repeated_password": "é" * 100}, "128"),
        ):
            status, page = await send(client, url, "/akun/profil", "/akun/profil/sandi", **wrong)
            assert status == 422
            assert said in page
            assert "kuda-poni-7" not in page
        await read(other, url + "/akun")
        new = {"present_password": person.password, "new_password": "kuda-poni-7", "repeated_password": "kuda-poni-7"}
        status, page = await send(client, url, "/akun/profil", "/akun/profil/sandi", **new)
        assert status == 200
        await read(client, url + "/akun")
        await read(other, url + "/akun", 303)
        async with browser() as fresh:
            assert (await sign_in(fresh, url, person.username, person.password))[0] == 422
            assert (await sign_in(fresh, url, person.username, "kuda-poni-7"))[0] == 200
    async with world.database.read() as work:
        told = (await work.connection.execute(select(tables.changes.c.details))).scalars().all()
    assert "kuda-poni-7" not in json.dumps([dict(one) for one in told])


async def test_a_password_that_staff_set_ends_every_log_in_of_its_subscriber(world: World) -> None:
    person = await budi(world)
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", "Asia/Jakarta"))
    async with world.portal() as url, signed_in(url, person) as client:
        await manage.set(person.username, SubscriberChanges(phone="081234567899"), STAFF, world.now)
        await read(client, url + "/akun")
        await manage.set(person.username, SubscriberChanges(password="kuda-poni-7"), STAFF, world.now)
        await read(client, url + "/akun", 303)


async def test_guessing_the_present_password_is_stopped(world: World) -> None:
    person = await budi(world)
    new = {"new_password": "kuda-poni-7", "repeated_password": "kuda-poni-7"}
    async with world.portal() as url, signed_in(url, person) as client:
        pages = [
            (await send(client, url, "/akun/profil", "/akun/profil/sandi", present_password=f"tebak{at}", **new))[1]
            for at in range(8)
        ]
        assert "Terlalu banyak percobaan" in pages[-1]
        status, _ = await send(
            client, url, "/akun/profil", "/akun/profil/sandi", present_password=person.password, **new
        )
        assert status == 422


async def test_consents_are_kept_with_what_was_said_before(world: World) -> None:
    person = await budi(world)
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun/profil")
        assert re.search(r'name="reminders" value="yes" checked', page)
        assert not re.search(r'name="offers" value="yes" checked', page)
        await send(client, url, "/akun/profil", "/akun/profil/persetujuan", offers="yes")
        await send(client, url, "/akun/profil", "/akun/profil/persetujuan", offers="yes")  # nothing new
        await send(client, url, "/akun/profil", "/akun/profil/persetujuan", reminders="yes")
        page = await read(client, url + "/akun/profil")
        assert re.search(r'name="reminders" value="yes" checked', page)
        assert not re.search(r'name="offers" value="yes" checked', page)
        for first in ("email", "merpati"):  # the second is none, and changes nothing
            await send(client, url, "/akun/profil", "/akun/profil/persetujuan", reminders="yes", first=first)
        assert '<option value="email" selected>' in await read(client, url + "/akun/profil")
    async with world.database.read() as work:
        assert await work.messengers.preferred(person.subscriber_id) == ["email"]
        history = await work.own_business.consent_history(person.subscriber_id)
        assert await work.outbox.wants_reminders(person.subscriber_id)
    assert [(purpose, given) for purpose, given, _ in history] == [
        ("reminders", False), ("offers", True), ("reminders", True), ("offers", False),
    ]  # fmt: skip


# -- data --------------------------------------------------------------------------------------------------------------


async def test_all_that_is_known_of_oneself_can_be_taken_along_and_no_secret(world: World) -> None:
    """INCA-26: the export flow."""
    person = await budi(world, phone="081234567890")
    await add_person(world, "siti@desa", "HOME20", email="siti@example.net")
    await bill(world, date(2026, 11, 5))
    await pay(world, person, 200_000, date(2026, 11, 6), "BCA 77")
    await world.used_hour(person, world.now - timedelta(days=2), 10**9, 10**8)
    nas = await world.nas("router-rahasia")
    await world.session(nas, person)
    async with world.database.write() as work:
        for key, who in (("1", person.subscriber_id), ("2", None)):
            wrote = {"address": key, "text": f"internet mati {key}"}
            await work.messengers.add_event("fonnte", "incoming", key, wrote, world.now)
            [event] = await work.messengers.new_events(world.now, 9)
            await work.messengers.end_event(event.id, "done", "menu", world.now, who)
    async with world.portal() as url, signed_in(url, person) as client:
        async with client.get(url + "/akun/data.json") as answer:
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{person.number}.json"'
            text = await answer.text()
        async with client.get(url + "/akun/data.zip") as answer:
            archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    told = json.loads(text)
    assert told["subscriber"]["email"] == "budi@example.net"
    assert told["services"][0]["names"] == ["budi@desa"]
    assert told["services"][0]["usage_by_day"][0]["download_octets"] == 10**9
    assert told["invoices"][0]["total_minor"] == told["payments"][0]["amount_minor"] == 200_000
    assert told["payments"][0]["reference"] == "BCA 77"
    assert [one["text"] for one in told["written"]] == ["internet mati 1"]
    for secret in ("siti", person.password, "sealed", "nt_hash", "router-rahasia", "ani"):
        assert secret not in text, secret
    assert set(archive.namelist()) == {f"{name}.json" for name in told if name != "made_at"}
    assert json.loads(archive.read("invoices.json")) == told["invoices"]


# -- requests ----------------------------------------------------------------------------------------------------------


async def test_a_question_about_ones_own_invoice_reaches_staff_and_is_answered(world: World) -> None:
    """MDI-11: raise a query about an invoice."""
    person, other = await budi(world), await add_person(world, "siti@desa", "HOME20")
    await bill(world, date(2026, 11, 5))
    async with world.database.read() as work:
        [mine] = await work.portal.invoices(person.subscriber_id, limit=5)
        [others] = await work.portal.invoices(other.subscriber_id, limit=5)
    async with world.portal() as url, signed_in(url, person) as client:
        here = f"/akun/tagihan/{mine.invoice_id}"
        status, page = await send(client, url, here, here + "/tanya", text="  ")
        assert status == 422
        assert 'id="wrong-ask"' in page
        for _ in range(3):
            status, page = await send(client, url, here, here + "/tanya", text=f"Kok dua kali? {SCRIPT}")
            assert status == 200
        assert "Terkirim" in page
        status, _ = await send(client, url, here, f"/akun/tagihan/{others.invoice_id}/tanya", text="x")
        assert status == 404
        async with world.database.read() as work:
            [asked] = await work.own_business.open_requests(10)
        assert (asked.invoice_number, asked.subscriber_no) == (mine.number, person.number)
        await OwnRequests(world.database).end(asked.id, "done", "Benar, kami koreksi.", STAFF, world.now)
        page = await read(client, url + "/akun/profil")
        assert "Benar, kami koreksi." in page
        assert "<script>alert" not in page


async def test_a_deletion_is_asked_for_once_and_can_be_taken_back_by_its_owner_alone(world: World) -> None:
    person, other = await budi(world), await add_person(world, "siti@desa", "HOME20")
    async with world.portal() as url, signed_in(url, person) as client:
        for _ in range(2):
            status, page = await send(client, url, "/akun/profil", "/akun/hapus", text="pindah rumah")
            assert status == 200
        assert "sudah kami terima" in page
        async with world.database.read() as work:
            [asked] = await work.own_business.open_requests(10)
        async with signed_in(url, other) as stranger:
            status, _ = await send(stranger, url, "/akun/profil", f"/akun/permintaan/{asked.id}/tarik")
            assert status == 404
            assert "pindah rumah" not in await read(stranger, url + "/akun/profil")
        status, _ = await send(client, url, "/akun/profil", f"/akun/permintaan/{asked.id}/tarik")
        assert status == 200
    async with world.database.read() as work:
        assert await work.own_business.open_requests(10) == []
    assert len(await changes_of(world, "portal.request")) == 2


async def test_a_flood_of_requests_ends_at_five_open_ones(world: World) -> None:
    person = await budi(world)
    await bill(world, date(2026, 11, 5))
    async with world.database.read() as work:
        [mine] = await work.portal.invoices(person.subscriber_id, limit=5)
    here = f"/akun/tagihan/{mine.invoice_id}"
    async with world.portal() as url, signed_in(url, person) as client:
        statuses = [(await send(client, url, here, here + "/tanya", text=f"nomor {at}"))[0] for at in range(8)]
    assert statuses == [200] * 5 + [422] * 3


# -- the map -----------------------------------------------------------------------------------------------------------


def path_of(route: PortalRoute, **known: str) -> str:
    """Return a route's path with these things in it, or some that are nobody's."""
    path = route.path
    for pattern, value in (
        (r"{line:[1-9]\d{0,3}}", "1"),
        (r"{number:K\d{5,12}}", "K99999"),
        (r"{photo:[0-9a-f]{8}-[0-9a-f-]{27}}", str(uuid4())),
        ("{code:.{1,64}}", known.get("code", "HOME50")),
        ("{id}", known.get("id", str(uuid4()))),
    ):
        path = path.replace(pattern, value)
    assert "{" not in path, "a new kind of path needs a value here"
    return path


async def test_every_page_behind_the_sign_in_leads_strangers_to_it(world: World) -> None:
    await budi(world)
    assert len(OWN) > 20
    async with world.portal() as url, browser() as client:
        for route in OWN:
            async with client.request(route.method, url + path_of(route), data={}, allow_redirects=False) as answer:
                if route.method == "POST" and answer.status == 400:
                    continue
                assert (answer.status, answer.headers.get("Location")) == (303, "/masuk"), route.path


async def test_no_form_is_taken_without_its_token_or_from_another_site(world: World) -> None:
    person = await budi(world)
    async with world.portal() as url, signed_in(url, person) as client:
        token = csrf_of(await read(client, url + "/akun"))
        for route in OWN:
            if route.method != "POST":
                continue
            for data, headers in (
                ({"x": "y"}, {}),
                ({"csrf": "x" * len(token)}, {}),
                ({"csrf": token}, {"Origin": "https://evil.example"}),
                ({"csrf": token}, {"Sec-Fetch-Site": "cross-site"}),
            ):
                path = url + path_of(route)
                async with client.post(path, data=data, headers=headers, allow_redirects=False) as answer:
                    assert answer.status == 403 or (answer.status == 400 and "keluhan" in path), route.path
    async with world.database.read() as work:
        assert await work.own_business.open_requests(10) == []
    assert world.nudges == 0


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # the stricter of the two about what an id is
async def test_a_thousand_guessed_ids_leak_nothing(world: World) -> None:
    """MDI-1: a fuzz of ids of others, and of nobody, over every page that takes one."""
    person = await budi(world)
    others = [await add_person(world, f"siti{at}@desa", "HOME20", name="Siti Rahasia") for at in range(8)]
    await bill(world, date(2026, 11, 5))
    theirs = []
    async with world.database.read() as work:
        for one in others:
            theirs += [str(invoice.invoice_id) for invoice in await work.portal.invoices(one.subscriber_id, limit=9)]
            theirs += [str(one.subscriber_id), str(one.service_id)]
    assert len(theirs) == 24
    guesses = theirs + [str(uuid4()) for _ in range(190)]
    reading = [route for route in OWN if "{id}" in route.path and route.method == "GET"]
    count = 0
    async with world.portal() as url, signed_in(url, person) as client:
        for guess in guesses:
            for route in reading:
                page = await read(client, url + path_of(route, id=guess), 404)
                assert "Siti" not in page
                assert "Rp" not in page.split("<main", 1)[1]
                count += 1
        mine = await read(client, url + "/akun/tagihan")
    assert count > 1000
    assert "Siti" not in mine


async def test_every_state_of_an_invoice_is_what_the_ledger_says(world: World) -> None:
    """MDI-2, MDI-13: paid, part-paid, unpaid, overdue and cancelled; and the total is the ledger's."""
    people = {name: await add_person(world, f"{name}@desa", "HOME20") for name in ("lunas", "bagian", "belum", "batal")}
    await bill(world, date(2026, 11, 5))
    await pay(world, people["lunas"], 200_000, date(2026, 11, 6))
    await pay(world, people["bagian"], 50_000, date(2026, 11, 6))
    async with world.database.read() as work:
        [cancelled] = await work.portal.invoices(people["batal"].subscriber_id, limit=9)
    correct = CorrectInvoice(world.database, numbering=DEFAULT, timezone="Asia/Jakarta")
    await correct.credit(cancelled.number, (), why="salah", actor=STAFF, now=at(date(2026, 11, 6)))
    words = {"lunas": "Lunas", "bagian": "Dibayar sebagian", "belum": "Belum lunas", "batal": "Dibatalkan"}
    async with world.portal() as url:
        for day, overdue in ((date(2026, 11, 6), False), (date(2026, 11, 15), False), (date(2026, 11, 16), True)):
            world.now = at(day, 0)  # 00.00 in Jakarta
            for name, person in people.items():
                async with signed_in(url, person) as client:
                    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await read(client, url + "/akun/tagihan")))
                    async with world.database.read() as work:
                        owed = (await work.ledger.balance(person.subscriber_id)).outstanding_minor
                    assert f"Rp{owed:,}".replace(",", ".") in page, name
                    late = overdue and owed > 0
                    assert ("Lewat jatuh tempo 1 hari" in page) is late, (name, day)
                    if not late and name in {"lunas", "belum"} and day.day == 6:
                        assert words[name] in page
                    near = owed > 0 and day == date(2026, 11, 15)
                    assert ("hari ini" in page) is near, (name, day)


# -- dependable --------------------------------------------------------------------------------------------------------


async def test_the_pages_stay_readable_while_the_billing_run_writes_and_a_nas_is_down(world: World) -> None:
    """MDI-12: a run holds its transaction, the router is silent; every page is there."""
    person = await budi(world)
    await bill(world, date(2026, 11, 5))
    nas = await world.nas("pop1")
    await world.session(nas, person, state="stale")
    async with world.portal() as url, signed_in(url, person) as client, world.database.write() as work:
        await work.invoices.lock_subscribers([person.subscriber_id])
        await work.invoices.take_numbers("INV-busy", 1)
        for path, shown in (
            ("/akun", "Rp200.000"),
            ("/akun/tagihan", "INV-"),
            ("/akun/pembayaran", "Belum ada pembayaran"),
            ("/akun/pemakaian", "<svg"),
            ("/akun/sesi", 'class="row"'),
            ("/akun/paket", "Paket HOME20"),
            ("/akun/profil", "budi@example.net"),
        ):
            assert shown in await read(client, url + path), path
        assert "Rp200.000" in await read(client, url + "/akun")


async def test_the_front_page_is_there_when_the_line_cannot_be_explained(world: World) -> None:
    """MDI-12: what can't be told just now is said to be so, and no page waits for it."""
    person = await budi(world)
    await bill(world, date(2026, 11, 5))
    parts = world.own()

    class Broken:
        async def run(self, username: str, now: datetime) -> Explanation:
            del username, now
            raise OSError("the daemon is away")

    async with world.portal(own=dataclasses.replace(parts, explain=Broken())) as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun")
    assert "Belum dapat dipastikan" in page
    assert "Rp200.000" in page


async def test_the_five_usual_questions_take_two_touches_at_most(world: World) -> None:
    """MDI-9: how much, when, why, paid?, proof: on the front page, or a link from it."""
    person = await budi(world)
    await bill(world, date(2026, 11, 5))
    await pay(world, person, 50_000, date(2026, 11, 6), "BCA 1")
    async with world.portal() as url, signed_in(url, person) as client:
        front = await read(client, url + "/akun")
        assert "Rp150.000" in front  # how much
        assert "15 November 2026" in front  # when
        assert "Paket HOME20" in front  # why
        assert "Pembayaran terakhir: Rp50.000" in front  # paid?
        links = set(re.findall(r'href="(/akun/(?:tagihan|pembayaran)/[0-9a-f-]{36})"', front))
        assert len(links) == 2
        for link in links:
            await read(client, url + link)  # proof: the bill with its PDF, the payment with its receipt


async def test_a_payment_shows_on_the_next_load(world: World) -> None:
    """MDI-8: the new status right after the payment is on record, without any waiting."""
    person = await budi(world)
    await bill(world, date(2026, 11, 5))
    async with world.portal() as url, signed_in(url, person) as client:
        assert "Rp200.000" in (await read(client, url + "/akun")).split("hero", 1)[1].split("</section>", 1)[0]
        await pay(world, person, 200_000, date(2026, 11, 22))
        assert "Rp0" in (await read(client, url + "/akun")).split("hero", 1)[1].split("</section>", 1)[0]
        assert "Lunas" in await read(client, url + "/akun/tagihan")


async def line_page(client: ClientSession, url: str, invoice_id: object, line: int) -> str:
    return re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", await read(client, f"{url}/akun/tagihan/{invoice_id}/baris/{line}"))
    )


async def test_a_line_opens_to_plan_period_quantity_price_tax_and_usage_without_internals(world: World) -> None:
    """MDI-15, INCA-10: each line opens to what produced it, usage down to days and sessions."""
    await add_plan(
        world,
        plan_file("PAKAI", 50_000, more="[usage]\nprice_per_gb = 3000\n").replace(
            'charging = "flat"', 'charging = "volume"'
        ),
    )
    person = await add_person(world, "siti@desa", "PAKAI")
    await bill(world, date(2026, 11, 5))
    await world.used(person, 7_000_000_000, 1_000_000_000)
    for hours, down in ((24, 4 * 10**9), (48, 4 * 10**9)):
        await world.used_hour(person, world.now - timedelta(hours=hours), down - 5 * 10**8, 5 * 10**8)
    await world.session(await world.nas("router-rahasia"), person)
    world.now = at(date(2026, 12, 5))
    await bill(world, date(2026, 12, 5))
    async with world.database.read() as work:
        newest = (await work.portal.invoices(person.subscriber_id, limit=9))[0]
        lines = await work.portal.invoice_lines(newest.invoice_id)
    async with world.portal() as url, signed_in(url, person) as client:
        pages = [await line_page(client, url, newest.invoice_id, at) for at in range(1, len(lines) + 1)]
        await read(client, f"{url}/akun/tagihan/{newest.invoice_id}/baris/{len(lines) + 1}", 404)
    fee = next(page for page, line in zip(pages, lines, strict=True) if line.kind == "recurring")
    usage = next(page for page, line in zip(pages, lines, strict=True) if line.kind == "usage")
    for said in ("Paket PAKAI", "Rp50.000", "5 Des", "31 / 31"):
        assert said in fee.replace("\N{NO-BREAK SPACE}", " "), said
    for said in ("8 GB × Rp3.000 / 1 GB", "Rp24.000", "Per hari", "Per sesi"):
        assert said in usage.replace("\N{NO-BREAK SPACE}", " "), said
    for page in pages:
        assert "router-rahasia" not in page
        assert "revenue:" not in page
