"""Callbacks while the database can't take them: the gateway is told to come again, and nothing is lost or doubled."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import StoreUnavailableError
from tests.fake_gateways import FakeTripay
from tests.integration.gateway_world import Shop, sqlite_shop_of


@pytest.fixture
async def shop(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, FakeTripay()) as made:
        yield made


async def _room(shop: Shop, pages: int) -> None:
    """Let the database file grow to so many pages: what a full disk does to it."""
    async with shop.database.write() as work:
        await work.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


async def _full(shop: Shop) -> None:
    """Take every page that is free within the file, which may grow no more."""
    async with shop.database.write() as work:
        await work.connection.exec_driver_sql("CREATE TABLE filler (octets BLOB)")
    await _room(shop, 1)
    for octets in (1_000_000, 10_000, 2_000, 100):
        with suppress(StoreUnavailableError):
            while True:
                async with shop.database.write() as work:
                    await work.connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(?))", (octets,))


async def test_a_callback_that_finds_the_disk_full_is_asked_to_come_again_and_pays_once_when_there_is_room(
    shop: Shop,
) -> None:
    """BANG-2.4b."""
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await _full(shop)
    answers = [(await shop.fake.tell(attempt.ref))[0].status for _ in range(40)]  # the table's last page has room yet
    assert set(answers) == {200, 503}
    assert len(await shop.inbox()) == answers.count(200)
    await _room(shop, 1_000_000)
    assert {answer.status for answer in await shop.fake.tell(attempt.ref, times=2)} == {200}
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    assert await shop.state(attempt.ref) == "paid"
