"""The services behind the pages of money: bills, payments, paper invoices, dunning, reports, plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from netbilld.services.allocate_wallet import AllocateWallet
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.import_bank_statement import ImportBankStatement
from netbilld.services.issue_payment_code import IssuePaymentCode
from netbilld.services.manage_dunning import ManageDunning
from netbilld.services.manage_holidays import ManageHolidays
from netbilld.services.manage_paper import KeepsProofs, ManagePaper
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manual_invoices import ManualInvoices
from netbilld.services.match_bank_rows import MatchBankRows
from netbilld.services.move_plan import MovePlan
from netbilld.services.park_payments import ParkPayments
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reports.make import MakeReport
from netbilld.services.reports.table import Control, Span, Sums, Table
from netbilld.services.reports.words import Locale
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.run_dunning import RunDunning
from netbilld.services.simulate_plan import SimulatePlan


class ReportFiles(Protocol):
    """Writes reports as files."""

    def most_rows(self, kind: str) -> int:
        """Return how many rows a file of that kind may have."""
        ...

    async def written(
        self,
        kind: str,
        locale: Locale,
        table: Table,
        span: Span,
        rows: Sequence[Sequence[Any]],
        sums: Sums,
        controls: Sequence[Control],
    ) -> bytes:
        """Return a report as csv, xlsx or pdf."""
        ...


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """What the pages of money are handed.

    Attributes:
        tax_codes: taxes that a line may bear.
        due_days: until an invoice is due, unless said otherwise.
    """

    manual_invoices: ManualInvoices
    correct_invoice: CorrectInvoice
    explain_invoice: ExplainInvoice
    payment_codes: IssuePaymentCode
    reverse_payment: ReversePayment
    allocate_wallet: AllocateWallet
    refund_wallet: RefundWallet
    park_payments: ParkPayments
    import_bank_statement: ImportBankStatement
    match_bank_rows: MatchBankRows
    manage_paper: ManagePaper
    proofs: KeepsProofs
    manage_plans: ManagePlans
    move_plan: MovePlan
    simulate_plan: SimulatePlan
    make_report: MakeReport
    report_files: ReportFiles
    run_dunning: RunDunning
    manage_dunning: ManageDunning
    manage_holidays: ManageHolidays
    tax_codes: tuple[str, ...]
    due_days: int
