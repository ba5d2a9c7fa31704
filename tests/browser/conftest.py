"""What tests in a real browser begin with. Each file has one event loop, and one browser in it: see `chromium`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from netbilld.adapters.database.engine import Database
from tests.chromium import launched
from tests.furnished import opened_copy
from tests.loopback import served
from tests.panel_fixture import PanelWorld


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for a whole file: starting it takes longer than most tests."""
    async with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def filled(sqlite_template: Path) -> Path:
    """The file that every test begins with a copy of; empty, unless the tests' file fills one of its own."""
    return sqlite_template


@pytest_asyncio.fixture(loop_scope="module")
async def database(filled: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One of the two: each query has its test on both, and here it is the page that is looked at."""
    async with opened_copy(filled, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def url(world: PanelWorld) -> AsyncIterator[str]:
    """The address of the staff panel of the file's own `world`."""
    async with served(world.app()) as address:
        yield address
