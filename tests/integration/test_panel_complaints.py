"""Complaints at the desk: taken in once, worked on by whoever may, every page with what was typed in it as text."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from aiohttp import FormData

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from netbilld.ports.measure_signal import Signal
from netbilld.services.complaint_views import Wanted
from tests.complaint_world import complaint_services, picture
from tests.panel_fixture import Browser, PanelWorld, Person, client_of, plain

Fields = Mapping[str, str | bytes | BytesIO]
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    nas = await world.nas()
    person = await world.person("budi@rumahnet", area="Cibiru/RT 01", address="Jalan Melati 7", phone="081234567890")
    await world.due(person, Access.ACTIVE, "ok", world.clock.now())
    await world.session(nas, person)
    return person


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


def once_in(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def sent(browser: Browser, path: str, fields: Fields, page: str) -> tuple[int, str]:
    """Send a form of a page, files among its fields; return the status and where it leads."""
    found = await browser.page(page)
    form = FormData()
    values: dict[str, str | bytes | BytesIO] = {"once": once_in(found), "csrf": await browser.token()}
    if versions := re.findall(r'name="version" value="(\d+)"', found):
        values["version"] = versions[0]
    for name, value in (values | dict(fields)).items():
        if isinstance(value, (bytes, BytesIO)):
            form.add_field(name, value, filename="foto.jpg", content_type="image/jpeg")
        else:
            form.add_field(name, value)
    async with browser.client.post(path, data=form, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "") if answer.status == 303 else await answer.text()


async def taken_in(browser: Browser, person: Person, **fields: str | bytes) -> str:
    values = {"subscriber": person.number, "category": "mati", "text": "Mati sejak pagi"} | fields
    status, where = await sent(browser, "/complaints", values, f"/complaints/new?subscriber={person.number}")
    assert status == 303, where[-500:]
    return where.split("/")[2].partition("?")[0]


async def test_a_complaint_goes_from_new_to_closed_by_the_pages(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """KAMIL-7 and KAMIL-1 (numbers equal list pages), at the desk."""
    await browser.sign_in(await world.staff(Role.SERVICE))
    technician = await world.staff(Role.TECHNICAL)
    number = await taken_in(browser, person, photos=picture())
    at = f"/complaints/{number}"
    page = plain(await browser.page(at))
    assert "Internet mati total" in page
    assert "Mati sejak pagi" in page
    listed = plain(await browser.page("/complaints"))
    assert listed.count(f'href="{at}"') == 1
    assert re.search(r"Terbuka</dt><dd><a[^>]*>1<", listed)
    (photo,) = set(re.findall(rf'src="({at}/photos/[^"]+)"', page))
    async with browser.client.get(photo) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (await answer.read()).startswith(b"\xff\xd8\xff")
    for verb, fields in (
        ("assign", {"assignee": technician, "text": "tolong hari ini"}),
        ("start", {}),
        ("notes", {"text": "Sudah ditelepon", "public": "yes"}),
        ("resolve", {"text": "Kabel diganti"}),
        ("close", {}),
    ):
        status, where = await sent(browser, f"{at}/{verb}", fields, at)
        assert status == 303, (verb, where[-600:])
    page = plain(await browser.page(at))
    for word in ("Ditutup", "Kabel diganti", "Sudah ditelepon", "tolong hari ini"):
        assert word in page
    assert at not in await browser.page("/complaints")
    assert at in await browser.page("/complaints?state=closed")
    async with world.database.read() as work:
        states = [step.state for step in (await work.complaint_views.file(number)).steps if step.state]  # type: ignore[union-attr]
    assert states == ["new", "assigned", "in_progress", "resolved", "closed"]


async def test_a_subscribers_page_leads_to_their_complaints(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    assert f'href="/complaints/{number}"' in await browser.page(f"/subscribers/{person.number}")
    assert person.number in await browser.page("/complaints/new?subscriber=budi")
    async with client_of(world.app()) as client:
        books = Browser(client)
        await books.sign_in(await world.staff(Role.ACCOUNTING))
        assert number not in await books.page(f"/subscribers/{person.number}")


async def test_two_clicks_are_one_complaint_and_one_step(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    page = await browser.page(f"/complaints/new?subscriber={person.number}")
    form = {"once": once_in(page), "subscriber": person.number, "category": "mati", "text": "Mati"}
    places = {(await browser.send("/complaints", form)).headers["Location"] for _ in range(3)}
    assert len(places) == 1
    number = places.pop().split("/")[2].partition("?")[0]
    page = await browser.page(f"/complaints/{number}")
    form = {"once": once_in(page), "version": "1"}
    for _ in range(2):
        answer = await browser.send(f"/complaints/{number}/take", form)
        assert answer.status == 303
    async with world.database.read() as work:
        found = await work.complaint_views.file(number)
        assert found is not None
        assert [step.state for step in found.steps] == ["new", "assigned", "in_progress"]
        page_of_all = await work.complaint_views.lines(Wanted("all"), world.clock.now())
    assert page_of_all.total == 1


async def test_a_stale_form_says_who_has_changed_it_and_loses_nothing(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    at = f"/complaints/{number}"
    seen = await browser.page(at)
    status, _where = await sent(browser, f"{at}/take", {}, at)
    assert status == 303
    form = {"once": once_in(seen), "version": "1", "text": "Yang saya ketik"}
    answer = await browser.send(f"{at}/resolve", form)
    page = await answer.text()
    assert answer.status == 409
    assert "Yang saya ketik" in page
    assert "admin@rumahnet.example" in page
    assert "Dikerjakan" in page


async def test_a_refusal_is_said_also_where_its_form_is_gone_meanwhile(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    at = f"/complaints/{number}"
    assert (await sent(browser, f"{at}/resolve", {"text": "Kabel diganti"}, at))[0] == 303
    late = {"text": "Modem dinyalakan ulang", "version": "1"}
    for path, fields, typed in (
        (f"{at}/resolve", late, "Modem dinyalakan ulang"),
        (f"/jobs/{number}", {"done": "Konektor baru", "version": "1"}, "Konektor baru"),
    ):
        status, page = await sent(browser, path, fields, at)
        assert status == 409, path
        assert 'class="notice bad" role="alert"' in page, path
        assert typed in page, path


async def test_what_is_typed_is_text_on_every_page(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person, text=f"Rusak {SCRIPT}")
    at = f"/complaints/{number}"
    await sent(browser, f"{at}/take", {}, at)
    await sent(browser, f"{at}/notes", {"text": SCRIPT, "public": "yes"}, at)
    work: Fields = {"done": f"Ganti {SCRIPT}", "material": SCRIPT, "signed_by": SCRIPT, "before": picture()}
    status, where = await sent(browser, f"/jobs/{number}", work, f"/jobs/{number}")
    assert status == 303, where[-500:]
    outage = {"area": "Cibiru", "text": SCRIPT, "nas": "", "began_at": "2026-11-22T14:00"}
    status, where = await sent(browser, "/outages", outage, "/outages/declare?area=Cibiru")
    assert status == 303, where[-800:]
    for path in ("/complaints", at, f"/jobs/{number}", "/jobs", "/outages", where, f"/complaints?q={SCRIPT[:20]}",
                 "/complaints/report?by=area", "/complaints/surveys", "/complaints/categories"):  # fmt: skip
        page = await browser.page(path)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "49" not in re.findall(r"\{\{7\*7\}\}|\b49\b", page), path


@pytest.mark.parametrize(
    "content",
    [b"MZ\x90\0" + b"\0" * 300, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"\xff\xd8\xff" + b"x" * 99,
     b"GIF89a" + b"\0" * 40, b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 99],
    ids=["program", "svg", "torn", "gif", "pdf", "hollow"],
)  # fmt: skip
async def test_a_file_that_only_calls_itself_a_photo_is_refused_and_the_words_stay(
    world: PanelWorld, browser: Browser, person: Person, content: bytes
) -> None:
    await browser.sign_in(await world.staff())
    values: Fields = {"subscriber": person.number, "category": "mati", "text": "Ini kata saya", "photos": content}
    status, page = await sent(browser, "/complaints", values, f"/complaints/new?subscriber={person.number}")
    assert status == 422
    assert "Ini kata saya" in page
    assert "bukan foto" in page
    async with world.database.read() as work:
        assert (await work.complaint_views.figures(world.clock.now())).open == 0


async def test_a_body_beyond_the_limit_is_not_taken(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    values: Fields = {
        "subscriber": person.number,
        "category": "mati",
        "text": "x",
        "photos": BytesIO(b"\xff\xd8\xff" + b"0" * (41 * 1024**2)),
    }
    status, _page = await sent(browser, "/complaints", values, f"/complaints/new?subscriber={person.number}")
    assert status == 413
    small = {"once": "x" * 30, "version": "1", "text": "y" * 70_000}
    assert (await browser.send("/complaints/K00001/resolve", small)).status == 413


async def test_whoever_is_limited_to_areas_finds_no_complaint_of_another(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    async with client_of(world.app()) as client:
        limited = Browser(client)
        await limited.sign_in(await world.staff(Role.TECHNICAL, "jauh@rumahnet.example", areas=("Cileunyi",)))
        for path in ("/complaints?state=all", f"/complaints?state=all&q={number}"):
            assert f'href="/complaints/{number}"' not in await limited.page(path)
        for path in (f"/complaints/{number}", f"/jobs/{number}", f"/complaints/{number}/photos/{uuid4()}"):
            assert (await client.get(path)).status == 404, path
        assert (await limited.send(f"/complaints/{number}/take", {"once": "x" * 30, "version": "1"})).status == 404
        form = {"once": "x" * 30, "subscriber": person.number, "category": "mati", "text": "bukan daerahku"}
        assert (await limited.send("/complaints", form)).status == 404
        near = Browser(client)
        await near.sign_in(await world.staff(Role.TECHNICAL, "dekat@rumahnet.example", areas=("Cibiru",)))
        assert number in await near.page("/complaints")


async def test_a_technician_sees_the_line_and_no_money(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.7e holds on jobs, too."""
    await world.invoice(person, "INV-2026-000777", -3)
    email = await world.staff(Role.TECHNICAL)
    await browser.sign_in(email)
    number = await taken_in(browser, person, text="Sinyal merah di modem")
    await sent(browser, f"/complaints/{number}/take", {}, f"/complaints/{number}")
    place = {"place": "https://maps.example/@-6.914744,107.609810,17z"}
    status, where = await sent(browser, f"/jobs/{number}/place", place, f"/jobs/{number}")
    assert status == 303, where[-500:]
    for path in ("/jobs", f"/jobs/{number}", f"/complaints/{number}"):
        page = plain(await browser.page(path))
        assert "275.000" not in page, path
        assert re.search(r"Rp\s*\d", page) is None, path  # a token may hold the two letters
        assert "INV-2026" not in page, path
        assert "Online" in page or "Daring" in page, path
    jobs = await browser.page("/jobs")
    assert "destination=-6.914744%2C107.60981" in jobs
    assert 'href="tel:+6281234567890"' in jobs
    assert "Sinyal merah di modem" in jobs


