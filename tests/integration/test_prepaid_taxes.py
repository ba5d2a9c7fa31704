"""Prepaid renewals bear tax whichever way they come about, on SQLite and PostgreSQL, and as the daemon is put together."""

import sqlite3
from contextlib import closing
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.billing.allocation import Choice
from netbilld.billing.payment import Withheld
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import NotFoundError
from netbilld.services.import_bank_statement import ImportBankStatement
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.match_bank_rows import AutoMatch, MatchBankRows
from netbilld.services.park_payments import ParkPayments
from netbilld.services.paying import PaymentTaxes
from netbilld.services.receive_payment import PaymentReceipt, ReceivePayment, WithheldPart
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.sell_top_up import SellTopUp
from netbilld.services.show_account import ShowAccount
from tests.daemon_process import DaemonProcess
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file
from tests.peers import wait_until

JAN = date(2026, 1, 1)
PKP = TaxPolicy(is_pkp=True)
TAXES = PaymentTaxes(PKP, Fraction(4, 100))
TAXED = """
[tax]
rate = "ppn"
inclusive = false
"""
TOP_UP = """
[allowance]
data = "10GB"
after = "block"
[[topup]]
code = "PLUS"
name = "Tambahan"
price = 10000
data = "1GB"
"""


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    made.payments = ReceivePayment(database, timezone=ZONE, taxes=TAXES)
    await made.plan(plan_file("PRA", 100_000, "prepaid", extra=TAXED + TOP_UP))
    return made


@pytest.fixture
async def who(world: World) -> Person:
    return await world.person("pra", "PRA", activated_on=JAN)


async def ppn(world: World) -> int:
    async with world.database.read() as work:
        try:
            return (await work.ledger.statement("tax:ppn")).balance_minor
        except NotFoundError:  # nothing was ever posted to it
            return 0


async def exempt(world: World, who: Person) -> None:
    async with world.database.write() as work:
        await work.buyers.save(who.subscriber_id, {"exempt": True}, at(JAN))


async def test_a_payment_renews_with_ppn(world: World, who: Person) -> None:
    short = await world.pay(who, 110_000, JAN)
    assert (short.renewed_until, await ppn(world)) == ([], 0)
    enough = await world.pay(who, 1_000, JAN)
    assert (enough.renewed_until, await ppn(world), enough.wallet_minor) == (["2026-01-31"], 11_000, 0)
    await world.assert_books_hold()


async def test_the_loop_renews_with_ppn(world: World, who: Person) -> None:
    await world.pay(who, 222_000, JAN)
    [renewed] = await RenewPrepaid(world.database, tax=PKP).run(now=at(date(2026, 2, 1)), actor=ACTOR)
    assert (renewed.price_minor, await ppn(world), await world.balance(who)) == (111_000, 22_000, (0, 0))
    await world.assert_books_hold()


async def test_what_the_portal_asks_for_is_what_renews(world: World) -> None:
    """With the add-on that was taken since, and without the discount that was of the first period."""
    promo = """
[[discount]]
name = "Promo"
percent = 10
periods = 1
[[addon]]
code = "IP"
name = "IP tetap"
price = 20000
"""
    await world.plan(plan_file("PROMO", 100_000, "prepaid", extra=TAXED + promo))
    who = await world.person("promo", "PROMO", activated_on=JAN)
    assert (await world.pay(who, 99_900, JAN)).renewed_until == ["2026-01-31"]
    wanted = TermsWanted(add_ons=("IP",), starts="2026-02-01")
    await ManageTerms(world.database).set("promo", wanted, ACTOR, at(date(2026, 1, 20)))
    late = date(2026, 2, 3)
    await world.pay(who, 1_000, late)
    shown = await ShowAccount(world.database, PKP).balance(who.service_id, None, at(late))
    assert shown is not None
    assert (shown.renewal_minor, shown.renewal_shortfall_minor) == (133_200, 132_200)
    assert (await world.pay(who, shown.renewal_shortfall_minor - 1, late)).renewed_until == []
    assert (await world.pay(who, 1, late)).renewed_until == ["2026-02-28"]
    await world.assert_books_hold()


