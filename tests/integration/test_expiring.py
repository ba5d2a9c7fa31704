"""Who is told that a prepaid period runs out, on SQLite and PostgreSQL."""

from datetime import date
from typing import Any

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import outbox
from netbilld.billing.tax import TaxPolicy
from netbilld.services.tell_expiring import TellExpiring
from tests.integration.money_world import World, at, plan_file

JAN = date(2026, 1, 1)
LAST = date(2026, 1, 31)
TAXED = """
[tax]
rate = "ppn"
inclusive = false
"""


async def told(database: Database) -> list[dict[str, Any]]:
    async with database.read() as work:
        found = await work.connection.scalars(select(outbox.c.context).where(outbox.c.kind == "expires"))
        return list(found.all())


async def test_who_can_not_renew_is_told_some_days_before_once_a_period(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("PRA", 100_000, "prepaid", extra=TAXED))
    poor = await world.person("kurang", "PRA", activated_on=JAN, paid_until_on=LAST)
    rich = await world.person("cukup", "PRA", activated_on=JAN, paid_until_on=LAST)
    await world.person("nanti", "PRA", activated_on=JAN, paid_until_on=date(2026, 3, 31))
    await world.person("berhenti", "PRA", activated_on=JAN, paid_until_on=LAST, status="paused")
    await world.pay(poor, 110_999, JAN)
    await world.pay(rich, 111_000, JAN)
    telling = TellExpiring(database, 3, TaxPolicy(is_pkp=True))
    assert await telling.run(at(date(2026, 1, 27))) == 0
    assert await telling.run(at(date(2026, 1, 28))) == 1
    assert await telling.run(at(date(2026, 1, 29))) == 0
    assert await told(database) == [
        {"plan": "Paket PRA", "paid_until_on": "2026-01-31", "price_minor": 111_000, "wallet_minor": 110_999}
    ]


async def test_nobody_is_told_where_it_is_off(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    await world.person("kurang", "PRA", activated_on=JAN, paid_until_on=LAST)
    assert await TellExpiring(database, None, TaxPolicy()).run(at(LAST)) == 0
    assert await told(database) == []
