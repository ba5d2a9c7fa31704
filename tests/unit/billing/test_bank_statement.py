"""Statements as banks write them: what is read, what is refused and why."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.bank_mapping import PRESETS, BankMapping, mapping_from
from netbilld.billing.bank_statement import BadRow, BankRow, BankStatement
from netbilld.model.errors import InvalidInputError

TODAY = date(2026, 2, 10)
PLAIN: dict[str, Any] = {"account": "uji", "date": "tanggal", "text": ["keterangan"], "amount": "jumlah"}


def read(text: str, mapping: BankMapping | None = None, currency: str = "IDR") -> list[BankRow | BadRow]:
    how = mapping or mapping_from(PLAIN, "uji")
    return list(BankStatement(text.splitlines(keepends=True), how, currency, TODAY, "mutasi.csv"))


def rows(text: str, mapping: BankMapping | None = None, currency: str = "IDR") -> list[tuple[date, int, str]]:
    found = read(text, mapping, currency)
    assert all(isinstance(row, BankRow) for row in found), found
    return [(row.booked_on, row.amount_minor, row.text) for row in found if isinstance(row, BankRow)]


def reasons(text: str, mapping: BankMapping | None = None) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read(text, mapping) if isinstance(row, BadRow)]


def test_a_file_with_lines_before_its_headings_and_after_its_rows_is_read() -> None:
    text = """No. rekening : 1234567890
Nama : PT CONTOH