async def test_a_work_order_is_kept_with_photos_and_signature(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    number = await taken_in(browser, person)
    at = f"/jobs/{number}"
    await sent(browser, f"/complaints/{number}/take", {"back": "job"}, at)
    done = {"done": "Konektor diganti", "material": "2 konektor", "resolved": "yes"}
    status, page = await sent(browser, at, done, at)
    assert status == 422
    assert "Tulis nama" in page
    assert "Konektor diganti" in page
    drawn = "data:image/png;base64," + b64encode(picture("PNG", (560, 180))).decode()
    signed: Fields = {"signed_by": "Ibu Budi", "signature": drawn, "before": picture(), "after": picture(color="blue")}
    status, where = await sent(browser, at, done | dict(signed), at)
    assert status == 303, where[-500:]
    async with world.database.read() as work:
        found = await work.complaint_views.file(number)
    assert found is not None
    assert found.work is not None
    assert (found.work.signed_by, found.work.technician) == ("Ibu Budi", "Technical")
    assert {photo.kind for photo in found.photos} == {"before", "after", "signature"}
    assert found.complaint.state.value == "resolved"
    assert "Ibu Budi" in await browser.page(at)
    bad = {"done": "x", "signed_by": "y", "signature": "data:text/html;base64,PHNjcmlwdD4="}
    other = await taken_in(browser, person)
    status, _page = await sent(browser, f"/jobs/{other}", bad, f"/jobs/{other}")
    assert status == 422


async def test_an_outage_is_looked_at_before_it_is_declared(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    page = plain(await browser.page("/outages/declare?area=cibiru"))
    assert "1 pelanggan" in page
    form = {"area": "cibiru", "nas": "", "text": "Kabel putus", "began_at": "2026-11-22T14:00"}
    status, where = await sent(browser, "/outages", form, "/outages/declare?area=cibiru")
    assert status == 303, where[-500:]
    at = where.partition("?")[0]
    assert number in await browser.page(at)
    status, again = await sent(browser, "/outages", form, "/outages/declare?area=cibiru")
    assert status == 422
    assert "sudah diumumkan" in again
    status, _where = await sent(browser, f"{at}/end", {"text": "Disambung lagi"}, at)
    assert status == 303
    assert "Disambung lagi" in await browser.page(at)
    for wrong in ({"area": "", "nas": ""}, {"area": "a", "nas": "cibiru-1"}, {"area": "Nowhere", "nas": ""},
                  {"nas": "cibiru-1", "began_at": "9999-99-99"}, {"nas": "cibiru-1", "began_at": "0001-01-01T00:00"},
                  {"area": "", "nas": "siapa"}):  # fmt: skip
        status, _page = await sent(browser, "/outages", form | wrong, "/outages/declare?area=cibiru")
        assert status == 422, wrong


async def test_a_silent_nas_is_proposed(world: PanelWorld, browser: Browser, person: Person) -> None:
    del person
    async with world.database.write() as work:
        await work.connection.execute(tables.nas.update().values(suspect_since_at=world.clock.now()))
    await browser.sign_in(await world.staff())
    page = plain(await browser.page("/outages"))
    assert 'href="/outages/declare?nas=cibiru-1"' in page
    assert "1 pelanggan" in plain(await browser.page("/outages/declare?nas=cibiru-1"))


async def test_categories_are_changed_by_who_may(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    at = "/complaints/categories"
    form = {"code": "mati", "name": "Mati", "name_en": "Down", "response_hours": "0,5", "resolution_hours": "2",
            "position": "1", "about_line": "yes", "active": "yes"}  # fmt: skip
    assert (await sent(browser, at, form, at))[0] == 303
    for wrong in (
        {"response_hours": "3"},
        {"response_hours": "x"},
        {"name": ""},
        {"code": "A B"},
        {"response_hours": "0"},
    ):
        assert (await sent(browser, at, form | wrong, at))[0] == 422, wrong
    number = await taken_in(browser, person)
    async with world.database.read() as work:
        found = await work.complaint_views.file(number)
    assert found is not None
    assert (found.complaint.respond_by - found.complaint.opened_at).total_seconds() == 1800


async def test_the_report_and_its_file_say_the_same(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    await taken_in(browser, person)
    for by in ("category", "person", "area", "month", "nonsense"):
        page = await browser.page(f"/complaints/report?by={by}&span=year")
        assert "Belum ada" not in page
    async with browser.client.get("/complaints/report.csv?by=category&span=month") as answer:
        assert answer.content_type == "text/csv"
        lines = (await answer.text(encoding="utf-8-sig")).splitlines()
    assert lines[0].startswith("category,opened,answered")
    assert lines[1].startswith("mati,1,0,0,")


async def test_the_live_parts_speak(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    number = await taken_in(browser, person)
    await sent(browser, f"/complaints/{number}/take", {}, f"/complaints/{number}")
    for path, word in (
        ("/live/complaints", "event: figures"),
        ("/live/jobs", f"/jobs/{number}"),
        (f"/live/complaints/{number}", "budi@rumahnet"),
        (f"/live/jobs/{number}", "budi@rumahnet"),
    ):
        async with browser.client.get(path) as answer:
            assert answer.status == 200
            text = ""
            while word not in text:
                text += (await answer.content.readany()).decode()


class OneSignal:
    """An access point that receives whatever it is asked for."""

    async def of(self, nas_id: UUID, mac: str) -> Signal | None:
        del nas_id
        return Signal(-71, 24, "130Mbps", f"<b>{mac}</b>", "sektor-1", "1d") if mac else None


async def test_the_signal_is_measured_when_somebody_asks(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    number = await taken_in(browser, person)
    assert "/signal" not in await browser.page(f"/jobs/{number}")
    services = replace(complaint_services(world.database, world.photos), signal=OneSignal())
    async with client_of(world.app(complaints=services)) as client:
        field = Browser(client)
        await field.sign_in("technical@rumahnet.example")
        assert f"/jobs/{number}/signal" in await field.page(f"/jobs/{number}")
        page = await field.page(f"/jobs/{number}/signal")
        assert "-71 dBm" in page
        assert "SNR 24 dB" in page
        assert "<b>48" not in page
        assert (await client.get("/jobs/K99999/signal")).status == 404
