"""What a subscriber held or owed before netbilld: a document like any other, so that the books stay provable.

Both sides lie on one clearing account, `cash:opening_balance`: credit came in from the former system, debts went to it,
and neither is revenue.
"""

from datetime import date, datetime
from typing import Final
from uuid import uuid4

from netbilld.billing.chart import Account, Payer, cash
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import Payment
from netbilld.billing.postings import invoice_issued, payment_received
from netbilld.model.actor import Actor

METHOD: Final = "opening_balance"
_TEXT: Final = "Saldo awal / Opening balance"
_CLEARING: Final[Account] = cash(METHOD)


def opening_credit(
    payer: Payer, amount_minor: int, on: date, now: datetime, actor: Actor
) -> tuple[Payment, LedgerEntry]:
    """Return the payment and entry of credit brought along: it goes to the wallet."""
    payment = Payment(uuid4(), payer.id, amount_minor, payer.currency, METHOD, payer.number, on, now, actor.name)
    entry = payment_received(payer, payment.id, METHOD, settled_minor=0, credited_minor=amount_minor, memo=_TEXT)
    return payment, entry


def opening_debt(
    payer: Payer, amount_minor: int, number: str, on: date, due_days: int, timezone: str
) -> tuple[Invoice, LedgerEntry]:
    """Return the invoice and entry of a debt brought along; it falls due like an invoice of that day."""
    line = InvoiceLine(LineKind.OPENING_BALANCE, None, _TEXT, 1, amount_minor, 1, amount_minor, revenue=_CLEARING.code)
    draft = Invoice(
        id=uuid4(),
        subscriber_id=payer.id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=on,
        period_end_on=on,
        timezone=timezone,
        currency=payer.currency,
        lines=(line,),
        tax_minor=0,
        total_minor=amount_minor,
        paid_minor=0,
    )
    return draft.issue(number, on, due_days), invoice_issued(payer, number, {_CLEARING: amount_minor})
