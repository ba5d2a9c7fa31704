"""BHP and USO of a year: revenue month by month, less credit notes, write-offs and what other operators were paid."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.bhp import Levy, LevyRates, is_telecom_revenue, levy, rates_of, revenue_word
from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import next_anchor
from netbilld.model.units import half_up
from netbilld.ports.changes import Changes

AMOUNT_LIMIT_MINOR: Final = 10**15


@dataclass(frozen=True, slots=True)
class RevenuePart:
    """What documents or wallets earned on an account: net of tax, not below zero for credit notes either.

    Attributes:
        told: what the plan says, whether it is telecom revenue; None where it says nothing.
    """

    account: str
    told: bool | None
    kind: DocumentKind
    net_minor: int


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """A part of an invoice that nobody expects to be paid any more, with its tax in it."""

    invoice_id: UUID
    amount_minor: int
    booked_on: date


@dataclass(frozen=True, slots=True)
class Deduction:
    """What was paid to other operators in a month, entered by hand."""

    month_on: date
    amount_minor: int
    note: str
    actor: str


@dataclass(slots=True)
class LevyMonth:
    """A month's figures, in minor units; of one product class, or of all."""

    invoiced_minor: int = 0
    credited_minor: int = 0
    written_off_minor: int = 0
    to_others_minor: int = 0
    other_minor: int = 0  # no telecom service, and in none of the above

    @property
    def base_minor(self) -> int:
        return self.invoiced_minor - self.credited_minor - self.written_off_minor - self.to_others_minor


@dataclass(slots=True)
class LevyReport:
    """A year: `products[month][class]`, `months[month]`, and what is due on the sum."""

    year: int
    rates: LevyRates
    months: dict[date, LevyMonth] = field(default_factory=dict)
    products: dict[date, dict[str, LevyMonth]] = field(default_factory=dict)

    @property
    def total(self) -> LevyMonth:
        whole = LevyMonth()
        for month in self.months.values():
            whole.invoiced_minor += month.invoiced_minor
            whole.credited_minor += month.credited_minor
            whole.written_off_minor += month.written_off_minor
            whole.to_others_minor += month.to_others_minor
            whole.other_minor += month.other_minor
        return whole

    @property
    def levy(self) -> Levy:
        whole = self.total
        gross_minor = whole.invoiced_minor - whole.credited_minor
        return levy(gross_minor, whole.written_off_minor, whole.to_others_minor, self.rates)


class FoundInvoice(Protocol):
    @property
    def invoice(self) -> Invoice: ...


class Invoices(Protocol):
    async def documents(self, ids: Sequence[UUID]) -> Sequence[FoundInvoice]: ...


class TaxInvoices(Protocol):
    async def revenue(self, from_on: date, until_on: date) -> list[RevenuePart]: ...
    async def wallet_revenue(self, from_on: date, until_on: date) -> list[RevenuePart]: ...
    async def revenue_lines(self, from_on: date, until_on: date) -> list[tuple[str, str, bool | None, int]]: ...
    async def written_off(self, from_on: date, until_on: date) -> list[WrittenOff]: ...
    async def deductions(self, year: int) -> list[Deduction]: ...
    async def add_deduction(self, deduction: Deduction, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def invoices(self) -> Invoices: ...
    @property
    def tax_invoices(self) -> TaxInvoices: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ReportLevies:
    """Reads a year; revenue counts when it is invoiced, not when it is paid, and what wallets pay when they pay it."""

    def __init__(self, store: Store, rates: tuple[LevyRates, ...], other_revenue: tuple[str, ...]) -> None:
        self._store, self._rates, self._other = store, rates, other_revenue

    async def year(self, year: int) -> LevyReport:
        """Return the figures of a year's twelve months."""
        report = LevyReport(year, rates_of(year, self._rates))
        async with self._store.read() as work:
            for number in range(1, 13):
                await self._month(work, date(year, number, 1), report)
            for deduction in await work.tax_invoices.deductions(year):
                report.months[deduction.month_on].to_others_minor += deduction.amount_minor
        return report

    async def _month(self, work: Work, month_on: date, report: LevyReport) -> None:
        until_on = next_anchor(month_on, 1)
        month, products = LevyMonth(), dict[str, LevyMonth]()
        parts = await work.tax_invoices.revenue(month_on, until_on)
        for part in (*parts, *await work.tax_invoices.wallet_revenue(month_on, until_on)):
            product = products.setdefault(revenue_word(part.account), LevyMonth())
            sign = -1 if part.kind is DocumentKind.CREDIT_NOTE else 1
            for figures in (month, product):
                if not is_telecom_revenue(part.account, part.told, self._other):
                    figures.other_minor += sign * part.net_minor
                elif sign < 0:
                    figures.credited_minor += part.net_minor
                else:
                    figures.invoiced_minor += part.net_minor
        written_off = await work.tax_invoices.written_off(month_on, until_on)
        if written_off:
            documents = await work.invoices.documents(list({one.invoice_id for one in written_off}))
            known = {document.invoice.id: document.invoice for document in documents}
            month.written_off_minor = sum(self._lost(one, known[one.invoice_id]) for one in written_off)
        report.months[month_on], report.products[month_on] = month, products

    def _lost(self, one: WrittenOff, invoice: Invoice) -> int:
        """Return the telecom part of what was written off, without its tax: the share it has of the invoice."""
        telecom_minor = sum(
            line.net_minor
            for line in invoice.lines
            if line.revenue.partition(":")[0] in {"revenue", "discounts", "late_fees"}
            and is_telecom_revenue(line.revenue, line.details.get("telecom"), self._other)
        )
        if telecom_minor <= 0 or invoice.total_minor <= 0:
            return 0
        return half_up(one.amount_minor * telecom_minor, invoice.total_minor)

    async def lines(self, month_on: date) -> list[dict[str, Any]]:
        """Return a month's documents with what each earned on which account, for who asks where a figure comes from.

        What wallets have paid for stands under `wallet`, in one sum for each account.
        """
        until_on = next_anchor(month_on, 1)
        async with self._store.read() as work:
            found = await work.tax_invoices.revenue_lines(month_on, until_on)
            sold = await work.tax_invoices.wallet_revenue(month_on, until_on)
        found += [("wallet", part.account, part.told, part.net_minor) for part in sold]
        return [
            {
                "document": number,
                "product": revenue_word(account),
                "telecom": is_telecom_revenue(account, told, self._other),
                "net": net_minor,
            }
            for number, account, told, net_minor in found
        ]

    async def deduct(self, deduction: Deduction, actor: Actor, now: datetime) -> None:
        """Enter what was paid to other operators in a month; a wrong entry is taken back by its negative.

        Raises:
            InvalidInputError: the amount is zero or absurd, or nothing says what it was for.
        """
        if not deduction.amount_minor or abs(deduction.amount_minor) > AMOUNT_LIMIT_MINOR:
            raise InvalidInputError(f"amount {deduction.amount_minor} can't be a deduction")
        if not deduction.note.strip():
            raise InvalidInputError("say what it was paid for", hint="--note TEXT")
        async with self._store.write() as work:
            await work.tax_invoices.add_deduction(deduction, now)
            details = {"amount": deduction.amount_minor, "note": deduction.note}
            await work.changes.record(actor, now, "tax.deduct", "levy", f"{deduction.month_on:%Y-%m}", details)
