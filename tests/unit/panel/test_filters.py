from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from netbilld.panel.filters import Writer
from netbilld.panel.i18n import load_catalogues

LOCALES = Path(__file__).resolve().parents[3] / "web" / "locales"
AT = datetime(2026, 1, 5, 8, 2, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def indonesian() -> Writer:
    return Writer("id", "Asia/Jakarta", "IDR", load_catalogues(LOCALES)["id"])


@pytest.fixture(scope="module")
def english() -> Writer:
    return Writer("en", "Asia/Jakarta", "IDR", load_catalogues(LOCALES)["en"])


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_rupiah_has_dots_and_no_decimals(indonesian: Writer) -> None:
    assert indonesian.money(275_000) == "Rp275.000"
    assert indonesian.money(0) == "Rp0"
    assert indonesian.money(-1_500) == "\N{MINUS SIGN}Rp1.500"


def test_a_currency_with_cents_shows_them(indonesian: Writer, english: Writer) -> None:
    assert indonesian.money(1_234_567, "USD") == "US$12.345,67"
    assert english.money(1_234_505, "USD") == "US$12,345.05"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (12_400_000_000, "12,4 GB"),
        (300 * 10**9, "300 GB"),
        (1_250_000_000, "1,25 GB"),
        (2 * 10**12, "2 TB"),
    ],
)
def test_octets_are_decimal_and_short(indonesian: Writer, octets: int, text: str) -> None:
    assert _plain(indonesian.octets(octets)) == text


def test_rates_are_bits(indonesian: Writer, english: Writer) -> None:
    assert _plain(indonesian.rate(18_230_000)) == "18,2 Mbps"
    assert _plain(english.rate(512_000)) == "512 kbps"


def test_days_and_times_are_local(indonesian: Writer, english: Writer) -> None:
    assert indonesian.day(date(2026, 1, 5)) == "5 Januari 2026"
    assert _plain(indonesian.clock(AT)) == "15.02 WIB"
    assert _plain(english.clock(AT)) == "15:02 WIB"
    assert indonesian.day(datetime(2026, 1, 4, 17, 0, tzinfo=UTC)) == "5 Januari 2026"
    assert indonesian.moment(AT) == "5 Jan 2026, 15.02"


def test_spans_show_their_two_largest_parts(indonesian: Writer) -> None:
    assert _plain(indonesian.duration(timedelta(days=2, hours=3, minutes=4))) == "2 hari 3 jam"
    assert _plain(indonesian.duration(62)) == "1 mnt 2 dtk"
    assert _plain(indonesian.duration(0)) == "0 dtk"
    assert _plain(indonesian.seconds(0.4249)) == "0,42 s"
    assert _plain(indonesian.ago(AT - timedelta(seconds=1), AT)) == "baru saja"
    assert _plain(indonesian.ago(AT - timedelta(minutes=3), AT)) == "3 mnt lalu"


def test_a_share_reaches_a_hundred_only_when_used_up(indonesian: Writer) -> None:
    assert _plain(indonesian.percent(999, 1000)) == "99 %"
    assert _plain(indonesian.percent(1000, 1000)) == "100 %"
    assert _plain(indonesian.percent(1, 0)) == "0 %"


def test_a_period_is_shown_with_its_last_day_as_on_the_invoice(indonesian: Writer) -> None:
    filters = indonesian.filters()
    assert filters["day"](filters["day_before"](date(2026, 12, 11))) == "10 Desember 2026"
