"""Kode unik: gives an invoice an amount of its own, by which a transfer is known."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.payment_code import LARGEST_CODE, PaymentCode, choose_code
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.ports.changes import Changes

_TRIES: Final = 50  # somebody else may take the same one at the same moment


class Document(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Payer: ...


class Invoices(Protocol):
    async def by_number(self, number: str) -> Document | None: ...
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class PaymentCodes(Protocol):
    async def sweep(self, now: datetime) -> None: ...
    async def of_invoice(self, invoice_id: UUID, now: datetime) -> PaymentCode | None: ...
    async def taken(self, currency: str, lowest_minor: int, highest_minor: int) -> set[int]: ...
    async def lately(self, currency: str, lowest_minor: int, highest_minor: int, since: datetime) -> set[int]: ...
    async def add(self, code: PaymentCode, actor: str) -> bool: ...
    async def withdraw(self, invoice_id: UUID) -> None: ...


class Work(Protocol):
    @property
    def invoices(self) -> Invoices: ...
    @property
    def payment_codes(self) -> PaymentCodes: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """How long an amount is one invoice's, and how long it rests after that before it is another's."""

    valid: timedelta

    @property
    def rest(self) -> timedelta:
        return 2 * self.valid


class IssuePaymentCode:
    """Gives invoices amounts of their own."""

    def __init__(self, store: Store, policy: CodePolicy) -> None:
        self._store, self._policy = store, policy

    async def run(
        self, number: str, *, actor: Actor, now: datetime, valid: timedelta | None = None, renew: bool = False
    ) -> PaymentCode:
        """Return the amount by which an invoice is known, a new one where it has none that fits.

        What the code adds becomes credit in the wallet when it is paid.

        Args:
            number: of the invoice.
            actor: who.
            now: when.
            valid: for how long; None is as the policy says.
            renew: give it another one in any case.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: nothing is open on it, or all amounts above what is open are given out.
        """
        async with self._store.write() as work:
            document = await work.invoices.by_number(number)
            if document is None:
                raise NotFoundError(f"no invoice {number!r}")
            await work.invoices.lock_subscribers([document.payer.id])
            document = await work.invoices.by_number(number)
            assert document is not None, "an issued invoice stays"  # noqa: S101
            return await give_code(
                work,
                document.invoice,
                actor,
                now,
                valid=valid or self._policy.valid,
                rest=self._policy.rest,
                renew=renew,
            )


async def give_code(
    work: Work, invoice: Invoice, actor: Actor, now: datetime, *, valid: timedelta, rest: timedelta, renew: bool = False
) -> PaymentCode:
    """Give an invoice of a locked subscriber an amount of its own, within the caller's transaction; see above.

    Raises:
        RefusedError: nothing is open on it, or all amounts above what is open are given out.
    """
    open_minor = invoice.outstanding_minor
    if open_minor <= 0:
        raise RefusedError(f"nothing is open on invoice {invoice.number}", code="nothing_open")
    await work.payment_codes.sweep(now)
    known = await work.payment_codes.of_invoice(invoice.id, now)
    if known is not None and known.amount_minor - known.code == open_minor and not renew:
        return known
    await work.payment_codes.withdraw(invoice.id)
    lowest, highest = open_minor + 1, open_minor + LARGEST_CODE
    lately = await work.payment_codes.lately(invoice.currency, lowest, highest, now - rest)
    for _ in range(_TRIES):
        taken = await work.payment_codes.taken(invoice.currency, lowest, highest)
        code = choose_code(open_minor, taken, lately)
        given = PaymentCode(
            invoice_id=invoice.id,
            invoice_number=invoice.number or "",
            subscriber_id=invoice.subscriber_id,
            code=code,
            amount_minor=open_minor + code,
            currency=invoice.currency,
            status="open",
            created_at=now,
            expires_at=now + valid,
        )
        if await work.payment_codes.add(given, actor.name):
            details = {"invoice": invoice.number, "amount": given.amount_minor}
            await work.changes.record(actor, now, "payment.code", "invoice", invoice.number or "", details)
            return given
    raise RefusedError(f"no unique amount could be had above {open_minor}", hint="try again", code="codes_exhausted")
