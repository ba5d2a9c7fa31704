"""Complaints in the portal: made once, followed by their owner alone, opened again in time, and asked about once."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession, FormData

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.services.complaint_views import ComplaintFile
from tests.complaint_world import DESK, ComplaintWorld, picture, secretive
from tests.portal_client import browser, csrf_of, read, signed_in
from tests.portal_world import ADDRESS, SITE, Person, World

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
Fields = Mapping[str, str | bytes]


class Complaining(World):
    """The portal with complaints."""

    def __init__(self, database: Database, box: SecretBox, directory: Path) -> None:
        super().__init__(database, box)
        self.complaints = ComplaintWorld(database, directory, self.now)

    async def home(self, username: str = "budi@desa") -> Person:
        person = await self.person(username)
        await self.due(person, Access.ACTIVE, "ok")
        return person

    async def file(self, number: str) -> ComplaintFile:
        return await self.complaints.file(number)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with self.portal(complaints=self.complaints.services) as url:
            yield url


@pytest.fixture
def world(database: Database, box: SecretBox, tmp_path: Path) -> Complaining:
    return Complaining(database, box, tmp_path / "photos")


def once_in(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page)
    return found[1] if found else ""


async def post(
    client: ClientSession, url: str, fields: Fields, *, files: bool = False, page: str | None = None
) -> tuple[int, str]:
    """Send a form of a page as a browser without scripts does; return the status and the place or the page."""
    shown = await read(client, page or url)
    values: dict[str, str | bytes] = {"csrf": csrf_of(shown), "once": once_in(shown), **fields}
    form = FormData(quote_fields=True, default_to_multipart=files)
    for name, value in values.items():
        if isinstance(value, bytes):
            form.add_field(name, value, filename="../../foto.php", content_type="image/jpeg")
        else:
            form.add_field(name, value)
    async with client.post(url, data=form, allow_redirects=False) as answer:
        return answer.status, answer.headers["Location"] if answer.status == 303 else await answer.text()


async def made(client: ClientSession, url: str, **fields: str | bytes) -> str:
    values = {"category": "mati", "text": "Mati sejak pagi"} | fields
    status, where = await post(client, f"{url}/akun/keluhan", values, files=True, page=f"{url}/akun/keluhan/baru")
    assert status == 303, where[-600:]
    return where.split("/")[3].partition("?")[0]


async def test_a_complaint_with_a_photo_gets_a_number_at_once(world: Complaining) -> None:
    """KAMIL-6 by the portal, without scripts."""
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        number = await made(client, url, photos=secretive())
        page = await read(client, f"{url}/akun/keluhan/{number}?selesai=keluhan")
        assert f"Nomornya {number}" in page
        assert "Mati sejak pagi" in page
        assert "paling lambat" in page
        (photo,) = set(re.findall(rf'src="(/akun/keluhan/{number}/foto/[^"]+)"', page))
        async with client.get(url + photo) as answer:
            octets = await answer.read()
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"] == "inline"
        for secret in (b"RAHASIA", b"php", b"Exif"):
            assert secret not in octets
        assert number in await read(client, f"{url}/akun/keluhan")
    (message,) = await world.complaints.messages()
    assert (message.kind.value, message.context["number"]) == ("complaint_received", number)
    assert (await world.file(number)).complaint.service_id == person.service_id


async def test_two_clicks_are_one_complaint(world: Complaining) -> None:
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        shown = await read(client, f"{url}/akun/keluhan/baru")
        places = set()
        for _ in range(3):
            form = FormData(default_to_multipart=True)
            values = {"csrf": csrf_of(shown), "once": once_in(shown), "category": "mati", "text": "Mati"}
            for name, value in values.items():
                form.add_field(name, value)
            async with client.post(f"{url}/akun/keluhan", data=form, allow_redirects=False) as answer:
                places.add(answer.headers["Location"])
        assert len(places) == 1
        assert (await read(client, f"{url}/akun/keluhan")).count("/akun/keluhan/K") == 1


async def test_anothers_complaint_is_not_there(world: Complaining) -> None:
    owner, other = await world.home(), await world.home("siti@desa")
    async with world.serving() as url:
        async with signed_in(url, owner) as client:
            number = await made(client, url, photos=picture())
        (photo,) = (await world.file(number)).photos
        async with signed_in(url, other) as client:
            at = f"{url}/akun/keluhan/{number}"
            for path in (at, f"{at}/survei", f"{at}/foto/{photo.id}", f"{at}/foto/{uuid4()}", f"{at}/foto/x"):
                await read(client, path, 404)
            for verb, files in (("catatan", True), ("buka", False), ("beres", False), ("survei", False)):
                fields = {"text": "bukan punyaku", "overall": "1", "speed": "1", "manner": "1", "solved": "no"}
                status, _page = await post(
                    client, f"{at}/{verb}", fields | {"once": "x" * 43}, files=files, page=f"{url}/akun/keluhan/baru"
                )
                assert status == 404, verb
            for guess in range(1, 200):
                if f"K{guess:05}" != number:
                    await read(client, f"{url}/akun/keluhan/K{guess:05}", 404)
        async with browser() as stranger:
            async with stranger.get(f"{url}/akun/keluhan/{number}", allow_redirects=False) as answer:
                assert answer.status == 303
            async with stranger.get(f"{url}/akun/keluhan/{number}/foto/{photo.id}", allow_redirects=False) as answer:
                assert answer.status == 303
    assert len((await world.file(number)).steps) == 1


async def test_what_is_internal_stays_inside(world: Complaining) -> None:
    person = await world.home()
    technician = await world.complaints.staff()
    handle = world.complaints.services.handle
    async with world.serving() as url, signed_in(url, person) as client:
        number = await made(client, url)
        await handle.assign(number, technician.email, world.complaints.doing(), "pelanggan cerewet")
        await handle.note(number, "jangan bilang-bilang", world.complaints.doing(), public=False, photos=[picture()])
        await handle.note(number, "", world.complaints.doing(), public=False, photos=[picture()])
        await handle.note(number, "Teknisi datang jam dua", world.complaints.doing(), public=True)
        page = await read(client, f"{url}/akun/keluhan/{number}")
        assert "Teknisi datang jam dua" in page
        assert technician.name in page
        assert page.count("<strong>Desa Net</strong>") == 1, "not even that there is something internal"
        assert "Foto ditambahkan" not in page
        for secret in ("cerewet", "bilang-bilang", technician.email, DESK.name, "/foto/"):
            assert secret not in page
        photos = (await world.file(number)).photos
        assert len(photos) == 2
        for photo in photos:
            await read(client, f"{url}/akun/keluhan/{number}/foto/{photo.id}", 404)
        data = await read(client, f"{url}/akun/data.json")
        assert "Teknisi datang jam dua" in data
        for secret in ("cerewet", "bilang-bilang", technician.email, DESK.name, "complaint_assigned"):
            assert secret not in data


async def test_it_is_opened_again_in_time_and_asked_about_once(world: Complaining) -> None:
    """KAMIL-7 (reopening by the customer) and KAMIL-15's five questions."""
    person = await world.home()
    desk, handle = world.complaints, world.complaints.services.handle
    technician = await desk.staff()
    async with world.serving() as url, signed_in(url, person) as client:
        number = await made(client, url)
        at = f"{url}/akun/keluhan/{number}"
        await read(client, f"{at}/survei", 404)
        await handle.take(number, technician.email, desk.doing())
        await handle.resolve(number, "Kabel diganti", desk.doing())
        status, page = await post(client, f"{at}/buka", {"text": ""}, page=at)
        assert status == 422
        assert "Tulis beberapa kata" in page
        status, where = await post(client, f"{at}/buka", {"text": "Masih putus"}, page=at)
        assert (status, where) == (303, f"/akun/keluhan/{number}?selesai=buka")
        assert (await world.file(number)).complaint.state.value == "reopened"
        await handle.resolve(number, "Konektor diganti", desk.doing())
        status, where = await post(client, f"{at}/beres", {}, page=at)
        assert (status, where) == (303, f"/akun/keluhan/{number}/survei?selesai=beres")
        answers = {"overall": "5", "speed": "4", "manner": "5", "solved": "yes", "remark": SCRIPT}
        for wrong in ({"overall": "6"}, {"speed": ""}, {"solved": "maybe"}):
            status, page = await post(client, f"{at}/survei", answers | wrong)
            assert status == 422
            assert "<script>alert" not in page
        assert (await post(client, f"{at}/survei", answers))[0] == 303
        shown = await read(client, f"{at}/survei")
        assert "sudah menjawab" in shown
        form = {"csrf": csrf_of(shown), **answers, "overall": "1"}
        async with client.post(f"{at}/survei", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        survey = (await world.file(number)).survey
        assert survey is not None
        assert (survey.overall, survey.remark) == (5, SCRIPT)
        world.now += timedelta(days=8)
        async with client.get(f"{url}/akun/keluhan") as answer:
            assert "/masuk" in str(answer.url)  # that log-in has ended meanwhile
    async with world.serving() as url, signed_in(url, person) as client:
        page = await read(client, f"{url}/akun/keluhan/{number}")
        assert f"/akun/keluhan/{number}/buka" not in page
        again = {"text": "lagi", "once": "y" * 43}
        status, page = await post(client, f"{url}/akun/keluhan/{number}/buka", again, page=f"{url}/akun/keluhan/baru")
        assert (status, "lebih dari 7 hari" in page) == (422, True)


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"MZ\x90" + b"\0" * 500, "program"), (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "svg"),
     (b"\xff\xd8\xff" + b"x" * 300, "torn"), (b"GIF89a" + b"\0" * 50, "gif"), (b"PK\x03\x04" + b"\0" * 99, "zip")],
    ids=["program", "svg", "torn", "gif", "zip"],
)  # fmt: skip
async def test_what_only_calls_itself_a_photo_is_refused_and_the_words_stay(
    world: Complaining, content: bytes, name: str
) -> None:
    del name
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        fields: Fields = {"category": "mati", "text": "Kata-kata saya", "photos": content}
        status, page = await post(client, f"{url}/akun/keluhan", fields, files=True, page=f"{url}/akun/keluhan/baru")
        assert status == 422
        assert "Kata-kata saya" in page
        assert "bukan foto" in page
        assert "/akun/keluhan/K" not in await read(client, f"{url}/akun/keluhan")


