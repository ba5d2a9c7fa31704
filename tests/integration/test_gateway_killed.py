"""kill -9 between any two steps of a callback: after the restart nothing is lost and nothing is doubled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientError
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import payments
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.payment import PaymentStatus
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.refund_gateway import RefundGateway
from tests.daemon_process import DaemonProcess
from tests.fake_gateways import FakeMidtrans, FakeTripay, running
from tests.gateway_daemon import begun, environment_of, hook_of
from tests.integration.gateway_world import PRICE, Shop, sqlite_shop_of
from tests.integration.money_world import ACTOR


class KilledError(BaseException):
    """What a process that is killed never gets to hear."""


class Dying:
    """A store that ends the process at its n-th write: before it is committed, or right after."""

    def __init__(self, database: Database, at_write: int, *, committed: bool) -> None:
        self._database, self._left, self._committed = database, at_write, committed

    def read(self) -> AbstractAsyncContextManager[Any]:
        return self._database.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        self._left -= 1
        async with self._database.write() as work:
            yield work
            if self._left == 0 and not self._committed:
                raise KilledError
        if self._left == 0:
            raise KilledError


@pytest.fixture
async def shop(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Shop]:
    async with sqlite_shop_of(sqlite_template, tmp_path, box, FakeMidtrans()) as made:
        yield made


def follower(shop: Shop, store: Any) -> FollowGateways:
    return FollowGateways(store, [shop.gateway], shop.follow._book, lambda: shop.now, lambda: None)


async def test_a_callback_is_followed_to_its_end_wherever_it_was_broken_off(shop: Shop) -> None:
    for number, (at_write, committed) in enumerate(((1, False), (1, True))):
        attempt = await shop.attempt(invoice=False)
        shop.fake.pay(attempt.ref)
        await shop.fake.tell(attempt.ref)
        with pytest.raises(BaseExceptionGroup):
            await follower(shop, Dying(shop.database, at_write, committed=committed)).run()
        assert (await shop.paid())[2] == number + committed  # the whole of it, or nothing
        await shop.settle()
        await shop.fake.tell(attempt.ref)
        await shop.settle()
        assert (await shop.paid())[2] == number + 1


async def test_a_refund_is_given_and_booked_once_wherever_it_was_broken_off(shop: Shop) -> None:
    attempt = await shop.attempt()
    shop.fake.pay(attempt.ref)
    await shop.fake.tell(attempt.ref)
    await shop.settle()
    asked: dict[str, Any] = {"because": "dobel", "by_hand": False, "actor": ACTOR, "now": shop.now}
    for number, (at_write, committed) in enumerate(((1, False), (1, True), (2, False), (2, True)), 1):
        key = uuid4()
        dying = RefundGateway(Dying(shop.database, at_write, committed=committed), [shop.gateway], shop.refund._book)
        with pytest.raises(KilledError):
            await dying.run(attempt.ref, 10_000, key=key, **asked)
        for _ in range(2):
            await shop.refund.run(attempt.ref, 10_000, key=key, **asked)
        assert shop.fake.payments[attempt.ref].refunded == 10_000 * number
        assert await shop.held() == PRICE - 10_000 * number


@pytest.mark.slow
async def test_a_daemon_that_is_killed_while_callbacks_come_loses_and_doubles_none(tmp_path: Path) -> None:
    """Callbacks are sent until they are answered well, as gateways do; the daemon is killed meanwhile."""
    fake = FakeTripay()
    async with running(fake):
        with DaemonProcess(tmp_path, **environment_of(fake)) as daemon:
            daemon.init()
            daemon.plan()
            daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "pw")
            url = sqlite_url(daemon.data_dir / "netbilld.db")
            refs = list(await begun(url, fake, ["budi"], 10_000, 30))
            fake.hook = hook_of(daemon, fake)
            answered: set[str] = set()

            async def tell(ref: str) -> None:
                fake.pay(ref)
                while ref not in answered:
                    try:
                        if all(one.status == 200 for one in await fake.tell(ref, times=2)):
                            answered.add(ref)
                    except (ClientError, OSError):
                        await asyncio.sleep(0.05)

            await asyncio.to_thread(daemon.start)
            telling = [asyncio.create_task(tell(ref)) for ref in refs]
            while len(answered) < 8:
                await asyncio.sleep(0.01)
            daemon.kill()
            await asyncio.to_thread(daemon.start)
            await asyncio.gather(*telling)

            async def counted() -> int:
                database = Database(url)
                try:
                    async with database.read() as work:
                        query = select(func.count()).where(payments.c.status == PaymentStatus.RECEIVED.value)
                        return int(await work.connection.scalar(query) or 0)
                finally:
                    await database.close()

            async with asyncio.timeout(60):
                while await counted() < len(refs):
                    await asyncio.sleep(0.2)
            assert daemon.terminate() == 0
            assert await counted() == len(refs)
            assert daemon.json("ledger", "check")["ok"]
            assert daemon.json("gateway", "compare") == []
