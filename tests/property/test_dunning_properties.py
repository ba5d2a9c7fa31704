"""Dunning, whoever runs it how often and when: the same steps, each once, and none for what is paid."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.dunning import (
    DunnedAccount,
    DunnedInvoice,
    DunningPolicy,
    Isolir,
    LateFeeStage,
    Outcome,
    Step,
    StepKind,
    is_cleared,
    steps_due,
)
from netbilld.billing.standing import StandingKind, StandingPolicy, StandingTerms, standing

ZONE = "Asia/Jakarta"
BEGIN = date(2026, 1, 1)
SUBSCRIBER = UUID(int=7)


@dataclass
class Keeper:
    """A database of one subscriber: what was done, and what is owed at a moment."""

    policy: DunningPolicy
    invoices: tuple[tuple[DunnedInvoice, datetime | None], ...]  # with when it is paid
    terms: StandingTerms
    done: list[Step] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    isolir: Isolir | None = None
    isolirs: int = 0
    reminded: dict[UUID, date] = field(default_factory=dict)

    def account(self, now: datetime) -> DunnedAccount:
        today = self.policy.local(now)
        unpaid = tuple(
            replace(invoice, reminded_on=self.reminded.get(invoice.id))
            for invoice, paid_at in self.invoices
            if invoice.issued_on <= today and (paid_at is None or paid_at > now)
        )
        keys = frozenset(step.key for step in self.done)
        return DunnedAccount(SUBSCRIBER, unpaid, self.terms, None, keys, self.isolir, self.isolirs)

    def run(self, now: datetime) -> None:
        account = self.account(now)
        for step in steps_due(account, self.policy, now):
            self.done.append(step)
            self.at.append(now)
            if step.kind is StepKind.ISOLIR:
                self.isolirs += 1
                self.isolir = Isolir(self.isolirs, now, step.amount_minor, None)
            elif step.kind is StepKind.RESTORED and self.isolir is not None:
                self.isolir = replace(self.isolir, restored_at=now)
            elif step.kind is StepKind.REMINDER and step.outcome is Outcome.DONE and step.invoice is not None:
                self.reminded.setdefault(step.invoice.id, self.policy.local(now))
        if self.isolir is not None and is_cleared(self.account(now), self.policy, now):
            self.isolir = None


def moment(on: date, clock: time) -> datetime:
    return datetime.combine(on, clock, ZoneInfo(ZONE))


days = st.integers(0, 60)
policies = st.builds(
    DunningPolicy,
    st.builds(
        StandingPolicy,
        st.integers(0, 5),
        st.sampled_from([time(0, 30), time(6), time(12)]),
        st.just(1_000),
        st.just(ZONE),
        st.frozensets(st.integers(0, 6), max_size=6),
    ),
    remind_days=st.lists(st.integers(-10, 10), unique=True, max_size=4).map(lambda found: tuple(sorted(found))),
    remind_at=st.sampled_from([time(8), time(0), time(20)]),
    warn_days=st.sampled_from([None, 0, 1, 3]),
    late_fees=st.sampled_from([(), (LateFeeStage(1, flat_minor=5_000), LateFeeStage(5, percent_hundredths=500))]),
    terminate_days=st.sampled_from([None, 10]),
)


@st.composite
def keepers(draw: st.DrawFn) -> Keeper:
    invoices = []
    for number in range(draw(st.integers(1, 4))):
        issued_on = BEGIN + timedelta(days=draw(days))
        paid_after = draw(st.none() | st.integers(0, 30))
        paid_at = None if paid_after is None else moment(issued_on + timedelta(days=paid_after), time(10, 17))
        due_on = issued_on + timedelta(days=draw(st.integers(0, 14)))
        amount_minor = draw(st.sampled_from([600, 1_000, 1_001, 75_000, 275_000]))
        invoices.append((DunnedInvoice(UUID(int=number), f"INV-{number}", issued_on, due_on, amount_minor), paid_at))
    held_until_on = draw(st.none() | days.map(lambda day: BEGIN + timedelta(days=day)))
    return Keeper(draw(policies), tuple(invoices), StandingTerms(promised_until_on=held_until_on))


def edges(keeper: Keeper) -> list[datetime]:
    """Return every hour at which anything may change."""
    clocks = {keeper.policy.remind_at, keeper.policy.standing.isolir_at, time(0), time(10, 17)}
    return sorted(moment(BEGIN + timedelta(days=day), clock) for day in range(100) for clock in clocks)


@given(keepers(), st.lists(st.integers(0, 99 * 1440), max_size=40))
def test_further_runs_at_any_time_change_nothing(keeper: Keeper, further: list[int]) -> None:
    other = replace(keeper, done=[], at=[], reminded={})
    for at in edges(keeper):
        keeper.run(at)
    extra = [moment(BEGIN, time()) + timedelta(minutes=minutes) for minutes in further]
    for at in sorted([*edges(other), *edges(other), *extra]):
        other.run(at)
    assert [(step.key, step.outcome, step.amount_minor) for step in other.done] == [
        (step.key, step.outcome, step.amount_minor) for step in keeper.done
    ]
    assert len({step.key for step in keeper.done}) == len(keeper.done)


@given(keepers())
def test_nothing_is_said_of_what_is_paid_and_every_isolir_has_its_end(keeper: Keeper) -> None:
    for at in edges(keeper):
        keeper.run(at)
    paid = {invoice.number: paid_at for invoice, paid_at in keeper.invoices}
    for step, at in zip(keeper.done, keeper.at, strict=True):
        for number in step.numbers:
            paid_at = paid[number]
            assert paid_at is None or paid_at > at
    last = edges(keeper)[-1]
    stands = standing(keeper.account(last).counting, keeper.policy.standing, last, keeper.terms)
    isolirs = sum(step.kind is StepKind.ISOLIR for step in keeper.done)
    restored = sum(step.kind is StepKind.RESTORED for step in keeper.done)
    assert isolirs - restored == (stands.kind is StandingKind.OVERDUE)


@given(keepers())
def test_isolir_comes_at_its_very_hour_and_on_no_day_off(keeper: Keeper) -> None:
    """BANG-2.6c: on the exact day."""
    for at in edges(keeper):
        keeper.run(at)
    for step, at in zip(keeper.done, keeper.at, strict=True):
        if step.kind is StepKind.ISOLIR:
            assert at == step.due_at
            assert keeper.policy.local(at).weekday() not in keeper.policy.standing.weekdays_off


@given(keepers())
def test_a_late_fee_follows_a_reminder_of_an_earlier_day(keeper: Keeper) -> None:
    """INCA-30."""
    reminded: dict[str, date] = {}
    for at in edges(keeper):
        before = len(keeper.done)
        keeper.run(at)
        for step in keeper.done[before:]:
            assert step.invoice is not None or step.kind in {StepKind.RESTORED, StepKind.ISOLIR, StepKind.TERMINATION}
            if step.invoice is None:
                continue
            if step.kind is StepKind.REMINDER and step.outcome is Outcome.DONE:
                reminded.setdefault(step.invoice.number, keeper.policy.local(at))
            if step.kind is StepKind.LATE_FEE:
                assert reminded[step.invoice.number] < keeper.policy.local(at)


@given(st.integers(0, 10**9), st.integers(1, 10_000), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_percentage_lies_between_its_bounds(owed: int, percent: int, minimum: int, more: int) -> None:
    stage = LateFeeStage(1, percent_hundredths=percent, minimum_minor=minimum, cap_minor=minimum + more)
    assert minimum <= stage.amount_minor(owed) <= minimum + more


def test_the_vectors_of_late_fees_hold() -> None:
    """Indonesian billing, 6.4 [vector]: 5 %, at least 5,000."""
    stage = LateFeeStage(1, percent_hundredths=500, minimum_minor=5_000)
    assert [stage.amount_minor(owed) for owed in (75_000, 150_000, 275_000)] == [5_000, 7_500, 13_750]
