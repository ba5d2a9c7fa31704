"""INCA-3, INCA-31, BANG-2.3a: the program and a plain second implementation agree to the rupiah."""

import asyncio
import shutil
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.services.run_billing import RunBilling
from tests.money_oracle.drive import TAX, ZONE, Town
from tests.money_oracle.generate import World, allowance_world, prepaid_world, shared_world, world
from tests.money_oracle.kiosk import Kiosk
from tests.money_oracle.till import DUE_DAYS

LIVES: Final = 60  # a run costs little more for many than for few
MONTHS: Final = 500
SOAK_MONTHS: Final = 10_000
OTHERS: Final = ((allowance_world, Town), (shared_world, Town), (prepaid_world, Kiosk))


def months_of(made: World, template: Path, kind: type[Town] = Town) -> int:
    """Let a world live; return how many months of subscribers were billed something and compared."""

    async def run() -> int:
        with TemporaryDirectory() as name:
            shutil.copyfile(template, Path(name) / "netbilld.db")
            database = Database(sqlite_url(Path(name) / "netbilld.db"))
            try:
                billing = RunBilling(database, due_days=DUE_DAYS, timezone=ZONE, tax=TAX)
                town = kind(database, made, billing)
                await town.live()
                return town.months
            finally:
                await database.close()

    return asyncio.run(run())


@pytest.mark.slow
def test_five_hundred_months_of_random_subscribers_agree_with_the_oracle(sqlite_template: Path) -> None:
    assert months_of(world(1, lives=2 * LIVES), sqlite_template) >= MONTHS


@pytest.mark.slow
@pytest.mark.parametrize(("make", "kind"), OTHERS)
def test_allowances_households_and_what_is_bought_from_a_wallet_agree_with_the_oracle(
    make: Callable[[int], World], kind: type[Town], sqlite_template: Path
) -> None:
    """BANG-2.2f."""
    assert months_of(make(1), sqlite_template, kind) >= 20


@pytest.mark.soak
def test_ten_thousand_months_of_random_subscribers_agree_with_the_oracle(sqlite_template: Path) -> None:
    months, first = 0, time.time_ns() % 2**40
    for seed in count(first):
        months += months_of(world(seed, lives=LIVES), sqlite_template)
        if months >= SOAK_MONTHS:
            break


@pytest.mark.soak
@pytest.mark.parametrize(("make", "kind"), OTHERS)
def test_many_more_allowances_households_and_wallets_agree_with_the_oracle(
    make: Callable[[int], World], kind: type[Town], sqlite_template: Path
) -> None:
    first = time.time_ns() % 2**40
    assert sum(months_of(make(seed), sqlite_template, kind) for seed in range(first, first + 20)) >= 400