async def test_nothing_renewed_for_the_exempt_is_taxed(world: World, who: Person) -> None:
    await exempt(world, who)
    assert (await world.pay(who, 210_000, JAN)).wallet_minor == 110_000
    [renewed] = await RenewPrepaid(world.database, tax=PKP).run(now=at(date(2026, 2, 1)), actor=ACTOR)
    sale = await SellTopUp(world.database, PKP).run("pra", "PLUS", ACTOR, at(date(2026, 2, 1)))
    assert (renewed.price_minor, sale.price_minor, await ppn(world)) == (100_000, 10_000, 0)
    assert await world.balance(who) == (0, 0)
    await world.assert_books_hold()


async def test_parked_money_a_moved_payment_and_a_row_of_the_bank_renew_with_ppn(world: World) -> None:
    others = [await world.person(f"pra{number}", "PRA", activated_on=JAN) for number in range(3)]
    database, now = world.database, at(JAN, 12)
    parking = ParkPayments(database, timezone=ZONE, currency="IDR", taxes=TAXES)
    parked = await parking.park(
        111_000, method="transfer", reference="X1", received_on=JAN, text="siapa?", actor=ACTOR, now=now
    )
    released = await parking.release(str(parked.id), "pra0", actor=ACTOR, now=now)
    assert (released.renewed_until, await ppn(world)) == (["2026-01-31"], 11_000)
    reversing = ReversePayment(database, timezone=ZONE, taxes=TAXES)
    wrong = await world.person("salah", "PRA", activated_on=JAN, paid_until_on=date(2026, 12, 31))
    paid = await world.pay(wrong, 111_000, JAN)
    moved = await reversing.move(paid.payment_id, "pra1", because="salah orang", actor=ACTOR, now=now)
    assert moved.moved_to is not None
    assert (moved.moved_to.renewed_until, await ppn(world)) == (["2026-01-31"], 22_000)
    importing = ImportBankStatement(database, database, timezone=ZONE, currency="IDR", auto=AutoMatch.SURE, taxes=TAXES)
    rows = ["date,description,amount\n", "2026-01-01,siapa,111000\n"]
    await importing.run(rows, "generic", file_name="a.csv", reject=print, actor=ACTOR, now=now)
    async with database.read() as work:
        [row] = await work.bank.listed(None)
    matching = MatchBankRows(database, timezone=ZONE, taxes=TAXES)
    matched = await matching.match(row.id, to="pra2", actor=ACTOR, now=now)
    assert matched.receipt is not None
    assert (matched.receipt.renewed_until, await ppn(world)) == (["2026-01-31"], 33_000)
    assert [await world.balance(one) for one in others] == [(0, 0)] * 3
    await world.assert_books_hold()


async def test_pph23_without_an_amount_is_what_the_setting_says(world: World) -> None:
    await world.plan(plan_file())
    company = await world.person("pt", activated_on=JAN)
    async with world.database.write() as work:
        await work.buyers.save(company.subscriber_id, {"withholds_pph23": True}, at(JAN))
    await world.bill(JAN)
    receipt = await world.payments.run(
        "pt",
        192_000,
        method="transfer",
        reference="T1",
        received_on=JAN,
        actor=ACTOR,
        now=at(JAN),
        chosen=[Choice("INV-202601-000001")],
        withheld=[WithheldPart(Withheld.PPH23, "BP-1")],
    )
    assert isinstance(receipt, PaymentReceipt)
    assert (receipt.withheld, receipt.outstanding_minor) == ([["pph23", "BP-1", 8_000]], 0)
    await world.assert_books_hold()


@pytest.mark.slow
def test_the_command_and_the_daemon_go_by_the_settings(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, NETBILLD_TAX__IS_PKP="true", NETBILLD_TAX__PPH23="4") as daemon:
        daemon.init()
        daemon.plan(plan_file("PRA", 100_000, "prepaid", extra=TAXED))
        daemon.cli("subscriber", "add", "pra", "--plan", "PRA", "--password", "x")
        assert daemon.json("payment", "add", "pra", "111000", "--method", "cash")["renewed_until"]
        assert daemon.json("ledger", "statement", "tax:ppn")["balance"] == 11_000
        daemon.cli("payment", "add", "pra", "111000", "--method", "cash")
        with closing(sqlite3.connect(daemon.data_dir / "netbilld.db")) as database:  # as if it had run out
            database.execute("UPDATE services SET paid_until_on = NULL")
            database.execute("DELETE FROM billed_fees")
            database.commit()
        daemon.start()
        wait_until(lambda: daemon.json("ledger", "statement", "tax:ppn")["balance"] == 22_000, "it renews with PPN")
