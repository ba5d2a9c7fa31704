"""What a sale of vouchers leaves in the books, and whose name no code may be."""

import random
from datetime import UTC, datetime

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import InvalidInputError
from netbilld.model.voucher import CodeKind, make_codes
from netbilld.services.make_vouchers import MakeVouchers, NewBatch
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.sell_vouchers import SellVouchers
from tests.builders.services import ZONE
from tests.voucher_world import ANI, HOTSPOT_DAY, T0, Kiosk

pytestmark = pytest.mark.slow


@pytest.fixture
def kiosk(database: Database, box: SecretBox) -> Kiosk:
    return Kiosk(database, box)


async def test_of_what_is_printed_on_a_voucher_the_tax_is_a_part(kiosk: Kiosk) -> None:
    await kiosk.open(HOTSPOT_DAY + '[tax]\nrate = "ppn"\ninclusive = true\n')
    batch = await kiosk.batch(4, price_minor=5_550)
    selling = SellVouchers(kiosk.database, kiosk.box, timezone=ZONE, tax=TaxPolicy(is_pkp=True))
    sold = await selling.run(batch.number, 2, actor=ANI, now=T0)
    assert sold.sale.paid_minor == 11_100
    async with kiosk.database.read() as work:
        codes = ("cash:cash", "revenue:voucher", "tax:ppn")
        held = [(await work.ledger.statement(code)).balance_minor for code in codes]
        assert held == [11_100, 10_000, 1_100]
        assert all(check.ok for check in check_books(await work.ledger.figures()))


async def test_a_receipts_year_and_day_are_the_providers(kiosk: Kiosk) -> None:
    await kiosk.open()
    batch = await kiosk.batch(3)
    new_year = datetime(2026, 12, 31, 17, 30, tzinfo=UTC)  # half past midnight in Jakarta
    sold = await kiosk.sell.run(batch.number, 1, actor=ANI, now=new_year)
    assert sold.sale.receipt_no == "VC-2027-000001"
    async with kiosk.database.read() as work:
        statement = await work.ledger.statement("revenue:voucher")
    assert [line.booked_on.isoformat() for line in statement.lines] == ["2027-01-01"]


async def test_nobody_but_an_agent_sells_out_of_a_deposit_and_no_price_is_below_nothing(kiosk: Kiosk) -> None:
    await kiosk.open()
    batch = await kiosk.batch(3)
    with pytest.raises(InvalidInputError, match="agent"):
        await kiosk.sell.run(batch.number, 1, actor=ANI, now=T0, method="agent")
    with pytest.raises(InvalidInputError) as refused:
        await kiosk.batch(1, agent_price_minor=-1)
    assert refused.value.code == "bad_agent_price"


async def test_no_code_is_made_that_somebody_logs_in_with(kiosk: Kiosk) -> None:
    await kiosk.open()
    coming = make_codes(CodeKind.MIXED, CodeKind.MIXED.usual_length, "", 3, random.Random(5).randbytes)
    manage = ManageSubscribers(kiosk.database, kiosk.box, Defaults("IDR", ZONE))
    await manage.add(NewService(coming[1].lower(), "HARIAN", "rahasia123"), ANI, T0)
    make = MakeVouchers(kiosk.database, kiosk.box, timezone=ZONE, currency="IDR", entropy=random.Random(5).randbytes)
    made = [one.code for one in await kiosk.codes(await make.run(NewBatch("HARIAN", 3), actor=ANI, now=T0))]
    assert (made[0], made[2]) == (coming[0], coming[2])
    assert made[1] not in coming
