"""What is to be done about unpaid invoices by now: reminders, warnings, isolir and its end, late fees, termination.

Pure: an account and the moment in, steps out. A step carries a key under which it is done once, whoever runs how often.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.billing.standing import (
    FOR_EVER,
    PLAIN_TERMS,
    OpenInvoice,
    Standing,
    StandingKind,
    StandingPolicy,
    StandingTerms,
    standing,
)
from netbilld.model.units import half_up

STALE: Final = timedelta(days=3)  # a reminder that comes later than this is not sent any more


class StepKind(StrEnum):
    REMINDER = "reminder"
    WARNING = "warning"
    ISOLIR = "isolir"
    RESTORED = "restored"
    LATE_FEE = "late_fee"
    TERMINATION = "termination"


_OF_INVOICE: Final = frozenset({StepKind.REMINDER, StepKind.LATE_FEE})  # their keys name the invoice
_OF_ISOLIR: Final = frozenset({StepKind.RESTORED, StepKind.TERMINATION})


class Outcome(StrEnum):
    DONE = "done"
    MISSED = "missed"  # its time passed while nobody ran; a newer one took its place
    PROMISED = "promised"  # left out: they have promised to pay by a later day
    PROPOSED = "proposed"  # a person decides


@dataclass(frozen=True, slots=True)
class LateFeeStage:
    """A fine for an invoice that is unpaid so many days after its due date: flat, or a percentage with bounds.

    Attributes:
        after_days: the fine is due on this day after the last day to pay, 1 or more.
        percent_hundredths: of what is unpaid on it then; 5 % is 500. Exactly one of it and `flat_minor` is given.
    """

    after_days: int
    flat_minor: int | None = None
    percent_hundredths: int | None = None
    minimum_minor: int = 0
    cap_minor: int | None = None

    def amount_minor(self, outstanding_minor: int) -> int:
        """Return the fine for so much that is unpaid; a percentage is rounded half up, then bounded."""
        if self.flat_minor is not None:
            return self.flat_minor
        amount_minor = max(half_up(outstanding_minor * (self.percent_hundredths or 0), 10_000), self.minimum_minor)
        return amount_minor if self.cap_minor is None else min(amount_minor, self.cap_minor)


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """What the provider does about arrears.

    Attributes:
        remind_days: before (below 0), on and after the last day to pay.
        remind_at: local time of day for reminders, warnings, late fees and termination.
        warn_days: isolir is announced so many days before; None announces none.
        terminate_days: of isolir after which termination is proposed; None never.
    """

    standing: StandingPolicy
    remind_days: tuple[int, ...] = (-7, -3, 0, 3)
    remind_at: time = time(8)
    warn_days: int | None = 1
    late_fees: tuple[LateFeeStage, ...] = ()
    terminate_days: int | None = None
    terminates: bool = False

    def at(self, on: date) -> datetime:
        """Return when that local day's reminders are due."""
        return datetime.combine(on, self.remind_at, ZoneInfo(self.standing.timezone))

    def local(self, at: datetime) -> date:
        """Return the local day of an instant."""
        return at.astimezone(ZoneInfo(self.standing.timezone)).date()


@dataclass(frozen=True, slots=True)
class DunnedInvoice:
    """An open invoice, as far as dunning looks at it.

    Attributes:
        due_on: the last day to pay, extensions and late paper included; None while the paper has not arrived that it
            counts from.
        reminded_on: the first day on which they were reminded of it; None where they were not.
    """

    id: UUID
    number: str
    issued_on: date
    due_on: date | None
    outstanding_minor: int
    reminded_on: date | None = None


