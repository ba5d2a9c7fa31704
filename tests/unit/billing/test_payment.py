"""What may be received as a payment: the limits themselves are still allowed."""

from datetime import date, timedelta

import pytest

from netbilld.billing.payment import (
    AMOUNT_LIMIT_MINOR,
    REFERENCE_LIMIT,
    check_amount,
    check_received_on,
    payment_method,
    payment_reference,
)
from netbilld.model.errors import InvalidInputError, RefusedError

TODAY = date(2026, 3, 10)


def test_amounts_are_from_one_to_the_limit() -> None:
    for amount_minor in (1, AMOUNT_LIMIT_MINOR):
        check_amount(amount_minor)
    for amount_minor in (-1, 0, AMOUNT_LIMIT_MINOR + 1):
        with pytest.raises(RefusedError, match=f"amount {amount_minor} can't be a payment"):
            check_amount(amount_minor)


def test_a_payment_was_received_today_or_in_the_last_ten_years() -> None:
    oldest = TODAY - timedelta(days=3653)
    for day in (TODAY, oldest):
        check_received_on(day, TODAY)
    for day in (TODAY + timedelta(days=1), oldest - timedelta(days=1)):
        with pytest.raises(RefusedError, match=f"received on {day} can't be: today is 2026-03-10"):
            check_received_on(day, TODAY)


def test_a_reference_is_one_line_of_so_many_characters_or_none() -> None:
    longest = "x" * REFERENCE_LIMIT
    assert payment_reference(f"  {longest} ") == longest
    assert payment_reference(None) is payment_reference("  ") is None
    for text in (longest + "x", "two\nlines"):
        with pytest.raises(InvalidInputError, match="at most 200 characters, on one line"):
            payment_reference(text)


def test_a_method_is_one_word_in_lower_case() -> None:
    assert payment_method(" QRIS-bca_2 ") == "qris-bca_2"
    assert payment_method("x" * 32) == "x" * 32
    for text in ("", "two words", "1st", "x" * 33, "tunai!"):
        with pytest.raises(InvalidInputError, match="write one word"):
            payment_method(text)
    for text in ("pph23", " PPN_withheld "):
        with pytest.raises(InvalidInputError, match="is no money"):
            payment_method(text)
