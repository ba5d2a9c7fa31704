"""Work on many subscribers at once: proposed, done, interrupted, stopped; imports and exports; on both databases."""

import csv
import io
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from aiohttp import FormData
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.services.jobs import ItemState, Job, JobState
from tests.panel_fixture import Browser, PanelWorld, Person, client_of, plain

ONCE = "k" * 40


class Killed(BaseException):
    """The process is gone: nothing of ours gets to see it."""


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


@pytest.fixture
async def people(world: PanelWorld) -> list[Person]:
    await world.plans()
    areas = ("jabar/bandung", "jabar/bandung", "jabar/bogor", "jabar/bandung")
    return [
        await world.person(f"user{number}@x", f"Pelanggan {number}", area=area, phone=f"08120000000{number}")
        for number, area in enumerate(areas)
    ]


async def job_of(world: PanelWorld, path: str) -> Job:
    async with world.database.read() as work:
        job = await work.jobs.find(UUID(path.rsplit("/", 1)[1]))
    assert job is not None
    return job


async def states(world: PanelWorld, people: list[Person]) -> list[str]:
    found = []
    async with world.database.read() as work:
        for person in people:
            service = await work.services.by_id(person.service_id)
            assert service is not None
            found.append(service.status)
    return found


async def rows(world: PanelWorld, table: Any) -> int:
    async with world.database.read() as work:
        return int(await work.connection.scalar(select(func.count()).select_from(table)) or 0)


