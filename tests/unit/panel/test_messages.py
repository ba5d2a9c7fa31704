"""Every sentence of the pages exists in both languages."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from netbilld.panel.i18n import LOCALES, load_catalogues

ROOT = Path(__file__).resolve().parents[3]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "messages.py"))


def _catalogue(locale: str) -> Catalog:
    with (ROOT / "web" / "locales" / locale / "messages.po").open("rb") as source:
        return read_po(source, locale=locale)


def _texts(value: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def test_the_indonesian_catalogue_misses_no_message(script: dict[str, Any]) -> None:
    known = _catalogue("id")
    missing = []
    for message in script["extracted"]():
        if not message.id:
            continue
        found = known.get(_texts(message.id)[0])
        if found is None or not any(_texts(found.string)):
            missing.append(message.id)
    assert missing == [], "run scripts/messages.py and translate these"


def test_a_translation_keeps_every_placeholder() -> None:
    for message in _catalogue("id"):
        if message.id:
            wanted = {name for text in _texts(message.id) for name in PLACEHOLDER.findall(text)}
            for text in _texts(message.string):
                assert set(PLACEHOLDER.findall(text)) == wanted, message.id


@pytest.mark.parametrize("locale", LOCALES)
def test_a_catalogue_is_written_as_the_script_writes_it(script: dict[str, Any], locale: str) -> None:
    as_kept = (ROOT / "web" / "locales" / locale / "messages.po").read_text("utf-8")
    assert script["text_of"](script["updated"](locale, script["extracted"]())) == as_kept, "run scripts/messages.py"


def test_both_languages_load_without_a_compile_step() -> None:
    catalogues = load_catalogues(ROOT / "web" / "locales")
    assert catalogues["id"].gettext("Overview") == "Ringkasan"
    assert catalogues["en"].gettext("Overview") == "Overview"
