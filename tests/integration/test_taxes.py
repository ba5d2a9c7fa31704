"""Fakturs and levies of what was issued, in either database."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import write_offs
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.bhp import LEVY_RATES, OTHER_REVENUE
from netbilld.billing.buyer import FakturKind
from netbilld.billing.faktur import FakturForm
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.tax import TaxPolicy, tax_lines
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers
from netbilld.services.report_levies import Deduction, ReportLevies
from netbilld.services.report_taxes import ReportTaxes
from tests.people_world import NOW, STAFF, People, with_plans

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
PKP = TaxPolicy(is_pkp=True)


@pytest.fixture
async def people(database: Database, box: SecretBox) -> People:
    return await with_plans(database, box, "HOME20")


def fee(amount: int, **more: Any) -> InvoiceLine:
    more = {"tax_code": "ppn", **more}
    return InvoiceLine(LineKind.RECURRING, None, "Internet", 1, amount, 1, amount, **more)


class Tax:
    """Issues documents straight into the store."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.reporting = ReportTaxes(people.database, people.box, PKP, FakturForm(), FakturKind.FULL)
        self.levies = ReportLevies(people.database, LEVY_RATES, OTHER_REVENUE)
        self.buyers = ManageBuyers(people.database, people.box)
        self._count = 0

    async def subscriber(self, username: str, **buyer: Any) -> UUID:
        await self.people.add(username, name=username.title(), address="Jl. Mawar 1")
        if buyer:
            await self.buyers.set(username, BuyerChanges(**buyer), STAFF, NOW)
        return (await self.people.found(username)).subscriber.id

    async def issue(
        self,
        subscriber_id: UUID,
        on: date,
        *lines: InvoiceLine,
        kind: DocumentKind = DocumentKind.INVOICE,
        credits_id: UUID | None = None,
    ) -> Invoice:
        self._count += 1
        taxed = tax_lines(lines, PKP, on)
        async with self.people.database.write() as work:
            invoice = Invoice(
                id=uuid4(),
                subscriber_id=subscriber_id,
                status=InvoiceStatus.ISSUED,
                number=f"{'CN' if kind is DocumentKind.CREDIT_NOTE else 'INV'}-{on:%Y%m}-{self._count:06}",
                issued_on=on,
                due_on=on,
                period_start_on=on,
                period_end_on=on,
                timezone="Asia/Jakarta",
                currency="IDR",
                lines=taxed,
                tax_minor=sum(line.tax_minor for line in taxed),
                total_minor=sum(line.gross_minor for line in taxed),
                paid_minor=0,
                kind=kind,
                credits_id=credits_id,
                buyer=(await work.buyers.as_issued([subscriber_id]))[subscriber_id],
            )
            await work.invoices.add([invoice], datetime(on.year, on.month, on.day, tzinfo=UTC))
        return invoice


@pytest.fixture
def tax(people: People) -> Tax:
    return Tax(people)


async def test_a_months_taxed_invoices_become_fakturs_once(tax: Tax) -> None:
    """INCA-24."""
    siti = await tax.subscriber("siti", nik="3273014107900001")
    shop = await tax.subscriber("toko", faktur="retail")
    none = await tax.subscriber("warung", faktur="none")
    firm = await tax.subscriber("firma", kind="company")
    first = await tax.issue(siti, JANUARY, fee(100_500))
    await tax.issue(siti, FEBRUARY, fee(100_000))
    await tax.issue(siti, JANUARY, fee(50_000, tax_code=None))
    await tax.issue(shop, JANUARY, fee(111_000))
    await tax.issue(none, JANUARY, fee(111_000))
    faulty = await tax.issue(firm, JANUARY, fee(111_000))
    report = await tax.reporting.month(JANUARY)
    [(invoice_id, made)] = report.fakturs
    assert (invoice_id, made.number, made.buyer.document_number) == (first.id, first.number, "3273014107900001")
    assert report.differing == [(first.number, 100)]
    assert [left.number for left in report.faulty] == [faulty.number]
    assert (report.retail.documents, report.retail.tax_base_minor, report.retail.vat_minor) == (1, 100_000, 11_000)
    assert report.not_reported == 1
    await tax.reporting.exported({"coretax-2026-01-001.xml": report.fakturs}, STAFF, NOW)
    later = await tax.reporting.month(JANUARY)
    assert (later.fakturs, later.exported_before) == ([], 1)
    assert [made.number for _, made in (await tax.reporting.month(JANUARY, again=True)).fakturs] == [first.number]
    with pytest.raises(RefusedError, match="before Coretax"):
        await tax.reporting.month(date(2024, 12, 1))


async def test_what_is_credited_to_retail_buyers_lessens_their_sum_in_the_month_of_the_note(tax: Tax) -> None:
    shop, siti = await tax.subscriber("toko", faktur="retail"), await tax.subscriber("siti")
    sold, other = await tax.issue(shop, JANUARY, fee(111_000)), await tax.issue(siti, JANUARY, fee(222_000))
    await tax.issue(shop, FEBRUARY, fee(333_000))
    for whose, invoice in ((shop, sold), (siti, other)):
        await tax.issue(whose, FEBRUARY, fee(55_500), kind=DocumentKind.CREDIT_NOTE, credits_id=invoice.id)
    january, february = await tax.reporting.month(JANUARY), await tax.reporting.month(FEBRUARY)
    assert (january.retail.documents, january.retail.tax_base_minor, january.retail.vat_minor) == (1, 100_000, 11_000)
    assert (february.retail.documents, february.retail.tax_base_minor, february.retail.vat_minor) == (
        1,
        300_000 - 50_000,
        33_000 - 5_500,
    )