async def test_forms_that_are_not_ours_or_too_large_change_nothing(world: Complaining) -> None:
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        target = f"{url}/akun/keluhan"
        shown = await read(client, f"{target}/baru")
        good = {"csrf": csrf_of(shown), "once": once_in(shown), "category": "mati", "text": "x"}

        async def send(values: Mapping[str, str | bytes], headers: Mapping[str, str] | None = None) -> int:
            form = FormData(default_to_multipart=True)
            for name, value in values.items():
                form.add_field(name, value, **({"filename": "f"} if isinstance(value, bytes) else {}))
            async with client.post(target, data=form, headers=headers, allow_redirects=False) as answer:
                return answer.status

        assert await send(good | {"csrf": "x" * 43}) == 403
        assert await send({name: value for name, value in good.items() if name != "csrf"}) == 403
        assert await send(good, {"Origin": "https://evil.example"}) == 403
        assert await send(good, {"Sec-Fetch-Site": "cross-site"}) == 403
        assert await send(good | {"text": "nul \0 di tengah"}) == 400
        assert await send(good | {"once": ""}) == 422
        assert await send(good | {"category": "tidak-ada"}) == 422
        assert await send(good | {"text": "x" * 2_001}) == 422
        for kind, body in (
            ("application/json", b"{}"),
            ("application/x-www-form-urlencoded", b"category=mati&text=x"),
            ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
            ("multipart/form-data", b"--x"),
        ):
            async with client.post(target, data=body, headers={"Content-Type": kind}, allow_redirects=False) as answer:
                assert answer.status in {400, 403}, (kind, answer.status)
        assert "/akun/keluhan/K" not in await read(client, target)
    assert await world.complaints.messages() == []


