"""The books are checked each night, and what does not hold is said in the log, in /metrics and in /readyz."""

import logging
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts
from netbilld.daemon.bookkeeping import Bookkeeping
from netbilld.daemon.settings import Settings
from tests.integration.money_world import World, plan_file

JAN = date(2026, 1, 1)


async def test_books_that_do_not_hold_are_an_alarm_until_they_do(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(database)
    await world.plan(plan_file())
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    await world.pay(who, 200_000, JAN)
    keeping = Bookkeeping(Settings(data_dir=tmp_path), database, SystemClock())
    assert (keeping.notices, list(keeping.families())) == ([], [])
    assert list(keeping.loops()) == ["ledger check"]

    def failed() -> float:
        return {name: values for name, _, _, values in keeping.families()}["netbilld_ledger_checks_failed"][0][1]

    with caplog.at_level(logging.INFO, "netbilld.books"):
        await keeping.check()
        assert failed() == 0
        # nothing was billed since January: that is another alarm
        assert keeping.notices == [
            "delivered is not billed: authorised_services_are_billed: 100001 budi; see `netbilld ledger services`"
        ]
        for change, count in ((1, 1), (-1, 0)):
            async with database.write() as work:
                cash = update(accounts).where(accounts.c.code == "cash:cash")
                await work.connection.execute(cash.values(balance_minor=accounts.c.balance_minor + change))
            await keeping.check()
            assert failed() == count == len(keeping.notices) - 1
    told = [record.levelname for record in caplog.records if "books" in record.message]
    assert told == ["INFO", "ERROR", "INFO"]
    assert "balances_are_sums: cash:cash kept 200001, postings 200000" in caplog.text
