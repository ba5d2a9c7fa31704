import argparse
from pathlib import Path

import pytest

from benchmarks.large import measure


@pytest.mark.soak
@pytest.mark.peer
def test_a_small_town_is_made_and_what_its_pages_sum_up_equals_the_slices(tmp_path: Path) -> None:
    """What `make bench-large` does with 50 million slices; how fast it is, is for that to say."""
    options = argparse.Namespace(slices=20_000, services=200, nas=5, months=3, check_days=2, times=1, settle_seconds=0)
    figures, bars = measure(tmp_path, options)
    assert figures["differences"] == []
    assert figures["slices"] == 20_000
    assert any(bar.name.startswith("top 100") for bar in bars)
