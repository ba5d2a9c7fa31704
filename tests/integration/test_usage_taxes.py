"""Prepaid usage bears tax as it is charged: in the wallet, in the books, in reports, and in what access looks at."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.bhp import LEVY_RATES, OTHER_REVENUE
from netbilld.billing.buyer import FakturKind
from netbilld.billing.faktur import FakturForm
from netbilld.billing.standing import StandingPolicy
from netbilld.billing.tax import TaxPolicy
from netbilld.enforcement.policy import Reason, ServiceFacts, entitlement
from netbilld.model.errors import NotFoundError
from netbilld.model.periods import local_midnight
from netbilld.services.book_usage import BookUsage
from netbilld.services.charge_time import ChargeTime
from netbilld.services.charge_wallets import WalletRules
from netbilld.services.explain_charges import ExplainUsage
from netbilld.services.meter_usage import Batch
from netbilld.services.paying import PaymentTaxes
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.report_levies import ReportLevies
from netbilld.services.report_taxes import ReportTaxes
from netbilld.services.show_account import ShowAccount
from tests.builders.services import GARDEN
from tests.integration.metering_world import add_nas
from tests.integration.money_world import ACTOR, ZONE, Person, at
from tests.integration.rating_world import GB, PERIOD, POLICY, START, Shop, local, online, tariff
from tests.report_world import report

PKP = TaxPolicy(is_pkp=True)
ON_TOP = {"rate": "ppn", "inclusive": False}
WITHIN = {"rate": "ppn", "inclusive": True}
PREPAID: dict[str, Any] = {"timing": "prepaid", "charging": "per_use", "recurring": None}
MARCH = (date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
async def shop(database: Database) -> Shop:
    made = Shop(database)
    made.book = BookUsage(ZONE, made.remembered, wallets=WalletRules(PKP))
    taxes = PaymentTaxes(PKP, Fraction(2, 100))
    made.world.payments = ReceivePayment(database, timezone=ZONE, taxes=taxes)
    return made


async def balance(shop: Shop, account: str) -> int:
    async with shop.database.read() as work:
        try:
            return (await work.ledger.statement(account)).balance_minor
        except NotFoundError:  # nothing was ever posted to it
            return 0


async def facts(shop: Shop, who: Person, now: datetime) -> ServiceFacts:
    policy = StandingPolicy(POLICY.grace_days, POLICY.isolir_at, POLICY.tolerance_minor, ZONE, taxes=PKP)
    async with shop.database.read() as work:
        return (await work.enforcement.facts([who.service_id], policy, now))[0]


@pytest.mark.parametrize(
    ("tax", "wallet", "net", "ppn"), [(ON_TOP, 8_900, 10_000, 1_100), (WITHIN, 10_000, 9_009, 991)]
)
async def test_what_is_used_bit_by_bit_bears_the_ppn_of_the_whole(
    shop: Shop, tax: dict[str, Any], wallet: int, net: int, ppn: int
) -> None:
    """INCA-24, BANG-2.3a."""
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 2_000)), tax=tax)
    budi = await shop.person("budi", "PAKAI")
    await shop.world.pay(budi, 20_000, START)
    for hour in range(10):
        await shop.use(budi, local(2, hour + 1), GB // 2)
    assert await shop.wallet(budi) == wallet
    assert (await balance(shop, "revenue:usage"), await balance(shop, "tax:ppn")) == (net, ppn)
    assert await shop.charged(budi) == (await shop.rated(budi)).amount_minor == 10_000  # at prices as written
    explained = await ExplainUsage(shop.database).run("budi", date(2026, 3, 2), with_slices=False)
    assert explained["equal"]
    await shop.world.assert_books_hold()
    found = await report(shop.database, "tax", *MARCH)  # its sums are the ledger's
    assert [(row["tax_code"], row["net"], row["tax"]) for row in found["rows"]] == [("ppn", net, ppn)]
    [row] = (await report(shop.database, "tax", *MARCH, "document"))["rows"]
    assert (row["kind"], row["subscriber_no"], row["net"], row["tax"]) == ("wallet", budi.number, net, ppn)


async def test_a_charge_that_is_all_tax_is_in_the_report_too(shop: Shop) -> None:
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 2_000)), tax=WITHIN)
    budi = await shop.person("budi", "PAKAI")
    await shop.world.pay(budi, 20_000, START)
    for hour in range(20):
        await shop.use(budi, local(2, hour + 1), 500_000)  # a rupiah each
    assert (await balance(shop, "revenue:usage"), await balance(shop, "tax:ppn")) == (18, 2)
    for by in ("code", "document", "month"):
        [row] = (await report(shop.database, "tax", *MARCH, by))["rows"]
        assert (row["net"], row["tax"]) == (18, 2)
    await shop.world.assert_books_hold()


async def test_nothing_used_by_the_exempt_is_taxed(shop: Shop) -> None:
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 2_000)), tax=ON_TOP)
    budi = await shop.person("budi", "PAKAI")
    async with shop.database.write() as work:
        await work.buyers.save(budi.subscriber_id, {"exempt": True}, at(START))
    await shop.world.pay(budi, 20_000, START)
    await shop.use(budi, local(2, 9), 5 * GB)
    assert (await shop.wallet(budi), await balance(shop, "tax:ppn")) == (10_000, 0)
    await shop.world.assert_books_hold()


async def test_a_change_of_plan_taxes_what_is_used_after_it_by_the_new_plan(shop: Shop) -> None:
    await shop.plan("BEBAS", **PREPAID, usage=tariff((None, 1_000)))
    await shop.plan("KENA", **PREPAID, usage=tariff((None, 1_000)), tax=ON_TOP)
    budi = await shop.person("budi", "BEBAS")
    await shop.world.pay(budi, 20_000, START)
    await shop.use(budi, local(2, 9), 5 * GB)
    await shop.move_to(budi, "KENA", date(2026, 3, 10))
    async with shop.database.write() as work:
        version = await work.plans.by_code("KENA")
        assert version is not None
        await work.services.update(budi.service_id, {"plan_version_id": version.id})
    shop.remembered.forget([budi.service_id])
    await shop.use(budi, local(11, 9), 3 * GB)
    assert (await shop.wallet(budi), await balance(shop, "tax:ppn")) == (20_000 - 8_330, 330)
    await shop.world.assert_books_hold()


async def test_time_online_bears_ppn_too(shop: Shop) -> None:
    await add_nas(shop.database)
    hourly = {"timing": "prepaid", "charging": "time", "recurring": None, "usage": tariff((None, 2_000), per=3_600)}
    await shop.plan("JAM", **hourly, tax=ON_TOP)
    budi = await shop.person("budi", "JAM")
    await shop.world.pay(budi, 10_000, START)

    async def follow(batch: Batch) -> None:
        assert batch.wallets[budi.service_id] == 10_000 - 4_440

    begin = local_midnight(date(2026, 3, 2), ZONE) + timedelta(hours=8)
    await online(shop, budi, 1, begin, begin + timedelta(hours=2), is_open=True)
    await ChargeTime(shop.database, follow, ZONE, wallets=WalletRules(PKP)).run(begin + timedelta(hours=2, minutes=1))
    assert (await shop.wallet(budi), await balance(shop, "tax:ppn")) == (5_560, 440)
    await shop.world.assert_books_hold()


async def test_access_and_the_portal_reckon_with_the_tax_that_comes_on_top(shop: Shop) -> None:
    await shop.plan("PRA", timing="prepaid", tax=ON_TOP)  # Rp200.000 a month
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 2_000)), tax=ON_TOP)
    siti = await shop.person("siti", "PRA", paid_until_on=date(2026, 3, 31))
    await shop.world.pay(siti, 221_999, START)
    just_over = PERIOD.end_at + timedelta(seconds=5)  # the wallet has a moment to renew, where it covers the price
    due = entitlement(await facts(shop, siti, just_over), GARDEN, just_over)
    assert due.reason is Reason.EXPIRED
    shown = await ShowAccount(shop.database, PKP).balance(siti.service_id, None, just_over)
    assert shown is not None
    assert shown.renewal_shortfall_minor == 1
    assert not await RenewPrepaid(shop.database, tax=PKP).run(now=just_over, actor=ACTOR)
    async with shop.database.write() as work:
        await work.buyers.save(siti.subscriber_id, {"exempt": True}, at(START))
    assert entitlement(await facts(shop, siti, just_over), GARDEN, just_over).reason is Reason.OK
    budi = await shop.person("budi", "PAKAI")
    await shop.world.pay(budi, 2_220, START)
    shown = await ShowAccount(shop.database, PKP).balance(budi.service_id, None, local(2, 9))
    assert shown is not None
    assert shown.wallet_octets == GB
    await shop.use(budi, local(2, 9), GB)
    assert await shop.wallet(budi) == 0
    now = local(2, 9)
    assert entitlement(await facts(shop, budi, now), GARDEN, now).reason is Reason.NO_CREDIT


async def test_what_wallets_pay_is_told_to_the_tax_office_and_counts_for_bhp_and_uso(
    shop: Shop, box: SecretBox
) -> None:
    await shop.plan("PAKAI", **PREPAID, usage=tariff((None, 2_000)), tax=WITHIN)
    await shop.plan("PRA", timing="prepaid", tax=ON_TOP)
    budi, siti = await shop.person("budi", "PAKAI"), await shop.person("siti", "PRA")
    await shop.world.pay(budi, 20_000, START)
    await shop.use(budi, local(2, 9), 5 * GB)
    await shop.world.pay(siti, 222_000, START)
    month = await ReportTaxes(shop.database, box, PKP, FakturForm(), FakturKind.FULL).month(START)
    assert (month.wallets.tax_base_minor, month.wallets.vat_minor) == (209_009, 22_991)
    assert month.fakturs == []
    assert await balance(shop, "tax:ppn") == 22_991
    levies = ReportLevies(shop.database, LEVY_RATES, OTHER_REVENUE)
    assert (await levies.year(2026)).months[START].invoiced_minor == 209_009
    assert sum(line["net"] for line in await levies.lines(START)) == 209_009
    found = await report(shop.database, "tax", *MARCH, "month")
    assert [(row["net"], row["tax"]) for row in found["rows"]] == [(209_009, 22_991)]


async def test_what_of_a_bought_period_is_no_telecom_service_counts_for_the_tax_and_not_for_bhp_and_uso(
    shop: Shop,
) -> None:
    television, address = (
        {"code": code, "name": code, "price_minor": 50_000, "revenue": "extra", "telecom_revenue": is_telecom}
        for code, is_telecom in (("tv", False), ("ip", True))
    )
    await shop.plan("PAKET", timing="prepaid", tax=ON_TOP, components=[television, address])
    siti = await shop.person("siti", "PAKET")
    paid = await shop.world.pay(siti, 333_000, START)
    assert (len(paid.renewed_until), await shop.wallet(siti)) == (1, 0)
    levies = ReportLevies(shop.database, LEVY_RATES, OTHER_REVENUE)
    month = (await levies.year(2026)).months[START]
    assert (month.invoiced_minor, month.other_minor) == (250_000, 50_000)
    lines = [(line["product"], line["telecom"], line["net"]) for line in await levies.lines(START)]
    assert lines == [("extra", True, 50_000), ("extra", False, 50_000), ("recurring", True, 200_000)]
    found = await report(shop.database, "tax", *MARCH, "month")
    assert [(row["net"], row["tax"]) for row in found["rows"]] == [(300_000, 33_000)]
    await shop.world.assert_books_hold()
