"""Which accounts each document moves: the only place that knows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from netbilld.billing.chart import (
    PPH23,
    PPN_WITHHELD,
    REVENUE_RECURRING,
    REVENUE_USAGE,
    WRITTEN_OFF,
    Account,
    Payer,
    Side,
    account,
    cash,
    clearing,
    collector,
    deposits,
    receivable,
    tax,
    wallet,
)
from netbilld.billing.gateway import GATEWAYS
from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.billing.ledger import LedgerEntry, Posting
from netbilld.billing.payment import Withheld

# Entries that move a wallet by themselves: no invoice and no payment says the same. `ledger check` adds them to both.
RENEWAL: Final = "renewal_charged"
OTHER_RENEWAL: Final = "other_renewal_charged"  # parts of a period that the plan says are no telecom service
WALLET_CHARGES: Final = ("usage_charged", RENEWAL, OTHER_RENEWAL, "wallet_charged")
WALLET_CREDITS: Final = ("deposit_returned",)
_WITHHELD: Final[Mapping[str, Account]] = {Withheld.PPH23: PPH23, Withheld.PPN: PPN_WITHHELD}


def invoice_issued(payer: Payer, number: str, revenue: dict[Account, int]) -> LedgerEntry:
    """Return the entry of an issued invoice: the subscriber owes, revenue is earned by account; amounts positive."""
    owed = Posting(receivable(payer), Side.DEBIT, sum(revenue.values()))
    earned = (Posting(on, Side.CREDIT, amount_minor) for on, amount_minor in revenue.items())
    return LedgerEntry("invoice_issued", "invoice", number, f"Invoice {number}", payer.currency, (owed, *earned))


def document_issued(payer: Payer, document: Invoice, *, settled_minor: int = 0) -> LedgerEntry | None:
    """Return the entry of an issued document; None where its lines move nothing.

    An invoice: the subscriber owes its total; each line earns its net amount on its own account (a deposit is held, a
    discount lessens what is earned) and its tax is owed by its code. A credit note is the same with the sides
    exchanged: `settled_minor` of it lessens what the subscriber owes, the rest becomes credit in the wallet.
    """
    assert document.number is not None, "only what is issued is booked"  # noqa: S101
    moved: dict[Account, int] = defaultdict(int)
    for line in document.lines:
        moved[account(line.revenue, payer)] += line.net_minor
        if line.tax_minor:
            moved[tax(line.tax_code or "none")] += line.tax_minor
    if document.kind is DocumentKind.INVOICE:
        kind, side, own = "invoice_issued", Side.CREDIT, [(receivable(payer), document.total_minor)]
    else:
        kind, side = "credit_note_issued", Side.DEBIT
        own = [(receivable(payer), settled_minor), (wallet(payer), document.total_minor - settled_minor)]
    postings = (*_postings(own, side.opposite), *_postings(moved.items(), side))
    if not postings:
        return None
    name = "Invoice" if document.kind is DocumentKind.INVOICE else "Credit note"
    return LedgerEntry(kind, "invoice", document.number, f"{name} {document.number}", payer.currency, postings)


def money_account(method: str, collected_by: str | None = None) -> Account:
    """Return where money of that method lies.

    With a collector, as a claim on the tax office, with a payment gateway until it pays out, or in the cash of it.
    """
    if collected_by is not None:
        return collector(collected_by)
    if method in GATEWAYS:
        return clearing(method)
    return _WITHHELD.get(method) or cash(method)


def payment_received(
    payer: Payer,
    payment_id: UUID,
    method: str,
    *,
    settled_minor: int,
    credited_minor: int,
    memo: str,
    into: Account | None = None,
    withheld: Mapping[Account, int] | None = None,
) -> LedgerEntry:
    """Return the entry of a payment: money in, open invoices settled by one part, the wallet credited with the rest.

    Args:
        payer: whose.
        payment_id: of the payment.
        method: how it came.
        settled_minor: what of it settles invoices.
        credited_minor: what of it goes to the wallet.
        memo: what the books say.
        into: where the money lies; None is the method's own account.
        withheld: what of it is no money but withheld tax (`PPH23`, `PPN_WITHHELD`).
    """
    kept = dict(withheld or {})
    money_minor = settled_minor + credited_minor - sum(kept.values())
    parts = (
        *_postings([(into or cash(method), money_minor), *kept.items()], Side.DEBIT),
        *_postings([(receivable(payer), settled_minor), (wallet(payer), credited_minor)], Side.CREDIT),
    )
    return LedgerEntry("payment_received", "payment", str(payment_id), memo, payer.currency, parts)


def payment_reversed(
    payer: Payer, payment_id: UUID, money: Mapping[Account, int], *, reopened_minor: int, taken_minor: int, memo: str
) -> LedgerEntry:
    """Return the entry of a payment that bounced: invoices are owed again by one part, the wallet gives the rest back.

    `money` is what the payment's own entry has put where; its sum is both parts.
    """
    parts = (
        *_postings([(receivable(payer), reopened_minor), (wallet(payer), taken_minor)], Side.DEBIT),
        *_postings(money.items(), Side.CREDIT),
    )
    return LedgerEntry("payment_reversed", "payment", str(payment_id), memo, payer.currency, parts)


def refunded(payer: Payer, refund_id: UUID, out_of: Account, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry of money that is paid out of the wallet to the subscriber."""
    return _moved("refunded", "refund", str(refund_id), payer, wallet(payer), out_of, amount_minor, memo)


def reallocated(payer: Payer, number: str, amount_minor: int) -> LedgerEntry:
    """Return the entry that takes money off an invoice again and puts it into the wallet."""
    memo = f"Invoice {number} to wallet"
    return _moved("reallocated", "invoice", number, payer, receivable(payer), wallet(payer), amount_minor, memo)


