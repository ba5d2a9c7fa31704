import csv
import io
from datetime import UTC, date, datetime

import openpyxl
import pytest

from netbilld.services.sheets import Sheet, written

SHEET = Sheet(
    "usage",
    ("on", "at", "name", "octets", "none"),
    [
        (date(2026, 3, 1), datetime(2026, 3, 1, 17, 5, tzinfo=UTC), "Budi, “Rumah” 1", 2**40, None),
        (date(2026, 3, 2), datetime(2026, 3, 2, 17, 5, tzinfo=UTC), "=cmd|'/c calc'!A1", 2**53, None),
    ],
    "Asia/Jakarta",
)


def test_csv_has_local_time_and_whole_octets() -> None:
    """BANG-2.5d."""
    rows = list(csv.reader(io.StringIO(written(SHEET, "csv").decode(), newline="")))
    assert rows[0] == ["on", "at", "name", "octets", "none"]
    assert rows[1] == ["2026-03-01", "2026-03-02 00:05:00+07:00", "Budi, “Rumah” 1", "1099511627776", ""]


def test_a_workbook_opens_elsewhere_with_numbers_days_and_moments() -> None:
    page = openpyxl.load_workbook(io.BytesIO(written(SHEET, "xlsx"))).active
    assert page is not None
    rows = list(page.iter_rows(values_only=True))
    assert rows[0] == ("on", "at", "name", "octets", "none")
    assert rows[1] == (datetime(2026, 3, 1), datetime(2026, 3, 2, 0, 5), "Budi, “Rumah” 1", 2**40, None)  # noqa: DTZ001
    assert rows[2][3] == str(2**53)  # more than a spreadsheet counts exactly


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_name_that_looks_like_a_formula_runs_nothing(kind: str) -> None:
    if kind == "csv":
        assert "'=cmd" in written(SHEET, "csv").decode()
        return
    page = openpyxl.load_workbook(io.BytesIO(written(SHEET, "xlsx"))).active
    assert page is not None
    assert page["C3"].data_type == "s"