async def propose(browser: Browser, query: str, **form: str) -> str:
    answer = await browser.send(f"/subscribers/do{query}", {"once": ONCE, **form})
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def test_a_list_is_suspended_only_after_somebody_saw_whom_and_started_it(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    await browser.sign_in(await world.staff())
    asked = plain(await browser.page("/subscribers/do?area=jabar/bandung"))
    assert "3 layanan" in asked
    path = await propose(browser, "?area=jabar/bandung", kind="suspend", reason="Tower rubuh")
    assert await propose(browser, "?area=jabar/bandung", kind="suspend", reason="Tower rubuh") == path, "two clicks"
    page = plain(await browser.page(path))
    for text in ("Pelanggan 0", "Pelanggan 1", "Pelanggan 3", "Tower rubuh", "Belum ada yang dikerjakan."):
        assert text in page, text
    assert "Pelanggan 2" not in page
    worker = world.worker()
    assert not await worker.run(), "what is only proposed is nobody's work"
    assert set(await states(world, people)) == {"active"}
    for _ in range(2):
        assert (await browser.send(f"{path}/start")).status == 303
    assert await worker.run()
    assert not await worker.run()
    assert await states(world, people) == ["suspended", "suspended", "active", "suspended"]
    job = await job_of(world, path)
    assert (job.state, job.done, job.refused, job.total) == (JobState.DONE, 3, 0, 3)
    page = plain(await browser.page(path))
    assert "100 %" in page
    assert "Selesai" in page or "Done" in page
    assert path in await browser.page("/batches"), "it is found again"
    text = plain(await browser.page(f"/subscribers/{people[0].number}"))
    assert "Tower rubuh" in text
    assert "admin@rumahnet.example" in text


async def test_killed_at_any_item_a_job_goes_on_and_does_nothing_twice(
    world: PanelWorld, browser: Browser, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(people) == 4
    await browser.sign_in(await world.staff())
    path = await propose(browser, "", kind="message", title="Pemeliharaan", text="Malam ini\npukul 01.00")
    assert (await browser.send(f"{path}/start")).status == 303
    killed = 0
    for at in range(4):
        worker = world.worker()
        one, seen = worker._one, 0

        async def interrupted(job: Job, item: Any, actor: Any, one: Any = one, at: int = at) -> Any:
            nonlocal seen
            done = await one(job, item, actor)
            seen += 1
            if seen > at % 2:
                raise Killed  # it is done, and not on record
            return done

        monkeypatch.setattr(worker, "_one", interrupted)
        with pytest.raises(Killed):
            await worker.run()
        killed += 1
    job = await job_of(world, path)
    assert job.state is JobState.RUNNING
    assert await world.worker().run()
    job = await job_of(world, path)
    assert (job.state, job.done, job.refused) == (JobState.DONE, 4, 0)
    assert killed == 4
    assert await rows(world, tables.outbox) == 4, "everybody is told once"


async def test_a_job_is_stopped_between_two_items_and_what_is_done_stays(
    world: PanelWorld, browser: Browser, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.sign_in(await world.staff())
    path = await propose(browser, "", kind="suspend", reason="Uji")
    assert (await browser.send(f"{path}/start")).status == 303
    monkeypatch.setattr("netbilld.services.run_jobs.SOME", 1)
    worker = world.worker()
    one = worker._one

    async def then_stopped(job: Job, item: Any, actor: Any) -> Any:
        done = await one(job, item, actor)
        assert (await browser.send(f"{path}/stop")).status == 303
        return done

    monkeypatch.setattr(worker, "_one", then_stopped)
    assert await worker.run()
    job = await job_of(world, path)
    assert (job.state, job.done) == (JobState.STOPPED, 1)
    assert sorted(await states(world, people)) == ["active", "active", "active", "suspended"]
    assert not await world.worker().run()
    assert (await browser.send(f"{path}/start")).status == 303
    assert not await world.worker().run(), "what is over does not begin again"


async def test_plans_and_fees_of_many_are_changed_and_what_can_t_be_is_told_apart(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    await browser.sign_in(await world.staff())
    path = await propose(browser, "?q=pelanggan", kind="plan", plan="kuota100", starts="now")
    page = plain(await browser.page(path))
    assert "HOME20" in page
    assert "KUOTA100" in page
    ended = f"/subscribers/{people[1].number}/services/{people[1].service_id}/terminate"
    assert (await browser.send(ended, {"reason": "Pindah", "sure": "yes"})).status == 303
    assert (await browser.send(f"{path}/start")).status == 303
    await world.worker().run()
    job = await job_of(world, path)
    assert (job.state, job.done, job.refused) == (JobState.DONE, 3, 1)
    refused = plain(await browser.page(f"{path}?state=refused"))
    assert "Pelanggan 1" in refused
    assert "terminated" in refused
    priced = await browser.send(
        "/subscribers/do", {"once": "p" * 40, "kind": "price", "price": "120000", "reason": "Promo RT", "starts": "now"}
    )
    at = priced.headers["Location"]
    page = plain(await browser.page(at))
    assert "Rp150.000" in page
    assert "Rp120.000" in page
    assert "1 layanan dilewati" in page, "one that has ended"
    assert (await browser.send(f"{at}/start")).status == 303
    await world.worker().run()
    async with world.database.read() as work:
        prices = {one.username: one.price_minor for one in await work.jobs.subjects([p.service_id for p in people])}
    assert [prices[f"user{number}@x"] for number in (0, 2, 3)] == [120_000] * 3


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "kind"), ({"kind": "import"}, "kind"), ({"kind": "suspend"}, "reason"), ({"kind": "plan"}, "plan"),
        ({"kind": "price", "price": "x", "reason": "y"}, "price"), ({"kind": "price", "price": "-1", "reason": "y"}, "price"),
        ({"kind": "message", "title": "x"}, "text"), ({"kind": "message", "text": "x"}, "title"),
        ({"kind": "plan", "plan": "HOME20", "starts": "day", "day": "2020-01-01"}, "starts"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_said_beside_its_field(
    world: PanelWorld, browser: Browser, people: list[Person], form: dict[str, str], field: str
) -> None:
    del people
    await browser.sign_in(await world.staff())
    answer = await browser.send("/subscribers/do", {"once": ONCE, **form})
    assert answer.status == 422
    assert f'id="fault-do-{field}"' in await answer.text()
    assert await rows(world, tables.jobs) == 0


async def test_nothing_to_do_is_no_job(world: PanelWorld, browser: Browser, people: list[Person]) -> None:
    del people
    await browser.sign_in(await world.staff())
    answer = await browser.send("/subscribers/do", {"once": ONCE, "kind": "resume"})
    assert answer.status == 422
    assert "Tidak ada yang berubah" in await answer.text()


async def test_fees_are_for_those_who_correct_money_and_lists_for_those_who_see_everybody(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    """BANG-2.7e: a technician may move people, and neither sees nor sets what they pay."""
    del people
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    page = await browser.page("/subscribers/do")
    assert 'value="price"' not in page
    form = {"once": ONCE, "kind": "price", "price": "1", "reason": "x"}
    assert (await browser.send("/subscribers/do", form)).status == 422
    async with client_of(world.app()) as client:
        limited = Browser(client)
        await limited.sign_in(await world.staff(Role.SERVICE, areas=("jabar/bandung",)))
        for path in ("/subscribers/do", "/subscribers/import", "/batches"):
            assert (await client.get(path, allow_redirects=False)).status == 403, path
        assert "/subscribers/do" not in await limited.page("/subscribers")


async def send_file(browser: Browser, content: bytes, once: str = ONCE) -> Any:
    form = FormData({"csrf": await browser.token(), "once": once})
    form.add_field("file", BytesIO(content), filename="pelanggan.csv", content_type="text/csv")
    return await browser.client.post("/subscribers/import", data=form, allow_redirects=False)


FILE = (
    b"username;password;plan;name;phone;opening_balance\r\n"
    b"andi@x;rahasia-andi;HOME20;Andi;081211110000;-50000\r\n"
    b"wati@x;rahasia-wati;TIDAK-ADA;Wati;;\r\n"
    b"user0@x;rahasia-user;HOME20;Ganda;;\r\n"
    b"rudi@x;rahasia-rudi;HOME20;Rudi;12;\r\n"
    b"lina@x;rahasia-lina;HOME20;Lina;;\r\n"
)


async def test_an_import_is_looked_through_first_and_bad_rows_come_back_as_a_file(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    """KAMIL-3: import with a dry run; bad rows to a report that can be mended and imported as it is."""
    await browser.sign_in(await world.staff())
    answer = await send_file(browser, FILE)
    path = answer.headers["Location"]
    assert (await send_file(browser, FILE)).headers["Location"] == path
    async with world.database.read() as work:
        sealed = await work.jobs.payload(UUID(path.rsplit("/", 1)[1]))
    assert sealed is not None
    assert b"rahasia" not in sealed, "passwords lie nowhere in clear"
    worker = world.worker()
    assert await worker.run()
    assert await rows(world, tables.subscribers) == len(people), "nothing went in yet"
    page = plain(await browser.page(path))
    for text in ("2 baris bisa masuk", "3 baris tidak bisa", "TIDAK-ADA", "user0@x", "telephone"):
        assert text in page, text
    assert "rahasia" not in page
    assert (await browser.send(f"{path}/start")).status == 303
    assert await worker.run()
    job = await job_of(world, path)
    assert (job.state, job.done, job.refused) == (JobState.DONE, 2, 3)
    assert await rows(world, tables.subscribers) == len(people) + 2
    report = (await (await browser.client.get(f"{path}/rejected.csv")).text()).splitlines()
    table = list(csv.reader(report))
    assert table[0][:4] == ["line", "reason", "username", "password"]
    assert [row[0] for row in table[1:]] == ["3", "4", "5"]
    mended = "\r\n".join(report).replace("TIDAK-ADA", "HOME20").encode()
    again = (await send_file(browser, mended, "r" * 40)).headers["Location"]
    assert await worker.run()
    assert (await job_of(world, again)).done == 1


async def test_an_import_that_was_killed_goes_on_without_blaming_the_rows_that_are_in(
    world: PanelWorld, browser: Browser, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.sign_in(await world.staff())
    lines = "".join(f"baru{number}@x;sandi-{number}x;HOME20;Baru {number}\r\n" for number in range(7))
    content = f"username;password;plan;name\r\n{lines}rusak@x;sandi;TIDAK-ADA;Rusak\r\n".encode()
    path = (await send_file(browser, content)).headers["Location"]
    await world.worker().run()
    assert (await browser.send(f"{path}/start")).status == 303
    monkeypatch.setattr("netbilld.services.import_subscribers.CHUNK", 3)
    worker = world.worker()
    importing = worker._importing()
    taken, stored = importing._store_chunk, 0

    async def killed(*given: Any) -> None:
        nonlocal stored
        stored += 1
        if stored == 2:
            raise Killed
        await taken(*given)

    monkeypatch.setattr(importing, "_store_chunk", killed)
    monkeypatch.setattr(worker, "_importing", lambda: importing)
    with pytest.raises(Killed):
        await worker.run()
    assert await rows(world, tables.subscribers) == len(people) + 3
    assert await world.worker().run()
    job = await job_of(world, path)
    assert (job.state, job.done, job.refused) == (JobState.DONE, 7, 1)
    assert await rows(world, tables.subscribers) == len(people) + 7


async def test_files_that_are_none_are_refused(world: PanelWorld, browser: Browser, people: list[Person]) -> None:
    await browser.sign_in(await world.staff())
    assert (await send_file(browser, b"")).status == 422
    assert (await send_file(browser, b"x" * (5 * 1024 * 1024 + 1))).status in {413, 422}
    assert (await browser.send("/subscribers/import", {"once": ONCE})).status == 422
    for number, content in enumerate((b"\x00\x01\xff", b"nama,paket\r\n1,2\r\n", b'username,plan\r\n"open')):
        path = (await send_file(browser, content, f"{number}" * 40)).headers["Location"]
        assert await world.worker().run()
        job = await job_of(world, path)
        assert job.state is JobState.FAILED, content
        assert job.said
        await browser.page(path)
    assert await rows(world, tables.subscribers) == len(people)


async def test_what_is_exported_goes_in_elsewhere_and_comes_out_the_same(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    """KAMIL-3: export, import, export: identical, but for passwords, which no export holds."""
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{people[0].number}/edit"
    evil = {
        "seen": "999999",
        "name": "=1+1",
        "phone": "081200000000",
        "address": 'Jalan "A"; no. 1,\n2',
        "area": "jabar",
    }
    assert (await browser.send(at, evil)).status == 303
    first = await (await browser.client.get("/subscribers/export.csv")).text()
    assert "sandi" not in first
    assert "'=1+1" in first, "no spreadsheet runs it"
    narrowed = await (await browser.client.get("/subscribers/export.csv?area=jabar/bogor")).text()
    assert len(narrowed.splitlines()) == 2
    table = list(csv.DictReader(io.StringIO(first)))
    assert len(table) == len(people)
    async with world.database.write() as work:
        for person in people:  # the names are free again, as in another installation
            found = (await work.services.credentials_of(person.service_id))[0]
            name = f"lama-{found.name}"
            await work.services.update_credential(found.id, {"name": name, "name_key": name})
    out = io.StringIO()
    writer = csv.DictWriter(out, [*table[0], "password"])
    writer.writeheader()
    for row in table:
        writer.writerow({**row, "subscriber_no": str(int(row["subscriber_no"]) + 500), "password": "sandi-baru-1"})
    path = (await send_file(browser, out.getvalue().encode())).headers["Location"]
    await world.worker().run()
    assert (await browser.send(f"{path}/start")).status == 303
    await world.worker().run()
    job = await job_of(world, path)
    async with world.database.read() as work:
        bad = await work.jobs.items(job.id, ItemState.REFUSED, 0, 9)
    assert (job.done, bad) == (len(people), [])
    second = list(csv.DictReader(io.StringIO(await (await browser.client.get("/subscribers/export.csv")).text())))
    brought = [row for row in second if int(row["subscriber_no"]) >= int(table[0]["subscriber_no"]) + 500]
    for before, after in zip(table, brought, strict=True):
        after["subscriber_no"] = before["subscriber_no"]
        after["name"] = after["name"].removeprefix("'") if before["name"] == "'=1+1" else after["name"]
        assert after == {**before, "name": before["name"].removeprefix("'")} or after == before


async def test_files_of_finished_jobs_are_let_go_after_a_day(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    del people
    await browser.sign_in(await world.staff())
    path = (await send_file(browser, FILE)).headers["Location"]
    worker = world.worker()
    await worker.run()
    assert await worker.tidy() == 0
    async with world.database.write() as work:
        await work.connection.execute(tables.jobs.update().values(created_at=world.clock.now().replace(year=2025)))
    assert await worker.tidy() == 1
    job = await job_of(world, path)
    assert job.state is JobState.STOPPED
    assert (await browser.client.get(f"{path}/rejected.csv")).status == 404
