"""Subscribers added, changed, paused and ended by staff, with what is kept about them; on both databases."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from io import BytesIO

import pytest
from aiohttp import FormData
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from tests.panel_fixture import ZONE, Browser, PanelWorld, Person, client_of, plain

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SCRIPT = "<script>alert('x')</script>\"'{{7*7}}"
ONCE = "k" * 40


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


@pytest.fixture
async def budi(world: PanelWorld) -> Person:
    await world.plans()
    await world.nas()
    return await world.person("budi@rumahnet", phone="081234567890", area="jabar/bandung")


def somebody(**changed: str) -> dict[str, str]:
    told = {
        "once": ONCE, "name": "Siti Aminah", "phone": "0812-9999-0000", "email": "", "address": "Jalan Mawar 1",
        "area": "jabar/bogor", "group": "", "locale": "", "plan": "HOME20", "username": "siti@rumahnet",
        "password": "sandi-dial-2", "mac": "", "ip": "10.99.0.8", "ipv6_prefix": "", "delegated_prefix": "",
        "billing_day": "",
    }  # fmt: skip
    return told | changed


async def rows(world: PanelWorld, table: object) -> int:
    async with world.database.read() as work:
        return int(await work.connection.scalar(select(func.count()).select_from(table)) or 0)  # type: ignore[arg-type]


async def upload(browser: Browser, path: str, name: str, content: bytes, **fields: str) -> int:
    form = FormData({"csrf": await browser.token(), **fields})
    form.add_field("file", BytesIO(content), filename=name, content_type="image/png")
    return (await browser.client.post(path, data=form, allow_redirects=False)).status


async def test_somebody_is_added_once_however_often_the_form_is_sent(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    """BANG-2.1a, KAMIL-3: name, address, phone and IP address."""
    del budi
    await browser.sign_in(await world.staff())
    await browser.page("/subscribers/add")
    first = await browser.send("/subscribers/add", somebody())
    second = await browser.send("/subscribers/add", somebody())
    assert (first.status, second.status) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    page = plain(await browser.page(first.headers["Location"]))
    for text in ("Siti Aminah", "+6281299990000", "Jalan Mawar 1", "jabar/bogor", "10.99.0.8", "Pelanggan ditambahkan"):
        assert text in page, text
    assert await rows(world, tables.subscribers) == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("phone", "12345"), ("phone", "0812"), ("phone", "+62812x4567890"), ("email", "siti@"), ("ip", "10.99.0.999"),
        ("ip", "2001:db8::zz"), ("ip", "127.0.0.1"), ("ip", "224.0.0.1"), ("ipv6_prefix", "2001:db8::1"),
        ("delegated_prefix", "10.0.0.0/8"), ("mac", "AA:BB:CC"), ("billing_day", "32"), ("name", ""), ("username", ""),
        ("plan", ""), ("username", "BUDI@rumahnet"), ("ip", "10.77.0.5"), ("ip", "10.99.0.1"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    world: PanelWorld, browser: Browser, budi: Person, field: str, wrong: str
) -> None:
    """BANG-2.1a: Indonesian telephone numbers, IPv4 and IPv6; an address of a pool or of somebody else is refused."""
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}/services/{budi.service_id}/details"
    seen = {"seen": "999999", "username": "budi@rumahnet", "billing_day": "5"}
    assert (await browser.send(at, {**seen, "ip": "10.99.0.1"})).status == 303
    assert (await browser.send("/pools", {"name": "rumah", "network": "10.77.0.0/24", "kind": "ipv4"})).status == 303
    answer = await browser.send("/subscribers/add", somebody(**{field: wrong, "address": SCRIPT}))
    assert answer.status == 422
    page = await answer.text()
    assert f'id="fault-add-{field}"' in page
    assert "&lt;script&gt;" in page
    assert "Siti Aminah" in page or field == "name"
    assert "sandi-dial-2" not in page, "a password is typed again"
    assert await rows(world, tables.subscribers) == 1


async def test_details_are_changed_with_their_author_and_a_stale_form_says_who_was_faster(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    """KAMIL-3: editing; nobody's change is overwritten unseen, and nothing typed is lost."""
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}/edit"
    page = await browser.page(at)
    seen = page.split('name="seen" value="')[1].split('"')[0]
    other = Actor("dewi@rumahnet.example", "192.0.2.9")
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    await manage.set("budi@rumahnet", SubscriberChanges(phone="081200000001"), other, world.clock.now())
    typed = {"seen": seen, "name": "Budi Santosa", "phone": "081234567890", "address": "Jalan Baru 2", "area": ""}
    stale = await browser.send(at, typed)
    assert stale.status == 409
    text = await stale.text()
    for part in ("dewi@rumahnet.example", "Jalan Baru 2", "Budi Santosa", "+6281234567890 → +6281200000001"):
        assert part in text, part
    fresh = text.split('name="seen" value="')[1].split('"')[0]
    assert (await browser.send(at, {**typed, "seen": fresh})).status == 303
    page = await browser.page(f"/subscribers/{budi.number}")
    assert "Budi Santosa" in page
    assert "Jalan Baru 2" in page
    again = await browser.send(at, {**typed, "seen": fresh})
    assert again.status == 409, "our own change counts as well: that form is as old"


