"""An operator's own dictionary files: read beside ours, and every mistake named by file and line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.radius.dictionary import attribute_name, load, use_files

OWN = """
VENDOR Kandang 99999
BEGIN-VENDOR Kandang
ATTRIBUTE Kandang-Nomor 1 integer   # with a remark
VALUE Kandang-Nomor Satu 1
END-VENDOR Kandang
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "dictionary.own"
    path.write_text(OWN)
    yield path
    use_files([])


def test_a_file_of_ones_own_names_its_attributes(own: Path) -> None:
    assert attribute_name(99_999 << 8 | 1) == "Vendor-99999-Attr-1"
    use_files([own])
    assert attribute_name(99_999 << 8 | 1) == "Kandang-Nomor"
    assert attribute_name(1) == "User-Name"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ATRIBUTE Kandang-Nomor 1 integer", "'ATRIBUTE'"),
        ("ATTRIBUTE Kandang-Nomor satu integer", "satu"),
        ("ATTRIBUTE Kandang-Nomor 1 bilangan", "bilangan"),
        ("ATTRIBUTE Kandang-Nomor 1", "tokens"),
        ("ATTRIBUTE Kandang-Nomor 1 integer Sapi", "Sapi"),
        ("VALUE Tidak-Ada Satu 1", "Tidak-Ada"),
        ("VALUE Service-Type Satu", "VALUE"),
        ("VALUE Service-Type Satu satu", "satu"),
        ("VENDOR Kandang sembilan", "sembilan"),
        ("END-VENDOR Kandang", "Kandang"),
        ("$INCLUDE tidak-ada", "does not exist"),
    ],
)
def test_a_line_that_cant_be_read_names_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "dictionary.own"
    path.write_text(f"# mine\n\n{line}\n")
    with pytest.raises(InvalidInputError) as refusal:
        load([path])
    assert f"{path}, line 3" in str(refusal.value)
    assert problem in str(refusal.value)


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "inner").write_text("\nATTRIBUTE Kandang-Nomor satu integer\n")
    (tmp_path / "outer").write_text("$INCLUDE inner\n")
    with pytest.raises(InvalidInputError, match=r"inner, line 2"):
        load([tmp_path / "outer"])


def test_a_file_that_is_missing_no_text_or_includes_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        load([tmp_path / "nothing"])
    (tmp_path / "latin").write_bytes(b"\n# caf\xe9\n")
    with pytest.raises(InvalidInputError, match=r"latin, line 2: not UTF-8"):
        load([tmp_path / "latin"])
    (tmp_path / "loop").write_text("$INCLUDE loop\n")
    with pytest.raises(InvalidInputError, match="include each other"):
        load([tmp_path / "loop"])


def test_a_bad_file_changes_nothing(own: Path, tmp_path: Path) -> None:
    use_files([own])
    bad = tmp_path / "bad"
    bad.write_text("SALAH\n")
    with pytest.raises(InvalidInputError):
        use_files([bad])
    assert attribute_name(99_999 << 8 | 1) == "Kandang-Nomor"
