"""Invoices: lines from services and days, and the states an invoice goes through."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from netbilld.billing.bill import draft_of
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.numbering import invoice_number, invoice_series
from netbilld.billing.tax import NOTHING_TAXED
from netbilld.model.errors import RefusedError

SERVICE, SUBSCRIBER, INVOICE = UUID(int=1), UUID(int=2), UUID(int=3)
PAYER = Payer(SUBSCRIBER, "100001", "IDR")


def issued() -> Invoice:
    line = InvoiceLine(LineKind.PRORATA, SERVICE, "HOME20", 22, 150_000, 31, 106_452)
    draft = draft_of(INVOICE, PAYER, "Asia/Jakarta", [line], as_of=date(2026, 1, 10), tax=NOTHING_TAXED, buyer={})
    return draft.issue("INV-202601-000001", date(2026, 1, 10), 10)


def test_a_draft_owes_nothing_and_an_issued_invoice_its_total() -> None:
    invoice = issued()
    assert replace(invoice, status=InvoiceStatus.DRAFT).outstanding_minor == 0
    assert (invoice.status, invoice.due_on, invoice.outstanding_minor) == (
        InvoiceStatus.ISSUED,
        date(2026, 1, 20),
        106_452,
    )


def test_it_goes_from_issued_over_part_paid_to_paid() -> None:
    """BANG-2.4d."""
    part = issued().settle(100_000)
    assert part.settle(6_451).status is InvoiceStatus.PART_PAID
    paid = part.settle(6_452)
    assert (part.status, part.outstanding_minor) == (InvoiceStatus.PART_PAID, 6_452)
    assert (paid.status, paid.outstanding_minor, paid.paid_minor) == (InvoiceStatus.PAID, 0, 106_452)


def test_overdue_is_computed_from_the_day_after_the_due_date_and_ends_with_payment() -> None:
    invoice = issued()
    assert not invoice.overdue(date(2026, 1, 20))
    assert invoice.overdue(date(2026, 1, 21))
    assert not invoice.settle(106_452).overdue(date(2026, 1, 21))


def test_what_is_not_allowed_is_refused_with_the_state() -> None:
    invoice = issued()
    with pytest.raises(RefusedError, match="INV-202601-000001 is issued: can't issue"):
        invoice.issue("INV-2", date(2026, 1, 10), 10)
    with pytest.raises(RefusedError, match="is paid: can't pay_part"):
        invoice.settle(106_452).settle(1)
    for amount_minor in (0, -1, 106_453):
        with pytest.raises(RefusedError, match="not between 1 and 106452"):
            invoice.settle(amount_minor)


def test_numbers_are_a_series_a_month() -> None:
    day = date(2026, 1, 31)
    assert (invoice_series(day), invoice_number(day, 123)) == ("invoice:202601", "INV-202601-000123")
