"""Explains what no document bears: usage of a billing period, billed yet or not, and single entries of the books."""

from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Protocol
from uuid import UUID

from netbilld.accounting.usage import PeriodTotals
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import NotFoundError
from netbilld.model.periods import BillingPeriod, next_anchor, previous_anchor
from netbilld.model.subscriber import FoundService, Service, unknown_username
from netbilld.services import explain_amounts, explain_invoice
from netbilld.services.explain_amounts import BookedEntry, Json, open_usage
from netbilld.services.explain_invoice import ExplainInvoice, sha256

_ISSUED = ("invoice_issued", "credit_note_issued")
_CHARGED = "usage_charged"


class Subscribers(Protocol):
    async def by_credential_name(self, name: str) -> FoundService | None: ...


class Services(Protocol):
    async def by_id(self, service_id: UUID) -> Service | None: ...


class Usage(Protocol):
    async def period_usage(self, service_id: UUID, on: date) -> PeriodTotals | None: ...


class UsageWork(explain_amounts.Work, Protocol):
    @property
    def usage(self) -> Usage: ...


class Explained(explain_invoice.Explained, Protocol):
    async def entry(self, entry_id: int) -> BookedEntry | None: ...
    async def owner(self, service_id: UUID) -> tuple[str, str]: ...


class Work(explain_invoice.Work, UsageWork, Protocol):
    @property
    def explained(self) -> Explained: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class ExplainUsage:
    """Opens a billing period of a service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, username: str, on: date, *, with_slices: bool) -> Json:
        """Return the usage of the period that a local day is in; `equal` tells whether wallet and documents agree.

        Raises:
            NotFoundError: nobody has that name.
        """
        async with self._store.read() as work:
            found = await work.subscribers.by_credential_name(username)
            if found is None:
                raise unknown_username(username)
            opened = await _opened(work, found.service, on, with_slices=with_slices)
        explanation = {"username": found.credential.name, "subscriber_no": found.subscriber.number, **opened}
        return explanation | {"sha256": sha256(explanation)}


class ExplainEntry:
    """Opens an entry of the books: its postings, and the document or the usage behind it."""

    def __init__(self, store: Store, tax: TaxPolicy) -> None:
        self._store, self._tax = store, tax

    async def run(self, entry_id: int) -> Json:
        """Return the entry with what it is explained by.

        Raises:
            NotFoundError: no entry has that number.
        """
        async with self._store.read() as work:
            entry = await work.explained.entry(entry_id)
            if entry is None:
                raise NotFoundError(f"no entry {entry_id}", hint="`netbilld ledger statement` shows them")
            explanation: Json = {"entry": entry.as_json() | {"currency": entry.currency}, "equal": True}
            if entry.kind == _CHARGED:
                service = await work.services.by_id(UUID(entry.document_id))
                if service is not None:
                    number, name = await work.explained.owner(service.id)
                    explanation |= {"subscriber_no": number, "subscriber_name": name}
                    explanation |= await _opened(work, service, entry.booked_on, with_slices=False)
        if entry.kind in _ISSUED:
            explanation["invoice"] = await ExplainInvoice(self._store, self._tax).run(entry.document_id)
            explanation["equal"] = explanation["invoice"]["equal"]
        return explanation | {"sha256": sha256(explanation)}


async def _opened(work: UsageWork, service: Service, on: date, *, with_slices: bool) -> Json:
    start_on = previous_anchor(on, service.billing_day)
    period = BillingPeriod(start_on, next_anchor(on, service.billing_day), service.timezone)
    opened = await open_usage(work, service.id, period, with_slices=with_slices)
    if opened is None:
        raise NotFoundError("the service is billed by nothing yet", hint="look at a day after its activation")
    totals = await work.usage.period_usage(service.id, on)
    charged_minor = totals.charged_minor if totals is not None else 0
    due_minor = opened.rated.amount_minor - opened.after_minor
    return {
        "usage": opened.shown,
        "wallet": {"charged": charged_minor, "recomputed": due_minor},
        "equal": charged_minor == due_minor and (opened.is_equal or not opened.billed),
    }
