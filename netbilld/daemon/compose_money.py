"""From settings to the services behind the pages of money."""

from datetime import datetime, timedelta

from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.proofs import ProofFiles
from netbilld.daemon.policies import dunning_policy
from netbilld.daemon.report_files import ReportFiles
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes, tax_policy
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.panel.money_parts import MoneyParts
from netbilld.services.allocate_wallet import AllocateWallet
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.import_bank_statement import ImportBankStatement
from netbilld.services.issue_payment_code import CodePolicy, IssuePaymentCode
from netbilld.services.manage_dunning import ManageDunning, PromisePolicy
from netbilld.services.manage_holidays import ManageHolidays
from netbilld.services.manage_paper import ManagePaper
from netbilld.services.manage_plans import KNOWN_TAXES, ManagePlans
from netbilld.services.manual_invoices import ManualInvoices
from netbilld.services.match_bank_rows import AutoMatch, MatchBankRows
from netbilld.services.move_plan import MovePlan
from netbilld.services.park_payments import ParkPayments
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reports.make import MakeReport
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.run_dunning import RunDunning
from netbilld.services.simulate_plan import SimulatePlan


class _NoTermination:
    """Pages look at what dunning will do and do nothing of it: the daemon does."""

    async def terminate(self, username: str, reason: str | None, actor: Actor, now: datetime) -> bool:
        """Refuse.

        Raises:
            RefusedError: always.
        """
        del reason, actor, now
        raise RefusedError(f"{username}: services are ended by the daemon, not by a page")


def money_parts(settings: Settings, database: Database) -> MoneyParts:
    """Return what the pages of money are handed."""
    billing, timezone = settings.billing, settings.timezone
    proofs = ProofFiles(settings.data_dir / "documents" / "proofs")
    numbering, taxes = billing.numbering(), tax_policy(settings)
    return MoneyParts(
        manual_invoices=ManualInvoices(
            database, numbering=numbering, taxes=taxes, due_days=billing.due_days, timezone=timezone
        ),
        correct_invoice=CorrectInvoice(database, numbering=numbering, timezone=timezone),
        explain_invoice=ExplainInvoice(database, taxes),
        payment_codes=IssuePaymentCode(database, CodePolicy(timedelta(days=settings.payments.code_days))),
        reverse_payment=ReversePayment(database, timezone=timezone, numbering=numbering, taxes=payment_taxes(settings)),
        allocate_wallet=AllocateWallet(database, timezone=timezone),
        refund_wallet=RefundWallet(database, timezone=timezone),
        park_payments=ParkPayments(
            database, timezone=timezone, currency=settings.currency, taxes=payment_taxes(settings)
        ),
        import_bank_statement=ImportBankStatement(
            database,
            database,
            timezone=timezone,
            currency=settings.currency,
            auto=AutoMatch(settings.payments.auto_match),
            taxes=payment_taxes(settings),
        ),
        match_bank_rows=MatchBankRows(database, timezone=timezone, numbering=numbering, taxes=payment_taxes(settings)),
        manage_paper=ManagePaper(database, proofs, timezone),
        proofs=proofs,
        manage_plans=ManagePlans(
            database, settings.currency, frozenset({*KNOWN_TAXES, *(rule.code for rule in settings.tax.rules)})
        ),
        move_plan=MovePlan(database),
        simulate_plan=SimulatePlan(database),
        make_report=MakeReport(database),
        report_files=ReportFiles(timezone),
        run_dunning=RunDunning(database, dunning_policy(settings), _NoTermination()),
        manage_dunning=ManageDunning(
            database, PromisePolicy(settings.dunning.promises, settings.dunning.promise_days, timezone)
        ),
        manage_holidays=ManageHolidays(database),
        tax_codes=tuple(sorted({rule.code for rule in taxes.rules})) if taxes.is_pkp else (),
        due_days=billing.due_days,
    )