async def test_a_change_of_plan_is_shown_with_its_pro_rata_before_it_is_made(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}/services/{budi.service_id}"
    before = await rows(world, tables.service_terms)
    shown = plain(await browser.page(at, params={"plan": "KUOTA100", "starts": "now"}))
    # 17 of the 30 days from 5 November on at Rp275.000, 13 at Rp150.000: 155.833 + 65.000
    for text in ("Kuota 100 GB", "Rp275.000 → Rp150.000", "Rp275.000 → Rp220.833", "−Rp54.167"):
        assert text in shown, text
    assert await rows(world, tables.service_terms) == before, "nothing was written"
    later = plain(await browser.page(at, params={"plan": "KUOTA100"}))
    assert "5 Desember 2026" in later
    assert "tidak ada perubahan di periode ini" in later
    form = {"plan": "KUOTA100", "starts": "day", "day": "2026-11-22"}
    assert (await browser.send(f"{at}/plan", form)).status == 303
    assert "Kuota 100 GB" in await browser.page(at)
    wrong = await browser.send(f"{at}/plan", {"plan": "HOME20", "starts": "day", "day": "2020-01-01"})
    assert wrong.status == 422
    async with client_of(world.app()) as client:
        technician = Browser(client)
        await technician.sign_in(await world.staff(Role.TECHNICAL))
        text = plain(await technician.page(at, params={"plan": "HOME20", "starts": "now"}))
        assert "Rp275.000" not in text.split('class="preview"')[1]


async def test_a_pause_terms_and_the_end_of_a_service(world: PanelWorld, browser: Browser, budi: Person) -> None:
    """KAMIL-3: archived means ended; nothing is lost by it."""
    await world.invoice(budi, "INV-2026-000777", -3)
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}/services/{budi.service_id}"
    assert (await browser.send(f"{at}/pause", {"until": "2026-12-20", "reason": "Mudik"})).status == 303
    assert "Cuti" in await browser.page(at)
    assert (await browser.send(f"{at}/pause", {"until": "2026-12-21"})).status == 422
    assert (await browser.send(f"{at}/resume")).status == 303
    assert (await browser.send(f"{at}/terms", {"price": "200000"})).status == 422, "who and why"
    own = {"price": "200000", "why": "Tetangga kantor", "once": "t" * 40}
    assert (await browser.send(f"{at}/terms", own)).status == 303
    page = plain(await browser.page(f"/subscribers/{budi.number}"))
    assert "Tetangga kantor" in page or "Ketentuan khusus" in page
    without = await browser.send(f"{at}/terminate", {"reason": "Pindah"})
    assert without.status == 422
    assert "fault-terminate-sure" in await without.text()
    assert (await browser.send(f"{at}/terminate", {"reason": "Pindah kota", "sure": "yes"})).status == 303
    assert (await browser.send(f"{at}/plan", {"plan": "KUOTA100"})).status == 422
    page = plain(await browser.page(f"/subscribers/{budi.number}"))
    for text in ("INV-2026-000777", "Pindah kota", "Berhenti", "081234567890"[1:]):
        assert text in page, text
    added = await browser.send(
        f"/subscribers/{budi.number}/services/add",
        {"once": "n" * 40, "plan": "HOME20", "username": "budi2@rumahnet", "password": "sandi-dial-3"},
    )
    assert added.status == 303
    assert "budi2@rumahnet" in await browser.page(f"/subscribers/{budi.number}")


