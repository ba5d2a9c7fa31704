"""Every cause can be said, in both languages, with the same figures."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest

import netbilld.enforcement.explain as explain_module
from netbilld.enforcement.explain import Check, CheckName, State, Value
from netbilld.services.explain_english import ENGLISH, Words
from netbilld.services.explain_indonesian import INDONESIAN
from netbilld.services.explain_words import STATES, TITLES, Teller

NOW = datetime(2026, 11, 22, 8, 2, tzinfo=UTC)


def figures(words: Words) -> set[str]:
    parts = (*words.text, *words.action)
    return {name for part in parts for _text, name, _spec, _conversion in Formatter().parse(part) if name}


def test_both_languages_know_the_same_causes_and_figures() -> None:
    assert ENGLISH.keys() == INDONESIAN.keys()
    for cause, words in ENGLISH.items():
        assert figures(words) == figures(INDONESIAN[cause]), cause


def test_every_cause_that_the_checks_name_has_its_words() -> None:
    source = Path(explain_module.__file__).read_text("utf-8")
    named = set(re.findall(r"State\.\w+(?: if \w+ else State\.\w+)?, \"(\w+)\"", source))
    named |= set(re.findall(r"cause = \"(\w+)\"", source))
    assert len(named) > 30
    assert named <= ENGLISH.keys(), named - ENGLISH.keys()


def test_every_check_and_state_has_a_name() -> None:
    for locale in ("id", "en"):
        assert TITLES[locale].keys() == {name.value for name in CheckName}
        assert STATES[locale].keys() == {state.value for state in State}


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("id", "Tagihan Rp275.000 lewat jatuh tempo sejak 10 Nov 2026. Hanya halaman isolir yang terbuka."),
        ("en", "Rp275,000 is past its due date since 10 Nov 2026. Only the walled garden is open."),
    ],
)
def test_money_and_days_are_written_as_people_write_them(locale: str, text: str) -> None:
    values: dict[str, Value] = {"overdue_minor": 275_000, "due_on": date(2026, 11, 10), "access": "walled"}
    check = Check(CheckName.MONEY, State.BLOCKING, "overdue", values)
    teller = Teller("id" if locale == "id" else "en", "Asia/Jakarta", "IDR")
    assert teller.say(check).text == text


def test_what_is_not_known_is_left_out() -> None:
    check = Check(CheckName.PASSWORD, State.BLOCKING, "wrong_password", {"at": NOW, "username": "budi", "mac": None})
    said = Teller("id", "Asia/Jakarta", "IDR").say(check)
    assert said.text == "Kata sandi salah pada 22 Nov 2026 15.02."
    assert "set budi --password-stdin" in said.action


def test_a_name_from_the_network_moves_no_cursor() -> None:
    check = Check(CheckName.ACCOUNT, State.BLOCKING, "unknown_user", {"username": "\x1b[2Jbudi"})
    assert "\x1b" not in Teller("en", "UTC", "IDR").say(check).text


def test_braces_in_a_name_are_only_text() -> None:
    check = Check(CheckName.ACCOUNT, State.BLOCKING, "unknown_user", {"username": "{at}{0}"})
    assert "{at}{0}" in Teller("en", "UTC", "IDR").say(check).text
