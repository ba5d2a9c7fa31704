"""Reading a CSV file of subscribers."""

from datetime import date

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.services.import_rows import CsvTable, ImportRow

TODAY = date(2026, 11, 22)


def understood(text: str) -> list[ImportRow]:
    table = CsvTable(text.splitlines(keepends=True), "town.csv")
    return [table.understand(row, "IDR", TODAY) for row in table]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_separate(mark: str) -> None:
    (row,) = understood(f"username{mark}password{mark}plan\nbudi{mark}rahasia{mark}HOME20\n")
    assert (row.line, row.new.username, row.new.password, row.new.plan) == (2, "budi", "rahasia", "HOME20")


def test_an_unknown_column_is_refused_with_file_line_and_what_is_allowed() -> None:
    with pytest.raises(InvalidInputError, match=r"town\.csv: line 1: column 'colour' is not known; allowed: username"):
        understood("username,plan,colour\n")


@pytest.mark.parametrize(
    ("header", "said"),
    [("username,password", "'plan' is missing"), ("username,plan,plan", "'plan' is there twice"), ("", "is missing")],
)
def test_a_header_that_lacks_or_repeats_a_column_is_refused(header: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        understood(f"{header}\n")


def test_a_quote_that_never_ends_stops_the_file_and_names_its_line() -> None:
    with pytest.raises(InvalidInputError, match=r"town\.csv: line 3: not valid CSV"):
        understood('username,plan,name\na,b,c\nd,e,"f\ng,h,i\n')


def test_lines_are_counted_over_quoted_line_ends_and_blank_lines() -> None:
    rows = understood('username,plan,address\na,P,"Jl. Mawar\nRT 02"\n\nb,P,\n')
    assert [(row.line, row.new.username) for row in rows] == [(2, "a"), (5, "b")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,P", "2 fields where the header has 4"),
        ("a,,,", "plan is empty"),
        ("a,P,x,", "opening_balance|amount"),
        ("a,P,,2026-13-01", "installed_on"),
        ("\udcffa,P,,", "UTF-8"),
    ],
)
def test_a_bad_row_says_what_is_wrong_with_it(row: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        understood(f"username,plan,opening_balance,installed_on\n{row}\n")


def test_spaces_around_a_field_do_not_count_but_in_a_password() -> None:
    (row,) = understood("username,password,plan\n budi , rahasia ,HOME20\n")
    assert (row.new.username, row.new.password) == ("budi", " rahasia ")


@pytest.mark.parametrize(
    ("written", "minor"), [("", 0), ("150000", 150_000), ("Rp150.000", 150_000), ("-20000", -20_000)]
)
def test_an_opening_balance_is_credit_or_debt(written: str, minor: int) -> None:
    (row,) = understood(f"username,plan,opening_balance\na,P,{written}\n")
    assert row.opening_balance_minor == minor


@pytest.mark.parametrize(
    ("installed_on", "billing_day", "active_until", "fees_from"),
    [
        ("", "", "", TODAY),
        ("2024-01-05", "", "", date(2026, 12, 5)),  # the former system has billed up to the 5th
        ("2024-01-05", "22", "", TODAY),  # today is the billing day
        ("2024-01-31", "31", "", date(2026, 11, 30)),
        ("2026-12-01", "", "", date(2026, 12, 1)),  # not installed yet
        ("2024-01-05", "", "2026-12-31", date(2027, 1, 1)),
        ("", "", "2025-01-01", TODAY),
    ],
)
def test_fees_begin_where_the_former_system_stopped(
    installed_on: str, billing_day: str, active_until: str, fees_from: date
) -> None:
    (row,) = understood(
        f"username,plan,installed_on,billing_day,active_until\na,P,{installed_on},{billing_day},{active_until}\n"
    )
    assert row.new.activated_on == fees_from


def test_a_report_of_rejected_rows_can_be_imported_as_it_is() -> None:
    (row,) = understood("line,reason,username,plan\n7,no plan has code 'X',a,P\n")
    assert row.new.username == "a"
