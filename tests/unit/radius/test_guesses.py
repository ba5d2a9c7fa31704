"""A guesser is slowed, the subscriber is not locked out (a simulated clock)."""

from uuid import UUID

import pytest

from netbilld.radius import guesses as limits
from netbilld.radius.guesses import Guesses

NAS, OTHER_NAS = UUID(int=1), UUID(int=2)
HOME, THIEF = b"AA:BB:CC:00:00:01", b"AA:BB:CC:00:00:66"


def tried(guesses: Guesses, station: bytes, number: int, *, name: str = "budi", every: float = 0.1) -> int:
    """Return how many of so many wrong tries were looked at."""
    looked_at = 0
    for at in range(number):
        if guesses.may_try(name, NAS, station, at * every):
            guesses.wrong(name, NAS, station, at * every)
            looked_at += 1
    return looked_at


def test_a_guesser_is_looked_at_no_more_often_than_its_tries_are_forgotten() -> None:
    guesses = Guesses()
    seconds = 60.0
    looked_at = tried(guesses, THIEF, 6_000, every=0.01)
    assert looked_at <= limits.TRIES_OF_A_DEVICE + seconds / limits.SECONDS_A_TRY + 1


def test_what_a_guesser_does_never_keeps_the_subscriber_s_own_device_out() -> None:
    guesses = Guesses()
    guesses.right("budi", NAS, HOME)
    for device in range(100):
        tried(guesses, b"thief %d" % device, 50)
    assert not guesses.may_try("budi", NAS, b"another", 5.0)
    assert guesses.may_try("budi", NAS, HOME, 5.0)
    assert not guesses.wrong("budi", NAS, HOME, 5.0)  # not even a Reject of theirs waits
    assert guesses.may_try("budi", OTHER_NAS, b"new modem", 5.0)
    assert guesses.may_try("siti", NAS, b"new modem", 5.0)


def test_a_guesser_with_ever_new_addresses_is_slowed_by_the_name() -> None:
    guesses = Guesses()
    looked_at = 0
    for number in range(3_000):
        station = b"station %d" % number
        if guesses.may_try("budi", NAS, station, number / 100):
            guesses.wrong("budi", NAS, station, number / 100)
            looked_at += 1
    assert looked_at <= limits.TRIES_OF_STRANGERS + 30 / limits.SECONDS_A_TRY + 1


def test_a_device_that_tries_many_names_is_slowed_by_its_address() -> None:
    guesses = Guesses()
    looked_at = 0
    for number in range(3_000):
        name = b"voucher%d" % number
        if guesses.may_try(name, NAS, THIEF, number / 100):
            guesses.wrong(name, NAS, THIEF, number / 100)
            looked_at += 1
    assert looked_at <= limits.TRIES_AT_ALL + 30 / limits.SECONDS_A_TRY + 1
    guesses.right("siti", NAS, THIEF)  # whoever has once got in from this device still does
    assert guesses.may_try("siti", NAS, THIEF, 30.0)


def test_a_device_that_tries_many_names_waits_although_each_name_is_new() -> None:
    guesses = Guesses()
    slow = [guesses.wrong(b"voucher%d" % number, NAS, THIEF, number / 100) for number in range(8)]
    assert slow == [False] * limits.PATIENCE_TRIES + [True] * 3


def test_getting_in_forgives_the_device_its_tries_with_that_name() -> None:
    guesses = Guesses()
    assert tried(guesses, HOME, limits.TRIES_OF_A_DEVICE - 1, every=0.01) == limits.TRIES_OF_A_DEVICE - 1
    guesses.right("budi", NAS, HOME)
    assert tried(guesses, HOME, limits.TRIES_OF_A_DEVICE - 1, every=0.01) == limits.TRIES_OF_A_DEVICE - 1


def test_a_modem_with_an_old_password_is_neither_refused_nor_delayed() -> None:
    guesses = Guesses()
    for number in range(500):
        assert guesses.may_try("budi", NAS, HOME, number * 5.0)
        assert not guesses.wrong("budi", NAS, HOME, number * 5.0)


def test_somebody_who_mistypes_a_few_times_waits_for_nothing_and_then_a_little() -> None:
    guesses = Guesses()
    slow = [guesses.wrong("budi", NAS, HOME, number * 1.0) for number in range(8)]
    assert slow[: limits.PATIENCE_TRIES] == [False] * limits.PATIENCE_TRIES
    assert slow[-1]
    assert guesses.may_try("budi", NAS, HOME, 8.0)
    guesses.right("budi", NAS, HOME)
    assert not guesses.wrong("budi", NAS, HOME, 40.0)


def test_where_a_nas_reports_no_station_nobody_is_refused() -> None:
    guesses = Guesses()
    assert tried(guesses, b"", 1_000, every=0.001) == 1_000
    assert guesses.wrong("budi", NAS, b"", 1.0)


def test_tries_are_forgotten() -> None:
    guesses = Guesses()
    tried(guesses, THIEF, 100, every=0.01)
    assert not guesses.may_try("budi", NAS, THIEF, 1.0)
    assert guesses.may_try("budi", NAS, THIEF, 40.0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WATCHED", 100)
    monkeypatch.setattr(limits, "MAX_FAMILIAR", 100)
    guesses = Guesses()
    for number in range(5_000):
        guesses.wrong(b"name %d" % number, NAS, b"station %d" % number, number / 1000)
        guesses.wrong("budi", NAS, b"station %d" % number, number / 1000)
        guesses.right(f"name {number}", NAS, HOME)
    assert len(guesses) <= 200
    assert len(guesses._familiar) + len(guesses._familiar_before) <= 202
    assert max(len(tries) for tries in guesses._names.values()) <= limits.MAX_SOURCES_OF_A_NAME + 1


def test_after_a_restart_the_device_with_a_session_is_known_however_its_address_is_written() -> None:
    guesses = Guesses()
    guesses.remember("budi", b"aa:bb:cc:00:00:01")
    for device in range(100):
        tried(guesses, b"thief %d" % device, 50)
    assert guesses.may_try("budi", NAS, HOME, 5.0)
    assert not guesses.may_try("budi", NAS, b"AA:BB:CC:00:00:02", 5.0)
    guesses.right("budi", NAS, b"new modem")
    guesses.remember("budi", HOME)  # what is known from a log-in of now is newer
    assert guesses.may_try("budi", NAS, b"new modem", 5.0)
    assert not guesses.may_try("budi", NAS, HOME, 5.0)


def test_when_many_names_are_familiar_the_older_half_is_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FAMILIAR", 2)
    guesses = Guesses()
    for name in ("budi", "siti", "wati"):  # one too many: a new half is begun
        guesses.right(name, NAS, HOME)
    for device in range(100):
        tried(guesses, b"thief %d" % device, 50)
    assert guesses.may_try("budi", NAS, HOME, 5.0)
    assert not guesses.may_try("budi", NAS, b"another", 5.0)
    for name in ("one", "two", "three"):
        guesses.remember(name, HOME)
    assert len(guesses._familiar) == 2


def test_room_is_made_of_what_is_forgotten_before_anybody_is_let_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WATCHED", 2)
    guesses = Guesses()
    guesses.wrong("long ago", NAS, b"", 0.0)
    for _ in range(limits.TRIES_OF_A_DEVICE + 1):
        guesses.wrong("budi", NAS, THIEF, 100.0)
    guesses.wrong("siti", NAS, b"", 100.0)
    assert not guesses.may_try("budi", NAS, THIEF, 100.0)
