"""Cash at every moment of a random month: what lies with collectors, office, bank and gateways is what receipts say."""

import random

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.services.settle_gateways import SettleGateways
from tests.agent_town import Town
from tests.builders.services import ZONE
from tests.cash_month import GATEWAYS, Month
from tests.voucher_world import ANI, T0

pytestmark = pytest.mark.slow
DEALS, MANY_DEALS, MANY_SEEDS = 40, 300, 50


async def books_are_right(month: Month) -> None:
    async with month.town.database.read() as work:
        checks = check_books(await work.ledger.figures())
    assert [one for one in checks if not one.ok] == []
    settle = SettleGateways(month.town.database, timezone=ZONE, currency="IDR", method="transfer")
    for gateway in GATEWAYS:
        found = await settle.compare(gateway, month.now)
        assert [one for one in found if one.kind == "ledger_differs"] == []


@pytest.mark.parametrize(
    ("seed", "deals"),
    [(1, DEALS), *(pytest.param(seed, MANY_DEALS, marks=pytest.mark.soak) for seed in range(2, 2 + MANY_SEEDS))],
)
async def test_collectors_bank_gateways_and_agents_hold_what_receipts_say_at_every_moment(
    seed: int, deals: int, town: Town
) -> None:
    """BANG-2.4c: cash lies in the account of whoever took it until it is handed over, and none is nowhere."""
    month = Month(town, random.Random(seed))
    await month.begin()
    for number in range(deals):
        await month.deal()
        assert await month.sums() == (month.held_minor, month.held_minor), (number, month.counted)
        if number % 100 == 99:
            await books_are_right(month)
    await books_are_right(month)
    assert len(month.counted) > 8, month.counted  # a month in which little happens proves little


async def test_a_gateway_holds_what_an_agent_has_paid_in_by_it(town: Town) -> None:
    await town.agents.deposit("sari", 100_000, method="midtrans", actor=ANI, now=T0)
    await town.agents.pay_out("sari", 30_000, method="midtrans", actor=ANI, now=T0)
    async with town.database.read() as work:
        held = await work.settlements.held_minor("midtrans"), await work.settlements.documents_minor("midtrans")
    assert held == (70_000, 70_000)


@pytest.fixture
async def town(database: Database, box: SecretBox) -> Town:
    made = Town(database, box)
    await made.begin()
    return made