def wallet_applied(payer: Payer, number: str, amount_minor: int) -> LedgerEntry:
    """Return the entry that settles a part of an invoice from the wallet."""
    memo = f"Wallet to invoice {number}"
    return _moved("wallet_applied", "invoice", number, payer, wallet(payer), receivable(payer), amount_minor, memo)


def deposit_returned(payer: Payer, document_id: str, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry that turns a deposit into credit in the wallet: from there it settles or is refunded."""
    return _moved("deposit_returned", "service", document_id, payer, deposits(payer), wallet(payer), amount_minor, memo)


def written_off(payer: Payer, number: str, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry of a part of an invoice that nobody expects any more: a loss, and no correction of revenue."""
    return _moved("written_off", "invoice", number, payer, WRITTEN_OFF, receivable(payer), amount_minor, memo)


def write_off_taken_back(payer: Payer, number: str, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry of what was written off and is owed again: somebody pays after all."""
    kind = "write_off_taken_back"
    return _moved(kind, "invoice", number, payer, receivable(payer), WRITTEN_OFF, amount_minor, memo)


def money_moved(
    kind: str,
    document_id: str,
    currency: str,
    *,
    to: Account,
    out_of: Account,
    amount_minor: int,
    memo: str,
    lost: Mapping[Account, int] | None = None,
) -> LedgerEntry:
    """Return the entry of money that goes from one place to another, such as a collector's to the cash desk.

    `lost` is what of `amount_minor` does not arrive, such as a gateway's fee, by the account that bears it.
    """
    costs = dict(lost or {})
    parts = (
        *_postings([(to, amount_minor - sum(costs.values())), *costs.items()], Side.DEBIT),
        Posting(out_of, Side.CREDIT, amount_minor),
    )
    return LedgerEntry(kind, "transfer", document_id, memo, currency, parts)


def vouchers_sold(
    sale_id: UUID,
    currency: str,
    money: Mapping[Account, int],
    earned: Mapping[Account, int],
    memo: str,
) -> LedgerEntry | None:
    """Return the entry of vouchers that were sold; None where they were given away.

    Args:
        sale_id: of the sale.
        currency: of the amounts.
        money: where the price has gone: cash, a collector's hands, an agent's deposit, and the commission they keep.
        earned: revenue and tax by account; as much as the money.
        memo: what the books say.
    """
    parts = (*_postings(money.items(), Side.DEBIT), *_postings(earned.items(), Side.CREDIT))
    return LedgerEntry("voucher_sold", "voucher_sale", str(sale_id), memo, currency, parts) if parts else None


def vouchers_refunded(
    voucher_id: UUID,
    currency: str,
    money: Mapping[Account, int],
    given_up: Mapping[Account, int],
    memo: str,
) -> LedgerEntry | None:
    """Return the entry of a voucher whose price went back; None where it had none.

    Args:
        voucher_id: which.
        currency: of the amounts.
        money: where it had gone when it was sold, and comes from now.
        given_up: revenue and tax by account; as much as the money.
        memo: what the books say.
    """
    parts = (*_postings(given_up.items(), Side.DEBIT), *_postings(money.items(), Side.CREDIT))
    return LedgerEntry("voucher_refunded", "voucher", str(voucher_id), memo, currency, parts) if parts else None


def usage_charged(
    payer: Payer, service_id: UUID, net_minor: int, memo: str, *, tax_minor: int = 0, tax_code: str | None = None
) -> LedgerEntry:
    """Return the entry that charges metered usage of a service, and its tax, to the wallet."""
    earned = {REVENUE_USAGE: net_minor} | ({tax(tax_code or "none"): tax_minor} if tax_minor else {})
    return wallet_charged(payer, service_id, earned, memo, kind="usage_charged")


def renewal_charged(payer: Payer, service_id: UUID, amount_minor: int, memo: str) -> LedgerEntry:
    """Return the entry that pays a prepaid period of a service from the wallet."""
    return _charged(RENEWAL, payer, service_id, REVENUE_RECURRING, amount_minor, memo)


def wallet_charged(
    payer: Payer, service_id: UUID, earned: Mapping[Account, int], memo: str, *, kind: str = "wallet_charged"
) -> LedgerEntry:
    """Return the entry of something sold from the wallet: a period of several parts, a top-up, with its tax.

    Args:
        payer: whose wallet.
        service_id: for which service.
        earned: by account; what is below zero, such as a discount, is given.
        memo: what the books say.
        kind: one of `WALLET_CHARGES`.
    """
    total_minor = sum(earned.values())
    parts = (*_postings([(wallet(payer), total_minor)], Side.DEBIT), *_postings(earned.items(), Side.CREDIT))
    return LedgerEntry(kind, "service", str(service_id), memo, payer.currency, parts)


def _charged(kind: str, payer: Payer, service_id: UUID, revenue: Account, amount_minor: int, memo: str) -> LedgerEntry:
    return _moved(kind, "service", str(service_id), payer, wallet(payer), revenue, amount_minor, memo)


def _moved(
    kind: str,
    document: str,
    document_id: str,
    payer: Payer,
    debit: Account,
    credit: Account,
    amount_minor: int,
    memo: str,
) -> LedgerEntry:
    parts = (Posting(debit, Side.DEBIT, amount_minor), Posting(credit, Side.CREDIT, amount_minor))
    return LedgerEntry(kind, document, document_id, memo, payer.currency, parts)


def _postings(amounts: Iterable[tuple[Account, int]], side: Side) -> list[Posting]:
    """Return postings on that side; an amount below zero stands on the other one, zero nowhere."""
    return [
        Posting(on, side if amount_minor > 0 else side.opposite, abs(amount_minor))
        for on, amount_minor in amounts
        if amount_minor
    ]
