"""A network of devices that are read over SNMP; agents behave as RouterOS does."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from netbilld.accounting.reading import Meter
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snmp.reader import SnmpReader
from netbilld.model.actor import Actor
from netbilld.model.device_state import DeviceState
from netbilld.model.nas import Nas, snmp_community_place
from netbilld.services.book_usage import BookUsage
from netbilld.services.manage_meters import ManageMeters
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import Batch
from netbilld.services.poll_devices import PollDevices, PollPolicy
from tests.accounting_packets import NAS, T0
from tests.builders.nas import nas
from tests.clock import StandingClock
from tests.integration.money_world import ZONE, World, plan_file
from tests.snmp_agent import FakeAgent, fake_agent

ANI = Actor("ani", "cli")
DAY = 86_400


class Network:
    """One device, its agent, and services that are metered by it."""

    def __init__(self, database: Database, box: SecretBox, agent: FakeAgent) -> None:
        self.database, self.box, self.agent = database, box, agent
        self.clock = StandingClock(T0)
        self.reader = SnmpReader(0.3)
        self.followed: list[Batch] = []
        self.readings = MeterReadings(database, BookUsage(ZONE), self.follow)
        self.poll = PollDevices(
            database, self.reader, box, self.readings, self.clock, PollPolicy(0.2, 4, 60), jitter=lambda: 0.0
        )
        self.manage = ManageMeters(database, ZONE)
        self.world = World(database)
        self.up_seconds = float(DAY)

    async def follow(self, batch: Batch) -> None:
        self.followed.append(batch)

    def nas(self, port: int, *, nas_id: UUID = NAS, name: str = "gerbang", address: str = "127.0.0.1/32") -> Nas:
        return nas(
            name,
            id=nas_id,
            address=address,
            snmp_community_sealed=self.box.seal(b"publik", snmp_community_place(nas_id)),
            snmp_address="127.0.0.1",
            snmp_port=port,
        )

    async def begin(self) -> None:
        await self.world.plan(plan_file())
        await self.world.person("kantor", activated_on=date(2026, 3, 1))
        async with self.database.write() as work:
            await work.nas.add(self.nas(self.agent.port))
        self.agent.up(self.up_seconds, self.up_seconds)

    async def also(self, port: int, number: int) -> Nas:
        other = self.nas(port, nas_id=UUID(int=number), name=f"nas{number}", address=f"127.0.0.{number}/32")
        async with self.database.write() as work:
            await work.nas.add(other)
        return other

    async def answered(self) -> set[UUID]:
        async with self.database.read() as work:
            return {state.nas_id for state in await work.devices.states() if state.answered_at is not None}

    async def meter(self, kind: str, name: str, *, swapped: bool = False) -> Meter:
        return await self.manage.add_port("kantor", "gerbang", kind, name, ANI, T0, swapped=swapped)

    async def read(self, after_seconds: float = 60) -> DeviceState:
        """Let time pass for us and for the device, and read it."""
        self.clock.pass_time(seconds=after_seconds)
        await self.poll.poll(await self.device())
        state = await self.state(NAS)
        assert state is not None
        return state

    async def state(self, nas_id: UUID) -> DeviceState | None:
        async with self.database.read() as work:
            return await work.devices.state(nas_id)

    async def device(self) -> Nas:
        async with self.database.read() as work:
            found = await work.nas.by_id(NAS)
        assert found is not None
        return found

    async def metered_ether5(self, octets_in: int, octets_out: int, **more: Any) -> None:
        """Let a port be metered whose counters show this when it is read for the first time."""
        self.agent.interface(5, "ether5", octets_in, octets_out, **more)
        await self.meter("interface", "ether5")
        await self.read()

    def switched_on(self, seconds_ago: float) -> None:
        self.up_seconds = seconds_ago
        self.pass_time(0)

    def pass_time(self, seconds: float = 60) -> None:
        self.up_seconds += seconds
        self.agent.up(self.up_seconds, self.up_seconds)

    async def moved(self) -> tuple[int, int]:
        async with self.database.read() as work:
            found = await work.meters.in_use()
        return sum(meter.upload_octets for meter in found), sum(meter.download_octets for meter in found)


@asynccontextmanager
async def device_network(template: Path, directory: Path, box: SecretBox) -> AsyncIterator[Network]:
    shutil.copyfile(template, directory / "netbilld.db")
    database = Database(sqlite_url(directory / "netbilld.db"))
    with fake_agent() as agent:
        made = Network(database, box, agent)
        await made.begin()
        try:
            yield made
        finally:
            made.reader.close()
            await database.close()