async def test_whoever_is_not_signed_in_can_send_no_photo(world: Complaining) -> None:
    await world.home()
    async with world.serving() as url, browser() as client:
        form = FormData(default_to_multipart=True)
        form.add_field("photos", picture(), filename="a.jpg")
        async with client.post(f"{url}/akun/keluhan", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"].startswith("/masuk")
    assert not world.complaints.directory.exists()


async def test_who_sends_without_end_takes_nobody_elses_place(world: Complaining) -> None:
    person, other = await world.home(), await world.home("siti@desa")
    never = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b"--x\r\n"
        await never.wait()

    async with world.serving() as url, signed_in(url, person) as client, signed_in(url, other) as neighbour:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}

        async def send() -> int:
            async with client.post(f"{url}/akun/keluhan", data=trickle(), headers=headers) as answer:
                return answer.status

        sent = [asyncio.ensure_future(send()) for _ in range(20)]
        async with asyncio.timeout(20):
            refused = [await one for one in islice(asyncio.as_completed(sent), 18)]
        assert set(refused) == {503}
        assert (await made(neighbour, url)).startswith("K")
        for one in sent:
            one.cancel()


async def test_a_flood_of_complaints_is_stopped_politely(world: Complaining) -> None:
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        for _ in range(10):
            await made(client, url)
        fields = {"category": "mati", "text": "Yang kesebelas"}
        status, page = await post(client, f"{url}/akun/keluhan", fields, files=True, page=f"{url}/akun/keluhan/baru")
        assert status == 422
        assert "Yang kesebelas" in page
        assert "sudah banyak" in page


