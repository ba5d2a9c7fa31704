"""Subscribers with fixed addresses behind one RouterOS router, for tests of what is kept there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from netbilld.adapters.database.engine import Database
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_static import RouterosStatic
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.enforcement.static_lines import LineTerms
from netbilld.model.actor import Actor
from netbilld.model.api_address import parse_api_address
from netbilld.model.nas import api_url_place
from netbilld.services.book_usage import BookUsage
from netbilld.services.bring_lines import BringLines, LinePolicy
from netbilld.services.compare_lines import CompareLines
from netbilld.services.keep_static_lines import KeepStaticLines
from netbilld.services.manage_static_lines import ManageStaticLines
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import Batch
from netbilld.services.raise_alerts import AlertPolicy, Trouble
from netbilld.services.static_book import LineView
from tests.clock import SteppedClock
from tests.enforcement_world import NOW, World
from tests.routeros.fake_router import FakeRouter
from tests.routeros.store import Row

ANI = Actor("ani", "test")
TERMS = LineTerms("isolir", "blocked", walls_ipv6=False)
POLICY = LinePolicy(every_seconds=60, per_second=1e9, retry=RetryPolicy(5, 300))


@dataclass
class Town:
    world: World
    router: FakeRouter
    clock: SteppedClock
    keep: KeepStaticLines
    compare: CompareLines
    manage: ManageStaticLines
    connections: dict[UUID, RouterosConnection]
    nas_id: UUID
    services: dict[str, UUID] = field(default_factory=dict)
    on_pause: Callable[[], Awaitable[None]] | None = None  # done between two changes, which have no pause otherwise

    @property
    def database(self) -> Database:
        return self.world.database

    async def subscriber(self, name: str, *addresses: str) -> UUID:
        """Take in a subscriber, with a line where there is an address."""
        service_id = self.services[name] = await self.world.add_service(name)
        await self.decide(name)
        if addresses:
            await self.manage.add(name, "pop1", addresses, ANI, self.clock.now())
            self.keep.look_again()
        return service_id

    async def decide(self, *names: str) -> None:
        """Let it be worked out what these are due."""
        ids = [self.services[name] for name in names]
        changed = await self.world.entitle().run(ids, "test", self.clock.now())
        self.keep.nudge(changed)

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and every router that is due have its turn."""
        self.clock.pass_time(seconds=seconds)
        for item in self.router.store["/queue/simple"].items:
            item.values.setdefault("bytes", "0/0")
        await self.keep.run_once()

    def queues(self) -> dict[str, Row]:
        return {row["name"]: row for row in self.router.rows("/queue/simple")}

    def listed(self) -> dict[str, str]:
        """Return the list that each address is on."""
        menus = ("/ip/firewall/address-list", "/ipv6/firewall/address-list")
        return {row["address"]: row["list"] for menu in menus for row in self.router.rows(menu)}

    def writes(self) -> list[str]:
        """Return what was changed on the router so far."""
        return [said[0] for said in self.router.asked if not said[0].endswith("/print")]

    async def views(self) -> dict[str, LineView]:
        async with self.database.read() as work:
            return {view.username: view for view in await work.static_lines.views()}

    async def troubles(self) -> list[Trouble]:
        """Return what an alert is raised for."""
        async with self.database.read() as work:
            return await work.alerts.troubles(AlertPolicy(60, 180, 60), self.clock.now())

    async def metered(self, name: str) -> tuple[int, int]:
        async with self.database.read() as work:
            (meter,) = await work.meters.in_use(service_id=self.services[name])
        return meter.upload_octets, meter.download_octets

    def count(self, name: str, upload: int, download: int) -> None:
        """Let a queue have counted so much."""
        (item,) = self.router.store["/queue/simple"].where(name=name)
        item.values["bytes"] = f"{upload}/{download}"


@asynccontextmanager
async def static_town(database: Database, box: SecretBox) -> AsyncIterator[Town]:
    clock = SteppedClock(NOW)
    world = await World(database, box, clock).open()
    nas_id = await world.add_nas("pop1", "127.0.0.1", 3799)
    async with FakeRouter(now=clock.monotonic) as router:
        sealed = box.seal(router.url.encode(), api_url_place(nas_id))
        async with database.write() as work:
            await work.nas.update(nas_id, {"api_url_sealed": sealed})
        address = parse_api_address(router.url)
        assert address is not None
        connection = RouterosConnection(address, timeout_seconds=30, monotonic=clock.monotonic, jitter=lambda: 0.5)
        connections = {nas_id: connection}
        routers = RouterosStatic(lambda: connections, clock.now)
        compare = CompareLines(database, routers, TERMS)

        async def follow(_batch: Batch) -> None:
            """Nobody follows usage here."""

        readings = MeterReadings(database, BookUsage("Asia/Jakarta"), follow)

        async def pause(_seconds: float) -> None:
            if town.on_pause is not None:
                await town.on_pause()

        bring = BringLines(database, compare, routers, readings, clock, POLICY, lambda: 0.5, sleep=pause)
        keep = KeepStaticLines(database, bring, clock, POLICY, lambda: 0.5)
        town = Town(world, router, clock, keep, compare, ManageStaticLines(database, box), connections, nas_id)
        yield town
        connection.close()


def fill_by_hand(town: Town, count: int) -> None:
    """Let somebody have made queues and entries before us."""
    queues, entries = town.router.store["/queue/simple"], town.router.store["/ip/firewall/address-list"]
    for number in range(count):
        address = f"172.16.{number // 250}.{number % 250 + 1}"
        queues.add({"name": f"lama-{number}", "target": f"{address}/32", "max-limit": "2M/5M"})
        entries.add({"list": "isolir" if number % 2 else "vip", "address": address, "comment": "lama"})
    queues.add({"name": "semua", "target": "10.0.0.0/8", "max-limit": "1G/1G"})


async def take_in(town: Town, count: int) -> None:
    """Take in subscribers with a line each."""
    for number in range(count):
        name = f"statis-{number:04}"
        town.services[name] = await town.world.add_service(name)
        await town.manage.add(name, "pop1", [f"10.20.{number // 250}.{number % 250 + 1}"], ANI, town.clock.now())
    await town.decide(*town.services)
