"""Every page of the panel in a real browser, found by the map of routes: none wider than its window, none that shuts out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.panel.route import Route
from netbilld.panel.routes import ROUTES
from netbilld.panel.visit import Public
from tests.chromium import TURNS, faults, sign_in, tab
from tests.complaint_seed import complain
from tests.panel_fixture import PanelWorld, Person
from tests.panel_paths import path_of
from tests.panel_seed import seed
from tests.selling_seed import sell

# the pages that matter most are judged one by one in the files beside this one
pytestmark = [pytest.mark.peer, pytest.mark.soak, pytest.mark.asyncio(loop_scope="module")]

NO_PAGE: Final = ("/live/", "/data/")
FILES: Final = (".csv", ".xlsx", ".pdf", "/pdf", ".json", "/proof", "/print", ".js", "{file:", "{photo:")


def is_page(route: Route) -> bool:
    return (
        route.method == "GET"
        and route.access is not Public.ANYBODY
        and not route.path.startswith(NO_PAGE)
        and not any(part in route.path for part in FILES)
    )


PAGES: Final = [route for route in ROUTES if is_page(route)]


@pytest.fixture
def world(database: Database, box: SecretBox, tmp_path: Path) -> PanelWorld:
    return PanelWorld(database, box, photos=tmp_path / "photos")


@pytest.mark.parametrize(("width", "scheme"), [(width, scheme) for width, scheme, _ in TURNS])
async def test_no_page_is_wider_than_its_window_or_shuts_anybody_out(
    world: PanelWorld, url: str, chromium: Browser, width: int, scheme: str
) -> None:
    """In Indonesian, whose words are the longer ones; axe finds nothing."""
    person, known = await furnished(world)
    wrong, seen = [], 0
    async with tab(chromium, width, meant=("status of 404",), color_scheme=scheme) as page:
        await sign_in(page, url)
        for route in PAGES:
            path = path_of(route, person, known)
            answer = await page.goto(url + path)
            assert answer is not None, path
            if answer.status == 404:  # there is none of its kind in this world
                continue
            assert answer.status == 200, (path, answer.status)
            seen += 1
            wrong += await faults(page)
    assert wrong == []
    assert seen > len(PAGES) * 3 // 4


async def furnished(world: PanelWorld) -> tuple[Person, Mapping[str, str]]:
    """Fill the world; return whose things the pages show, and what there is beside them by its directory."""
    people = await seed(world)
    await complain(world, people)
    person = people[0]
    selling = await sell(world, person)
    async with world.database.read() as work:
        found = await work.connection.execute(select(tables.invoices.c.number).order_by(tables.invoices.c.number))
        payment = await work.connection.scalar(select(tables.payments.c.id))
        member = await work.connection.scalar(select(tables.staff.c.id))
        pool = await work.connection.scalar(select(tables.address_pools.c.id))
    numbers = [number for (number,) in found]
    known = {"complaints": "K00003", "jobs": "K00003", "outages": "G00001", "plans": "HOME20", "invoices": numbers[0]}
    return person, known | selling | {
        "deliveries": numbers[0],
        "payments": str(payment),
        "staff": str(member),
        "pools": str(pool),
    }
