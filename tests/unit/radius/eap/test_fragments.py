"""TLS messages in pieces (RFC 5216 §2.1.5)."""

import pytest

from netbilld.radius.eap.fragments import MAX_MESSAGE_OCTETS, Outgoing, Reassembly
from netbilld.radius.eap.steps import Refused


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 195, 196, 1000, 65_536])
def test_what_is_cut_is_put_together_again(size: int) -> None:
    message = bytes(at % 251 for at in range(size))
    outgoing, reassembly = Outgoing(100), Reassembly()
    part = outgoing.send(message)
    while (whole := reassembly.take(part)) is None:
        assert len(part) <= 100
        assert outgoing.waiting
        part = outgoing.next()
    assert whole == message
    assert not outgoing.waiting


def test_only_the_first_of_several_says_how_long_the_whole_is() -> None:
    outgoing = Outgoing(100)
    first = outgoing.send(bytes(150))
    assert first[:5] == b"\xc0\0\0\0\x96"
    assert outgoing.next()[:1] == b"\0"
    assert Outgoing(100).send(bytes(99))[:1] == b"\0"


def test_an_empty_message_is_an_acknowledgement() -> None:
    assert Outgoing(100).send(b"") == b"\0"
    assert Reassembly().take(b"\0") == b""
    assert Reassembly().take(b"") == b"", "without flags, as some old peers do it"


def test_a_message_that_announces_too_much_is_refused_before_it_is_kept() -> None:
    refused = Reassembly().take(b"\xc0" + (MAX_MESSAGE_OCTETS + 1).to_bytes(4, "big") + b"x")
    assert isinstance(refused, Refused)


def test_a_message_that_grows_beyond_every_bound_without_saying_so_is_refused() -> None:
    reassembly = Reassembly()
    for _ in range(MAX_MESSAGE_OCTETS // 1024):
        assert reassembly.take(b"\x40" + bytes(1024)) is None
    assert isinstance(reassembly.take(b"\x40x"), Refused)


@pytest.mark.parametrize(
    ("fragments", "why"),
    [
        ([b"\x80\0\0"], "half a length"),
        ([b"\x40"], "a fragment with nothing in it"),
        ([b"\xc0\0\0\0\4ab", b"\0c"], "shorter than announced"),
        ([b"\xc0\0\0\0\4ab", b"\0cde"], "longer than announced"),
        ([b"\xc0\0\0\0\4ab", b"\x80\0\0\0\5cd"], "another length on the way"),
        ([b"\x20"], "a start from the peer"),
        ([b"\x01abc"], "version 1 of PEAP"),
    ],
)
def test_what_breaks_the_rules_is_refused(fragments: list[bytes], why: str) -> None:
    reassembly = Reassembly()
    *before, last = fragments
    assert all(reassembly.take(part) is None for part in before)
    assert isinstance(reassembly.take(last), Refused), why


def test_the_length_may_stand_in_every_fragment() -> None:
    reassembly = Reassembly()
    assert reassembly.take(b"\xc0\0\0\0\4ab") is None
    assert reassembly.take(b"\x80\0\0\0\4cd") == b"abcd"
