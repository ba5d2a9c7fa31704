"""The price of a voucher that was taken back goes back once, to whoever it was paid by, tax and commission alike."""

import asyncio
from typing import Final

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.refund_vouchers import RefundVouchers
from netbilld.services.sell_vouchers import SellVouchers
from tests.agent_town import Town
from tests.builders.services import ZONE
from tests.voucher_world import ANI, HOTSPOT_DAY, T0

pytestmark = pytest.mark.slow
TAXED: Final = HOTSPOT_DAY.replace("HARIAN", "KENAPAJAK") + '[tax]\nrate = "ppn"\ninclusive = true\n'


class Counter(Town):
    """A town whose kiosk gives back."""

    def __init__(self, database: Database, box: SecretBox, tax: TaxPolicy) -> None:
        super().__init__(database, box)
        self.sell = SellVouchers(database, box, timezone=ZONE, tax=tax)
        self.refund = RefundVouchers(database, box, timezone=ZONE, gateways=("midtrans",), tax=tax)

    async def void(self, code: str) -> str:
        await self.keep.revoke(code, "salah beli", actor=ANI, now=self.clock.at)
        return code

    async def give_back(self, code: str) -> int:
        done = await self.refund.run(code, "salah beli", actor=ANI, now=self.clock.at)
        return done.amount_minor

    async def refused(self, code: str) -> str:
        with pytest.raises(RefusedError) as refused:
            await self.give_back(code)
        return refused.value.code

    async def held(self, *accounts: str) -> list[int]:
        async with self.database.read() as work:
            figures = await work.ledger.figures()
            assert all(check.ok for check in check_books(figures)), check_books(figures)
            return [(await work.ledger.statement(one)).balance_minor for one in accounts]


@pytest.fixture
async def counter(database: Database, box: SecretBox) -> Counter:
    made = Counter(database, box, TaxPolicy(is_pkp=True))
    await made.begin()
    await made.open(TAXED)
    return made


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_cash_goes_back_once_and_only_of_what_was_sold_and_taken_back(counter: Counter) -> None:
    batch = await counter.batch(4)
    sold = await counter.sell.run(batch.number, 2, actor=ANI, now=T0)
    first = sold.vouchers[0].code
    unsold = next(one for one in await counter.codes(batch) if one.voucher.sale_id is None)
    assert await counter.refused(first) == "voucher_not_void"
    assert await counter.refused(await counter.void(unsold.code)) == "voucher_unsold"
    assert await counter.give_back(await counter.void(first)) == 5_000
    assert await counter.refused(first) == "voucher_refunded"
    assert await counter.held("cash:cash", "revenue:voucher") == [5_000, 5_000]
    with pytest.raises(NotFoundError):
        await counter.give_back("TIDAKADA")
    with pytest.raises(InvalidInputError):
        await counter.refund.run(first, " ", actor=ANI, now=T0)


async def test_of_two_who_give_the_same_back_at_once_one_does(counter: Counter) -> None:
    sold = await counter.sell.run((await counter.batch(1)).number, 1, actor=ANI, now=T0)
    code = await counter.void(sold.vouchers[0].code)
    done = await asyncio.gather(*(counter.give_back(code) for _ in range(3)), return_exceptions=True)
    assert [one for one in done if not isinstance(one, RefusedError)] == [5_000]
    assert await counter.held("cash:cash") == [0]


async def test_all_refunds_of_a_sale_take_its_tax_back_to_the_last_rupiah(counter: Counter) -> None:
    batch = await counter.batch(3, "KENAPAJAK", price_minor=3_333)
    sold = await counter.sell.run(batch.number, 3, actor=ANI, now=T0)
    (tax_minor,) = await counter.held("tax:ppn")
    assert tax_minor
    for one in sold.vouchers:
        await counter.give_back(await counter.void(one.code))
    assert await counter.held("tax:ppn", "revenue:voucher", "cash:cash") == [0, 0, 0]


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_what_an_agent_sold_goes_back_to_their_deposit_less_the_commission(counter: Counter) -> None:
    await counter.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    batch = await counter.batch(3, is_only_sold=True, agent_price_minor=4_000)
    sold = await counter.selling.sell_vouchers("sari", batch.number, 2, actor=ANI, now=T0, key="one")
    assert await counter.give_back(await counter.void(sold.vouchers[0].code)) == 5_000
    assert await counter.held("agent:sari", "expense:commission", "revenue:voucher") == [46_000, 1_000, 5_000]
