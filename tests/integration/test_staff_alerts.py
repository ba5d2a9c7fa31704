"""The staff are told of what is wrong: once, together, not at each flicker, and when it is over."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.settings import Settings
from netbilld.daemon.staff_alerts import StaffAlerts
from netbilld.model.address_pool import AddressPool, PoolKind
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.ports.outbox import MessageKind
from netbilld.services.tell_staff import AlertTerms, Condition, TellStaff
from tests.clock import StandingClock
from tests.integration.money_world import ZONE, at
from tests.panel_fixture import PanelWorld

NOW = at(date(2026, 1, 5), 9)
MINUTES = timedelta(minutes=1)
ONE_DATABASE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


class Office:
    """Somebody of each role, and what is wrong."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, StandingClock(NOW)
        self.wrong: list[Condition] = []
        terms = AlertTerms(2 * MINUTES, 5 * MINUTES, 10 * MINUTES, ("admin", "technical"))
        self.tell = TellStaff(database, self.clock, terms, self.look, self.say)

    async def look(self) -> Sequence[Condition]:
        return self.wrong

    @staticmethod
    def say(_: str | None, fresh: Sequence[Condition], over: Sequence[Condition]) -> tuple[str, str]:
        return "t", ",".join([*(one.key for one in fresh), *(f"-{one.key}" for one in over)])

    async def hire(self, role: Role, locale: str | None = None) -> None:
        email = f"{role.value}@isp.test"
        async with self.database.write() as work:
            await work.staff.add(Staff(
                id=uuid4(), email=email, email_key=email_key(email), name=role.value, password_hash="x", role=role,
                active=True, must_change_password=False, locale=locale, created_at=NOW,
            ))  # fmt: skip

    async def after(self, minutes: float, *keys: str) -> list[str]:
        """Let time pass with these wrong, looking each half minute; return what was said."""
        self.wrong = [Condition(key, "node", {"said": key}) for key in keys]
        before = len(await self.told())
        for _ in range(round(minutes * 2)):
            self.clock.pass_time(seconds=30)
            await self.tell.run()
        return (await self.told())[before:]

    async def told(self) -> list[str]:
        async with self.database.read() as work:
            return [str(one.context["text"]) for one in reversed(await work.outbox.listed(most=500))]


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.hire(Role.ADMIN)
    return office


async def test_what_lasts_is_told_once_and_so_is_its_end(office: Office) -> None:
    assert await office.after(1.5, "a") == []
    assert await office.after(60, "a") == ["a"]
    assert await office.after(4) == []
    assert await office.after(30) == ["-a"]


@ONE_DATABASE
async def test_what_comes_and_goes_is_not_told_each_time(office: Office) -> None:
    for _ in range(5):
        assert await office.after(1, "a") == []
        assert await office.after(1) == []
    assert await office.after(3, "a") == ["a"]
    for _ in range(5):
        assert await office.after(3) == [], "it has not been away for long"
        assert await office.after(3, "a") == []
    assert await office.after(6) == ["-a"]


@ONE_DATABASE
async def test_what_comes_together_is_told_together_and_then_there_is_peace_for_a_while(office: Office) -> None:
    assert await office.after(3, "a", "b") == ["a,b"]
    assert await office.after(5, "a", "b", "c", "d") == []
    assert await office.after(10, "a", "b", "c", "d", "e") == ["c,d,e"]


async def test_a_daemon_that_is_killed_and_one_that_looks_beside_it_tell_nothing_twice(office: Office) -> None:
    assert await office.after(3, "a") == ["a"]
    beside = Office(office.database)
    beside.clock = office.clock
    assert await beside.after(30, "a") == []


@ONE_DATABASE
async def test_those_of_the_roles_are_told_and_nobody_else(office: Office) -> None:
    await office.hire(Role.TECHNICAL)
    await office.hire(Role.CASHIER)
    await office.after(3, "a")
    async with office.database.read() as work:
        found = await work.outbox.listed()
    assert {(one.kind, one.staff_name) for one in found} == {
        (MessageKind.STAFF_ALERT, "admin"), (MessageKind.STAFF_ALERT, "technical"),
    }  # fmt: skip


async def test_routers_pools_secrets_and_the_node_itself_are_seen_and_said_in_the_readers_language(
    database: Database, box: SecretBox, tmp_path: Path
) -> None:
    office, world = Office(database), PanelWorld(database, box)
    await office.hire(Role.ADMIN, "en")
    await office.hire(Role.TECHNICAL)
    await world.plans()
    nas_id, person = await world.nas(), await world.person("siti")
    pool = AddressPool(uuid4(), "Rumah", "rumah", PoolKind.IPV4, "10.9.0.0/30", 32, (), NOW)
    empty = AddressPool(uuid4(), "Kantor", "kantor", PoolKind.IPV4, "10.8.0.0/30", 32, (), NOW)
    async with database.write() as work:
        await work.connection.execute(update(tables.nas).values(suspect_since_at=NOW))
        await work.addresses.add(pool)
        await work.addresses.add(empty)
        [router] = [row.name for row in await work.nas.all()]
    for number in range(pool.size):
        await world.put(
            tables.address_leases, pool_id=pool.id, address=pool.address(number), service_id=person.service_id,
            nas_id=nas_id, taken_at=NOW,
        )  # fmt: skip
    settings = Settings(timezone=ZONE, data_dir=tmp_path, messengers={"alert_after_minutes": 0})
    alerts = StaffAlerts(settings, database, office.clock)
    line = {
        "reason": "bad_message_authenticator",
        "nas": "pop-2",
        "count": 9,
        "last_at": office.clock.now().isoformat(),
    }

    async def drops(names: Sequence[str], nas: str | None) -> dict[str, Any]:
        del names, nas
        once = dict(line, nas="pop-3", count=1)
        old = dict(line, nas="pop-4", last_at=(office.clock.now() - timedelta(hours=1)).isoformat())
        return {"sources": [line, once, old]}

    waits = "messages to subscribers wait: token"
    alerts.connect(lambda: {"reasons": ["accounting can't be made durable: disk full"], "notices": [waits]}, drops)
    found = await alerts.look()
    assert [one.kind for one in found if one.kind != "disk"] == ["nas_silent", "pool_full", "wrong_secret", "node"]
    assert await alerts.tell.run() == 2
    async with database.read() as work:
        said = {one.staff_name: str(one.context["text"]) for one in await work.outbox.listed()}
    assert f"Router {router} is silent" in said["admin"]
    assert f"Router {router} diam" in said["technical"]
    assert "Address pool Rumah is nearly full" in said["admin"]
    assert "Kantor" not in said["admin"]
    assert "pop-2" in said["admin"]
    assert "pop-3" not in said["admin"]
    assert "pop-4" not in said["admin"]
    assert "Accounting can't be written to the disk" in said["admin"]
    assert await alerts.tell.run() == 0
