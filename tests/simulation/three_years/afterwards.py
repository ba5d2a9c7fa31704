"""What has to agree with the books when three years are over: the subscribers' own page, and the what-if."""

from datetime import date, timedelta

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import services
from netbilld.model.periods import local_midnight
from netbilld.services.show_account import ShowAccount
from netbilld.services.simulate_plan import SimulatePlan
from tests.integration.money_world import ZONE, at
from tests.report_world import billed_by_documents
from tests.simulation.three_years import story

TRIED = (date(2024, 2, 1), date(2025, 2, 1), date(2025, 10, 1), date(2025, 11, 1))


async def assert_pages_agree(database: Database) -> None:
    """MDI-13: what a subscriber's own page says is what the ledger says, for every one."""
    async with database.read() as work:
        rows = (await work.connection.execute(select(services.c.id, services.c.subscriber_id))).all()
    assert len(rows) == len(story.PEOPLE)
    for row in rows:
        shown = await ShowAccount(database).balance(row.id, None, at(story.LAST, 22))
        async with database.read() as work:
            balance = await work.ledger.balance(row.subscriber_id)
        assert shown is not None
        assert (shown.outstanding_minor, shown.wallet_minor) == (balance.outstanding_minor, balance.wallet_minor)


async def assert_what_if_agrees(database: Database) -> None:
    """By its own plans, a month costs each service what its documents say."""
    for from_on in TRIED:
        to_on = (from_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        documents = await billed_by_documents(database, from_on, to_on)
        async with database.read() as work:
            named = await work.simulations.named(local_midnight(from_on, ZONE), to_on, None)
        simulated = SimulatePlan(database).run(named, None, from_on, to_on, now=at(story.LAST))
        found = {one.service.id: one.own.total_minor async for one in simulated}
        assert found == {key: documents.get(key, 0) for key in found}
        assert sum(found.values()) > 5_000_000