@dataclass(frozen=True, slots=True)
class Isolir:
    """From being walled for arrears until nothing is overdue; `overdue_minor` is what it was when it began."""

    id: int
    began_at: datetime
    overdue_minor: int
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class DunnedAccount:
    """A subscriber with everything dunning looks at.

    Attributes:
        remind_days: instead of the policy's.
        done: keys of steps that were done.
        isolir: the newest that is not over.
        isolirs: how many there were.
        can_be_walled: they have an active service that the brake does not hold open.
    """

    subscriber_id: UUID
    invoices: tuple[DunnedInvoice, ...]
    terms: StandingTerms = PLAIN_TERMS
    remind_days: tuple[int, ...] | None = None
    done: frozenset[str] = frozenset()
    isolir: Isolir | None = None
    isolirs: int = 0
    can_be_walled: bool = True

    @property
    def counting(self) -> tuple[OpenInvoice, ...]:
        """Return the invoices whose days are running."""
        return tuple(
            OpenInvoice(one.number, one.due_on, one.outstanding_minor)
            for one in self.invoices
            if one.due_on is not None
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, once.

    Attributes:
        due_at: when its time came.
        invoice: of a reminder or a late fee; the oldest overdue one of the others.
        amount_minor: outstanding, overdue or the fine.
        days: of a reminder: since the last day to pay, below zero before it.
        stage: of a late fee, from 1.
        closes_at: of a warning: when isolir comes.
    """

    kind: StepKind
    key: str
    outcome: Outcome
    due_at: datetime
    amount_minor: int = 0
    invoice: DunnedInvoice | None = None
    days: int = 0
    stage: int = 0
    closes_at: datetime | None = None
    numbers: tuple[str, ...] = field(default=())


def steps_due(account: DunnedAccount, policy: DunningPolicy, now: datetime) -> list[Step]:
    """Return what is to be done by `now` and was not, in order; nothing for one who owes nothing.

    Repeating it after its steps are on record returns none of them again.
    """
    stands = standing(account.counting, policy.standing, now, account.terms)
    steps = [*_reminders(account, policy, now), *_warning(account, policy, stands, now)]
    steps += _isolir(account, policy, stands, now)
    steps += _late_fees(account, policy, now)
    steps += _termination(account, policy, stands, now)
    return [step for step in steps if step.key not in account.done]


def likeness(account: DunnedAccount) -> Hashable:
    """Return what decides about an account, names and numbers aside: those of equal likeness are dunned alike.

    Most people owe one bill of a few prices, due on the same day: what is to come is worked out once for all of them.
    """
    places = {one.number: place for place, one in enumerate(account.invoices)}
    isolir = account.isolir
    done: set[tuple[str, int | str]] = set()
    for key in account.done:
        kind, _, rest = key.partition(":")
        name, _, last = rest.rpartition(":")
        if kind in _OF_INVOICE:
            if name in places:
                done.add((f"{kind}:{last}", places[name]))
        elif kind in _OF_ISOLIR:
            if isolir is not None and rest == str(isolir.id):
                done.add((kind, ""))
        elif kind == StepKind.ISOLIR:
            done.add((kind, int(last) - account.isolirs))
        else:
            done.add((kind, last))
    return (
        tuple((one.issued_on, one.due_on, one.outstanding_minor, one.reminded_on) for one in account.invoices),
        account.terms,
        account.remind_days,
        None if isolir is None else (isolir.began_at, isolir.overdue_minor, isolir.restored_at),
        account.can_be_walled,
        frozenset(done),
    )


def is_cleared(account: DunnedAccount, policy: DunningPolicy, now: datetime) -> bool:
    """Tell whether nothing above the tolerance is past due any more."""
    return standing(account.counting, policy.standing, now).kind is StandingKind.CURRENT


def closes_at(account: DunnedAccount, policy: DunningPolicy, after: datetime) -> datetime | None:
    """Return when time alone walls somebody who is not walled now; None where it never does."""
    at = after
    while True:
        stands = standing(account.counting, policy.standing, at, account.terms)
        if stands.kind is StandingKind.OVERDUE:
            return at
        if stands.until_at is None:
            return None
        at = stands.until_at


def _owes_little(account: DunnedAccount, policy: DunningPolicy) -> bool:
    return sum(one.outstanding_minor for one in account.invoices) <= policy.standing.tolerance_minor


def _reminders(account: DunnedAccount, policy: DunningPolicy, now: datetime) -> Iterable[Step]:
    if _owes_little(account, policy):
        return
    promised_until_on = account.terms.promised_until_on
    for invoice in account.invoices:
        if invoice.due_on is None:
            continue
        reached = [
            (policy.at(on), days)
            for days in sorted(policy.remind_days if account.remind_days is None else account.remind_days)
            if (on := invoice.due_on + timedelta(days=days)) >= invoice.issued_on and policy.at(on) <= now
        ]
        for due_at, days in reached:
            outcome = Outcome.DONE
            if (due_at, days) != reached[-1] or due_at < now - STALE:
                outcome = Outcome.MISSED
            elif promised_until_on is not None and policy.local(now) <= promised_until_on:
                outcome = Outcome.PROMISED
            key = f"reminder:{invoice.number}:{days}"
            yield Step(
                StepKind.REMINDER, key, outcome, due_at, invoice.outstanding_minor, invoice, days,
                numbers=(invoice.number,),
            )  # fmt: skip


def _warning(account: DunnedAccount, policy: DunningPolicy, stands: Standing, now: datetime) -> Iterable[Step]:
    if policy.warn_days is None or stands.kind is StandingKind.OVERDUE or not account.can_be_walled:
        return
    closing_at = closes_at(account, policy, now)
    if closing_at is None:
        return
    due_at = policy.at(policy.local(closing_at) - timedelta(days=policy.warn_days))
    if due_at > now:
        return
    then = standing(account.counting, policy.standing, closing_at, account.terms)
    numbers = _overdue_numbers(account, policy, closing_at)
    key = f"warning:{account.subscriber_id}:{policy.local(closing_at)}"
    yield Step(
        StepKind.WARNING, key, Outcome.DONE, due_at, then.overdue_minor, _oldest(account), closes_at=closing_at,
        numbers=numbers,
    )  # fmt: skip


def _isolir(account: DunnedAccount, policy: DunningPolicy, stands: Standing, now: datetime) -> Iterable[Step]:
    current = account.isolir
    is_walled = current is not None and current.restored_at is None
    if stands.kind is StandingKind.OVERDUE:
        if not is_walled and account.can_be_walled:
            numbers = _overdue_numbers(account, policy, now)
            key = f"isolir:{account.subscriber_id}:{account.isolirs + 1}"
            yield Step(
                StepKind.ISOLIR, key, Outcome.DONE, _closed_at(account, policy, now), stands.overdue_minor,
                _oldest(account), numbers=numbers,
            )  # fmt: skip
    elif current is not None and is_walled:
        owed_minor = sum(one.outstanding_minor for one in account.invoices)
        yield Step(StepKind.RESTORED, f"restored:{current.id}", Outcome.DONE, now, owed_minor)


def _closed_at(account: DunnedAccount, policy: DunningPolicy, now: datetime) -> datetime:
    """Return when the newest of the amounts became overdue that made it too much."""
    instants = [policy.standing.isolir_instant(one.due_on, account.terms) for one in account.counting]
    return max((at for at in instants if at <= now), default=now)


def _late_fees(account: DunnedAccount, policy: DunningPolicy, now: datetime) -> Iterable[Step]:
    today = policy.local(now)
    held_until_on = account.terms.held_until_on
    if not policy.late_fees or (held_until_on is not None and today <= held_until_on):
        return
    for invoice in account.invoices:
        if invoice.due_on is None or invoice.outstanding_minor <= policy.standing.tolerance_minor:
            continue
        if invoice.reminded_on is None or invoice.reminded_on >= today:
            continue  # never without a reminder before
        for number, stage in enumerate(policy.late_fees, 1):
            due_at = policy.at(invoice.due_on + timedelta(days=stage.after_days))
            amount_minor = stage.amount_minor(invoice.outstanding_minor)
            if due_at <= now and amount_minor > 0:
                yield Step(
                    StepKind.LATE_FEE, f"late_fee:{invoice.number}:{number}", Outcome.DONE, due_at, amount_minor,
                    invoice, stage=number, numbers=(invoice.number,),
                )  # fmt: skip


def _termination(account: DunnedAccount, policy: DunningPolicy, stands: Standing, now: datetime) -> Iterable[Step]:
    current = account.isolir
    if policy.terminate_days is None or current is None or current.restored_at is not None:
        return
    due_at = policy.at(policy.local(current.began_at) + timedelta(days=policy.terminate_days))
    if due_at <= now and stands.kind is StandingKind.OVERDUE:
        outcome = Outcome.DONE if policy.terminates else Outcome.PROPOSED
        yield Step(
            StepKind.TERMINATION, f"termination:{current.id}", outcome, due_at, stands.overdue_minor,
            _oldest(account), numbers=_overdue_numbers(account, policy, now),
        )  # fmt: skip


def _oldest(account: DunnedAccount) -> DunnedInvoice | None:
    due = [one for one in account.invoices if one.due_on is not None]
    return min(due, key=lambda one: (one.due_on or FOR_EVER, one.number), default=None)


def _overdue_numbers(account: DunnedAccount, policy: DunningPolicy, at: datetime) -> tuple[str, ...]:
    """Return the invoices whose isolir instant has come by then, oldest due first."""
    found = sorted(account.counting, key=lambda one: (one.due_on, one.number))
    return tuple(one.number for one in found if policy.standing.isolir_instant(one.due_on, account.terms) <= at)


@dataclass(frozen=True, slots=True)
class Closing:
    """Whom a day's isolir concerns: who will be walled, and who would be but for a promise or an exemption."""

    walled: Mapping[UUID, int]
    promised: Mapping[UUID, int]
    exempt: Mapping[UUID, int]

    @property
    def amount_minor(self) -> int:
        """Return what those who will be walled owe of it."""
        return sum(self.walled.values())


def closing(accounts: Iterable[DunnedAccount], policy: DunningPolicy, at: datetime) -> Closing:
    """Return whom isolir at that moment concerns, with what is overdue of each then; not those who are walled now."""
    walled: dict[UUID, int] = {}
    promised: dict[UUID, int] = {}
    exempt: dict[UUID, int] = {}
    for account in accounts:
        if not account.can_be_walled or (account.isolir is not None and account.isolir.restored_at is None):
            continue
        then = standing(account.counting, policy.standing, at, account.terms)
        if then.kind is StandingKind.OVERDUE:
            walled[account.subscriber_id] = then.overdue_minor
            continue
        if account.terms.held_until_on is None:
            continue
        plain = StandingTerms(account.terms.grace_days, account.terms.holidays, let_go_minor=account.terms.let_go_minor)
        otherwise = standing(account.counting, policy.standing, at, plain)
        if otherwise.kind is StandingKind.OVERDUE:
            is_promise = account.terms.held_until_on == account.terms.promised_until_on
            (promised if is_promise else exempt)[account.subscriber_id] = otherwise.overdue_minor
    return Closing(walled, promised, exempt)