async def test_two_clicks_give_one_discount(world: PanelWorld, browser: Browser, budi: Person) -> None:
    await browser.sign_in(await world.staff())
    form = {"discount": "10%", "why": "Setahun langganan", "once": "d" * 40}
    for _ in range(2):
        answer = await browser.send(f"/subscribers/{budi.number}/services/{budi.service_id}/terms", form)
        assert answer.status == 303
    async with world.database.read() as work:
        terms = (await work.terms.of([budi.service_id]))[budi.service_id]
    assert [one.percent_hundredths for one in terms[-1].discounts] == [1000]


async def test_a_promise_and_an_exemption_are_taken_and_taken_back(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    at = f"/subscribers/{budi.number}"
    await browser.sign_in(await world.staff())
    word = {"until": "2026-11-25", "reason": "Gajian", "once": "g" * 40}
    owing_nothing = await browser.send(f"{at}/promise", word)
    assert owing_nothing.status == 422
    await world.invoice(budi, "INV-2026-000777", -3)
    assert (await browser.send(f"{at}/promise", word)).status == 303
    assert "25 November 2026" in await browser.page(at)
    assert (await browser.send(f"{at}/promise/end")).status == 303
    assert "25 November 2026" not in (await browser.page(at)).split('id="debt"')[1].split("</section>")[0]
    assert (await browser.send(f"{at}/exempt", {"reason": ""})).status == 422
    assert (await browser.send(f"{at}/exempt", {"reason": "Kepala desa"})).status == 303
    assert "Kepala desa" in await browser.page(at)
    assert (await browser.send(f"{at}/exempt/end")).status == 303
    async with client_of(world.app()) as client:
        cashier = Browser(client)
        await cashier.sign_in(await world.staff(Role.CASHIER))
        assert (await cashier.send(f"{at}/exempt", {"reason": "x"})).status == 403


async def test_money_can_go_to_the_wallet_alone(world: PanelWorld, browser: Browser, budi: Person) -> None:
    await world.invoice(budi, "INV-2026-000777", 5)
    await browser.sign_in(await world.staff())
    form = {"once": ONCE, "amount": "100000", "method": "cash", "received_on": "2026-11-22", "to_wallet": "yes"}
    assert (await browser.send(f"/subscribers/{budi.number}/payments", form)).status == 303
    async with world.database.read() as work:
        money = await work.readmodels.subscriber_money(budi.subscriber_id, date(2026, 11, 22))
    assert (money.wallet_minor, money.outstanding_minor) == (100_000, 275_000)


async def test_notes_are_kept_once_and_only_its_own_subscriber_has_them(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    other = await world.person("siti@rumahnet", "Siti Aminah")
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}"
    for _ in range(2):
        assert (await browser.send(f"{at}/notes", {"once": ONCE, "text": SCRIPT})).status == 303
    page = await browser.page(at)
    assert page.count("&lt;script&gt;") >= 1
    assert "<script>alert" not in page
    assert await rows(world, tables.subscriber_notes) == 1
    empty = await browser.send(f"{at}/notes", {"once": "m" * 40, "text": "  "})
    assert empty.status == 422
    async with world.database.read() as work:
        note = (await work.people.notes(budi.subscriber_id))[0]
    assert (await browser.send(f"/subscribers/{other.number}/notes/{note.id}/remove")).status == 404
    assert (await browser.send(f"{at}/notes/{note.id}/remove")).status == 303
    assert (await browser.send(f"{at}/notes/{note.id}/remove")).status == 404
    assert await rows(world, tables.changes) >= 3, "the audit trail keeps what it said"


async def test_a_file_is_taken_by_its_content_and_handed_over_harmlessly(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    other = await world.person("siti@rumahnet", "Siti Aminah")
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}/files"
    for name, content in (
        ("kontrak.pdf", b"<html><script>alert(1)</script>"), ("foto.png", b"GIF89a" + bytes(99)), ("leer.png", b""),
        ("setup.exe", b"MZ" + bytes(99)), ("foto.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ):  # fmt: skip
        assert await upload(browser, at, name, content) == 422, name
    assert await upload(browser, at, "besar.png", PNG + bytes(5 * 1024 * 1024)) in {413, 422}
    assert await upload(browser, at, "raksasa.png", PNG + bytes(6 * 1024 * 1024)) == 413
    evil = 'C:\\x\\..\\"rumah; Set-Cookie: a=b".exe'
    for _ in range(2):
        assert await upload(browser, at, evil, PNG) == 303
    async with world.database.read() as work:
        files = await work.people.files(budi.subscriber_id)
    assert len(files) == 1, "the same content twice is one file"
    assert files[0].kind == "png"
    assert not set('/\\"\r\n') & set(files[0].name)
    answer = await browser.client.get(f"{at}/{files[0].id}")
    assert await answer.read() == PNG
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert (await browser.client.get(f"/subscribers/{other.number}/files/{files[0].id}")).status == 404
    assert (await browser.send(f"/subscribers/{other.number}/files/{files[0].id}/remove")).status == 404
    assert (await browser.send(f"{at}/{files[0].id}/remove")).status == 303
    assert (await browser.client.get(f"{at}/{files[0].id}")).status == 404


async def test_the_story_tells_everything_with_who_did_it_and_no_money_to_technicians(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    await world.invoice(budi, "INV-2026-000777", -3)
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{budi.number}"
    pay = {"once": "p" * 40, "amount": "275000", "method": "cash", "received_on": "2026-11-22", "reference": "KW-9"}
    assert (await browser.send(f"{at}/payments", pay)).status == 303
    assert (await browser.send(f"{at}/services/{budi.service_id}/suspend", {"reason": "Modem rusak"})).status == 303
    assert (await browser.send(f"{at}/notes", {"once": ONCE, "text": "Anjing galak"})).status == 303
    assert await upload(browser, f"{at}/files", "ktp.png", PNG) == 303
    told = plain(await browser.page(f"{at}/story"))
    everything = (
        "INV-2026-000777",
        "KW-9",
        "Rp275.000",
        "Modem rusak",
        "Anjing galak",
        "ktp.png",
        "Pelanggan ditambahkan",
    )
    for text in (*everything, "admin@rumahnet.example", "127.0.0.1", "Pembayaran diterima"):
        assert text in told, text
    async with client_of(world.app()) as client:
        technician = Browser(client)
        await technician.sign_in(await world.staff(Role.TECHNICAL))
        seen = plain(await technician.page(f"{at}/story"))
    assert "Modem rusak" in seen
    for text in ("INV-2026", "KW-9", "275.000"):
        assert text not in seen, text
    older = await browser.page(f"{at}/story", params={"before": (world.clock.now() - timedelta(days=30)).isoformat()})
    assert "Modem rusak" not in older
    for nonsense in ("x", "2026", "9999-99-99T00:00:00"):
        await browser.page(f"{at}/story", params={"before": nonsense})


async def test_paper_and_payment_state_of_an_invoice_stand_side_by_side(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    """ICON-13: per invoice, where its payment and where its paper is."""
    states = (("INV-2026-000701", "with_courier"), ("INV-2026-000702", "received"), ("INV-2026-000703", None))
    for number, paper in states:
        invoice_id = await world.invoice(budi, number, -3, status="paid" if paper == "received" else "issued")
        if paper:
            await world.put(
                tables.paper_invoices, invoice_id=invoice_id, state=paper, printed_on=date(2026, 11, 1),
                changed_at=world.clock.now(),
            )  # fmt: skip
    await browser.sign_in(await world.staff())
    page = plain(await browser.page(f"/subscribers/{budi.number}")).split("Jumlah, status, dan cetakan")[1]
    of = {number: page.split(number)[1].split("</tr>")[0] for number, _ in states}
    assert "Di kurir" in of["INV-2026-000701"]
    assert "Lewat jatuh tempo" in of["INV-2026-000701"]
    assert "Diterima" in of["INV-2026-000702"]
    assert "Lunas" in of["INV-2026-000702"]
    assert "kurir" not in of["INV-2026-000703"]


async def test_somebody_limited_to_areas_adds_and_moves_nobody_outside(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    await browser.sign_in(await world.staff(Role.SERVICE, areas=("jabar/bandung",)))
    assert (await browser.send("/subscribers/add", somebody())).status == 422
    assert (await browser.send("/subscribers/add", somebody(area=""))).status == 422
    at = f"/subscribers/{budi.number}/edit"
    moved = {"seen": "999999", "name": "Budi", "area": "jabar/bogor"}
    assert (await browser.send(at, moved)).status == 422
    assert (await browser.send("/subscribers/add", somebody(area="jabar/bandung/rw05"))).status == 303
