"""Amounts in words say the amount: read back by a reader that shares nothing with the writer."""

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.terbilang import terbilang

WORDS = {
    word: number
    for number, word in enumerate(
        ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan"]
    )
}
GROUPS = {"ribu": 10**3, "juta": 10**6, "miliar": 10**9, "triliun": 10**12}


def read(text: str) -> int:
    words = text.removesuffix(" rupiah").replace("sepuluh", "satu puluh").replace("sebelas", "satu belas")
    total = group = last = 0
    for word in words.replace("seratus", "satu ratus").replace("seribu", "satu ribu").split():
        if word in WORDS:
            group += last
            last = WORDS[word]
        elif word == "belas":
            group, last = group + 10 + last, 0
        elif word in {"puluh", "ratus"}:
            group, last = group + last * (10 if word == "puluh" else 100), 0
        else:
            total, group, last = total + (group + last) * GROUPS[word], 0, 0
    return total + group + last


@given(st.integers(0, 10**15 - 1))
def test_the_words_of_an_amount_are_read_as_that_amount(amount: int) -> None:
    text = terbilang(amount)
    assert read(text) == amount
    assert "satu puluh" not in text
    assert "satu belas" not in text
    assert "satu ratus" not in text


@given(st.integers(1, 999))
def test_one_thousand_is_seribu_wherever_it_stands_and_one_million_is_satu_juta(rest: int) -> None:
    assert "seribu" in terbilang(10**6 + 1000 + rest)
    assert terbilang(10**6 + rest).startswith("satu juta ")
