"""Bringing in many subscribers: good rows go in, a transaction for some hundreds of them; bad rows are told apart."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import DEFAULT, Numbering, invoice_number, invoice_series
from netbilld.billing.payment import Payment
from netbilld.billing.terms import StopKind
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Credential, PlanOffer, Service, Subscriber, SubscriberStatus
from netbilld.ports.changes import Changes
from netbilld.services import change_terms, manage_subscribers, stop_service
from netbilld.services.fixed_addresses import Addresses, fixed_addresses
from netbilld.services.import_rows import CsvRow, ImportRow
from netbilld.services.manage_subscribers import taken_address, taken_name
from netbilld.services.new_service import (
    CheckedService,
    Defaults,
    Sealer,
    check,
    make_credentials,
    make_service,
    make_subscriber,
)
from netbilld.services.opening_balance import opening_credit, opening_debt
from netbilld.services.stop_service import begin_stop
from netbilld.services.subscriber_fields import name_key
from netbilld.services.take_plan import Groups, known_group, refuse_sale

CHUNK: Final = 500


class Rows(Protocol):
    """What is brought in: the records of a file, or of something else that has as many."""

    def __iter__(self) -> Iterator[CsvRow]: ...

    def understand(self, row: CsvRow, currency: str, today: date) -> ImportRow: ...


class Locks(Protocol):
    async def set(
        self, service_id: UUID, kind: str, values: Collection[str], *, learned: bool, created_at: datetime
    ) -> None: ...


class Subscribers(manage_subscribers.Subscribers, Protocol):
    async def by_numbers(self, numbers: Sequence[str]) -> dict[str, Subscriber]: ...


class Invoices(Protocol):
    async def take_numbers(self, series: str, count: int) -> int: ...

    async def add(self, added: Sequence[Invoice], at: datetime) -> None: ...


class Payments(Protocol):
    async def add(self, payment: Payment) -> bool: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: Any, actor: Actor
    ) -> list[int]: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...

    @property
    def services(self) -> manage_subscribers.Services: ...

    @property
    def addresses(self) -> Addresses: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def invoices(self) -> Invoices: ...

    @property
    def payments(self) -> Payments: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def locks(self) -> Locks: ...

    @property
    def plans(self) -> change_terms.Plans: ...

    @property
    def groups(self) -> Groups: ...

    @property
    def terms(self) -> stop_service.Stops: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class Summary:
    """How many rows there were, went in (or would), and did not."""

    rows: int = 0
    imported: int = 0
    rejected: int = 0


Reject = Callable[[CsvRow, str], None]
Progress = Callable[[int], None]


@dataclass(slots=True)
class _Seen:
    """What earlier rows of this file have taken."""

    names: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Candidate:
    row: ImportRow
    checked: CheckedService


@dataclass(slots=True)
class _Chunk:
    """What one transaction adds."""

    subscribers: list[Subscriber] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    balances: list[tuple[Payer, int]] = field(default_factory=list)
    changes: list[tuple[UUID | int | str, Mapping[str, Any]]] = field(default_factory=list)
    stations: list[tuple[UUID, str]] = field(default_factory=list)  # services locked to a MAC address
    seen: _Seen = field(default_factory=_Seen)


class ImportSubscribers:
    """Imports one file."""

    def __init__(
        self, store: Store, box: Sealer, defaults: Defaults, *, due_days: int, numbering: Numbering = DEFAULT
    ) -> None:
        self._store = store
        self._box = box
        self._defaults = defaults
        self._due_days = due_days
        self._numbering = numbering
        self._seen = _Seen()
        self._reserved: frozenset[str] = frozenset()

    async def run(
        self,
        table: Rows,
        actor: Actor,
        now: datetime,
        *,
        file_name: str,
        reserved_numbers: Iterable[str],
        reject: Reject,
        progress: Progress,
        dry_run: bool = False,
    ) -> Summary:
        """Bring in the good rows and return how it went.

        Args:
            table: the file.
            actor: who.
            now: when.
            file_name: for the audit trail.
            reserved_numbers: every subscriber number the file gives; none of them is given to anybody else.
            reject: told each bad row and what is wrong with it.
            progress: told how many rows are done.
            dry_run: only tell; nothing goes in.
        """
        self._reserved = frozenset(reserved_numbers)
        today = local_date(now, self._defaults.timezone)
        summary = Summary()
        waiting: list[_Candidate] = []
        bad: list[tuple[CsvRow, str]] = []

        def note_bad(row: CsvRow, reason: str) -> None:
            bad.append((row, reason))

        async def flush() -> None:
            summary.imported += await self._take(waiting, actor, now, file_name, note_bad, dry_run=dry_run)
            for row, reason in sorted(bad, key=lambda one: one[0].line):
                reject(row, reason)
            waiting.clear()
            bad.clear()
            summary.rejected = summary.rows - summary.imported
            progress(summary.rows)

        for row in table:
            summary.rows += 1
            try:
                understood = table.understand(row, self._defaults.currency, today)
                waiting.append(_Candidate(understood, check(understood.new, self._defaults, now)))
            except InvalidInputError as error:
                note_bad(row, str(error))
            if len(waiting) >= CHUNK:
                await flush()
        await flush()
        return summary

    async def _take(
        self,
        candidates: Sequence[_Candidate],
        actor: Actor,
        now: datetime,
        file_name: str,
        reject: Reject,
        *,
        dry_run: bool,
    ) -> int:
        if not candidates:
            return 0
        rejected: list[tuple[_Candidate, str]] = []
        try:
            async with self._store.read() if dry_run else self._store.write() as work:
                chunk = await self._prepare(work, candidates, rejected, now, file_name, dry_run=dry_run)
                if not dry_run:
                    await self._store_chunk(work, chunk, actor, now)
        except RefusedError as error:
            # somebody took a name or an address meanwhile: find out whose row it is
            if len(candidates) == 1:
                reject(_as_read(candidates[0]), str(error))
                return 0
            return sum([await self._take([one], actor, now, file_name, reject, dry_run=dry_run) for one in candidates])
        for candidate, reason in rejected:
            reject(_as_read(candidate), reason)
        self._seen.names |= chunk.seen.names
        self._seen.addresses |= chunk.seen.addresses
        self._seen.subscribers |= chunk.seen.subscribers
        return len(chunk.services)

    async def _prepare(
        self,
        work: Work,
        candidates: Sequence[_Candidate],
        rejected: list[tuple[_Candidate, str]],
        now: datetime,
        file_name: str,
        *,
        dry_run: bool,
    ) -> _Chunk:
        checked = [candidate.checked for candidate in candidates]
        offers = await work.services.offers({one.plan for one in checked}, local_date(now, self._defaults.timezone))
        versions = await work.plans.versions({offer.plan_version_id for offer in offers.values()})
        taken = await work.services.taken_names([name for one in checked for name in one.names])
        addresses = await work.services.live_with_address([one.ip for one in checked if one.ip is not None])
        fixed = await fixed_addresses(work.addresses) if any(any(one.fixed) for one in checked) else None
        known = await work.subscribers.by_numbers([one.of for one in checked if one.of is not None])
        chunk = _Chunk()
        accepted: list[tuple[_Candidate, PlanOffer, Subscriber]] = []
        for candidate in candidates:
            one = candidate.checked
            try:
                offer = self._offer(offers, one)
                if one.customer_group is not None:
                    one = replace(one, customer_group=await known_group(work, one.customer_group))
                    candidate = replace(candidate, checked=one)  # noqa: PLW2901 - the same row, better written
                self._refuse_taken(one, taken, addresses, chunk.seen)
                if fixed is not None:
                    fixed.refuse(one.fixed)
                subscriber, is_new = self._subscriber(one, known, chunk.seen, now)
                if offer.currency != subscriber.currency:
                    raise RefusedError(f"plan {offer.code} is in {offer.currency}, not {subscriber.currency}")
                refuse_sale(versions[offer.plan_version_id].plan, subscriber)
                if candidate.row.opening_balance_minor and not is_new:
                    raise RefusedError("opening_balance goes with the row that makes the subscriber")
            except NetbilldError as error:
                rejected.append((candidate, str(error)))
                continue
            accepted.append((candidate, offer, subscriber))
            chunk.seen.names.update(name_key(name) for name in one.names)
            if one.ip is not None:
                chunk.seen.addresses.add(one.ip)
            if fixed is not None:
                for address in one.fixed:
                    fixed.add(one.username, address)
            if is_new:
                chunk.subscribers.append(subscriber)
                if one.of is not None:
                    chunk.seen.subscribers[one.of] = subscriber
        if not dry_run:
            await self._number(work, chunk)
        numbers = {subscriber.id: subscriber.number for subscriber in chunk.subscribers}
        for candidate, offer, subscriber in accepted:
            one = candidate.checked
            number = numbers.get(subscriber.id, subscriber.number)
            service = make_service(one, subscriber.id, offer, self._defaults, now)
            if (reason := candidate.row.suspended_because) is not None:
                service = replace(service, status="suspended", status_reason=reason)
            chunk.services.append(service)
            if candidate.row.lock_mac is not None:
                chunk.stations.append((service.id, candidate.row.lock_mac))
            chunk.credentials += make_credentials(one, service.id, self._box, now)
            if balance_minor := candidate.row.opening_balance_minor:
                chunk.balances.append((Payer(subscriber.id, number, subscriber.currency), balance_minor))
            details = {
                "service_ids": [str(service.id)],
                "number": number,
                "username": one.username,
                "plan": offer.code,
                "file": file_name,
                "line": candidate.row.line,
                "opening_balance": balance_minor,
            }
            chunk.changes.append((subscriber.id, details))
        return chunk

    async def _number(self, work: Work, chunk: _Chunk) -> None:
        """Give numbers to those new subscribers whose rows gave none."""
        without = sum(not subscriber.number for subscriber in chunk.subscribers)
        numbers: list[str] = []
        while len(numbers) < without:
            given = await work.subscribers.next_numbers(without - len(numbers))
            numbers += [number for number in given if number not in self._reserved]
        unused = iter(numbers)
        chunk.subscribers = [
            subscriber if subscriber.number else replace(subscriber, number=next(unused))
            for subscriber in chunk.subscribers
        ]

    def _offer(self, offers: Mapping[str, PlanOffer], one: CheckedService) -> PlanOffer:
        offer = offers.get(one.plan.casefold())
        if offer is None:
            raise InvalidInputError(f"no plan has code {one.plan!r}")
        if not offer.on_sale:
            raise RefusedError(f"plan {offer.code} is no longer for sale")
        return offer

    def _refuse_taken(
        self, one: CheckedService, taken: Mapping[str, bool], addresses: Mapping[str, UUID], seen: _Seen
    ) -> None:
        for name in one.names:
            key = name_key(name)
            if key in self._seen.names or key in seen.names:
                raise RefusedError(f"user name {name!r} is in an earlier row (letter case does not count)")
            if key in taken:
                raise taken_name(name, live=taken[key])
        if one.ip is not None:
            if one.ip in self._seen.addresses or one.ip in seen.addresses:
                raise RefusedError(f"address {one.ip} is in an earlier row")
            if one.ip in addresses:
                raise taken_address(one.ip)

    def _subscriber(
        self, one: CheckedService, known: Mapping[str, Subscriber], seen: _Seen, now: datetime
    ) -> tuple[Subscriber, bool]:
        """Return whom the row is for, and whether the row makes them.

        A number that is known adds a service to its subscriber; since that would be somebody else's bill if the
        number were wrong, the row must know the name as well.
        """
        if one.of is None:
            return make_subscriber(one, "", self._defaults, now), True  # numbered with the others, if it goes in
        earlier = seen.subscribers.get(one.of) or self._seen.subscribers.get(one.of)
        found = earlier or known.get(one.of)
        if found is None:
            return make_subscriber(one, one.of, self._defaults, now), True
        if (one.name is not None or earlier is None) and (one.name or "").casefold() != found.name.casefold():
            raise RefusedError(f"subscriber number {one.of} belongs to {found.name!r}, not to {one.name or 'nobody'!r}")
        if found.status == SubscriberStatus.TERMINATED.value:
            raise RefusedError(f"subscriber {one.of} is terminated", hint="use `subscriber add --of`")
        return found, False

    async def _store_chunk(self, work: Work, chunk: _Chunk, actor: Actor, now: datetime) -> None:
        await work.subscribers.add(*chunk.subscribers)
        await work.services.add(*chunk.services, actor=actor.name)
        await work.services.add_credentials(*chunk.credentials)
        for service in chunk.services:
            if service.status == "suspended":
                await begin_stop(work, service, StopKind.SUSPENDED, service.status_reason, actor, now)
        for service_id, mac in chunk.stations:
            await work.locks.set(service_id, "mac", [mac], learned=False, created_at=now)
        await self._post_balances(work, chunk.balances, actor, now)
        await work.changes.record_many(actor, now, "subscriber.add", "subscriber", chunk.changes)

    async def _post_balances(
        self, work: Work, balances: Sequence[tuple[Payer, int]], actor: Actor, now: datetime
    ) -> None:
        if not balances:
            return
        on = local_date(now, self._defaults.timezone)
        debts = sum(balance < 0 for _, balance in balances)
        sequence = await work.invoices.take_numbers(invoice_series(on, self._numbering), debts) if debts else 0
        invoices: list[Invoice] = []
        entries: list[LedgerEntry] = []
        for payer, balance in balances:
            if balance > 0:
                payment, entry = opening_credit(payer, balance, on, now, actor)
                if not await work.payments.add(payment):
                    raise RefusedError(f"subscriber {payer.number} was given an opening balance before")
            else:
                number = invoice_number(on, sequence, self._numbering)
                sequence += 1
                invoice, entry = opening_debt(payer, -balance, number, on, self._due_days, self._defaults.timezone)
                invoices.append(invoice)
            entries.append(entry)
        await work.invoices.add(invoices, now)
        await work.ledger.post_many(entries, at=now, booked_on=on, actor=actor)


def _as_read(candidate: _Candidate) -> CsvRow:
    return CsvRow(candidate.row.line, candidate.row.cells)
