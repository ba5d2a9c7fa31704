"""Every billed active service is authorised, and every authorised one is billed or flagged free."""

from datetime import date

import pytest
from sqlalchemy import delete, insert, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, service_terms, services
from netbilld.billing.service_checks import ServiceFigures, check_services
from tests.integration.money_world import Person, World, at, plan_file

JAN = date(2026, 1, 1)
LATER = date(2026, 1, 5)


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def found(world: World, on: date) -> dict[str, tuple[bool, str]]:
    async with world.database.read() as work:
        results = check_services(await work.closings.service_figures(on))
    return {result.name: (result.ok, result.detail) for result in results}


async def test_a_service_that_was_never_billed_is_named_until_the_run_has_looked_at_it(world: World) -> None:
    """INCA-12."""
    await world.person("budi", activated_on=JAN)
    assert (await found(world, date(2026, 1, 2)))["authorised_services_are_billed"][0]  # the run is still to come
    assert (await found(world, LATER))["authorised_services_are_billed"] == (False, "100001 budi")
    await world.bill(LATER)
    assert all(ok for ok, _ in (await found(world, LATER)).values())
    assert (await found(world, date(2026, 2, 3)))["authorised_services_are_billed"] == (False, "100001 budi")


async def test_one_that_is_not_to_be_billed_yet_is_not_named_once_the_run_has_looked_at_it(world: World) -> None:
    """Billed after its month, or moved in with a month that is paid for."""
    await world.plan(plan_file("NANTI").replace('period = "month"', 'period = "month"\nbill = "arrears"'))
    await world.person("nanti", "NANTI", activated_on=JAN)
    await world.person("pindah", activated_on=JAN, paid_until_on=date(2026, 1, 31))
    assert not (await found(world, LATER))["authorised_services_are_billed"][0]
    for day in (JAN, LATER):
        assert (await world.bill(day)).invoices == []
    assert all(ok for ok, _ in (await found(world, LATER)).values())
    assert len((await world.bill(date(2026, 2, 1))).invoices) == 2


async def test_a_free_service_is_flagged_and_counted(world: World) -> None:
    who = await world.person("tamu", activated_on=JAN)
    async with world.database.write() as work:
        await work.connection.execute(delete(service_terms))
        version = await work.plans.by_code("HOME20")
        assert version is not None
        terms = {"service_id": who.service_id, "from_on": JAN, "plan_version_id": version.id, "free": True}
        await work.connection.execute(insert(service_terms).values(**terms, actor="ani", created_at=at(JAN)))
    await world.bill(LATER)
    assert (await found(world, LATER))["authorised_services_are_billed"] == (True, "1 of 1 are free")


async def test_a_billed_service_that_nobody_can_use_is_named(world: World) -> None:
    who: Person = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    async with world.database.write() as work:
        await work.connection.execute(delete(credentials).where(credentials.c.service_id == who.service_id))
    assert (await found(world, LATER))["billed_services_are_authorised"] == (False, "100001")
    async with world.database.write() as work:
        await work.connection.execute(update(services).values(status="suspended"))
    assert all(ok for ok, _ in (await found(world, LATER)).values())


def test_many_are_counted_and_a_few_named() -> None:
    many = tuple(f"10000{number}" for number in range(8))
    results = check_services(ServiceFigures(8, 0, (), (), many))
    assert results[-1].detail == "100000, 100001, 100002, 100003, 100004 and 3 more"
