"""Three years of fifty subscribers: the exercise book, the tables and the program say the same, to the rupiah."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from netbilld.adapters.database.engine import Database
from tests.furnished import opened_copy
from tests.simulation.three_years import expected, story
from tests.simulation.three_years.afterwards import assert_pages_agree, assert_what_if_agrees
from tests.simulation.three_years.paper import Book, Months
from tests.simulation.three_years.town import Town

COLUMNS = ("bills", "invoiced", "credited", "ppn", "late fees", "paid", "written off", "isolir", "owed", "credit")


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One of the two: each query has its test on both, and three years take their time."""
    async with opened_copy(sqlite_template, tmp_path) as opened:

        @event.listens_for(opened.engine.sync_engine, "connect")
        def hurry(connection: Any, _record: object) -> None:  # nobody pulls the plug here
            connection.execute("PRAGMA synchronous=OFF")

        yield opened


def months_of(found: Months) -> list[str]:
    return [" | ".join([month, *(str(figures[name]) for name in COLUMNS)]) for month, figures in found.items()]


def plain(table: str) -> list[str]:
    """Return the rows of a table without its head, and without the blanks that line it up."""
    return [" | ".join(cell.strip() for cell in row.split("|")) for row in table.strip().splitlines()[1:]]


def lives_of(found: dict[str, list[str]]) -> list[str]:
    return [row for name in story.NAMED for row in (name, *found[name])]


def test_the_tables_are_what_the_exercise_book_says() -> None:
    book = Book().live()
    assert len(story.PEOPLE) == 50
    assert months_of(book.months) == plain(expected.MONTHS)
    assert lives_of(book.lives) == expected.LIVES.strip().splitlines()


@pytest.mark.soak  # two minutes of CPU; the tables themselves are held against the exercise book in every run
async def test_three_years_of_an_rt_rw_net_come_to_the_rupiah_of_the_tables(database: Database) -> None:
    """KAMIL-5, BANG-2.2g, BANG-2.3d, BANG-2.6c, INCA-8, INCA-24, INCA-30."""
    awaited = plain(expected.MONTHS)

    def told(month: str, figures: Counter[str]) -> None:
        assert months_of({month: figures}) == [awaited.pop(0)]

    town = await Town(database).live(told)
    assert awaited == []
    assert lives_of(town.lives) == expected.LIVES.strip().splitlines()
    await assert_pages_agree(database)
    await assert_what_if_agrees(database)