async def test_script_in_every_field_is_text(world: Complaining) -> None:
    person = await world.home()
    async with world.serving() as url, signed_in(url, person) as client:
        number = await made(client, url, text=f"Rusak {SCRIPT}")
        at = f"{url}/akun/keluhan/{number}"
        assert (await post(client, f"{at}/catatan", {"text": SCRIPT}, files=True, page=at))[0] == 303
        await world.complaints.services.handle.note(number, SCRIPT, world.complaints.doing(), public=True)
        fields = {"category": SCRIPT, "text": SCRIPT}
        _status, page = await post(client, f"{url}/akun/keluhan", fields, files=True, page=f"{url}/akun/keluhan/baru")
        for text in (page, await read(client, at), await read(client, f"{url}/akun/keluhan")):
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert ">49<" not in text


async def test_an_outage_stands_on_the_front_page_and_inside_the_walls(world: Complaining) -> None:
    person = await world.home()
    await world.session(await world.nas("pop1", SITE), person, ADDRESS, seen=Access.ACTIVE)
    async with world.database.write() as work:
        await work.connection.execute(tables.subscribers.update().values(area="Cibiru"))
    words = "Kabel putus di Cibiru"
    await world.put(
        tables.outages, id=(outage := uuid4()), number="G00001", area="Cibiru", text=words, began_at=world.now,
        declared_at=world.now, declared_by="ani",
    )  # fmt: skip
    await world.put(tables.outage_subscribers, outage_id=outage, subscriber_id=person.subscriber_id, added_at=world.now)
    async with world.serving() as url:
        async with browser(ADDRESS) as client:
            for path in ("/", "/isolir"):
                assert words in await read(client, url + path), path
        async with signed_in(url, person) as client:
            for path in ("/akun", "/akun/keluhan", "/akun/keluhan/baru"):
                assert words in await read(client, url + path), path
            number = await made(client, url)
            assert "Termasuk gangguan" in await read(client, f"{url}/akun/keluhan/{number}")
        async with world.database.write() as work:
            await work.connection.execute(tables.outages.update().values(ended_at=world.now))
        async with browser(ADDRESS) as client:
            assert words not in await read(client, url + "/")
    assert UUID(str((await world.file(number)).complaint.outage_id)) == outage
