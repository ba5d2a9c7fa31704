"""What people decide about dunning: exemptions, promises to pay, later due dates, rules of a group, fees let go."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.invoice import Invoice
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date, local_midnight
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services.find_subscriber import Subscribers, find_subscriber
from netbilld.services.idempotency import Idempotency, digest

_PROMISE: Final = "dunning promise"
_WORDS: Final = 200
_LONGEST_DAYS: Final = 366
_MOST_GRACE: Final = 365
_IDS_A_CHANGE: Final = 500


class Terms(Protocol):
    async def group_code(self, name: str) -> str | None: ...

    async def service_ids(self, scope: str, name: str) -> list[UUID]: ...

    async def exempt(
        self, scope: str, name: str, until_on: date | None, reason: str, actor: str, now: datetime
    ) -> None: ...

    async def end_exemption(self, scope: str, name: str) -> bool: ...

    async def promises_since(self, subscriber_id: UUID, since: datetime) -> int: ...

    async def promise(
        self, subscriber_id: UUID, until_on: date, reason: str, actor: str, today: date, now: datetime
    ) -> None: ...

    async def end_promises(self, subscriber_id: UUID, today: date, now: datetime) -> int: ...

    async def extend(self, invoice_id: UUID, until_on: date, reason: str, actor: str, now: datetime) -> None: ...

    async def set_rule(self, scope: str, name: str, wanted: Mapping[str, Any], actor: str, now: datetime) -> None: ...

    async def drop_rule(self, scope: str, name: str) -> bool: ...


class Document(Protocol):
    @property
    def invoice(self) -> Invoice: ...

    @property
    def payer(self) -> Any: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...

    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...

    async def by_number(self, number: str) -> Any: ...


class LateFees(Protocol):
    async def of_invoice(self, number: str) -> Sequence[Any]: ...

    async def waive(self, fee_id: int, actor: str, because: str, now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def dunning_terms(self) -> Terms: ...

    @property
    def invoices(self) -> Invoices: ...

    @property
    def late_fees(self) -> LateFees: ...

    @property
    def subscribers(self) -> Subscribers: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def idempotency(self) -> Idempotency: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PromisePolicy:
    """How far promises go: so many for one debt, so many days from today."""

    most: int
    longest_days: int
    timezone: str


class ManageDunning:
    """The use cases; each is one transaction with its line in the audit trail, and is followed at once."""

    def __init__(self, store: Store, policy: PromisePolicy) -> None:
        self._store, self._policy = store, policy

    async def exempt(
        self, who: str, until_on: date | None, reason: str, actor: Actor, now: datetime, *, is_group: bool
    ) -> str:
        """Let nobody of them be walled, fined or terminated for arrears; reminders go on.

        Returns:
            whom it is for, as it is written.

        Raises:
            NotFoundError: there is no such subscriber or group.
            InvalidInputError: the day is past.
        """
        self._check_day(until_on, now)
        async with self._store.write() as work:
            scope, name = await _scope(work, who, is_group=is_group)
            await work.dunning_terms.exempt(scope, name, until_on, _words(reason), actor.name, now)
            await _tell(
                work, actor, now, "dunning.exempt", scope, name, {"until": _iso(until_on), "reason": _words(reason)}
            )
            return name

    async def end_exemption(self, who: str, actor: Actor, now: datetime, *, is_group: bool) -> str:
        """Take an exemption back.

        Raises:
            NotFoundError: there is no such subscriber, group or exemption.
        """
        async with self._store.write() as work:
            scope, name = await _scope(work, who, is_group=is_group)
            if not await work.dunning_terms.end_exemption(scope, name):
                raise NotFoundError(f"{name} is not exempt", hint="`netbilld dunning list` shows who is")
            await _tell(work, actor, now, "dunning.end_exemption", scope, name, {})
            return name

    async def promise(
        self, who: str, until_on: date, reason: str, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> Subscriber:
        """Take a promise to pay: access is back, or stays, until that day is over; under the same key it is one.

        Raises:
            NotFoundError: nobody has that user name or number.
            RefusedError: they owe nothing, have promised too often for this debt, or promises aren't taken.
            InvalidInputError: the day is past or too far.
        """
        self._check_day(until_on, now)
        today = local_date(now, self._policy.timezone)
        if (until_on - today).days > self._policy.longest_days:
            latest_on = today + timedelta(days=self._policy.longest_days)
            raise InvalidInputError(
                f"{until_on} is too far: a promise lasts {self._policy.longest_days} days",
                hint=f"write {latest_on} or earlier",
                code="promise_too_long",
            )
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, who)
            if idempotency_key:
                request = digest({"number": subscriber.number, "until": until_on, "reason": _words(reason)})
                if await work.idempotency.claim(idempotency_key, _PROMISE, request, now) is not None:
                    return subscriber
            owed = [one for one in await work.invoices.open_of(subscriber.id) if one.due_on is not None]
            owed_minor = sum(invoice.outstanding_minor for invoice in owed)
            if not owed_minor:
                raise RefusedError(f"{subscriber.number} {subscriber.name} owes nothing", code="nothing_owed")
            oldest_on = min(invoice.due_on for invoice in owed if invoice.due_on is not None)
            since = local_midnight(min(oldest_on, today), self._policy.timezone)
            made = await work.dunning_terms.promises_since(subscriber.id, since)
            if made >= self._policy.most:
                raise RefusedError(
                    f"{subscriber.number} {subscriber.name} has promised {made} times for this debt",
                    hint="`netbilld dunning exempt` or `extend` goes further",
                    code="too_many_promises",
                )
            await work.dunning_terms.promise(subscriber.id, until_on, _words(reason), actor.name, today, now)
            context = {"until_on": until_on.isoformat(), "overdue_minor": owed_minor}
            key = f"promise:{subscriber.number}:{until_on}:{made}:{oldest_on}"
            await work.outbox.add(Message(MessageKind.PROMISE, subscriber.id, context, key), now)
            details = {"until": until_on.isoformat(), "owed": owed_minor, "reason": _words(reason)}
            await _tell(work, actor, now, "dunning.promise", "subscriber", subscriber.number, details)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, _PROMISE, {"number": subscriber.number})
            return subscriber

    async def end_promise(self, who: str, actor: Actor, now: datetime) -> Subscriber:
        """Take a promise back that is not over.

        Raises:
            NotFoundError: nobody has that name, or there is no promise.
        """
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, who)
            today = local_date(now, self._policy.timezone)
            if not await work.dunning_terms.end_promises(subscriber.id, today, now):
                raise NotFoundError(f"{subscriber.number} {subscriber.name} has made no promise")
            await _tell(work, actor, now, "dunning.end_promise", "subscriber", subscriber.number, {})
            return subscriber

    async def extend(self, number: str, until_on: date, reason: str, actor: Actor, now: datetime) -> Subscriber | None:
        """Let an invoice be paid later; it stays as it was issued.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: it is not open, or due later anyway.
            InvalidInputError: the day is past or too far.
        """
        self._check_day(until_on, now)
        if (until_on - local_date(now, self._policy.timezone)).days > _LONGEST_DAYS:
            raise InvalidInputError(f"{until_on} is more than a year ahead", code="bad_date")
        async with self._store.write() as work:
            found = await work.invoices.by_number(number)
            if found is None:
                raise NotFoundError(f"no invoice {number}", hint="`netbilld invoice list` shows them")
            invoice: Invoice = found.invoice
            if not invoice.outstanding_minor:
                raise RefusedError(f"invoice {invoice.number} is {invoice.status.value}: nothing is owed on it")
            if invoice.due_on is not None and until_on <= invoice.due_on:
                raise RefusedError(f"invoice {invoice.number} is due on {invoice.due_on} anyway", code="not_later")
            subscriber = await work.subscribers.by_number(found.payer.number, lock=True)
            assert subscriber is not None, "an invoice has a subscriber"  # noqa: S101
            await work.dunning_terms.extend(invoice.id, until_on, _words(reason), actor.name, now)
            details = {"invoice": invoice.number, "until": until_on.isoformat(), "reason": _words(reason)}
            await _tell(work, actor, now, "dunning.extend", "subscriber", subscriber.number, details)
            return subscriber

    async def set_rule(
        self, who: str, wanted: Mapping[str, Any], actor: Actor, now: datetime, *, is_group: bool
    ) -> str:
        """Set what differs from the settings: `grace_days`, `remind_days`, `from_receipt`; empty: nothing any more.

        Raises:
            NotFoundError: there is no such subscriber or group.
            InvalidInputError: a number is out of bounds.
        """
        grace_days, remind_days = wanted.get("grace_days"), wanted.get("remind_days")
        if grace_days is not None and not 0 <= grace_days <= _MOST_GRACE:
            raise InvalidInputError(f"grace of {grace_days} days: write 0 to {_MOST_GRACE}")
        if remind_days is not None and any(not -60 <= days <= 60 for days in remind_days):
            raise InvalidInputError("reminders: write days between -60 and 60, such as -7,-3,0,3")
        async with self._store.write() as work:
            scope, name = await _scope(work, who, is_group=is_group)
            if wanted:
                await work.dunning_terms.set_rule(scope, name, wanted, actor.name, now)
            else:
                await work.dunning_terms.drop_rule(scope, name)
            await _tell(work, actor, now, "dunning.rule", scope, name, dict(wanted))
            return name

    async def waive(self, number: str, because: str, actor: Actor, now: datetime) -> int:
        """Let an invoice's late fees go that are not billed; return how many.

        Raises:
            RefusedError: there are none, or they are billed: then a credit note gives them back.
        """
        async with self._store.write() as work:
            done = 0
            if found := await work.invoices.by_number(number):
                await work.invoices.lock_subscribers([found.payer.id])  # a run that bills them goes before, or after
            for fee in await work.late_fees.of_invoice(number):
                done += await work.late_fees.waive(fee.id, actor.name, _words(because), now)
            if not done:
                raise RefusedError(
                    f"{number} has no late fee that is not billed",
                    hint="one that is billed is given back by `netbilld invoice credit`",
                )
            details = {"invoice": number, "because": _words(because), "fees": done}
            await work.changes.record(actor, now, "dunning.waive", "invoice", number, details)
            return done

    def _check_day(self, on: date | None, now: datetime) -> None:
        today = local_date(now, self._policy.timezone)
        if on is not None and on < today:
            raise InvalidInputError(f"{on} is past", hint=f"today is {today}", code="bad_date")


async def _scope(work: Work, who: str, *, is_group: bool) -> tuple[str, str]:
    if not is_group:
        return "subscriber", (await find_subscriber(work, who)).number
    code = await work.dunning_terms.group_code(who)
    if code is None:
        raise NotFoundError(f"no customer group {who!r}")
    return "group", code


async def _tell(
    work: Work, actor: Actor, now: datetime, action: str, scope: str, name: str, details: Mapping[str, Any]
) -> None:
    service_ids = [str(service_id) for service_id in await work.dunning_terms.service_ids(scope, name)]
    for start in range(0, max(len(service_ids), 1), _IDS_A_CHANGE):
        said = {**details, "name": name, "service_ids": service_ids[start : start + _IDS_A_CHANGE]}
        await work.changes.record(actor, now, action, scope, name, said)


def _words(reason: str) -> str:
    return " ".join(reason.split())[:_WORDS]


def _iso(on: date | None) -> str | None:
    return None if on is None else on.isoformat()
