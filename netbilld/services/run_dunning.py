"""RunDunning: what is due about unpaid invoices is done, each step once, and taken back when it is paid."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.billing.dunning import (
    Closing,
    DunnedAccount,
    DunningPolicy,
    Outcome,
    Step,
    StepKind,
    closing,
    is_cleared,
    likeness,
    steps_due,
)
from netbilld.model.actor import SCHEDULE, Actor
from netbilld.model.errors import NetbilldError
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.dunning_views import MOST_NAMED, Concerned, DayAhead, Foreseen, People

CHUNK: Final = 200  # subscribers in one transaction
_AT_ONCE: Final = 2_000  # subscribers that are looked ahead for before others have their turn
# What was to be said about arrears is not said any more once access is back.
_TAKEN_BACK: Final = (MessageKind.ISOLIR_WARNING, MessageKind.ISOLIR)
_AUDITED: Final = {
    StepKind.ISOLIR: "dunning.isolir",
    StepKind.RESTORED: "dunning.restored",
    StepKind.LATE_FEE: "dunning.late_fee",
    StepKind.TERMINATION: "dunning.termination",
}


class DunningBook(Protocol):
    async def lead_days(self, policy: DunningPolicy) -> int: ...

    async def candidates(self, due_by: date) -> list[UUID]: ...

    async def reopened(self) -> list[UUID]: ...

    async def accounts(
        self, subscriber_ids: Sequence[UUID], policy: DunningPolicy, now: datetime
    ) -> list[DunnedAccount]: ...

    async def record(self, steps: Sequence[tuple[UUID, Step]], now: datetime) -> set[str]: ...

    async def begin_isolir(self, subscriber_id: UUID, overdue_minor: int, now: datetime) -> None: ...

    async def restore(self, subscriber_id: UUID, now: datetime) -> None: ...

    async def clear(self, subscriber_ids: Iterable[UUID], now: datetime) -> None: ...

    async def named(self, subscriber_ids: Iterable[UUID]) -> Mapping[UUID, tuple[str, str, str]]: ...

    async def first_named(self, subscriber_ids: Iterable[UUID], most: int) -> Mapping[UUID, tuple[str, str, str]]: ...

    async def names_of_live_services(self, subscriber_id: UUID) -> list[str]: ...


class LateFees(Protocol):
    async def add(
        self, invoice_id: UUID, stage: int, subscriber_id: UUID, amount_minor: int, currency: str, decided_on: date
    ) -> bool: ...


class Outbox(Protocol):
    async def add_many(self, messages: Sequence[Message], now: datetime) -> int: ...

    async def withdraw(self, subscriber_id: UUID, kinds: Sequence[MessageKind], now: datetime) -> int: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Iterable[UUID]) -> None: ...


class Work(Protocol):
    @property
    def dunning(self) -> DunningBook: ...

    @property
    def late_fees(self) -> LateFees: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def invoices(self) -> Invoices: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Terminates(Protocol):
    async def terminate(self, username: str, reason: str | None, actor: Actor, now: datetime) -> bool: ...


@dataclass(slots=True)
class DunningReport:
    """What a run has done, by step and outcome, and whom it had to leave out."""

    done: Counter[tuple[StepKind, Outcome]] = field(default_factory=Counter)
    parked: list[str] = field(default_factory=list)

    def count(self, kind: StepKind, outcome: Outcome = Outcome.DONE) -> int:
        """Return how many steps of that kind came out so."""
        return self.done[kind, outcome]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a day's isolir will be, and what else is due by then.

    Attributes:
        at: the moment it is for.
        named: number, name and currency of whom `closing` names.
        due: how many steps of each kind, isolir aside.
    """

    at: datetime
    closing: Closing
    named: Mapping[UUID, tuple[str, str, str]]
    due: Mapping[StepKind, int]


