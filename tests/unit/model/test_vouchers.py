"""Codes of vouchers: what they consist of, how they are typed, and that nobody guesses one."""

import os
from collections import Counter

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.model.voucher import (
    CodeKind,
    batch_number,
    check_codes,
    make_codes,
    parse_validity,
    shown_code,
    typed_code,
    validity_text,
)


@pytest.mark.parametrize("kind", list(CodeKind))
def test_codes_are_different_and_of_their_own_letters(kind: CodeKind) -> None:
    codes = make_codes(kind, kind.usual_length, "", 5_000, os.urandom)
    assert len(set(codes)) == 5_000
    assert {len(code) for code in codes} == {kind.usual_length}
    assert set("".join(codes)) == set(kind.alphabet)


def test_letters_that_look_alike_are_in_no_code() -> None:
    for kind in (CodeKind.LETTERS, CodeKind.MIXED):
        assert not set(kind.alphabet) & set("01ILOSZ5U")
    assert not set(CodeKind.MIXED.alphabet) & set("B8G2")  # of each pair at most one


def test_no_letter_is_likelier_than_another() -> None:
    counted = Counter("".join(make_codes(CodeKind.MIXED, 8, "", 20_000, os.urandom)))
    mean = sum(counted.values()) / len(counted)
    assert all(abs(count - mean) < mean * 0.1 for count in counted.values())


def test_a_code_that_is_taken_is_not_made_again() -> None:
    every = [f"{number:04d}" for number in range(10_000)]
    taken = set(every[:-3])
    assert sorted(make_codes(CodeKind.DIGITS, 4, "", 3, os.urandom, taken)) == every[-3:]


@pytest.mark.parametrize(
    ("kind", "length", "prefix", "count", "word"),
    [
        (CodeKind.DIGITS, 8, "", 25_000, "guessable"),
        (CodeKind.DIGITS, 10, "", 25_001, "bad_count"),
        (CodeKind.DIGITS, 10, "", 0, "bad_count"),
        (CodeKind.DIGITS, 3, "", 1, "bad_length"),
        (CodeKind.DIGITS, 10, "wifi", 1, "bad_prefix"),
        (CodeKind.DIGITS, 10, "WIFI-", 1, "bad_prefix"),
    ],
)
def test_codes_that_could_be_guessed_or_not_be_typed_are_refused(
    kind: CodeKind, length: int, prefix: str, count: int, word: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_codes(kind, length, prefix, count)
    assert refused.value.code == word


def test_a_code_is_known_however_it_is_typed() -> None:
    for written in ("cdfh jkmn", "CDFH-JKMN", " CdFhJkMn "):
        assert typed_code(written) == "CDFHJKMN"
    assert typed_code(shown_code("CDFHJKMN34")) == "CDFHJKMN34"


def test_how_long_a_voucher_is_valid_is_read_and_said() -> None:
    assert [parse_validity(text) for text in ("90m", "3h", "1d", "1w")] == [5_400, 10_800, 86_400, 604_800]
    assert [validity_text(seconds) for seconds in (5_400, 10_800, 86_400, 2_592_000)] == ["90m", "3h", "1d", "30d"]
    for text in ("", "1", "0d", "-1d", "367d", "1 year", "1d1h"):
        with pytest.raises(InvalidInputError):
            parse_validity(text)


def test_a_batch_is_named_by_its_number() -> None:
    assert [batch_number(text) for text in ("V0012", "v12", "12")] == [12, 12, 12]
    for text in ("", "V", "VX", "V-1"):
        with pytest.raises(InvalidInputError):
            batch_number(text)
