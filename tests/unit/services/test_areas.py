"""Where somebody may look."""

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.services.areas import EVERYWHERE, MOST_AREAS, Areas, parse_areas


@pytest.mark.parametrize(
    ("area", "is_theirs"),
    [
        ("jabar/bandung", True),
        ("Jabar / BANDUNG/rw05", True),
        ("jabar/bandung barat", False),
        ("jabar", False),
        ("bandung", False),
        ("", False),
        (None, False),
    ],
)
def test_an_area_covers_what_is_below_it_and_nothing_else(area: str | None, is_theirs: bool) -> None:
    assert Areas(("jabar/bandung",)).include(area) is is_theirs


def test_without_areas_everything_is_theirs() -> None:
    assert EVERYWHERE.include(None)
    assert EVERYWHERE.include("jabar")
    assert not EVERYWHERE.is_limited


def test_areas_are_tidied_and_each_is_kept_once() -> None:
    assert parse_areas([" Jabar / Bandung ", "jabar/bandung", "DIY"]) == ("Jabar/Bandung", "DIY")


@pytest.mark.parametrize(
    "written", [[""], ["/"], ["  "], ["a\x01b"], ["x" * 101], [f"a{n}" for n in range(MOST_AREAS + 1)]]
)
def test_what_is_no_area_is_refused_and_never_becomes_everywhere(written: list[str]) -> None:
    with pytest.raises(InvalidInputError):
        parse_areas(written)
