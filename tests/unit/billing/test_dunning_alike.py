"""Accounts that are alike but for their names are dunned alike, whenever; so the calendar works one of them out."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import uuid4

import pytest

from netbilld.billing.dunning import (
    DunnedAccount,
    DunnedInvoice,
    DunningPolicy,
    Isolir,
    LateFeeStage,
    Step,
    closing,
    likeness,
    steps_due,
)
from netbilld.billing.standing import StandingPolicy, StandingTerms

POLICY = DunningPolicy(
    StandingPolicy(0, time(0, 30), 1_000, "Asia/Jakarta"),
    late_fees=(LateFeeStage(5, flat_minor=10_000), LateFeeStage(10, percent_hundredths=500)),
    terminate_days=30,
)
FIRST = date(2026, 1, 1)
START = datetime(2026, 1, 1, 1, tzinfo=UTC)


def at_random(chance: Random) -> DunnedAccount:
    invoices = tuple(
        DunnedInvoice(
            uuid4(),
            f"INV-{chance.randrange(10_000)}",
            FIRST + timedelta(days=chance.randrange(3)),
            FIRST + timedelta(days=chance.randrange(5, 40)) if chance.random() < 0.9 else None,
            chance.choice([500, 200_000]),
            FIRST + timedelta(days=5) if chance.random() < 0.5 else None,
        )
        for _ in range(chance.randrange(1, 3))
    )
    isolir = (
        Isolir(chance.randrange(1, 99), START + timedelta(days=15), 200_000, None) if chance.random() < 0.4 else None
    )
    promised = FIRST + timedelta(days=chance.randrange(40)) if chance.random() < 0.3 else None
    terms = StandingTerms(promised_until_on=promised)
    return DunnedAccount(
        uuid4(), invoices, terms, None, frozenset(), isolir, chance.randrange(3), chance.random() < 0.9
    )


def done_until(account: DunnedAccount, now: datetime) -> DunnedAccount:
    """Return the account with what was due until then on record."""
    return replace(account, done=frozenset(step.key for step in steps_due(account, POLICY, now)))


def called_otherwise(account: DunnedAccount) -> DunnedAccount:
    """Return what happened to this account as it would have happened to another, with numbers of its own."""
    names = {one.number: f"OTHER/{place}" for place, one in enumerate(account.invoices)}
    isolir = account.isolir
    return replace(
        account,
        subscriber_id=uuid4(),
        invoices=tuple(replace(one, id=uuid4(), number=names[one.number]) for one in account.invoices),
        isolir=None if isolir is None else replace(isolir, id=isolir.id + 1_000),
        isolirs=account.isolirs + 4,
    )


def said(step: Step) -> tuple[object, ...]:
    return step.kind, step.outcome, step.due_at, step.amount_minor, step.days, step.stage, step.closes_at


@pytest.mark.parametrize("seed", range(60))
def test_accounts_of_equal_likeness_are_dunned_alike_at_every_moment(seed: int) -> None:
    chance = Random(seed)
    looked_at = START + timedelta(days=chance.randrange(40))
    account = at_random(chance)
    other = called_otherwise(account)
    account, other = done_until(account, looked_at), done_until(other, looked_at)
    assert likeness(account) == likeness(other)
    for hours in range(0, 60 * 24, 7):
        now = START + timedelta(hours=hours)
        ours, theirs = (sorted(map(said, steps_due(one, POLICY, now)), key=repr) for one in (account, other))
        assert ours == theirs
        mine, other_one = (list(closing([one], POLICY, now).walled.values()) for one in (account, other))
        assert mine == other_one


def test_what_was_done_about_one_makes_them_different() -> None:
    invoice = DunnedInvoice(uuid4(), "INV-1", FIRST, FIRST + timedelta(days=10), 200_000)
    account = DunnedAccount(uuid4(), (invoice,))
    reminded = replace(account, done=frozenset({"reminder:INV-1:-7"}))
    of_one_that_is_paid = replace(account, done=frozenset({"reminder:INV-0:-7"}))
    assert likeness(account) != likeness(reminded)
    assert likeness(account) == likeness(of_one_that_is_paid)
