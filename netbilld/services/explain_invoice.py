"""`invoice explain`: each line of a document opened, worked out again and compared, with a hash over all of it."""

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, LineKind
from netbilld.billing.plan import Plan
from netbilld.billing.tax import TaxPolicy, rule_on, taxed
from netbilld.billing.what_if import PricedService
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import BillingPeriod
from netbilld.model.units import half_up
from netbilld.services import explain_amounts
from netbilld.services.explain_amounts import (
    BookedEntry,
    FeeRow,
    Json,
    OpenedUsage,
    fee_part,
    heard_after,
    open_usage,
    terms_of_days,
)

_USAGE: Final = (LineKind.USAGE, LineKind.LATE_USAGE)
_OF_ISSUE: Final = ("invoice_issued", "credit_note_issued")


class Found(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Payer: ...
    @property
    def subscriber_name(self) -> str: ...


class Explained(explain_amounts.Explained, Protocol):
    async def username(self, service_id: UUID) -> str: ...
    async def issued_on(self, invoice_id: UUID) -> tuple[str, date] | None: ...
    async def fee_rows(self, service_id: UUID, start_on: date, end_on: date) -> list[FeeRow]: ...
    async def entries(self, document: str, document_id: str) -> list[BookedEntry]: ...


class Invoices(Protocol):
    async def by_number(self, number: str) -> Found | None: ...


class Simulations(Protocol):
    async def priced(self, service_ids: Collection[UUID]) -> Mapping[UUID, PricedService]: ...


class Plans(Protocol):
    async def plans_by_version(self) -> dict[UUID, Plan]: ...


class Work(explain_amounts.Work, Protocol):
    @property
    def explained(self) -> Explained: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def simulations(self) -> Simulations: ...
    @property
    def plans(self) -> Plans: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class ExplainInvoice:
    """Explains documents that were issued; changes nothing."""

    def __init__(self, store: Store, tax: TaxPolicy) -> None:
        self._store, self._tax = store, tax

    async def run(self, number: str, line: int | None = None) -> Json:
        """Return the explanation as plain JSON.

        Args:
            number: of the document.
            line: only this one, from 1, and with it every slice.

        Returns:
            `equal` says whether every figure that could be worked out again is what the document says;
            `document_sha256` is of the document alone, `sha256` of the explanation as a whole.

        Raises:
            NotFoundError: no document has that number.
            InvalidInputError: it has no such line.
        """
        async with self._store.read() as work:
            found = await work.invoices.by_number(number)
            if found is None:
                raise NotFoundError(f"no invoice {number!r}", hint="`netbilld invoice list` shows them")
            if line is not None and not 1 <= line <= len(found.invoice.lines):
                raise InvalidInputError(
                    f"--line {line}: {found.invoice.number} has {len(found.invoice.lines)} lines",
                    hint="`netbilld invoice show` numbers them from 1, in their order",
                )
            return await _Explaining(work, found, self._tax).explained(line)


class _Explaining:
    def __init__(self, work: Work, found: Found, tax: TaxPolicy) -> None:
        self._work, self._found, self._tax = work, found, tax
        self._invoice = found.invoice
        self._usage: dict[tuple[UUID, str], OpenedUsage | None] = {}

    async def explained(self, wanted: int | None) -> Json:
        invoice = self._invoice
        ids = list({line.service_id for line in invoice.lines if line.service_id is not None})
        self._services = await self._work.simulations.priced(ids)
        self._plans = await self._work.plans.plans_by_version()
        versions = list({one.plan_version_id for service in self._services.values() for one in service.terms})
        self._names = await self._work.explained.version_names(versions)
        self._usernames = {service_id: await self._work.explained.username(service_id) for service_id in ids}
        credited = await self._work.explained.issued_on(invoice.credits_id) if invoice.credits_id else None
        self._tax_on = credited[1] if credited else invoice.issued_on
        document = self._document(credited[0] if credited else None)
        lines = [
            await self._line(position, line, with_slices=wanted is not None)
            for position, line in enumerate(invoice.lines, 1)
            if wanted in {None, position}
        ]
        checks = self._checks()
        entries = [
            entry
            for entry in await self._work.explained.entries("invoice", invoice.number or "")
            if entry.kind in _OF_ISSUE
        ]
        checks.append(_check("booked", invoice.total_minor, sum(_owed_minor(entry) for entry in entries)))
        explanation: Json = {
            "document": document,
            "lines": lines,
            "checks": checks,
            "entries": [entry.as_json() for entry in entries],
            "equal": all(one["equal"] is not False for one in (*lines, *checks)),
            "document_sha256": sha256(document),
        }
        return explanation | {"sha256": sha256(explanation)}

    def _document(self, credits_number: str | None) -> Json:
        invoice = self._invoice
        return {
            "number": invoice.number,
            "kind": invoice.kind.value,
            "credits": credits_number,
            "subscriber_no": self._found.payer.number,
            "subscriber_name": self._found.subscriber_name,
            "issued_on": _iso(invoice.issued_on),
            "due_on": _iso(invoice.due_on),
            "period": [invoice.period_start_on.isoformat(), invoice.period_end_on.isoformat()],
            "timezone": invoice.timezone,
            "currency": invoice.currency,
            "lines": [
                {
                    "kind": line.kind.value,
                    "text": line.text,
                    "quantity": line.quantity,
                    "unit_price": line.unit_price_minor,
                    "per": line.per,
                    "amount": line.amount_minor,
                    "tax_code": line.tax_code,
                    "tax": line.tax_minor,
                    "inclusive": line.inclusive,
                }
                for line in invoice.lines
            ],
            "tax": invoice.tax_minor,
            "total": invoice.total_minor,
        }

    def _checks(self) -> list[Json]:
        invoice = self._invoice
        return [
            _check("total", invoice.total_minor, sum(line.gross_minor for line in invoice.lines)),
            _check("tax", invoice.tax_minor, sum(line.tax_minor for line in invoice.lines)),
        ]

    async def _line(self, position: int, line: InvoiceLine, *, with_slices: bool) -> Json:
        shown: Json = {
            "line": position,
            "kind": line.kind.value,
            "text": line.text,
            "username": self._usernames.get(line.service_id) if line.service_id else None,
            "quantity": line.quantity,
            "unit_price": line.unit_price_minor,
            "per": line.per,
            "amount": line.amount_minor,
            "details": dict(line.details),
        }
        if line.tax_code is not None:
            shown["taxed"] = self._taxed(line)
        sign = -1 if self._invoice.kind is DocumentKind.CREDIT_NOTE and self._invoice.credits_id is None else 1
        recomputed: int | None = None
        if line.service_id is not None and line.kind in _USAGE and "period" in line.details:
            recomputed = await self._usage_line(shown, line, line.service_id, with_slices=with_slices)
        elif line.service_id is not None and "item" in line.details and "period" in line.details:
            recomputed = await self._fee_line(shown, line, line.service_id)
        if recomputed is None:
            amount_minor = line.quantity * line.unit_price_minor
            recomputed = half_up(amount_minor, line.per) if amount_minor >= 0 else -half_up(-amount_minor, line.per)
        else:
            recomputed *= sign
        shown["recomputed"] = recomputed
        is_taxed_right = line.tax_code is None or shown["taxed"]["recomputed"] == line.tax_minor
        shown["equal"] = recomputed == line.amount_minor and is_taxed_right
        return shown

    def _taxed(self, line: InvoiceLine) -> Json:
        assert line.tax_code is not None and self._tax_on is not None  # noqa: S101, PT018 - what is issued has a day
        rule = rule_on(self._tax.rules, line.tax_code, self._tax_on)
        parts = taxed(line.amount_minor, rule, inclusive=line.inclusive)
        return {
            "code": line.tax_code,
            "rate": str(rule.rate),
            "base_of_price": str(rule.base),
            "inclusive": line.inclusive,
            "net": parts.net_minor,
            "base": parts.base_minor,
            "tax": line.tax_minor,
            "recomputed": parts.tax_minor,
        }

    async def _fee_line(self, shown: Json, line: InvoiceLine, service_id: UUID) -> int | None:
        start_on, end_on = (date.fromisoformat(one) for one in line.details["period"])
        service = self._services[service_id]
        shown["terms"] = terms_of_days(service.terms, service.stops, self._plans, self._names, start_on, end_on)
        rows = await self._work.explained.fee_rows(service_id, start_on, end_on)
        part = fee_part(rows, self._invoice.number, line.details, self._plans, service)
        if part is None:
            return None
        shown["fee"] = part
        recomputed: int = part["recomputed"]
        return recomputed

    async def _usage_line(self, shown: Json, line: InvoiceLine, service_id: UUID, *, with_slices: bool) -> int | None:
        start_on, end_on = (date.fromisoformat(one) for one in line.details["period"])
        key = service_id, line.details["period"][0]
        if key not in self._usage:
            period = BillingPeriod(start_on, end_on, self._invoice.timezone)
            self._usage[key] = await open_usage(self._work, service_id, period, with_slices=with_slices)
        opened = self._usage[key]
        if opened is None:
            return None
        shown["usage"] = opened.shown
        billed = [row for row in opened.billed if row.number == self._invoice.number]
        is_as_metered = any((row.upload_octets, row.download_octets) == opened.octets for row in billed)
        if line.kind is LineKind.LATE_USAGE:
            before = opened.billed[: next((at for at, row in enumerate(opened.billed) if row in billed), 0)]
            shown["came_late"] = heard_after(opened, before[-1].issued_on if before else None)
            earlier_minor = sum(row.amount_minor for row in before)
            return opened.after_minor - earlier_minor if is_as_metered else line.amount_minor
        charge = opened.charge(line.details, line.from_on)
        if not is_as_metered:  # what came since stands on a later document, which its line tells
            shown["metered_since"] = sum(opened.octets) - sum(row.upload_octets + row.download_octets for row in billed)
            return None
        return charge.amount_minor if charge is not None else None


def _check(name: str, said_minor: int, recomputed_minor: int) -> Json:
    return {"check": name, "said": said_minor, "recomputed": recomputed_minor, "equal": said_minor == recomputed_minor}


def _owed_minor(entry: BookedEntry) -> int:
    """Return what an entry of issue moves on the subscriber's receivable and wallet, without regard to its side."""
    moved = sum(
        amount if side == "debit" else -amount
        for code, side, amount in entry.postings
        if code.partition(":")[0] in {"receivable", "wallet"}
    )
    return abs(moved)


def _iso(on: date | None) -> str | None:
    return on.isoformat() if on else None


def sha256(document: Json) -> str:
    """Return the hash of canonical JSON: keys sorted, no spaces, UTF-8 (as RFC 8785 has it for what we write)."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()
