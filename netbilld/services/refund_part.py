"""A part of a payment that a gateway has given back: out of the wallet, and off the invoices it had settled."""

from dataclasses import replace
from typing import Final
from uuid import uuid4

from netbilld.billing.allocation import Part
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import Payment, PaymentStatus, Refund
from netbilld.billing.postings import money_account, reallocated, refunded
from netbilld.model.errors import RefusedError
from netbilld.services.paying import Doing, Work, record

_SETTLED: Final = frozenset((InvoiceStatus.PART_PAID, InvoiceStatus.PAID))


async def refund_part(
    work: Work, payment: Payment, payer: Payer, amount_minor: int, reference: str, because: str, doing: Doing
) -> None:
    """Book that so much of a payment of a locked subscriber went back, within the caller's transaction.

    What the wallet does not hold is taken off the invoices that this payment has settled, which are owed again.

    Raises:
        RefusedError: the payment is reversed, or what it paid for can't be taken back; a person has to look.
    """
    if payment.status is PaymentStatus.REVERSED:
        raise RefusedError("the payment is reversed already", code="already_reversed")
    held_minor = max(0, (await work.ledger.wallets([payer.id], lock=True))[payer.id])
    missing_minor = max(0, amount_minor - held_minor)
    entries: list[LedgerEntry] = []
    reopened: list[Part] = []
    settled = await work.payments.settled_by(payment.id) if missing_minor else []
    invoices = await work.invoices.of_ids([invoice_id for invoice_id, _ in settled])
    for invoice_id, settled_minor in settled:
        invoice, part_minor = invoices[invoice_id], min(settled_minor, missing_minor)
        if not part_minor or invoice.status not in _SETTLED:
            continue
        part = Part(invoice_id, invoice.number or "", part_minor)
        await work.invoices.save_settled(invoice.unsettle(part_minor))
        await work.invoices.add_allocations([replace(part, amount_minor=-part_minor)], payment.id, doing.now)
        entries.append(reallocated(payer, part.number, part_minor))
        reopened.append(part)
        missing_minor -= part_minor
    if missing_minor:
        raise RefusedError(
            f"{missing_minor} of what was given back is spent on what can't be taken back",
            hint="reverse the payment: it bills what was spent",
            code="refund_spent",
        )
    refund = Refund(
        id=uuid4(),
        subscriber_id=payer.id,
        amount_minor=amount_minor,
        currency=payer.currency,
        method=payment.method,
        reference=reference,
        collector=None,
        paid_on=doing.today,
        recorded_at=doing.now,
        actor=doing.actor.name,
        reason=because[:200],
    )
    if not await work.payments.add_refund(refund):
        raise RefusedError(f"{payment.method} reference {reference!r} is taken by a refund", code="reference_taken")
    memo = f"Refund {payment.method} {reference} {because}"[:300]
    entries.append(refunded(payer, refund.id, money_account(payment.method), amount_minor, memo))
    await work.ledger.post_many(entries, at=doing.now, booked_on=doing.today, actor=doing.actor)
    details = {
        "amount": amount_minor,
        "method": payment.method,
        "reference": reference,
        "because": because,
        "invoices": [[part.number, part.amount_minor] for part in reopened],
    }
    await record(work, doing, "payment.refund", payer, refund.id, details)
