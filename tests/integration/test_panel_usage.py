"""Pages of throughput and usage, on both databases: what they show and export, and who may see them."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import openpyxl
import pytest
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.periods import local_date, local_midnight
from netbilld.model.permissions import Role
from netbilld.services.roll_up_usage import RollUpUsage
from netbilld.services.throughput import SPANS, Whose
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, Person, client_of

MONTH_START = local_midnight(local_date(NOW, ZONE).replace(day=1), ZONE)
HOUR = timedelta(hours=1)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def people(world: PanelWorld) -> list[Person]:
    """Two people on one NAS: since the month began one has moved 3 GB and 300 MB, the other 1 GB and 2 GB."""
    await world.plans()
    nas_id = await world.nas()
    people = [await world.person("budi"), await world.person("siti")]
    async with world.database.write() as work:
        for person, octets in zip(people, ((3 * 10**9, 3 * 10**8), (10**9, 2 * 10**9)), strict=True):
            for number in range(10):
                at = MONTH_START + number * 50 * HOUR
                sums = {"upload_octets": octets[1] // 10, "download_octets": octets[0] // 10}
                hour = {"hour_at": at, "service_id": person.service_id, "charged_minor": 0, **sums}
                await work.connection.execute(insert(tables.usage_hours).values(**hour))
                part = {
                    "service_id": person.service_id, "session_id": 1, "start_at": at, "end_at": at + HOUR,
                    "source": "radius", "estimated": False, **sums,
                }  # fmt: skip
                await work.connection.execute(insert(tables.usage_slices).values(**part))
        for number in range(10):
            both = {"upload_octets": 23 * 10**7, "download_octets": 4 * 10**8}
            hour = {"nas_id": nas_id, "hour_at": MONTH_START + number * 50 * HOUR, **both}
            await work.connection.execute(insert(tables.usage_nas_hours).values(**hour))
    return people


@pytest.fixture
async def browser(world: PanelWorld, people: list[Person]) -> AsyncIterator[Browser]:
    del people
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


@pytest.mark.parametrize("is_rolled_up", [False, True])
async def test_the_top_is_shown_and_exported_by_direction(
    world: PanelWorld, browser: Browser, people: list[Person], is_rolled_up: bool
) -> None:
    """INCA-2, BANG-2.5d."""
    if is_rolled_up:
        await RollUpUsage(world.database, ZONE).run(NOW)
    page = await browser.page("/usage?period=month")
    assert page.index(people[0].username) < page.index(people[1].username)
    page = await browser.page("/usage?period=month&direction=up")
    assert page.index(people[1].username) < page.index(people[0].username)
    last_on = local_date(NOW, ZONE)
    query = f"from={last_on.replace(day=1)}&to={last_on}&direction=both&limit=100"
    response = await browser.client.get(f"/usage/top.csv?{query}")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = (await response.text()).splitlines()
    assert lines[0] == "subscriber_no,username,name,plan,upload_octets,download_octets,total_octets"
    assert [line.split(",")[-3:] for line in lines[1:]] == [
        ["300000000", "3000000000", "3300000000"],
        ["2000000000", "1000000000", "3000000000"],
    ]
    response = await browser.client.get(f"/usage/top.xlsx?{query}")
    sheet = openpyxl.load_workbook(io.BytesIO(await response.read())).active
    assert sheet is not None
    assert [row[-1] for row in sheet.iter_rows(values_only=True)] == ["total_octets", 3300000000, 3000000000]


async def test_a_subscribers_usage_is_the_same_by_hour_day_month_and_as_a_file(
    browser: Browser, people: list[Person]
) -> None:
    """BANG-2.1b: what is shown by day adds up to what the slices say."""
    last_on = local_date(NOW, ZONE)
    base = f"/subscribers/{people[0].number}/usage"
    span = f"from={last_on.replace(day=1)}&to={last_on}"
    for by in ("hour", "day", "month"):
        page = await browser.page(f"{base}?by={by}&{span}")
        assert "3,3 GB" in page.replace("\N{NO-BREAK SPACE}", " ")
        lines = (await (await browser.client.get(f"{base}.csv?by={by}&{span}")).text()).splitlines()
        assert sum(int(line.split(",")[2]) for line in lines[1:]) == 3 * 10**9
    await browser.page(f"{base}?by=session&from=x&to=2026-13-01&span=nonsense&service=nobody")


@pytest.mark.parametrize("span", SPANS)
async def test_series_of_network_nas_and_service_hold_what_was_metered(
    world: PanelWorld, browser: Browser, people: list[Person], span: str
) -> None:
    """KAMIL-12."""
    await RollUpUsage(world.database, ZONE).run(NOW)
    async with world.database.read() as work:
        nas_name = (await work.readmodels.nas_lines())[0].name
        nas_id = await work.readmodels.nas_id(nas_name)
        found = {
            "network": await work.readmodels.series(Whose(), span, NOW, ZONE),
            "nas": await work.readmodels.series(Whose("nas", nas_id), span, NOW, ZONE),
            "service": await work.readmodels.series(Whose("service", people[0].service_id), span, NOW, ZONE),
        }
    for series in found.values():
        assert len(series.points) in {SPANS[span].reach // SPANS[span].step, 366}
        assert series.from_at < NOW < series.to_at
    if span in {"month", "year"}:
        seconds = SPANS[span].step.total_seconds()
        for kind, octets in (("network", 4 * 10**9), ("nas", 4 * 10**9), ("service", 3 * 10**9)):
            assert sum((point.download_bps or 0) * seconds / 8 for point in found[kind].points) == pytest.approx(
                octets, rel=1e-4
            )
    columns = await (await browser.client.get(f"/data/usage?span={span}&nas={nas_name}")).json()
    assert columns["download_bps"] == [point.download_bps for point in found["nas"].points]
    page = await browser.page(f"/nas/{nas_name}?span={span}")
    assert ('class="drawing"' in page) == (not found["nas"].is_empty)


async def test_who_held_an_address_is_shown_with_the_subscriber(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    async with world.database.read() as work:
        assert await work.readmodels.nas_id("nobody") is None
        nas_id = await work.readmodels.nas_id((await work.readmodels.nas_lines())[0].name)
    assert nas_id is not None
    await world.session(nas_id, people[0], framed_ip="100.64.3.7", started_at=NOW - 5 * HOUR, stopped_at=NOW - 3 * HOUR)
    await world.session(nas_id, people[1], framed_ip="100.64.3.7", started_at=NOW - 2 * HOUR)
    page = await browser.page(
        "/sessions/held?address=100.64.3.7&at=" + (NOW - 4 * HOUR).isoformat().replace("+", "%2B")
    )
    assert people[0].username in page
    assert people[1].username not in page
    both = await browser.page("/sessions/held?address=100.64.3.7")
    assert both.index(people[1].username) < both.index(people[0].username)
    assert (await browser.client.get("/sessions/held?address=nonsense")).status == 422


async def test_who_may_not_see_usage_sees_none(world: PanelWorld, people: list[Person]) -> None:
    async with client_of(world.app()) as client:
        cashier = Browser(client)
        await cashier.sign_in(await world.staff(Role.CASHIER))
        for path in (
            "/usage",
            "/usage/top.csv",
            "/data/usage",
            "/sessions/held",
            f"/subscribers/{people[0].number}/usage",
        ):
            assert (await cashier.client.get(path)).status == 403, path
