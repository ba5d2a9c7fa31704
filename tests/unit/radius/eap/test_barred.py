"""Whoever has guessed too much proves nothing by EAP, whatever is kept of the password, and hears nothing by it."""

from dataclasses import replace

import pytest

from netbilld.radius.access import AccessView, Reason
from netbilld.radius.eap import proof
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.resumption import Remembered, credential_digest, is_unchanged
from tests.radius_requests import view

KEPT = view()
KEPT_AS = [
    KEPT,
    replace(KEPT, password=b""),
    replace(KEPT, nt_hash=b""),
    replace(KEPT, password=b"", nt_hash=b""),
]


@pytest.mark.parametrize("kept", KEPT_AS)
def test_neither_a_right_nor_a_wrong_proof_is_told_from_the_other(kept: AccessView) -> None:
    barred = replace(kept, barred=True)
    assert {
        proof.clear_text(barred, b"arctangent"),
        proof.clear_text(barred, b"wrong"),
        proof.chap(barred, bytes(17), bytes(16)),
        proof.mschap_v1(barred, bytes(50), bytes(8)),
        proof.mschap_v2(barred, bytes(50), bytes(16), b"nemo"),
    } == {Reason.TOO_MANY_TRIES}


def test_a_session_it_has_had_is_not_resumed() -> None:
    before = Remembered(EapType.PEAP, b"nemo", credential_digest(KEPT), 0.0)
    assert is_unchanged(before, KEPT)
    assert not is_unchanged(before, replace(KEPT, barred=True))
