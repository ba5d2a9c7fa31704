"""What follows for the books from what gateways say: the same in every order, however often (BANG-2.4b, INCA-5)."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.billing.gateway import (
    NOTHING_BOOKED,
    Books,
    Fact,
    GatewayState,
    Notice,
    Step,
    booked_after,
    due_books,
    furthest,
    mismatch,
    step_between,
)

AMOUNT = 275_000
S = GatewayState
SAID = (
    Fact(S.PENDING),
    Fact(S.PAID),
    Fact(S.EXPIRED),
    Fact(S.FAILED),
    Fact(S.CANCELLED),
    Fact(S.PARTLY_REFUNDED, 50_000),
    Fact(S.PARTLY_REFUNDED, 80_000),
    Fact(S.REFUNDED),
)


def booked_by(history: list[Fact]) -> tuple[Books, list[Step]]:
    """Return the books after a history, and the steps that were booked on the way."""
    seen: set[Fact] = set()
    books, steps = NOTHING_BOOKED, []
    for fact in history:
        seen.add(fact)
        step = step_between(books, due_books(seen, AMOUNT))
        books = booked_after(books, step)
        if not step.is_nothing:
            steps.append(step)
    return books, steps


def test_every_order_of_pending_paid_expired_failed_and_refunded_ends_in_the_same_books() -> None:
    some = (Fact(S.PENDING), Fact(S.PAID), Fact(S.EXPIRED), Fact(S.FAILED), Fact(S.REFUNDED))
    for count in range(1, len(some) + 1):
        for chosen in itertools.combinations(some, count):
            ends = {booked_by(list(order))[0].kept_minor for order in itertools.permutations(chosen)}
            expected = AMOUNT if Fact(S.PAID) in chosen and Fact(S.REFUNDED) not in chosen else 0
            assert ends == {expected}, chosen


@given(st.lists(st.sampled_from((*SAID, Fact(S.DENIED), Fact(S.CHARGED_BACK))), max_size=12), st.randoms())
@settings(max_examples=300, deadline=None)
def test_order_and_repetition_of_what_is_said_leave_the_same_with_the_subscriber(
    history: list[Fact], chance: object
) -> None:
    assert_one_outcome(history, chance)


@pytest.mark.soak
@given(st.lists(st.sampled_from((*SAID, Fact(S.DENIED), Fact(S.CHARGED_BACK))), max_size=20), st.randoms())
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_random_histories_have_one_outcome_each(history: list[Fact], chance: object) -> None:
    assert_one_outcome(history, chance)


def assert_one_outcome(history: list[Fact], chance: object) -> None:
    again = history * 2
    chance.shuffle(again)  # type: ignore[attr-defined]
    (first, steps), (second, _) = booked_by(history), booked_by(again)
    assert first.kept_minor == second.kept_minor
    assert sum(step.credit_minor for step in steps) <= AMOUNT  # credited at most once
    kept = 0
    for step in steps:  # what is there goes away by a refund or a reversal alone
        assert step.credit_minor >= 0
        assert step.refund_minor >= 0
        kept += step.credit_minor - step.refund_minor
        kept = 0 if step.reverse else kept
        assert 0 <= kept <= AMOUNT
    assert kept == first.kept_minor


def test_money_that_comes_after_the_attempt_has_expired_counts() -> None:
    books, steps = booked_by([Fact(S.PENDING), Fact(S.EXPIRED), Fact(S.PAID)])
    assert (books.kept_minor, steps) == (AMOUNT, [Step(credit_minor=AMOUNT)])


def test_pending_after_paid_changes_nothing() -> None:
    assert booked_by([Fact(S.PAID), Fact(S.PENDING), Fact(S.PAID)])[1] == [Step(credit_minor=AMOUNT)]


def test_a_settlement_that_is_denied_minutes_later_is_taken_back_once() -> None:
    books, steps = booked_by([Fact(S.PAID), Fact(S.DENIED), Fact(S.DENIED), Fact(S.PAID)])
    assert steps == [Step(credit_minor=AMOUNT), Step(reverse=True)]
    assert books.kept_minor == 0
    assert furthest({Fact(S.PAID), Fact(S.DENIED)}) is S.DENIED


def test_a_second_part_given_back_is_booked_as_what_it_adds() -> None:
    first, second = Fact(S.PARTLY_REFUNDED, 50_000), Fact(S.PARTLY_REFUNDED, 80_000)
    steps = booked_by([Fact(S.PAID), first, first, second])[1]
    assert [step.refund_minor for step in steps] == [0, 50_000, 30_000]
    assert booked_by([Fact(S.PAID), second, first])[0].kept_minor == AMOUNT - 80_000


def test_what_was_never_credited_and_is_given_back_in_full_is_not_booked_at_all() -> None:
    assert booked_by([Fact(S.REFUNDED), Fact(S.PAID)])[1] == []


def test_states_go_up_only() -> None:
    assert furthest({Fact(S.EXPIRED), Fact(S.PENDING)}) is S.EXPIRED
    assert furthest({Fact(S.EXPIRED), Fact(S.PAID), Fact(S.PENDING)}) is S.PAID
    assert furthest(set()) is S.CREATED


def test_other_amounts_and_currencies_are_named() -> None:
    notice = Notice("A-1", "t", S.PAID, AMOUNT, "IDR", "settlement")
    assert mismatch(notice, AMOUNT, "IDR") is None
    assert mismatch(notice, AMOUNT + 1, "IDR") == "other_amount"
    assert mismatch(replace(notice, currency="USD"), AMOUNT, "IDR") == "other_currency"
    assert mismatch(replace(notice, amount_minor=None), AMOUNT, "IDR") == "no_amount"
    assert mismatch(replace(notice, amount_minor=None, state=S.EXPIRED), AMOUNT, "IDR") is None
