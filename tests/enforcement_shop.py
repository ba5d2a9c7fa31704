"""A provider with a reconciler and a NAS that answers orders over a real socket, for tests of both databases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.nas.coa import CoaClient
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.services.entitle import Entitle
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.reconcile import Reconcile
from tests.coa_server import CoaServer
from tests.enforcement_world import World

GB = 10**9


@dataclass
class Shop:
    """A world with a reconciler that can be thrown away and made anew, as a restart does."""

    world: World
    entitle: Entitle
    client: CoaClient
    reconcile: Reconcile = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        retry = RetryPolicy(first_seconds=5, longest_seconds=300)
        policy = ReconcilePolicy(30, retry, stop_wait_seconds=15)
        self.reconcile = Reconcile(
            self.world.database, self.client, self.world.box, self.world.clock, policy, lambda: 0.5
        )

    async def decide(self, cause: str = "usage") -> None:
        """Decide on everything, as the daemon does after a change, and nudge."""
        self.reconcile.nudge(await self.entitle.run(None, cause, self.world.clock.now()))

    async def settle(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            await self.reconcile.run_once()

    async def throttle(self, service_id: UUID) -> None:
        await self.world.use(service_id, GB)
        await self.decide()

    async def wall(self, service_id: UUID) -> UUID:
        invoice_id = await self.world.invoice(service_id, date(2025, 3, 1))
        await self.decide("timer")
        return invoice_id


@pytest.fixture
async def shop(database: Database, box: SecretBox) -> AsyncIterator[Shop]:
    world = await World(database, box).open()
    client = CoaClient(("127.0.0.1",), timeout_seconds=0.1, tries=2, entropy=bytes)
    try:
        yield Shop(world, world.entitle(), client)
    finally:
        client.close()


@asynccontextmanager
async def online(shop: Shop, *names: str, **server: object) -> AsyncIterator[tuple[CoaServer, list[UUID], list[int]]]:
    """Give a NAS with these subscribers logged in and everything agreed."""
    async with CoaServer(**server) as nas_server:  # type: ignore[arg-type]
        nas_id = await shop.world.add_nas(f"pop-{nas_server.port}", nas_server.host, nas_server.port)
        service_ids = [await shop.world.add_service(name) for name in names]
        await shop.decide("start")
        session_ids = [
            await shop.world.log_in(nas_id, service_id, name)
            for name, service_id in zip(names, service_ids, strict=True)
        ]
        await shop.settle()
        assert nas_server.received == []
        yield nas_server, service_ids, session_ids
