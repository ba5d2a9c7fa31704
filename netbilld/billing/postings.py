"""Which accounts each document moves: the only place that knows."""

from uuid import UUID

from netbilld.billing.chart import REVENUE_RECURRING, REVENUE_USAGE, Account, Payer, Side, cash, receivable, wallet
from netbilld.billing.ledger import LedgerEntry, Posting


def invoice_issued(payer: Payer, number: str, revenue: dict[Account, int]) -> LedgerEntry:
    """Return the entry of an issued invoice: the subscriber owes, revenue is earned by account; amounts positive."""
    owed = Posting(receivable(payer), Side.DEBIT, sum(revenue.values()))
    earned = (Posting(account, Side.CREDIT, amount_minor) for account, amount_minor in revenue.items())
    return LedgerEntry("invoice_issued", "invoice", number, f"Invoice {number}", payer.currency, (owed, *earned))


def payment_received(
    payer: Payer, payment_id: UUID, method: str, *, settled_minor: int, credited_minor: int, memo: str
) -> LedgerEntry:
    """Return the entry of a payment: money in, open invoices settled by one part, the wallet credited with the rest."""
    parts = [Posting(cash(method), Side.DEBIT, settled_minor + credited_minor)]
    if settled_minor:
        parts.append(Posting(receivable(payer), Side.CREDIT, settled_minor))
    if credited_minor:
        parts.append(Posting(wallet(payer), Side.CREDIT, credited_minor))
    return LedgerEntry("payment_received", "payment", str(payment_id), memo, payer.currency, tuple(parts))


def wallet_applied(payer: Payer, number: str, amount_minor: int) -> LedgerEntry:
    """Return the entry that settles a part of an invoice from the wallet."""
    return LedgerEntry(
        "wallet_applied",
        "invoice",
        number,
        f"Wallet to invoice {number}",
        payer.currency,
        (Posting(wallet(payer), Side.DEBIT, amount_minor), Posting(receivable(payer), Side.CREDIT, amount_minor)),
    )


def usage_charged(payer: Payer, service_id: UUID, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry that charges metered usage of a service to the wallet."""
    return _charged("usage_charged", payer, service_id, REVENUE_USAGE, amount_minor, memo)


def renewal_charged(payer: Payer, service_id: UUID, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry that pays a prepaid period of a service from the wallet."""
    return _charged("renewal_charged", payer, service_id, REVENUE_RECURRING, amount_minor, memo)


def _charged(kind: str, payer: Payer, service_id: UUID, revenue: Account, amount_minor: int, memo: str) -> LedgerEntry:
    return LedgerEntry(
        kind,
        "service",
        str(service_id),
        memo,
        payer.currency,
        (Posting(wallet(payer), Side.DEBIT, amount_minor), Posting(revenue, Side.CREDIT, amount_minor)),
    )