async def test_what_coretax_says_of_an_invoice_is_kept(tax: Tax) -> None:
    siti = await tax.subscriber("siti")
    invoice = await tax.issue(siti, JANUARY, fee(100_000))
    assert invoice.number is not None
    with pytest.raises(RefusedError, match="never exported"):
        await tax.reporting.set_status(invoice.number, "approved", None, STAFF, NOW)
    report = await tax.reporting.month(JANUARY)
    await tax.reporting.exported({"a.xml": report.fakturs}, STAFF, NOW)
    await tax.reporting.set_status(invoice.number, "approved", "04.002600012345678", STAFF, NOW)
    [(_, state)] = await tax.reporting.listed(JANUARY)
    assert state is not None
    assert (state.status, state.nsfp, state.file) == ("approved", "04002600012345678", "a.xml")
    with pytest.raises(InvalidInputError, match="NSFP"):
        await tax.reporting.set_status(invoice.number, None, "12", STAFF, NOW)
    with pytest.raises(NotFoundError):
        await tax.reporting.set_status("INV-1", "approved", None, STAFF, NOW)
    async with tax.people.database.read() as work:
        around = await work.documents.surroundings([invoice.id], NOW)
    assert around[invoice.id].nsfp == "04002600012345678"


async def test_an_invoice_credited_after_its_export_is_to_be_corrected_in_coretax(tax: Tax) -> None:
    siti = await tax.subscriber("siti")
    invoice = await tax.issue(siti, JANUARY, fee(100_000))
    await tax.reporting.exported({"a.xml": (await tax.reporting.month(JANUARY)).fakturs}, STAFF, NOW)
    await tax.issue(siti, FEBRUARY, fee(100_000), kind=DocumentKind.CREDIT_NOTE, credits_id=invoice.id)
    assert [left.number for left in (await tax.reporting.month(JANUARY)).to_correct] == [invoice.number]
    await tax.reporting.set_status(invoice.number or "", "cancelled", None, STAFF, NOW)
    assert (await tax.reporting.month(JANUARY)).to_correct == []
    assert (await tax.reporting.month(FEBRUARY)).fakturs == []  # credit notes are no fakturs


async def test_bhp_and_uso_are_of_telecom_revenue_as_invoiced(tax: Tax) -> None:
    siti = await tax.subscriber("siti")
    await tax.issue(
        siti,
        JANUARY,
        fee(1_250_000_000, inclusive=False),
        fee(7_000_000, tax_code=None, revenue="revenue:installation"),
        fee(9_000_000, tax_code=None, revenue="revenue:tv", details={"telecom": False}),
        fee(5_000_000, tax_code=None, revenue="deposits"),
        InvoiceLine(LineKind.STAMP_DUTY, None, "Bea Meterai", 1, 10_000, 1, 10_000, revenue="stamp_duty"),
    )
    await tax.issue(siti, FEBRUARY, fee(40_000_000, inclusive=False), kind=DocumentKind.CREDIT_NOTE)
    await tax.issue(siti, FEBRUARY, fee(40_000_000, inclusive=False))
    await tax.levies.deduct(Deduction(FEBRUARY, 100_000_000, "upstream", "ani"), STAFF, NOW)
    report = await tax.levies.year(2026)
    assert (report.levy.base_minor, report.levy.bhp_minor, report.levy.uso_minor) == (
        1_150_000_000,
        5_750_000,
        14_375_000,
    )
    months = {on.month: month for on, month in report.months.items()}
    assert (months[1].invoiced_minor, months[1].other_minor) == (1_250_000_000, 16_000_000)
    assert (months[2].invoiced_minor, months[2].credited_minor, months[2].to_others_minor) == (
        40_000_000,
        40_000_000,
        100_000_000,
    )
    assert sorted(report.products[JANUARY]) == ["installation", "recurring", "tv"]
    lines = await tax.levies.lines(JANUARY)
    assert sum(one["net"] for one in lines if one["telecom"]) == months[1].invoiced_minor
    assert (await tax.levies.year(2025)).levy.bhp_minor == 0
    with pytest.raises(InvalidInputError):
        await tax.levies.deduct(Deduction(FEBRUARY, 0, "upstream", "ani"), STAFF, NOW)


async def test_what_is_written_off_leaves_the_base_by_its_telecom_part_without_tax(tax: Tax) -> None:
    siti = await tax.subscriber("siti")
    invoice = await tax.issue(siti, JANUARY, fee(1_110_000), fee(390_000, tax_code=None, revenue="revenue:device"))
    async with tax.people.database.write() as work:
        await work.connection.execute(
            insert(write_offs).values(
                id=uuid4(),
                invoice_id=invoice.id,
                subscriber_id=siti,
                amount_minor=750_000,  # half of it
                booked_on=FEBRUARY,
                reason="moved away",
                actor="ani",
                created_at=NOW,
            )
        )
    report = await tax.levies.year(2026)
    assert report.months[FEBRUARY].written_off_minor == 500_000
