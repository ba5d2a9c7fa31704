"""What stands on bills: bundles and tax, usage and what came late, final bills, companies, and what a person looks at."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.invoices import InvoiceDocument
from netbilld.adapters.database.tables import accounts, invoices, service_stops, services, top_ups, usage_periods
from netbilld.billing.chart import WRITTEN_OFF
from netbilld.billing.invoice import DocumentKind
from netbilld.billing.numbering import DEFAULT
from netbilld.billing.tax import TaxPolicy
from netbilld.billing.terms import Terms
from netbilld.model.errors import RefusedError
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from netbilld.services.run_billing import BillingReport, RunBilling
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, hybrid_file, plan_file

JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
GB = 10**9
HYBRID = hybrid_file("100GB", '{ up_to = "50GB", price_per_gb = 2000 }, { price_per_gb = 1000 }')
BUNDLE = """
[fees]
installation = 250000
deposit = 100000
[[component]]
code = "tv"
name = "TV 60 kanal"
price = 50000
revenue = "tv"
[tax]
rate = "ppn"
inclusive = false
"""


class NoBox:
    def seal(self, clear: bytes, place: str) -> bytes:
        raise AssertionError((clear, place))


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


async def documents(world: World, who: Person) -> list[InvoiceDocument]:
    async with world.database.read() as work:
        query = select(invoices.c.number).where(invoices.c.subscriber_id == who.subscriber_id)
        numbers = (await work.connection.execute(query.order_by(invoices.c.issued_on, invoices.c.number))).scalars()
        found = [await work.invoices.by_number(number) for number in numbers]
    return [one for one in found if one is not None]


async def lines(world: World, who: Person) -> list[tuple[str, int]]:
    """Return the lines of the newest document."""
    newest = (await documents(world, who))[-1].invoice
    return [(line.kind.value, line.amount_minor) for line in newest.lines]


async def end(world: World, who: Person, on: date) -> None:
    async with world.database.write() as work:
        ended = {"status": "ended", "status_since_at": at(on, 15), "ended_at": at(on, 15)}
        await work.services.update(who.service_id, ended)


async def metered(world: World, who: Person, start_on: date, end_on: date, octets: int) -> None:
    async with world.database.write() as work:
        row = usage_periods.c
        where = (row.service_id == who.service_id) & (row.start_on == start_on)
        done = await work.connection.execute(update(usage_periods).where(where).values(download_octets=octets))
        if not done.rowcount:
            await work.connection.execute(
                insert(usage_periods).values(
                    service_id=who.service_id, start_on=start_on, end_on=end_on, upload_octets=0,
                    download_octets=octets, charged_minor=0,
                )
            )  # fmt: skip


async def paused(world: World, who: Person, from_on: date, until_on: date | None) -> None:
    async with world.database.write() as work:
        await work.connection.execute(
            insert(service_stops).values(
                service_id=who.service_id, kind="paused", from_on=from_on, until_on=until_on, actor="ani",
                created_at=at(from_on),
            )
        )  # fmt: skip


def taxing(world: World) -> RunBilling:
    return RunBilling(world.database, due_days=10, timezone=ZONE, tax=TaxPolicy(is_pkp=True))


async def run(billing: RunBilling, on: date) -> BillingReport:
    return await billing.run(as_of=on, now=at(on, 1), actor=ACTOR)


async def test_a_bundle_with_ppn_is_billed_line_by_line_and_the_books_know_each_part(world: World) -> None:
    """INCA-43; PPN of each line by the rule of the day."""
    await world.plan(plan_file("TVNET", 199_000, extra=BUNDLE))
    who = await world.person("siti", "TVNET", activated_on=JAN)
    [billed] = (await run(taxing(world), JAN)).invoices
    [document] = await documents(world, who)
    assert [(line.kind.value, line.amount_minor, line.tax_minor) for line in document.invoice.lines] == [
        ("recurring", 199_000, 21_890),
        ("component", 50_000, 5_500),
        ("installation", 250_000, 27_500),
        ("deposit", 100_000, 0),
    ]
    assert (billed.tax_minor, billed.total_minor) == (54_890, 653_890)
    async with world.database.read() as work:
        held = {code: (await work.ledger.statement(code)).balance_minor for code in ("revenue:tv", "tax:ppn")}
    assert held == {"revenue:tv": 50_000, "tax:ppn": 54_890}
    [second] = (await run(taxing(world), FEB)).invoices
    assert second.total_minor == 249_000 + 27_390  # installation and deposit are billed once
    await world.assert_books_hold()


async def test_usage_is_billed_after_its_period_tier_by_tier_and_what_came_late_on_the_next_one(world: World) -> None:
    """BANG-2.3c, INCA-19; an issued invoice is never rated again."""
    await world.plan(HYBRID)
    who = await world.person("hemat", "HYBRID", activated_on=JAN)
    await world.bill(JAN)
    assert await lines(world, who) == [("recurring", 100_000)]
    await metered(world, who, JAN, FEB, 170 * GB)
    await world.bill(FEB)
    assert await lines(world, who) == [("recurring", 100_000), ("usage", 100_000), ("usage", 20_000)]
    await metered(world, who, JAN, FEB, 175 * GB)
    assert (await world.bill(date(2026, 2, 15))).invoices == []
    await world.bill(MAR)
    assert await lines(world, who) == [("recurring", 100_000), ("late_usage", 5_000)]
    await world.bill(date(2026, 4, 1))
    assert await lines(world, who) == [("recurring", 100_000)]
    await world.assert_books_hold()


async def test_a_pause_comes_back_on_the_next_invoice_and_whoever_is_away_longer_is_not_billed(world: World) -> None:
    who = await world.person("cuti", activated_on=JAN)
    await world.bill(JAN)
    await paused(world, who, date(2026, 1, 22), None)
    assert (await world.bill(date(2026, 1, 25))).invoices == []
    [note] = (await world.bill(FEB)).invoices
    assert (note.kind, note.number, note.total_minor) == (DocumentKind.CREDIT_NOTE, "CN-202602-000001", 64_516)
    assert await world.balance(who) == (0, 200_000 - 64_516)  # it settles what was owed
    async with world.database.write() as work:
        await work.connection.execute(update(service_stops).values(until_on=date(2026, 2, 15)))
    [back] = (await world.bill(date(2026, 2, 15))).invoices
    assert back.total_minor == 100_000
    await world.assert_books_hold()


async def test_the_final_bill_gives_unused_days_back_sets_the_deposit_off_and_comes_once(world: World) -> None:
    await world.plan(plan_file("TVNET", 310_000, extra=BUNDLE))
    who = await world.person("pergi", "TVNET", activated_on=JAN)
    [first] = (await world.bill(JAN)).invoices
    await world.pay(who, first.total_minor, JAN)
    await end(world, who, date(2026, 1, 10))
    [final] = (await world.bill(date(2026, 1, 11))).invoices
    assert (final.is_final, final.kind) == (True, DocumentKind.CREDIT_NOTE)
    assert final.total_minor == 210_000 + (50_000 - 16_129)
    assert await world.balance(who) == (final.total_minor + 100_000, 0)  # with the deposit: to be refunded
    for day in (date(2026, 1, 11), FEB, MAR):
        assert (await world.bill(day)).invoices == []
    await world.assert_books_hold()


async def test_a_final_bill_with_usage_takes_what_the_deposit_gives(world: World) -> None:
    await world.plan(HYBRID.replace("[speed]", "[fees]\ndeposit = 300000\n[speed]"))
    who = await world.person("pergi", "HYBRID", activated_on=JAN)
    await world.bill(JAN)
    await metered(world, who, JAN, FEB, 130 * GB)
    await end(world, who, date(2026, 1, 31))
    [final] = (await world.bill(FEB)).invoices
    assert (final.total_minor, final.from_wallet_minor) == (60_000, 60_000)
    assert await world.balance(who) == (0, 400_000 - 240_000)
    await world.assert_books_hold()


async def test_a_deposit_settles_what_is_owed_where_there_is_nothing_to_stand_on_the_final_bill(world: World) -> None:
    await world.plan(plan_file("JAMIN", 200_000, extra="[fees]\ndeposit = 100000\n"))
    who = await world.person("pergi", "JAMIN", activated_on=JAN)
    await world.bill(JAN)
    await end(world, who, date(2026, 1, 31))
    assert (await world.bill(FEB)).invoices == []
    assert await world.balance(who) == (0, 200_000)
    await world.assert_books_hold()


async def test_what_is_billed_once_waits_for_the_first_day_of_a_service_that_is_to_come(world: World) -> None:
    await world.plan(plan_file("TVNET", 280_000, extra=BUNDLE))
    who = await world.person("rumah", activated_on=JAN)
    await world.bill(JAN)
    await world.person("toko", "TVNET", activated_on=date(2026, 2, 10), billing_day=1, of=who)
    await world.bill(FEB)
    assert await lines(world, who) == [("recurring", 200_000)]
    await world.bill(date(2026, 2, 10))
    assert [kind for kind, _ in await lines(world, who)] == ["prorata", "component", "installation", "deposit"]
    await world.assert_books_hold()


async def test_a_service_that_ended_before_its_first_bill_is_asked_for_no_deposit(world: World) -> None:
    await world.plan(plan_file("TVNET", 310_000, extra=BUNDLE))
    who = await world.person("sebentar", "TVNET", activated_on=JAN)
    await end(world, who, date(2026, 1, 10))
    [final] = (await world.bill(date(2026, 1, 11))).invoices
    assert final.is_final
    assert [kind for kind, _ in await lines(world, who)] == ["prorata", "component", "installation"]
    assert await world.balance(who) == (0, final.total_minor)
    assert (await world.bill(FEB)).invoices == []
    await world.assert_books_hold()


async def test_a_deposit_that_was_credited_is_not_returned_again(world: World) -> None:
    await world.plan(plan_file("JAMIN", 200_000, extra="[fees]\ndeposit = 100000\n"))
    who, other = [await world.person(name, "JAMIN", activated_on=JAN) for name in ("salah", "benar")]
    await world.bill(JAN)
    [first] = await documents(world, who)
    correct = CorrectInvoice(world.database, numbering=DEFAULT, timezone=ZONE)
    await correct.credit(first.invoice.number or "", [], why="salah pasang", actor=ACTOR, now=at(date(2026, 1, 5)))
    for one in (who, other):
        await end(world, one, date(2026, 1, 31))
    await world.bill(FEB)
    assert await world.balance(who) == (0, 0)
    assert await world.balance(other) == (0, 200_000)
    await world.assert_books_hold()


async def test_a_deposit_makes_good_what_was_written_off_before_it_is_credit(world: World) -> None:
    await world.plan(plan_file("JAMIN", 200_000, extra="[fees]\ndeposit = 100000\n"))
    never_paid, paid_a_part = [await world.person(name, "JAMIN", activated_on=JAN) for name in ("lari", "lupa")]
    await world.bill(JAN)
    await world.pay(paid_a_part, 270_000, JAN)
    correct = CorrectInvoice(world.database, numbering=DEFAULT, timezone=ZONE)
    for one in (never_paid, paid_a_part):
        [first] = await documents(world, one)
        await correct.write_off(first.invoice.number or "", None, why="hilang", actor=ACTOR, now=at(date(2026, 1, 5)))
        await end(world, one, date(2026, 1, 31))
    await world.bill(FEB)
    assert await world.balance(never_paid) == (0, 0)  # 300,000 was lost, of which the deposit is 100,000
    assert await world.balance(paid_a_part) == (70_000, 0)
    await world.assert_books_hold()
    async with world.database.read() as work:
        query = select(accounts.c.balance_minor).where(accounts.c.code == WRITTEN_OFF.code)
        assert await work.connection.scalar(query) == 200_000


async def test_a_plan_change_is_billed_with_two_lines_the_next_night(world: World) -> None:
    await world.plan(plan_file("HOME50", 310_000))
    who = await world.person("naik", activated_on=JAN)
    await world.bill(JAN)
    async with world.database.write() as work:
        version = await work.plans.by_code("HOME50")
        assert version is not None
        day = date(2026, 1, 22)
        await work.terms.replace_from(who.service_id, day, [Terms(day, version.id)], at=at(day), applied=[day])
    [billed] = (await world.bill(date(2026, 1, 23))).invoices
    assert await lines(world, who) == [("adjustment", -64_516), ("prorata", 100_000)]
    assert billed.total_minor == 35_484
    assert (await world.bill(date(2026, 1, 24))).invoices == []
    await world.bill(FEB)
    assert await lines(world, who) == [("recurring", 310_000)]
    await world.assert_books_hold()


async def test_a_company_gets_one_invoice_grouped_by_site_with_its_tax_id_and_order_number(world: World) -> None:
    """ICON-12: three services at two sites."""
    head = await world.person("kantor", activated_on=JAN)
    people = [head, await world.person("gudang", activated_on=JAN, of=head)]
    people.append(await world.person("kantor-2", activated_on=JAN, of=head))
    async with world.database.write() as work:
        company = {"kind": "company", "name": "PT Contoh", "tax_id": "0012345678901000", "po_number": "PO-77"}
        await work.buyers.save(head.subscriber_id, company, at(JAN))
    manage = ManageSubscribers(world.database, NoBox(), Defaults("IDR", ZONE))
    for one, site in zip(people, ("Kantor pusat", "Gudang", "Kantor pusat"), strict=True):
        assert await manage.set(one.username, SubscriberChanges(site=site), ACTOR, at(JAN)) == ["site"]
    [billed] = (await world.bill(JAN)).invoices
    [document] = await documents(world, head)
    assert [line.site for line in document.invoice.lines] == ["Gudang", "Kantor pusat", "Kantor pusat"]
    assert document.invoice.lines[0].service_id == people[1].service_id
    buyer = document.invoice.buyer
    assert (buyer["name"], buyer["tax_id"], buyer["po_number"]) == ("PT Contoh", "0012345678901000", "PO-77")
    assert billed.total_minor == 600_000


async def test_a_top_up_sold_onto_the_invoice_stands_on_the_next_one_once(world: World) -> None:
    who = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    async with world.database.write() as work:
        await work.connection.execute(
            insert(top_ups).values(
                id=UUID(int=9), service_id=who.service_id, code="T10", name="10 GB", price_minor=25_000,
                data_octets=10 * GB, bought_on=date(2026, 1, 9), until_on=FEB, paid_from="invoice", actor="ani",
                created_at=at(date(2026, 1, 9)),
            )
        )  # fmt: skip
    assert (await world.bill(date(2026, 1, 10))).invoices == []
    await world.bill(FEB)
    assert await lines(world, who) == [("recurring", 200_000), ("top_up", 25_000)]
    await world.bill(MAR)
    assert await lines(world, who) == [("recurring", 200_000)]


async def test_an_absurd_bill_waits_for_a_person_and_is_made_once_they_let_it_through(world: World) -> None:
    await world.plan(HYBRID)
    who = await world.person("hemat", "HYBRID", activated_on=JAN)
    await world.bill(JAN)
    await metered(world, who, JAN, FEB, 2_000 * GB)
    report = await world.bill(FEB)
    assert (report.invoices, len(report.parked)) == ([], 1)
    assert "more than 10 times the usual 100000" in report.parked[0].reason
    async with world.database.write() as work:
        [parked] = await work.billing.parked()
        assert parked.subscriber_no == who.number
        assert await work.billing.allow(who.subscriber_id, at(FEB), "ani") == 2_050_000
    [billed] = (await world.bill(date(2026, 2, 2))).invoices
    assert billed.total_minor == 2_050_000
    async with world.database.read() as work:
        assert await work.billing.parked() == []
    await world.assert_books_hold()


async def test_a_clock_that_is_far_off_bills_nobody(world: World) -> None:
    await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    for day in (date(2027, 6, 1), date(2025, 12, 1)):
        with pytest.raises(RefusedError, match="the clock says"):
            await world.billing.run(as_of=day, now=at(day), actor=ACTOR, by_clock=True)
    assert len((await world.billing.run(as_of=FEB, now=at(FEB), actor=ACTOR, by_clock=True)).invoices) == 1


async def test_a_billing_day_that_is_changed_is_reached_by_a_part_period(world: World) -> None:
    """KAMIL-5."""
    who = await world.person("pindah", activated_on=date(2026, 1, 5))
    await world.bill(date(2026, 1, 5))
    async with world.database.write() as work:
        await work.connection.execute(update(services).values(billing_day=20))
    assert (await world.bill(date(2026, 1, 20))).invoices == []
    await world.bill(date(2026, 2, 5))
    assert await lines(world, who) == [("prorata", 96_774)]  # 15 of 31
    await world.bill(date(2026, 2, 20))
    assert await lines(world, who) == [("recurring", 200_000)]
