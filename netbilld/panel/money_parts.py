"""The services behind the pages of money: bills, payments, paper invoices, dunning, reports, plans."""

from dataclasses import dataclass

from netbilld.services.allocate_wallet import AllocateWallet
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.import_bank_statement import ImportBankStatement
from netbilld.services.issue_payment_code import IssuePaymentCode
from netbilld.services.manage_dunning import ManageDunning
from netbilld.services.manage_holidays import ManageHolidays
from netbilld.services.manage_paper import KeepsProofs, ManagePaper
from netbilld.services.manual_invoices import ManualInvoices
from netbilld.services.match_bank_rows import MatchBankRows
from netbilld.services.park_payments import ParkPayments
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.run_dunning import RunDunning


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
    run_dunning: RunDunning
    manage_dunning: ManageDunning
    manage_holidays: ManageHolidays
    tax_codes: tuple[str, ...]
    due_days: int
