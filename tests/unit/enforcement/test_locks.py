"""Locks: what fits, what does not, and what a first log-in may teach."""

from uuid import UUID

import pytest

from netbilld.enforcement.locks import lesson, misfit
from netbilld.model.service_lock import LockKind
from netbilld.radius.location import Location

POP1, POP2 = UUID(int=1), UUID(int=2)
HOME = Location("BC:24:11:00:00:01", "100", "ether5")


def locked(**values: str) -> dict[LockKind, frozenset[str]]:
    return {kind: frozenset(said.split("|")) for kind, said in values.items()}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("locks", "wrong"),
    [
        ({}, None),
        (locked(mac="BC:24:11:00:00:01"), None),
        (locked(mac="BC:24:11:00:00:02|BC:24:11:00:00:01"), None),
        (locked(mac="BC:24:11:00:00:02"), "mac"),
        (locked(vlan="100", nas_port="ether6"), "nas_port"),
        (locked(vlan="100.200"), "vlan"),
        (locked(nas=str(POP1)), None),
        (locked(nas=str(POP2), mac="BC:24:11:00:00:02"), "nas"),
    ],
)
def test_the_first_kind_that_does_not_fit_is_named(
    locks: dict[LockKind, frozenset[str]], wrong: LockKind | None
) -> None:
    assert misfit(locks, HOME, POP1) == wrong


def test_what_the_nas_does_not_say_fits_no_lock() -> None:
    assert misfit(locked(mac="BC:24:11:00:00:01"), Location(None, None, None), POP1) == "mac"


def test_a_randomised_mac_is_never_learned() -> None:
    assert lesson("mac", Location("DA:A1:19:00:00:01", None, None), POP1) is None
    assert lesson("mac", HOME, POP1) == "BC:24:11:00:00:01"
    assert lesson("vlan", HOME, POP1) == "100"
    assert lesson("nas_port", Location(None, None, None), POP1) is None
    assert lesson("nas", HOME, POP1) == str(POP1)
