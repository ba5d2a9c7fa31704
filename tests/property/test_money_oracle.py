"""INCA-3, INCA-31, BANG-2.3a: the program and a plain second implementation agree to the rupiah."""

import asyncio
import shutil
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.billing.tax import TaxPolicy
from netbilld.services.run_billing import RunBilling
from tests.money_oracle.drive import ZONE, Town
from tests.money_oracle.generate import world

SEEDS: Final = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
MONTHS: Final = 500
SOAK_MONTHS: Final = 10_000


def months_of(seed: int, template: Path) -> int:
    """Let a world live; return how many months of subscribers were billed something and compared."""

    async def run() -> int:
        with TemporaryDirectory() as name:
            shutil.copyfile(template, Path(name) / "netbilld.db")
            database = Database(sqlite_url(Path(name) / "netbilld.db"))
            try:
                billing = RunBilling(database, due_days=10, timezone=ZONE, tax=TaxPolicy(is_pkp=True))
                town = Town(database, world(seed), billing)
                await town.live()
                return town.months
            finally:
                await database.close()

    return asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SEEDS)
def test_five_hundred_months_of_random_subscribers_agree_with_the_oracle(
    seeds: tuple[int, ...], sqlite_template: Path
) -> None:
    assert sum(months_of(seed, sqlite_template) for seed in seeds) >= MONTHS / len(SEEDS)


@pytest.mark.soak
def test_ten_thousand_months_of_random_subscribers_agree_with_the_oracle(sqlite_template: Path) -> None:
    months, first = 0, time.time_ns() % 2**40
    for seed in count(first):
        months += months_of(seed, sqlite_template)
        if months >= SOAK_MONTHS:
            break