Tanggal Transaksi,Keterangan,Cabang,Jumlah,,Saldo
'01/02,"TRSF E-BANKING CR 0102/FTSCY/WS95051   200123.00   BUDI",'0000,"200,123.00",CR,"1,200,123.00"
'02/02,"BIAYA ADM",'0000,"15,000.00",DB,"1,185,123.00"
PEND,"SWITCHING CR",'0000,"9.00",CR,"0.00"
Saldo Awal,:,"1,000,000.00"
Mutasi Kredit,:,"200,123.00"
"""
    found = rows(text, mapping_from(PRESETS["bca"], "bca"))
    assert [(day, amount) for day, amount, _ in found] == [(date(2026, 2, 1), 200_123), (date(2026, 2, 2), -15_000)]
    assert found[0][2] == "TRSF E-BANKING CR 0102/FTSCY/WS95051 200123.00 BUDI"


def test_a_day_without_a_year_is_the_latest_such_day() -> None:
    mapping = mapping_from(PLAIN | {"date_formats": ["%d/%m"]}, "uji")
    text = "Tanggal,Keterangan,Jumlah\n31/12,a,1\n10/02,b,1\n11/02,c,1\n"
    assert [day for day, _, _ in rows(text, mapping)] == [date(2025, 12, 31), TODAY, date(2025, 2, 11)]


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("200000", 200_000),
        ("200,000.00", 200_000),
        ("Rp 1,200,000", 1_200_000),
        ("200000 CR", 200_000),
        ("200,000.00CR", 200_000),
        ("200,000.00 DB", -200_000),
        ("-5,000", -5_000),
        ("5,000-", -5_000),
        ("(5,000.00)", -5_000),
        ("+7", 7),
    ],
)
def test_amounts_are_read_with_their_sign_or_mark(amount: str, minor: int) -> None:
    assert rows(f'tanggal;keterangan;jumlah\n01/02/2026;x;"{amount}"\n') == [(date(2026, 2, 1), minor, "x")]


@pytest.mark.parametrize("amount", ["", "nol", "1.5", "20,00", "1,2345", "1e5", "--5", "(5", "5 KARTU", "0", "9" * 20])
def test_an_amount_that_can_not_be_is_a_bad_row_with_its_line(amount: str) -> None:
    [(line, reason)] = reasons(f'tanggal;keterangan;jumlah\n01/02/2026;x;"{amount}"\n')
    assert line == 2
    assert "amount" in reason or "neither in nor out" in reason


def test_other_currencies_have_decimals_and_the_marks_of_the_mapping() -> None:
    mapping = mapping_from(PLAIN | {"decimal": ","}, "uji")
    assert rows('tanggal;keterangan;jumlah\n01/02/2026;x;"1.234,5"\n', mapping, "USD")[0][1] == 123_450
    assert rows('tanggal;keterangan;jumlah\n01/02/2026;x;"1.234,00"\n', mapping)[0][1] == 1_234


def test_credit_and_debit_may_have_columns_of_their_own() -> None:
    mapping = mapping_from(PRESETS["generic"], "generic")
    text = "Tanggal\tUraian\tDebet\tKredit\tSaldo\n2026-02-01\tmasuk\t\t5000\t9\n2026-02-02\tkeluar\t70\t0\t8\n"
    assert [amount for _, amount, _ in rows(text, mapping)] == [5_000, -70]
    both = "Tanggal\tUraian\tDebet\tKredit\n2026-02-01\tx\t1\t2\n2026-02-01\ty\t0\t0\n2026-02-01\tz\t\t\n"
    said = ["it has a credit and a debit", "its amount is nothing", "it has no amount"]
    assert [reason for _, reason in reasons(both, mapping)] == said


def test_columns_may_be_numbers_where_there_are_no_headings() -> None:
    definition = {"account": "x", "header": False, "date": 1, "text": [3, 2], "amount": 4, "decimal": ","}
    assert rows("01/02/2026,b,a,50\n", mapping_from(definition, "x")) == [(date(2026, 2, 1), 50, "a b")]


def test_broken_rows_are_told_and_good_ones_read() -> None:
    text = (
        "tanggal,keterangan,jumlah\n"
        "32/01/2026,a,1\n"
        "01/02/2026,b,2\n"
        "11/02/2026,c,3\n"
        "01/02/2026\n"
        "01/02/2026,d\x07,4\n"
        "\n"
        "01/02/2026,\udcff,5\n"
    )
    found = reasons(text)
    assert [line for line, _ in found] == [2, 4, 5, 6, 8]
    words = ["is not as", "is to come", "no amount", "can't be printed", "not in the encoding"]
    assert all(word in reason for word, (_, reason) in zip(words, found, strict=True))
    assert len(read(text)) == 6


def test_a_quote_that_does_not_end_costs_its_own_row_alone() -> None:
    text = (
        'tanggal,keterangan,jumlah\n01/02/2026,"putus,1\n02/02/2026,b,2\n03/02/2026,"dua\nbaris",3\n04/02/2026,x\0,4\n'
    )
    text += "".join(f"05/02/2026,n{n},5\n" for n in range(12)) + '06/02/2026,"a"b,6\n07/02/2026,"putus'
    found = read(text)
    assert [row.line for row in found if isinstance(row, BadRow)] == [2, 6, 19, 20]
    assert [row.text for row in found if isinstance(row, BankRow)][:2] == ["b", "dua baris"]
    assert len(found) == 18


@given(st.text(max_size=400), st.sampled_from(sorted(PRESETS)))
def test_whatever_a_file_holds_its_rows_are_read_or_told(text: str, name: str) -> None:
    how = mapping_from(PRESETS[name], name)
    head = how.date.partition("|")[0], how.text[0].partition("|")[0], (how.amount or how.credit).partition("|")[0]
    for row in read(",".join(head) + "\n" + text, how):
        assert isinstance(row, BadRow) or (row.amount_minor and row.booked_on <= TODAY and row.text.isprintable())


def test_a_file_without_the_headings_is_refused_whole() -> None:
    with pytest.raises(InvalidInputError, match=r"mutasi.csv: no line has the headings .* tanggal, keterangan, jumlah"):
        read("a,b,c\n1,2,3\n")


def test_rows_that_are_alike_are_told_apart_and_known_again() -> None:
    head, row = "tanggal,keterangan,jumlah\n", "01/02/2026,x,5\n"
    twice = [one.fingerprint for one in read(head + row + row) if isinstance(one, BankRow)]
    once = [one.fingerprint for one in read(head + "02/02/2026,y,1\n" + row) if isinstance(one, BankRow)]
    assert len(set(twice)) == 2
    assert once[1] == twice[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"acount": "x"}, "acount: unknown key; allowed: account"),
        ({"date": ""}, "date is missing"),
        ({"amount": ""}, "amount or credit is missing"),
        ({"delimiter": "pipe"}, "delimiter: allowed"),
        ({"decimal": ";"}, "decimal: allowed"),
        ({"header": "no"}, "header: write true or false"),
        ({"header": False}, "a column is its number"),
        ({"text": [1.5]}, "text: write a list"),
        ({"date": ["x"]}, "date: write a text"),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_key(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        mapping_from(PLAIN | change, "peta.toml")


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_a_mapping(name: str) -> None:
    assert mapping_from(PRESETS[name], name).account
