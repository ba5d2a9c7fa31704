"""Every finding about a NAS can be said in both languages, with every figure that it needs."""

from string import Formatter

import pytest

from netbilld.enforcement.doctor.checks import CheckName, Result
from netbilld.services.doctor_words import RESULTS, SENTENCES, TITLES, DoctorTeller
from netbilld.services.explain_words import Locale
from tests.examined import NOW, examined, facts, findings
from tests.unit.enforcement.test_doctor import FAULTS

LOCALES: tuple[Locale, ...] = ("id", "en")


def test_both_languages_say_the_same_with_the_same_figures() -> None:
    indonesian, english = SENTENCES["id"], SENTENCES["en"]
    assert indonesian.keys() == english.keys()
    for cause, text in english.items():
        assert named(indonesian[cause]) == named(text), cause
    for locale in LOCALES:
        assert TITLES[locale].keys() == {name.value for name in CheckName}
        assert RESULTS[locale].keys() == {result.value for result in Result}


def named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("locale", LOCALES)
def test_everything_found_can_be_said(locale: Locale) -> None:
    teller = DoctorTeller(locale, "Asia/Jakarta")
    known = [finding for _, _, _, changed in FAULTS for finding in findings(facts(**changed)).values()]
    for finding in [*known, *findings(facts()).values(), *examined("pop1", NOW).findings]:
        said = teller.say(finding)
        assert said.text.endswith("."), finding
        assert "{" not in said.text


def test_a_clock_is_off_by_what_a_person_reads() -> None:
    english, indonesian = DoctorTeller("en", "UTC"), DoctorTeller("id", "UTC")
    slow = findings(facts(router=None, clock_off_seconds=3 * 86_400))["clock"]
    assert english.say(slow).text == "Its clock is 3 days slow."
    fast = findings(facts(router=None, clock_off_seconds=-7260))["clock"]
    assert indonesian.say(fast).text == "Jamnya terlalu cepat 2 jam 1 menit."