class RunDunning:
    """Safe to start twice, on two nodes, and to kill at any point: a step is written down with what it does."""

    def __init__(self, store: Store, policy: DunningPolicy, terminates: Terminates) -> None:
        self._store, self._policy, self._terminates = store, policy, terminates

    async def run(self, now: datetime) -> DunningReport:
        """Do everything that is due by now.

        Raises:
            StoreUnavailableError: the database is away; what was done stays done.
        """
        async with self._store.read() as work:
            lead = timedelta(days=await work.dunning.lead_days(self._policy))
            candidates = await work.dunning.candidates(self._policy.local(now) + lead)
        report = DunningReport()
        for start in range(0, len(candidates), CHUNK):
            await self._part(candidates[start : start + CHUNK], now, report)
        return report

    async def settle(self, now: datetime) -> DunningReport:
        """Take back what was done about those who have paid or promised since; quick, for it is asked often."""
        report = DunningReport()
        async with self._store.read() as work:
            reopened = await work.dunning.reopened()
        for start in range(0, len(reopened), CHUNK):
            await self._part(reopened[start : start + CHUNK], now, report)
        return report

    async def preview(self, at: datetime, now: datetime) -> Preview:
        """Return what isolir at that moment will be, as things stand now.

        Args:
            at: the moment; what is due before it counts as done.
            now: until when standing terms are looked at.
        """
        due: Counter[StepKind] = Counter()
        walled: dict[UUID, int] = {}
        promised: dict[UUID, int] = {}
        exempt: dict[UUID, int] = {}
        async with self._store.read() as work:
            lead = timedelta(days=await work.dunning.lead_days(self._policy))
            candidates = await work.dunning.candidates(self._policy.local(at) + lead)
            for start in range(0, len(candidates), CHUNK):
                accounts = await work.dunning.accounts(candidates[start : start + CHUNK], self._policy, now)
                found = closing(accounts, self._policy, at)
                walled |= found.walled
                promised |= found.promised
                exempt |= found.exempt
                for account in accounts:
                    due.update(
                        step.kind
                        for step in steps_due(account, self._policy, at)
                        if step.outcome is not Outcome.MISSED and step.kind is not StepKind.ISOLIR
                    )
            named = await work.dunning.named([*walled, *promised, *exempt])
        return Preview(at, Closing(walled, promised, exempt), named, dict(due))

    async def calendar(self, first_on: date, days: int, now: datetime) -> list[DayAhead]:
        """Return what so many days bring, from `first_on` on, as things stand now; everybody is read once.

        Args:
            first_on: the local day that it begins with, today or a later one.
            days: how many.
            now: what is due before it belongs to the first day.
        """
        zone = ZoneInfo(self._policy.standing.timezone)
        ons = [first_on + timedelta(days=place) for place in range(days)]
        moments = [max(datetime.combine(on, self._policy.standing.isolir_at, zone), now) for on in ons]
        ends = [datetime.combine(on + timedelta(days=1), time(0), zone) for on in ons]
        found = [Foreseen() for _ in ons]
        due: list[Counter[StepKind]] = [Counter() for _ in ons]
        async with self._store.read() as work:
            lead = timedelta(days=await work.dunning.lead_days(self._policy))
            candidates = await work.dunning.candidates(ons[-1] + lead)
            for account, ids in (await self._alike(work, candidates, now)).values():
                before: Closing | None = None
                for place, at in enumerate(moments):
                    there = closing([account], self._policy, at)
                    found[place].add(account.subscriber_id, ids, there, before)
                    since = ends[place - 1] if place else datetime.min.replace(tzinfo=zone)
                    for kind in self._said_between(account, since, ends[place]):
                        due[place][kind] += len(ids)
                    before = there
                await asyncio.sleep(0)
            shown = []
            for place, foreseen in enumerate(found):
                walled, promised, exempt = [await self._people(work, some) for some in foreseen.kinds()]
                shown.append(DayAhead(ons[place], moments[place], walled, promised, exempt, dict(due[place])))
        return shown

    async def _alike(
        self, work: Work, candidates: Sequence[UUID], now: datetime
    ) -> dict[Hashable, tuple[DunnedAccount, list[UUID]]]:
        """Return one account of each likeness, and whose accounts are like it."""
        found: dict[Hashable, tuple[DunnedAccount, list[UUID]]] = {}
        for start in range(0, len(candidates), _AT_ONCE):
            for account in await work.dunning.accounts(candidates[start : start + _AT_ONCE], self._policy, now):
                found.setdefault(likeness(account), (account, []))[1].append(account.subscriber_id)
            await asyncio.sleep(0)
        return found

    async def _people(self, work: Work, overdue_minor: Mapping[UUID, int]) -> People:
        """Return the first of them by name."""
        named = await work.dunning.first_named(overdue_minor, MOST_NAMED) if overdue_minor else {}
        first = [Concerned(*one[:2], overdue_minor[key], one[2]) for key, one in named.items()]
        return People(first, len(overdue_minor), sum(overdue_minor.values()))

    def _said_between(self, account: DunnedAccount, since: datetime, until: datetime) -> Iterator[StepKind]:
        """Yield what becomes due between two instants, beside isolir."""
        for step in steps_due(account, self._policy, until - timedelta(seconds=1)):
            is_said = step.outcome is not Outcome.MISSED and step.kind is not StepKind.ISOLIR
            if is_said and since <= step.due_at < until:
                yield step.kind

    async def _part(self, subscriber_ids: Sequence[UUID], now: datetime, report: DunningReport) -> None:
        async with self._store.read() as work:  # most have nothing due: they are not locked
            accounts = await work.dunning.accounts(subscriber_ids, self._policy, now)
        concerned = [account.subscriber_id for account in accounts if self._is_concerned(account, now)]
        if not concerned:
            return
        kept = {account.subscriber_id for account in accounts if not await self._end_services(account, now, report)}
        async with self._store.write() as work:
            await work.invoices.lock_subscribers(concerned)
            accounts = await work.dunning.accounts(concerned, self._policy, now)
            await self._do(work, accounts, now, report, kept)

    def _is_concerned(self, account: DunnedAccount, now: datetime) -> bool:
        return bool(steps_due(account, self._policy, now)) or (
            account.isolir is not None and is_cleared(account, self._policy, now)
        )

    async def _do(
        self,
        work: Work,
        accounts: Sequence[DunnedAccount],
        now: datetime,
        report: DunningReport,
        kept: Collection[UUID],
    ) -> None:
        due = [
            (account.subscriber_id, step)
            for account in accounts
            for step in steps_due(account, self._policy, now)
            if step.kind is not StepKind.TERMINATION or account.subscriber_id not in kept
        ]
        new = await work.dunning.record(due, now)
        named = await work.dunning.named([account.subscriber_id for account in accounts])
        messages: list[Message] = []
        audited: dict[StepKind, list[tuple[UUID, dict[str, Any]]]] = {}
        for subscriber_id, step in due:
            if step.key not in new:
                continue
            report.done[step.kind, step.outcome] += 1
            await self._effect(work, subscriber_id, step, named[subscriber_id][2], now)
            if step.outcome is Outcome.DONE and (message := _message(subscriber_id, step)) is not None:
                messages.append(message)
            if step.kind in _AUDITED:
                details = {
                    "number": named[subscriber_id][0],
                    "amount": step.amount_minor,
                    "invoices": list(step.numbers),
                    "outcome": step.outcome.value,
                }
                audited.setdefault(step.kind, []).append((subscriber_id, details))
        await work.dunning.clear(
            (
                account.subscriber_id
                for account in accounts
                if account.isolir is not None and is_cleared(account, self._policy, now)
            ),
            now,
        )
        if messages:
            await work.outbox.add_many(messages, now)
        for kind, entries in audited.items():
            await work.changes.record_many(SCHEDULE, now, _AUDITED[kind], "subscriber", entries)

    async def _effect(self, work: Work, subscriber_id: UUID, step: Step, currency: str, now: datetime) -> None:
        if step.kind is StepKind.ISOLIR:
            await work.dunning.begin_isolir(subscriber_id, step.amount_minor, now)
        elif step.kind is StepKind.RESTORED:
            await work.dunning.restore(subscriber_id, now)
            await work.outbox.withdraw(subscriber_id, _TAKEN_BACK, now)
        elif step.kind is StepKind.LATE_FEE and step.invoice is not None:
            today = self._policy.local(now)
            await work.late_fees.add(step.invoice.id, step.stage, subscriber_id, step.amount_minor, currency, today)

    async def _end_services(self, account: DunnedAccount, now: datetime, report: DunningReport) -> bool:
        """End the services whose time has come, before it is written down: ending one that has ended does nothing.

        Returns:
            False where one could not be ended: it is not written down then, and tried again.
        """
        if not self._ends(account, now):
            return True
        async with self._store.read() as work:
            (account,) = await work.dunning.accounts([account.subscriber_id], self._policy, now)
            if not self._ends(account, now):  # paid just now
                return True
            names = await work.dunning.names_of_live_services(account.subscriber_id)
        for name in names:
            try:
                await self._terminates.terminate(name, "arrears", SCHEDULE, now)
            except NetbilldError as error:
                report.parked.append(f"{name}: {error}")
                return False
        return True

    def _ends(self, account: DunnedAccount, now: datetime) -> bool:
        return any(
            step.kind is StepKind.TERMINATION and step.outcome is Outcome.DONE
            for step in steps_due(account, self._policy, now)
        )


