"""Values as a person reads them."""

from datetime import UTC, datetime

import pytest

from netbilld.cli.cells import duration, local_time, octets


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (1_500_000_000, "1.50 GB"),
        (999_999_999, "1.00 GB"),
        (2**63 - 1, "9223.37 PB"),
    ],
)
def test_octets_get_a_decimal_unit(count: int, said: str) -> None:
    assert octets(count) == said


def test_instants_are_shown_in_local_time_and_durations_in_days() -> None:
    assert local_time(datetime(2026, 11, 22, 17, 30, tzinfo=UTC), "Asia/Jakarta") == "2026-11-23 00:30:00"
    assert local_time(None, "Asia/Jakarta") == ""
    assert duration(3 * 86_400 + 4 * 3600 + 5 * 60 + 6) == "3d 04:05:06"