def _message(subscriber_id: UUID, step: Step) -> Message | None:
    """Return what a subscriber is told of a step."""
    numbers = list(step.numbers)
    invoice_id = step.invoice.id if step.invoice is not None else None
    match step.kind:
        case StepKind.REMINDER if step.invoice is not None and step.invoice.due_on is not None:
            context: dict[str, Any] = {
                "number": step.invoice.number,
                "outstanding_minor": step.amount_minor,
                "due_on": step.invoice.due_on.isoformat(),
                "days": step.days,
            }
            return Message(MessageKind.REMINDER, subscriber_id, context, step.key, while_open=invoice_id)
        case StepKind.WARNING if step.closes_at is not None:
            context = {
                "numbers": numbers,
                "overdue_minor": step.amount_minor,
                "isolir_at": step.closes_at.isoformat(),
            }
            return Message(MessageKind.ISOLIR_WARNING, subscriber_id, context, step.key, while_open=invoice_id)
        case StepKind.ISOLIR:
            context = {"numbers": numbers, "overdue_minor": step.amount_minor}
            return Message(MessageKind.ISOLIR, subscriber_id, context, step.key)
        case StepKind.RESTORED:
            return Message(MessageKind.RESTORED, subscriber_id, {"outstanding_minor": step.amount_minor}, step.key)
        case StepKind.LATE_FEE if step.invoice is not None:
            context = {"number": step.invoice.number, "amount_minor": step.amount_minor}
            return Message(MessageKind.LATE_FEE, subscriber_id, context, step.key)
        case StepKind.TERMINATION:
            context = {"numbers": numbers, "overdue_minor": step.amount_minor}
            return Message(MessageKind.TERMINATION, subscriber_id, context, step.key)
        case _:
            return None
